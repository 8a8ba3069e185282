"""Measures of a forecast: by hand, against scikit-learn, and against forecasts whose rank is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error, r2_score, root_mean_squared_error

from amfn.checkpoint import Member
from amfn.dataset import Cohort
from amfn.evaluation import outputs
from amfn.fusion import build_fusion
from amfn.fusion.ensemble import Ensemble
from amfn.regression import (
    as_json,
    carried_forward,
    compare,
    differences_as_json,
    measure_forecast,
    vitals_of,
)
from amfn.types import InputError
from tests.cohorts import TINY_MODEL, forecasts, stays

NAN = float("nan")


def measured(records: int = 40) -> tuple[Cohort, np.ndarray]:
    cohort = forecasts(records)
    noise = np.random.default_rng(1).normal(0, 2, cohort.labels.shape)
    return cohort, (np.nan_to_num(cohort.labels, nan=999.0) + noise).astype(np.float32)


def test_errors_by_hand() -> None:
    """Heart rates an hour ahead of 50, 100 and 90, forecast as 54, 97 and 90; one more was not measured."""
    cohort = forecasts(4)
    cohort.labels[:] = NAN
    cohort.labels[:3, 0] = [50, 100, 90]
    predicted = np.full((4, 24), NAN, np.float32)
    predicted[:3, 0] = [54, 97, 90]
    predicted[3, 0] = 1e6
    report = measure_forecast(cohort, predicted, draws=50)
    found = report.targets["HR_1h"]
    assert found.measured == 3
    assert found.rmse.value == pytest.approx(np.sqrt(25 / 3))
    assert found.mae.value == pytest.approx(7 / 3)
    assert found.mape.value == pytest.approx((8 + 3 + 0) / 3)
    assert found.r2.value == pytest.approx(1 - 25 / 1400)
    assert report.vitals["HR"].rmse.value == found.rmse.value
    assert np.isnan(report.targets["HR_2h"].rmse.value)
    assert as_json(report)["targets"]["HR_2h"] == {
        "measured": 0, **dict.fromkeys(("rmse", "mae", "r2", "mape"), [None] * 3),
    }  # fmt: skip


def test_every_target_and_every_vital_agrees_with_scikit_learn() -> None:
    cohort, predicted = measured()
    report = measure_forecast(cohort, predicted, draws=20)
    places = {
        **{name: [k] for k, name in enumerate(cohort.task.schema.targets)},
        **vitals_of(cohort.task.schema.targets),
    }
    for name, errors in {**report.targets, **report.vitals}.items():
        truth, guess = cohort.labels[:, places[name]].astype(float), predicted[:, places[name]].astype(float)
        seen = ~np.isnan(truth)
        pair = truth[seen], guess[seen]
        assert errors.measured == seen.sum()
        assert errors.rmse.value == pytest.approx(root_mean_squared_error(*pair))
        assert errors.mae.value == pytest.approx(mean_absolute_error(*pair))
        assert errors.r2.value == pytest.approx(r2_score(*pair))
        assert errors.mape.value == pytest.approx(100 * mean_absolute_percentage_error(*pair))
    assert report.units == {"HR": "bpm", "MAP": "mmHg", "RespRate": "breaths/min", "Temp": "degC"}
    assert report.records == 40


def test_intervals_are_of_stays_drawn_again() -> None:
    """The bootstrap by weights equals drawing the stays themselves, and covers the figure."""
    cohort, predicted = measured()
    report = measure_forecast(cohort, predicted, seed=3, draws=200)
    counts = np.random.default_rng(3).multinomial(40, np.full(40, 1 / 40), 200)
    sampled = []
    for count in counts:
        rows = np.repeat(np.arange(40), count)
        sampled.append(measure_forecast(cohort.rows(rows), predicted[rows], draws=1).vitals["MAP"].rmse.value)
    found = report.vitals["MAP"].rmse
    assert [found.low, found.high] == pytest.approx(np.percentile(sampled, (2.5, 97.5)).tolist(), rel=1e-6)
    assert found.low < found.value < found.high
    assert measure_forecast(cohort, predicted, seed=3, draws=200) == report


def test_a_better_forecast_differs_with_its_sign_and_a_forecast_from_itself_not_at_all() -> None:
    cohort, predicted = measured()
    worse = predicted + np.random.default_rng(2).normal(0, 4, predicted.shape).astype(np.float32)
    found = compare(cohort, predicted, worse, draws=200)
    assert list(found) == ["HR", "MAP", "RespRate", "Temp"]
    for rows in found.values():
        assert all(rows[m].high < 0 for m in ("rmse", "mae", "mape"))
        assert rows["r2"].low > 0
    same = compare(cohort, predicted, predicted, draws=20)
    assert {(i.value, i.low, i.high) for rows in same.values() for i in rows.values()} == {(0.0, 0.0, 0.0)}
    one, other = (measure_forecast(cohort, p, draws=2).vitals["HR"].rmse.value for p in (predicted, worse))
    assert found["HR"]["rmse"].value == pytest.approx(one - other)


def test_the_baseline_carries_the_last_value_and_else_the_mean_of_the_other_folds() -> None:
    cohort = forecasts(40)
    fold = np.arange(40) % 2
    carried = carried_forward(cohort, fold)
    assert cohort.anchor is not None
    known = ~np.isnan(cohort.anchor)
    np.testing.assert_array_equal(carried[known], cohort.anchor[known])
    np.testing.assert_allclose(carried[0], np.nanmean(cohort.labels[1::2], 0), rtol=1e-5)
    np.testing.assert_allclose(carried[5], np.nanmean(cohort.labels[::2], 0), rtol=1e-5)


def test_an_untrained_head_of_zero_forecasts_the_baseline() -> None:
    cohort = forecasts(12)
    assert cohort.anchor is not None
    normaliser, targets = cohort.fit_normaliser(range(12)), cohort.fit_targets(range(12))
    assert targets is not None
    model = build_fusion("amfn", cohort.task.schema, TINY_MODEL, cohort.prior(range(12))).eval()
    for name, value in model.named_parameters():
        if name.startswith("head."):
            value.detach().zero_()
    rows = np.array([7, 0, 3])
    found = outputs(Member(Ensemble([model]), normaliser, targets), cohort, rows, size=2)
    np.testing.assert_array_equal(targets.physical(found, cohort.anchor[rows]), targets.anchored(cohort.anchor[rows]))
    assert outputs(Member(Ensemble([model]), normaliser, targets), cohort, rows[:0]).shape == (0, 24)
    with pytest.raises(InputError, match="without anchors"):
        carried_forward(stays(3), np.zeros(3, int))


def test_json_is_plain_and_rounded() -> None:
    cohort, predicted = measured()
    report = measure_forecast(cohort, predicted, draws=20)
    plain = as_json(report)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["vitals"]["Temp"]["rmse"][0] == round(report.vitals["Temp"].rmse.value, 4)
    paired = differences_as_json(compare(cohort, predicted, predicted + 1, draws=20))
    assert json.loads(json.dumps(paired, allow_nan=False)) == paired
    assert list(paired["HR"]) == ["rmse", "mae", "r2", "mape"]


def test_a_forecast_with_holes_or_of_another_shape_is_refused() -> None:
    cohort, predicted = measured(6)
    holes = predicted.copy()
    holes[~np.isnan(cohort.labels)] = NAN
    for bad in (predicted[:, :6], holes):
        with pytest.raises(InputError, match="numbers of shape"):
            measure_forecast(cohort, bad)
