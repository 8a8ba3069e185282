"""What would have to be missing for the answer to change: the smallest sets of modalities.

Exact, from the value of every subset. What would have to be *different* is in `explain.charted`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from amfn.types import InputError
from explain.coalitions import Coalitions


@dataclass(frozen=True, slots=True)
class Removal:
    """Modalities without which the risk stands on the other side, and that risk."""

    modalities: tuple[str, ...]
    risk: float


@dataclass(frozen=True, slots=True)
class Removals:
    """All minimal sets whose removal moves a risk across a threshold: none contains another that does.

    risk: of the record as it is. A risk equal to the threshold is above it. found: smallest sets first, among equals
    the one that moves the risk furthest; empty where no subset of the record, down to the prior, is on the other side.
    searched: how many sets of modalities were taken away, which is all there are.
    """

    target: str
    threshold: float
    risk: float
    found: tuple[Removal, ...]
    searched: int

    @property
    def above(self) -> bool:
        """True where the record's own risk is at or over the threshold."""
        return self.risk >= self.threshold


def require_threshold(threshold: float) -> None:
    """Raises InputError for anything but a chance that can be crossed."""
    if not 0.0 < threshold < 1.0:
        raise InputError("threshold", f"{threshold}", "a probability between 0 and 1", "Pass one, not a logit.")


def removals_across(game: Coalitions, threshold: float) -> Removals:
    """The smallest sets of modalities without which one record's risk is on the other side of the threshold.

    Raises InputError for a threshold that is no probability between 0 and 1.
    """
    require_threshold(threshold)
    risks = chances(game.values)
    gone = game.present & ~game.masks
    crossing = np.flatnonzero((risks >= threshold) != (risks[-1] >= threshold))
    minimal: list[int] = []
    for row in crossing[np.argsort(gone[crossing].sum(1), kind="stable")]:
        if not any(_within(gone[less], gone[row]) for less in minimal):
            minimal.append(int(row))
    minimal.sort(key=lambda row: (int(gone[row].sum()), -abs(float(risks[row] - risks[-1])), row))
    return Removals(
        target=game.target,
        threshold=threshold,
        risk=float(risks[-1]),
        found=tuple(
            Removal(tuple(name for name, out in zip(game.players, gone[row], strict=True) if out), float(risks[row]))
            for row in minimal
        ),
        searched=len(game.values) - 1,
    )


def _within(smaller: Bool[np.ndarray, " n"], larger: Bool[np.ndarray, " n"]) -> bool:
    return not bool((smaller & ~larger).any())


def chances(logits: Float[np.ndarray, "*k"]) -> Float[np.ndarray, "*k"]:
    """Logits as probabilities, f64."""
    return torch.from_numpy(np.asarray(logits, np.float64)).sigmoid().numpy()
