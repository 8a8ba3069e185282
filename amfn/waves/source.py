"""A record's waveforms, read a window at a time: samples in physical units, and as many points as a screen can show.

Axes: N samples, P points. Seconds count from the record's start. NaN = absent: not recorded, marked invalid, or outside
the limits of its kind; the same values as `amfn.readers.read_record` gives.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tsdownsample import MinMaxDownsampler

from amfn.readers.wfdb_header import MIN_RATE_HZ
from amfn.readers.wfdb_window import open_window
from amfn.types import Alarm, Finding, InputError, Record
from amfn.waves.pyramid import BLOCKS, Level, Pyramid, Store, build

# A shorter record is read as it is: 10 minutes are 150,000 samples at 250 Hz, decimated in a millisecond.
SHORT_S = 600.0
_UNEVEN = 0.02


@dataclass(frozen=True, slots=True)
class Lead:
    """One signal. modality: as in the tasks' schemas (ecg, abp, ppg, resp), or "other" for a kind that no reader knows;
    unit: that of its values, empty where unknown."""

    name: str
    title: str
    modality: str
    unit: str
    rate_hz: float


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Evenly spaced samples of one lead: the k-th was taken at x0_s + k * dt_s seconds; NaN where absent."""

    x0_s: float
    dt_s: float
    values: Float[np.ndarray, " n"]

    @property
    def seconds(self) -> Float[np.ndarray, " n"]:
        """f64[N]: when each sample was taken, from the record's start."""
        return self.x0_s + self.dt_s * np.arange(len(self.values))


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """What a line is drawn through: x f64[P] seconds from the record's start, ascending (32 bits cannot tell samples
    apart after some hours); y f32[P], NaN at a gap."""

    x: Float[np.ndarray, " p"]
    y: Float[np.ndarray, " p"]


class _Once:
    """The pyramid, made by the first who needs it while others wait."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pyramid: Pyramid | None = None


@dataclass(frozen=True, slots=True, eq=False)
class WaveSource:
    """A record's leads, its alarm, and what was noticed on opening it. Made by `open_waves` or `WaveSource.of`; may be
    shared between threads."""

    record_id: str
    leads: tuple[Lead, ...]
    duration_s: float
    alarm: Alarm | None
    start: str | None
    findings: tuple[Finding, ...]
    _store: Store
    _lengths: tuple[int, ...]
    _begins: tuple[float, ...]
    _once: _Once = field(default_factory=_Once)

    @staticmethod
    def of(record: Record) -> WaveSource:
        """The waveforms of a record in memory. Raises InputError where it has none: signals that are sampled evenly, at
        10 Hz or more."""
        leads, columns, begins = [], [], []
        for modality, channels in record.channels.items():
            rate = _rate(record.hours[modality])
            for c, channel in enumerate(channels if rate else ()):
                leads.append(Lead(channel.name, lead_title(modality, channel.title), modality, channel.unit, rate))
                columns.append(np.ascontiguousarray(record.values[modality][:, c], np.float32))
                begins.append(float(record.hours[modality][0]) * 3600)
        if not leads:
            raise InputError(
                record.source,
                "no waveform",
                f"a signal sampled evenly at {MIN_RATE_HZ:g} Hz or more",
                "Charted values are shown as trends.",
            )
        ends = [begin + len(x) / lead.rate_hz for begin, x, lead in zip(begins, columns, leads, strict=True)]
        return WaveSource(
            record.record_id,
            tuple(leads),
            max(ends),
            record.meta.alarm,
            record.meta.start,
            record.meta.findings,
            _Memory(tuple(columns)),
            tuple(map(len, columns)),
            tuple(begins),
        )

    @property
    def long(self) -> bool:
        """True where views of the whole need `build`."""
        return self.duration_s >= SHORT_S

    @property
    def built(self) -> bool:
        """True where nothing is left for `build` to do."""
        return not self.long or self._once.pyramid is not None

    def build(self, progress: Callable[[float], None] | None = None) -> None:
        """Make what long views need, once; progress is told the share done, 0 to 1. A long view that comes before waits
        for it. Raises InputError where a signal file is damaged."""
        if self.built:
            return
        with self._once.lock:
            if self._once.pyramid is None:
                self._once.pyramid = build(self._store, self._lengths, progress or (lambda share: None))

    def read(self, lead: int, start_s: float, stop_s: float) -> Samples:
        """The samples from start_s up to, not including, stop_s, cut to the record: f32[N] in the lead's unit."""
        first, last = self._span(lead, start_s, stop_s)
        rate = self.leads[lead].rate_hz
        return Samples(self._begins[lead] + first / rate, 1 / rate, self._store.read(lead, first, last))

    def view(self, lead: int, start_s: float, stop_s: float, points: int) -> Points:
        """The window in at most `points` points (at least 4), of which no extreme is lost: the smallest and the largest
        value of every short stretch. NaN where a gap is wide enough to be seen; every gap where no sample is left out.
        """
        first, last = self._span(lead, start_s, stop_s)
        at, y = _decimated(*self._covering(lead, first, last, max(points, 4)), max(points, 4))
        return Points(self._begins[lead] + at / self.leads[lead].rate_hz, y)

    def overview(self, lead: int, points: int) -> Points:
        """The whole record in at most `points` points."""
        return self.view(lead, 0.0, self.duration_s, points)

    def _span(self, lead: int, start_s: float, stop_s: float) -> tuple[int, int]:
        """First sample at or after start_s, and first at or after stop_s, within the record."""
        rate, begin, length = self.leads[lead].rate_hz, self._begins[lead], self._lengths[lead]
        first = min(max(math.ceil((start_s - begin) * rate - 1e-6), 0), length)
        return first, min(max(math.ceil((stop_s - begin) * rate - 1e-6), first), length)

    def _covering(self, lead: int, first: int, last: int, points: int) -> tuple[np.ndarray, np.ndarray]:
        """Places, in samples from the lead's first, and values whose extremes are those of the window: its samples, or
        the low and high of its blocks where there are more blocks than points."""
        level = self._level(lead, last - first, points)
        if level is None:
            return np.arange(first, last), self._store.read(lead, first, last)
        block = level.block
        begin, end = -(-first // block), last // block
        head, tail = self._store.read(lead, first, begin * block), self._store.read(lead, end * block, last)
        y = np.empty(2 * (end - begin), np.float32)
        y[0::2], y[1::2] = level.low[begin:end], level.high[begin:end]
        at = np.arange(2 * begin, 2 * end) * (block / 2) + block / 4
        return (
            np.concatenate([_ends(first, begin * block), at, _ends(end * block, last)]),
            np.concatenate([_extremes(head), y, _extremes(tail)]),
        )

    def _level(self, lead: int, samples: int, points: int) -> Level | None:
        """The coarsest level that still has a block for every point; None where samples themselves are few enough."""
        if not self.long or samples < points * BLOCKS[0]:
            return None
        self.build()
        levels = self._once.pyramid[lead] if self._once.pyramid is not None else ()
        return next((level for level in reversed(levels) if samples >= points * level.block), None)


def open_waves(path: Path) -> WaveSource:
    """A WFDB record of any length, opened without reading its samples. Raises InputError for what cannot be used."""
    found = open_window(path)
    leads = tuple(Lead(t.name, lead_title(t.modality, t.name), t.modality, t.unit, found.fs) for t in found.tracks)
    every = len(leads)
    return WaveSource(
        found.record_id,
        leads,
        found.length / found.fs,
        found.alarm,
        found.start,
        found.findings,
        found,
        (found.length,) * every,
        (0.0,) * every,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """A `Store` of arrays f32[N], one a lead."""

    columns: tuple[np.ndarray, ...]

    def read(self, track: int, first: int, last: int) -> Float[np.ndarray, " n"]:
        return self.columns[track][first:last]

    def stored(self, first: int, last: int) -> None:
        return None


def lead_title(modality: str, name: str) -> str:
    """A lead's name for a reader: 'ECG II', 'ABP'."""
    return f"ECG {name}" if modality == "ecg" and "ecg" not in name.lower() else name


def _rate(hours: np.ndarray) -> float:
    """Samples a second; 0 where they are too few a second, or not evenly spaced, for a waveform."""
    if len(hours) < 2 or hours[-1] <= hours[0]:
        return 0.0
    step = float(hours[-1] - hours[0]) * 3600 / (len(hours) - 1)
    even = np.abs(np.diff(hours) * 3600 - step).max() <= _UNEVEN * step
    return round(1 / step, 6) if even and 1 / step >= MIN_RATE_HZ else 0.0


def _extremes(values: np.ndarray) -> np.ndarray:
    """f32[2], low and high; f32[0] of nothing."""
    return np.array([np.fmin.reduce(values), np.fmax.reduce(values)], np.float32) if len(values) else values


def _ends(first: int, last: int) -> np.ndarray:
    return np.array([first, last - 1], np.float64) if last > first else np.zeros(0)


def _decimated(at: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` of these places and values: of each of as many bins the lowest and the highest, and NaN between
    two that more than half a bin of absent values keeps apart."""
    if len(y) <= points:
        return at, y
    absent = np.isnan(y)
    if not absent.any():
        keep = MinMaxDownsampler().downsample(y, n_out=points // 2 * 2)
        return at[keep], y[keep]
    for bins in (points // 2, 7 * points // 16, points // 4):
        keep = np.unique(MinMaxDownsampler().downsample(y, n_out=2 * bins)).astype(np.intp)
        keep = keep[~absent[keep]]
        apart = np.flatnonzero(np.diff(np.cumsum(absent)[keep]) > len(y) / bins / 2)
        if len(keep) + len(apart) <= points:
            break
    if not len(keep):
        return at[[0, -1]], y[[0, -1]]
    middles = (at[keep[apart]] + at[keep[apart + 1]]) / 2
    return np.insert(at[keep].astype(np.float64), apart + 1, middles), np.insert(y[keep], apart + 1, np.float32(np.nan))
