"""What a cohort must hold before any training starts: said at once, not by the last fold after hours."""

from __future__ import annotations

import math

import numpy as np

from amfn.dataset import Cohort
from amfn.types import InputError


def require_trainable(cohort: Cohort, folds: int, validation_share: float) -> None:
    """Raise InputError unless every fold can be trained on the others and stopped by a share of them.

    A binary task needs both classes everywhere: `folds` records of the rarer one, and two among the records that any
    fold is trained on. A regression needs two measurements of every target for each fold.
    """
    if folds < 2:
        raise InputError("--folds", str(folds), "2 or more", "Out-of-fold figures need at least two folds.")
    records = len(cohort)
    if records < folds:
        raise InputError("--data", f"{records} records for {folds} folds", "one or more a fold", "Name more data.")
    trained = records - math.ceil(records / folds)
    if cohort.task.kind == "binary":
        _both_classes(cohort, folds, trained)
    else:
        measured = (~np.isnan(cohort.labels)).sum(0)
        if measured.min() < 2 * folds:
            worst = cohort.task.schema.targets[int(measured.argmin())]
            raise InputError(
                "--data", f"{worst} measured in {int(measured.min())} of {records} records",
                f"{2 * folds} or more, two a fold", "Name more data.",
            )  # fmt: skip
    # Two, since a share that decides when to stop is split by class.
    if min(math.ceil(validation_share * trained), trained - math.ceil(validation_share * trained)) < 2:
        raise InputError(
            "--data", f"{trained} records to train a fold on",
            f"2 or more in a {validation_share:.0%} share of them, and 2 or more beside it", "Name more data.",
        )  # fmt: skip


def _both_classes(cohort: Cohort, folds: int, trained: int) -> None:
    counts = np.bincount(cohort.labels.astype(int), minlength=2)
    rarer, common = int(counts.min()), int(counts.argmax())
    if rarer == 0:
        outcome = (cohort.task.wording.negative, cohort.task.wording.positive)[common]
        raise InputError(
            "--data", f"{len(cohort)} records, all with the outcome {outcome!r}, 0 records of the rarer class",
            "both outcomes", "Name data that hold both.",
        )  # fmt: skip
    left = rarer - math.ceil(rarer / folds)
    if rarer < folds or left < 2:
        raise InputError(
            "--data", f"{rarer} records of the rarer class, in a fold's training {left} of {trained}",
            f"{folds} or more, one a fold, and 2 or more in each training", "Name more data.",
        )  # fmt: skip
