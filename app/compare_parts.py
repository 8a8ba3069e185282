"""What the sections of the Compare page share: headings, the model that is held against the first, the threshold, and
the record that is looked at."""

from __future__ import annotations

import math

import streamlit as st

from app import compare_measures, state
from app import compare_words as words
from app.cohort_sections import choice
from app.compare_data import Comparison

OTHER, THRESHOLD, RECORD = "compare:other", "compare:threshold", "compare:record"


def heading(title: str, aid: str, help_text: str | None = None) -> None:
    st.markdown(f"#### {title}", help=help_text)
    st.caption(words.AIDS[aid])


def other(comparison: Comparison) -> int:
    """Which model is held against the first one."""
    options = {str(k): model.short for k, model in enumerate(comparison.models) if k}
    if len(options) == 1:
        return 1
    kept = f"{OTHER}:{len(comparison.models)}"
    return int(choice(f"{comparison.models[0].letter} beside", options, kept, "1"))


def limit(comparison: Comparison) -> float:
    """The chance in 0..1 whose sides are told apart; the base rate until it is set."""
    found: float = state.kept(_limit_key(comparison), round(100 * comparison.base_rate, 1))
    return found / 100


def _limit_key(comparison: Comparison) -> str:
    return f"{THRESHOLD}:{comparison.task.name}"


def threshold(comparison: Comparison) -> float:
    """The control that sets `limit`."""
    widget, value = "w_compare_threshold", 100 * limit(comparison)
    if st.session_state.get(widget) != value:
        st.session_state[widget] = value
    st.number_input(
        "Threshold, %",
        0.1,
        99.9,
        step=1.0,
        format="%.1f",
        key=widget,
        help=words.HELP_THRESHOLD,
        on_change=state.keep_widget,
        args=(_limit_key(comparison), widget),
        width=200,
    )
    return limit(comparison)


def picked(comparison: Comparison) -> int | None:
    """The record that is looked at, by its place in the comparison."""
    name = state.kept(f"{RECORD}:{comparison.task.name}", None)
    return None if name is None else comparison.at(name)


def pick(comparison: Comparison, row: int) -> None:
    state.keep(f"{RECORD}:{comparison.task.name}", str(comparison.ids[row]))


def describe(comparison: Comparison, row: int, which: int) -> str:
    """'Record 132539: A 34 %, B 12 %, Died in hospital'."""
    a, b = (f"{100 * comparison.risks[k, row]:.1f} %" for k in (0, which))
    letters = comparison.models[0].letter, comparison.models[which].letter
    return f"Record {comparison.ids[row]}: {letters[0]} {a}, {letters[1]} {b}, {comparison.outcome(row)}"


def tau_words(comparison: Comparison, row: int, which: int) -> str:
    """Agreement of the two orders of importance in one record."""
    found = compare_measures.orders(comparison, 0, which, "shapley")
    return "not defined" if found is None or math.isnan(found[row]) else f"{found[row]:+.2f}".replace("-", "−")
