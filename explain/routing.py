"""Does routing matter? What becomes of a cohort's probabilities when a network's routing is exchanged for another.

Jain & Wallace 2019, "Attention is not Explanation", https://arxiv.org/abs/1902.10186 (sections 4.2.1 and 4.2.2), and
Wiegreffe & Pinter 2019, "Attention is not not Explanation", https://arxiv.org/abs/1908.04626 (sections 3.2 and 3.3),
on α and β over modalities. Nothing is trained anew here: uniform routing is put into the trained network, and other
routing with the same answer is looked for among random ones only, so that what is found is a lower bound.
Axes: N records, S random routings each, M modalities. Divergences in nats, 0 to ln 2.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from math import log
from typing import Any, Literal, Protocol, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from amfn.types import Batch, Encoded, Explainable, FusionTrace, InputError, Prediction, Routed, Routing
from explain.agreement import kendall
from explain.checks import require_frozen, target_name

RoutingName = Literal["attention", "weights"]
NAMES: tuple[RoutingName, ...] = ("attention", "weights")

SAME_WITHIN = 0.01
"""Changes of probability up to it count as the same answer, as in Jain & Wallace."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BINS = 7
"""Equal bins of divergence, 0 to ln 2, in the stored report."""

CONCENTRATION = 0.5
"""Of the Dirichlet distribution that routings are drawn from: below one, most of the weight lies on few modalities."""


@runtime_checkable
class Networks(Explainable, Protocol):
    """An ensemble that says what each of its networks decided."""

    def fuse_each(self, encoded: Encoded) -> tuple[Prediction, ...]: ...


@dataclass(frozen=True, slots=True, eq=False)
class ExchangeTest:
    """One routing, α or β, exchanged.

    change: f64[N] or f64[N, S], the new probability less the old. distance: the Jensen-Shannon divergence of the new
    routing from the old; for α the mean over present rows, heads and networks, for an ensemble's β that of its means.
    uniform: equal over present modalities. permuted: the network's own, dealt out to present modalities in another
    order, the same for every row, head and network. drawn: one random distribution for every row, head and network.
    """

    uniform_change: Float[np.ndarray, " n"]
    uniform_distance: Float[np.ndarray, " n"]
    permuted_change: Float[np.ndarray, "n s"]
    permuted_distance: Float[np.ndarray, "n s"]
    drawn_change: Float[np.ndarray, "n s"]
    drawn_distance: Float[np.ndarray, "n s"]

    @property
    def changes(self) -> Float[np.ndarray, "n a"]:
        """|change| under every alternative, f64[N, 1 + 2 S]."""
        return np.abs(np.concatenate([self.uniform_change[:, None], self.permuted_change, self.drawn_change], axis=1))

    @property
    def distances(self) -> Float[np.ndarray, "n a"]:
        return np.concatenate([self.uniform_distance[:, None], self.permuted_distance, self.drawn_distance], axis=1)

    @property
    def farthest_same(self) -> Float[np.ndarray, " n"]:
        """The largest divergence among the alternatives that leave a record's probability within 0.01, f64[N]; 0 where
        all of them move it further. A lower bound: an optimiser might find one farther away."""
        return np.where(self.changes <= SAME_WITHIN, self.distances, 0.0).max(axis=1)

    def to_json(self) -> dict[str, Any]:
        """Quantiles and shares over records, no record's own numbers."""
        return {
            "uniform_change": _quantiles(np.abs(self.uniform_change)),
            "uniform_same": _share(np.abs(self.uniform_change) <= SAME_WITHIN),
            # A record's median over its random routings, as in Jain & Wallace, section 4.2.1.
            "permuted_change": _quantiles(np.median(np.abs(self.permuted_change), axis=1)),
            "permuted_same": _share(np.abs(self.permuted_change) <= SAME_WITHIN),
            "drawn_change": _quantiles(np.median(np.abs(self.drawn_change), axis=1)),
            "drawn_same": _share(np.abs(self.drawn_change) <= SAME_WITHIN),
            "farthest_same": _quantiles(self.farthest_same),
            "distance_change_tau": kendall(self.distances.ravel(), self.changes.ravel()),
            "by_distance": self._by_distance(),
        }

    def _by_distance(self) -> list[dict[str, Any]]:
        distances, changes = self.distances.ravel(), self.changes.ravel()
        edges = np.linspace(0.0, log(2), BINS + 1)
        place = np.clip(np.digitize(distances, edges) - 1, 0, BINS - 1)
        return [
            {
                "from": round(float(edges[k]), 5),
                "to": round(float(edges[k + 1]), 5),
                "count": int((place == k).sum()),
                "change": _quantiles(changes[place == k]) if (place == k).any() else None,
            }
            for k in range(BINS)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSpread:
    """How far the networks of an ensemble, alike but for their seed and their stopping records, are from one another.

    attention, weights: f64[N], the mean Jensen-Shannon divergence over all pairs of networks, heads averaged first (the
    second head of one network is not that of another); None where the system has no such thing. logits: f64[N], their
    standard deviation over networks. Routing that differs between networks which say the same explains neither of them.
    """

    count: int
    attention: Float[np.ndarray, " n"] | None
    weights: Float[np.ndarray, " n"] | None
    logits: Float[np.ndarray, " n"]

    def to_json(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "attention": None if self.attention is None else _quantiles(self.attention),
            "weights": None if self.weights is None else _quantiles(self.weights),
            "logits": _quantiles(self.logits),
        }


@dataclass(frozen=True, slots=True, eq=False)
class RoutingReport:
    """ids, probability f64[N], modalities int[N] (how many are present): the records with two modalities or more.
    untested: how many had fewer, where there is only one way to route. tests: by what was exchanged. networks: None for
    a single network."""

    target: str
    ids: tuple[str, ...]
    probability: Float[np.ndarray, " n"]
    modalities: Int[np.ndarray, " n"]
    tests: Mapping[RoutingName, ExchangeTest]
    networks: NetworkSpread | None
    draws: int
    seed: int
    untested: int

    def to_json(self) -> dict[str, Any]:
        """What a checkpoint stores: aggregates only, from which no patient can be read."""
        return {
            "target": self.target,
            "records": len(self.ids),
            "untested": self.untested,
            "draws": self.draws,
            "seed": self.seed,
            "same_within": SAME_WITHIN,
            "quantiles": list(QUANTILES),
            "tests": {name: test.to_json() for name, test in self.tests.items()},
            "networks": None if self.networks is None else self.networks.to_json(),
        }


def routing_report(
    model: Explainable, batches: Iterable[Batch], target: int = 0, *, draws: int = 20, seed: int = 0
) -> RoutingReport:
    """Exchange α and β, as far as the model has them, for every record of these batches.

    draws: random permutations, and as many random distributions, a record. They depend on the seed and the record's id
    alone, not on how records are put into batches. Raises InputError for a model that does not route, no record with
    two modalities, fewer than one draw, a negative seed, an unknown target, or a model in training mode.
    """
    require_frozen(model)
    name = target_name(model, target)
    if draws < 1 or seed < 0:
        raise InputError(
            "draws", f"{draws} draws, seed {seed}", "one draw or more and a seed of 0 or more", "Correct them."
        )
    if not isinstance(model, Routed):
        raise InputError("model", "it has no routing to exchange", "a model with fuse_routed", "Choose an AMFN.")
    parts: list[_Part] = []
    untested = 0
    for batch in batches:
        rows = torch.nonzero(batch.present.sum(1) >= 2).flatten().tolist()
        untested += len(batch) - len(rows)
        if rows:
            with torch.no_grad():
                parts.append(_part(model, batch.rows(rows), target, draws, seed))
    if not parts:
        raise InputError(
            "batches", f"{untested} records, none with two modalities", "records with two modalities or more",
            "Pass others: with one modality there is only one way to route.",
        )  # fmt: skip
    return RoutingReport(
        target=name,
        ids=tuple(one for part in parts for one in part.ids),
        probability=np.concatenate([part.probability for part in parts]),
        modalities=np.concatenate([part.modalities for part in parts]),
        tests={routing: _joined([part.tests[routing] for part in parts]) for routing in parts[0].tests},
        networks=_all_networks([part.networks for part in parts if part.networks is not None]),
        draws=draws,
        seed=seed,
        untested=untested,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What one batch adds to the report."""

    ids: tuple[str, ...]
    probability: Float[np.ndarray, " n"]
    modalities: Int[np.ndarray, " n"]
    tests: dict[RoutingName, ExchangeTest]
    networks: NetworkSpread | None


def _part(model: Routed, batch: Batch, target: int, draws: int, seed: int) -> _Part:
    encoded = model.encode(batch)
    own = model.fuse(encoded)
    routings = {name: routing for name in NAMES if (routing := _routing(own.trace, name)) is not None}
    if not routings:
        raise InputError("model", "it has neither α nor β", "a system that routes", "Choose an AMFN with routing.")
    orders, shares = _random(batch, draws, seed)
    return _Part(
        ids=batch.ids,
        probability=_probability(own, target),
        modalities=batch.present.sum(1).cpu().numpy(),
        tests={
            name: _exchange(model, encoded, own, name, routing, target, orders, shares)
            for name, routing in routings.items()
        },
        networks=_networks(model, encoded, own, target),
    )


def _exchange(
    model: Routed,
    encoded: Encoded,
    own: Prediction,
    name: RoutingName,
    before: np.ndarray,
    target: int,
    orders: Int[Tensor, "s n m"],
    shares: Float[Tensor, "s n m"],
) -> ExchangeTest:
    here = encoded.present.cpu().numpy()
    even = encoded.present / encoded.present.sum(1, keepdim=True)

    def changed(exchange: Callable[[Tensor, Tensor], Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Change of the probability and divergence of the routing, f64[n] each."""
        other = model.fuse_routed(encoded, Routing(**{name: exchange}))
        moved = _probability(other, target) - _probability(own, target)
        return moved, _distance(before, cast(np.ndarray, _routing(other.trace, name)), here)

    uniform = changed(given(even))
    permuted = np.stack([changed(dealt_out(order)) for order in orders], axis=-1)
    drawn = np.stack([changed(given(share)) for share in shares], axis=-1)
    return ExchangeTest(*uniform, *permuted, *drawn)


def given(share: Float[Tensor, "b m"]) -> Callable[[Tensor, Tensor], Tensor]:
    """For `Routing`: this share of each modality, for every row, head and network."""

    def exchange(own: Tensor, present: Tensor) -> Tensor:
        if own.dim() == 2:
            return share.to(own)
        return share[:, None, None, :].to(own) * present[:, None, :, None] + torch.zeros_like(own)

    return exchange


def dealt_out(order: Int[Tensor, "b m"]) -> Callable[[Tensor, Tensor], Tensor]:
    """For `Routing`: what a network gives modality order[m], modality m has; an absent one has to keep its place."""

    def exchange(own: Tensor, present: Tensor) -> Tensor:
        index = order if own.dim() == 2 else order[:, None, None, :].expand_as(own)
        return own.gather(-1, index.to(own.device))

    return exchange


def _random(batch: Batch, draws: int, seed: int) -> tuple[Int[Tensor, "s n m"], Float[Tensor, "s n m"]]:
    """Orders of present modalities, none the order that is, and distributions over them, for every record."""
    orders = np.tile(np.arange(batch.present.shape[1]), (draws, len(batch), 1))
    shares = np.zeros(orders.shape)
    for row, (record, present) in enumerate(zip(batch.ids, batch.present.cpu().numpy(), strict=True)):
        draw = np.random.default_rng([seed, zlib.crc32(record.encode())])
        here = np.flatnonzero(present)
        shares[:, row, here] = draw.dirichlet(np.full(len(here), CONCENTRATION), size=draws)
        for k in range(draws):
            orders[k, row, here] = here[_another_order(draw, len(here))]
    return torch.from_numpy(orders), torch.from_numpy(shares).float()


def _another_order(draw: np.random.Generator, count: int) -> Int[np.ndarray, " p"]:
    """A random order of two or more, but the one that is."""
    order = draw.permutation(count)
    while (order == np.arange(count)).all():
        order = draw.permutation(count)
    return order


def _networks(model: Routed, encoded: Encoded, own: Prediction, target: int) -> NetworkSpread | None:
    if not isinstance(model, Networks) or own.members is None or len(own.members) < 2:
        return None
    here = encoded.present.cpu().numpy()
    traces = [prediction.trace for prediction in model.fuse_each(encoded)]

    def apart(name: RoutingName) -> Float[np.ndarray, " n"] | None:
        routings = [routing for routing in (_routing(trace, name) for trace in traces) if routing is not None]
        if not routings:
            return None
        if name == "attention":
            routings = [routing.mean(axis=1, keepdims=True) for routing in routings]
        return np.mean([_distance(one, two, here) for one, two in combinations(routings, 2)], axis=0)

    spread = own.members[:, :, target].double().std(0, correction=1).cpu().numpy()
    return NetworkSpread(len(own.members), apart("attention"), apart("weights"), spread)


def _routing(trace: FusionTrace, name: RoutingName) -> np.ndarray | None:
    part = trace.attention if name == "attention" else trace.weights
    return None if part is None else part.double().cpu().numpy()


def _probability(prediction: Prediction, target: int) -> Float[np.ndarray, " n"]:
    return prediction.logits[:, target].double().sigmoid().cpu().numpy()


def divergence(one: Float[np.ndarray, "*a m"], two: Float[np.ndarray, "*a m"]) -> Float[np.ndarray, "*a"]:
    """Jensen-Shannon divergence over the last axis, in nats, 0 to ln 2. Source: Lin 1991."""
    from scipy.special import rel_entr

    middle = (one + two) / 2
    return np.clip((rel_entr(one, middle) + rel_entr(two, middle)).sum(axis=-1) / 2, 0.0, log(2))


def _distance(one: np.ndarray, two: np.ndarray, present: Bool[np.ndarray, "n m"]) -> Float[np.ndarray, " n"]:
    """Divergence a record: of β as it is, of α the mean over present rows and heads."""
    apart = divergence(one, two)
    return apart if apart.ndim == 1 else apart.mean(axis=1).sum(axis=1) / present.sum(axis=1)


def _joined(parts: Sequence[ExchangeTest]) -> ExchangeTest:
    return ExchangeTest(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(ExchangeTest)))


def _all_networks(parts: Sequence[NetworkSpread]) -> NetworkSpread | None:
    if not parts:
        return None

    def joined(columns: list[Float[np.ndarray, " n"] | None]) -> Float[np.ndarray, " n"] | None:
        there = [column for column in columns if column is not None]
        return np.concatenate(there) if there else None

    return NetworkSpread(
        count=parts[0].count,
        attention=joined([part.attention for part in parts]),
        weights=joined([part.weights for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
    )


def _quantiles(values: Float[np.ndarray, " n"]) -> list[float]:
    return [round(float(value), 5) for value in np.quantile(values, QUANTILES)]


def _share(where: Bool[np.ndarray, "*n"]) -> float:
    return round(float(where.mean()), 5)
