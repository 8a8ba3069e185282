"""Temporal Fusion Transformer (Lim, Arık, Loeff & Pfister 2021, Int. J. Forecasting 37:1748, arXiv:1912.09363).

As a classifier: one window of the past and no decoder, so the last step alone asks (attention), and a linear head
stands where the quantiles were. A variable is a modality; static ones are selected among at every step as well, so that
one selection covers all that is present. Equation numbers are theirs.

Axes: b records, m modalities, l steps, w width, a heads, e = w / a.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.fusion.amfn import masked_softmax
from amfn.fusion.base import prior_head, register
from amfn.fusion.tokens import TokenConfig, TokenModel, last_step
from amfn.types import Encoded, Prediction, Schema, require_settings


@dataclass(frozen=True, slots=True)
class TFTConfig(TokenConfig):
    """dim: the width d_model throughout. heads: of the interpretable attention."""

    dim: int = 32
    heads: int = 4

    def __post_init__(self) -> None:
        TokenConfig.__post_init__(self)
        require_settings(
            type(self).__name__,
            (
                "heads",
                f"{self.heads} (dim {self.dim} must be divisible by it)",
                1 <= self.heads <= self.dim and self.dim % self.heads == 0,
            ),
        )


class AddGated(nn.Module):
    """LayerNorm(skip + GLU(z)), the way past every part that data may not need (Eq. 5)."""

    def __init__(self, size: int, width: int, dropout: float) -> None:
        super().__init__()
        self.drop, self.gate, self.norm = nn.Dropout(dropout), nn.Linear(size, 2 * width), nn.LayerNorm(width)

    def forward(self, z: Float[Tensor, "... s"], skip: Float[Tensor, "... w"]) -> Float[Tensor, "... w"]:
        return self.norm(skip + F.glu(self.gate(self.drop(z)), -1))


class GatedResidual(nn.Module):
    """Gated residual network, Eqs. 2 to 5, with an optional context."""

    def __init__(self, size: int, hidden: int, width: int, dropout: float, context: bool = False) -> None:
        super().__init__()
        self.skip = nn.Linear(size, width) if size != width else nn.Identity()
        self.enter, self.middle = nn.Linear(size, hidden), nn.Linear(hidden, hidden)
        self.context = nn.Linear(hidden, hidden, bias=False) if context else None
        self.out = AddGated(hidden, width, dropout)

    def forward(self, z: Float[Tensor, "... s"], context: Float[Tensor, "... h"] | None = None) -> Tensor:
        inner = self.enter(z)
        if self.context is not None and context is not None:
            inner = inner + self.context(context)
        return self.out(self.middle(F.elu(inner)), self.skip(z))


class VariableSelection(nn.Module):
    """Eqs. 6 to 8: a gated residual network per modality, and the weights with which their outputs are summed, a
    softmax over the modalities that have a token at the step."""

    def __init__(self, modalities: int, width: int, dropout: float, context: bool) -> None:
        super().__init__()
        self.each = nn.ModuleList(GatedResidual(width, width, width, dropout) for _ in range(modalities))
        self.weigh = GatedResidual(modalities * width, width, modalities, dropout, context)

    def forward(
        self, z: Float[Tensor, "b m l w"], keep: Bool[Tensor, "b m l"], context: Float[Tensor, "b 1 w"] | None
    ) -> tuple[Float[Tensor, "b l w"], Float[Tensor, "b l m"]]:
        weights = masked_softmax(self.weigh(z.movedim(1, 2).flatten(2), context), keep.movedim(1, 2))
        own = torch.stack([grn(z[:, m]) for m, grn in enumerate(self.each)], 1)
        return (own * weights.movedim(2, 1)[..., None]).sum(1), weights


class InterpretableAttention(nn.Module):
    """Eqs. 13 to 16: every head looks in its own way at values that all heads share; here from one step."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.slice = heads, width // heads
        # No bias on keys: softmax over steps would not notice it.
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.value, self.mix = nn.Linear(width, self.slice), nn.Linear(self.slice, width, bias=False)

    def forward(
        self, step: Float[Tensor, "b w"], z: Float[Tensor, "b l w"], steps: Bool[Tensor, "b l"]
    ) -> Float[Tensor, "b w"]:
        query = self.query(step).unflatten(-1, (self.heads, self.slice))  # b a e
        key = self.key(z).unflatten(-1, (self.heads, self.slice))  # b l a e
        score = torch.einsum("bae,blae->bal", query, key) / math.sqrt(self.slice)
        attention = masked_softmax(score, steps[:, None]).mean(1)  # b l
        return self.mix(torch.einsum("bl,ble->be", attention, self.value(z)))


@register("tft")
class TFT(TokenModel):
    """Trace: weights are the variable selection weights, their mean over the record's steps. Its attention runs over
    time and not between modalities, so the trace's stays None."""

    config_type = TFTConfig
    config: TFTConfig

    def __init__(self, schema: Schema, config: TFTConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        w, drop, static = config.dim, config.dropout, not bool(self.dynamic.all())
        # Static covariate encoders (section 4.3): contexts for selection, the LSTM's two states, and enrichment.
        self.contexts = nn.ModuleList(GatedResidual(w, w, w, drop) for _ in range(4 if static else 0))
        self.select = VariableSelection(len(schema.modalities), w, drop, static)
        self.lstm, self.local = nn.LSTM(w, w, batch_first=True), AddGated(w, w, drop)
        self.enrich = GatedResidual(w, w, w, drop, static)
        self.attend, self.attended = InterpretableAttention(w, config.heads), AddGated(w, w, drop)
        self.feed, self.out = GatedResidual(w, w, w, drop), AddGated(w, w, drop)
        self.head = prior_head(w, self.prior_logit)

    def fuse(self, encoded: Encoded) -> Prediction:
        z, keep, steps = self.tokens(encoded)
        static = z[:, ~self.dynamic, 0].sum(1)  # b w
        about = [encode(static)[:, None] for encode in self.contexts]
        selection, memory, cell, enrichment = about or [None] * 4
        chosen, weights = self.select(z, keep, selection)  # b l w, b l m
        state = None
        if memory is not None and cell is not None:
            state = memory.movedim(1, 0).contiguous(), cell.movedim(1, 0).contiguous()
        local = self.local(self.lstm(chosen, state)[0], chosen)  # Eq. 10
        rich = self.enrich(local, enrichment)  # Eq. 12
        last = last_step(rich, steps)
        fed = self.feed(self.attended(self.attend(last, rich, steps), last))  # Eqs. 17, 18
        embedding = self.out(fed, last_step(local, steps))  # Eq. 19
        share = steps.to(z.dtype) / steps.sum(1, keepdim=True).clamp(min=1)
        mean = torch.einsum("blm,bl->bm", weights, share)
        return self.conclude(self.head(embedding), embedding, encoded, weights=mean)
