"""The signal of a record on the page: ECG paper with a window to move, or trends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import streamlit as st

from app import figures, services, signals, state, text
from app.figures import TrendPanel
from app.views import Case
from app.widgets import boundary, draw

COLUMNS = 3
LENGTHS = (5, 10, 20, 30)
ZOOMS = {1.0: "Life size", 0.5: "Half size", 1.5: "Large"}
HOURS = 48.0
LENGTH, ZOOM = "window_length", "window_zoom"


@st.fragment
def waveforms(
    opened: Case,
    attributions: Mapping[str, np.ndarray] | None = None,
    place: str = "patient",
    magnitude: str = "",
) -> None:
    """Every lead at its own rate, the alarm and what the model saw marked; start, length and size to set.

    magnitude: what attributions without a sign are called; empty for those with one.
    """
    with boundary():
        schema = services.schema(opened.listing.task)
        strips = signals.strips(opened.record, opened.prepared, schema, attributions)
        alarm = opened.prepared.meta.alarm
        if alarm is None or not any(strip.recorded for strip in strips):
            st.info("No waveform was recorded.")
            return
        sounded = alarm.hours * 3600
        start, length, zoom = _window(opened, sounded, place)
        st.caption(
            f"{text.clock(start)} to {text.clock(start + length)}; the alarm sounded at {text.clock(sounded)}. "
            f"{figures.waveform_key(strips, length, zoom, magnitude)} "
            "**Where the paper is wider than the screen, scroll it sideways: it opens at its right end.**"
        )
        drawing = figures.waveforms(
            strips,
            start,
            length,
            alarm_s=sounded,
            window_s=signals.window_s(opened.prepared, schema),
            zoom=zoom,
            dark=state.dark(),
            magnitude=magnitude,
        )
        draw(drawing, f"waveforms_{place}")


def _window(opened: Case, sounded: float, place: str) -> tuple[float, float, float]:
    """Start and length in seconds and the zoom, as set on any page; until a start is set the alarm is in sight.

    The settings live under names of their own: Streamlit forgets a widget's on every page that does not show it.
    """
    start_name = f"window_start:{opened.digest}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length_key, zoom_key = (
            _restored(f"{name}:{place}", st.session_state.get(name, first))
            for name, first in ((LENGTH, 10), (ZOOM, 1.0))
        )
        st.segmented_control(
            "Seconds shown", LENGTHS, required=True, key=length_key, on_change=partial(_keep, LENGTH, length_key)
        )
        st.segmented_control(
            "Size",
            list(ZOOMS),
            required=True,
            format_func=ZOOMS.__getitem__,
            key=zoom_key,
            on_change=partial(_keep, ZOOM, zoom_key),
            help="Life size is 25 mm/s and 10 mm/mV on a screen of 96 pixels per inch. It never follows the window.",
        )
        st.button(
            "Jump to the alarm",
            key=f"jump:{place}",
            icon=":material/notifications:",
            on_click=lambda: st.session_state.pop(start_name, None),
        )
    length, zoom = st.session_state[length_key], st.session_state[zoom_key]
    last = signals.last_start(opened.record, length)
    wanted = st.session_state.get(start_name, signals.before(sounded, length))
    start_key = _restored(f"{start_name}:{place}", min(wanted, last))
    start = st.slider(
        "Start, seconds from the beginning of the record",
        0.0,
        last,
        step=1.0,
        format="%d s",
        key=start_key,
        on_change=partial(_keep, start_name, start_key),
    )
    return start, length, zoom


def _restored(key: str, kept: float) -> str:
    """The widget's key, which now holds the kept value. Where it does already it is not set again: the browser would
    take that for an order, and a slider under a hand would jump back."""
    if st.session_state.get(key) != kept:
        st.session_state[key] = kept
    return key


def _keep(name: str, key: str) -> None:
    st.session_state[name] = st.session_state[key]


def trends(opened: Case) -> None:
    """All charted values at the times they were charted."""
    schema = services.schema(opened.listing.task)
    panels = signals.charted(opened.record, schema, HOURS)
    trend_columns(panels, "trend", schema.reference_source)


def trend_columns(panels: Sequence[TrendPanel], key: str, reference: str = "", magnitude: str = "") -> None:
    """Panels in columns that stack on a phone, each column one chart, attributions on one scale, explained once."""
    parts, scale = signals.balanced(panels, COLUMNS), figures.largest_attribution(panels)
    st.caption(figures.trend_key(panels, scale, reference, magnitude))
    for k, (column, part) in enumerate(zip(st.columns(len(parts)), parts, strict=True)):
        with column:
            drawing = figures.trends(
                part, hours=HOURS, columns=1, dark=state.dark(), scale=scale, with_key=False, magnitude=magnitude
            )
            draw(drawing, f"{key}_{k}")


def signal(opened: Case) -> None:
    """Waveforms or trends, whichever the record's task is about."""
    if any(spec.kind == "waveform" for spec in services.schema(opened.listing.task).modalities):
        waveforms(opened)
    else:
        trends(opened)
