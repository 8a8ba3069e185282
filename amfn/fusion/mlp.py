"""MLP fusion: the modalities' embeddings side by side, and which of them are there, through one hidden layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from amfn.encoders import EncoderConfig
from amfn.fusion.base import FusionConfig, FusionModel, prior_head, register
from amfn.types import Encoded, Prediction, Schema, require_settings


@dataclass(frozen=True, slots=True)
class MLPConfig(FusionConfig):
    """hidden: width of the hidden layer, whose output is the fused embedding."""

    dim: int = 32
    encoder: EncoderConfig = EncoderConfig(width=16)
    hidden: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        FusionConfig.__post_init__(self)
        require_settings(
            type(self).__name__,
            ("hidden", self.hidden, 2 <= self.hidden <= 4096),
            ("dropout", self.dropout, 0 <= self.dropout < 1),
        )


@register("mlp")
class MLPFusion(FusionModel):
    """The concatenation of section 3.3.3 without attention, graph or gates, with the presence mask beside it."""

    config_type = MLPConfig
    config: MLPConfig

    def __init__(self, schema: Schema, config: MLPConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        joined = len(schema.modalities) * (config.dim + 1)
        self.mlp = nn.Sequential(
            nn.Dropout(config.dropout), nn.Linear(joined, config.hidden), nn.ReLU(), nn.Dropout(config.dropout)
        )
        self.head = prior_head(config.hidden, self.prior_logit)

    def fuse(self, encoded: Encoded) -> Prediction:
        present = encoded.present
        joined = torch.cat([(encoded.h * present[..., None]).flatten(1), present.to(encoded.h.dtype)], 1)
        embedding = self.mlp(joined)
        return self.conclude(self.head(embedding), embedding, encoded)
