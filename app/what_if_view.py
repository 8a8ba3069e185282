"""Modalities to switch off and on. Every combination was computed in one pass: a toggle only looks its answer up."""

from __future__ import annotations

import streamlit as st

from app import figures, state, text
from app.views import Analysis, Case, Fused
from app.widgets import boundary, draw, heading


@st.fragment
def experiment(opened: Case) -> None:
    """Toggles, the risk against the full record's, then how the fusion changed."""
    with boundary():
        a = opened.analysis
        st.markdown("Switch a modality off: the model then sees this record as if it had not been recorded.")
        altered = a.subset(_toggles(opened))
        _risk(opened, altered)
        _fusion(a, altered)


def _key(opened: Case, name: str) -> str:
    return f"on:{name}:{opened.digest}"


def _toggles(opened: Case) -> list[bool]:
    a = opened.analysis
    here = [name for name, is_here in zip(a.names, a.present, strict=True) if is_here]

    def switch(on: bool) -> None:
        st.session_state.update({_key(opened, name): on for name in here})

    keep = []
    with st.container(horizontal=True, key="switches"):
        for name, title, is_here in zip(a.names, a.titles, a.present, strict=True):
            if not is_here:
                st.toggle(f"{title} (not recorded)", value=False, disabled=True, key=_key(opened, name))
            elif _key(opened, name) in st.session_state:
                st.toggle(title, key=_key(opened, name))
            else:
                st.toggle(title, value=True, key=_key(opened, name))
            keep.append(bool(st.session_state[_key(opened, name)]))
    with st.container(horizontal=True):
        st.button("All on", on_click=switch, args=(True,), key="all_on")
        st.button("All off", on_click=switch, args=(False,), key="all_off")
    return keep


def _risk(opened: Case, altered: Fused) -> None:
    a = opened.analysis
    number, chart = st.columns([1, 2], vertical_alignment="center")
    with number:
        st.metric(
            f"Chance of {opened.noun}, as altered",
            text.percent(altered.risk),
            f"{text.percent(a.full.risk)} with the full record",
            delta_color="off",
            delta_arrow="off",
            help=text.HELP_RISK,
        )
    with chart:
        draw(figures.risk_pair(a.full.risk, altered.risk, a.base_rate, opened.noun, dark=state.dark()), "risk_pair")
    off = [title for title, status in zip(a.titles, altered.states, strict=True) if status == "off"]
    if "present" not in altered.states:
        st.info(
            f"With nothing to go by, the model states its prior: the training prevalence, {text.percent(a.base_rate)}.",
            icon=":material/info:",
        )
    elif off:
        st.markdown(
            f"Without **{text.plain(', '.join(off))}** the estimate is **{text.percent(altered.risk)}** instead of "
            f"**{text.percent(a.full.risk)}**."
        )
    else:
        st.markdown("Everything that was recorded is on: this is the full record.")


def _fusion(a: Analysis, altered: Fused) -> None:
    full, dark = a.full, state.dark()
    left, right = st.columns(2, gap="large")
    if full.gates is not None and altered.gates is not None:
        with left:
            heading("Gates (γ)", "gates")
            pair = figures.paired_bars(full.gates, altered.gates, a.names, a.titles, altered.states, "gates", dark)
            draw(pair, "if_gates")
    if full.weights is not None and altered.weights is not None:
        with right:
            heading("Fusion weights (β)", "weights")
            pair = figures.paired_bars(
                full.weights, altered.weights, a.names, a.titles, altered.states, "weights", dark
            )
            draw(pair, "if_weights")
    if a.heads:
        left, right = st.columns(2, gap="large")
        with left:
            heading("Attention (α), full record", "attention")
            draw(figures.attention(full.attention_of(None), a.titles, full.states, dark), "if_alpha_full")
        with right:
            heading("Attention (α), as altered", "attention")
            draw(figures.attention(altered.attention_of(None), a.titles, altered.states, dark), "if_alpha")
    st.caption(text.ROUTING)
