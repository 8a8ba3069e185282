"""The whole of `train`: folds, final fit, checkpoint, out-of-fold figures, model card. Resumable at every step."""

from __future__ import annotations

import json
import math
import os
import platform
import resource
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.model_selection import train_test_split

from amfn.card import model_card
from amfn.checkpoint import Checkpoint, Member, fingerprint, load_checkpoint, load_folds, save_checkpoint
from amfn.dataset import Cohort, read_folders
from amfn.evaluation import as_json, assign_folds, measure, out_of_fold, predict
from amfn.fusion import build_fusion
from amfn.training import Fit, TrainConfig, claim_run_dir, fit
from amfn.types import InputError

Say = Callable[[str], None]
SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"


def train_task(
    cohort: Cohort,
    config: TrainConfig,
    out: Path,
    run_dir: Path,
    *,
    folds: int = 5,
    device: str = "cpu",
    data_arguments: str = "",
    progress: bool = True,
    say: Say = print,
) -> Path:
    """Train `folds` members and the final model, write the checkpoint to `out`, and return it.

    run_dir keeps the state: called again with the same arguments it goes on where it was stopped or killed.
    """
    if folds < 2:
        raise InputError("--folds", str(folds), "2 or more", "Out-of-fold figures need at least two folds.")
    labels = cohort.labels
    fold = assign_folds(labels, folds, config.seed)
    _require_enough(labels, fold, config)
    claim_run_dir(run_dir, config, cohort, folds)
    out.mkdir(parents=True, exist_ok=True)  # now, not after hours of training
    members = []
    for k in range(folds):
        say(f"fold {k + 1} of {folds}")
        members.append(_member(cohort, np.flatnonzero(fold != k), config, run_dir / f"fold{k}", device, progress, say))
    say("final fit")
    final = _member(cohort, np.arange(len(cohort)), config, run_dir / "final", device, progress, say)
    facts = [json.loads((run_dir / n / "fit.json").read_text()) for n in (*(f"fold{k}" for k in range(folds)), "final")]
    provenance = {
        "config": asdict(config),
        "folds": folds,
        "fold_of": {fingerprint(i): int(k) for i, k in zip(cohort.ids, fold, strict=True)},
        "data_digest": cohort.digest(),
        "data_arguments": data_arguments,
        "records": len(cohort),
        "refused": len(cohort.refused),
        "parameters": sum(p.numel() for p in final.model.parameters()),
        "wall_minutes": round(sum(f["seconds"] for f in facts) / 60, 1),
        "peak_memory_gb": max(f["peak_memory_gb"] for f in facts),
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "lightning": version("lightning"),
        "python": platform.python_version(),
        "final_epochs": facts[-1]["epochs"],
        "final_best_epoch": facts[-1]["best_epoch"],
        "fold_best_epochs": [f["best_epoch"] for f in facts[:-1]],
    }
    # The figures are those of the stored weights, read back through the strict path, not of the ones in memory.
    save_checkpoint(out, final, provenance, "", members)
    checkpoint = load_checkpoint(out)
    say("out-of-fold figures")
    measured = as_json(measure(cohort, out_of_fold(checkpoint, load_folds(out), cohort)[0]))
    provenance["out_of_fold"] = measured
    provenance["simulated"] = _simulated(checkpoint)
    save_checkpoint(out, final, provenance, model_card(cohort.task, provenance, measured), members)
    return out


def _simulated(checkpoint: Checkpoint) -> dict[str, Any] | None:
    """How the final model ranks the simulated sample cohort, which it never saw; None where the cohort is not there."""
    folder = SAMPLES / checkpoint.task.name
    if not folder.is_dir():
        return None
    cohort = read_folders(checkpoint.task, [folder], progress=False)
    return as_json(measure(cohort, predict(checkpoint, cohort, np.arange(len(cohort)))))


def _require_enough(labels: np.ndarray, fold: np.ndarray, config: TrainConfig) -> None:
    """Refuse before the first fit what the last could fail on: rows that decide when to stop must hold both classes."""
    for k in range(int(fold.max()) + 1):
        rows = labels[fold != k]
        rarer = min(int((rows > 0.5).sum()), int((rows <= 0.5).sum()))
        if rarer < 2 or math.ceil(config.validation_share * len(rows)) < 2:
            raise InputError(
                "--data",
                f"{len(rows)} records to train fold {k + 1} on, {rarer} of the rarer class",
                f"2 or more of each class, and 2 or more records in a {config.validation_share:.0%} share of them",
                "Name more data.",
            )


def _member(
    cohort: Cohort, rows: np.ndarray, config: TrainConfig, run_dir: Path, device: str, progress: bool, say: Say
) -> Member:
    """Fit on these rows, or take up what an earlier run finished. A tenth of the rows decides when to stop."""
    train_rows, val_rows = train_test_split(
        rows, test_size=config.validation_share, stratify=cohort.labels[rows], random_state=config.seed
    )
    normaliser = cohort.fit_normaliser(train_rows)
    weights, facts = run_dir / "fit.safetensors", run_dir / "fit.json"
    if facts.exists():
        known = json.loads(facts.read_text())
        model = build_fusion(config.fusion, cohort.task.schema, config.model, tuple(known["prior"]))
        model.load_state_dict(load_file(weights))
        return Member(model.eval(), normaliser)
    run_dir.mkdir(parents=True, exist_ok=True)
    result = fit(
        cohort, cohort.batch(normaliser), np.sort(train_rows), np.sort(val_rows), config, run_dir, device,
        progress=progress,
    )  # fmt: skip
    save_file({k: v.contiguous() for k, v in result.model.state_dict().items()}, weights)
    # Renamed into place: a kill between opening and writing must not leave half a file that says "finished".
    part = facts.with_suffix(".part")
    part.write_text(json.dumps(_facts(result)))
    part.replace(facts)
    for state in run_dir.glob("*.ckpt"):
        state.unlink()
    say(f"  best loss {result.best_loss:.4f} at epoch {result.best_epoch} of {result.epochs}")
    return Member(result.model, normaliser)


def _facts(result: Fit) -> dict[str, object]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / 2**30
    return {
        "prior": list(result.model.prior),
        "best_loss": result.best_loss,
        "best_epoch": result.best_epoch,
        "epochs": result.epochs,
        "seconds": result.seconds,
        "peak_memory_gb": round(peak, 2),
    }


def _device_name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} cores)"
