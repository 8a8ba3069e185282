"""Modalities to switch off and on. Every combination was computed in one pass: a toggle only looks its answer up."""

from __future__ import annotations

import streamlit as st

from app import change_view, figures, state, text
from app.views import Analysis, Case, Fused
from app.widgets import boundary, draw, heading


@st.fragment
def experiment(opened: Case) -> None:
    """Toggles, the risk against the full record's among all combinations; what would cross a threshold; then how the
    fusion changed."""
    with boundary():
        a = opened.analysis
        st.markdown("Switch a modality off: the model then sees this record as if it had not been recorded.")
        keep = _toggles(opened)
        altered = a.subset(keep)
        _risk(opened, altered)
        if a.present.any():
            heading("All combinations", "lattice")
            chosen = a.present & keep
            draw(figures.subset_lattice(a.risks, a.masks, a.titles, a.present, chosen, state.dark()), "lattice")
            change_view.crossing(opened)
        _fusion(a, altered)


def _toggles(opened: Case) -> list[bool]:
    a = opened.analysis
    kept = f"on:{opened.digest}"
    on: dict[str, bool] = state.kept(kept, {})

    def switch(name: str, widget: str) -> None:
        state.keep(kept, {**state.kept(kept, {}), name: st.session_state[widget]})

    def switch_all(value: bool) -> None:
        state.keep(kept, dict.fromkeys(a.names, value))

    keep = []
    with st.container(horizontal=True, key="switches"):
        for name, title, is_here in zip(a.names, a.titles, a.present, strict=True):
            widget = f"w_on:{name}:{opened.digest}"
            st.session_state[widget] = bool(is_here) and on.get(name, True)
            label = title if is_here else f"{title} (not recorded)"
            keep.append(st.toggle(label, disabled=not is_here, key=widget, on_change=switch, args=(name, widget)))
    with st.container(horizontal=True):
        st.button("All on", on_click=switch_all, args=(True,), key="all_on")
        st.button("All off", on_click=switch_all, args=(False,), key="all_off")
    return keep


def _risk(opened: Case, altered: Fused) -> None:
    a = opened.analysis
    number, chart = st.columns([1, 2], vertical_alignment="center")
    with number:
        st.metric(
            "As altered",
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
        heading("Attention (α), full record", "attention")
        draw(figures.attention(full.attention_of(None, None), a.titles, full.states, dark), "if_alpha_full")
        heading("Attention (α), as altered", "attention")
        draw(figures.attention(altered.attention_of(None, None), a.titles, altered.states, dark), "if_alpha")
    st.caption(text.ROUTING)
