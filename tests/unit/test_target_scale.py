"""Regression targets: changes from an anchor in training spreads, and cohorts that carry them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amfn.batch import TargetScale
from amfn.dataset import Cohort, read_folders
from amfn.types import InputError
from tests.cohorts import forecasts, stays

NAN = np.nan
TARGETS = ("a", "b")
LABELS = np.array([[12.0, 5.0], [8.0, NAN], [NAN, 7.0], [40.0, 9.0]], np.float32)
ANCHOR = np.array([[10.0, 5.0], [10.0, 5.0], [10.0, 5.0], [NAN, 5.0]], np.float32)


def test_mean_and_spread_by_hand() -> None:
    """a: levels 12, 8, 40, mean 20, changes 2, -2 and, from the mean, 20. b: mean 7, changes 0, 2, 4."""
    scale = TargetScale.fit(TARGETS, LABELS, ANCHOR)
    np.testing.assert_allclose(scale.mean, [20, 7])
    np.testing.assert_allclose(scale.std, [np.std([2, -2, 20]), np.std([0, 2, 4])], rtol=1e-6)
    assert scale.mean.dtype == scale.std.dtype == np.float32


def test_zero_is_the_anchor_carried_forward_or_the_mean() -> None:
    scale = TargetScale(np.array([20, 7], np.float32), np.array([2, 4], np.float32))
    np.testing.assert_array_equal(scale.physical(np.zeros((4, 2)), ANCHOR), [[10, 5], [10, 5], [10, 5], [20, 5]])
    expected = [[1, 0], [-1, NAN], [NAN, 0.5], [10, 1]]
    np.testing.assert_array_equal(scale.standardise(LABELS, ANCHOR), np.array(expected, np.float32))


def test_scaling_there_and_back() -> None:
    cohort = forecasts(30)
    assert cohort.anchor is not None
    scale = cohort.fit_targets(np.arange(20))
    assert scale is not None
    there = scale.standardise(cohort.labels, cohort.anchor)
    np.testing.assert_allclose(scale.physical(there, cohort.anchor), cohort.labels, rtol=1e-5)
    np.testing.assert_allclose(np.nanstd(there[:20], 0), 1, rtol=1e-5)
    members = scale.physical(np.stack([there, there]), cohort.anchor)
    np.testing.assert_array_equal(members[1], scale.physical(there, cohort.anchor))


def test_only_the_rows_named_are_fitted_on() -> None:
    cohort = forecasts(30)
    before = cohort.fit_targets(range(20))
    cohort.labels[20:] *= 3
    after, other = cohort.fit_targets(range(20)), cohort.fit_targets(range(30))
    assert before is not None
    assert after is not None
    assert other is not None
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)
    assert not np.array_equal(before.mean, other.mean)


def test_targets_that_cannot_be_scaled_are_refused() -> None:
    with pytest.raises(InputError, match="b measured in 1 of 2 training records"):
        TargetScale.fit(TARGETS, LABELS[:2], ANCHOR[:2])
    with pytest.raises(InputError, match="labels: a measured in 0 of 0"):
        TargetScale.fit(TARGETS, LABELS[:0], ANCHOR[:0])
    with pytest.raises(InputError, match="a differs from the last value by the same"):
        TargetScale.fit(TARGETS, ANCHOR[:3] + np.array([[1, 0], [1, 1], [1, 2]]), ANCHOR[:3])


def test_the_scale_survives_json() -> None:
    scale = TargetScale.fit(TARGETS, LABELS, ANCHOR)
    again = TargetScale.from_json(json.loads(json.dumps(scale.to_json())), 2)
    np.testing.assert_array_equal(again.mean, scale.mean)
    np.testing.assert_array_equal(again.std, scale.std)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"mean": [1.0, 2.0]},
        {"mean": [1.0], "std": [1.0]},
        {"mean": [1.0, 2.0], "std": [1.0]},
        {"mean": [1.0, 2.0], "std": [1.0, 0.0]},
        {"mean": [1.0, NAN], "std": [1.0, 1.0]},
        {"mean": [1.0, "x"], "std": [1.0, 1.0]},
        {"mean": 1.0, "std": 1.0},
    ],
)
def test_what_is_no_scale_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError, match="target scale"):
        TargetScale.from_json(data, 2)


def test_a_forecast_survives_its_file(tmp_path: Path) -> None:
    cohort = forecasts(6)
    cohort.save(tmp_path / "forecast.npz")
    again = read_folders(cohort.task, [tmp_path / "forecast.npz"])
    assert again.task is cohort.task
    assert again.digest() == cohort.digest()
    np.testing.assert_array_equal(again.labels, cohort.labels)
    assert again.anchor is not None
    assert cohort.anchor is not None
    np.testing.assert_array_equal(again.anchor, cohort.anchor)
    some = again.rows([4, 1])
    assert some.anchor is not None
    np.testing.assert_array_equal(some.anchor, cohort.anchor[[4, 1]])
    np.testing.assert_array_equal(some.labels, cohort.labels[[4, 1]])


def test_the_digest_sees_labels_and_anchor() -> None:
    cohort = forecasts(6)
    assert cohort.anchor is not None
    assert replace(cohort, anchor=cohort.anchor + 1).digest() != cohort.digest()
    assert replace(cohort, labels=cohort.labels + 1).digest() != cohort.digest()


@pytest.mark.parametrize("changes", [{"anchor": None}, {"anchor": np.zeros((6, 3))}, {"labels": np.zeros(6)}])
def test_a_forecast_without_a_fitting_part_is_refused(tmp_path: Path, changes: dict[str, np.ndarray | None]) -> None:
    path = tmp_path / "forecast.npz"
    forecasts(6).save(path)
    with np.load(path) as store:
        arrays = {k: v for k, v in {**dict(store), **changes}.items() if v is not None}
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=next(iter(changes))):
        Cohort.load(path)


def test_priors_and_strata() -> None:
    binary, forecast = stays(30), forecasts(30)
    assert binary.fit_targets(range(30)) is None
    assert binary.prior(range(30)) == pytest.approx((1 / 3,))
    assert binary.prior([1, 2]) == pytest.approx((1e-3,))
    assert forecast.prior(range(30)) == (0.5,) * 24
    np.testing.assert_array_equal(binary.strata(), binary.labels)
    assert forecast.strata().tolist() == [int(g == "Surgical") for g in forecast.groups]
