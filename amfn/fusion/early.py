"""Early fusion: the channels of all modalities joined on one time axis before one network reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.encoders import EncoderConfig, SeriesEncoder
from amfn.fusion.base import prior_head, register
from amfn.fusion.tokens import TokenConfig, TokenModel, WaveStem, cut_to_schema
from amfn.types import Channel, Encoded, ModalitySpec, Prediction, Schema, require_settings


@dataclass(frozen=True, slots=True)
class EarlyConfig(TokenConfig):
    """dim: width of the fused embedding. width, sequence, summary: of the one network (`EncoderConfig`), whose summary
    path reads plain statistics: bins would be quantiles of what stems have yet to learn. stem: channels that a
    waveform's stem leaves."""

    width: int = 48
    sequence: Literal["attention", "gru", "none"] = "attention"
    summary: bool = True
    stem: int = 8

    def __post_init__(self) -> None:
        TokenConfig.__post_init__(self)
        require_settings(
            type(self).__name__,
            ("width", self.width, 4 <= self.width <= 1024 and self.width % 4 == 0),
            ("stem", self.stem, 1 <= self.stem <= 1024),
        )


class Columns(nn.Module):
    """One modality -> values and observed mask of its columns, each padded to `room` columns: f32[B, n, 2 room].

    The columns are its channels or, of a waveform, what a convolutional stem leaves of them.
    """

    def __init__(self, spec: ModalitySpec, config: EarlyConfig, room: int) -> None:
        super().__init__()
        self.spec, self.room = spec, room
        self.stem = WaveStem(len(spec.channels), config.stem, config.dropout) if spec.kind == "waveform" else None

    def forward(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b n w"], Bool[Tensor, "b n"]]:
        x, observed, valid = cut_to_schema(self.spec, x, observed, valid)
        seen = observed & valid[..., None]
        if self.stem is not None:
            x, valid = self.stem(x, seen, valid)
            seen = valid[..., None].expand_as(x)
        parts = [F.pad(part, (0, self.room - x.shape[2])) for part in (x * seen, seen.to(x.dtype))]
        return torch.cat(parts, -1), valid


@register("early")
class EarlyFusion(TokenModel):
    """One series encoder, the very network that other systems have for each modality, over the columns of all.

    A column of an absent modality is one that was never observed; static data are observed at the first step and
    carried forward.
    """

    config_type = EarlyConfig
    config: EarlyConfig

    def __init__(self, schema: Schema, config: EarlyConfig, prior: tuple[float, ...]) -> None:
        self.counts = tuple(config.stem if s.kind == "waveform" else len(s.channels) for s in schema.modalities)
        super().__init__(schema, config, prior)
        self.width = 2 * max(self.counts)
        columns = tuple(
            Channel(f"{spec.name}_{k}", "", -torch.inf, torch.inf)
            for spec, count in zip(schema.modalities, self.counts, strict=True)
            for k in range(count)
        )
        settings = EncoderConfig(config.width, config.dropout, config.sequence, config.summary, summary_bins=0)
        self.network = SeriesEncoder(ModalitySpec("joined", "series", columns), config.dim, settings)
        self.head = prior_head(config.dim, self.prior_logit)

    def encoder(self, spec: ModalitySpec) -> nn.Module:
        return Columns(spec, self.config, max(self.counts))

    def fuse(self, encoded: Encoded) -> Prediction:
        z, _, steps = self.tokens(encoded)
        value, mask = z.chunk(2, -1)  # b m l room
        later = torch.arange(self.length, device=z.device) > 0
        seen = (mask > 0.5) & ~(later & ~self.dynamic[:, None])[..., None]
        x = torch.cat([value[:, m, :, :count] for m, count in enumerate(self.counts)], -1)
        observed = torch.cat([seen[:, m, :, :count] for m, count in enumerate(self.counts)], -1)
        embedding, _ = self.network(x, observed, steps)
        return self.conclude(self.head(self.drop(torch.relu(embedding))), embedding, encoded)
