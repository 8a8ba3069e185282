"""Routing on the Cohort page: how it spreads over records, and whether it goes with what contributes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import cohort_measures, state, text, widgets
from app import cohort_words as words
from app.cohort_data import Filters, Opened
from app.cohort_sections import heading
from app.figures import Drawing
from app.figures.cohort_pairs import mean_shares
from app.figures.cohort_routing import agreement_spread, routing_and_contribution, spread_of_shares
from app.figures.drawing import percent
from audit.measures_modalities import Disagreement, Distribution, Modality, RankAgreement
from explain.reality import TITLES, Measure

FIVE = [np.nan] * 5


def routing(opened: Opened, filters: Filters) -> None:
    found = cohort_measures.routed(opened, filters)
    matrices = {name: cohort_measures.matrix(opened, filters, name) for name in ("attention_matrix", "adjacency")}
    gated, weighed = (any(getattr(m, part) is not None for m in found) for part in ("gate", "weight"))
    if not gated and not weighed and all(matrix is None for matrix in matrices.values()):
        st.info("This system has no attention, graph, gates or weights: nothing is routed that could be shown.")
        return
    left, right = widgets.pair("cohort_shares")
    if gated:
        with left:
            heading("Gates (γ)", "gates")
            _shares(opened, found, "gate", "gate (0 closed, 1 open)", False)
    if weighed:
        with right:
            heading("Fusion weights (β)", "weights", text.ROUTING)
            _shares(opened, found, "weight", "fusion weight", True)
    left, right = widgets.pair("cohort_matrices")
    for place, name, title, aid, row, column in (
        (left, "attention_matrix", "Attention (α), mean", "alpha", "takes", "from"),
        (right, "adjacency", "Similarity graph, mean", "graph", "modality", "is alike to"),
    ):
        matrix = matrices[name]
        if matrix is not None:
            with place:
                heading(title, aid, words.HELP_SPREAD)
                chart = mean_shares(matrix.mean, matrix.sd, matrix.records, opened.titles, row, column, state.dark())
                widgets.draw(chart, f"cohort_{name}")
    _against(opened, filters, found)


def _shares(opened: Opened, found: tuple[Modality, ...], part: str, axis: str, as_percent: bool) -> None:
    spreads: list[Distribution | None] = [getattr(m, part) for m in found]
    chart = spread_of_shares(
        np.array([FIVE if s is None else s.quantiles for s in spreads]),
        np.array([np.nan if s is None else s.mean for s in spreads]),
        opened.names,
        opened.titles,
        [0 if s is None else s.records for s in spreads],
        axis,
        as_percent,
        state.dark(),
    )
    widgets.draw(chart, f"cohort_{part}")


def _against(opened: Opened, filters: Filters, found: tuple[Modality, ...]) -> None:
    ranks, odd = cohort_measures.agreement(opened, filters)
    left, right = widgets.pair("cohort_against")
    if any(m.weight is not None for m in found):
        with left:
            heading("Routing against contribution", "scatter", text.ROUTING)
            chart = routing_and_contribution(
                np.array([np.nan if m.weight is None else m.weight.mean for m in found]),
                np.array([np.nan if m.strength is None else m.strength.value for m in found]),
                opened.names,
                opened.titles,
                "fusion weight (β)",
                state.dark(),
            )
            widgets.draw(chart, "cohort_scatter")
    if odd.judged:
        with left:
            _disagreeing(opened, odd)
    with right:
        heading("Do they rank alike?", "taus", words.HELP_TAU)
        if any(rank.distribution is not None for rank in ranks):
            widgets.draw(_taus(ranks), "cohort_taus")


def _disagreeing(opened: Opened, odd: Disagreement) -> None:
    low, high = 100 * odd.share.low, 100 * odd.share.high
    st.markdown(
        f"**In {odd.flagged:,} of {odd.judged:,} records routing and contribution disagree** "
        f"({100 * odd.share.value:.1f} %, 95 % interval {low:.1f} to {high:.1f}).",
        help=words.HELP_FLAGGED,
    )
    titles = dict(opened.manifest.modalities)
    st.dataframe(
        [
            {"Routed to most": titles.get(name, name), "Records": f"{count:,}"}
            | {"of them disagreeing": f"{flagged:,} ({percent(flagged / count)})"}
            for name, count, flagged in odd.favourites
        ],
        hide_index=True,
        height="content",
        key="cohort_favourites",
    )


def _taus(ranks: tuple[RankAgreement, ...]) -> Drawing:
    return agreement_spread(
        np.array([FIVE if r.distribution is None else r.distribution.quantiles for r in ranks]),
        np.array([np.nan if r.distribution is None else r.distribution.mean for r in ranks]),
        [f"{_short(r.routing)} with {_short(r.contribution)}" for r in ranks],
        [0 if r.distribution is None else r.distribution.records for r in ranks],
        [r.below for r in ranks],
        state.dark(),
    )


def _short(measure: Measure) -> str:
    """'Fusion weight (β)' -> 'β'; what has no sign keeps its title."""
    title = TITLES[measure]
    return title.partition("(")[2].rstrip(")") or f"{title[:1].lower()}{title[1:]}".replace("shapley", "Shapley")
