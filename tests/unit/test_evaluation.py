"""Measures by hand, and records scored by the member that has not seen them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from amfn import evaluation
from amfn.batch import Normaliser
from amfn.checkpoint import Member, fingerprint, load_checkpoint, load_folds, save_checkpoint
from amfn.dataset import Cohort
from amfn.evaluation import (
    as_json,
    assign_folds,
    fold_of,
    measure,
    out_of_fold,
    outputs,
    predict,
)
from amfn.fusion.ensemble import Ensemble
from amfn.types import InputError
from tests.cohorts import stays, tiny_model

FOUR = np.array([0, 0, 1, 1])
CHANCES = np.array([0.1, 0.4, 0.35, 0.8])


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bootstrap is made of does not change with its size, only how long it takes."""
    monkeypatch.setattr(evaluation, "BOOTSTRAPS", 100)


def cohort_of(labels: np.ndarray) -> Cohort:
    return replace(stays(len(labels)), labels=labels.astype(np.float32))


def test_figures_of_four_records_by_hand() -> None:
    """Of the four pairs of a positive and a negative, three are in order. Precisions at the two positives from the
    top: 1/1 and 2/3. Event 1: calling the upper three gives a sensitivity of 1 and a precision of 2/3."""
    figures = measure(cohort_of(FOUR), CHANCES).figures
    assert figures["auroc"].value == pytest.approx(3 / 4)
    assert figures["auprc"].value == pytest.approx((1 + 2 / 3) / 2)
    assert figures["brier"].value == pytest.approx((0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4)
    assert figures["event_1"].value == pytest.approx(2 / 3)


def test_intervals_hold_the_value_and_repeat() -> None:
    draw = np.random.default_rng(1)
    labels = np.arange(60) % 2
    chances = np.clip(0.3 * labels + draw.random(60) * 0.6, 0, 1)
    first, second = measure(cohort_of(labels), chances), measure(cohort_of(labels), chances)
    assert first == second
    for name, figure in first.figures.items():
        assert figure.low < figure.high, name
        assert figure.low <= figure.value <= figure.high or name == "calibration_error"
    assert measure(cohort_of(labels), chances, seed=1).figures["auroc"].low != first.figures["auroc"].low


def test_a_perfect_ranking_has_an_interval_of_one_point() -> None:
    labels = np.arange(40) % 2
    figures = measure(cohort_of(labels), labels * 0.8 + 0.1).figures
    assert str(figures["auroc"]) == "1.000 (1.000 to 1.000)"


def test_one_class_cannot_be_measured() -> None:
    with pytest.raises(InputError, match="5 records, all of one class"):
        measure(cohort_of(np.ones(5)), np.full(5, 0.5))


def test_plain_values_are_rounded_to_four_digits() -> None:
    plain = as_json(measure(cohort_of(FOUR), CHANCES))
    assert (plain["records"], plain["positives"]) == (4, 2)
    assert plain["figures"]["auprc"][0] == 0.8333
    assert plain["bins"][0] == [1, 0.1, 0.0, 0.0, 0.975]
    assert plain["decision"][-1] == [0.6, 0.25, -0.25]
    assert plain["subgroups"].keys() == {"Age", "Sex", "ICU type"}


def test_folds_are_stratified_and_follow_the_seed() -> None:
    labels = (np.arange(103) % 5 == 0).astype(float)
    fold = assign_folds(labels, 5, 0)
    assert sorted(np.bincount(fold)) == [20, 20, 21, 21, 21]
    assert all(labels[fold == k].sum() in (4, 5) for k in range(5))
    assert (assign_folds(labels, 5, 0) == fold).all()
    assert (assign_folds(labels, 5, 1) != fold).any()


@pytest.fixture
def constant_answers(tmp_path: Path) -> tuple[Path, Cohort]:
    """Final model: a chance of 0.1. Member 0: 0.2. Member 1: 0.8. Records 0, 2, 4 were left out by member 0, records
    1 and 3 by member 1, and record 5 was never in training."""
    cohort = stays(6)
    normaliser: Normaliser = cohort.fit_normaliser(range(6))
    final, first, second = (Member(Ensemble([tiny_model(math.log(p / (1 - p)))]), normaliser) for p in (0.1, 0.2, 0.8))
    seen = {fingerprint(record_id): k % 2 for k, record_id in enumerate(cohort.ids[:5])}
    save_checkpoint(tmp_path, final, {"fold_of": seen}, "", [first, second])
    return tmp_path, cohort


def test_each_record_is_scored_by_the_member_that_has_not_seen_it(constant_answers: tuple[Path, Cohort]) -> None:
    path, cohort = constant_answers
    loaded = load_checkpoint(path)
    found = out_of_fold(loaded, load_folds(path), cohort)
    assert found.shape == (6, 1)
    np.testing.assert_allclose(expit(found[:, 0]), [0.2, 0.8, 0.2, 0.8, 0.2, 0.1], atol=2e-4)
    assert fold_of(loaded, cohort).tolist() == [0, 1, 0, 1, 0, -1]
    back = np.array([5, 3, 1])
    part = replace(
        cohort,
        ids=tuple(cohort.ids[i] for i in back),
        labels=cohort.labels[back],
        values={m: v[back] for m, v in cohort.values.items()},
        context={m: v[back] for m, v in cohort.context.items()},
    )
    np.testing.assert_allclose(expit(out_of_fold(loaded, load_folds(path), part)[:, 0]), [0.1, 0.8, 0.8], atol=2e-4)


def test_a_missing_member_is_refused(constant_answers: tuple[Path, Cohort]) -> None:
    path, cohort = constant_answers
    with pytest.raises(InputError, match="1 fold ensembles, records of fold 1") as error:
        out_of_fold(load_checkpoint(path), load_folds(path)[:1], cohort)
    assert error.value.source == str(path)


def test_the_size_of_batches_does_not_change_a_chance() -> None:
    cohort = stays(7)
    member = Member(Ensemble([tiny_model()]), cohort.fit_normaliser(range(7)))
    rows = np.array([6, 0, 3, 2, 5])
    whole = predict(member, cohort, rows)
    np.testing.assert_allclose(expit(outputs(member, cohort, rows, size=2)[:, 0]), whole, rtol=1e-5)
    with torch.no_grad():
        alone = torch.sigmoid(member.model(cohort.batch(member.normaliser, rows[:1])).logits)
    assert whole[0] == pytest.approx(float(alone), rel=1e-5)
    assert predict(member, cohort, rows[:0]).shape == (0,)
