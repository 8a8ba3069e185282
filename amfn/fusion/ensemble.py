"""Several networks of one architecture as one model: what is shipped, evaluated and explained is their mean.

Members differ in their seed and in which tenth of the training records chose their epoch (Lakshminarayanan et al. 2017,
deep ensembles). The mean is taken over logits, so that the exact split of a logit over fused nodes stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from amfn.fusion.base import FusionModel
from amfn.types import Batch, Encoded, FusionTrace, InputError, Prediction, Routed, Routing, Schema


class Ensemble(nn.Module):
    """E members behind the two halves of the forward pass that explainers use.

    Encoded.h is f32[B, M, E · D], the members' embeddings side by side, and so is Prediction.embedding. logits are the
    mean of the members' over `temperature` plus `shift` (Guo et al. 2017; Platt 1999); with nothing present they are
    the prior's as it is.
    In the trace gates, weights, adjacency, temporal attention and the logit's parts are means over members; attention
    keeps every head of every member, f32[B, E · H, S, S], members one after the other.
    """

    prior_logit: Tensor

    def __init__(self, members: Sequence[FusionModel], temperature: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        if not members or any(m.schema != members[0].schema or m.config != members[0].config for m in members):
            raise InputError(
                "ensemble", f"{len(members)} members", "one or more of one architecture", "Train them alike."
            )
        if not (0 < temperature < math.inf and math.isfinite(shift)):
            raise InputError(
                "ensemble", f"temperature {temperature}, shift {shift}", "a positive and a finite number",
                "Calibrate again.",
            )  # fmt: skip
        self.members = nn.ModuleList(members)
        self.temperature, self.shift = temperature, shift
        self.schema: Schema = members[0].schema
        self.config = members[0].config
        self.name = members[0].name
        self.register_buffer("prior_logit", torch.stack([m.prior_logit for m in members]).mean(0), persistent=False)

    def __len__(self) -> int:
        return len(self.members)

    @property
    def networks(self) -> tuple[FusionModel, ...]:
        """The members as what they are: a module list does not know."""
        return tuple(cast(FusionModel, member) for member in self.members)

    def encode(self, batch: Batch) -> Encoded:
        parts = [member.encode(batch) for member in self.networks]
        return replace(
            parts[0],
            h=torch.cat([part.h for part in parts], -1),
            temporal=_mean_by_name([part.temporal for part in parts]),
        )

    def fuse(self, encoded: Encoded) -> Prediction:
        return self._mean_of(encoded, self.fuse_each(encoded))

    def fuse_routed(self, encoded: Encoded, routing: Routing) -> Prediction:
        """`fuse` with the routing of every member exchanged; InputError for a system that does not route."""
        return self._mean_of(encoded, self.fuse_each(encoded, routing))

    def fuse_each(self, encoded: Encoded, routing: Routing | None = None) -> tuple[Prediction, ...]:
        """What each member says by itself, before temperature and shift."""
        parts = [replace(encoded, h=h) for h in encoded.h.chunk(len(self), -1)]
        if routing is None:
            return tuple(member.fuse(part) for member, part in zip(self.networks, parts, strict=True))
        routed = [member for member in self.networks if isinstance(member, Routed)]
        if len(routed) < len(self):
            raise InputError(
                "routing", f"a model of {self.name!r}", "a system whose routing can be exchanged", "AMFN's can."
            )
        return tuple(member.fuse_routed(part, routing) for member, part in zip(routed, parts, strict=True))

    def _mean_of(self, encoded: Encoded, each: Sequence[Prediction]) -> Prediction:
        nothing = ~encoded.present.any(1, keepdim=True)
        members = torch.stack([p.logits for p in each]) / self.temperature + self.shift  # e b k
        members = torch.where(nothing, self.prior_logit, members)
        traces = [p.trace for p in each]
        node_logits, bias = _mean([t.node_logits for t in traces]), _mean([t.bias for t in traces])
        attention = [t.attention for t in traces if t.attention is not None]
        trace = FusionTrace(
            sources=traces[0].sources,
            present=traces[0].present,
            attention=torch.cat(attention, 1) if attention else None,
            adjacency=_mean([t.adjacency for t in traces]),
            gates=_mean([t.gates for t in traces]),
            weights=_mean([t.weights for t in traces]),
            node_logits=None if node_logits is None else node_logits / self.temperature,
            bias=None if bias is None else torch.where(nothing, self.prior_logit, bias / self.temperature + self.shift),
            temporal=encoded.temporal,
        )
        return Prediction(members.mean(0), torch.cat([p.embedding for p in each], -1), trace, members)

    def forward(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))


def _mean(parts: Sequence[Tensor | None]) -> Tensor | None:
    """The mean over members; None where the system has no such thing."""
    there = [part for part in parts if part is not None]
    return torch.stack(there).mean(0) if there else None


def _mean_by_name(parts: Sequence[object]) -> dict[str, Tensor] | None:
    there = [part for part in parts if isinstance(part, dict)]
    if not there:
        return None
    return {name: torch.stack([part[name] for part in there]).mean(0) for name in there[0]}
