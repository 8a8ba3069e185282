"""Reading, predicting and explaining one simulated record of each task with its shipped model."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import shap
import torch
from jaxtyping import Float

from amfn.checkpoint import Checkpoint, load_checkpoint
from amfn.inference import SHIPPED, answer
from amfn.readers import read_record
from amfn.types import Batch
from benchmarks.rows import Row, seconds, shown
from explain.coalitions import Coalitions, subsets_of
from explain.gradients import integrated_gradients
from explain.shapley import coalition_values

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"
# This stay has all eight modalities: 256 subsets.
RECORDS = {"icu_alarm": "sim_a001.hea", "icu_mortality": "900002.txt"}
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
    path = seconds(lambda: integrated_gradients(model, batch, steps=STEPS), 5)
    return [
        *_shapley(checkpoint, batch, name),
        Row(f"{name}: integrated gradients, {STEPS} steps", shown(path), "1 s", 5),
    ]


def _shapley(checkpoint: Checkpoint, batch: Batch, name: str) -> list[Row]:
    """Exact values against the same by brute force and by shap's KernelExplainer, all in one run."""
    model = checkpoint.model
    with torch.inference_mode():
        forward = seconds(lambda: model(batch), RUNS)
    exact = seconds(lambda: coalition_values(model, batch).shapley(), RUNS)
    slow = seconds(lambda: brute_force(checkpoint, batch), 3)
    kernel = seconds(lambda: by_kernel(checkpoint, batch), 3)
    single = seconds(lambda: by_kernel(checkpoint, batch, at_once=False), 1, warm=0)
    ours = coalition_values(model, batch).shapley()
    apart = np.abs(ours - brute_force(checkpoint, batch).shapley()).max()
    kernel_apart = np.abs(ours - by_kernel(checkpoint, batch)).max()
    subsets = 2 ** int(batch.present.sum())
    many = subsets == 256
    return [
        Row(f"{name}: one forward pass", shown(forward), runs=RUNS),
        Row(f"{name}: all {subsets} subsets of modalities, exact Shapley values", shown(exact), "100 ms", RUNS),
        Row(f"{name}: what that takes beyond one forward pass", shown(exact - forward), "30 ms", RUNS),
        Row(f"{name}: the same by {subsets} whole forward passes", shown(slow), runs=3),
        Row(f"{name}: how far exact values are from these, in logits", f"{apart:.0e}", "1e-05"),
        Row(f"{name}: the same by shap.KernelExplainer, a forward pass a subset", shown(single)),
        Row(f"{name}: how much faster exact values are", f"{single / exact:.0f}x", "50x" if many else ""),
        Row(f"{name}: the same by shap.KernelExplainer, all subsets in one forward pass", shown(kernel), runs=3),
        Row(f"{name}: how much faster exact values are", f"{kernel / exact:.1f}x", runs=3),
        Row(f"{name}: how far exact values are from shap's, in logits", f"{kernel_apart:.0e}"),
    ]


def by_kernel(checkpoint: Checkpoint, batch: Batch, at_once: bool = True) -> Float[np.ndarray, " m"]:
    """Shapley values by KernelSHAP (Lundberg & Lee 2017) over which modalities are kept.

    at_once: a row of one batch a subset, as fast as shap can be on a model whose forward pass costs little more for
    many rows than for one; else a forward pass each, as with a function that answers for one record.
    """

    def logit(chosen: Float[np.ndarray, "k m"]) -> Float[np.ndarray, " k"]:
        keep = torch.from_numpy(chosen > 0.5)
        with torch.inference_mode():
            if at_once:
                return checkpoint.model(batch.rows([0] * len(keep)).masked(keep)).logits[:, 0].double().numpy()
            return np.array([float(checkpoint.model(batch.masked(row)).logits[0, 0]) for row in keep])

    modalities = batch.present.shape[1]
    explainer = shap.KernelExplainer(logit, np.zeros((1, modalities)))
    return explainer.shap_values(np.ones((1, modalities)), silent=True)[0]


def brute_force(checkpoint: Checkpoint, batch: Batch) -> Coalitions:
    """Coalition values by one forward pass, encoders included, for every subset: what `coalition_values` saves."""
    present = batch.present[0].numpy()
    masks = subsets_of(present)
    with torch.inference_mode():
        values = [float(checkpoint.model(batch.masked(torch.from_numpy(mask.copy()))).logits[0, 0]) for mask in masks]
    schema = checkpoint.model.schema
    return Coalitions(schema.names, masks, np.array(values), present, schema.targets[0])
