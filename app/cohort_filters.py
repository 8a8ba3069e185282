"""The filters of the Cohort page: kept for each audit across pages, cleared with one click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from app import cohort_measures, state
from app import cohort_words as words
from app.cohort_data import PERCENT, Filters, Opened

ANY = "any"
OUTCOMES: dict[str, int | None] = {ANY: None, "positive": 1, "negative": 0, "unknown": -1}


def key(opened: Opened) -> str:
    return f"cohort:filters:{opened.digest}"


def current(opened: Opened) -> Filters:
    found: Filters = state.kept(key(opened), Filters())
    return found


def filters(opened: Opened) -> Filters:
    """The controls, and how many records they leave."""
    set_ = current(opened)
    left = len(cohort_measures.rows(opened, set_))
    with st.container(horizontal=True, vertical_alignment="center", key="cohort_left"):
        of = f" of {len(opened):,}" if set_ != Filters() else ""
        st.markdown(f"**{left:,}{of} records**")
        st.button(
            "Clear filters",
            key="cohort_clear",
            icon=":material/filter_alt_off:",
            disabled=set_ == Filters(),
            on_click=state.keep,
            args=(key(opened), Filters()),
        )
    with st.expander("Filter records", expanded=False, icon=":material/filter_alt:"):
        _controls(opened, set_)
    return set_


def _controls(opened: Opened, set_: Filters) -> None:
    wording = opened.task.wording
    named = {ANY: "Any", "positive": wording.positive, "negative": wording.negative, "unknown": "Not known"}
    first, second, third = st.columns(3)
    with first:
        _restored(opened, "outcome", next(name for name, label in OUTCOMES.items() if label == set_.label))
        st.selectbox(
            "Outcome",
            [name for name in named if name != "unknown" or (opened.labels < 0).any()],
            format_func=named.__getitem__,
            **_kept(opened, "outcome", lambda now, value: replace(now, label=OUTCOMES[value])),
        )
    with second:
        _restored(opened, "risk", tuple(int(share) for share in set_.risk))
        st.slider(
            "Risk",
            *(int(share) for share in PERCENT),
            step=1,
            format="%d %%",
            **_kept(opened, "risk", lambda now, value: replace(now, risk=(float(value[0]), float(value[1])))),
        )
    with third:
        _restored(opened, "flagged", set_.flagged)
        st.toggle(
            "Only where routing and contribution disagree",
            help=words.HELP_FLAGGED,
            **_kept(opened, "flagged", lambda now, value: replace(now, flagged=bool(value))),
        )
    columns = st.columns(3)
    for k, (column, title) in enumerate(opened.strata.items()):
        with columns[k % 3]:
            _restored(opened, column, list(dict(set_.levels).get(column, ())))
            st.multiselect(title, opened.levels[column], **_kept(opened, column, _levels(column)))
    titles = dict(opened.manifest.modalities)
    left, right = st.columns(2)
    for place, name, label, set_to, change in (
        (left, "present", "Recorded", set_.present, _present),
        (right, "absent", "Not recorded", set_.absent, _absent),
    ):
        with place:
            _restored(opened, name, list(set_to))
            st.multiselect(label, list(titles), format_func=titles.__getitem__, **_kept(opened, name, change))


def _levels(column: str) -> Callable[[Filters, Any], Filters]:
    def change(now: Filters, value: Any) -> Filters:
        others = {name: levels for name, levels in now.levels if name != column}
        return replace(now, levels=tuple(sorted((others | ({column: tuple(value)} if value else {})).items())))

    return change


def _present(now: Filters, value: Any) -> Filters:
    return replace(now, present=tuple(value))


def _absent(now: Filters, value: Any) -> Filters:
    return replace(now, absent=tuple(value))


def _widget(opened: Opened, name: str) -> str:
    return f"w_cohort_{name}_{opened.digest}"


def _restored(opened: Opened, name: str, value: Any) -> None:
    """The widget holds what was kept. Where it does already it is not set again: the browser would take that for an
    order, and a slider under a hand would jump back."""
    widget = _widget(opened, name)
    if st.session_state.get(widget) != value:
        st.session_state[widget] = value


def _kept(opened: Opened, name: str, change: Callable[[Filters, Any], Filters]) -> dict[str, Any]:
    """Arguments of a widget that keep what becomes of it."""
    widget = _widget(opened, name)

    def keep() -> None:
        state.keep(key(opened), change(current(opened), st.session_state[widget]))

    return {"key": widget, "on_change": keep}
