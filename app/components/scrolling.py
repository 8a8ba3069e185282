"""Charts to scale scroll in a frame of their own: this makes that frame reachable by keyboard, as WCAG 2.1.1 asks."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_scrolling = st.components.v2.component("scrolling", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def by_keyboard() -> None:
    _scrolling(key="scrolling")
