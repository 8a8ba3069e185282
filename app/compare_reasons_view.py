"""Reasons on the Compare page: whether models that answer alike have the same modalities in mind."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import compare_file, compare_measures, compare_parts, state, text, widgets
from app import compare_words as words
from app.cohort_sections import choice
from app.compare_data import Comparison
from app.compare_measures import Reasons
from app.compare_parts import heading
from app.figures.cohort_routing import agreement_spread
from app.figures.compare_models_reasons import agreement_matrix, correlation_cells, crossed_cells
from audit.measures_modalities import QUANTILES

MEASURE = "compare:measure"
MIDDLE = [QUANTILES.index(25), QUANTILES.index(50), QUANTILES.index(75)]


def reasons(comparison: Comparison) -> None:
    measure = choice("Importance by", words.MEASURES, MEASURE, "shapley", words.HELP_TAU)
    found = compare_measures.reasons(comparison, measure)
    lacking = [m.short for k, m in enumerate(comparison.models) if k not in found.which]
    if lacking:
        st.caption(words.LACKING.format(names=text.plain("; ".join(lacking))))
    if len(found.which) < 2:
        st.info(words.ONE_HAS, icon=":material/help:")
    else:
        _orders(comparison, found)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = compare_parts.other(comparison)
        limit = compare_parts.threshold(comparison)
    left, right = widgets.pair("compare_reasons")
    with left:
        a, b = comparison.models[0].letter, comparison.models[which].letter
        heading(f"Answers and reasons of {a} and {b}", "crossed", words.HELP_CROSSED)
        _crossed(comparison, which, limit, measure)
    with right:
        heading("Modality by modality", "spearman", words.HELP_SPEARMAN)
        rho, records = compare_measures.together(comparison)
        letters = [m.letter for m in comparison.models[1:]]
        chart = correlation_cells(rho, records, comparison.titles, letters, "A", state.dark())
        widgets.draw(chart, "compare_spearman")
    compare_file.button(comparison)


def _orders(comparison: Comparison, found: Reasons) -> None:
    twins = compare_measures.twins(comparison, found)
    left, right = widgets.pair("compare_orders")
    with left:
        heading("The same order of importance?", "matrix", words.HELP_TAU)
        letters = [comparison.models[k].letter for k in found.which]
        widgets.draw(agreement_matrix(_quantiles(found), letters, state.dark()), "compare_matrix")
        if twins:
            low, high = (text.signed(tau) for tau in (min(twins), max(twins)))
            said = low if low == high else f"{low} to {high}"
            st.caption(words.TWINS.format(said=said, medians="a median" if low == high else "medians"))
    with right:
        heading("From record to record", "spread")
        pairs = [(pair, each) for pair, each in found.pairs.items() if pair[0] == found.which[0]]
        nothing = (np.nan,) * len(QUANTILES)
        chart = agreement_spread(
            np.array([nothing if e.distribution is None else e.distribution.quantiles for _, e in pairs]),
            np.array([np.nan if e.distribution is None else e.distribution.mean for _, e in pairs]),
            [f"{comparison.models[one].letter} and {comparison.models[two].letter}" for (one, two), _ in pairs],
            [e.ranked for _, e in pairs],
            [e.below for _, e in pairs],
            state.dark(),
        )
        widgets.draw(chart, "compare_spread")
        ranked = min(e.ranked for e in found.pairs.values())
        if ranked < len(comparison):
            st.caption(f"Ranked in {ranked:,} of {len(comparison):,} records.")


def _quantiles(found: Reasons) -> np.ndarray:
    """f64[S, S, 3] at 25, 50, 75 %, NaN on the diagonal."""
    out = np.full((len(found.which), len(found.which), 3), np.nan)
    for (one, two), each in found.pairs.items():
        if each.distribution is not None:
            i, j = found.which.index(one), found.which.index(two)
            out[i, j] = out[j, i] = np.array(each.distribution.quantiles)[MIDDLE]
    return out


def _crossed(comparison: Comparison, which: int, limit: float, measure: str) -> None:
    found = compare_measures.both(comparison, which, limit, measure)
    if found is None or not found.counts.sum():
        st.info(words.ONE_HAS, icon=":material/help:")
        return
    widgets.draw(crossed_cells(found.counts, state.dark()), "compare_crossed")
    alike, ranked = int(found.counts[1].sum()), int(found.counts.sum())
    if alike:
        share = found.counts[1, 0] / alike
        st.markdown(
            text.plain(
                f"Of {alike:,} records that both put on the same side, {100 * share:.0f} % have another order of "
                f"reasons."
            )
        )
    if found.unranked:
        st.caption(f"{found.unranked:,} of {found.unranked + ranked:,} records have too few modalities to rank.")
