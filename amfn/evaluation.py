"""Measures of a model: discrimination, calibration, the task's official score, each with its bootstrap interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from amfn.checkpoint import Checkpoint, Member, fingerprint
from amfn.dataset import Cohort
from amfn.reliability import CalibrationBin, calibration_bins, calibration_error, net_benefit
from amfn.subgroups import Subgroup, by_subgroup, subgroups_as_json
from amfn.tasks import Task
from amfn.types import InputError

BOOTSTRAPS = 1000
SPLIT_SEED = 0
THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Chances at which someone might act: the rows of the decision curve."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % percentile bootstrap interval over records."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, slots=True)
class Report:
    """What `evaluate` prints and a model card shows. decision: threshold, net benefit of acting on the model, and of
    acting on everyone; that of acting on no one is 0."""

    records: int
    positives: int
    figures: Mapping[str, Interval]
    subgroups: Mapping[str, Mapping[str, Subgroup]]
    bins: tuple[CalibrationBin, ...]
    decision: tuple[tuple[float, float, float], ...]


def assign_folds(labels: np.ndarray, folds: int, seed: int = SPLIT_SEED) -> np.ndarray:
    """Fold number of each record, stratified by label, for records in ascending order of id.

    Every model is measured on the same folds, whatever its own seed: `train` and `benchmark` share trainings.
    """
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


def outputs(member: Member | Checkpoint, cohort: Cohort, rows: np.ndarray, size: int = 256) -> np.ndarray:
    """The network's outputs f64[N, K] for these rows: calibrated logits, or standardised changes of a regression."""
    found = [np.zeros((0, len(cohort.task.schema.targets)))]
    with torch.inference_mode():
        for start in range(0, len(rows), size):
            batch = cohort.batch(member.normaliser, rows[start : start + size])
            found.append(member.model(batch).logits.double().numpy())
    return np.concatenate(found)


def predict(member: Member | Checkpoint, cohort: Cohort, rows: np.ndarray) -> np.ndarray:
    """Chance f64 of the first target for these rows."""
    return expit(outputs(member, cohort, rows)[:, 0])


def fold_of(checkpoint: Checkpoint, cohort: Cohort) -> np.ndarray:
    """For each record the fold whose networks have not seen it, -1 where it was in no training."""
    return np.array([checkpoint.fold_of.get(fingerprint(record_id), -1) for record_id in cohort.ids])


def out_of_fold(checkpoint: Checkpoint, members: Sequence[Member], cohort: Cohort) -> np.ndarray:
    """`outputs` for the whole cohort, each record answered by the networks that have not seen it; records that were in
    no training by the shipped ensemble; a regression's in physical units."""
    folds = fold_of(checkpoint, cohort)
    if (folds >= len(members)).any():
        raise InputError(
            checkpoint.path, f"{len(members)} fold ensembles, records of fold {int(folds.max())}", "all folds",
            "Restore the folder folds/ of the checkpoint.",
        )  # fmt: skip
    found = np.full((len(cohort), len(cohort.task.schema.targets)), np.nan)
    for fold in range(-1, len(members)):
        rows = np.flatnonzero(folds == fold)
        member = checkpoint if fold < 0 else members[fold]
        found[rows] = outputs(member, cohort, rows)
        if member.targets is not None and cohort.anchor is not None:
            found[rows] = member.targets.physical(found[rows], cohort.anchor[rows])
    return found


def trained_on(checkpoint: Checkpoint, cohort: Cohort) -> Cohort:
    """The records of the cohort that the checkpoint was trained on. Raises InputError where there is none."""
    rows = [k for k, record_id in enumerate(cohort.ids) if fingerprint(record_id) in checkpoint.fold_of]
    if not rows:
        raise InputError(
            checkpoint.path, "no record of its training among the data", "some of them", "Name the training data."
        )
    return cohort.rows(rows)


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
    benefit = net_benefit(labels, chances, np.array(THRESHOLDS)).tolist()
    return Report(
        len(labels),
        int(labels.sum()),
        figures,
        by_subgroup(cohort.task.subgroups(cohort.values), labels, chances, BOOTSTRAPS, seed),
        calibration_bins(labels, chances),
        tuple((at, model, everyone) for at, (model, everyone) in zip(THRESHOLDS, benefit, strict=True)),
    )


def as_json(report: Report) -> dict[str, Any]:
    """Plain values, rounded to what is printed."""
    return {
        "records": report.records,
        "positives": report.positives,
        "figures": {k: [round(x, 4) for x in (v.value, v.low, v.high)] for k, v in report.figures.items()},
        "subgroups": subgroups_as_json(report.subgroups),
        "bins": [[b.count, *(round(x, 4) for x in (b.predicted, b.observed, b.low, b.high))] for b in report.bins],
        "decision": [[round(x, 4) for x in row] for row in report.decision],
    }
