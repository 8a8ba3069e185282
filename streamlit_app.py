"""Fusionscope: which signals a model fused, and why it predicts what it predicts. Start: `make run`."""

from __future__ import annotations

import streamlit as st

from app import access, address, heap, picker, rooms, widgets

heap.settle()
st.set_page_config(page_title="Fusionscope", page_icon=widgets.ICON, layout="wide")
page = st.navigation(
    [
        st.Page("pages/patient.py", title="Patient", icon=":material/monitor_heart:", default=True),
        st.Page("pages/signals.py", title="Signals", icon=":material/ecg_heart:"),
        st.Page("pages/fusion.py", title="Fusion", icon=":material/hub:"),
        st.Page("pages/attribution.py", title="Attribution", icon=":material/query_stats:"),
        st.Page("pages/what_if.py", title="What-if", icon=":material/toggle_on:"),
        st.Page("pages/cohort.py", title="Cohort", icon=":material/groups:"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
        st.Page("pages/teaching.py", title="Teaching", icon=":material/school:"),
        st.Page("pages/agreement.py", title="Agreement", icon=":material/handshake:"),
        st.Page("pages/data.py", title="Data", icon=":material/folder_open:"),
        st.Page("pages/model.py", title="Model", icon=":material/description:"),
    ],
    position="top",
)
widgets.style()
blind = rooms.blind(page.url_path)
with widgets.boundary():
    picker.sidebar(blind)
widgets.title(page.title)
with widgets.boundary():
    page.run()
with widgets.boundary():
    if not blind:
        address.share()
widgets.footer()
access.seen(page.url_path)
with widgets.boundary():
    access.write()
with widgets.boundary():
    if not blind:
        picker.survey()
