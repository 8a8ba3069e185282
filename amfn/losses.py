"""Task, alignment and reconstruction losses (Eqs. 3, 5, 14; Table 7's focal loss).

The heads that only losses need (projections, decoders, per-modality classifiers) live here, not in the model: they are
trained with it and left behind, so a checkpoint holds what a prediction needs and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.types import Batch, Encoded, Prediction, Schema, TaskKind, require_settings


@dataclass(frozen=True, slots=True)
class LossConfig:
    """task: "bce" or "focal" with focusing parameter gamma (Lin et al. 2017). reconstruction and alignment are λ1 and
    λ2 of Eq. 5; with task_weight and auxiliary at 0 they alone are minimised, which is self-supervised pretraining.
    auxiliary weighs a prediction from every modality's own embedding. distillation: the share of a teacher's answer in
    what is learned, the rest is the label (Hinton et al. 2015). A regression is trained by Huber's loss, squared up to
    huber_delta training spreads and linear beyond."""

    task: Literal["bce", "focal"] = "bce"
    task_weight: float = 1.0
    focal_gamma: float = 2.0
    reconstruction: float = 0.1
    alignment: float = 0.02
    auxiliary: float = 0.3
    temperature: float = 0.2
    masked_share: float = 0.25
    distillation: float = 0.0
    huber_delta: float = 3.0

    def __post_init__(self) -> None:
        weights = ("task_weight", "focal_gamma", "reconstruction", "alignment", "auxiliary")
        require_settings(
            "LossConfig",
            *((name, getattr(self, name), getattr(self, name) >= 0) for name in weights),
            ("temperature", self.temperature, self.temperature > 0),
            ("masked_share", self.masked_share, 0 <= self.masked_share < 1),
            ("distillation", self.distillation, 0 <= self.distillation <= 1),
            ("huber_delta", self.huber_delta, self.huber_delta > 0),
        )


def focal_loss(logits: Float[Tensor, "b k"], labels: Float[Tensor, "b k"], gamma: float) -> Float[Tensor, ""]:
    """Mean of -(1 - p_t)^γ log p_t; γ = 0 is binary cross-entropy."""
    log_p = -F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (-((1 - log_p.exp()) ** gamma) * log_p).mean()


def masked_huber(outputs: Float[Tensor, "b k"], labels: Float[Tensor, "b k"], delta: float) -> Float[Tensor, ""]:
    """Mean of Huber's loss (1964) over the targets that were measured, labels being NaN where they were not."""
    seen = ~labels.isnan()
    return F.huber_loss(outputs[seen], labels[seen], reduction="sum", delta=delta) / seen.sum().clamp(min=1)


def info_nce(z: Float[Tensor, "b m p"], present: Bool[Tensor, "b m"], temperature: float) -> Float[Tensor, ""]:
    """Symmetric InfoNCE (van den Oord et al. 2018) over every pair of modalities, on the records that have both.

    The squared distance of Eq. 14 has no negatives and is smallest when all embeddings are equal; this is not.
    """
    z = F.normalize(z.float(), dim=-1)
    losses = []
    for i in range(z.shape[1]):
        for j in range(i + 1, z.shape[1]):
            both = present[:, i] & present[:, j]
            if int(both.sum()) < 2:
                continue
            similarity = z[both, i] @ z[both, j].T / temperature
            target = torch.arange(len(similarity), device=z.device)
            losses.append((F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2)
    return torch.stack(losses).mean() if losses else z.sum() * 0


def effective_rank(h: Float[Tensor, "n d"]) -> float:
    """exp of the entropy of the normalised singular values (Roy & Vetterli 2007): d when spread, 1 when collapsed."""
    values = torch.linalg.svdvals(h.float() - h.float().mean(0))
    share = values / values.sum().clamp(min=1e-12)
    return float(torch.exp(-(share * share.clamp(min=1e-12).log()).sum()))


class Objectives(nn.Module):
    """All losses of one model. `parts` are what logs show; their weighted sum is what is minimised.

    embeds: whether the model's h are embeddings of modalities; where not, the losses on them are left out.
    """

    BINS = 32  # a waveform or series is reconstructed as this many time averages per channel

    def __init__(
        self, schema: Schema, dim: int, config: LossConfig, kind: TaskKind = "binary", embeds: bool = True
    ) -> None:
        super().__init__()
        if not embeds:
            config = replace(config, auxiliary=0.0, alignment=0.0, reconstruction=0.0)
        self.schema, self.config, self.kind = schema, config, kind
        targets = len(schema.targets)
        names = schema.names if embeds else ()
        self.project = nn.ModuleDict({m: nn.Linear(dim, dim // 2) for m in names})
        self.classify = nn.ModuleDict({m: nn.Linear(dim, targets) for m in names})
        self.decode = nn.ModuleDict(
            {
                spec.name: nn.Linear(dim, len(spec.channels) * (1 if spec.kind == "static" else self.BINS))
                for spec in schema.modalities
                if embeds
            }
        )

    def task_loss(self, logits: Float[Tensor, "b k"], labels: Float[Tensor, "b k"]) -> Float[Tensor, ""]:
        """Binary cross-entropy or focal loss, mean over records and targets; for a regression Huber's loss, mean over
        what was measured."""
        if self.kind == "regression":
            return masked_huber(logits.float(), labels, self.config.huber_delta)
        gamma = self.config.focal_gamma if self.config.task == "focal" else 0.0
        return focal_loss(logits.float(), labels, gamma)

    def corrupt(self, batch: Batch) -> Batch:
        """Hide a random contiguous share of the time of every dynamic modality from the encoders (they see it as not
        observed); reconstruction is scored against the full batch."""
        if not self.config.reconstruction:
            return batch
        observed = {}
        for spec in self.schema.modalities:
            seen = batch.observed[spec.name]
            if spec.kind == "static":
                observed[spec.name] = seen
                continue
            steps = seen.shape[1]
            width = int(steps * self.config.masked_share)
            start = torch.randint(0, steps - width + 1, (len(batch), 1), device=seen.device)
            at = torch.arange(steps, device=seen.device)[None]
            hidden = (at >= start) & (at < start + width)
            observed[spec.name] = seen & ~hidden[..., None]
        return Batch(batch.ids, batch.x, observed, batch.valid, batch.present)

    def forward(
        self, prediction: Prediction, encoded: Encoded, full: Batch, labels: Float[Tensor, "b k"]
    ) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """encoded: the encoders' output (ungated, before the graph) of the possibly corrupted batch."""
        config = self.config
        task = self.task_loss(prediction.logits, labels)
        total, parts = config.task_weight * task, {"task": float(task.detach())}
        if config.auxiliary:
            losses = []
            for k, name in enumerate(self.schema.names):
                rows = encoded.present[:, k]
                if bool(rows.any()):
                    losses.append(self.task_loss(self.classify[name](encoded.h[rows, k]), labels[rows]))
            if losses:
                auxiliary = torch.stack(losses).mean()
                total, parts["auxiliary"] = total + config.auxiliary * auxiliary, float(auxiliary.detach())
        if config.alignment:
            z = torch.stack([self.project[m](encoded.h[:, k]) for k, m in enumerate(self.schema.names)], 1)
            alignment = info_nce(z, encoded.present, config.temperature)
            total, parts["alignment"] = total + config.alignment * alignment, float(alignment.detach())
        if config.reconstruction:
            rebuilt = self._reconstruction(encoded, full)
            total, parts["reconstruction"] = total + config.reconstruction * rebuilt, float(rebuilt.detach())
        return total, parts

    def _reconstruction(self, encoded: Encoded, full: Batch) -> Float[Tensor, ""]:
        """Squared error of time averages over what was observed, each modality from its own embedding."""
        losses = []
        for k, spec in enumerate(self.schema.modalities):
            rows = encoded.present[:, k]
            if not bool(rows.any()):
                continue
            x = full.x[spec.name][rows].movedim(1, 2)  # n c t
            seen = full.observed[spec.name][rows].movedim(1, 2).to(x.dtype)
            bins = 1 if spec.kind == "static" else self.BINS
            share = F.adaptive_avg_pool1d(seen, bins)
            target = F.adaptive_avg_pool1d(x * seen, bins) / share.clamp(min=1e-6)
            guess = self.decode[spec.name](encoded.h[rows, k]).view_as(target)
            some = (share > 0).to(x.dtype)
            losses.append(((guess - target) ** 2 * some).sum() / some.sum().clamp(min=1))
        return torch.stack(losses).mean() if losses else encoded.h.sum() * 0
