"""A button that copies a text which the page gives it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_copy_text = st.components.v2.component(
    "copy_text",
    css=(_HERE / "copy_link.css").read_text(encoding="utf-8"),
    js=(_HERE / "copy_text.js").read_text(encoding="utf-8"),
)


def button(label: str, text: str, key: str) -> None:
    _copy_text(key=key, data={"label": label, "text": text})
