"""What explainers return for raw inputs: attributions.

Axes: T steps, C channels. Everything is on the logit scale unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from amfn.types import Channel, ModalitySpec, Schema

Setting = int | float | bool | str | tuple[str, ...]

COMPLETE_WITHIN = 0.05
"""An attribution whose completeness gap is larger is flagged wherever it is shown."""

SMALL_CHANGE = 0.01
"""Logits. A change below it moves a risk by at most a quarter of a percentage point: a relative gap would be noise."""

CANCELS = 5.0
"""Sizes that are so many times the change are mostly of parts that cancel."""


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
    """How much each raw input of one record moved one logit, by one method.

    values[m]: f32[T, C] for the modalities that the record has, f32[T, 1] where the method does not tell channels
    apart. settings: what the method was run with, and what it decided (steps used, modalities absent).
    baseline: its name, "none" for a method that uses none. f_baseline: the logit from which the method starts (mean
    over the baseline's rows; nothing measured for an ablation), None where it starts nowhere.
    gap: `completeness_gap` of a method that promises to add up, None for one that does not.
    in_logits: False where values are magnitudes without a sign: a sensitivity, a routing weight.
    missing[m]: bool[T, C], True where a value belongs to an observation that was not made; None where not asked for.
    Such values stand beside the sum, not in it, and a modality that the record lacks can have no others.
    """

    method: str
    target: str
    baseline: str
    settings: Mapping[str, Setting]
    values: Mapping[str, Float[np.ndarray, "t c"]]
    f_x: float
    f_baseline: float | None
    gap: float | None
    in_logits: bool = True
    missing: Mapping[str, Bool[np.ndarray, "t c"]] | None = None

    @property
    def promises_completeness(self) -> bool:
        """True where the method says that its values add up to f_x - f_baseline."""
        return self.gap is not None

    @property
    def gap_is_relative(self) -> bool:
        """False where the logit hardly changed and gap and mismatch are therefore in logits, not a share."""
        return self.f_baseline is not None and abs(self.f_x - self.f_baseline) >= SMALL_CHANGE

    @property
    def complete(self) -> bool:
        """True where the attributions add up, as promised, well enough to be shown without a warning."""
        return self.gap is not None and self.gap <= COMPLETE_WITHIN

    @property
    def flagged(self) -> bool:
        """True where the method promised that its values add up and they do not."""
        return self.promises_completeness and not self.complete

    @property
    def mismatch(self) -> float | None:
        """`completeness_gap` whether it was promised or not; None where the values are not in logits."""
        if not self.in_logits or self.f_baseline is None:
            return None
        return completeness_gap(self.measured, self.f_x, self.f_baseline)

    @property
    def size(self) -> float:
        """What the single values come to if none may cancel another."""
        return sum(float(np.abs(values).sum(dtype=np.float64)) for values in self.measured.values())

    @property
    def cancels(self) -> bool:
        """True where single values, in logits, are many times as large as all of them together."""
        if not self.in_logits or self.f_baseline is None:
            return False
        return self.size > CANCELS * max(abs(self.f_x - self.f_baseline), SMALL_CHANGE)

    @property
    def measured(self) -> Mapping[str, Float[np.ndarray, "t c"]]:
        """`values` without those of observations that were not made."""
        if self.missing is None:
            return self.values
        made = {name: np.where(self.missing[name], np.float32(0), v) for name, v in self.values.items()}
        return {name: v for name, v in made.items() if name not in self.absent}

    @property
    def absent(self) -> tuple[str, ...]:
        """Modalities that the record lacks."""
        names = self.settings.get("absent", ())
        return names if isinstance(names, tuple) else ()

    def by_channel(self, schema: Schema) -> list[tuple[ModalitySpec, Channel, float]]:
        """The sum over what was measured of each channel, in the schema's order; modalities whose channels the method
        does not tell apart are left out."""
        return [
            (spec, channel, float(self.measured[spec.name][:, c].sum(dtype=np.float64)))
            for spec in schema.modalities
            if spec.name in self.measured and self.measured[spec.name].shape[1] == len(spec.channels)
            for c, channel in enumerate(spec.channels)
        ]

    def by_modality(self) -> dict[str, float]:
        """The sum over what was measured of each modality that the record has."""
        return {name: float(values.sum(dtype=np.float64)) for name, values in self.measured.items()}
