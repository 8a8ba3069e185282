"""What explainers return for raw inputs: attributions.

Axes: T steps, C channels. Everything is on the logit scale unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Setting = int | float | bool | str | tuple[str, ...]

COMPLETE_WITHIN = 0.05
"""An attribution whose completeness gap is larger is flagged wherever it is shown."""

SMALL_CHANGE = 0.01
"""Logits. A change below it moves a risk by at most a quarter of a percentage point: a relative gap would be noise."""


def completeness_gap(values: Mapping[str, Float[np.ndarray, "t c"]], f_x: float, f_baseline: float) -> float:
    """How far the attributions are from adding up to f_x - f_baseline.

    Relative to |f_x - f_baseline|; where that is under `SMALL_CHANGE`, the absolute difference in logits.
    Source: the completeness axiom, Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", section 3.
    """
    change = f_x - f_baseline
    missed = abs(sum(float(v.sum(dtype=np.float64)) for v in values.values()) - change)
    return missed if abs(change) < SMALL_CHANGE else missed / abs(change)


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """How much each raw input of one record moved one logit away from a baseline.

    values[m]: f32[T, C], for the modalities that the record has: an absent one is not in it. settings: what the method
    was run with, and what it decided (steps used, modalities absent). gap: see `completeness_gap`.
    """

    method: str
    target: str
    baseline: str
    settings: Mapping[str, Setting]
    values: Mapping[str, Float[np.ndarray, "t c"]]
    f_x: float
    f_baseline: float
    gap: float

    @property
    def gap_is_relative(self) -> bool:
        """False where the logit hardly changed and `gap` is therefore in logits, not a share."""
        return abs(self.f_x - self.f_baseline) >= SMALL_CHANGE

    @property
    def complete(self) -> bool:
        """True where the attributions add up well enough to be shown without a warning."""
        return self.gap <= COMPLETE_WITHIN

    def by_modality(self) -> dict[str, float]:
        """The sum over each modality, in logits."""
        return {name: float(values.sum(dtype=np.float64)) for name, values in self.values.items()}
