"""Measures of a model: discrimination, calibration, the task's official score, each with its bootstrap interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from amfn.checkpoint import Checkpoint, Member, fingerprint
from amfn.dataset import Cohort
from amfn.tasks import Task
from amfn.types import InputError

BOOTSTRAPS = 1000
BINS = 10
SMALLEST_GROUP = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % percentile bootstrap interval over records."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Records of one tenth of the predicted chances: their count, mean prediction and observed share."""

    count: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Report:
    """What `evaluate` prints and a model card shows. groups: name -> (records, positives, AUROC or None)."""

    records: int
    positives: int
    figures: Mapping[str, Interval]
    groups: Mapping[str, tuple[int, int, float | None]]
    bins: tuple[CalibrationBin, ...]


def assign_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold number of each record, stratified by label, for records in ascending order of id."""
    rarest = int(np.bincount(labels.astype(int), minlength=2).min())
    if rarest < folds:
        raise InputError(
            "labels", f"{rarest} records of the rarer class", f"at least {folds}, one a fold", "Name more data."
        )
    assigned = np.empty(len(labels), int)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels[:, None], labels)
    for fold, (_, test) in enumerate(split):
        assigned[test] = fold
    return assigned


def predict(member: Member | Checkpoint, cohort: Cohort, rows: np.ndarray, size: int = 256) -> np.ndarray:
    """Probability f64 of the first target for these rows."""
    chances = []
    with torch.inference_mode():
        for start in range(0, len(rows), size):
            batch = cohort.batch(member.normaliser, rows[start : start + size])
            chances.append(torch.sigmoid(member.model(batch).logits[:, 0].double()).numpy())
    return np.concatenate(chances) if chances else np.zeros(0)


def out_of_fold(checkpoint: Checkpoint, members: Sequence[Member], cohort: Cohort) -> tuple[np.ndarray, int]:
    """Probabilities, each record scored by the member that has not seen it; records that no member has seen are scored
    by the shipped model. Returns them with the number of records that were in training."""
    folds = np.array([checkpoint.fold_of.get(fingerprint(record_id), -1) for record_id in cohort.ids])
    if (folds >= len(members)).any():
        raise InputError(
            checkpoint.path, f"{len(members)} fold members, records of fold {int(folds.max())}", "all folds",
            "Restore the folder folds/ of the checkpoint.",
        )  # fmt: skip
    chances = np.full(len(cohort), np.nan)
    for fold in range(-1, len(members)):
        rows = np.flatnonzero(folds == fold)
        chances[rows] = predict(checkpoint if fold < 0 else members[fold], cohort, rows)
    return chances, int((folds >= 0).sum())


def trained_on(checkpoint: Checkpoint, cohort: Cohort) -> Cohort:
    """The records of the cohort that the checkpoint was trained on. Raises InputError where there is none."""
    rows = [k for k, record_id in enumerate(cohort.ids) if fingerprint(record_id) in checkpoint.fold_of]
    if not rows:
        raise InputError(
            checkpoint.path, "no record of its training among the data", "some of them", "Name the training data."
        )
    return cohort.rows(rows)


def calibration_bins(labels: np.ndarray, chances: np.ndarray) -> tuple[CalibrationBin, ...]:
    """Ten bins of equal count, ascending."""
    parts = np.array_split(np.argsort(chances, kind="stable"), BINS)
    return tuple(CalibrationBin(len(p), float(chances[p].mean()), float(labels[p].mean())) for p in parts if len(p))


def calibration_error(labels: np.ndarray, chances: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal count."""
    bins = calibration_bins(labels, chances)
    return sum(b.count * abs(b.predicted - b.observed) for b in bins) / len(labels)


def _figures(task: Task, labels: np.ndarray, chances: np.ndarray) -> dict[str, float]:
    return {
        "auroc": float(roc_auc_score(labels, chances)),
        "auprc": float(average_precision_score(labels, chances)),
        "brier": float(brier_score_loss(labels, chances)),
        "calibration_error": calibration_error(labels, chances),
        **task.official_score(labels, chances),
    }


def measure(cohort: Cohort, chances: np.ndarray, seed: int = 0) -> Report:
    """All figures of these probabilities. Raises InputError where only one class is there: nothing can be ranked."""
    labels = cohort.labels.astype(int)
    if len(np.unique(labels)) < 2:
        raise InputError(
            cohort.task.name, f"{len(labels)} records, all of one class", "both outcomes", "Evaluate on more records."
        )
    draws = np.random.default_rng(seed).integers(0, len(labels), (BOOTSTRAPS, len(labels)))
    draws = draws[(labels[draws].min(1) == 0) & (labels[draws].max(1) == 1)]
    values = _figures(cohort.task, labels, chances)
    sampled = [_figures(cohort.task, labels[d], chances[d]) for d in draws]
    figures = {}
    for name, value in values.items():
        low, high = np.nanpercentile([s[name] for s in sampled], (2.5, 97.5))
        figures[name] = Interval(value, float(low), float(high))
    groups = {}
    for group in sorted(set(cohort.groups)):
        at = np.array([g == group for g in cohort.groups])
        both = len(np.unique(labels[at])) == 2 and int(np.bincount(labels[at]).min()) >= SMALLEST_GROUP
        auroc = float(roc_auc_score(labels[at], chances[at])) if both else None
        groups[group] = (int(at.sum()), int(labels[at].sum()), auroc)
    return Report(len(labels), int(labels.sum()), figures, groups, calibration_bins(labels, chances))


def as_json(report: Report) -> dict[str, Any]:
    """Plain values, rounded to what is printed."""
    return {
        "records": report.records,
        "positives": report.positives,
        "figures": {k: [round(x, 4) for x in (v.value, v.low, v.high)] for k, v in report.figures.items()},
        "groups": {k: [n, p, None if a is None else round(a, 4)] for k, (n, p, a) in report.groups.items()},
        "bins": [[b.count, round(b.predicted, 4), round(b.observed, 4)] for b in report.bins],
    }
