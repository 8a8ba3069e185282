"""Routing beside contribution on the Fusion page: the charts above show weights, this says whether to read them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import figures, reality, state, text
from app.figures import Drawing
from app.views import Case
from app.widgets import draw
from explain.reality import CONTRIBUTION, ROUTING


def check(opened: Case, highlight: str | None, draw_check: Callable[[Drawing, str], None]) -> None:
    """The verdict first, then every measure side by side, then their rank agreement. highlight: the title that stands
    out; draw_check: draws the chart of measures, with whatever a click on it does."""
    analysis, dark = opened.analysis, state.dark()
    found = analysis.reality
    names, titles, states = opened.rows
    said = text.plain(reality.sentence(analysis))
    if found.disagrees:
        st.warning(f"**{text.DO_NOT_READ}** {said}", icon=":material/warning:")
    else:
        st.info(f"{said} {text.plain(text.ROUTING)}" if found.disagrees is False else said, icon=":material/info:")
    routing, contribution = (reality.columns(found, names, group) for group in (ROUTING, CONTRIBUTION))
    flags = reality.flags(found, names)
    drawing = figures.reality_check(routing, contribution, flags, names, titles, states, dark, highlight)
    draw_check(drawing, "reality")
    agreement = reality.agreement(found)
    if agreement is not None:
        with st.expander("Do the measures put the modalities in the same order?"):
            st.caption(text.AIDS["agreement"])
            draw(figures.rank_agreement(*agreement, dark), "agreement")
