"""What was behind the estimate as the record unfolded: drawn on demand, it takes a pass for every moment."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import explanations, figures, state, text
from app.explanations import Unfolding
from app.figures.over_time import Kind
from app.views import Case
from app.widgets import boundary, draw, heading

TITLES = {"gates": "Gates (γ)", "weights": "Fusion weights (β)"}


@st.fragment
def contributions(opened: Case) -> None:
    """Shapley values at every moment."""
    with boundary():
        heading("Contributions over time", "contributions_over_time", text.HELP_SHAPLEY)
        if not asked("Show the contributions over time", "contributions_over_time"):
            return
        with st.spinner("Going through the record …", show_time=True):
            unfolding = explanations.trajectory(opened, shapley=True)
        found = unfolding.found
        if found.shapley is None or not _several(unfolding):
            return
        names, titles, _ = opened.rows
        values = unfolding.where_present(found.shapley)
        drawing = figures.contributions_over_time(
            unfolding.times, values, names, titles, unfolding.unit, "the risk", state.dark()
        )
        draw(drawing, "contributions_over_time")
        _in_mind(unfolding)


@st.fragment
def shares(opened: Case) -> None:
    """Gates and fusion weights at every moment, of a model that has them."""
    full = opened.analysis.full
    if full.gates is None and full.weights is None:
        return
    with boundary():
        heading("Gates and weights over time", "shares_over_time")
        if not asked("Show gates and weights over time", "shares_over_time"):
            return
        with st.spinner("Going through the record …", show_time=True):
            unfolding = explanations.trajectory(opened)
        if not _several(unfolding):
            return
        names, titles, _ = opened.rows
        parts: tuple[tuple[Kind, np.ndarray | None], ...] = (
            ("gates", unfolding.found.gates),
            ("weights", unfolding.found.weights),
        )
        for kind, values in parts:
            if values is None:
                continue
            known = unfolding.where_present(values)
            drawing = figures.shares_over_time(
                unfolding.times, known, names, titles, kind, unfolding.unit, state.dark()
            )
            st.markdown(f"##### {TITLES[kind]}")
            draw(drawing, f"{kind}_over_time")
        st.caption(text.ROUTING)
        _in_mind(unfolding)


def _several(unfolding: Unfolding) -> bool:
    """True where there is more than one moment; otherwise this is said."""
    several = len(unfolding.times) > 1
    if not several:
        st.info("Too little was recorded before the end to look back.", icon=":material/info:")
    return several


def _in_mind(unfolding: Unfolding) -> None:
    st.caption(unfolding.found.trained_on)
    if unfolding.unit != "h":
        st.caption(text.ALARM_TYPE_LAST)


def asked(title: str, key: str) -> bool:
    """A switch that remembers: what takes a second is drawn when it is wanted."""
    st.session_state[f"w_{key}"] = state.kept(key, False)
    return st.toggle(title, key=f"w_{key}", on_change=state.keep_widget, args=(key, f"w_{key}"))
