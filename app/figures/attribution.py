"""What each modality adds to the prediction: Shapley values and Integrated Gradients by modality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.figures.bars import shares, signed_bars
from app.figures.drawing import Drawing, State, signed


def contributions(
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    unit: str = "log-odds",
    base: float | None = None,
    total: float | None = None,
    noun: str = "the risk",
    dark: bool = False,
) -> Drawing:
    """Signed horizontal bars, one per modality (Shapley values). values: f[M] in `unit`.

    base and total: the model's output with nothing known and with this record, in `unit`; both or neither are shown.
    Raises InputError where the lengths differ or a state is unknown.
    """
    ends = ""
    if base is not None and total is not None:
        ends = f"from {signed(base)} (nothing known)<br>to {signed(total)} (this record)"
    return signed_bars("contributions", values, names, titles, states, unit, "Contributions", ends, noun, dark)


def modality_totals(
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    unit: str = "log-odds",
    noun: str = "the risk",
    dark: bool = False,
) -> Drawing:
    """Signed horizontal bars of attributions summed over each modality (Integrated Gradients). values: f[M] in `unit`.

    Raises InputError where the lengths differ or a state is unknown.
    """
    lead = "Attribution summed by modality"
    return signed_bars("modality_totals", values, names, titles, states, unit, lead, "", noun, dark)


def modality_shares(
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    magnitude: str,
    dark: bool = False,
) -> Drawing:
    """How sizes without a sign are spread over the modalities. values: f[M] in 0..1; magnitude: what is shared out.

    Raises InputError where the lengths differ or a state is unknown.
    """
    whole = f"share of all {magnitude}"
    return shares(
        "modality_shares", values, names, titles, states, whole, f"of all {magnitude}, no direction", True, dark
    )
