"""Adaptive Multimodal Fusion Network: normalise -> attend -> graph -> gate -> weigh -> predict.

The numbers in brackets are the paper's equations; docs of each option say how a gap in them was resolved.
Axes: b records, m modalities (i receives, j gives), d embedding, a heads, e = d / heads, k targets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.encoders import EncoderConfig
from amfn.fusion.base import FusionConfig, FusionModel, register
from amfn.types import Encoded, FusionTrace, InputError, Prediction, Routing, Schema, require_settings

Exchange = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class AMFNConfig(FusionConfig):
    """Every option is a row of the ablation.

    normalise: Eq. 7. attention: Eqs. 8 and 9 (residual + LayerNorm). graph_layers: Eqs. 10 and 11, 0 turns the graph
    off. gate: Eq. 13. fusion: "weighted" is F of Eq. 16 with β of Eq. 15; "concat" is section 3.3.3's Z. head: "linear"
    lets each logit be split exactly over fused nodes, "mlp" does not.
    """

    heads: int = 4
    normalise: bool = True
    attention: bool = True
    graph_layers: int = 2
    gate: bool = True
    fusion: Literal["weighted", "concat"] = "weighted"
    head: Literal["linear", "mlp"] = "linear"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        FusionConfig.__post_init__(self)
        require_settings(
            "AMFNConfig",
            (
                "heads",
                f"{self.heads} (dim {self.dim} must be divisible by it)",
                1 <= self.heads <= self.dim and self.dim % self.heads == 0,
            ),
            ("graph_layers", self.graph_layers, 0 <= self.graph_layers <= 16),
            ("dropout", self.dropout, 0 <= self.dropout < 1),
        )


class PresentNorm(nn.Module):
    """Eq. 7, h~ = (h - μ) / σ: batch statistics over present rows while training, running ones at inference, as
    `BatchNorm1d(d, affine=False)` per modality would do if absent rows did not count.

    Modality embeddings drift while the encoders train, so μ and σ follow them.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, modalities: int, dim: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_buffer("mean", torch.zeros(modalities, dim))
        self.register_buffer("var", torch.ones(modalities, dim))

    def forward(self, h: Float[Tensor, "b m d"], present: Bool[Tensor, "b m"]) -> Float[Tensor, "b m d"]:
        keep = present[..., None]
        mean, var = self.mean, self.var
        if self.training:
            count = keep.sum(0)  # m 1
            batch_mean = (h * keep).sum(0) / count.clamp(min=1)
            batch_var = ((h - batch_mean) ** 2 * keep).sum(0) / count.clamp(min=1)
            # One row has no variance: it is scaled by what is known so far and leaves the statistics alone.
            enough = count > 1
            mean, var = torch.where(enough, batch_mean, mean), torch.where(enough, batch_var, var)
            with torch.no_grad():
                unbiased = batch_var * count / (count - 1).clamp(min=1)
                self.mean.lerp_(torch.where(enough, batch_mean, self.mean).float(), self.momentum)
                self.var.lerp_(torch.where(enough, unbiased, self.var).float(), self.momentum)
        return (h - mean) / (var + self.eps).sqrt() * keep

    def settle(self, h: Float[Tensor, "n m d"], present: Bool[Tensor, "n m"]) -> None:
        """Set μ and σ² to those of these embeddings."""
        keep = present[..., None]
        count = keep.sum(0)
        mean = (h * keep).sum(0) / count.clamp(min=1)
        var = ((h - mean) ** 2 * keep).sum(0) / (count - 1).clamp(min=1)
        self.mean.copy_(torch.where(count > 1, mean, self.mean))
        self.var.copy_(torch.where(count > 1, var, self.var))


class BilinearAttention(nn.Module):
    """Eq. 8, α_ij = softmax_j(h_i W_a h_j), one form W_a per head on d / H slices, divided by sqrt(d / H), softmax over
    present j; Eq. 9, ĥ_i = Σ_j α_ij h_j, heads side by side, then residual and LayerNorm."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.slice = heads, dim // heads
        self.form = nn.Parameter(torch.empty(heads, self.slice, self.slice))
        # Head by head: taken as one tensor of three axes, the fan would be that of a convolution, the forms four times
        # too small, and attention would start out even and stay so.
        for form in self.form:
            nn.init.xavier_uniform_(form)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, h: Float[Tensor, "b m d"], present: Bool[Tensor, "b m"], exchange: Exchange | None = None
    ) -> tuple[Float[Tensor, "b m d"], Float[Tensor, "b a m m"]]:
        b, m, d = h.shape
        z = h.view(b, m, self.heads, self.slice)  # b m a e
        score = torch.einsum("biae,aef,bjaf->baij", z, self.form, z) / math.sqrt(self.slice)
        alpha = masked_softmax(score, present[:, None, None, :]) * present[:, None, :, None]
        if exchange is not None:
            alpha = exchanged("attention", exchange, alpha, present)
        mixed = torch.einsum("baij,bjae->biae", alpha, z).reshape(b, m, d)
        return self.norm(h + mixed) * present[..., None], alpha


class SimilarityGraph(nn.Module):
    """Eq. 10 with (1 + cos) / 2, which is never negative, self-loops kept, absent nodes masked, rows normalised;
    Eq. 11 with a residual, H + relu(A H W), for each layer."""

    def __init__(self, dim: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(layers))

    def forward(
        self, h: Float[Tensor, "b m d"], present: Bool[Tensor, "b m"]
    ) -> tuple[Float[Tensor, "b m d"], Float[Tensor, "b m m"]]:
        unit = nn.functional.normalize(h, dim=-1)
        pair = (present[:, :, None] & present[:, None, :]).to(h.dtype)
        similarity = (1 + torch.einsum("bid,bjd->bij", unit, unit)) / 2 * pair
        adjacency = similarity / similarity.sum(-1, keepdim=True).clamp(min=1e-9)
        for layer in self.layers:
            h = h + torch.relu(torch.einsum("bij,bjd->bid", adjacency, layer(h)))
        return h, adjacency


def masked_softmax(score: Tensor, keep: Tensor) -> Tensor:
    """Softmax over the last axis where `keep`; all zero where nothing is kept."""
    keep = keep.expand_as(score)
    safe = torch.where(keep.any(-1, keepdim=True), score.masked_fill(~keep, -torch.inf), 0.0)
    return safe.softmax(-1) * keep


def exchanged(name: str, exchange: Exchange, own: Tensor, present: Bool[Tensor, "b m"]) -> Tensor:
    """What takes the place of a network's own α or β. Raises InputError unless it is a share of the present modalities
    for each present one that attends, or for the record."""
    other = exchange(own, present)
    if other.shape != own.shape:
        raise InputError(name, f"{tuple(other.shape)}", f"{tuple(own.shape)}", "Keep the shape of what it is given.")
    giving, attends = present, present.any(1)
    if own.dim() == 4:
        giving, attends = present[:, None, None, :], present[:, None, :]
    whole = torch.isclose(other.sum(-1), attends.to(other.dtype), atol=1e-4)
    if not (whole.all() and (other >= 0).all() and (other * ~giving == 0).all()):
        raise InputError(
            name, "weights that are no distribution", "none below 0, sums of one over what is present and nothing else",
            "Divide by the sum over present modalities.",
        )  # fmt: skip
    return other


@register("amfn")
class AMFN(FusionModel):
    """The network of the paper over S = M sources: the fused nodes are the modalities themselves."""

    config_type = AMFNConfig
    config: AMFNConfig

    def __init__(self, schema: Schema, config: AMFNConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        m, d, k = len(schema.modalities), config.dim, len(schema.targets)
        self.norm = PresentNorm(m, d) if config.normalise else None
        self.attention = BilinearAttention(d, config.heads) if config.attention else None
        self.graph = SimilarityGraph(d, config.graph_layers) if config.graph_layers else None
        self.gate = nn.Parameter(torch.randn(m, d) / math.sqrt(d)) if config.gate else None
        self.query = nn.Parameter(torch.randn(d) / math.sqrt(d)) if config.fusion == "weighted" else None
        self.drop = nn.Dropout(config.dropout)
        fused = d if config.fusion == "weighted" else m * d
        hidden = config.head == "mlp"
        self.hidden = nn.Sequential(nn.Linear(fused, d), nn.ReLU(), nn.Dropout(config.dropout)) if hidden else None
        self.head = nn.Linear(d if hidden else fused, k)
        with torch.no_grad():
            self.head.bias.copy_(self.prior_logit)

    def settle(self, encoded: Encoded) -> None:
        if self.norm is not None:
            self.norm.settle(encoded.h, encoded.present)

    def fuse(self, encoded: Encoded) -> Prediction:
        """Eqs. 7 to 16: h[b, m, d] and what is present -> logits[b, k], fused f32[b, d] and the whole trace."""
        return self.fuse_routed(encoded, Routing())

    def fuse_routed(self, encoded: Encoded, routing: Routing) -> Prediction:
        """`fuse` with α or β exchanged for others: these are what sums are taken with and what the trace reports.
        Raises InputError where this network has no such routing, or what comes is no distribution."""
        for name, wanted, own in (
            ("attention", routing.attention, self.attention),
            ("weights", routing.weights, self.query),
        ):
            if wanted is not None and own is None:
                raise InputError(
                    name, "a network without it", "a network that routes so", "Choose another routing or system."
                )
        present, keep = encoded.present, encoded.present[..., None]
        h = encoded.h * keep
        alpha = adjacency = gamma = beta = node_logits = bias = None
        if self.norm is not None:
            h = self.norm(h, present)  # Eq. 7
        h = self.drop(h)
        if self.attention is not None:
            h, alpha = self.attention(h, present, routing.attention)  # Eqs. 8, 9
        if self.graph is not None:
            h, adjacency = self.graph(h, present)  # Eqs. 10, 11
        gated = h
        if self.gate is not None:
            gamma = torch.sigmoid(torch.einsum("bmd,md->bm", h, self.gate)) * present  # Eq. 13
            gated = gamma[..., None] * h
        if self.query is not None:
            beta = masked_softmax(torch.einsum("bmd,d->bm", gated, self.query), present)  # Eq. 15
            if routing.weights is not None:
                beta = exchanged("weights", routing.weights, beta, present)
            fused = torch.einsum("bm,bmd->bd", beta, gated)  # Eq. 16
        else:
            fused = (gated * keep).flatten(1)
        logits = self.head(fused if self.hidden is None else self.hidden(fused))
        nothing = ~present.any(1, keepdim=True)
        logits = torch.where(nothing, self.prior_logit, logits)
        if self.hidden is None:
            if beta is not None:
                node_logits = torch.einsum("bm,bmd,kd->bmk", beta, gated, self.head.weight)
            else:
                weight = self.head.weight.view(len(self.prior), h.shape[1], h.shape[2])
                node_logits = torch.einsum("bmd,kmd->bmk", gated * keep, weight)
            bias = torch.where(nothing, self.prior_logit, self.head.bias)
        trace = FusionTrace(
            self.schema.names, present, alpha, adjacency, gamma, beta, node_logits, bias, encoded.temporal
        )
        return Prediction(logits, fused, trace)


__all__ = ["AMFN", "AMFNConfig", "EncoderConfig"]
