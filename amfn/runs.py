"""One training and its folder: `train` and `benchmark` share what is fitted, and nothing finished is fitted twice."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.model_selection import train_test_split

from amfn.batch import Normaliser, TargetScale
from amfn.dataset import Cohort
from amfn.fusion import FusionModel, build_fusion
from amfn.training import Fit, fit
from amfn.training_module import TrainConfig
from amfn.types import InputError

Say = Callable[[str], None]
WEIGHTS, FACTS, MARK = "fit.safetensors", "fit.json", "run.json"


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A finished training: the network (eval mode, CPU), its normalisation, a regression's scale, and how it went."""

    model: FusionModel
    normaliser: Normaliser
    targets: TargetScale | None
    facts: Mapping[str, Any]


def config_digest(config: TrainConfig) -> str:
    """First 8 hex digits of a SHA-256 over every setting but the seed."""
    text = json.dumps(asdict(replace(config, seed=0)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def run_folder(run_dir: Path, config: TrainConfig, fold: int | None) -> Path:
    """Where the training of one fold (None: on all records) with this config and seed is kept."""
    name = "all" if fold is None else f"fold{fold}"
    return run_dir / f"{config.fusion}-{config_digest(config)}" / f"{name}-seed{config.seed}"


def claim_run_dir(run_dir: Path, cohort: Cohort, folds: int) -> None:
    """Bind a folder to one data set and number of folds; taking up a run with others would mix two trainings."""
    run_dir.mkdir(parents=True, exist_ok=True)
    mark = run_dir / MARK
    now = {"task": cohort.task.name, "data": cohort.digest(), "folds": folds}
    if mark.exists():
        try:
            then = json.loads(mark.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError):
            then = None
        if then != now:
            raise InputError(
                run_dir, "it holds a run on other data or folds", "the same data and folds, or an empty folder",
                "Name another --run-dir, or delete this one.",
            )  # fmt: skip
        return
    _write(mark, now)


def fit_once(
    cohort: Cohort,
    config: TrainConfig,
    rows: np.ndarray,
    where: Path,
    device: str = "cpu",
    progress: bool = True,
    say: Say = print,
    soft: np.ndarray | None = None,
    devices: int = 1,
) -> Fitted:
    """Fit on these rows, or take up what an earlier run finished in `where`.

    The normalisation is that of all `rows`. A share of them, other ones for every seed, decides when to stop. soft: a
    teacher's answers, one for each record of the cohort, used where config.loss.distillation says so.
    """
    normaliser, targets = cohort.fit_normaliser(rows), cohort.fit_targets(rows)
    if (where / FACTS).exists():
        facts = json.loads((where / FACTS).read_text(encoding="utf-8"))
        model = build_fusion(config.fusion, cohort.task.schema, config.model, tuple(facts["prior"]))
        model.load_state_dict(load_file(where / WEIGHTS))
        return Fitted(model.eval(), normaliser, targets, facts)
    where.mkdir(parents=True, exist_ok=True)
    classes = cohort.labels[rows] if cohort.task.kind == "binary" else None
    train_rows, val_rows = train_test_split(
        rows, test_size=config.validation_share, stratify=classes, random_state=config.seed
    )
    result = fit(
        cohort, cohort.batch(normaliser), np.sort(train_rows), np.sort(val_rows), config, where, device,
        progress=progress, soft=soft, targets=targets, devices=devices,
    )  # fmt: skip
    save_file({k: v.contiguous() for k, v in result.model.state_dict().items()}, where / WEIGHTS)
    facts = _facts(result)
    _write(where / FACTS, facts)
    for state in where.glob("*.ckpt"):
        state.unlink()
    say(f"  best loss {result.best_loss:.4f} at epoch {result.best_epoch} of {result.epochs}, {result.seconds:.0f} s")
    return Fitted(result.model, normaliser, targets, facts)


def _write(path: Path, value: object) -> None:
    # Renamed into place: a kill between opening and writing must not leave half a file that says "finished".
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value), encoding="utf-8")
    part.replace(path)


def _facts(result: Fit) -> dict[str, Any]:
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
        "records_per_second": round(result.records_per_second, 1),
        "parameters": sum(p.numel() for p in result.model.parameters()),
        "torch": torch.__version__,
    }
