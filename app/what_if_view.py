"""Modalities to switch off and on. Every combination was computed in one pass and sent to the browser, which answers a
switch by itself; the server follows."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import address, altering_words, change_view, state, text
from app.components.what_if import board, what_if
from app.views import Case
from app.widgets import boundary


def experiment(opened: Case) -> None:
    """Switches, the risk among those of all combinations, and how the fusion changes; then what would cross a
    threshold."""
    with boundary():
        st.markdown("#### Switch modalities off")
        st.markdown(
            "Switch a modality off: the model then sees this record as if it had not been recorded.",
            help=text.HELP_RISK,
        )
        st.caption(altering_words.SWITCHES_APART)
        _switches(board(opened, address.switched_off(opened.digest), state.dark()))
    if opened.analysis.present.any():
        change_view.crossing(opened)


@st.fragment
def _switches(sent: dict[str, Any]) -> None:
    """A fragment of its own, which keeps what it was given: a switch then sends nothing to the browser again."""
    with boundary():
        what_if(sent, _follow)
        address.share()


def _follow(digest: str, off: tuple[str, ...]) -> None:
    state.keep(f"on:{digest}", dict.fromkeys(off, False))
