"""How the modalities were fused: attention, graph, gates, weights, the split of the logit; and what that is worth."""

from __future__ import annotations

import streamlit as st

from app import figures, reality_view, state, text, unfolding_view, widgets

opened = widgets.open_case()
analysis, fused, dark = opened.analysis, opened.analysis.full, state.dark()
names, titles, states = opened.rows
widgets.headline(opened)

left, right = widgets.pair("routing")
if analysis.heads:
    with left:
        widgets.heading("Attention between modalities (α)", "attention")
        alpha = fused.attention_of(*widgets.head_selector(fused.networks, analysis.heads))
        widgets.draw(figures.attention(alpha, titles, states, dark), "alpha")
        st.caption(text.ROUTING)
if fused.adjacency is not None:
    with right:
        widgets.heading("Similarity graph", "graph")
        widgets.draw(figures.modality_graph(fused.adjacency, names, titles, states, fused.weights, dark), "graph")
        st.caption(text.ROUTING)

left, right = widgets.pair("shares")
if fused.gates is not None:
    with left:
        widgets.heading("Gates (γ)", "gates")
        widgets.draw(figures.gates(fused.gates, names, titles, states, dark), "gates")
        st.caption(text.ROUTING)
if fused.weights is not None:
    with right:
        widgets.heading("Fusion weights (β)", "weights")
        widgets.draw(figures.weights(fused.weights, names, titles, states, dark), "weights")
        st.caption(text.ROUTING)

if fused.node_logits is not None and fused.bias is not None:
    widgets.heading("The exact split of the log-odds by fused node", "split")
    widgets.draw(
        figures.logit_split(
            fused.node_logits,
            fused.bias,
            fused.logit,
            names,
            titles,
            states,
            prior=analysis.base_rate,
            risk=fused.risk,
            noun="the risk",
            dark=dark,
        ),
        "split",
    )
    st.caption(text.SPLIT_NOT_SHAPLEY)

with widgets.boundary():
    reality_view.check(opened)
unfolding_view.shares(opened)
