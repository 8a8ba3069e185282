"""What is measured over the records that several audits share, worked out when it is first shown.

Cached by the comparison's own digest and what was asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.compare_data import Comparison
from audit.measures_modalities import QUANTILES
from audit.pairs import Apart, Level, Scores, apart, levels, scores
from audit.pairs_reasons import Agreement, Crossed, agreement, correlations, crossed, taus

KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """Rank agreement of importance by one measure. which: positions of the models that have it, at least two;
    pairs: of these positions, the lower first."""

    measure: str
    which: tuple[int, ...]
    pairs: dict[tuple[int, int], Agreement]


def figures(comparison: Comparison) -> Scores | None:
    """None where nothing can be ranked: no known outcome, or one outcome only."""
    return _figures(comparison.digest, comparison)


@st.cache_resource(max_entries=KEPT, show_spinner="Drawing bootstrap samples …")
def _figures(digest: str, _comparison: Comparison) -> Scores | None:
    known = _comparison.known
    labels = _comparison.labels[known]
    if not 0 < labels.sum() < len(labels):
        return None
    return scores(_comparison.task, labels, _comparison.logits[:, known])


def answers(comparison: Comparison, other: int, threshold: float) -> Apart:
    """The first model and another one. threshold: a chance in 0..1."""
    return _answers(comparison.digest, other, threshold, comparison)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _answers(digest: str, other: int, threshold: float, _comparison: Comparison) -> Apart:
    return apart(_comparison.risks[0], _comparison.risks[other], threshold)


def sizes(comparison: Comparison, other: int) -> np.ndarray:
    """How far the two answers lie apart, f64[N], shares of 1."""
    found: np.ndarray = np.abs(comparison.risks[other] - comparison.risks[0])
    return found


def opposite(comparison: Comparison, other: int, threshold: float) -> np.ndarray:
    """bool[N]."""
    found: np.ndarray = (comparison.risks[0] >= threshold) != (comparison.risks[other] >= threshold)
    return found


def furthest(comparison: Comparison, other: int, count: int) -> np.ndarray:
    """The records in which the two lie furthest apart, int[count], the furthest first."""
    return np.argsort(-sizes(comparison, other), kind="stable")[:count]


def parts(comparison: Comparison, other: int, threshold: float) -> tuple[Level, ...]:
    """Subgroups, the one in which the two differ most first."""
    return _parts(comparison.digest, other, threshold, comparison)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _parts(digest: str, other: int, threshold: float, _comparison: Comparison) -> tuple[Level, ...]:
    strata = dict(_comparison.strata)
    outcomes = np.array([_comparison.outcome(row) for row in range(len(_comparison))])
    strata["Outcome"] = outcomes
    return levels(strata, sizes(_comparison, other), opposite(_comparison, other, threshold))


def importance(comparison: Comparison, model: int, measure: str) -> np.ndarray | None:
    """f32[N, M]: sizes of Shapley values, or shares of routing; None where the system has none."""
    return _importance(comparison.digest, model, measure, comparison)


@st.cache_resource(max_entries=3 * KEPT, show_spinner=False)
def _importance(digest: str, model: int, measure: str, _comparison: Comparison) -> np.ndarray | None:
    found = _comparison.models[model].each(measure)
    return np.abs(found) if found is not None and measure == "shapley" else found


def orders(comparison: Comparison, one: int, two: int, measure: str) -> np.ndarray | None:
    """Kendall's tau of each record, f64[N], NaN where it is not defined; None where one of the two has no such
    measure."""
    return _orders(comparison.digest, min(one, two), max(one, two), measure, comparison)


@st.cache_resource(max_entries=6 * KEPT, show_spinner=False)
def _orders(digest: str, one: int, two: int, measure: str, _comparison: Comparison) -> np.ndarray | None:
    first, second = (importance(_comparison, k, measure) for k in (one, two))
    return None if first is None or second is None else taus(first, second)


def reasons(comparison: Comparison, measure: str) -> Reasons:
    """All pairs of models that have the measure."""
    return _reasons(comparison.digest, measure, comparison)


@st.cache_resource(max_entries=KEPT, show_spinner="Comparing orders of modalities …")
def _reasons(digest: str, measure: str, _comparison: Comparison) -> Reasons:
    which = tuple(k for k in range(len(_comparison.models)) if importance(_comparison, k, measure) is not None)
    pairs: dict[tuple[int, int], Agreement] = {}
    for at, one in enumerate(which):
        for two in which[at + 1 :]:
            found = orders(_comparison, one, two, measure)
            if found is not None:
                pairs[one, two] = agreement(found)
    return Reasons(measure, which, pairs)


def twins(comparison: Comparison, found: Reasons) -> list[float]:
    """Medians of the pairs that are single networks of one model: trainings alike but for their random start."""
    medians = []
    for pair, each in found.pairs.items():
        one, two = (comparison.models[k].opened.manifest for k in pair)
        if one.model == two.model and None not in (one.settings.network, two.settings.network) and each.distribution:
            medians.append(each.distribution.quantiles[QUANTILES.index(50)])
    return medians


def both(comparison: Comparison, other: int, threshold: float, measure: str) -> Crossed | None:
    """Answers alike or not, by orders alike or not; None where one of the two has no such measure."""
    found = orders(comparison, 0, other, measure)
    return None if found is None else crossed(opposite(comparison, other, threshold), found)


def together(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Spearman's correlation of each modality's Shapley values with the first model's and over how many records, both
    [M, S - 1]."""
    return _together(comparison.digest, comparison)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _together(digest: str, _comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    first = _shapley(_comparison, 0)
    found = [correlations(first, _shapley(_comparison, k)) for k in range(1, len(_comparison.models))]
    return np.stack([rho for rho, _ in found], 1), np.stack([counts for _, counts in found], 1)


def _shapley(comparison: Comparison, model: int) -> np.ndarray:
    known = comparison.models[model]
    return known.opened.shapley[known.rows]


def of_record(comparison: Comparison, row: int, lead: str) -> np.ndarray:
    """f64[S, M] of one record; NaN where a model has no such measure."""
    return np.array(
        [
            [float(m.opened.columns[f"{lead}_{name}"][m.rows[row]]) for name in comparison.first.names]
            for m in comparison.models
        ]
    )
