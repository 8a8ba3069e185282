"""Charted series and static data."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.encoders.layers import Encoder, EncoderConfig, TemporalAttention, sequence_layer
from amfn.encoders.summary import SummaryPath, summary_statistics
from amfn.types import ModalitySpec


class SeriesEncoder(Encoder):
    """Charted values: value carried forward, observed mask and time since the last observation per step (the inputs of
    GRU-D, Che et al. 2018) through a layer over time and temporal attention; beside it a summary-statistics path."""

    def __init__(self, spec: ModalitySpec, dim: int, config: EncoderConfig) -> None:
        super().__init__()
        channels, width = len(spec.channels), config.width
        self.lift = nn.Linear(3 * channels, width)
        self.sequence = sequence_layer(config)
        self.pool = TemporalAttention(width)
        self.summary = SummaryPath(channels, width, config.dropout, config.summary_bins) if config.summary else None
        parts = width if self.summary is None else 2 * width
        self.out = nn.Sequential(nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(parts, dim))

    @staticmethod
    def carry(
        x: Float[Tensor, "b t c"], seen: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b t c"]]:
        """The last observation carried forward, zero before the first, and the steps since then as a share of the
        record's length, one before the first."""
        steps = torch.arange(x.shape[1], device=x.device)[None, :, None]
        last = torch.where(seen, steps, -1).cummax(1).values  # b t c: step of the last observation, -1 before the first
        carried = torch.gather(x * seen, 1, last.clamp(min=0)) * (last >= 0)
        length = valid.sum(1)[:, None, None]
        since = torch.where(last >= 0, steps - last, length) / length.clamp(min=1)
        return carried, since.to(x.dtype)

    def adapt(self, x: Float[Tensor, "n t c"], observed: Bool[Tensor, "n t c"], valid: Bool[Tensor, "n t"]) -> None:
        if self.summary is not None:
            seen = observed & valid[..., None]
            self.summary.adapt(summary_statistics(x * seen, seen, *self.carry(x, seen, valid), valid))

    def derive(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Tensor, ...]:
        """Value, mask and time since for each step f32[B, T, 3C], and what the summary path reads of them."""
        seen = observed & valid[..., None]
        carried, since = self.carry(x, seen, valid)
        steps = torch.cat([carried, seen.to(x.dtype), since], -1)
        if self.summary is None:
            return (steps,)
        return steps, self.summary.lay_out(summary_statistics(x * seen, seen, carried, since, valid))

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        observed: Bool[Tensor, "b t c"],
        valid: Bool[Tensor, "b t"],
        derived: tuple[Tensor, ...] | None = None,
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b t"]]:
        steps, *laid_out = self.derive(x, observed, valid) if derived is None else derived
        z = torch.relu(self.lift(steps))  # b t f
        if self.sequence is not None:
            z = self.sequence(z, valid)
        pooled, weight = self.pool(z, valid)
        if self.summary is None:
            return self.out(pooled), weight
        return self.out(torch.cat([pooled, self.summary(laid_out[0])], -1)), weight


class StaticEncoder(Encoder):
    """Static data: values and their mask through an MLP. A one-hot category times the first layer is its embedding."""

    def __init__(self, spec: ModalitySpec, dim: int, config: EncoderConfig) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(2 * len(spec.channels), config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, dim),
        )

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        observed: Bool[Tensor, "b t c"],
        valid: Bool[Tensor, "b t"],
        derived: tuple[Tensor, ...] | None = None,
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b t"]]:
        seen = observed & valid[..., None]
        h = self.mlp(torch.cat([x * seen, seen.to(x.dtype)], -1)[:, 0])
        return h, torch.zeros_like(x[..., 0]).index_fill(1, torch.zeros(1, dtype=torch.long, device=x.device), 1.0)
