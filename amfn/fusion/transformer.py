"""Transformer encoder over the joined sequence (Vaswani et al. 2017), pre-norm (Xiong et al. 2020), mean over steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.encoders import positions
from amfn.fusion.base import register
from amfn.fusion.tokens import StepModel, TokenConfig
from amfn.types import Schema, require_settings


@dataclass(frozen=True, slots=True)
class TransformerConfig(TokenConfig):
    """layers, heads: of the encoder; its feed-forward layers are twice as wide as a token."""

    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        TokenConfig.__post_init__(self)
        require_settings(
            type(self).__name__,
            ("layers", self.layers, 1 <= self.layers <= 8),
            (
                "heads",
                f"{self.heads} (dim {self.dim} must be even and divisible by it)",
                1 <= self.heads <= self.dim and self.dim % self.heads == 0 and self.dim % 2 == 0,
            ),
        )


@register("transformer")
class TransformerFusion(StepModel):
    """`torch.nn.TransformerEncoder` with sinusoidal positions; steps beyond the record are not looked at."""

    config_type = TransformerConfig
    config: TransformerConfig

    def __init__(self, schema: Schema, config: TransformerConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        layer = nn.TransformerEncoderLayer(
            config.dim, config.heads, 2 * config.dim, config.dropout, batch_first=True, norm_first=True
        )
        # Dropping attention weights as well would take longer than attention itself does on a CPU.
        layer.self_attn.dropout = 0.0
        self.layers = nn.TransformerEncoder(
            layer, config.layers, norm=nn.LayerNorm(config.dim), enable_nested_tensor=False
        )

    def read(self, z: Float[Tensor, "b l w"], steps: Bool[Tensor, "b l"]) -> Float[Tensor, "b w"]:
        z = z + positions(z.shape[1], z.shape[2], z.device)
        # A record without a step may look everywhere: softmax over nothing would be NaN, and its answer is the prior.
        hidden = steps.any(1, keepdim=True) & ~steps
        z = self.layers(z, src_key_padding_mask=hidden)
        count = steps.sum(1, keepdim=True).clamp(min=1)
        return torch.einsum("blw,bl->bw", z, steps.to(z.dtype)) / count
