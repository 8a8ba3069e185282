"""The game over modalities: what a model says for every subset of what a record has.

Axes: n players (modalities), p of them present, k = 2^p coalitions. Logit scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import factorial

import numpy as np
from jaxtyping import Bool, Float, Int

from amfn.types import InputError

PLAYER_LIMIT = 12
"""Exact values need 2^p coalitions: 4,096 at this limit."""


@lru_cache(maxsize=PLAYER_LIMIT + 1)
def all_masks(players: int) -> Bool[np.ndarray, "k p"]:
    """Every coalition, bool[2^p, p], read-only: player i is in coalition k where bit i of k is set."""
    if not 0 <= players <= PLAYER_LIMIT:
        raise InputError(
            "modalities",
            f"{players} of them in one record",
            f"at most {PLAYER_LIMIT} for exact values",
            "Group channels into fewer modalities, or sample with explain.shapley.sampled_shapley.",
        )
    masks = ((np.arange(2**players)[:, None] >> np.arange(players)) & 1).astype(bool)
    masks.setflags(write=False)
    return masks


def subsets_of(present: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, "k n"]:
    """Every subset of what is present, bool[2^p, n]: p present ones in the order of `all_masks`, the others False."""
    subsets = all_masks(int(present.sum()))
    masks = np.zeros((len(subsets), len(present)), dtype=bool)
    masks[:, present] = subsets
    return masks


def _joining(others: int) -> Float[np.ndarray, " s"]:
    """By size s of a coalition: the chance that, in a random order, it is what stands before a player's turn when
    `others` more players are in the game, for one coalition of that size."""
    total = factorial(others + 1)
    return np.array([factorial(s) * factorial(others - s) / total for s in range(others + 1)])


@lru_cache(maxsize=PLAYER_LIMIT + 1)
def _shapley_weights(players: int) -> Float[np.ndarray, "p k"]:
    """The matrix that turns coalition values into Shapley values, f64[p, 2^p]."""
    joining, members = _joining(players - 1), all_masks(players)
    count = members.sum(axis=1)
    with_player = joining[np.maximum(count - 1, 0)]
    without_player = -joining[np.minimum(count, players - 1)]
    weights = np.where(members.T, with_player, without_player)
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=PLAYER_LIMIT + 1)
def _pair_weights(players: int) -> Float[np.ndarray, "pairs k"]:
    """The matrix that turns coalition values into interaction indices of all pairs i < j, f64[p (p - 1) / 2, 2^p], in
    the order of `np.triu_indices(p, 1)`."""
    joining, members = _joining(players - 2), all_masks(players)
    first, second = (members[:, index].T for index in np.triu_indices(players, 1))
    others = members.sum(axis=1) - first - second.astype(int)
    weights = np.where(first == second, 1.0, -1.0) * joining[others]
    weights.setflags(write=False)
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Every subset of a record's modalities and every step from one to the next, as data for a figure.

    players: names of the p present modalities. masks: bool[2^p, p], nothing first, everything last. sizes: int[2^p].
    logits: f64[2^p]. edges: int[e, 2], e = p 2^(p-1), the rows of `masks` that a step leads from and to. added: int[e],
    the player that joins. changes: f64[e], what the logit gains by it; along every path they add up to full - empty.
    """

    players: tuple[str, ...]
    masks: Bool[np.ndarray, "k p"]
    sizes: Int[np.ndarray, " k"]
    logits: Float[np.ndarray, " k"]
    edges: Int[np.ndarray, "e 2"]
    added: Int[np.ndarray, " e"]
    changes: Float[np.ndarray, " e"]


@dataclass(frozen=True, slots=True, eq=False)
class Coalitions:
    """The logit of one target for every subset of what a record has.

    players: modality names. present: bool[n], which of them the record has. masks: bool[2^p, n], always
    `subsets_of(present)`. values: f64[2^p], the logit with only these modalities kept.
    """

    players: tuple[str, ...]
    masks: Bool[np.ndarray, "k n"]
    values: Float[np.ndarray, " k"]
    present: Bool[np.ndarray, " n"]
    target: str

    def __post_init__(self) -> None:
        if self.present.shape != (len(self.players),):
            raise InputError(
                "coalitions", f"present {self.present.shape}", "one flag a player", "Take it from the batch's row."
            )
        expected = subsets_of(self.present)
        if not np.array_equal(self.masks, expected) or self.values.shape != (len(expected),):
            raise InputError(
                "coalitions",
                f"masks {self.masks.shape} and values {self.values.shape} for {int(self.present.sum())} present "
                f"of {len(self.players)} players",
                f"all {len(expected)} subsets of what is present in the order of subsets_of, and a value for each",
                "Build the masks with subsets_of.",
            )
        if not np.isfinite(self.values).all():
            raise InputError(
                "coalitions",
                "a logit that is not finite",
                "finite logits",
                "Mend the model: see its conformance tests.",
            )

    @property
    def empty(self) -> float:
        """The logit with no modality at all: the model's prior."""
        return float(self.values[0])

    @property
    def full(self) -> float:
        """The logit of the record as it is."""
        return float(self.values[-1])

    def shapley(self) -> Float[np.ndarray, " n"]:
        """Exact Shapley values, f64[n], in logits; exactly 0 for a modality that the record lacks.

        Source: Shapley 1953, "A Value for n-Person Games": the subset formula.
        """
        shares = np.zeros(len(self.players))
        if self.present.any():
            shares[self.present] = _shapley_weights(int(self.present.sum())) @ self.values
        return shares

    def interactions(self) -> Float[np.ndarray, "n n"]:
        """What pairs do together and each modality by itself, f64[n, n], symmetric, in logits; row i sums to the
        Shapley value of i, so that the whole matrix sums to full - empty.

        Off the diagonal half the Shapley interaction index of the pair (above 0: more together than apart), the other
        half standing at [j, i]; on it what is left of i's value, its main effect. 0 for a modality that is absent.
        Source: Grabisch & Roubens 1999, "An axiomatic approach to the concept of interaction among players in
        cooperative games"; split over the matrix as in Lundberg et al. 2018, https://arxiv.org/abs/1802.03888, eqs. 4
        to 6.
        """
        count = int(self.present.sum())
        pairs = np.zeros((count, count))
        if count > 1:
            pairs[np.triu_indices(count, 1)] = _pair_weights(count) @ self.values / 2
        pairs += pairs.T
        matrix = np.zeros((len(self.players), len(self.players)))
        matrix[np.ix_(self.present, self.present)] = pairs
        matrix[np.diag_indices_from(matrix)] = self.shapley() - matrix.sum(axis=1)
        return matrix

    def leave_one_out(self) -> Float[np.ndarray, " n"]:
        """What the full record's logit loses without each modality, f64[n]; 0 for one that the record lacks."""
        losses = np.zeros(len(self.players))
        everyone = len(self.values) - 1
        losses[self.present] = self.full - self.values[everyone - (1 << np.arange(int(self.present.sum())))]
        return losses

    def efficiency_gap(self) -> float:
        """|sum of the Shapley values - (full - empty)| in logits: rounding only, unless something is broken."""
        return abs(float(self.shapley().sum()) - (self.full - self.empty))

    def lattice(self) -> Lattice:
        """Subsets and steps between them; modalities that the record lacks are not in it."""
        masks = all_masks(int(self.present.sum()))
        start, added = np.nonzero(~masks)
        edges = np.stack([start, start + (1 << added)], axis=1)
        return Lattice(
            players=tuple(name for name, here in zip(self.players, self.present, strict=True) if here),
            masks=masks,
            sizes=masks.sum(axis=1),
            logits=self.values,
            edges=edges,
            added=added,
            changes=self.values[edges[:, 1]] - self.values[edges[:, 0]],
        )
