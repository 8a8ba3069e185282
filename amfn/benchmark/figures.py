"""Measures of out-of-fold answers over many bootstrap samples at once, and paired differences of systems.

A bootstrap sample is a row of weights, how often each record was drawn: scores are sorted once for all samples.
Axes: d samples, n records.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from amfn.evaluation import Interval
from amfn.regression import vitals_of
from amfn.reliability import calibration_error
from amfn.tasks import Task

BOOTSTRAPS = 1000
CHUNK = 100
Samples = dict[str, np.ndarray]


def bootstrap_weights(labels: np.ndarray, samples: int | None = None, seed: int = 0) -> Float[np.ndarray, "d n"]:
    """How often each record is drawn; the first row is 1 throughout: the records themselves. Of a binary task, samples
    in which a class does not occur cannot be ranked and are left out."""
    n = len(labels)
    count = BOOTSTRAPS if samples is None else samples
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), count).astype(np.float32)
    if labels.ndim == 1:
        positives = draws @ (labels > 0.5)
        draws = draws[(positives > 0) & (positives < n)]
    return np.concatenate([np.ones((1, n), np.float32), draws])


def samples(
    task: Task, labels: np.ndarray, outputs: Float[np.ndarray, "n k"], weights: Float[np.ndarray, "d n"]
) -> Samples:
    """Figure -> f64[D]: what a task of this kind is judged by, of every bootstrap sample."""
    if task.kind == "regression":
        return regression_samples(task, labels, outputs, weights)
    return binary_samples(task, labels, outputs[:, 0], weights)


def binary_samples(
    task: Task, labels: np.ndarray, logits: Float[np.ndarray, " n"], weights: Float[np.ndarray, "d n"]
) -> Samples:
    """AUROC, AUPRC, Brier score and the task's official scores."""
    chances = expit(logits.astype(np.float64))
    parts = [_ranked(labels > 0.5, logits, weights[k : k + CHUNK]) for k in range(0, len(weights), CHUNK)]
    ranked = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    found = {name: ranked[name] for name in ("auroc", "auprc")}
    found["brier"] = weights @ (chances - labels) ** 2 / weights.sum(1)
    official = list(task.official_score(labels, chances))
    if set(official) <= set(ranked):
        return found | {name: ranked[name] for name in official}
    sampled = [task.official_score(labels[at], chances[at]) for at in map(_drawn, weights)]
    return found | {name: np.array([score[name] for score in sampled]) for name in official}


def _drawn(weight: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(weight)), weight.astype(int))


def _ranked(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> Samples:
    """What follows from the order of the records alone. event_1: the largest min(sensitivity, precision)."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # equal scores are one step
    here, w = positive[order], weights[:, order].astype(np.float64)
    tp, fp = (np.cumsum(w * part, 1)[:, last] for part in (here, ~here))
    more = np.diff(tp, axis=1, prepend=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.nan_to_num(tp / (tp + fp))
    recall = tp / tp[:, -1:]
    above = np.diff(fp, axis=1, prepend=0.0) * (tp - more / 2)
    return {
        "auroc": above.sum(1) / (tp[:, -1] * fp[:, -1]),
        "auprc": (more * precision).sum(1) / tp[:, -1],
        "event_1": np.minimum(precision, recall).max(1),
    }


def regression_samples(
    task: Task, labels: Float[np.ndarray, "n k"], outputs: Float[np.ndarray, "n k"], weights: Float[np.ndarray, "d n"]
) -> Samples:
    """RMSE, MAE (both in the quantity's unit), R² and MAPE of each quantity over all its horizons, of what was
    measured. Records are drawn, with all that was measured of them."""
    found: Samples = {}
    for name, at in vitals_of(task.schema.targets).items():
        y, error = labels[:, at].astype(np.float64), outputs[:, at].astype(np.float64) - labels[:, at]
        centred = y - np.nanmean(y)  # or squares would swamp the spread of a temperature
        count = weights @ (~np.isnan(y)).sum(1)
        squares, absolute, relative, value, value_squares = (
            weights @ np.nansum(part, 1) for part in (error**2, np.abs(error), np.abs(error / y), centred, centred**2)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            found[f"rmse_{name}"] = np.sqrt(squares / count)
            found[f"mae_{name}"] = absolute / count
            found[f"r2_{name}"] = 1 - squares / (value_squares - value**2 / count)
            found[f"mape_{name}"] = 100 * relative / count
    return found


def interval(drawn: Float[np.ndarray, " d"]) -> Interval:
    """The first is the figure itself, the others its bootstrap samples: 95 % percentile interval."""
    low, high = np.nanpercentile(drawn[1:], (2.5, 97.5))
    return Interval(float(drawn[0]), float(low), float(high))


def mean_samples(parts: Sequence[Samples]) -> Samples:
    """The mean over seeds, sample by sample."""
    return {name: np.mean([part[name] for part in parts], 0) for name in parts[0]}


def differences(own: Samples, other: Samples) -> dict[str, Interval]:
    """Paired differences, own minus other, on the same bootstrap samples."""
    return {name: interval(own[name] - other[name]) for name in own}


def spread(
    task: Task, labels: np.ndarray, outputs: Sequence[Float[np.ndarray, "n k"]], fold: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each figure over all folds and seeds (outputs: one array for each seed)."""
    found: dict[str, list[float]] = {}
    for each in outputs:
        for k in range(int(fold.max()) + 1):
            at = fold == k
            for name, value in samples(task, labels[at], each[at], np.ones((1, int(at.sum())))).items():
                found.setdefault(name, []).append(float(value[0]))
    return {name: (float(np.mean(v)), float(np.std(v, ddof=1))) for name, v in found.items()}


def calibration(labels: np.ndarray, outputs: Sequence[Float[np.ndarray, "n k"]]) -> float:
    """Expected calibration error of a binary task, the mean over seeds."""
    return float(np.mean([calibration_error(labels, expit(each[:, 0].astype(np.float64))) for each in outputs]))
