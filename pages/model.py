"""The model card, and the facts that identify the model."""

from __future__ import annotations

import streamlit as st

from app import services, state, widgets

facts = services.model_facts(state.selected_task())
st.header(f"Model: {facts.title}")
widgets.model_facts(facts)
st.divider()
with st.container(key="card"):
    st.markdown(facts.card or "This checkpoint came without a model card.")
