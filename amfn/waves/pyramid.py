"""A record's smallest and largest value in every block of 64 and of 4096 samples, so that a day is drawn like a minute.

Made once, in chunks: of a day of four leads at 250 Hz about 11 MB stay in memory. No extreme is lost: the smallest and
largest of the blocks that cover a stretch are those of its samples, bit for bit.

Axes: N samples, W values a frame as stored, K blocks, L leads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from amfn.readers.wfdb_window import Stored

BLOCKS = (64, 4096)
CHUNK = 4096 * 64


class Store(Protocol):
    """Where samples come from: f32[N] of one lead in physical units, NaN where absent, and frames as stored where there
    is such a thing."""

    def read(self, track: int, first: int, last: int) -> Float[np.ndarray, " n"]: ...

    def stored(self, first: int, last: int) -> Stored | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Extremes of one lead in blocks of so many samples, of which the last may be shorter: low f32[K], high f32[K]; NaN
    where a block is wholly absent."""

    block: int
    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]

    def coarser(self, block: int) -> Level:
        """The same in blocks a whole number of times as long."""
        times = block // self.block
        return Level(block, _reduced(self.low, times, np.fmin), _reduced(self.high, times, np.fmax))


Pyramid = tuple[tuple[Level, ...], ...]
"""By lead, its levels from fine to coarse."""


def build(store: Store, lengths: Sequence[int], progress: Callable[[float], None]) -> Pyramid:
    """The pyramid of leads with so many samples each. progress is told the share done, 0 to 1."""
    fine, longest = BLOCKS[0], max(lengths)
    levels = [Level(fine, *np.full((2, -(-n // fine)), np.nan, np.float32)) for n in lengths]
    for first in range(0, longest, CHUNK):
        last = min(first + CHUNK, longest)
        stored = store.stored(first, last)
        bounds = None if stored is None else _bounds(stored.values)
        for lead, level in enumerate(levels):
            end = min(last, lengths[lead])
            if end > first:
                at = slice(first // fine, -(-end // fine))
                if stored is None or bounds is None:
                    level.low[at], level.high[at] = _bounds(store.read(lead, first, end))
                else:
                    level.low[at], level.high[at] = _converted(stored, lead, *bounds)
        progress(last / longest)
    return tuple((level, *(level.coarser(block) for block in BLOCKS[1:])) for level in levels)


def _bounds(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[K, ...] twice, each block's lowest and highest of [N, ...]."""
    return _reduced(x, BLOCKS[0], np.fmin), _reduced(x, BLOCKS[0], np.fmax)


def _converted(stored: Stored, lead: int, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f32[K] twice: the extremes of integers, i16[K, W] each, taken before conversion, as one lead's values.

    Conversion keeps the order, or turns it round where a gain is negative, so that extremes stay extremes. Where one of
    them is no valid value, the block's samples are looked at one by one.
    """
    fine = BLOCKS[0]
    a, b = stored.physical(lead, low), stored.physical(lead, high)
    low, high = np.minimum(a, b), np.maximum(a, b)
    doubtful = np.flatnonzero(np.isnan(low))
    if len(doubtful):
        samples = np.minimum(doubtful[:, None] * fine + np.arange(fine), len(stored.values) - 1)
        values = stored.physical(lead, stored.values[samples.ravel()]).reshape(-1, fine)
        low[doubtful], high[doubtful] = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    return low, high


def _reduced(x: np.ndarray, block: int, take: np.ufunc) -> np.ndarray:
    """[K, ...] from [N, ...]: each block's extreme. The last, shorter block is filled up with its last sample."""
    short = -len(x) % block
    if short:
        x = np.concatenate([x, np.repeat(x[-1:], short, axis=0)])
    x = x.reshape(-1, block, *x.shape[1:])
    while x.shape[1] > 1:
        # Halves are compared as a whole: many times faster than a reduction along so short an axis.
        half = x.shape[1] // 2
        x = take(x[:, :half], x[:, half:])
    return x[:, 0]
