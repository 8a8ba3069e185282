"""Small cohorts of random stays with a planted effect, and small models. Nothing in them stems from a patient."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from amfn.batch import Normaliser
from amfn.checkpoint import Member, fingerprint, save_checkpoint
from amfn.dataset import Cohort
from amfn.fusion import FusionModel, build_fusion
from amfn.tasks import get_task
from amfn.training import TrainConfig

TINY_MODEL = {"dim": 8, "heads": 2, "graph_layers": 1, "encoder": {"width": 8, "sequence": "none", "dropout": 0.1}}
TINY = TrainConfig(
    model=TINY_MODEL, epochs=6, batch_size=8, learning_rate=2e-2, average_decay=0.7, modality_dropout=0.1
)


def stays(records: int, seed: int = 0) -> Cohort:
    """Stays of which a third died: their heart rate is 40 bpm higher. Urine is missing in every fourth record."""
    task = get_task("icu_mortality")
    draw = np.random.default_rng(seed)
    labels = (np.arange(records) % 3 == 0).astype(np.float32)
    values: dict[str, np.ndarray] = {}
    context: dict[str, np.ndarray] = {}
    for spec in task.schema.modalities:
        shape = (records, spec.steps, len(spec.channels))
        middle = np.array([(max(c.low, 0) + c.high) / 3 for c in spec.channels])
        drawn = middle * draw.uniform(0.8, 1.2, shape)
        flags = [c.flag for c in spec.channels]
        drawn[..., flags] = draw.integers(0, 2, drawn[..., flags].shape)
        drawn[draw.random(shape) < 0.6] = np.nan
        values[spec.name] = drawn.astype(np.float32)
        context[spec.name] = np.full((records, 2, shape[2]), np.nan, np.float32)
    values["heart_rate"] += 40 * labels[:, None, None]
    values["urine"][::4] = np.nan
    ids = tuple(f"{140001 + k}" for k in range(records))
    return Cohort(task, ids, labels, tuple("Medical" if k % 2 else "Surgical" for k in range(records)), values, context)


def tiny_model(logit: float | None = None, prior: float = 0.3, task: str = "icu_mortality") -> FusionModel:
    """A small untrained AMFN; with `logit` one that answers this logit whatever it reads."""
    model = build_fusion("amfn", get_task(task).schema, TINY_MODEL, (prior,)).eval()
    if logit is not None:
        state = model.state_dict()
        state["head.weight"].zero_()
        state["head.bias"].fill_(logit)
        model.load_state_dict(state)
    return model


def write_tiny_checkpoint(path: Path, cohort: Cohort, folds: int = 0, fold_of: Mapping[str, int] | None = None) -> Path:
    """An untrained checkpoint in its final form: loading it is what matters."""
    normaliser: Normaliser = cohort.fit_normaliser(np.arange(len(cohort)))
    members = [Member(tiny_model(prior=0.2 + k / 10), normaliser) for k in range(folds)]
    provenance = {"note": "untrained", "fold_of": {fingerprint(i): k for i, k in (fold_of or {}).items()}}
    save_checkpoint(path, Member(tiny_model(), normaliser), provenance, "# A card\n", members)
    return path
