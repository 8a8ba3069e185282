"""Late fusion: a classifier per modality, their evidence added up over what is present."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from amfn.encoders import EncoderConfig
from amfn.fusion.base import FusionConfig, FusionModel, register
from amfn.types import Encoded, Prediction, Schema, require_settings


@dataclass(frozen=True, slots=True)
class LateConfig(FusionConfig):
    """dropout: of each modality's embedding, before its classifier."""

    dim: int = 32
    encoder: EncoderConfig = EncoderConfig(width=16)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        FusionConfig.__post_init__(self)
        require_settings(type(self).__name__, ("dropout", self.dropout, 0 <= self.dropout < 1))


@register("late")
class LateFusion(FusionModel):
    """logits = prior + sum over present modalities of that modality's own log-odds: what naive Bayes would add, learned
    jointly. Nothing is shared, so node_logits are exact and are the Shapley values of the modalities as well.

    embedding: what the classifiers read, side by side.
    """

    config_type = LateConfig
    config: LateConfig

    def __init__(self, schema: Schema, config: LateConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(config.dim, len(prior)))
                for name in schema.names
            }
        )

    def fuse(self, encoded: Encoded) -> Prediction:
        keep = encoded.present[..., None]
        each = [self.heads[name](encoded.h[:, k]) for k, name in enumerate(self.schema.names)]
        node_logits = torch.stack(each, 1) * keep  # b m k
        bias = self.prior_logit.expand(len(node_logits), -1)
        embedding = (encoded.h * keep).flatten(1)
        return self.conclude(bias + node_logits.sum(1), embedding, encoded, node_logits=node_logits, bias=bias)
