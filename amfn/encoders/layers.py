"""What encoders are made of: their sizes and options, layers over time, pooling, and the contract they share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.types import require_settings


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Sizes and options shared by all encoders.

    sequence: the layer over time, "attention" (one pre-norm transformer block), "gru" or "none". summary: the path
    beside it (statistics of a series, spectra of a waveform). summary_bins: quantile bins that each statistic of a
    series is laid over, 0 for none. `frequency_mixer` and `spiking` act on waveforms only.
    """

    width: int = 64
    dropout: float = 0.2
    sequence: Literal["attention", "gru", "none"] = "attention"
    summary: bool = True
    summary_bins: int = 6
    frequency_mixer: bool = False
    spiking: bool = False

    def __post_init__(self) -> None:
        require_settings(
            "EncoderConfig",
            ("width", self.width, 4 <= self.width <= 1024 and self.width % 4 == 0),
            ("dropout", self.dropout, 0 <= self.dropout < 1),
            ("summary_bins", self.summary_bins, 0 <= self.summary_bins <= 64),
        )


class TemporalAttention(nn.Module):
    """Additive attention pooling over time (Bahdanau et al. 2015): one weight per token, softmax over valid tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # No bias on the score: softmax over time would not notice it.
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1, bias=False))

    def forward(
        self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]
    ) -> tuple[Float[Tensor, "b f"], Float[Tensor, "b l"]]:
        score = self.score(z).squeeze(-1).masked_fill(~valid, -torch.inf)  # b l
        # A record without one valid token has all -inf: weights of zero instead of NaN.
        weight = torch.where(valid.any(1, keepdim=True), score, 0.0).softmax(1) * valid
        return torch.einsum("bl,blf->bf", weight, z), weight


class TokenAttention(nn.Module):
    """One pre-norm transformer block (Vaswani et al. 2017; Xiong et al. 2020) with sinusoidal positions; padding is
    neither looked at nor changed."""

    HEADS = 4

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]) -> Float[Tensor, "b l f"]:
        b, length, width = z.shape
        z = z + positions(length, width, z.device)
        query, key, value = self.qkv(self.before(z)).view(b, length, 3, self.HEADS, -1).permute(2, 0, 3, 1, 4)
        # A row without a valid token may look everywhere: softmax over nothing would be NaN, and pooling ignores it.
        keep = (valid | ~valid.any(1, keepdim=True))[:, None, None, :]
        drop = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=keep)
        z = z + self.mix(mixed.transpose(1, 2).reshape(b, length, width))
        return z + F.dropout(self.feed(self.between(z)), drop)


class Recurrent(nn.Module):
    """A GRU over tokens; padding stands at the end and cannot reach back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(width, width, batch_first=True)

    def forward(self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]) -> Float[Tensor, "b l f"]:
        return self.rnn(z)[0]


def positions(length: int, width: int, device: torch.device) -> Float[Tensor, "l f"]:
    """Sines and cosines of the token number at wavelengths from 2π to 1000 · 2π tokens."""
    at = torch.arange(length, device=device)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(1000.0) / width))
    return torch.stack([torch.sin(at * rate), torch.cos(at * rate)], -1).flatten(1)


def sequence_layer(config: EncoderConfig) -> nn.Module | None:
    """The layer over time that the config asks for; None for "none"."""
    if config.sequence == "attention":
        return TokenAttention(config.width, config.dropout)
    return Recurrent(config.width) if config.sequence == "gru" else None


class Encoder(nn.Module):
    """x f32[B, T, C], observed bool[B, T, C], valid bool[B, T] -> (h f32[B, D], attention over time f32[B, T]).

    A third argument may bring what `derive` gave for these records: training passes over them many times.
    """

    def adapt(self, x: Float[Tensor, "n t c"], observed: Bool[Tensor, "n t c"], valid: Bool[Tensor, "n t"]) -> None:
        """Take from the training records what depends on data alone. Nothing to do for most."""

    def derive(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Tensor, ...]:
        """What is computed without a weight that is trained."""
        return ()
