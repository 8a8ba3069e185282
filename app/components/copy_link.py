"""A button that copies the address, which always holds what is on the screen."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_copy_link = st.components.v2.component(
    "copy_link",
    css=(_HERE / "copy_link.css").read_text(encoding="utf-8"),
    js=(_HERE / "copy_link.js").read_text(encoding="utf-8"),
)


def button() -> None:
    _copy_link(key="copy_link")
