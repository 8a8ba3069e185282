"""Small cohorts of random stays with a planted effect, and small models. Nothing in them stems from a patient."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from amfn.batch import Normaliser
from amfn.calibration import Calibration
from amfn.checkpoint import Member, fingerprint, save_checkpoint
from amfn.dataset import Cohort
from amfn.fusion import FusionModel, build_fusion
from amfn.fusion.ensemble import Ensemble
from amfn.tasks import Task, get_task
from amfn.training_module import TrainConfig

TINY_MODEL = {"dim": 8, "heads": 2, "graph_layers": 1, "encoder": {"width": 8, "sequence": "none", "dropout": 0.1}}
TINY = TrainConfig(
    model=TINY_MODEL, epochs=6, batch_size=8, learning_rate=2e-2, average_decay=0.7, modality_dropout=0.1
)


def stays(records: int, seed: int = 0) -> Cohort:
    """Stays of which a third died: their heart rate is 40 bpm higher. Urine is missing in every fourth record."""
    task = get_task("icu_mortality")
    draw = np.random.default_rng(seed)
    labels = (np.arange(records) % 3 == 0).astype(np.float32)
    values, context = _random(task, records, draw)
    values["heart_rate"] += 40 * labels[:, None, None]
    values["urine"][::4] = np.nan
    return Cohort(task, _ids(records), labels, _groups(records), values, context)


def forecasts(records: int, seed: int = 0) -> Cohort:
    """Stays whose vitals all move by their deviation of heart rate from 80 bpm, halved, an hour; a third of the targets
    was not measured, and every fifth stay has no anchor."""
    task = get_task("vitals_forecast")
    draw = np.random.default_rng(seed)
    values, context = _random(task, records, draw)
    deviation = draw.uniform(-20, 20, (records, 1))
    values["heart_rate"][:] = (80 + deviation + draw.normal(0, 2, (records, 36)))[..., None]
    hours = np.tile(np.arange(1, 7), 4)
    anchor = np.repeat(draw.normal((80, 75, 18, 37), 3, (records, 4)), 6, axis=1)
    labels = anchor + deviation / 2 * hours
    labels[draw.random(labels.shape) < 1 / 3] = np.nan
    anchor[::5] = np.nan
    pair = (labels.astype(np.float32), anchor.astype(np.float32))
    return Cohort(task, _ids(records), pair[0], _groups(records), values, context, anchor=pair[1])


def _ids(records: int) -> tuple[str, ...]:
    return tuple(f"{140001 + k}" for k in range(records))


def _groups(records: int) -> tuple[str, ...]:
    return tuple("Medical" if k % 2 else "Surgical" for k in range(records))


def _random(task: Task, records: int, draw: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values and context of random stays, three fifths of the values unobserved."""
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
    return values, context


def tiny_model(logit: float | None = None, prior: float = 0.3, task: str = "icu_mortality") -> FusionModel:
    """A small untrained AMFN; with `logit` one that answers this logit whatever it reads."""
    model = build_fusion("amfn", get_task(task).schema, TINY_MODEL, (prior,)).eval()
    if logit is not None:
        state = model.state_dict()
        state["head.weight"].zero_()
        state["head.bias"].fill_(logit)
        model.load_state_dict(state)
    return model


def tiny_ensemble(prior: float = 0.3, members: int = 2) -> Ensemble:
    """An ensemble of small untrained networks, each with its own weights."""
    return Ensemble([tiny_model(prior=prior) for _ in range(members)])


def write_tiny_checkpoint(
    path: Path,
    cohort: Cohort,
    folds: int = 0,
    fold_of: Mapping[str, int] | None = None,
    calibration: Calibration | None = None,
) -> Path:
    """An untrained checkpoint in its final form: loading it is what matters."""
    normaliser: Normaliser = cohort.fit_normaliser(np.arange(len(cohort)))
    members = [Member(tiny_ensemble(0.2 + k / 10), normaliser) for k in range(folds)]
    provenance = {"note": "untrained", "fold_of": {fingerprint(i): k for i, k in (fold_of or {}).items()}}
    save_checkpoint(path, Member(tiny_ensemble(), normaliser), provenance, "# A card\n", members, calibration)
    return path
