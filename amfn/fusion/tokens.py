"""What the sequence systems share: all modalities as tokens on one time axis, and the joined sequence over them.

The axis has as many tokens as the modality with most of them, by the schema: a series has one a step, a waveform one
every 20 samples (its stem's stride). A modality with fewer is laid over the axis from start to end, and static data
stand at every token. Axes: b records, m modalities, t steps, c channels, l tokens on the common axis, w token width.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.encoders import SeriesEncoder
from amfn.fusion.base import FusionModel, SystemConfig, prior_head
from amfn.types import Batch, Encoded, InputError, ModalitySpec, Prediction, Schema, require_settings


@dataclass(frozen=True, slots=True)
class TokenConfig(SystemConfig):
    """dim: width of a token. dropout: of the joined sequence, and wherever the system drops."""

    dim: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        SystemConfig.__post_init__(self)
        require_settings(type(self).__name__, ("dropout", self.dropout, 0 <= self.dropout < 1))


class WaveStem(nn.Module):
    """Strided convolutions over all channels of a waveform and their observed masks: one token every 20 samples, that
    is 0.16 s at 125 Hz."""

    LAYERS = ((11, 5), (7, 2), (5, 2))  # kernel, stride
    STRIDE: ClassVar[int] = math.prod(stride for _, stride in LAYERS)

    def __init__(self, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        sizes = (2 * channels, max(width // 2, 1), width, width)
        self.convs = nn.ModuleList(
            nn.Conv1d(sizes[k], sizes[k + 1], kernel, stride, padding=kernel // 2, bias=False)
            for k, (kernel, stride) in enumerate(self.LAYERS)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in sizes[1:])
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "b t c"], seen: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b l w"], Bool[Tensor, "b l"]]:
        z = torch.cat([x * seen, seen.to(x.dtype)], -1).movedim(1, 2)
        mask = valid[:, None]
        for conv, norm, (_, stride) in zip(self.convs, self.norms, self.LAYERS, strict=True):
            mask = mask[..., ::stride]
            # What lies behind the record's end is set back to zero: it must look like the zeros beyond the signal.
            z = self.drop(torch.relu(norm(conv(z)))) * mask
        return z.movedim(1, 2), mask[:, 0]


class Tokens(nn.Module):
    """One modality -> its tokens, f32[B, n, W], and which of them stand for steps of the record.

    Series: value carried forward, observed mask and time since the last observation (GRU-D's inputs, Che et al. 2018).
    Waveform: a convolutional stem. Static: value and mask, one token. A linear layer lifts each to the token width; its
    bias is how the joined sequence knows that the modality is there.
    """

    def __init__(self, spec: ModalitySpec, width: int, dropout: float) -> None:
        super().__init__()
        self.spec, channels = spec, len(spec.channels)
        self.stem = WaveStem(channels, width // 2, dropout) if spec.kind == "waveform" else None
        features = {"waveform": width // 2, "series": 3 * channels, "static": 2 * channels}[spec.kind]
        self.lift = nn.Linear(features, width)

    def forward(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b n w"], Bool[Tensor, "b n"]]:
        x, observed, valid = cut_to_schema(self.spec, x, observed, valid)
        seen = observed & valid[..., None]
        if self.stem is not None:
            z, valid = self.stem(x, seen, valid)
        elif self.spec.kind == "series":
            carried, since = SeriesEncoder.carry(x, seen, valid)
            z = torch.cat([carried, seen.to(x.dtype), since], -1)
        else:
            z = torch.cat([x * seen, seen.to(x.dtype)], -1)
        return self.lift(z), valid


def cut_to_schema(
    spec: ModalitySpec, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
) -> tuple[Float[Tensor, "b s c"], Bool[Tensor, "b s c"], Bool[Tensor, "b s"]]:
    """The same with as many steps as the schema states, padded or cut at the end: the time axis does not depend on what
    else is in the batch. Raises InputError where a record is longer."""
    more = spec.steps - x.shape[1]
    if more < 0 and bool(valid[:, spec.steps :].any()):
        raise InputError(
            spec.name, f"{int(valid.sum(1).max())} steps", f"at most {spec.steps}", "Prepare the record for this task."
        )
    return F.pad(x, (0, 0, 0, more)), F.pad(observed, (0, 0, 0, more)), F.pad(valid, (0, more))


def token_count(spec: ModalitySpec) -> int:
    """Tokens of a modality before it is laid over the common axis."""
    return -(-spec.steps // WaveStem.STRIDE) if spec.kind == "waveform" else spec.steps


def last_step(z: Float[Tensor, "b l w"], valid: Bool[Tensor, "b l"]) -> Float[Tensor, "b w"]:
    """z at the last valid token; at the first where none is."""
    steps = torch.arange(z.shape[1], device=z.device)
    last = torch.where(valid, steps, 0).amax(1)
    return z[torch.arange(len(z), device=z.device), last]


class TokenModel(FusionModel):
    """Base of the systems that fuse over time: `encode` leaves tokens, `fuse` reads those of what is present."""

    embeds = False
    config_type = TokenConfig
    config: TokenConfig
    dynamic: Tensor

    def __init__(self, schema: Schema, config: TokenConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        self.length, self.width = max(token_count(spec) for spec in schema.modalities), config.dim
        dynamic = torch.tensor([spec.kind != "static" for spec in schema.modalities])
        self.register_buffer("dynamic", dynamic, persistent=False)
        self.drop = nn.Dropout(config.dropout)

    def encoder(self, spec: ModalitySpec) -> nn.Module:
        return Tokens(spec, self.config.dim, self.config.dropout)

    def encode(self, batch: Batch) -> Encoded:
        """Tokens of every modality, from the rows that have it: h f32[B, M, L · W], valid bool[B, M, L]."""
        h, valid = [], []
        for k, spec in enumerate(self.schema.modalities):
            rows = batch.present[:, k].nonzero().squeeze(1)
            z = self.prior_logit.new_zeros(len(batch), self.length * self.width)
            inside = batch.present.new_zeros(len(batch), self.length)
            if len(rows):
                tokens, stand = self.encoders[spec.name](
                    batch.x[spec.name][rows], batch.observed[spec.name][rows], batch.valid[spec.name][rows]
                )
                at = torch.arange(self.length, device=rows.device) * tokens.shape[1] // self.length
                z = z.index_copy(0, rows, tokens[:, at].flatten(1).to(z.dtype))
                inside = inside.index_copy(0, rows, stand[:, at])
            h.append(z)
            valid.append(inside)
        return Encoded(torch.stack(h, 1), batch.present, valid=torch.stack(valid, 1))

    def tokens(self, encoded: Encoded) -> tuple[Float[Tensor, "b m l w"], Bool[Tensor, "b m l"], Bool[Tensor, "b l"]]:
        """The tokens, zero where there is none; where there is one; and the steps of the record: those at which some
        present modality over time has one, all where only static data are present."""
        if encoded.valid is None:
            raise InputError("tokens", "no token validity", "what `encode` gave", "Carry `Encoded.valid` along.")
        keep = encoded.valid & encoded.present[..., None]
        steps = (keep & self.dynamic[:, None]).any(1)
        steps = torch.where(steps.any(1, keepdim=True), steps, encoded.present.any(1, keepdim=True))
        return encoded.h.unflatten(-1, (self.length, self.width)) * keep[..., None], keep, steps

    def joined(self, encoded: Encoded) -> tuple[Float[Tensor, "b l w"], Bool[Tensor, "b l"]]:
        """One token a step, the sum over what is present: a linear layer over all modalities' features and over which
        of them are there. And the steps of the record."""
        z, _, steps = self.tokens(encoded)
        return z.sum(1), steps


class StepModel(TokenModel):
    """Base of the systems that read the joined sequence into one vector: token -> relu -> `read` -> linear head."""

    def __init__(self, schema: Schema, config: TokenConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        self.head = prior_head(config.dim, self.prior_logit)

    @abstractmethod
    def read(self, z: Float[Tensor, "b l w"], steps: Bool[Tensor, "b l"]) -> Float[Tensor, "b w"]:
        """The joined sequence and the steps of the record -> one vector."""

    def fuse(self, encoded: Encoded) -> Prediction:
        z, steps = self.joined(encoded)
        embedding = self.read(self.drop(torch.relu(z)), steps)
        return self.conclude(self.head(self.drop(embedding)), embedding, encoded)
