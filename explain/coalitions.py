"""The game over modalities: what a model says for every subset of what a record has.

Axes: n players (modalities), k = 2^n coalitions. Logit scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import factorial

import numpy as np
from jaxtyping import Bool, Float

from amfn.types import InputError

PLAYER_LIMIT = 12
"""Exact values need 2^n coalitions: 4,096 at this limit."""


@lru_cache(maxsize=PLAYER_LIMIT + 1)
def all_masks(players: int) -> Bool[np.ndarray, "k n"]:
    """Every coalition, bool[2^n, n], read-only: player i is in coalition k where bit i of k is set."""
    if not 0 <= players <= PLAYER_LIMIT:
        raise InputError(
            "modalities", f"{players} of them", f"at most {PLAYER_LIMIT}", "Group channels into fewer modalities."
        )
    masks = ((np.arange(2**players)[:, None] >> np.arange(players)) & 1).astype(bool)
    masks.setflags(write=False)
    return masks


@lru_cache(maxsize=PLAYER_LIMIT + 1)
def _shapley_weights(players: int) -> Float[np.ndarray, "n k"]:
    """The matrix that turns coalition values into Shapley values, f64[n, 2^n]."""
    size = np.arange(players)
    joining = np.array([factorial(s) * factorial(players - s - 1) / factorial(players) for s in size])
    members = all_masks(players)
    count = members.sum(axis=1)
    with_player = joining[np.maximum(count - 1, 0)]
    without_player = -joining[np.minimum(count, players - 1)]
    weights = np.where(members.T, with_player, without_player)
    weights.setflags(write=False)
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Coalitions:
    """The logit of one target for every subset of a record's modalities.

    players: modality names. masks: bool[2^n, n], always `all_masks(n)`. values: f64[2^n], the logit with only these
    modalities kept. present: bool[n], which of them the record has; one that it lacks changes no value.
    """

    players: tuple[str, ...]
    masks: Bool[np.ndarray, "k n"]
    values: Float[np.ndarray, " k"]
    present: Bool[np.ndarray, " n"]
    target: str

    def __post_init__(self) -> None:
        expected = all_masks(len(self.players))
        if not np.array_equal(self.masks, expected) or self.values.shape != (len(expected),):
            raise InputError(
                "coalitions",
                f"masks {self.masks.shape} and values {self.values.shape} for {len(self.players)} players",
                f"all {len(expected)} subsets in the order of all_masks, and a value for each",
                "Build the masks with all_masks.",
            )
        if self.present.shape != (len(self.players),):
            raise InputError(
                "coalitions", f"present {self.present.shape}", "one flag a player", "Take it from the batch's row."
            )
        without_absent = (self.masks & self.present) @ (1 << np.arange(len(self.players)))
        if not np.array_equal(self.values, self.values[without_absent], equal_nan=True):
            raise InputError(
                "coalitions",
                "a modality that the record lacks changes a value",
                "values that depend on the present modalities only",
                "Mend the model: what stands behind an absent modality must not reach the logit.",
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
        # An absent modality is a null player: leaving it out changes no other value and keeps its own free of rounding.
        shares = np.zeros(len(self.players))
        if not self.present.any():
            return shares
        has_only_present = ~self.masks[:, ~self.present].any(axis=1)
        shares[self.present] = _shapley_weights(int(self.present.sum())) @ self.values[has_only_present]
        return shares

    def leave_one_out(self) -> Float[np.ndarray, " n"]:
        """What the full record's logit loses without each modality, f64[n]; 0 for one that the record lacks."""
        everyone = len(self.values) - 1
        return self.full - self.values[everyone - (1 << np.arange(len(self.players)))]

    def efficiency_gap(self) -> float:
        """|sum of the Shapley values - (full - empty)| in logits: rounding only, unless something is broken."""
        return abs(float(self.shapley().sum()) - (self.full - self.empty))
