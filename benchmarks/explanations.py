"""What explanations on demand cost on one simulated record of each task, one torch thread."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import torch

from amfn.checkpoint import Checkpoint, load_checkpoint
from amfn.inference import SHIPPED
from amfn.readers import read_record
from amfn.types import Batch, Record
from benchmarks.inference import NAMES, RECORDS, SAMPLES
from benchmarks.rows import Row, seconds, shown
from explain.baselines import zero
from explain.charted import changes_across
from explain.faithfulness import faithfulness
from explain.methods import METHODS, attribute
from explain.report import FILE, Report
from explain.trajectory import trajectory

SEEDS = 5
SOME_HOURS = range(7, 48, 8)


def rows() -> list[Row]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    for task, name in RECORDS.items():
        found += _task(load_checkpoint(SHIPPED / task), SAMPLES / task / name)
    torch.set_num_threads(before)
    return found


def _task(checkpoint: Checkpoint, path: Path) -> list[Row]:
    record, name = read_record(path), NAMES[checkpoint.task.name]
    batch = checkpoint.batch([checkpoint.task.prepare(record)])
    return [*_methods(checkpoint, batch, name), *_faithful(checkpoint, batch, name), *_course(checkpoint, record, name),
            *_changes(checkpoint, batch, name)]  # fmt: skip


def _methods(checkpoint: Checkpoint, batch: Batch, name: str) -> list[Row]:
    model = checkpoint.model
    finer = seconds(lambda: attribute(model, batch, "integrated_gradients", steps=64), 5)
    found = [Row(f"{name}: integrated gradients, 64 steps", shown(finer), "1.5 s", 5)]
    for method in METHODS.values():
        if method.name != "integrated_gradients":
            spent = seconds(partial(attribute, model, batch, method.name), 3)
            found.append(Row(f"{name}: {method.title.lower()}", shown(spent), runs=3))
    return found


def _faithful(checkpoint: Checkpoint, batch: Batch, name: str) -> list[Row]:
    attribution = attribute(checkpoint.model, batch, "input_x_gradient")
    spent = seconds(lambda: faithfulness(checkpoint.model, batch, attribution, zero(batch), seeds=range(SEEDS)), 3)
    return [Row(f"{name}: faithfulness report, {SEEDS} seeds, two replacements", shown(spent), "5 s", 3)]


def _course(checkpoint: Checkpoint, record: Record, name: str) -> list[Row]:
    hours, known = checkpoint.task.unfold(record)
    whole = checkpoint.batch(list(known))
    stay = checkpoint.task.name == "icu_mortality"
    ready = seconds(lambda: checkpoint.batch(list(checkpoint.task.unfold(record)[1])), 3)
    plain = seconds(lambda: trajectory(checkpoint.model, whole, shapley=False, times=hours), 5)
    full = seconds(lambda: trajectory(checkpoint.model, whole, shapley=True, times=hours), 3)
    found = [
        Row(f"{name}: {len(hours)} moments, windows and batch", shown(ready), runs=3),
        Row(f"{name}: estimate, γ and β at each", shown(plain), "300 ms" if stay else "", 5),
        Row(f"{name}: the same with exact Shapley values at each", shown(full), "300 ms" if stay else "", 3),
    ]
    if stay:
        some = seconds(lambda: trajectory(checkpoint.model, whole, shapley=SOME_HOURS, times=hours), 3)
        found.append(Row(f"{name}: with exact Shapley values every eighth hour", shown(some), "300 ms", 3))
    return found


def _changes(checkpoint: Checkpoint, batch: Batch, name: str) -> list[Row]:
    stored = checkpoint.path / FILE
    if not stored.exists() or not any(s.kind == "series" for s in checkpoint.task.schema.modalities):
        return []
    reference = Report.from_json(stored, json.loads(stored.read_text(encoding="utf-8"))).reference
    spent = seconds(
        lambda: changes_across(checkpoint.model, batch, 0.2, reference, checkpoint.normaliser.physical), 3
    )  # fmt: skip
    return [Row(f"{name}: smallest changes of charted values across 20 %", shown(spent), runs=3)]
