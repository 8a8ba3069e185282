"""What tells a beat from what a detector found, and where a rhythm is even, wide, silent or not to be judged.

Thresholds without a source were set on the simulated cohort, where marks of beats have 0.9 to 1.1 of the usual height
of their lead and marks on P waves, noise and wide runs 0.01 to 0.25: no independent test. Beats of a wide fast rhythm
are not marked at all: the stretch is said to hold no regular beats.

Axes: N samples, B peaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import butter, sosfiltfilt

from amfn.waves.source import Lead, Samples

Span = tuple[float, float]

QRS_HZ, SHAPE_HZ, MOVING_HZ = (5.0, 25.0), (1.0, 40.0), (0.7, 25.0)
QRS_MV = 0.15  # a monitor is not to take less for a QRS complex (ANSI/AAMI EC13, 3.2.6.1)
PULSE_MMHG = 5.0
USUAL_SHARE = 0.35  # of the usual height
USUAL_PERCENTILE = 75  # P waves without a QRS may be more than half of what is found
OVER_NOISE = 4.5  # robust standard deviations of the two seconds around: a fibrillation reaches 4, a tachycardia 5
AROUND_S, HALF_QRS_S, UPSTROKE_S = 2.0, 0.06, 0.4
T_WITHIN_S, T_SLOPE = 0.36, 0.5  # Pan & Tompkins 1985, doi:10.1109/TBME.1985.325532
EVEN_WITHIN, EVEN_SHARE = 0.15, 0.8
NARROW_S, SLOPE_SHARE, HOLE_S = 0.13, 0.15, 0.024  # cohort: narrow beats 0.08 to 0.12 s, aberrant ones from 0.15 s
SILENT_S, SILENT_INTERVALS, ALWAYS_SILENT_S = 2.0, 1.8, 3.0
MOVING_SHARE, MOVING_MV = 0.3, 0.2
AFTER_BEAT_S = 0.5  # the T wave of the beat before
SAME_PLACE_S = 0.03


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch without a beat, in seconds from the record's start, to the next beat or the window's end. moving: the
    signal swings there all the same, as in a wide or a chaotic rhythm."""

    start_s: float
    stop_s: float
    moving: bool

    @property
    def length_s(self) -> float:
        return self.stop_s - self.start_s


def inside(times: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """bool[B], True where a time lies in one of the spans."""
    found = np.zeros(len(times), np.bool_)
    for start, stop in spans:
        found |= (times >= start) & (times < stop)
    return found


def qrs_like(x: np.ndarray, peaks: np.ndarray, lead: Lead) -> np.ndarray:
    """Of these places, i64[B], those with the height of a QRS complex: over `QRS_MV`, over the noise around, and not
    far below the usual one. x: f64[N] in the lead's unit."""
    if not len(peaks):
        return peaks
    band = _band(x, lead.rate_hz, QRS_HZ)
    reach, around = max(round(HALF_QRS_S * lead.rate_hz), 1), round(AROUND_S * lead.rate_hz)
    heights = np.array([np.ptp(band[max(p - reach, 0) : p + reach + 1]) for p in peaks.tolist()])
    noise = np.array([np.median(np.abs(band[max(p - around, 0) : p + around])) / 0.6745 for p in peaks.tolist()])
    real = heights >= OVER_NOISE * noise
    if lead.unit == "mV":
        real &= heights >= QRS_MV
    usual = _usual(peaks[real], heights[real])
    return _without_t(band, usual, reach, lead.rate_hz)


def _without_t(band: np.ndarray, peaks: np.ndarray, reach: int, rate: float) -> np.ndarray:
    """Without those that come so soon after another and climb so much less that they are its T wave."""
    slope = np.abs(np.gradient(band))
    steepest = [float(slope[max(p - reach, 0) : p + reach + 1].max()) for p in peaks.tolist()]
    kept: list[int] = []
    for k, place in enumerate(peaks.tolist()):
        soon = kept and (place - peaks[kept[-1]]) / rate < T_WITHIN_S
        if not (soon and steepest[k] < T_SLOPE * steepest[kept[-1]]):
            kept.append(k)
    return peaks[kept]


def pulse_like(x: np.ndarray, peaks: np.ndarray, lead: Lead) -> np.ndarray:
    """Of these places, i64[B], those that rise like a pulse: over `PULSE_MMHG`, and not far below the usual one."""
    reach = max(round(UPSTROKE_S * lead.rate_hz), 1)
    heights = np.array([x[p] - x[max(p - reach, 0) : p + 1].min() for p in peaks.tolist()])
    real = heights >= (PULSE_MMHG if lead.unit == "mmHg" else 0.0)
    return _usual(peaks[real], heights[real])


def _usual(peaks: np.ndarray, heights: np.ndarray) -> np.ndarray:
    return peaks[heights >= USUAL_SHARE * np.percentile(heights, USUAL_PERCENTILE)] if len(peaks) else peaks


def even(rr_s: np.ndarray) -> bool:
    """True where most intervals, f64[B - 1] without NaN, are near their median."""
    middle = np.median(rr_s)
    return bool(np.mean(np.abs(rr_s - middle) <= EVEN_WITHIN * middle) >= EVEN_SHARE)


def narrow(x: np.ndarray, peaks: np.ndarray, rate: float) -> bool:
    """True where the median beat is steep for no longer than `NARROW_S` around its R peak."""
    band, reach = _band(x, rate, SHAPE_HZ), round(0.2 * rate)
    whole = [band[p - reach : p + reach + 1] for p in peaks.tolist() if reach <= p < len(band) - reach]
    if not whole:
        return False
    slope = np.abs(np.gradient(np.median(whole, axis=0)))
    steep = np.convolve(slope, np.ones(3) / 3, "same")
    above, hole = steep > SLOPE_SHARE * steep.max(), max(round(HOLE_S * rate), 1)
    first = last = reach
    while first > 0 and above[max(first - hole, 0) : first].any():
        first -= 1
    while last < len(above) - 1 and above[last + 1 : last + 1 + hole].any():
        last += 1
    return bool((last - first) / rate <= NARROW_S)


def steady_places(places: np.ndarray, peaks: np.ndarray, rate: float) -> np.ndarray:
    """bool[B], where a wave lies as far from its R peak as it mostly does; nowhere, if it mostly does not. places:
    f64[B] samples, NaN where no wave was found."""
    distance = (places - peaks) / rate
    if not np.isfinite(distance).any():
        return np.zeros(len(peaks), np.bool_)
    same = np.abs(distance - np.nanmedian(distance)) <= SAME_PLACE_S
    return same if same.sum() >= EVEN_SHARE * np.isfinite(distance).sum() else np.zeros(len(peaks), np.bool_)


def silences(
    samples: Samples, lead: Lead, times: np.ndarray, window: Span, unjudged: Sequence[Span]
) -> tuple[Silence, ...]:
    """Where no beat was found for longer than the rhythm explains, or than `ALWAYS_SILENT_S`, to the window's end. What
    is not judged is left out."""
    rr = np.diff(times)
    usual = float(np.median(rr)) if len(rr) else 0.0
    shortest = min(max(SILENT_S, SILENT_INTERVALS * usual), ALWAYS_SILENT_S)
    bounds = [window[0], *times.tolist(), window[1]]
    found = []
    for a, b in pairwise(bounds):
        for start, stop in _without((a, b), unjudged):
            if stop - start >= shortest:
                found.append(Silence(start, stop, _moves(samples, lead, (start, stop))))
    return tuple(found)


def _without(span: Span, spoilt: Sequence[Span]) -> list[Span]:
    """What is left of a span."""
    left = [span]
    for a, b in spoilt:
        left = [piece for s, e in left for piece in ((s, min(e, a)), (max(s, b), e)) if piece[1] > piece[0]]
    return left


def _moves(samples: Samples, lead: Lead, span: Span) -> bool:
    """True where the signal swings by a good share of the beats before and after, or of the rest of the window."""
    x = np.nan_to_num(samples.values.astype(np.float64))
    band = _band(x, lead.rate_hz, MOVING_HZ)
    first, last = (round((t - samples.x0_s) * lead.rate_hz) for t in (span[0] + AFTER_BEAT_S, span[1]))
    part = band[max(first, 0) : last]
    if not len(part):
        return False
    swing = float(np.subtract(*np.percentile(part, (97.5, 2.5))))
    usual = float(np.subtract(*np.percentile(band, (99.5, 0.5))))
    return swing >= max(MOVING_SHARE * usual, MOVING_MV if lead.unit == "mV" else 0.0)


def _band(x: np.ndarray, rate: float, hz: Span) -> np.ndarray:
    """f64[N] between two frequencies, without a shift in time; as far up as the rate allows."""
    return np.asarray(sosfiltfilt(butter(2, (hz[0], min(hz[1], 0.45 * rate)), "bandpass", fs=rate, output="sos"), x))
