"""The benchmark from a cohort to finished units. Stopped at any moment it loses at most one unit."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from amfn.benchmark.fitting import fit_unit
from amfn.benchmark.systems import ABLATION, System
from amfn.benchmark.units import Bench, Store
from amfn.classical import SummaryTable, summary_features
from amfn.dataset import Cohort
from amfn.evaluation import assign_folds
from amfn.removal import removal_masks
from amfn.runs import claim_run_dir
from amfn.trainable import require_trainable
from amfn.training_module import TrainConfig

CODE = Path(__file__).resolve().parent


def open_bench(
    cohort: Cohort, base: TrainConfig, run_dir: Path, folds: int = 5, device: str = "cpu", threads: int = 1
) -> tuple[Bench, SummaryTable]:
    """The protocol on this cohort, with the summary features of all its records. Folds are those of `train` with seed
    0. Raises InputError, before anything is fitted, for a cohort on which a training would fail."""
    require_trainable(cohort, folds, base.validation_share)
    fold = assign_folds(cohort.strata(), folds)
    claim_run_dir(run_dir, cohort, folds)
    table = summary_features(cohort.task.schema, cohort.values, cohort.context)
    return Bench(cohort, fold, base, run_dir, table.names, device, threads), table


def run_units(
    bench: Bench, table: SummaryTable, systems: Sequence[System], seeds: Iterable[int], progress: bool = True
) -> Store:
    """Fit what is not finished yet: seed by seed, so that an early stop leaves all systems with the same seeds.

    Several processes may share bench.run_dir as long as each has systems of its own.
    """
    store = Store(bench)
    masks = {}
    if bench.cohort.task.kind == "binary":
        masks = removal_masks(bench.cohort.task.schema, bench.cohort.present())
    units = [(system, seed, fold) for seed in seeds for system in systems for fold in range(bench.folds)]
    bar = tqdm(units, "benchmark", unit="unit", disable=not progress)
    for system, seed, fold in bar:
        bar.set_postfix_str(f"{system.name} seed {seed} fold {fold + 1} of {bench.folds}")
        if store.has(system, seed, fold):
            continue
        # The ablation asks what a part is worth, not how robust the network is without it.
        asked = {} if system.name.startswith(ABLATION) else masks
        result = fit_unit(bench, table, asked, system, seed, fold)
        store.save(system, seed, fold, replace(result, facts={**result.facts, **_where(bench)}))
    return store


def _where(bench: Bench) -> dict[str, object]:
    """Which code, on what: stated with every unit, as a run may be resumed elsewhere."""
    device = torch.cuda.get_device_name() if bench.device == "cuda" else f"CPU ({platform.machine()})"
    return {"commit": commit(), "device": device, "threads": bench.threads}


def commit() -> str:
    """The commit of this code, marked where files differ from it; "unknown" outside a git checkout."""
    try:
        described = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
        return subprocess.run(described, cwd=CODE, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
