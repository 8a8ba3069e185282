"""The signal of a record on the page: ECG paper with a window to move, or trends (`trends_view`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from app import address, figures, services, signals, state, text, trends_view, window
from app.views import Case
from app.widgets import boundary, draw

LENGTHS = (5.0, 10.0, 20.0, 30.0)
LENGTH, ZOOM = "window_length", "window_zoom"
SCALE_HELP = (
    "Life size is 25 mm/s and 10 mm/mV on a screen of 96 pixels per inch. It never follows the window. Overview fits "
    "the window into the width of a screen: time is compressed, and the scale says by how much."
)


@st.fragment
def waveforms(
    opened: Case,
    attributions: Mapping[str, np.ndarray] | None = None,
    place: str = "patient",
    magnitude: str = "",
    blind: bool = False,
) -> None:
    """Every lead at its own rate, the alarm and what the model saw marked; start, length and size to set.

    magnitude: what attributions without a sign are called; empty for those with one. blind: no way from here to what
    the model says.
    """
    with boundary():
        schema = services.schema(opened.listing.task)
        strips = signals.strips(opened.record, opened.prepared, schema, attributions)
        alarm = opened.prepared.meta.alarm
        if alarm is None or not any(strip.recorded for strip in strips):
            st.info("No waveform was recorded.")
            return
        sounded = alarm.hours * 3600
        start, length, zoom = _window(opened, sounded, place, blind)
        overview = window.squeezed(length, zoom)
        scale = 1.0 if overview else zoom
        st.caption(
            f"{text.clock(start)} to {text.clock(start + length)}; {text.sounded(sounded, opened.assumed)}. "
            f"{figures.waveform_key(strips, length, scale, magnitude, overview)} "
            "**Where the paper is wider than the screen, scroll it sideways: it opens at its right end.**"
        )
        drawing = figures.waveforms(
            strips,
            start,
            length,
            alarm_s=sounded,
            window_s=signals.window_s(opened.prepared, schema),
            zoom=scale,
            dark=state.dark(),
            magnitude=magnitude,
            overview=overview,
            assumed=opened.assumed,
        )
        draw(drawing, f"waveforms_{place}")


def _window(opened: Case, sounded: float, place: str, blind: bool) -> tuple[float, float, float]:
    """Start and length in seconds and the zoom, as set on any page; until they are set the alarm is in sight.

    The settings live under names of their own: Streamlit forgets a widget's on every page that does not show it.
    """
    name = address.window_key(opened.digest)
    first = (signals.before(sounded, LENGTHS[1]), LENGTHS[1])
    wanted, length = state.kept(name, first)
    length = min(length, max(signals.span_s(opened.record), 1.0))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length_key = _restored(f"{LENGTH}:{place}", length)
        zoom_key = _restored(f"{ZOOM}:{place}", state.kept(ZOOM, 1.0))
        st.segmented_control(
            "Seconds shown",
            sorted({*LENGTHS, length}),
            required=True,
            format_func=lambda seconds: f"{seconds:g}",
            key=length_key,
            on_change=lambda: state.keep(
                name, signals.resized(st.session_state[length_key], (wanted, length), sounded)
            ),
        )
        size_control(zoom_key)
        st.button(
            "Jump to the alarm",
            key=f"jump:{place}",
            icon=":material/notifications:",
            on_click=lambda: state.keep(name, (signals.before(sounded, length), length)),
        )
        if not blind:
            st.page_link("pages/signals.py", label="Whole recording", icon=":material/ecg_heart:")
    last = signals.last_start(opened.record, length)
    start_key = _restored(f"{name}:{place}", min(wanted, last))
    start = st.slider(
        "Start, seconds from the beginning of the record",
        0.0,
        last,
        step=1.0,
        format="%d s",
        key=start_key,
        on_change=lambda: state.keep(name, (st.session_state[start_key], length)),
    )
    return start, length, st.session_state[zoom_key]


def size_control(key: str) -> None:
    """The scale of the paper, one choice for all pages. key: of the widget, which already holds what was kept."""
    st.segmented_control(
        "Size",
        list(window.ZOOMS),
        required=True,
        format_func=window.ZOOMS.__getitem__,
        key=key,
        on_change=state.keep_widget,
        args=(ZOOM, key),
        help=SCALE_HELP,
    )


def _restored(key: str, kept: float) -> str:
    """The widget's key, which now holds the kept value. Where it does already it is not set again: the browser would
    take that for an order, and a slider under a hand would jump back."""
    if st.session_state.get(key) != kept:
        st.session_state[key] = kept
    return key


def signal(opened: Case, place: str = "patient", blind: bool = False) -> None:
    """Waveforms or trends, whichever the record's task is about. blind: without anything that the model says."""
    if any(spec.kind == "waveform" for spec in services.schema(opened.listing.task).modalities):
        waveforms(opened, place=place, blind=blind)
    else:
        trends_view.trends(opened, blind)
