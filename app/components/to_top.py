"""Scrolls the page to its top, once for each new mark: what comes next begins there."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_to_top = st.components.v2.component("to_top", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def to_top(mark: str) -> None:
    _to_top(key="to_top", data={"mark": mark})
