"""How a model does in parts of a cohort: by age, sex and ICU type, or by alarm type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amfn.reliability import calibration_error, clopper_pearson

SMALLEST_CLASS = 10
"""Records of the rarer outcome from which on a ranking is measured."""
SMALLEST_CALIBRATED = 100
"""Records from which on a calibration error is: tenths of fewer are noise."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """auroc: value, low, high of a 95 % percentile bootstrap, None where too few of one outcome; predicted: the mean
    chance; observed: the share that came true, and its exact 95 % interval; calibration_error: None where too few."""

    records: int
    positives: int
    auroc: tuple[float, float, float] | None
    calibration_error: float | None
    predicted: float
    observed: tuple[float, float, float]


def by_subgroup(
    strata: Mapping[str, Sequence[str]], labels: np.ndarray, chances: np.ndarray, samples: int, seed: int = 0
) -> dict[str, dict[str, Subgroup]]:
    """Stratum ("Sex") -> level ("Female") -> its figures; levels in alphabetical order. labels {0, 1}[N]."""
    draw = np.random.default_rng(seed)
    found: dict[str, dict[str, Subgroup]] = {}
    for stratum, levels in strata.items():
        level = np.array(levels)
        found[stratum] = {
            str(name): _subgroup(labels[level == name], chances[level == name], samples, draw)
            for name in np.unique(level)
        }
    return found


def _subgroup(labels: np.ndarray, chances: np.ndarray, samples: int, draw: np.random.Generator) -> Subgroup:
    count, positives = len(labels), int(labels.sum())
    return Subgroup(
        count,
        positives,
        _ranking(labels, chances, samples, draw) if min(positives, count - positives) >= SMALLEST_CLASS else None,
        calibration_error(labels, chances) if count >= SMALLEST_CALIBRATED else None,
        float(chances.mean()),
        (positives / count, *clopper_pearson(positives, count)),
    )


def _ranking(
    labels: np.ndarray, chances: np.ndarray, samples: int, draw: np.random.Generator
) -> tuple[float, float, float]:
    rank = np.unique(chances, return_inverse=True)[1]
    drawn = [area_under_roc(labels[rows], rank[rows]) for rows in draw.integers(0, len(rank), (samples, len(rank)))]
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return area_under_roc(labels, rank), float(low), float(high)


def area_under_roc(labels: np.ndarray, rank: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The share of pairs of a positive and a negative record in order, ties half; NaN where there is no pair.

    rank: int[N] from 0, equal where the chances are equal. weights: how often each record counts. Counting beats
    sorting a thousand times.
    """
    counts = np.ones(len(labels)) if weights is None else weights
    positive, negative = (
        np.bincount(rank[labels == k], counts[labels == k], minlength=int(rank.max()) + 1) for k in (1, 0)
    )
    pairs = positive.sum() * negative.sum()
    return float((positive * (np.cumsum(negative) - negative / 2)).sum() / pairs) if pairs else float("nan")


def subgroups_as_json(found: Mapping[str, Mapping[str, Subgroup]]) -> dict[str, dict[str, list[Any]]]:
    """Plain values, rounded to what is printed: records, positives, AUROC, calibration error, predicted, observed."""
    return {
        stratum: {
            name: [
                group.records,
                group.positives,
                None if group.auroc is None else _rounded(group.auroc),
                None if group.calibration_error is None else round(group.calibration_error, 4),
                round(group.predicted, 4),
                _rounded(group.observed),
            ]
            for name, group in levels.items()
        }
        for stratum, levels in found.items()
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]
