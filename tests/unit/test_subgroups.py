"""Parts of a cohort: who belongs where, and what is measured of each."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amfn.reliability import calibration_error, clopper_pearson
from amfn.subgroups import SMALLEST_CALIBRATED, SMALLEST_CLASS, area_under_roc, by_subgroup, subgroups_as_json
from amfn.tasks import get_task
from tests.cohorts import stays


def test_every_part_is_measured_on_its_own_records() -> None:
    draw = np.random.default_rng(0)
    chances = draw.random(300).round(2)
    labels = (draw.random(300) < chances).astype(int)
    sex = ["Female" if k % 3 else "Male" for k in range(300)]
    found = by_subgroup({"Sex": sex, "Nothing": ["all"] * 300}, labels, chances, samples=50)
    assert list(found) == ["Sex", "Nothing"]
    assert list(found["Sex"]) == ["Female", "Male"]
    for name, group in found["Sex"].items():
        at = np.array(sex) == name
        assert (group.records, group.positives) == (at.sum(), labels[at].sum())
        assert group.auroc is not None
        value, low, high = group.auroc
        assert value == pytest.approx(roc_auc_score(labels[at], chances[at]))
        assert low < value < high
        assert group.calibration_error == calibration_error(labels[at], chances[at])
        assert group.predicted == pytest.approx(chances[at].mean())
        assert group.observed == (labels[at].mean(), *clopper_pearson(int(labels[at].sum()), int(at.sum())))
    assert by_subgroup({"Sex": sex}, labels, chances, samples=50)["Sex"] == found["Sex"]


def test_small_parts_get_counts_and_no_figures() -> None:
    count = 2 * SMALLEST_CLASS
    labels = np.arange(count) % 2
    parts = ["enough"] * (count - 1) + ["alone"]
    found = by_subgroup({"Part": parts}, labels, np.linspace(0, 1, count), samples=5)["Part"]
    assert found["alone"].auroc is None
    assert found["alone"].observed == pytest.approx((1, 0.025, 1))
    assert found["enough"].positives == SMALLEST_CLASS - 1
    assert found["enough"].auroc is None
    whole = by_subgroup({"Part": ["all"] * count}, labels, np.linspace(0, 1, count), samples=5)["Part"]["all"]
    assert whole.auroc is not None
    assert whole.calibration_error is None
    assert count < SMALLEST_CALIBRATED


def test_the_area_counts_ties_half() -> None:
    assert area_under_roc(np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])) == 0.5
    assert area_under_roc(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])) == 3.5 / 4
    assert np.isnan(area_under_roc(np.array([1, 1]), np.array([0, 1])))


def test_plain_values() -> None:
    found = by_subgroup({"Part": ["a"] * 4}, np.array([0, 0, 0, 1]), np.full(4, 1 / 3), samples=5)
    assert subgroups_as_json(found) == {"Part": {"a": [4, 1, None, None, 0.3333, [0.25, 0.0063, 0.8059]]}}


def test_stays_are_divided_by_age_sex_and_icu_type() -> None:
    cohort = stays(5)
    row = np.full((5, 8), np.nan, np.float32)
    names = [channel.name for channel in cohort.task.schema.modality("demographics").channels]
    row[:, names.index("Age")] = [44, 45, 64.5, 80, np.nan]
    row[:, names.index("male")] = [1, 0, np.nan, 1, 0]
    row[0, names.index("icu_3")] = 1
    row[1, [names.index(f"icu_{k}") for k in (1, 2, 3, 4)]] = [0, 1, 0, 0]
    found = cohort.task.subgroups({**cohort.values, "demographics": row[:, None]})
    assert found == {
        "Age": ["15 to 44 years", "45 to 64 years", "45 to 64 years", "80 years and over", "not stated"],
        "Sex": ["Male", "Female", "not stated", "Male", "Female"],
        "ICU type": ["Medical", "Cardiac surgery recovery", "not stated", "not stated", "not stated"],
    }


def test_alarms_are_divided_by_their_type() -> None:
    flags = np.eye(5, dtype=np.float32)[[1, 4]][:, None]
    assert get_task("icu_alarm").subgroups({"alarm": flags}) == {
        "Alarm type": ["Extreme bradycardia", "Ventricular flutter or fibrillation"]
    }
