"""N-BEATS over the joined sequence (Oreshkin, Carpov, Chapados & Bengio 2020, arXiv:1905.10437), generic architecture.

Made for forecasting; as a classifier the K logits take the place of the forecast horizon. The lookback window is the
joined sequence laid flat. Every block explains a part of its input (backcast), hands on what is left, and adds its
forecast to the logits: logits = bias + sum over blocks. All blocks are of one kind and share no weights, so grouping
them into stacks would change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from amfn.fusion.base import prior_head, register
from amfn.fusion.tokens import TokenConfig, TokenModel
from amfn.types import Encoded, Prediction, Schema, require_settings


@dataclass(frozen=True, slots=True)
class NBeatsConfig(TokenConfig):
    """dim: width of a token, small because the window is laid flat. hidden, layers: the fully connected layers of each
    block. theta: expansion coefficients of its backcast and of its forecast."""

    dim: int = 8
    blocks: int = 3
    hidden: int = 64
    layers: int = 4
    theta: int = 16

    def __post_init__(self) -> None:
        TokenConfig.__post_init__(self)
        require_settings(
            type(self).__name__,
            ("blocks", self.blocks, 1 <= self.blocks <= 32),
            ("hidden", self.hidden, 2 <= self.hidden <= 4096),
            ("layers", self.layers, 1 <= self.layers <= 8),
            ("theta", self.theta, 1 <= self.theta <= 1024),
        )


class Block(nn.Module):
    """Fully connected layers, expansion coefficients, and the learned basis that turns them into a backcast (section
    3.1). The last block has none: nobody reads what it would leave."""

    def __init__(self, window: int, config: NBeatsConfig, last: bool) -> None:
        super().__init__()
        sizes = (window, *(config.hidden for _ in range(config.layers)))
        stack = [(nn.Linear(a, b), nn.ReLU(), nn.Dropout(config.dropout)) for a, b in pairwise(sizes)]
        self.stack = nn.Sequential(*(layer for group in stack for layer in group))
        self.forward_theta = nn.Linear(config.hidden, config.theta)
        self.backcast = None
        if not last:
            self.backcast = nn.Sequential(nn.Linear(config.hidden, config.theta), nn.Linear(config.theta, window))

    def forward(self, x: Float[Tensor, "b f"]) -> tuple[Float[Tensor, "b f"] | None, Float[Tensor, "b e"]]:
        """The window -> the backcast of it, and the coefficients of the forecast."""
        z = self.stack(x)
        return None if self.backcast is None else self.backcast(z), self.forward_theta(z)


@register("nbeats")
class NBeats(TokenModel):
    """Doubly residual blocks. embedding: the forecast coefficients of all blocks side by side, on which one linear
    layer is the blocks' forecast bases and their sum."""

    config_type = NBeatsConfig
    config: NBeatsConfig

    def __init__(self, schema: Schema, config: NBeatsConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        window = self.length * config.dim
        self.blocks = nn.ModuleList(Block(window, config, k == config.blocks - 1) for k in range(config.blocks))
        self.head = prior_head(config.blocks * config.theta, self.prior_logit)

    def unroll(
        self, x: Float[Tensor, "b f"]
    ) -> tuple[list[Float[Tensor, "b f"]], Float[Tensor, "b f"], Float[Tensor, "b e"]]:
        """The window -> backcasts, what they leave of it (x minus their sum), and all forecast coefficients."""
        backcasts, forecasts = [], []
        for block in self.blocks:
            backcast, forecast = block(x)
            forecasts.append(forecast)
            if backcast is not None:
                backcasts.append(backcast)
                x = x - backcast
        return backcasts, x, torch.cat(forecasts, -1)

    def fuse(self, encoded: Encoded) -> Prediction:
        embedding = self.unroll(self.joined(encoded)[0].flatten(1))[2]
        return self.conclude(self.head(embedding), embedding, encoded)
