"""Which modalities are taken away: the same ones from the same records for every system.

Rates are chances for each modality of a record; a record keeps at least one, as in training with modality dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool

from amfn.checkpoint import Member
from amfn.dataset import Cohort
from amfn.subgroups import area_under_roc
from amfn.types import Schema

RATES = (0, 10, 30, 50, 70)
REPEATS = 3
ZERO, MEAN = "zero", "mean"
BOOTSTRAPS = 200
CHUNK = 256


def removed(rate: int, repeat: int) -> str:
    """The variant's name: `rate` percent taken away, in this draw."""
    return f"removed_{rate}_{repeat}"


def alone(modality: str) -> str:
    return f"only_{modality}"


def imputed(filling: str, variant: str) -> str:
    return f"{filling}_{variant}"


def removal_masks(schema: Schema, present: Bool[np.ndarray, "n m"]) -> dict[str, Bool[np.ndarray, "n m"]]:
    """Variant -> what each record keeps. Draws follow rate and repeat alone: no system and no fold changes them."""
    masks = {}
    for rate in RATES[1:]:
        for repeat in range(REPEATS):
            chance = np.random.default_rng((rate, repeat)).random(present.shape)
            keep = (chance >= rate / 100) & present
            survivor = np.where(present, chance, -1.0).argmax(1)
            keep[np.arange(len(keep)), survivor] |= present[np.arange(len(keep)), survivor]
            masks[removed(rate, repeat)] = keep
    for k, name in enumerate(schema.names):
        masks[alone(name)] = present & (np.arange(present.shape[1]) == k)
    return masks


def removal_curves(folds: np.ndarray, members: Sequence[Member], cohort: Cohort) -> dict[str, Any]:
    """How the ranking of a binary task holds when modalities are taken away, each record answered by the networks that
    have not seen it: "curve" rows of share, AUROC and its interval, "alone" the same for each single modality over the
    records that have it, where both outcomes occur among them.

    folds: int[N], the member of each record. A rate's AUROC is the mean over `REPEATS` draws.
    """
    present, labels = cohort.present(), cohort.labels.astype(int)
    masks = removal_masks(cohort.task.schema, present)
    logits = {name: np.zeros(len(cohort)) for name in ("all", *masks)}
    with torch.inference_mode():
        for fold, member in enumerate(members):
            rows = np.flatnonzero(folds == fold)
            for part in np.array_split(rows, max(1, len(rows) // CHUNK)):
                known = replace(member.model.encode(cohort.batch(member.normaliser, part)), temporal=None)
                logits["all"][part] = member.model.fuse(known).logits[:, 0].numpy()
                for name, keep in masks.items():
                    shown = replace(known, present=known.present & torch.from_numpy(keep[part]))
                    logits[name][part] = member.model.fuse(shown).logits[:, 0].numpy()
    curve = [[0.0, *_auroc(labels, [logits["all"]])]]
    curve += [
        [rate / 100, *_auroc(labels, [logits[removed(rate, repeat)] for repeat in range(REPEATS)])]
        for rate in RATES[1:]
    ]
    singles = {}
    for k, name in enumerate(cohort.task.schema.names):
        has = present[:, k]
        if len(np.unique(labels[has])) == 2:
            singles[name] = _auroc(labels[has], [logits[alone(name)][has]])
    return {"curve": curve, "alone": singles}


def _auroc(labels: np.ndarray, drawn: Sequence[np.ndarray]) -> list[float]:
    """Mean AUROC over draws with its 95 % percentile bootstrap interval over records."""
    draws = np.random.default_rng(0).multinomial(len(labels), np.full(len(labels), 1 / len(labels)), BOOTSTRAPS)
    weights = [w for w in draws if 0 < w[labels == 1].sum() < w.sum()]
    ranks = [np.unique(logits, return_inverse=True)[1] for logits in drawn]
    value = np.mean([area_under_roc(labels, rank) for rank in ranks])
    sampled = [np.mean([area_under_roc(labels, rank, w) for rank in ranks]) for w in weights]
    low, high = np.percentile(sampled, (2.5, 97.5))
    return [round(float(v), 4) for v in (value, low, high)]
