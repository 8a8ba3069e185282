"""A network that learned shuffled labels: what an explanation of it must not look like is that of the real model.

Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps", section 4 (data randomisation test).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from amfn.batch import Normaliser
from amfn.dataset import Cohort
from amfn.fusion import FusionModel
from amfn.training import fit
from amfn.training_module import TrainConfig
from amfn.types import InputError

CHUNK = 512


@dataclass(frozen=True, slots=True, eq=False)
class Shuffled:
    """model: the network. auroc: how well it ranks the shuffled labels it was trained on; 0.5 had learned nothing.
    agreement: the share of records whose shuffled label is still the true one."""

    model: FusionModel
    auroc: float
    agreement: float
    epochs: int


def fit_shuffled(
    cohort: Cohort,
    normaliser: Normaliser,
    config: TrainConfig,
    run_dir: Path,
    device: str = "cpu",
    progress: bool = True,
) -> Shuffled:
    """Train one network on all records with their labels permuted (seed: config.seed).

    Nothing is left aside to stop on and no modality is dropped: the network is to learn these labels by heart, as far
    as it can. A teacher would know the true ones and is not asked. Raises InputError for a task that is not binary.
    """
    if cohort.task.kind != "binary":
        raise InputError(cohort.task.name, "a regression", "a task with a yes-or-no label", "Leave this check out.")
    order = np.random.default_rng(config.seed).permutation(len(cohort))
    mixed = replace(cohort, labels=cohort.labels[order])
    by_heart = replace(
        config,
        model={**config.model, "dropout": 0.0},
        loss=replace(config.loss, distillation=0.0),
        modality_dropout=0.0,
        weight_decay=0.0,
        average_decay=0.0,
        patience=config.epochs,
    )
    rows, data = np.arange(len(cohort)), cohort.batch(normaliser)
    result = fit(mixed, data, rows, rows, by_heart, run_dir, device, progress=progress)
    parts = [rows[k : k + CHUNK].tolist() for k in range(0, len(rows), CHUNK)]
    with torch.no_grad():
        logits = np.concatenate([result.model(data.rows(part)).logits[:, 0].numpy() for part in parts])
    return Shuffled(
        result.model,
        float(roc_auc_score(mixed.labels, logits)),
        float((mixed.labels == cohort.labels).mean()),
        result.epochs,
    )
