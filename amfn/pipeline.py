"""The whole of `train`: an ensemble for each fold, the one to ship, calibration, figures, model card. Resumable."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from amfn import regression
from amfn.calibration import Calibration, fit_calibration
from amfn.card import PLOT, calibration_svg, model_card
from amfn.checkpoint import Checkpoint, Member, fingerprint, load_checkpoint, load_folds, save_checkpoint
from amfn.dataset import Cohort, read_folders
from amfn.evaluation import as_json, assign_folds, fold_of, measure, out_of_fold, predict
from amfn.fusion.ensemble import Ensemble
from amfn.removal import removal_curves
from amfn.runs import Fitted, Say, claim_run_dir, fit_once, run_folder
from amfn.teacher import teach
from amfn.trainable import require_trainable
from amfn.training_module import TrainConfig
from amfn.types import InputError

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"
MEMBERS = 5


def train_task(
    cohort: Cohort,
    config: TrainConfig,
    out: Path,
    run_dir: Path,
    *,
    folds: int = 5,
    members: int = MEMBERS,
    fold_members: int | None = None,
    device: str = "cpu",
    devices: int = 1,
    data_arguments: str = "",
    progress: bool = True,
    say: Say = print,
) -> Path:
    """Train an ensemble for every fold and the one that is shipped, write the checkpoint to `out`, and return it.

    The networks of an ensemble have the seeds config.seed, config.seed + 1 and so on. fold_members: networks of a
    fold's ensemble, where they are to be fewer than the `members` that are shipped. run_dir keeps every finished
    training: called again with the same arguments it goes on where it was stopped or killed.
    """
    of_fold = members if fold_members is None else fold_members
    if members < 1 or of_fold < 1:
        raise InputError(
            "--members", f"{members}, and {of_fold} a fold", "1 or more", "An ensemble has at least one network."
        )
    require_trainable(cohort, folds, config.validation_share)
    fold = assign_folds(cohort.strata(), folds)
    claim_run_dir(run_dir, cohort, folds)
    out.mkdir(parents=True, exist_ok=True)  # now, not after hours of training
    fitted: list[Fitted] = []
    parts: list[Member] = []
    for k in (*range(folds), None):
        rows = np.arange(len(cohort)) if k is None else np.flatnonzero(fold != k)
        soft = teach(cohort, rows, config, run_dir, k)
        networks = []
        for seed in range(config.seed, config.seed + (members if k is None else of_fold)):
            say(f"{'all records' if k is None else f'fold {k + 1} of {folds}'}, seed {seed}")
            seeded = replace(config, seed=seed)
            where = run_folder(run_dir, seeded, k)
            networks.append(fit_once(cohort, seeded, rows, where, device, progress, say, soft, devices))
        fitted += networks
        parts.append(Member(Ensemble([n.model for n in networks]), networks[0].normaliser, networks[0].targets))
    provenance = {
        "config": asdict(config),
        "folds": folds,
        "members": members,
        "fold_members": of_fold,
        "fold_of": {fingerprint(i): int(k) for i, k in zip(cohort.ids, fold, strict=True)},
        "data_digest": cohort.digest(),
        "data_arguments": data_arguments,
        "records": len(cohort),
        "refused": len(cohort.refused),
        **_facts(fitted, members, device, devices),
    }
    final, trained = parts[-1], parts[:-1]
    say("calibration and out-of-fold figures")
    # They are those of the stored weights, read back through the strict path, not of the ones in memory.
    save_checkpoint(out, final, provenance, "", trained)
    calibration = None
    if cohort.task.kind == "binary":
        calibration = _calibrate(out, cohort)
        provenance["calibration"] = calibration.facts()
        save_checkpoint(out, final, provenance, "", trained, calibration)
    checkpoint = load_checkpoint(out)
    measured = figures_of(cohort, out_of_fold(checkpoint, load_folds(out), cohort))
    provenance["out_of_fold"] = measured
    provenance["simulated"] = _simulated(checkpoint)
    if cohort.task.kind == "binary":
        say("missing modalities")
        provenance["removal"] = removal_curves(fold, load_folds(out), cohort)
    save_checkpoint(out, final, provenance, model_card(cohort.task, provenance, measured), trained, calibration)
    if calibration is not None:
        (out / PLOT).write_text(calibration_svg(cohort.task, measured), encoding="utf-8")
    return out


def figures_of(cohort: Cohort, found: np.ndarray) -> dict[str, Any]:
    """What a card and `evaluate` report of out-of-fold outputs f64[N, K], as plain values."""
    if cohort.task.kind == "regression":
        return regression.as_json(regression.measure_forecast(cohort, found))
    return as_json(measure(cohort, expit(found[:, 0])))


def _calibrate(path: Path, cohort: Cohort) -> Calibration:
    checkpoint = load_checkpoint(path)
    logits = out_of_fold(checkpoint, load_folds(path), cohort)[:, 0]
    return fit_calibration(logits, cohort.labels, cohort.present(), fold_of(checkpoint, cohort))


def _simulated(checkpoint: Checkpoint) -> dict[str, Any] | None:
    """How the final model ranks the simulated sample cohort, which it never saw; None where the cohort is not there."""
    folder = SAMPLES / checkpoint.task.name
    if checkpoint.task.kind != "binary" or not folder.is_dir():
        return None
    cohort = read_folders(checkpoint.task, [folder], progress=False)
    return as_json(measure(cohort, predict(checkpoint, cohort, np.arange(len(cohort)))))


def _facts(fitted: Sequence[Fitted], members: int, device: str, devices: int) -> dict[str, Any]:
    """How the trainings went. The last `members` of them are the shipped ensemble."""
    facts = [network.facts for network in fitted]
    shipped = facts[-members:]
    return {
        "parameters": sum(f["parameters"] for f in shipped),
        "wall_minutes": round(sum(f["seconds"] for f in facts) / 60, 1),
        "peak_memory_gb": max(f["peak_memory_gb"] for f in facts),
        "records_per_second": round(float(np.median([f["records_per_second"] for f in facts])), 1),
        "device": _device_name(device),
        "devices": devices,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "lightning": version("lightning"),
        "python": platform.python_version(),
        "final_epochs": [f["epochs"] for f in shipped],
        "final_best_epochs": [f["best_epoch"] for f in shipped],
        "fold_best_epochs": [f["best_epoch"] for f in facts[:-members]],
    }


def _device_name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} cores)"
