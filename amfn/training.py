"""Training on Lightning: one fit, five folds, and the final model; the same code on a CPU and on CUDA.

Nothing random is left to chance: split, order, dropout and initialisation follow the seed and the epoch, so that a run
that was killed and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
    Timer,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy
from torch import Tensor

from amfn.batch import TargetScale
from amfn.dataset import Cohort
from amfn.fusion import FusionModel, build_fusion
from amfn.training_module import FusionModule, SeededOrder, TrainConfig
from amfn.types import Batch, InputError


class _Stopping(EarlyStopping):
    """Early stopping that, taken up from a state in which it had stopped, does not train on."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class _Averaging(EMAWeightAveraging):
    """Exponential averaging that can be sent to a process: the library keeps a local function, which cannot."""

    def __init__(self, decay: float) -> None:
        super().__init__(decay=decay)
        self.decay = decay

    def __reduce__(self) -> tuple[type[_Averaging], tuple[float]]:
        return type(self), (self.decay,)


@dataclass(frozen=True, slots=True)
class Fit:
    """A finished training: the model with its best weights (eval mode, CPU) and how it went. Epochs count from 1.

    targets: what turns a regression's outputs into physical units; None for a binary task. seconds: of all epochs with
    their validations, before a kill and after; records_per_second: training records over these seconds.
    """

    model: FusionModel
    targets: TargetScale | None
    best_loss: float
    best_epoch: int
    epochs: int
    seconds: float
    records_per_second: float


def quiet_lightning() -> None:
    """Leave out Lightning's tips and per-fit banners: the commands say what they do themselves."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")


def pick_device(wanted: str) -> str:
    """auto | cpu | cuda -> cpu | cuda. Raises InputError where cuda is asked for and absent."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise InputError("--device", f"{wanted!r}", "auto, cpu or cuda", "Choose one.")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("--device", "cuda, but no CUDA device was found", "a CUDA device", "Use --device cpu or auto.")
    return "cuda" if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()) else "cpu"


def fit(
    cohort: Cohort,
    data: Batch,
    train_rows: np.ndarray,
    val_rows: np.ndarray,
    config: TrainConfig,
    run_dir: Path,
    device: str = "cpu",
    callbacks: tuple[Callback, ...] = (),
    progress: bool = True,
    soft: np.ndarray | None = None,
    targets: TargetScale | None = None,
    devices: int = 1,
) -> Fit:
    """Train on `train_rows`, stop early on `val_rows`. data: the whole cohort, normalised with training rows only.

    soft: a teacher's answers for the training rows (chances, or physical units), of the labels' shape, wherever
    `config.loss.distillation` asks for them; other rows are not read. targets: how a regression's labels are scaled,
    where networks that are averaged have to share it; by default as the training rows say.

    run_dir keeps Lightning's state and CSV logs: a second call with the same arguments goes on where the first was
    killed. States are read with `weights_only=True`: nothing is unpickled.
    """
    pl.seed_everything(config.seed, workers=True, verbose=False)
    prior = cohort.prior(train_rows)
    targets = targets or cohort.fit_targets(train_rows)
    labels = _learnable(cohort, cohort.labels, targets)
    learned = _mixed(cohort, labels, soft, targets, train_rows, config.loss.distillation)
    model = build_fusion(config.fusion, cohort.task.schema, config.model, prior)
    _adapt(model, data, train_rows)
    order = SeededOrder(train_rows, config.batch_size, config.seed, shuffle=True)
    module = FusionModule(model, config, data, labels, order, cohort.task.kind, learned)
    keep = ModelCheckpoint(run_dir, "best", monitor="val_loss", enable_version_counter=False)
    # After `keep`, so that the state to resume from knows what is best; every epoch, not only after a better one.
    latest = ModelCheckpoint(run_dir, "last", enable_version_counter=False)
    timer = Timer()  # kept in the state: a resumed run counts the time before the kill as well
    extra: list[Callback] = [keep, latest, timer, _Stopping("val_loss", patience=config.patience), *callbacks]
    if config.average_decay:
        extra.append(_Averaging(config.average_decay))
    if progress:
        extra.append(TQDMProgressBar(refresh_rate=5, leave=False))
    trainer = pl.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=devices,
        strategy=_strategy(config, device, devices),
        use_distributed_sampler=False,
        precision="bf16-mixed" if device == "cuda" else "32-true",
        max_epochs=config.epochs,
        gradient_clip_val=config.clip,
        callbacks=extra,
        logger=CSVLogger(run_dir, name="", version="log"),
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    last = run_dir / "last.ckpt"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists.*")
        trainer.fit(
            module,
            order,
            SeededOrder(val_rows, 512, 0, shuffle=False),
            ckpt_path=str(last) if last.exists() else None,
            weights_only=True,
        )
    # Read back from the files, not from objects here: with several processes those stayed as they were sent out.
    best, end = (torch.load(run_dir / f"{n}.ckpt", map_location="cpu", weights_only=True) for n in ("best", "last"))
    weights = {k.removeprefix("model."): v for k, v in best["state_dict"].items() if k.startswith("model.")}
    model = build_fusion(config.fusion, cohort.task.schema, config.model, prior)
    model.load_state_dict(weights)
    epochs = int(end["epoch"]) + 1
    seconds = float(end["callbacks"][timer.state_key]["time_elapsed"]["train"])
    return Fit(
        model.eval(),
        targets,
        float(best["callbacks"][keep.state_key]["best_model_score"]),
        int(best["epoch"]) + 1,
        epochs,
        seconds,
        len(train_rows) * epochs / max(seconds, 1e-9),
    )


def _strategy(config: TrainConfig, device: str, devices: int) -> Strategy | str:
    """One process, or one for each device, started anew and joined at the end. Raises InputError for what cannot be."""
    if devices == 1:
        return "auto"
    if devices < 1 or config.batch_size < devices:
        raise InputError(
            "--devices", f"{devices} for batches of {config.batch_size} records", "1 or more, one record or more each",
            "Use fewer devices, or a larger batch_size.",
        )  # fmt: skip
    if device == "cuda" and torch.cuda.device_count() < devices:
        raise InputError(
            "--devices", f"{devices}, but {torch.cuda.device_count()} CUDA device(s) were found",
            "as many as there are", "Use fewer devices.",
        )  # fmt: skip
    # A record's modalities decide which weights its batch touches.
    return DDPStrategy(
        start_method="spawn",
        find_unused_parameters=True,
        process_group_backend="nccl" if device == "cuda" else "gloo",
    )


def _learnable(cohort: Cohort, values: np.ndarray, targets: TargetScale | None) -> Tensor:
    """Labels, or a teacher's answers in their place, as the network learns them: f32[N, K]."""
    if targets is not None and cohort.anchor is not None:
        values = targets.standardise(values, cohort.anchor)
    return torch.from_numpy(values.reshape(len(cohort), -1).astype(np.float32))


def _mixed(
    cohort: Cohort, labels: Tensor, soft: np.ndarray | None, targets: TargetScale | None, rows: np.ndarray, share: float
) -> Tensor:
    """(1 - share) · label + share · teacher for the training rows, labels for all others."""
    if (soft is None) != (share == 0):
        came = "no teacher's answers" if soft is None else "a teacher's answers"
        raise InputError(
            "distillation", f"{came} and a share of {share:g}", "both or neither", "Set loss.distillation accordingly."
        )
    if soft is None:
        return labels
    if soft.shape != cohort.labels.shape:
        raise InputError("soft", f"shape {soft.shape}", f"that of the labels, {cohort.labels.shape}", "Align the rows.")
    given = soft[rows]
    chances = cohort.task.kind == "binary"
    if not np.isfinite(given).all() or (chances and (given.min() < 0 or given.max() > 1)):
        raise InputError(
            "soft", "a value that is no answer", "chances from 0 to 1" if chances else "finite numbers",
            "Let the teacher predict every training row.",
        )  # fmt: skip
    learned = labels.clone()
    learned[rows] = (1 - share) * labels[rows] + share * _learnable(cohort, soft, targets)[rows]
    return learned


def _adapt(model: FusionModel, data: Batch, rows: np.ndarray) -> None:
    model.eval()
    with torch.no_grad():
        model.adapt(data.rows(rows.tolist()))
    model.train()
