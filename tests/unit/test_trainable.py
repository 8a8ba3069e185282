"""Data that cannot be trained on are refused at once, with what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amfn.dataset import Cohort
from amfn.trainable import require_trainable
from amfn.types import InputError
from tests.cohorts import forecasts, stays


def with_positives(records: int, positives: int) -> Cohort:
    return replace(stays(records), labels=(np.arange(records) < positives).astype(np.float32))


@pytest.mark.parametrize(
    ("records", "positives", "folds", "share", "said"),
    [
        (30, 0, 5, 0.1, "30 records, all with the outcome 'Survived to discharge', 0 records of the rarer class"),
        (30, 30, 5, 0.1, "30 records, all with the outcome 'Died in hospital'"),
        (4, 2, 5, 0.1, "4 records for 5 folds"),
        (30, 4, 5, 0.1, "4 records of the rarer class"),
        (30, 3, 2, 0.1, "3 records of the rarer class, in a fold's training 1 of 15"),
        (8, 4, 2, 0.1, "4 records to train a fold on"),
        (8, 4, 2, 0.9, "4 records to train a fold on"),
        (30, 9, 1, 0.1, "--folds: 1"),
    ],
)
def test_what_cannot_be_split_is_refused(records: int, positives: int, folds: int, share: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        require_trainable(with_positives(records, positives), folds, share)


@pytest.mark.parametrize(("records", "positives", "folds"), [(30, 4, 2), (30, 5, 5), (30, 25, 5), (23, 3, 3)])
def test_what_can_be_split_passes_and_does_split(records: int, positives: int, folds: int) -> None:
    """The bound is the true one: scikit-learn splits what passes into folds, and each training by class once more."""
    from sklearn.model_selection import StratifiedKFold, train_test_split

    cohort = with_positives(records, positives)
    require_trainable(cohort, folds, 0.1)
    labels = cohort.labels
    for seed in range(10):
        for rows, _ in StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels):
            train, stop = train_test_split(rows, test_size=0.1, stratify=labels[rows], random_state=seed)
            assert len(stop) >= 2
            assert len(np.unique(labels[train])) == 2


def test_a_forecast_needs_every_target() -> None:
    cohort = forecasts(40)
    require_trainable(cohort, 5, 0.1)
    cohort.labels[9:, 7] = np.nan
    with pytest.raises(InputError, match=r"MAP_2h measured in \d of 40 records"):
        require_trainable(cohort, 5, 0.1)
