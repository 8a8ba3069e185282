"""What cannot stand together: quantities of which one is never the smaller, by what they are.

An alteration moves one channel and leaves the others; each may stay within its own limits while together they describe
no patient. Axes: T steps, n steps at which both were measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amfn.types import Channel, Record
from explain.alterations import hour_text, name_of

DESCENDING: tuple[tuple[str, ...], ...] = (("SysABP", "MAP", "DiasABP"), ("NISysABP", "NIMAP", "NIDiasABP"))
"""Channels by name, each never below the ones after it: a pressure's highest, mean and lowest value within a beat. Line
and cuff measure at different sites and may differ either way."""
NAMED = 3
"""Stretches that a sentence lists."""


@dataclass(frozen=True, slots=True)
class Disorder:
    """Where a quantity stands below one that it cannot be below. stretches: first and last hour of each run of charted
    values in which it does; count: how many values that are."""

    modality: str
    upper: Channel
    lower: Channel
    stretches: tuple[tuple[float, float], ...]
    count: int

    def words(self) -> str:
        """'Systolic pressure below Mean pressure, which cannot be: 12 times, from 06:00 to 12:00 and at 14:00.'"""
        named = [hour_text(a) if a == b else f"{hour_text(a)} to {hour_text(b)}" for a, b in self.stretches]
        more = len(named) - NAMED
        listed = ", ".join(named[:NAMED]) + (f" and {more} more stretch{'es' if more > 1 else ''}" if more > 0 else "")
        times = "once" if self.count == 1 else f"{self.count} times"
        upper, lower = (name_of(self.modality, channel) for channel in (self.upper, self.lower))
        return f"{upper} below {lower}, which cannot be: {times}, {listed} (hours:minutes)."


def out_of_order(altered: Record, unaltered: Record) -> tuple[Disorder, ...]:
    """What stands below a quantity that it cannot be below, and did not before; compared where both were charted at one
    time. Of neighbours in a chain first, of its ends only where what lies between them was not charted."""
    found = []
    for modality, channels in altered.channels.items():
        at = {channel.name: c for c, channel in enumerate(channels)}
        for chain in DESCENDING:
            here = [at[name] for name in chain if name in at]
            told = np.zeros(len(altered.hours[modality]), dtype=bool)
            pairs = [*pairwise(here), *([(here[0], here[-1])] if len(here) > 2 else [])]
            for upper, lower in pairs:
                both = altered.observed[modality][:, [upper, lower]].all(axis=1)
                wrong = both & _below(altered, modality, upper, lower) & ~_below(unaltered, modality, upper, lower)
                new = wrong & ~told
                told |= wrong
                if new.any():
                    stretches = _stretches(new[both], altered.hours[modality][both])
                    found.append(Disorder(modality, channels[upper], channels[lower], stretches, int(new.sum())))
    return tuple(found)


def _below(record: Record, modality: str, upper: int, lower: int) -> np.ndarray:
    """bool[T]: measured, and the wrong way round. What was not measured is NaN, which is below nothing."""
    values = record.values[modality]
    below: np.ndarray = values[:, upper] < values[:, lower]
    return below


def _stretches(wrong: np.ndarray, hours: np.ndarray) -> tuple[tuple[float, float], ...]:
    """First and last hour of each run. bool[n] and f64[n] of what was compared."""
    edges = np.flatnonzero(np.diff(np.r_[False, wrong, False].astype(np.int8)))
    return tuple((float(hours[a]), float(hours[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True))
