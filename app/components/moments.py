"""A slider over moments, answered in the browser: every answer was sent ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
_moments = st.components.v2.component(
    "moments",
    css=(_HERE / "moments.css").read_text(encoding="utf-8"),
    js=(_HERE / "moments.js").read_text(encoding="utf-8"),
)


def moments(
    answers: Sequence[Mapping[str, Any]],
    heads: Sequence[str],
    words: Mapping[str, str],
    at: int,
    key: str,
    rested: Callable[[], Any],
) -> None:
    """answers: of each moment `when`, `risk`, `note`, `unknown` (a list) and `rows` (as many cells as heads), in words.
    words: `moment`, `whole`, `unknown`. rested: called when the slider came to rest; `rest(key)` then says where."""
    _moments(
        key=key,
        data={"moments": list(answers), "heads": list(heads), "words": dict(words), "at": at},
        on_rested_change=rested,
    )


def rest(key: str) -> int | None:
    """The position at which the slider came to rest; None where it did not move."""
    return st.session_state[key].get("rested")
