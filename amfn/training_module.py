"""What one training step is: settings, order of records, losses, schedule and statistics, as a Lightning module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, Metric, MetricCollection, R2Score
from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision

from amfn.fusion import FusionModel
from amfn.losses import LossConfig, Objectives, effective_rank
from amfn.types import Batch, Encoded, TaskKind, require_settings


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training. Section 4.2 of the paper where it speaks: AdamW, cosine schedule, clipping at 1.0, patience 10.

    intact_share: the share of records of a batch that modality dropout leaves alone.
    """

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
    intact_share: float = 0.0
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
            ("intact_share", self.intact_share, 0 <= self.intact_share < 1),
            ("modality_dropout", self.modality_dropout, 0 <= self.modality_dropout <= 1),
            ("average_decay", self.average_decay, 0 <= self.average_decay < 1),
            ("validation_share", self.validation_share, 0 < self.validation_share < 1),
            ("seed", self.seed, 0 <= self.seed < 2**31),
        )


def shard(rows: Sequence[int], rank: int, world: int) -> list[int]:
    """What process `rank` of `world` trains on of a batch: the parts share no row and together are the batch."""
    return list(rows[rank::world])


class SeededOrder:
    """Batches of row numbers in an order that follows (seed, epoch) alone. The epoch is set before each pass.

    It stands where a loader would: the records are in memory already, and a `DataLoader` draws random numbers of its
    own and keeps a generator that cannot be sent to another process.
    """

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
OTHER_RANK = 2**40  # beyond any seed and epoch: no two processes draw the same dropout
MANY = 2048


class FusionModule(pl.LightningModule):
    """Model, losses and schedule. The cohort stays on the device as one Batch; what is loaded are row numbers.

    labels: f32[N, K], what validation measures against, NaN where a regression's target was not measured. learned: what
    training rows are trained on where that is not their label, but mixed with a teacher's answer.

    Several processes go through the same batches, each on its shard. The task loss is then that of the whole batch; the
    losses on embeddings, and statistics that layers take while training, are those of the shard. Every process
    validates on all rows: what is best does not depend on how many there are.
    """

    def __init__(
        self,
        model: FusionModel,
        config: TrainConfig,
        data: Batch,
        labels: Tensor,
        order: SeededOrder,
        kind: TaskKind = "binary",
        learned: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model, self.config, self.order, self.kind = model, config, order, kind
        self.objectives = Objectives(model.schema, model.config.dim, config.loss, kind, model.embeds)
        self._data, self._labels = data, labels
        self._learned = labels if learned is None else learned
        measures: dict[str, Metric | MetricCollection] = (
            {
                "val_auroc": BinaryAUROC(sync_on_compute=False),
                "val_auprc": BinaryAveragePrecision(sync_on_compute=False),
            }
            if kind == "binary"
            else {"val_r2": R2Score(sync_on_compute=False), "val_mae": MeanAbsoluteError(sync_on_compute=False)}
        )
        self.measures = MetricCollection(measures)

    def on_fit_start(self) -> None:
        self._data, self._labels = self._data.to(self.device), self._labels.to(self.device)
        if not self.config.loss.reconstruction:
            # Nothing is hidden from the encoders: what they compute without weights stays the same in every epoch.
            self._data = self.model.derive(self._data)
        self._learned = self._learned.to(self.device)

    def on_train_epoch_start(self) -> None:
        self.order.set_epoch(self.current_epoch)
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch + self.global_rank * OTHER_RANK)

    def transfer_batch_to_device(self, batch: list[int], device: torch.device, dataloader_idx: int) -> list[int]:
        return batch

    def _drop(self, batch: Batch) -> Batch:
        """Modality dropout: each present modality is hidden with probability p, but for records that stay intact; a
        record never loses its last one."""
        p = self.config.modality_dropout
        chance = torch.rand(batch.present.shape, device=batch.present.device)
        keep = (chance > p) & batch.present
        if self.config.intact_share:
            intact = torch.rand(len(batch), 1, device=batch.present.device) < self.config.intact_share
            keep |= intact & batch.present
        survivor = torch.where(batch.present, chance, -1.0).argmax(1)
        keep[torch.arange(len(batch)), survivor] |= batch.present[torch.arange(len(batch)), survivor]
        return batch.masked(keep)

    def training_step(self, whole: list[int], _: int) -> Tensor:
        rows, weight = self._share(whole)
        full = self._data.rows(rows)
        shown = self._drop(full)
        encoded = self.model.encode(self.objectives.corrupt(shown))
        prediction = self.model.fuse(encoded)
        total, parts = self.objectives(prediction, encoded, full, self._learned[rows])
        self.log_dict(
            {f"train_{k}": v for k, v in parts.items()},
            on_step=False,
            on_epoch=True,
            batch_size=len(rows),
            sync_dist=True,
        )
        return total * weight

    def _share(self, whole: list[int]) -> tuple[list[int], float]:
        """This process's rows of a batch and the weight of their mean loss, so that the mean over all processes is the
        mean over the batch. One that is left without a row goes through the motions with a row of no weight."""
        world = self.trainer.world_size
        if world == 1:
            return whole, 1.0
        rows = shard(whole, self.global_rank, world)
        known, all_known = (int((~self._learned[part].isnan()).sum()) for part in (rows, whole))
        return rows or whole[:1], world * known / max(all_known, 1)

    @torch.no_grad()
    def on_validation_epoch_start(self) -> None:
        """Normalisation statistics of the averaged weights, without dropout, over training records, at most `MANY`.

        Running averages are of other weights than those that are kept, and under dropout, which widens them: embeddings
        would come out several times too small (cf. `torch.optim.swa_utils.update_bn`, and Li et al. 2019 on dropout
        before batch normalisation).
        """
        rows = self.order.rows
        norms = [m for m in self.model.modules() if isinstance(m, torch.nn.BatchNorm1d)]
        if norms:
            self._renormalise(norms, rows)
        if not self.model.embeds:
            return
        rows = rows[:: -(-len(rows) // MANY)]
        parts = [rows[k : k + CHUNK].tolist() for k in range(0, len(rows), CHUNK)]
        encoded = [self.model.encode(self._data.rows(part)) for part in parts]
        self.model.settle(Encoded(torch.cat([e.h.float() for e in encoded]), torch.cat([e.present for e in encoded])))

    def _renormalise(self, norms: Sequence[torch.nn.BatchNorm1d], rows: np.ndarray) -> None:
        """Batch normalisation inside encoders. A few records will not do: amplitudes have long tails."""
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over what follows
            norm.train()
        for k in range(0, len(rows), CHUNK):
            self.model.encode(self._data.rows(rows[k : k + CHUNK].tolist()))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()

    def validation_step(self, rows: list[int], index: int) -> None:
        batch, labels = self._data.rows(rows), self._labels[rows]
        encoded = self.model.encode(batch)
        prediction = self.model.fuse(encoded)
        loss = self.objectives.task_loss(prediction.logits, labels)
        if self.kind == "binary":
            count = len(rows)
            self.measures.update(torch.sigmoid(prediction.logits[:, 0]), labels[:, 0].int())
        else:
            seen = ~labels.isnan()
            count = int(seen.sum())
            self.measures.update(prediction.logits[seen].float(), labels[seen])
        if index == 0 and self.model.embeds:
            self.log("val_rank", self._rank(encoded), batch_size=len(rows), sync_dist=True)
        self.log("val_loss", loss, prog_bar=True, batch_size=count, sync_dist=True)

    @staticmethod
    def _rank(encoded: Encoded) -> float:
        """Effective rank of what is present: alignment that collapses shows here."""
        return effective_rank(encoded.h[encoded.present])

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.measures.compute(), prog_bar=True, sync_dist=True)
        self.measures.reset()

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
