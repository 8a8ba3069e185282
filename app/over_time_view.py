"""How the estimate came about while the record unfolded."""

from __future__ import annotations

import streamlit as st

from app import explanations, figures, state, text, unfolding_view
from app.views import Case
from app.widgets import boundary, draw, heading

TITLE, KEPT = "Show the estimate in the seconds before the alarm", "alarm_over_time"


@st.fragment
def over_time(opened: Case) -> None:
    """The estimate at each moment from what was known by then. Of an alarm only when asked for: its thirty windows take
    as long as everything else on the page together."""
    with boundary():
        heading("Over time", "over_time")
        if opened.prepared.meta.alarm is not None and not unfolding_view.asked(TITLE, KEPT):
            return
        with st.spinner("Asking the model what it would have said earlier …"):
            found = explanations.trajectory(opened)
        if len(found.times) < 2:
            st.info("Too little was recorded before the end for an earlier estimate.", icon=":material/info:")
            return
        a = opened.analysis
        drawing = figures.risk_over_time(
            found.times, found.found.risks, a.base_rate, opened.noun, found.unit, found.first_known, dark=state.dark()
        )
        draw(drawing, "over_time")
        if opened.prepared.meta.alarm is not None:
            st.caption(text.ALARM_TYPE_LAST)
