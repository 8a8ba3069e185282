"""Distillation: what gradient-boosted trees, fitted without a record, say of it, as a soft target for the networks.

Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network". The teacher sees the training rows of its
fold alone, and answers for each row by trees that did not see that row: it passes on no label by heart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amfn.classical.features import summary_features
from amfn.classical.models import cross_fitted
from amfn.dataset import Cohort
from amfn.training_module import TrainConfig
from amfn.types import InputError

TEACHER_SEED = 1


def teach(cohort: Cohort, rows: np.ndarray, config: TrainConfig, run_dir: Path, fold: int | None) -> np.ndarray | None:
    """Soft targets f32[N], one for each record of the cohort, NaN outside `rows`; None where the config asks for none.

    Kept in run_dir, and taken up from there. Raises InputError for a task that is no yes-or-no question.
    """
    if not config.loss.distillation:
        return None
    if cohort.labels.ndim != 1:
        raise InputError(
            "loss.distillation", f"{config.loss.distillation} for {cohort.task.name}", "0 for a regression task",
            "The teacher answers yes-or-no questions only.",
        )  # fmt: skip
    file = run_dir / f"teacher-{'all' if fold is None else f'fold{fold}'}.npy"
    if file.exists():
        return np.load(file, allow_pickle=False)
    table = summary_features(cohort.task.schema, cohort.values, cohort.context)
    soft = np.full(len(cohort), np.nan, np.float32)
    soft[rows] = cross_fitted(table.x[rows], cohort.labels[rows], TEACHER_SEED)
    part = file.with_suffix(".part.npy")
    np.save(part, soft, allow_pickle=False)
    part.replace(file)
    return soft
