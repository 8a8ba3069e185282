"""What a browser's tab remembers over a reload of the page, and forgets when it is closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_tab_memory = st.components.v2.component("tab_memory", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def tab_memory(
    name: str, held: Mapping[str, str | None] | None, *, forget: bool, key: str, found: Callable[[], Any]
) -> None:
    """held: what to remember under this name; None to be told what is remembered, where there is something. forget:
    remember nothing. found: called when something was remembered; `found(key)` then says what."""
    _tab_memory(
        key=key,
        data={"name": f"fusionscope:{name}", "held": None if held is None else dict(held), "forget": forget},
        on_found_change=found,
    )


def found(key: str) -> Mapping[str, Any]:
    """What the tab remembers; empty where it is nothing that was put there."""
    said = st.session_state[key].get("found")
    return said if isinstance(said, Mapping) else {}
