"""The signal of a record on the page: ECG paper with a window to move, or trends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


@st.fragment
def waveforms(opened: Case, attributions: Mapping[str, np.ndarray] | None = None, place: str = "patient") -> None:
    """Every recorded lead at its own rate, the alarm and what the model saw marked; start, length and size to set."""
    with boundary():
        schema = services.schema(opened.listing.task)
        strips = signals.strips(opened.record, opened.prepared, schema, attributions)
        alarm = opened.prepared.meta.alarm
        if not strips or alarm is None:
            st.info("No waveform was recorded.")
            return
        sounded = alarm.hours * 3600
        start, length, zoom = _window(opened, sounded, place)
        drawing = figures.waveforms(
            strips,
            start,
            length,
            alarm_s=sounded,
            window_s=signals.window_s(opened.prepared, schema),
            zoom=zoom,
            dark=state.dark(),
        )
        draw(drawing, f"waveforms_{place}")


def _window(opened: Case, sounded: float, place: str) -> tuple[float, float, float]:
    """Start and length in seconds and the zoom, as set on the page; at first the alarm is in sight."""
    key = f"start:{place}:{opened.digest}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length = st.segmented_control("Seconds shown", LENGTHS, default=10, required=True, key=f"length:{place}")
        zoom = st.segmented_control(
            "Size",
            list(ZOOMS),
            default=1.0,
            required=True,
            format_func=ZOOMS.__getitem__,
            key=f"zoom:{place}",
            help="Life size is 25 mm/s and 10 mm/mV on a screen of 96 pixels per inch. It never follows the window.",
        )
        st.button(
            "Jump to the alarm",
            key=f"jump:{place}",
            icon=":material/notifications:",
            on_click=lambda: st.session_state.update({key: signals.before(sounded, length)}),
        )
    last = signals.last_start(opened.record, length)
    st.session_state[key] = min(st.session_state.get(key, signals.before(sounded, length)), last)
    start = st.slider("Start, seconds from the beginning of the record", 0.0, last, step=1.0, format="%d s", key=key)
    st.caption(f"{text.clock(start)} to {text.clock(start + length)}; the alarm sounded at {text.clock(sounded)}.")
    return start, length, zoom


def trends(opened: Case) -> None:
    """All charted values at the times they were charted."""
    schema = services.schema(opened.listing.task)
    panels = signals.charted(opened.record, schema, HOURS)
    st.caption(
        f"The first {HOURS:.0f} hours. Shaded, where there is one: reference interval for adults "
        f"({schema.reference_source})."
    )
    trend_columns(panels, "trend")


def trend_columns(panels: Sequence[TrendPanel], key: str) -> None:
    """Panels in columns that stack on a phone, each column one chart, attributions on one scale."""
    parts, scale = signals.balanced(panels, COLUMNS), figures.largest_attribution(panels)
    for k, (column, part) in enumerate(zip(st.columns(len(parts)), parts, strict=True)):
        with column:
            draw(figures.trends(part, hours=HOURS, columns=1, dark=state.dark(), scale=scale), f"{key}_{k}")


def signal(opened: Case) -> None:
    """Waveforms or trends, whichever the record's task is about."""
    if any(spec.kind == "waveform" for spec in services.schema(opened.listing.task).modalities):
        waveforms(opened)
    else:
        trends(opened)
