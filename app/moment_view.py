"""What the model would have said earlier: a slider over moments that were all computed once."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from app import altering_words as words
from app import explanations, moments, state, text
from app.components.moments import moments as slider
from app.components.moments import rest
from app.explanations import Unfolding
from app.views import Case
from app.widgets import boundary

HEADS = ("Modality", "Known by then", "Gate γ", "Weight β")


@st.fragment
def as_of(opened: Case) -> None:
    """The estimate, gates, weights and what was not yet known, as of an hour or so many seconds before the alarm."""
    with boundary():
        st.markdown("#### As of an earlier moment", help=words.HELP_EARLIER)
        st.caption(words.EARLIER)
        st.session_state["w_moments"] = state.kept("moments", False)
        if not st.toggle(
            "Go back in time", key="w_moments", on_change=state.keep_widget, args=("moments", "w_moments")
        ):
            return
        with st.spinner("Going through the record …", show_time=True):
            unfolding = explanations.trajectory(opened)
        if len(unfolding.times) < 2:
            st.info("Too little was recorded before the end to look back.", icon=":material/info:")
            return
        last, key = len(unfolding.times) - 1, f"w_moment:{opened.digest}"
        whole = text.percent(opened.analysis.full.risk)
        slider(
            answers(opened, unfolding),
            HEADS,
            {
                "moment": "Moment:",
                "whole": f"chance of {opened.noun}; {whole} with the whole record as read",
                "unknown": "Not yet known",
            },
            min(state.kept(_kept(opened), last // 2), last),
            key,
            partial(_rested, _kept(opened), key),
        )
        st.caption(text.ROUTING)
        if unfolding.unit != "h":
            st.caption(text.ALARM_TYPE_LAST)


def _kept(opened: Case) -> str:
    return f"moment:{opened.digest}"


def _rested(kept: str, key: str) -> None:
    at = rest(key)
    if at is not None:
        state.keep(kept, at)


def answers(opened: Case, unfolding: Unfolding) -> list[dict[str, Any]]:
    """Every moment in words, in order."""
    found = [moments.moment(opened, unfolding, at) for at in range(len(unfolding.times))]
    return [
        {
            "when": item.when,
            "risk": text.percent(item.risk),
            "note": words.PRIOR if item.nothing else "" if item.unknown else words.ALL_KNOWN,
            "unknown": list(item.unknown),
            "rows": [list(row) for row in item.rows],
        }
        for item in found
    ]
