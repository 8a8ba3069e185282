"""What is taken away, and what the ranking is worth without it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amfn.checkpoint import Member
from amfn.dataset import Cohort
from amfn.evaluation import outputs
from amfn.removal import RATES, removal_curves, removal_masks
from amfn.subgroups import area_under_roc
from tests.cohorts import stays, tiny_ensemble

FOLD = np.arange(60) % 2


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return stays(60)


@pytest.fixture(scope="module")
def members(cohort: Cohort) -> list[Member]:
    normaliser = cohort.fit_normaliser(range(60))
    return [Member(tiny_ensemble().requires_grad_(False), normaliser) for _ in range(2)]


def test_nothing_removed_is_the_ranking_of_the_fold_ensembles(cohort: Cohort, members: list[Member]) -> None:
    found = removal_curves(FOLD, members, cohort)
    logits = np.zeros(60)
    for k, member in enumerate(members):
        rows = np.flatnonzero(k == FOLD)
        logits[rows] = outputs(member, cohort, rows)[:, 0]
    share, value, low, high = found["curve"][0]
    assert share == 0
    assert value == pytest.approx(roc_auc_score(cohort.labels, logits), abs=1e-4)
    assert low < value < high
    assert [row[0] for row in found["curve"]] == [rate / 100 for rate in RATES]


def test_one_modality_alone_is_a_record_of_that_modality(cohort: Cohort, members: list[Member]) -> None:
    """Over the records that have it: every fourth has no urine."""
    has = np.flatnonzero(cohort.present()[:, cohort.task.schema.names.index("urine")])
    assert len(has) == 45
    values = {m: v.copy() for m, v in cohort.values.items()}
    for name in set(values) - {"urine"}:
        values[name][:] = np.nan
    only = Cohort(cohort.task, cohort.ids, cohort.labels, cohort.groups, values, cohort.context)
    logits = np.array([outputs(members[FOLD[row]], only, np.array([row]))[0, 0] for row in has])
    value = removal_curves(FOLD, members, cohort)["alone"]["urine"][0]
    assert value == pytest.approx(roc_auc_score(cohort.labels[has], logits), abs=1e-4)


def test_a_record_never_loses_its_last_modality(cohort: Cohort) -> None:
    present = cohort.present()
    masks = removal_masks(cohort.task.schema, present)
    for name, keep in masks.items():
        assert not (keep & ~present).any()
        if name.startswith("removed"):
            assert keep.any(1).all()


def test_the_weighted_area_is_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    labels, scores, weights = draw.integers(0, 2, 80), draw.integers(0, 9, 80), draw.integers(0, 4, 80)
    rank = np.unique(scores, return_inverse=True)[1]
    assert area_under_roc(labels, rank) == pytest.approx(roc_auc_score(labels, scores))
    expected = roc_auc_score(labels, scores, sample_weight=weights)
    assert area_under_roc(labels, rank, weights) == pytest.approx(expected)
