"""What readers of charted stays share: is a value possible, and one row of values a time."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from amfn.readers.channels import CHALLENGE2012, CODES, VOLUMES
from amfn.readers.findings import Findings
from amfn.types import Channel

Cells = Mapping[tuple[int, str], list[float]]
"""All that was charted at one time (a whole number of some unit since admission) for one variable; NaN: unusable."""


def impossible(channel: Channel, value: float) -> str:
    """Why a value cannot be one of this channel, in words; empty where it can."""
    if channel.name in CODES and value not in CODES[channel.name]:
        return f"not one of {', '.join(f'{code:g}' for code in sorted(CODES[channel.name]))}"
    if not channel.low <= value <= channel.high:
        return f"outside {channel.low:g} to {channel.high:g} {channel.unit}"
    return ""


def charted(cells: Cells, per_hour: float, findings: Findings) -> tuple[np.ndarray, np.ndarray]:
    """values f32[T, C] and hours f64[T]: one row a distinct time, the variables of CHALLENGE2012 in their order.

    A value charted twice at one time is one value; where the two differ their mean is kept, since neither is known to
    be the better, but of a volume the sum, since entries at one time are separate outputs. Both are counted.
    """
    times = sorted({time for time, _ in cells})
    row = {time: index for index, time in enumerate(times)}
    column = {name: index for index, name in enumerate(CHALLENGE2012)}
    values = np.full((len(times), len(column)), np.nan, dtype=np.float32)
    for (time, name), found in cells.items():
        values[row[time], column[name]] = _one(name, found, findings)
    return values, np.array(times, dtype=np.float64) / per_hour


def _one(name: str, found: list[float], findings: Findings) -> float:
    """One value from all that were charted at one time."""
    if len(found) == 1:
        return found[0]
    measured = [value for value in found if not math.isnan(value)]
    if len(set(measured)) > 1 and name in VOLUMES:
        findings.note(name, "several volumes charted at one time: their sum is kept", len(measured) - 1)
        return sum(measured)
    if len(set(measured)) > 1:
        findings.warn(name, "charted twice at one time with different values: their mean is kept", len(measured) - 1)
        return sum(measured) / len(measured)
    if len(measured) > 1:
        findings.note(name, "charted twice at one time with the same value", len(measured) - 1)
    return measured[0] if measured else math.nan
