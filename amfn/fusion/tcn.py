"""Temporal convolutional network over the joined sequence (Bai, Kolter & Koltun 2018, arXiv:1803.01271).

Own blocks from torch's layers: pytorch-tcn keeps buffers for streaming as state of the module, which a model that is
shared by sessions must not have and a checkpoint should not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from amfn.fusion.base import register
from amfn.fusion.tokens import StepModel, TokenConfig, last_step
from amfn.types import Schema, require_settings


@dataclass(frozen=True, slots=True)
class TCNConfig(TokenConfig):
    """levels: residual blocks, the k-th with dilation 2^k; kernel: taps of each convolution. The last step sees
    1 + 2 (kernel - 1) (2^levels - 1) steps: 125 by default."""

    dim: int = 48
    levels: int = 5
    kernel: int = 3

    def __post_init__(self) -> None:
        TokenConfig.__post_init__(self)
        require_settings(
            type(self).__name__,
            ("levels", self.levels, 1 <= self.levels <= 12),
            ("kernel", self.kernel, 2 <= self.kernel <= 15),
        )


class CausalConv(nn.Module):
    """A dilated convolution with weight normalisation whose output at a step depends on that step and earlier ones."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        conv = nn.Conv1d(width, width, kernel, dilation=dilation)
        nn.init.normal_(conv.weight, std=0.01)  # as the authors do: blocks start close to the identity
        self.conv = weight_norm(conv)

    def forward(self, z: Float[Tensor, "b w l"]) -> Float[Tensor, "b w l"]:
        return self.conv(F.pad(z, (self.reach, 0)))


class ResidualBlock(nn.Module):
    """relu(z + two rounds of causal convolution, relu and spatial dropout, which drops whole channels): figure 1b."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        rounds = [(CausalConv(width, kernel, dilation), nn.ReLU(), nn.Dropout1d(dropout)) for _ in range(2)]
        self.path = nn.Sequential(*(layer for group in rounds for layer in group))

    def forward(self, z: Float[Tensor, "b w l"]) -> Float[Tensor, "b w l"]:
        return torch.relu(z + self.path(z))


@register("tcn")
class TCNFusion(StepModel):
    """Residual blocks of doubling dilation; the last step's features go to the head."""

    config_type = TCNConfig
    config: TCNConfig

    def __init__(self, schema: Schema, config: TCNConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        self.blocks = nn.Sequential(
            *(ResidualBlock(config.dim, config.kernel, 2**k, config.dropout) for k in range(config.levels))
        )

    def convolve(self, z: Float[Tensor, "b l w"]) -> Float[Tensor, "b l w"]:
        """Features of each step, from it and what came before."""
        return self.blocks(z.movedim(1, 2)).movedim(1, 2)

    def read(self, z: Float[Tensor, "b l w"], steps: Bool[Tensor, "b l"]) -> Float[Tensor, "b w"]:
        return last_step(self.convolve(z), steps)
