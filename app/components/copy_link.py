"""A button that copies the address, which always holds what is on the screen, or another link."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_copy_link = st.components.v2.component(
    "copy_link",
    css=(_HERE / "copy_link.css").read_text(encoding="utf-8"),
    js=(_HERE / "copy_link.js").read_text(encoding="utf-8"),
)


def button(label: str = "Copy link to this view", link: str | None = None, key: str = "copy_link") -> None:
    """link: where it is not the address that is copied."""
    where = "the address from its bar" if link is None else "the link by hand"
    _copy_link(key=key, data={"label": label, "text": link, "refused": f"The browser refused: copy {where}."})
