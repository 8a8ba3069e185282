"""Routing beside contribution on the Fusion page: the charts above show weights, this says whether to read them."""

from __future__ import annotations

import streamlit as st

from app import figures, reality, state, text
from app.views import Case
from app.widgets import draw, heading
from explain.reality import CONTRIBUTION, ROUTING


def check(opened: Case) -> None:
    """The verdict first, then every measure side by side, then their rank agreement."""
    analysis, dark = opened.analysis, state.dark()
    found = analysis.reality
    names, titles, states = opened.rows
    heading("Routing beside contribution", "reality", text.HELP_REALITY)
    said = text.plain(reality.sentence(analysis))
    if found.disagrees:
        st.warning(f"**{text.DO_NOT_READ}** {said}", icon=":material/warning:")
    else:
        st.info(f"{said} {text.plain(text.ROUTING)}" if found.disagrees is False else said, icon=":material/info:")
    routing, contribution = (reality.columns(found, names, group) for group in (ROUTING, CONTRIBUTION))
    flags = reality.flags(found, names)
    draw(figures.reality_check(routing, contribution, flags, names, titles, states, dark), "reality")
    agreement = reality.agreement(found)
    if agreement is not None:
        with st.expander("Do the measures put the modalities in the same order?"):
            st.caption(text.AIDS["agreement"])
            draw(figures.rank_agreement(*agreement, dark), "agreement")
