"""One record on the Compare page, in all models side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from app import cohort_card, compare_data, compare_measures, compare_parts, figures, state, text, widgets
from app import compare_words as words
from app.cohort_sections import choice
from app.compare_data import Comparison
from app.compare_parts import heading, pick, picked
from app.figures import State
from app.figures.compare_models import risk_rows
from app.figures.compare_models_reasons import Kind, model_bars
from app.widgets import pressed

ROUTED: Mapping[Kind, str] = {"weight": "Fusion weight (β)", "attention": "Attention received (α)"}
ROUTING, MATRIX = "compare:routing", "compare:matrix"


def one(comparison: Comparison) -> None:
    """The section of its own: a record by its name."""
    typed = st.text_input("Record", key="w_compare_record", placeholder="Name of a record", width=300).strip()
    if typed:
        row = comparison.at(typed)
        if row is None:
            st.warning(f"No record {text.plain(typed)} among those in common.", icon=":material/search_off:")
        elif row != picked(comparison):
            pick(comparison, row)
    if picked(comparison) is None:
        st.info(words.ASK, icon=":material/search:")
        return
    card(comparison)


def card(comparison: Comparison) -> None:
    """The record that was chosen, if one was."""
    row = picked(comparison)
    if row is None:
        return
    with st.container(border=True, key="compare_card"):
        record_id = str(comparison.ids[row])
        st.markdown(f"#### Record {text.plain(record_id)} in all models")
        stated = [f"{title}: {level[row]}" for title, level in comparison.strata.items()]
        st.markdown(text.plain(" · ".join([*stated, f"Outcome: {comparison.outcome(row)}"])))
        states: list[State] = ["present" if here else "missing" for here in comparison.present[row]]
        letters = [model.letter for model in comparison.models]
        names, titles = comparison.first.names, comparison.titles
        left, right = widgets.pair("compare_record")
        with left:
            _risks(comparison, row)
            heading("Contribution", "shapley", text.HELP_SHAPLEY)
            values = compare_measures.of_record(comparison, row, "shapley")
            chart = model_bars(values, letters, names, titles, states, "shapley", state.dark())
            widgets.draw(chart, "compare_shapley")
        with right:
            _routing(comparison, row, states)
        _way(comparison, record_id)


def _risks(comparison: Comparison, row: int) -> None:
    heading("Risk", "risk")
    chart = risk_rows(
        comparison.risks[:, row].tolist(),
        [model.short for model in comparison.models],
        comparison.base_rate,
        compare_parts.limit(comparison),
        comparison.task.wording.event,
        state.dark(),
    )
    widgets.draw(chart, "compare_risks")
    taus = [
        f"{model.letter} {compare_parts.tau_words(comparison, row, k)}"
        for k, model in enumerate(comparison.models)
        if k
    ]
    st.caption(f"Order of contributions beside A's, Kendall's τ: {', '.join(taus)}.", help=words.HELP_TAU)


def _routing(comparison: Comparison, row: int, states: list[State]) -> None:
    """β or α of the models that have them."""
    letters = [model.letter for model in comparison.models]
    found: dict[Kind, np.ndarray] = {kind: compare_measures.of_record(comparison, row, kind) for kind in ROUTED}
    there: dict[str, str] = {kind: ROUTED[kind] for kind, values in found.items() if np.isfinite(values).any()}
    if not there:
        heading("Routing", "weight")
        st.caption("None of these systems has fusion weights or attention.")
        return
    kind = next(k for k in ROUTED if k == choice("Routing", there, ROUTING, next(iter(there))))
    heading(ROUTED[kind], kind)
    has = np.isfinite(found[kind]).any(1)
    names, titles = comparison.first.names, comparison.titles
    own = [letter for letter, here in zip(letters, has, strict=True) if here]
    widgets.draw(model_bars(found[kind][has], own, names, titles, states, kind, state.dark()), f"compare_{kind}")
    lacking = [letter for letter in letters if letter not in own]
    if lacking:
        st.caption(f"Without it: {', '.join(lacking)}.")
    if np.isfinite(found["attention"]).any():
        with st.expander("Attention of each model in full (α)"):
            _matrix(comparison, row, states)


def _matrix(comparison: Comparison, row: int, states: list[State]) -> None:
    options = {str(k): model.letter for k, model in enumerate(comparison.models)}
    which = int(choice("Model", options, f"{MATRIX}:{len(options)}", "0"))
    alpha = compare_data.attention(comparison.models[which], str(comparison.ids[row]))
    if alpha is None:
        st.caption("This system has no attention.")
        return
    st.caption(words.AIDS["matrices"])
    widgets.draw(figures.attention(alpha, comparison.titles, states, state.dark()), "compare_attention_matrix")


def _way(comparison: Comparison, record_id: str) -> None:
    """To the Patient page, or why it cannot be opened."""
    said = ""
    for model in comparison.models:
        listed = cohort_card.reach(model.opened)
        if isinstance(listed, str):
            said = said or listed
        elif record_id in listed.ids:
            st.caption(words.SEEN_BY)
            if pressed("Open on the Patient page", "compare_open", icon=":material/monitor_heart:", type="primary"):
                state.choose(listed, record_id)
                st.switch_page("pages/patient.py")
            return
    st.caption(f"{words.NO_REACH} {text.plain(said or 'it lies in another one of the audited folders.')}")
