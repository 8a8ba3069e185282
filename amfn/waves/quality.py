"""Which stretches of a lead cannot be relied on: absent, flat, saturated, noisy.

Absent, flat and saturated are read from the samples; noise from published indices of windows of two or four seconds,
one a second (`amfn.waves.indices`). A second counts as noisy where at least half of the windows over it are.

Measured on the faults that the scenarios of the simulated cohort plant, the share of their seconds that is shaded: lead
off 95 %, broken wire and mains 100 %, electrode motion 86 %, shaking 84 %, muscle noise 62 % (shivering 93 %, weak
noise of 0.05 mV none), wander 69 %, faint ECG 38 %, flush 100 %, damped line 95 %, moving finger 100 %; of seconds
without a fault 0.0 % of ECG, PPG and ABP. On real alarms (Challenge 2015, 501 records, the 15 s before the alarm) the
mean share shaded is, of false and of true alarms: ECG 40 % and 12 %, ABP 29 % and 12 %, RESP 11 % and 1 %, PPG 12 %
and 13 %. `tests/unit/test_waves_quality.py` holds it to them, with slack.
Thresholds that are not published were set while looking at these same records: no independent test. Left out are 3 s
around each fault, and the first 15 s of simulated ABP, which run backwards (with them 1.2 % of ABP is shaded).

Indices are no diagnosis. A rhythm without beats can look like noise or like a lead that is off (of the ECG of true
asystoles 19 % is called flat), the onset of a wide rhythm like a wandering baseline, rhythmic movement like a rhythm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from amfn.waves.indices import RULES
from amfn.waves.source import Lead, Samples, WaveSource

Kind = Literal["absent", "flat", "saturated", "noisy"]

HOP_S = 1.0
MARGIN_S = 8.0
CHUNK_S = 120.0  # larger ones fall out of the processor's cache: half as fast
ABSENT_S = 0.2  # a shorter gap is not worth a shade
ABSENT_SHARE = 0.25  # of a window: with more, its indices say nothing
FLAT_S, FLAT_STEP_S = 2.0, 0.25
# From lowest to highest within a second. An electrode that is off leaves the noise of its amplifier, a heart in
# standstill some drift and muscle: in the simulated cohort 0.02 to 0.035 and 0.05 to 0.1 mV.
FLAT_WITHIN: Mapping[str, float] = {"ecg": 0.04, "abp": 2.0}
FLAT_SHARE = 0.01  # of the window's own range, for signals of an arbitrary scale
RAIL_SHARE = 0.2  # of a second spent exactly at the window's highest or lowest value
RAIL_LEVELS = 16  # a signal of fewer values than this is too coarse to tell a rail from a crest


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one lead that is not usable, in seconds from the record's start; why: in words."""

    start_s: float
    stop_s: float
    kind: Kind
    why: str

    def goes_on_in(self, other: Stretch) -> bool:
        """True where the other begins as this one ends, of the same kind for the same reason."""
        return (self.stop_s, self.kind, self.why) == (other.start_s, other.kind, other.why)


@dataclass(frozen=True, slots=True)
class _Run:
    first: int
    last: int
    kind: Kind
    why: str


def quality(samples: Samples, lead: Lead) -> tuple[Stretch, ...]:
    """The unusable stretches of a window in order of time, none overlapping; empty where all is usable.

    Indices need some seconds of signal: with less than `WINDOW_S` nothing is called noisy. For a window that a person
    moves along a record, `quality_within` gives shades that do not change with its edges.
    """
    x, rate = samples.values, lead.rate_hz
    absent = np.isnan(x)
    # In order of rank, lowest first: what is absent is not flat, what is flat is not noisy.
    found = [*_noisy(samples, lead, absent), *_saturated(x, rate, absent), *_flat(x, lead, absent)]
    found += [_Run(a, b, "absent", "no sample") for a, b in _runs(absent, round(ABSENT_S * rate))]
    owner = np.full(len(x), -1)
    for k, run in enumerate(found):
        owner[run.first : run.last] = k
    return tuple(
        Stretch(samples.x0_s + a * samples.dt_s, samples.x0_s + b * samples.dt_s, found[k].kind, found[k].why)
        for k, a, b in _pieces(owner)
    )


def quality_within(source: WaveSource, lead: int, start_s: float, stop_s: float) -> tuple[Stretch, ...]:
    """The unusable stretches of a lead between two times, seen together with some seconds on either side."""
    samples = source.read(lead, start_s - MARGIN_S, stop_s + MARGIN_S)
    return clipped(quality(samples, source.leads[lead]), start_s, stop_s)


def quality_overview(
    source: WaveSource, lead: int, progress: Callable[[float], None] | None = None
) -> tuple[Stretch, ...]:
    """The unusable stretches of a whole lead, read two minutes at a time; progress is told the share done, 0 to 1."""
    found: list[Stretch] = []
    for start in np.arange(0.0, source.duration_s, CHUNK_S):
        stop = min(start + CHUNK_S, source.duration_s)
        for piece in quality_within(source, lead, float(start), float(stop)):
            if found and found[-1].goes_on_in(piece):
                found[-1] = Stretch(found[-1].start_s, piece.stop_s, piece.kind, piece.why)
            else:
                found.append(piece)
        if progress is not None:
            progress(stop / source.duration_s)
    return tuple(found)


def usable_share(stretches: Sequence[Stretch], start_s: float, stop_s: float) -> float:
    """The share of the window, 0 to 1, that lies in no stretch; 0 of an empty window."""
    if stop_s <= start_s:
        return 0.0
    spoilt = sum(piece.stop_s - piece.start_s for piece in clipped(stretches, start_s, stop_s))
    return min(max(1.0 - spoilt / (stop_s - start_s), 0.0), 1.0)


def clipped(stretches: Sequence[Stretch], start_s: float, stop_s: float) -> tuple[Stretch, ...]:
    """What of these stretches lies between two times."""
    return tuple(
        Stretch(max(s.start_s, start_s), min(s.stop_s, stop_s), s.kind, s.why)
        for s in stretches
        if min(s.stop_s, stop_s) > max(s.start_s, start_s)
    )


def _noisy(samples: Samples, lead: Lead, absent: np.ndarray) -> Iterator[_Run]:
    """Seconds of which most windows are noisy. Windows begin on whole seconds of the record, wherever the view does."""
    rule, rate = RULES.get(lead.modality), lead.rate_hz
    if rule is None:
        return
    size, hop = round(rule.window_s * rate), round(HOP_S * rate)
    lag = round(-samples.x0_s % HOP_S * rate) % hop
    if len(samples.values) < lag + size:
        return
    filled = _filled(samples.values, absent)
    windows = sliding_window_view(filled[lag:], size)[::hop].astype(np.float64)
    known = sliding_window_view(absent[lag:], size)[::hop].mean(axis=1) <= ABSENT_SHARE
    verdict = rule.judge(windows, rate)
    noisy = verdict.noisy & known
    over = round(rule.window_s / HOP_S)
    bad, all_ = np.convolve(noisy, np.ones(over)), np.convolve(known, np.ones(over))
    for first, last in _runs((bad > 0) & (2 * bad >= all_), 1):
        middle = np.arange(max(first - over + 1, 0), min(last, len(noisy)))
        k = int(middle[noisy[middle]][0])
        yield _Run(lag + first * hop, min(lag + last * hop, len(absent)), "noisy", verdict.why(k))


def _flat(x: np.ndarray, lead: Lead, absent: np.ndarray) -> Iterator[_Run]:
    """Two seconds or more in which the signal hardly changes within any one."""
    step = max(round(FLAT_STEP_S * lead.rate_hz), 1)
    many = round(1 / FLAT_STEP_S)
    count = len(x) // step
    if count < many or absent.all():
        return
    steps = x[: count * step].reshape(count, step)
    low = sliding_window_view(np.fmin.reduce(steps, axis=1), many).min(axis=1)
    high = sliding_window_view(np.fmax.reduce(steps, axis=1), many).max(axis=1)
    if lead.modality in FLAT_WITHIN:
        bound = FLAT_WITHIN[lead.modality]
        why = f"changes by less than {bound:g} {lead.unit} within a second"
    else:
        bound, why = FLAT_SHARE * float(np.nanmax(x) - np.nanmin(x)), "hardly changes"
    still = np.convolve(high - low <= bound, np.ones(many)) > 0
    for first, last in _runs(still, round(FLAT_S / FLAT_STEP_S)):
        yield _Run(first * step, last * step if last < count else len(x), "flat", why)


def _saturated(x: np.ndarray, rate: float, absent: np.ndarray) -> Iterator[_Run]:
    """Seconds of which a fifth is spent at exactly the highest or the lowest value of the window."""
    second = max(round(rate), 1)
    if len(x) < second or absent.all():
        return
    at = (x == np.nanmax(x)) | (x == np.nanmin(x))
    hop = max(second // 4, 1)
    clipped_there = sliding_window_view(at, second)[::hop].mean(axis=1) >= RAIL_SHARE
    if not clipped_there.any() or len(np.unique(x[~absent])) < RAIL_LEVELS:
        return
    for first, last in _runs(np.convolve(clipped_there, np.ones(4)) > 0, 1):
        inside = first * hop + np.flatnonzero(at[first * hop : last * hop])
        if len(inside):
            yield _Run(int(inside[0]), int(inside[-1]) + 1, "saturated", "clipped at the end of its range")


def _filled(x: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """The samples with straight lines across gaps, so that short ones do not spoil a window."""
    if not absent.any() or absent.all():
        return np.where(absent, np.float32(0), x)
    known = np.flatnonzero(~absent)
    return np.interp(np.arange(len(x)), known, x[known])


def _runs(mask: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    """Where the mask holds for at least so many places on end: first, and one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


def _pieces(owner: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Runs of one owner, first and one after the last, without those of nobody (-1)."""
    edges = np.flatnonzero(np.diff(owner)) + 1
    for a, b in zip([0, *edges], [*edges, len(owner)], strict=True):
        if b > a and owner[a] >= 0:
            yield int(owner[a]), int(a), int(b)
