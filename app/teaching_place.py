"""Where a browser stands on the Teaching page: in its address, and kept for when one comes back from another page."""

from __future__ import annotations

import streamlit as st

from app import state, teaching_links
from app.teaching_links import Place

KEPT = "teaching_place"


def current() -> Place:
    """The address, or where one stood before another page was shown."""
    said = st.query_params.to_dict()
    kept: dict[str, str] = state.kept(KEPT, {})
    if kept and not teaching_links.written(teaching_links.parse(said)):
        st.query_params.from_dict(kept)
        said = kept
    return teaching_links.parse(said)


def go(place: Place) -> None:
    """Stand there from the next run on; the address says so at once."""
    written = teaching_links.written(place)
    state.keep(KEPT, written)
    if st.query_params.to_dict() != written:
        st.query_params.from_dict(written)


def page() -> str:
    """The address of this page, without parameters."""
    return (st.context.url or "").partition("?")[0]
