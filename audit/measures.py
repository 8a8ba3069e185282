"""How well an audit's answers rank and match what happened: curves with bands, areas and scores with intervals.

Axes: N records, K groups of neighbouring chances, B draws, T thresholds. Labels are 0 and 1, chances lie in 0..1.

A bootstrap over records needs of them only how many of either outcome stand where in the order. It is drawn from these
counts: one multinomial a draw, whatever the number of records. Up to `GROUPS` distinct chances that is exactly the
bootstrap over records; beyond, records with neighbouring chances share a place, and what that changes a figure itself
is taken off its draws again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import stdtrit

from amfn.evaluation import Interval
from amfn.reliability import net_benefit
from amfn.subgroups import area_under_roc
from amfn.types import InputError

DRAWS = 500
GROUPS = 512
MEAN_GROUPS = 64
GRID = 101
"""Points of a curve, ends included."""
LIMITS = (2.5, 97.5)
THRESHOLDS = np.arange(1, 61) / 100
"""Chances from which someone might act."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """y over x with a pointwise 95 % bootstrap band, f64[GRID] each, shares in 0..1."""

    x: Float[np.ndarray, " g"]
    y: Float[np.ndarray, " g"]
    low: Float[np.ndarray, " g"]
    high: Float[np.ndarray, " g"]


@dataclass(frozen=True, slots=True, eq=False)
class Discrimination:
    """auroc, auprc (average precision), brier with 95 % percentile bootstrap intervals; roc: true positive share over
    false positive share; precision_recall: precision over recall."""

    records: int
    positives: int
    auroc: Interval
    auprc: Interval
    brier: Interval
    roc: Curve
    precision_recall: Curve


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Net benefit a record over thresholds f64[T]: acting on the model with its pointwise 95 % interval, and on all."""

    thresholds: Float[np.ndarray, " t"]
    model: Float[np.ndarray, " t"]
    low: Float[np.ndarray, " t"]
    high: Float[np.ndarray, " t"]
    everyone: Float[np.ndarray, " t"]


def require_outcomes(labels: Int[np.ndarray, " n"]) -> tuple[int, int]:
    """How many records have either outcome. Raises InputError where one of them does not occur."""
    positives = int(labels.sum())
    if not 0 < positives < len(labels):
        raise InputError(
            "outcomes",
            f"{len(labels)} records with a known outcome, {positives} of them positive",
            "records of both outcomes",
            "Widen the filter, or audit records whose outcome is known.",
        )
    return len(labels) - positives, positives


def discrimination(labels: Int[np.ndarray, " n"], chances: Float[np.ndarray, " n"], seed: int = 0) -> Discrimination:
    """ROC and precision-recall curve, their areas and the Brier score. Raises InputError for a single outcome.

    Average precision: sum over places of precision times the recall gained there, without interpolation.
    """
    labels = labels.astype(int)
    require_outcomes(labels)
    distinct, place = np.unique(chances, return_inverse=True)
    exact = _counts(labels, place, len(distinct))
    error = (chances - labels) ** 2
    grouped = _grouped(place, len(distinct))
    groups = int(grouped.max()) + 1
    counts = _counts(labels, grouped, groups)
    squares = np.stack([np.bincount(grouped[labels == k], error[labels == k], groups) for k in (0, 1)])
    draws = _draws(counts, seed)
    mean_error = np.divide(squares, counts, out=np.zeros_like(squares), where=counts > 0)
    return Discrimination(
        len(labels),
        int(labels.sum()),
        _interval(area_under_roc(labels, place), _areas(draws), _areas(counts[None])),
        _interval(float(_precisions(exact[None])[0]), _precisions(draws), _precisions(counts[None])),
        _interval(float(error.mean()), (draws * mean_error).sum((1, 2)) / len(labels)),
        _curve(exact, counts, draws, _roc),
        _curve(exact, counts, draws, _precision),
    )


def decision(
    labels: Int[np.ndarray, " n"],
    chances: Float[np.ndarray, " n"],
    thresholds: Float[np.ndarray, " t"] = THRESHOLDS,
    seed: int = 0,
) -> Decision:
    """The decision curve (Vickers and Elkin 2006). thresholds ascending, in 0 to 1 without 1. Raises InputError where
    nobody's outcome is known."""
    if not len(labels):
        raise InputError("outcomes", "no record with a known outcome", "one or more", "Widen the filter.")
    benefit = net_benefit(labels, chances, thresholds)
    band = np.searchsorted(thresholds, chances, "right")
    draws = _draws(_counts(labels.astype(int), band, len(thresholds) + 1), seed, both=False)
    reached = np.cumsum(draws[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1:]
    odds = thresholds / (1 - thresholds)
    low, high = np.percentile((reached[:, 1] - reached[:, 0] * odds) / len(labels), LIMITS, axis=0)
    return Decision(thresholds, benefit[:, 0], low, high, benefit[:, 1])


def mean_interval(values: Float[np.ndarray, " n"], seed: int = 0) -> Interval | None:
    """The mean of finite values with its 95 % percentile bootstrap interval; None where there is none.

    Drawn by counting as above: more than `MEAN_GROUPS` values are counted in so many equal stretches of their range,
    each at the mean of what lies in it.
    """
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    counts, means = np.ones(len(values)), values.astype(float)
    if len(values) > MEAN_GROUPS and low < high:
        place = ((values - low) * (MEAN_GROUPS / (high - low))).astype(np.int32)
        counts = np.bincount(place).astype(float)
        means = np.bincount(place, values) / np.maximum(counts, 1)
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), DRAWS)
    return _interval(float(values.mean(dtype=float)), drawn @ means / len(values))


def t_interval(values: Float[np.ndarray, " n"]) -> Interval | None:
    """The mean of finite values with its 95 % interval by Student's t; None for fewer than two of them."""
    count = len(values)
    if count < 2:
        return None
    mean = float(values.mean(dtype=float))
    half = float(stdtrit(count - 1, 0.975) * values.std(ddof=1, dtype=float) / np.sqrt(count))
    return Interval(mean, mean - half, mean + half)


def _counts(labels: np.ndarray, place: np.ndarray, places: int) -> Float[np.ndarray, "2 k"]:
    """Records of outcome 0 and 1 at each place, from the lowest chance up."""
    return np.stack([np.bincount(place[labels == k], minlength=places) for k in (0, 1)]).astype(float)


def _grouped(place: np.ndarray, places: int) -> Int[np.ndarray, " n"]:
    """At most GROUPS groups of about equal count; equal chances stay together."""
    if places <= GROUPS:
        return place
    before = np.cumsum(np.bincount(place)) - 1
    return np.unique(before * GROUPS // len(place), return_inverse=True)[1][place]


def _draws(counts: Float[np.ndarray, "2 k"], seed: int, both: bool = True) -> Float[np.ndarray, "b 2 k"]:
    """Counts of records drawn with replacement; both: without the draws in which an outcome is lacking."""
    total = counts.sum()
    drawn = np.random.default_rng(seed).multinomial(int(total), counts.ravel() / total, DRAWS).astype(float)
    shaped = drawn.reshape(DRAWS, *counts.shape)
    return shaped[(shaped.sum(2) > 0).all(1)] if both else shaped


def _areas(counts: Float[np.ndarray, "b 2 k"]) -> Float[np.ndarray, " b"]:
    negative, positive = counts[:, 0], counts[:, 1]
    pairs = positive.sum(1) * negative.sum(1)
    return (positive * (np.cumsum(negative, axis=1) - negative / 2)).sum(1) / pairs


def _precisions(counts: Float[np.ndarray, "b 2 k"]) -> Float[np.ndarray, " b"]:
    """Average precision."""
    descending = counts[:, :, ::-1]
    false, true = np.cumsum(descending, axis=2).transpose(1, 0, 2)
    precision = np.divide(true, true + false, out=np.ones_like(true), where=true + false > 0)
    return (descending[:, 1] * precision).sum(1) / true[:, -1]


def _roc(counts: Float[np.ndarray, "2 k"], grid: np.ndarray) -> np.ndarray:
    false, true = (np.append(0, np.cumsum(row[::-1])) / row.sum() for row in counts)
    # Of several points above each other numpy takes the last one, which is the highest.
    return np.interp(grid, false, true)


def _precision(counts: Float[np.ndarray, "2 k"], grid: np.ndarray) -> np.ndarray:
    false, true = (np.cumsum(row[::-1]) for row in counts)
    recall = true / true[-1]
    at = np.searchsorted(recall, np.maximum(grid, recall[recall > 0][0]) - 1e-12)
    return (true / np.maximum(true + false, 1))[at]


def _curve(
    exact: np.ndarray, grouped: np.ndarray, draws: np.ndarray, of: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Curve:
    grid = np.linspace(0, 1, GRID)
    y = of(exact, grid)
    low, high = np.percentile([of(counts, grid) for counts in draws], LIMITS, axis=0) + y - of(grouped, grid)
    return Curve(grid, y, np.clip(np.minimum(low, y), 0, 1), np.clip(np.maximum(high, y), 0, 1))


def _interval(value: float, drawn: np.ndarray, grouped: np.ndarray | None = None) -> Interval:
    """grouped: the same figure of the counts that were drawn from, where it may differ from `value`."""
    low, high = np.percentile(drawn, LIMITS) + (0.0 if grouped is None else value - float(grouped[0]))
    return Interval(value, float(low), float(high))
