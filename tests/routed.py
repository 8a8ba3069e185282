"""Toys whose routing, and what becomes of the answer when it is exchanged, are known by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from amfn.types import Encoded, FusionTrace, Prediction, Routing, Schema
from tests import toys


class Weighted(toys.Toy):
    """logit = Σ β_m z_m, β fixed shares of what is present; with `heard`, z_m is first replaced by Σ_j α_mj z_j, every
    row of α the fixed shares `heard` of what is present.

    Several rows of `weights` are the networks of an ensemble: β and the logit are their means.
    """

    def __init__(
        self, model_schema: Schema, weights: Sequence[Sequence[float]], heard: Sequence[float] | None = None
    ) -> None:
        super().__init__(toys.additive, model_schema)
        self.weights, self.heard = torch.tensor(weights), None if heard is None else torch.tensor(heard)

    def fuse(self, encoded: Encoded) -> Prediction:
        return self.fuse_routed(encoded, Routing())

    def fuse_routed(self, encoded: Encoded, routing: Routing) -> Prediction:
        each = [self._network(encoded, routing, weights) for weights in self.weights]
        trace = each[0].trace
        assert trace.weights is not None
        beta = torch.stack([one.trace.weights for one in each if one.trace.weights is not None]).mean(0)
        members = torch.stack([one.logits for one in each])
        return Prediction(
            members.mean(0),
            each[0].embedding,
            FusionTrace(trace.sources, trace.present, attention=trace.attention, weights=beta),
            members if len(each) > 1 else None,
        )

    def fuse_each(self, encoded: Encoded) -> tuple[Prediction, ...]:
        return tuple(self._network(encoded, Routing(), weights) for weights in self.weights)

    def _network(self, encoded: Encoded, routing: Routing, weights: Tensor) -> Prediction:
        z, present, alpha = encoded.h[..., 0], encoded.present, None
        if self.heard is not None:
            alpha = self._shares(self.heard, present)[:, None, None, :] * present[:, None, :, None]
            if routing.attention is not None:
                alpha = routing.attention(alpha, present)
            z = (alpha[:, 0] @ z[..., None])[..., 0]
        beta = self._shares(weights, present)
        if routing.weights is not None:
            beta = routing.weights(beta, present)
        trace = FusionTrace(self.schema.names, present, attention=alpha, weights=beta)
        return Prediction((beta * z).sum(1, keepdim=True), z, trace)

    def _shares(self, shares: Tensor, present: Tensor) -> Tensor:
        kept = shares * present
        return kept / kept.sum(1, keepdim=True).clamp(min=1e-9)


class Decoy(toys.Toy):
    """Adds up its modalities, and shows a trace that has nothing to do with it."""

    def __init__(self, model_schema: Schema, trace: FusionTrace) -> None:
        super().__init__(toys.additive, model_schema)
        self.trace = trace

    def fuse(self, encoded: Encoded) -> Prediction:
        honest = super().fuse(encoded)
        copies, present = len(encoded.present), encoded.present

        def shown(part: Tensor | None) -> Tensor | None:
            return None if part is None else part.expand(copies, *part.shape[1:])

        trace = FusionTrace(
            self.schema.names,
            present,
            attention=shown(self.trace.attention),
            adjacency=shown(self.trace.adjacency),
            gates=shown(self.trace.gates),
            weights=shown(self.trace.weights),
            node_logits=shown(self.trace.node_logits),
        )
        return Prediction(honest.logits, honest.embedding, trace)
