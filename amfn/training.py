"""Training on Lightning: one fit, five folds, and the final model; the same code on a CPU and on CUDA.

Nothing random is left to chance: split, order, dropout and initialisation follow the seed and the epoch, so that a run
that was killed and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision

from amfn.dataset import Cohort
from amfn.fusion import FusionModel, build_fusion
from amfn.losses import LossConfig, Objectives, effective_rank
from amfn.types import Batch, Encoded, InputError, require_settings


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training. Section 4.2 of the paper where it speaks: AdamW, cosine schedule, clipping at 1.0, patience 10."""

    fusion: str = "amfn"
    model: dict[str, Any] = field(default_factory=dict)
    loss: LossConfig = LossConfig()
    epochs: int = 60
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup_share: float = 0.1
    patience: int = 10
    clip: float = 1.0
    modality_dropout: float = 0.3
    average_decay: float = 0.99
    validation_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        require_settings(
            "TrainConfig",
            ("epochs", self.epochs, self.epochs >= 1),
            ("batch_size", self.batch_size, self.batch_size >= 1),
            ("learning_rate", self.learning_rate, self.learning_rate > 0),
            ("weight_decay", self.weight_decay, self.weight_decay >= 0),
            ("warmup_share", self.warmup_share, 0 < self.warmup_share < 1),
            ("patience", self.patience, self.patience >= 1),
            ("clip", self.clip, self.clip > 0),
            ("modality_dropout", self.modality_dropout, 0 <= self.modality_dropout <= 1),
            ("average_decay", self.average_decay, 0 <= self.average_decay < 1),
            ("validation_share", self.validation_share, 0 < self.validation_share < 1),
            ("seed", self.seed, 0 <= self.seed < 2**31),
        )


class SeededOrder(Sampler[list[int]]):
    """Batches of row numbers in an order that follows (seed, epoch) alone. The epoch is set before each pass."""

    def __init__(self, rows: np.ndarray, size: int, seed: int, shuffle: bool) -> None:
        self.rows, self.size, self.seed, self.shuffle, self.epoch = rows, size, seed, shuffle, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[list[int]]:
        order = self.rows
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.rows)
        for start in range(0, len(order), self.size):
            yield order[start : start + self.size].tolist()


CHUNK = 512


class FusionModule(pl.LightningModule):
    """Model, losses and schedule. The cohort stays on the device as one Batch; loaders bring row numbers only."""

    def __init__(
        self, model: FusionModel, config: TrainConfig, data: Batch, labels: Tensor, order: SeededOrder
    ) -> None:
        super().__init__()
        self.model, self.config, self.order = model, config, order
        self.objectives = Objectives(model.schema, model.config.dim, config.loss)
        self._data, self._labels = data, labels
        self.auroc, self.auprc = BinaryAUROC(), BinaryAveragePrecision()

    def on_fit_start(self) -> None:
        self._data, self._labels = self._data.to(self.device), self._labels.to(self.device)

    def on_train_epoch_start(self) -> None:
        self.order.set_epoch(self.current_epoch)
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch)

    def transfer_batch_to_device(self, batch: list[int], device: torch.device, dataloader_idx: int) -> list[int]:
        return batch

    def _drop(self, batch: Batch) -> Batch:
        """Modality dropout: each present modality is hidden with probability p; a record never loses its last one."""
        p = self.config.modality_dropout
        chance = torch.rand(batch.present.shape, device=batch.present.device)
        keep = (chance > p) & batch.present
        survivor = torch.where(batch.present, chance, -1.0).argmax(1)
        keep[torch.arange(len(batch)), survivor] |= batch.present[torch.arange(len(batch)), survivor]
        return batch.masked(keep)

    def training_step(self, rows: list[int], _: int) -> Tensor:
        full = self._data.rows(rows)
        shown = self._drop(full)
        encoded = self.model.encode(self.objectives.corrupt(shown))
        prediction = self.model.fuse(encoded)
        total, parts = self.objectives(prediction, encoded, full, self._labels[rows])
        self.log_dict({f"train_{k}": v for k, v in parts.items()}, on_step=False, on_epoch=True, batch_size=len(rows))
        return total

    @torch.no_grad()
    def on_validation_epoch_start(self) -> None:
        """Normalisation statistics of the averaged weights, without dropout, over all training records.

        Running averages are of other weights than those that are kept, and under dropout, which widens them: embeddings
        would come out several times too small (cf. `torch.optim.swa_utils.update_bn`, and Li et al. 2019 on dropout
        before batch normalisation).
        """
        rows = self.order.rows
        parts = [rows[k : k + CHUNK].tolist() for k in range(0, len(rows), CHUNK)]
        norms = [m for m in self.model.modules() if isinstance(m, torch.nn.BatchNorm1d)]
        momenta = [m.momentum for m in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over what follows
            norm.train()
        if norms:
            for part in parts:
                self.model.encode(self._data.rows(part))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
        encoded = [self.model.encode(self._data.rows(part)) for part in parts]
        self.model.settle(Encoded(torch.cat([e.h.float() for e in encoded]), torch.cat([e.present for e in encoded])))

    def validation_step(self, rows: list[int], index: int) -> None:
        batch, labels = self._data.rows(rows), self._labels[rows]
        encoded = self.model.encode(batch)
        prediction = self.model.fuse(encoded)
        loss = self.objectives.task_loss(prediction.logits, labels)
        chance = torch.sigmoid(prediction.logits[:, 0])
        self.auroc.update(chance, labels[:, 0].int())
        self.auprc.update(chance, labels[:, 0].int())
        if index == 0:
            self.log("val_rank", self._rank(encoded), batch_size=len(rows))
        self.log("val_loss", loss, prog_bar=True, batch_size=len(rows))

    @staticmethod
    def _rank(encoded: Encoded) -> float:
        """Effective rank of what is present: alignment that collapses shows here."""
        return effective_rank(encoded.h[encoded.present])

    def on_validation_epoch_end(self) -> None:
        self.log("val_auroc", self.auroc.compute(), prog_bar=True)
        self.log("val_auprc", self.auprc.compute())
        self.auroc.reset()
        self.auprc.reset()

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": self.config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=self.config.learning_rate,
        )
        steps = max(int(self.trainer.estimated_stepping_batches), 2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.config.learning_rate, total_steps=steps, pct_start=self.config.warmup_share
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _Stopping(EarlyStopping):
    """Early stopping that, taken up from a state in which it had stopped, does not train on."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class _Rows(Dataset[int]):
    """Row numbers: the data themselves are in memory, on the device."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> int:
        return row


def _loader(count: int, order: SeededOrder) -> DataLoader[int]:
    # A loader draws from its generator at each pass; from the global one, that would shift dropout on resume.
    return DataLoader(_Rows(count), batch_sampler=order, collate_fn=list, generator=torch.Generator())


@dataclass(frozen=True, slots=True)
class Fit:
    """A finished training: the model with its best weights (eval mode, CPU) and how it went. Epochs count from 1."""

    model: FusionModel
    best_loss: float
    best_epoch: int
    epochs: int
    seconds: float


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
) -> Fit:
    """Train on `train_rows`, stop early on `val_rows`. data: the whole cohort, normalised with training rows only.

    run_dir keeps Lightning's state and CSV logs: a second call with the same arguments goes on where the first was
    killed. States are read with `weights_only=True`: nothing is unpickled.
    """
    pl.seed_everything(config.seed, workers=True, verbose=False)
    prior = tuple(
        float(p) for p in np.clip(cohort.labels[train_rows].reshape(len(train_rows), -1).mean(0), 1e-3, 0.999)
    )
    model = build_fusion(config.fusion, cohort.task.schema, config.model, prior)
    labels = torch.from_numpy(cohort.labels.reshape(len(cohort), -1).astype(np.float32))
    order = SeededOrder(train_rows, config.batch_size, config.seed, shuffle=True)
    module = FusionModule(model, config, data, labels, order)
    keep = ModelCheckpoint(run_dir, "best", monitor="val_loss", enable_version_counter=False)
    # After `keep`, so that the state to resume from knows what is best; every epoch, not only after a better one.
    latest = ModelCheckpoint(run_dir, "last", enable_version_counter=False)
    timer = Timer()  # kept in the state: a resumed run counts the time before the kill as well
    extra: list[Callback] = [keep, latest, timer, _Stopping("val_loss", patience=config.patience), *callbacks]
    if config.average_decay:
        extra.append(EMAWeightAveraging(decay=config.average_decay))
    if progress:
        extra.append(TQDMProgressBar(refresh_rate=5, leave=False))
    trainer = pl.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
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
        # Loaders bring row numbers of tensors that are in memory already: worker processes would only copy them.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists.*")
        trainer.fit(
            module,
            _loader(len(cohort), order),
            _loader(len(cohort), SeededOrder(val_rows, 512, 0, shuffle=False)),
            ckpt_path=str(last) if last.exists() else None,
            weights_only=True,
        )
    best = torch.load(run_dir / "best.ckpt", map_location="cpu", weights_only=True)
    weights = {k.removeprefix("model."): v for k, v in best["state_dict"].items() if k.startswith("model.")}
    model = build_fusion(config.fusion, cohort.task.schema, config.model, prior)
    model.load_state_dict(weights)
    return Fit(
        model.eval(),
        float(keep.best_model_score or np.nan),
        int(best["epoch"]) + 1,
        trainer.current_epoch,
        timer.time_elapsed("train"),
    )


def claim_run_dir(run_dir: Path, config: TrainConfig, cohort: Cohort, folds: int) -> None:
    """Bind a folder to one config and one data set; resuming with others would mix two trainings."""
    run_dir.mkdir(parents=True, exist_ok=True)
    mark = run_dir / "run.json"
    now = {"config": asdict(config), "task": cohort.task.name, "data": cohort.digest(), "folds": folds}
    if mark.exists():
        try:
            then = json.loads(mark.read_text())
        except json.JSONDecodeError:
            then = None
        if then != json.loads(json.dumps(now)):
            raise InputError(
                run_dir, "it holds a run with other settings or data", "the same settings and data, or an empty folder",
                "Name another --run-dir, or delete this one.",
            )  # fmt: skip
    mark.write_text(json.dumps(now, indent=1))
