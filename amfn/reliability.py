"""How far stated chances are from what happened: exact intervals of a share, reliability bins, calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

BINS = 10
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Records of one tenth of the predicted chances: their count, mean prediction, observed share and its interval."""

    count: int
    predicted: float
    observed: float
    low: float
    high: float


def clopper_pearson(events: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact binomial interval of a share (Clopper and Pearson 1934); 0 to 1 where nothing was counted."""
    tail = (1 - confidence) / 2
    low = float(betaincinv(events, count - events + 1, tail)) if events else 0.0
    high = float(betaincinv(events + 1, count - events, 1 - tail)) if events < count else 1.0
    return low, high


def calibration_bins(labels: np.ndarray, chances: np.ndarray) -> tuple[CalibrationBin, ...]:
    """Ten bins of equal count, ascending."""
    parts = np.array_split(np.argsort(chances, kind="stable"), BINS)
    return tuple(
        CalibrationBin(
            len(part),
            float(chances[part].mean()),
            float(labels[part].mean()),
            *clopper_pearson(int(labels[part].sum()), len(part)),
        )
        for part in parts
        if len(part)
    )


def calibration_error(labels: np.ndarray, chances: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal count."""
    parts = np.array_split(np.argsort(chances, kind="stable"), BINS)
    return sum(abs(float(chances[p].sum()) - float(labels[p].sum())) for p in parts) / len(labels)


def net_benefit(labels: np.ndarray, chances: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Decision curve, f64[T, 2]: net benefit of acting where the chance reaches the threshold, and of acting always;
    that of never acting is 0 (Vickers and Elkin 2006).

    Net benefit: true positives a record, minus false positives a record weighed by the odds of the threshold, which say
    how many needless actions one rightly placed one is worth. thresholds: f64[T] in 0 to 1, without 1.
    """
    order = np.sort(chances)
    positives = np.concatenate([[0], np.cumsum(labels[np.argsort(chances, kind="stable")])])
    below = np.searchsorted(order, thresholds, "left")
    true = positives[-1] - positives[below]
    false = len(labels) - below - true
    odds = thresholds / (1 - thresholds)
    always = positives[-1] - (len(labels) - positives[-1]) * odds
    return np.stack([true - false * odds, always], 1) / len(labels)
