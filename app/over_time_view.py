"""How the estimate came about while the record unfolded."""

from __future__ import annotations

import streamlit as st

from app import explanations, figures, state, text
from app.views import Case
from app.widgets import boundary, draw, heading


def over_time(opened: Case) -> None:
    """The estimate at each moment from what was known by then."""
    with boundary():
        heading("Over time", "over_time")
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
