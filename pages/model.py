"""The model card, and the facts that identify the model."""

from __future__ import annotations

import streamlit as st

from app import checked_view, explanations, performance_view, services, state, widgets

facts = services.model_facts(state.selected_task())
st.header(f"Model: {facts.title}")
widgets.model_facts(facts)
performance_view.performance(services.performance(state.selected_task()))
with widgets.boundary():
    checked_view.trust(explanations.explanation_report(state.selected_task()))
st.divider()
with st.container(key="card"):
    st.markdown(facts.card or "This checkpoint came without a model card.")
