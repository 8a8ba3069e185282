"""Shares against chances: bins, calibration error, exact intervals and net benefit, by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from amfn.reliability import calibration_bins, calibration_error, clopper_pearson, net_benefit

FOUR = np.array([0, 0, 1, 1])
CHANCES = np.array([0.1, 0.4, 0.35, 0.8])


def test_calibration_error_by_hand() -> None:
    """20 records in ten bins of two: nine bins agree with themselves, one predicts 0.9 where half are positive."""
    chances = np.repeat([0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.9], 2)
    labels = np.zeros(20)
    labels[-1] = 1
    expected = (2 * sum(k / 100 for k in range(9)) + 2 * 0.4) / 20
    assert calibration_error(labels, chances) == pytest.approx(expected)
    assert calibration_error(labels, labels) == 0.0


def test_calibration_bins_have_equal_counts_and_ascend() -> None:
    draw = np.random.default_rng(0)
    chances = draw.random(43)
    labels = (draw.random(43) < chances).astype(int)
    bins = calibration_bins(labels, chances)
    assert [b.count for b in bins] == [5, 5, 5, 4, 4, 4, 4, 4, 4, 4]
    assert all(a.predicted < b.predicted for a, b in pairwise(bins))
    assert sum(b.count * b.observed for b in bins) == pytest.approx(labels.sum())
    assert sum(b.count * b.predicted for b in bins) == pytest.approx(chances.sum())
    assert all((b.low, b.high) == clopper_pearson(round(b.count * b.observed), b.count) for b in bins)
    assert len(calibration_bins(FOUR, CHANCES)) == 4


def test_net_benefit_by_hand() -> None:
    """At 0.35 two positives and one negative reach the threshold: (2 - 35/65) / 4. Always: (2 - 2 * 35/65) / 4."""
    found = net_benefit(FOUR, CHANCES, np.array([0.35, 0.5, 0.05]))
    odds = 35 / 65
    assert found[0] == pytest.approx([(2 - odds) / 4, (2 - 2 * odds) / 4])
    assert found[1] == pytest.approx([1 / 4, 0])
    assert found[2, 0] == found[2, 1], "below every chance the model acts always"


def test_a_perfect_model_has_the_prevalence_as_its_benefit() -> None:
    labels = (np.arange(50) % 5 == 0).astype(int)
    thresholds = np.array([0.1, 0.5, 0.9])
    assert net_benefit(labels, labels * 1.0, thresholds)[:, 0] == pytest.approx([0.2] * 3)
    assert (net_benefit(labels, 1.0 - labels, thresholds)[:, 0] < 0).all()
