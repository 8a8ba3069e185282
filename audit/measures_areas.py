"""Areas under ROC curves compared: of several scores on the same records, and of separate groups of records.

Axes: N records, S scores, P positives, Q negatives. Variances after DeLong, DeLong and Clarke-Pearson 1988 (Biometrics
44), through midranks (Sun and Xu 2014, IEEE Signal Processing Letters 21): exact sums, no draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit, logit, ndtr
from scipy.stats import rankdata

from amfn.evaluation import Interval
from amfn.removal import RATES, REPEATS, removal_masks, removed
from amfn.types import Schema
from audit.measures import require_outcomes

Z = 1.959963984540054
"""The standard normal's 97.5 % point."""


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """values f64[S], the AUROC of each score; covariance f64[S, S] of these estimates over records."""

    values: Float[np.ndarray, " s"]
    covariance: Float[np.ndarray, "s s"]

    def interval(self, weights: Float[np.ndarray, " s"]) -> Interval:
        """A weighted mean of areas with its 95 % interval, made on the logit scale so that it stays within 0..1.

        At 0 or 1 the variance is 0, and so is the interval's width: nothing in the records says otherwise.
        """
        value = float(weights @ self.values)
        if not 0 < value < 1:
            return Interval(value, value, value)
        half = Z * self._error(weights) / (value * (1 - value))
        return Interval(value, float(expit(logit(value) - half)), float(expit(logit(value) + half)))

    def contrast(self, weights: Float[np.ndarray, " s"]) -> Interval:
        """A difference of areas (weights that add up to 0) with its 95 % normal interval."""
        value, half = float(weights @ self.values), Z * self._error(weights)
        return Interval(value, value - half, value + half)

    def _error(self, weights: Float[np.ndarray, " s"]) -> float:
        return float(np.sqrt(max(weights @ self.covariance @ weights, 0.0)))


@dataclass(frozen=True, slots=True)
class Removal:
    """What the ranking is worth with modalities taken away.

    curve: rate (0..1) and AUROC. without: modality, its AUROC over all records once those that have it lose it, what
    that changes, and how many records have it.
    """

    records: int
    positives: int
    curve: tuple[tuple[float, Interval], ...]
    without: tuple[tuple[str, Interval, Interval, int], ...]


def areas(labels: Int[np.ndarray, " n"], scores: Float[np.ndarray, "s n"]) -> Areas:
    """The AUROC of each score with the covariance of all. Raises InputError for a single outcome."""
    negatives, positives = require_outcomes(labels)
    is_positive = labels.astype(bool)
    above, below = scores[:, is_positive], scores[:, ~is_positive]
    ranks = rankdata(scores, axis=1)
    beaten = (ranks[:, is_positive] - rankdata(above, axis=1)) / negatives
    beating = 1 - (ranks[:, ~is_positive] - rankdata(below, axis=1)) / positives
    return Areas(beaten.mean(1), _covariance(beaten) + _covariance(beating))


def two_sided(difference: float, error: float) -> float:
    """The p-value of a difference with this standard error against none; 1 where nothing varies."""
    return float(2 * ndtr(-abs(difference) / error)) if error > 0 else 1.0


def removal_keeps(schema: Schema, present: Bool[np.ndarray, "n m"]) -> dict[str, Bool[np.ndarray, "n m"]]:
    """Variant -> what each record keeps: `amfn.removal.removal_masks` at random, and "without_<m>", all but one.

    A record keeps its last modality at random removal, as in training; without a named one it may be left with none.
    Draws follow a record's row: make them for a whole audit, then filter.
    """
    masks = removal_masks(schema, present)
    masks = {removed(rate, repeat): masks[removed(rate, repeat)] for rate in RATES[1:] for repeat in range(REPEATS)}
    for k, name in enumerate(schema.names):
        masks[without(name)] = present & (np.arange(present.shape[1]) != k)
    return masks


def without(modality: str) -> str:
    return f"without_{modality}"


def subset_rows(present: Bool[np.ndarray, "n m"], keep: Bool[np.ndarray, "n m"]) -> Int[np.ndarray, " n"]:
    """Which of a record's 2^p subsets, in the order of `explain.coalitions.subsets_of`, keeps just these modalities."""
    place = np.cumsum(present, axis=1) - 1
    return ((keep & present) * np.left_shift(1, np.where(present, place, 0))).sum(1)


def removal(
    labels: Int[np.ndarray, " n"],
    full: Float[np.ndarray, " n"],
    variants: Mapping[str, Float[np.ndarray, " n"]],
    present: Bool[np.ndarray, "n m"],
    names: tuple[str, ...],
) -> Removal:
    """AUROC with modalities removed, from the logits of each variant of `removal_keeps`; a rate's is the mean over its
    draws. Raises InputError for a single outcome."""
    order = ["", *(removed(rate, k) for rate in RATES[1:] for k in range(REPEATS)), *(without(m) for m in names)]
    found = areas(labels, np.stack([full if not name else variants[name] for name in order]))
    at = {name: np.eye(len(order))[k] for k, name in enumerate(order)}
    curve = [(0.0, found.interval(at[""]))]
    for rate in RATES[1:]:
        draws = np.sum([at[removed(rate, k)] for k in range(REPEATS)], axis=0) / REPEATS
        curve.append((rate / 100, found.interval(draws)))
    alone = tuple(
        (name, found.interval(at[without(name)]), found.contrast(at[without(name)] - at[""]), int(present[:, k].sum()))
        for k, name in enumerate(names)
    )
    return Removal(len(labels), int(labels.sum()), tuple(curve), alone)


def _covariance(parts: Float[np.ndarray, "s p"]) -> Float[np.ndarray, "s s"]:
    """Of the means of these parts; 0 where a single record says nothing of how they vary."""
    size = parts.shape[1]
    if size < 2:
        return np.zeros((len(parts), len(parts)))
    return np.atleast_2d(np.cov(parts)) / size
