"""Answers on the Compare page: where the first model and another one differ, and in whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from amfn.evaluation import Interval
from app import compare_file, compare_measures, compare_parts, state, text, widgets
from app import compare_record_view as record
from app import compare_words as words
from app.compare_data import Comparison
from app.compare_parts import heading, pick, picked
from app.figures.compare_models import Points, risk_scatter, size_spread
from audit.pairs import Level

DRAWN = 1500
"""Points of a scatter, drawn by lot; the furthest ones are always among them."""
LISTED = 20
SCATTER, TABLE = "compare_scatter", "compare_furthest"
ALPHA = 0.05


def answers(comparison: Comparison) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = compare_parts.other(comparison)
        limit = compare_parts.threshold(comparison)
    _summary(comparison, which, limit)
    left, right = widgets.pair("compare_answers")
    with left:
        heading("Answer beside answer", "scatter")
        _scatter(comparison, which, limit)
    with right:
        heading("How far apart", "sizes")
        found = compare_measures.answers(comparison, which, limit)
        median, _, most = found.quantiles
        chart = size_spread(found.edges, found.counts, median, most, found.largest, state.dark())
        widgets.draw(chart, "compare_sizes")
    heading("Largest differences", "furthest")
    _table(comparison, which)
    record.card(comparison)
    heading("Subgroups", "levels", words.HELP_LEVELS)
    _levels(comparison, which, limit)
    compare_file.button(comparison)


def _summary(comparison: Comparison, which: int, limit: float) -> None:
    found = compare_measures.answers(comparison, which, limit)
    a, b = comparison.models[0].letter, comparison.models[which].letter
    size, crossed = found.size, found.opposite
    with st.container(horizontal=True):
        _metric("Apart on average", f"{100 * size.value:.1f} points", _between(size, "points"), words.HELP_APART)
        _metric(
            f"On opposite sides of {100 * limit:.1f} %",
            f"{100 * crossed.value:.1f} %",
            _between(crossed, "%"),
            words.HELP_OPPOSITE,
        )
        _metric(f"Only {a} at or above", f"{found.sides[1, 0]:,}", "records")
        _metric(f"Only {b} at or above", f"{found.sides[0, 1]:,}", "records")
    lead = "higher" if found.shift > 0 else "lower"
    st.caption(f"On average {b} is {abs(100 * found.shift):.1f} percentage points {lead} than {a}.")


def _metric(title: str, value: str, beside: str, help_text: str | None = None) -> None:
    st.metric(title, value, beside, delta_color="off", delta_arrow="off", help=help_text)


def _between(found: Interval, unit: str) -> str:
    return f"{100 * found.low:.1f} to {100 * found.high:.1f} {unit}"


def _scatter(comparison: Comparison, which: int, limit: float) -> None:
    rows = drawn(comparison, which)
    own = picked(comparison)
    points = Points(
        rows.tolist(),
        [compare_parts.describe(comparison, row, which) for row in rows.tolist()],
        comparison.risks[0, rows],
        comparison.risks[which, rows],
        comparison.labels[rows],
    )
    wording = comparison.task.wording
    names = comparison.models[0].short, comparison.models[which].short
    chart = risk_scatter(points, names, (wording.negative, wording.positive), limit, len(comparison), own, state.dark())
    widgets.draw(chart, SCATTER, picked=lambda: _clicked(comparison))
    part = (
        f"{len(rows):,} of the {len(comparison):,} records are drawn: the {LISTED} furthest apart, others by lot. "
        if len(rows) < len(comparison)
        else ""
    )
    st.caption(f"{part}{words.CLICK}")


def drawn(comparison: Comparison, which: int) -> np.ndarray:
    """The records that the scatter shows, the same ones whatever else changes."""
    if len(comparison) <= DRAWN:
        return np.arange(len(comparison))
    lots = np.random.default_rng(0).permutation(len(comparison))[: DRAWN - LISTED]
    own = picked(comparison)
    return np.unique([*lots, *compare_measures.furthest(comparison, which, LISTED), *([] if own is None else [own])])


def _clicked(comparison: Comparison) -> None:
    points: list[dict[str, Any]] = st.session_state[SCATTER].selection.points
    if points and points[0].get("customdata"):
        pick(comparison, int(points[0]["customdata"][0]))


def _table(comparison: Comparison, which: int) -> None:
    rows = compare_measures.furthest(comparison, which, LISTED).tolist()
    a, b = comparison.models[0].letter, comparison.models[which].letter
    change = comparison.risks[which] - comparison.risks[0]
    key = f"{TABLE}_{comparison.digest}_{which}"
    st.dataframe(
        [
            {
                "Record": str(comparison.ids[row]),
                a: f"{100 * comparison.risks[0, row]:.1f} %",
                b: f"{100 * comparison.risks[which, row]:.1f} %",
                f"{b} less {a}": f"{text.points(change[row])} points",
                "Outcome": comparison.outcome(row),
                "Orders agree (τ)": compare_parts.tau_words(comparison, row, which),
                **{title: str(level[row]) for title, level in comparison.strata.items()},
            }
            for row in rows
        ],
        hide_index=True,
        key=key,
        on_select=lambda: _chosen(comparison, key, rows),
        selection_mode="single-row",
        height=330,
    )


def _chosen(comparison: Comparison, key: str, rows: list[int]) -> None:
    found = st.session_state[key].selection.rows
    if found:
        pick(comparison, rows[found[0]])


def _levels(comparison: Comparison, which: int, limit: float) -> None:
    found = compare_measures.parts(comparison, which, limit)
    if not found:
        st.info("No subgroup has ten records or more.", icon=":material/group_off:")
        return
    most = found[0]
    beside = "" if most.rest is None else f", {100 * most.rest:.1f} in all others: {_verdict(most)}"
    st.markdown(
        text.plain(
            f"They differ most in {most.stratum}: {most.level}, {100 * most.size.value:.1f} points on average{beside}."
        )
    )
    st.dataframe(
        [
            {
                "Subgroup": f"{level.stratum}: {level.level}",
                "Records": f"{level.records:,}",
                "Points apart (95 % interval)": (
                    f"{100 * level.size.value:.1f} ({100 * level.size.low:.1f} to {100 * level.size.high:.1f})"
                ),
                "All others": "" if level.rest is None else f"{100 * level.rest:.1f}",
                "Beside the others": _verdict(level),
                "On opposite sides": f"{100 * level.opposite:.1f} %",
            }
            for level in found
        ],
        hide_index=True,
        height="content",
        key="compare_levels",
    )


def _verdict(level: Level) -> str:
    if level.adjusted is None:
        return "not compared"
    p = "p < 0.001" if level.adjusted < 0.001 else f"p = {level.adjusted:.3f}"
    return f"differs ({p})" if level.adjusted < ALPHA else f"no difference shown ({p})"
