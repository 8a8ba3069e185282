"""One record: its risk, what drove it, what is missing, the signal itself, and what became of similar records."""

from __future__ import annotations

import streamlit as st

from app import (
    certainty_view,
    modalities_view,
    narrative_view,
    over_time_view,
    report_view,
    signal_view,
    similar_view,
    widgets,
)

with widgets.boundary():
    opened = widgets.open_case()
    widgets.risk(opened)
    certainty_view.certainty(opened)
    paragraph = narrative_view.narrative_of(opened)
    widgets.warnings(opened)
    modalities_view.strip(opened)
    widgets.stated(opened)
    unfolding = st.container()
    signal_view.signal(opened)
    neighbours = st.container()
    widgets.outcome(opened)
    widgets.findings(opened.notes, "this record")
    # What takes longer comes when everything else can be read already.
    with unfolding:
        over_time_view.over_time(opened)
    with neighbours:
        similar_view.similar(opened)
    report_view.report(opened)
    narrative_view.complete(opened, paragraph)
widgets.folder_report()
