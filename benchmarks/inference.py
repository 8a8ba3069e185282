"""Reading, predicting and explaining one simulated record of each task with its shipped model."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import torch

from amfn.checkpoint import Checkpoint, load_checkpoint
from amfn.inference import SHIPPED, answer
from amfn.readers import read_record
from amfn.types import Batch
from benchmarks.rows import Row, seconds, shown
from explain.coalitions import Coalitions, all_masks
from explain.gradients import integrated_gradients
from explain.shapley import coalition_values

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"
RECORDS = {"icu_alarm": "sim_a001.hea", "icu_mortality": "900001.txt"}
NAMES = {"icu_alarm": "Alarm record", "icu_mortality": "Stay"}
STEPS = 32
RUNS = 15


def rows(threads: tuple[int, ...] = (1, 2)) -> list[Row]:
    """Every step of both tasks, the models' part with each number of torch threads; then the memory of it all."""
    found = []
    for task, name in RECORDS.items():
        found += _task(load_checkpoint(SHIPPED / task), SAMPLES / task / name, threads)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [*found, Row("Peak memory of this process, both models loaded and used", f"{peak:.2f} GB", "1.5 GB")]


def _task(checkpoint: Checkpoint, path: Path, threads: tuple[int, ...]) -> list[Row]:
    name, task = NAMES[checkpoint.task.name], checkpoint.task
    record = read_record(path)
    batch = checkpoint.batch([task.prepare(record)])
    found = [
        Row(f"{name}: load its model", shown(seconds(lambda: load_checkpoint(checkpoint.path), 5)), runs=5),
        Row(f"{name}: read the file", shown(seconds(lambda: read_record(path), RUNS)), runs=RUNS),
        Row(f"{name}: window, scale and batch", shown(seconds(lambda: checkpoint.batch([task.prepare(record)]), RUNS)),
            runs=RUNS),
    ]  # fmt: skip
    before = torch.get_num_threads()
    for count in threads:
        torch.set_num_threads(count)
        label = f"{name}, {count} thread{'s' if count > 1 else ''}"
        work = seconds(lambda: answer(checkpoint, record), RUNS)
        found.append(Row(f"{label}: predict with trace, preparing included", shown(work), "150 ms", RUNS))
        found += _model(checkpoint, batch, label)
    torch.set_num_threads(before)
    return found


def _model(checkpoint: Checkpoint, batch: Batch, name: str) -> list[Row]:
    model = checkpoint.model
    exact = seconds(lambda: coalition_values(model, batch), RUNS)
    slow = seconds(lambda: brute_force(checkpoint, batch), 3)
    apart = np.abs(coalition_values(model, batch).shapley() - brute_force(checkpoint, batch).shapley()).max()
    path = seconds(lambda: integrated_gradients(model, batch, steps=STEPS), 5)
    subsets = 2 ** len(batch.present[0])
    return [
        Row(f"{name}: all {subsets} subsets of modalities, exact Shapley values", shown(exact), "100 ms", RUNS),
        Row(f"{name}: the same by {subsets} whole forward passes", shown(slow), runs=3),
        Row(f"{name}: how much faster that is, and how far the values differ", f"{slow / exact:.0f}x, {apart:.0e}"),
        Row(f"{name}: integrated gradients, {STEPS} steps", shown(path), "1 s", 5),
    ]


def brute_force(checkpoint: Checkpoint, batch: Batch) -> Coalitions:
    """Coalition values by one forward pass, encoders included, for every subset: what `coalition_values` saves."""
    masks = all_masks(len(checkpoint.model.schema.names))
    with torch.inference_mode():
        values = [float(checkpoint.model(batch.masked(torch.from_numpy(mask.copy()))).logits[0, 0]) for mask in masks]
    return Coalitions(
        checkpoint.model.schema.names,
        masks,
        np.array(values),
        batch.present[0].numpy(),
        checkpoint.model.schema.targets[0],
    )
