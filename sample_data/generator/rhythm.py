"""When the heart beats, and how strongly: the one clock that ECG, arterial pressure and pulse oximetry share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NORMAL, VENTRICULAR, NO_P_WAVE, P_ONLY = 0, 1, 2, 3
_MIN_GAP_S = 0.24


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """times: f64[n], R peaks in seconds, ascending. kind: i64[n], one of the constants above."""

    times: Floats
    kind: NDArray[np.int64]

    @property
    def intervals(self) -> Floats:
        """f64[n], seconds since the beat before (the first beat repeats the second's interval)."""
        gaps = np.diff(self.times)
        return np.concatenate([gaps[:1], gaps]) if gaps.size else np.ones_like(self.times)

    def outside(self, start: float, stop: float) -> Beats:
        """Without the beats in [start, stop)."""
        keep = (self.times < start) | (self.times >= stop)
        return Beats(self.times[keep], self.kind[keep])

    def of(self, *kinds: int) -> Beats:
        """Only the beats of these kinds."""
        keep = np.isin(self.kind, kinds)
        return Beats(self.times[keep], self.kind[keep])


def train(
    rng: np.random.Generator,
    start: float,
    stop: float,
    bpm: float,
    *,
    kind: int = NORMAL,
    jitter: float = 0.01,
    breaths_hz: float = 0.25,
    sinus_arrhythmia: float = 0.02,
    end_bpm: float | None = None,
) -> Beats:
    """A run of beats in [start, stop) at `bpm`, gliding to `end_bpm`, with respiratory and slow random variation.

    `jitter` is the relative spread of single intervals: 0.01 for sinus rhythm, 0.2 for atrial fibrillation.
    """
    times: list[float] = []
    now, slow = start, 0.0
    last_bpm = bpm if end_bpm is None else end_bpm
    while now < stop:
        times.append(now)
        slow = 0.97 * slow + rng.normal(0.0, 0.004)
        progress = (now - start) / max(stop - start, 1e-9)
        rate = bpm + (last_bpm - bpm) * progress
        breath = sinus_arrhythmia * np.sin(2 * np.pi * breaths_hz * now)
        now += max(_MIN_GAP_S, 60.0 / rate * (1.0 + breath + slow + rng.normal(0.0, jitter)))
    return Beats(np.array(times), np.full(len(times), kind, dtype=np.int64))


def join(parts: Sequence[Beats]) -> Beats:
    """One sequence from several, by time; of two beats closer than a ventricle can follow the earlier one stays."""
    times = np.concatenate([part.times for part in parts])
    kind = np.concatenate([part.kind for part in parts])
    order = np.argsort(times, kind="stable")
    times, kind = times[order], kind[order]
    keep: list[int] = []
    last = -np.inf
    for index, at in enumerate(times):
        if kind[index] == P_ONLY:
            keep.append(index)
        elif at - last >= _MIN_GAP_S:
            keep.append(index)
            last = at
    return Beats(times[keep], kind[keep])


def splice(base: Beats, start: float, stop: float, middle: Beats) -> Beats:
    """`base` with everything in [start, stop) replaced by `middle`."""
    return join([base.outside(start, stop), middle])


def premature(rng: np.random.Generator, base: Beats, count: int, first: float, last: float) -> Beats:
    """`count` single ventricular extrasystoles in [first, last): early, and followed by a compensatory pause."""
    inside = np.flatnonzero((base.times > first) & (base.times < last) & (base.kind != VENTRICULAR))
    if count <= 0 or inside.size <= 3 * count:
        return base
    chosen = np.sort(rng.choice(inside[1:-1], size=count, replace=False))
    times, kind = base.times.copy(), base.kind.copy()
    for index in chosen:
        if kind[index - 1] == VENTRICULAR:
            continue
        times[index] = times[index - 1] + 0.62 * (times[index] - times[index - 1])
        kind[index] = VENTRICULAR
    return Beats(times, kind)


def strength(beats: Beats) -> Floats:
    """Mechanical strength f64[n] in 0..1: short filling and ventricular origin both weaken the pulse."""
    filling = 1.0 - np.exp(-np.clip(beats.intervals - 0.12, 0.0, None) / 0.28)
    origin = np.where(beats.kind == VENTRICULAR, 0.55, 1.0)
    return filling * origin
