"""How the model did, on the Model page: charts and tables of records it had not seen."""

from __future__ import annotations

import streamlit as st

from app import figures, state, text, widgets
from app.views import Performance


def performance(found: Performance) -> None:
    """Whatever was stored with the model; nothing is drawn that was not."""
    if found.bins:
        left, right = widgets.pair("performance")
        with left:
            widgets.heading("Estimated and observed", "reliability")
            widgets.draw(figures.reliability(found.bins, found.noun, state.dark()), "reliability")
        with right:
            widgets.heading("Worth acting on? (decision curve)", "decision")
            curve = figures.decision_curve(found.thresholds, found.by_model, found.by_everyone, state.dark())
            widgets.draw(curve, "decision")
    if found.coverage:
        _coverage(found)
    if found.subgroups:
        widgets.heading("Subgroups", "subgroups")
        st.dataframe(list(found.subgroups), hide_index=True, height="content", key="subgroups")
    if found.removal:
        widgets.heading("When modalities are missing", "removal")
        widgets.draw(figures.removal_curve(found.removal, state.dark()), "removal")


def _coverage(found: Performance) -> None:
    widgets.heading("Do the sets of outcomes keep their word?", "coverage", text.HELP_SETS)
    picked = widgets.error_rate(list(found.coverage))
    st.dataframe(list(found.coverage[picked]), hide_index=True, height="content", key="coverage")
