"""What a figure asks of its numbers before it draws them. Raises InputError with what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from amfn.types import InputError

Unit = Literal["h", "s before alarm"]
ROUNDING = 1e-6
"""How far beyond its bounds a single-precision share may lie: it is drawn on the bound."""


def numbers(
    source: str,
    what: str,
    values: Any,
    shape: tuple[int, ...],
    low: float = -np.inf,
    high: float = np.inf,
    gaps: bool = False,
) -> np.ndarray:
    """`values` as f64 of this shape within low..high; None and NaN stay gaps where they may, infinity never passes.

    Raises InputError where there is nothing, or anything else came.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(source, f"{what}: {error}", f"numbers {shape}", "Pass an array.") from error
    if array.shape != shape:
        raise InputError(source, f"{what} {array.shape}", f"{shape}", "Pass one number for each, in the same order.")
    if array.size == 0:
        raise InputError(source, f"no {what}", "one or more", "Leave this chart out and say so in words.")
    wrong = np.isinf(array) if gaps else ~np.isfinite(array)
    if wrong.any():
        raise InputError(source, f"{what}: {array[wrong][0]}", "finite numbers", "Leave out what is not defined.")
    outside = (array < low - ROUNDING) | (array > high + ROUNDING)
    if outside.any():
        raise InputError(source, f"{what}: {array[outside][0]:g}", f"{low:g} to {high:g}", "Correct scale or sign.")
    return np.clip(array, low, high)


def check_between(source: str, low: np.ndarray, middle: np.ndarray, high: np.ndarray) -> None:
    """Each value lies within its own limits, but for rounding."""
    if (low > middle + ROUNDING).any() or (middle > high + ROUNDING).any():
        raise InputError(source, "a value outside its own limits", "low <= value <= high", "Pass them in this order.")


def check_titles(source: str, what: str, titles: Sequence[str]) -> int:
    """How many titles there are; at least one, none twice."""
    if not titles or len(set(titles)) < len(titles):
        raise InputError(source, f"{what} {list(titles)}", "one or more, each once", "Correct the titles.")
    return len(titles)


def moments(source: str, times: Any, unit: Unit) -> np.ndarray:
    """The moments of a trajectory, f64[T]: hours ascending, seconds before the alarm descending."""
    if unit not in ("h", "s before alarm"):
        raise InputError(source, f"unit {unit!r}", "'h' or 's before alarm'", "Correct the unit.")
    array = numbers(source, "times", times, np.shape(times)[:1])
    forward = np.diff(array) if unit == "h" else -np.diff(array)
    if (forward <= 0).any():
        order = "ascending" if unit == "h" else "descending"
        raise InputError(source, f"times {array.tolist()}", f"{order}, each once", "Pass them as the record unfolds.")
    return array


def moment(time: float, unit: Unit) -> str:
    """A moment in words: '6 h', '90 s before the alarm', 'the alarm'."""
    if unit == "h":
        return f"{time:g} h"
    return "the alarm" if time == 0 else f"{time:g} s before the alarm"
