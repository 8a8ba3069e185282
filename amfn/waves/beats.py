"""Beats found by an algorithm: R peaks and waves of an ECG, pulse peaks of ABP and PPG. Found, not confirmed.

R peaks: NeuroKit2's detector on the slope of the cleaned ECG (Makowski et al. 2021, doi:10.3758/s13428-020-01516-y).
P, QRS and T: peak prominence (Emrich et al. 2024, EUSIPCO). Pulses: two moving averages (Elgendi et al. 2013,
doi:10.1371/journal.pone.0076585), put on the highest sample nearby.

The detectors find something in any signal. `amfn.waves.rhythm` keeps what has the height of a beat, away from stretches
that are absent, flat, saturated or noisy; P and T are looked for only around narrow beats of an even rhythm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from amfn.waves.quality import quality
from amfn.waves.rhythm import Silence, Span, even, inside, narrow, pulse_like, qrs_like, silences, steady_places
from amfn.waves.source import Lead, Samples, WaveSource

ECG_METHOD, WAVES_METHOD = "NeuroKit2 R peaks", "waves by peak prominence"
PULSE_METHOD = "NeuroKit2 pulse peaks (Elgendi)"
SHORTEST_S = 3.0
DELINEATED_S = 120.0  # a longer window is for the rhythm; its waves would take seconds to find
GAP_S = 0.2
CONTEXT_S = 30.0
"""What a beat looks like in this lead is learnt from so much on either side of the window."""
FASTEST_WAVES_BPM = 130.0  # above it the P wave lies on the T before it: which is which cannot be told from peaks
APART_S = 0.5
REFRACTORY_S = 0.24  # 250 beats a minute: with 0.3 s, as it comes, every other beat of fast fibrillating atria is lost
FEW = 3  # fewer intervals tell no rate
_TOP_S = 0.12
WAVES: Mapping[str, str] = {
    "P onset": "ECG_P_Onsets",
    "P peak": "ECG_P_Peaks",
    "P offset": "ECG_P_Offsets",
    "QRS onset": "ECG_R_Onsets",
    "QRS offset": "ECG_R_Offsets",
    "T onset": "ECG_T_Onsets",
    "T peak": "ECG_T_Peaks",
    "T offset": "ECG_T_Offsets",
}
"""Names of the waves, and what NeuroKit2 calls them."""

_FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # of a detector on odd signals
_STEP_S, _FAR_S = 10.0, 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """peaks_s f64[B]: R peaks or pulse peaks, seconds from the record's start. rr_s f64[B - 1]: intervals between one
    and the next, NaN across a gap or a stretch that is not judged. waves: times f64[K] by the names of `WAVES`, of
    those that were found; empty for a pulse, for a window over `DELINEATED_S` and where the rhythm is uneven, wide or
    fast. silent: stretches without a beat. unjudged: stretches that are absent, flat, saturated or noisy, in seconds.
    method: the algorithm by name; reason: why nothing was found."""

    peaks_s: Float[np.ndarray, " b"]
    rr_s: Float[np.ndarray, " r"]
    waves: Mapping[str, Float[np.ndarray, " k"]] = field(default_factory=dict)
    method: str = ""
    reason: str = ""
    silent: tuple[Silence, ...] = ()
    unjudged: tuple[Span, ...] = ()

    @property
    def electrical(self) -> bool:
        """True for R peaks, False for pulse peaks."""
        return self.method.startswith(ECG_METHOD)

    @property
    def few(self) -> bool:
        """True where there are too few intervals for a rate."""
        return int(np.isfinite(self.rr_s).sum()) < FEW

    @property
    def rate_bpm(self) -> float | None:
        """Beats a minute from the median interval; None where the intervals are few or uneven."""
        known = self.rr_s[np.isfinite(self.rr_s)]
        return 60.0 / float(np.median(known)) if not self.few and even(known) else None

    @property
    def throughout(self) -> bool:
        """True where nothing interrupts the rhythm: every second of the window is judged and none is without beats."""
        return not self.silent and not self.unjudged


def beats_within(
    source: WaveSource, lead: int, start_s: float, stop_s: float, unusable: Sequence[Span] | None = None
) -> Beats:
    """The beats of one lead between two times, seen together with `CONTEXT_S` on either side.

    unusable: stretches in seconds in which nothing is to be marked; None: as `amfn.waves.quality` judges them."""
    samples = source.read(lead, start_s - CONTEXT_S, stop_s + CONTEXT_S)
    return beats(samples, source.leads[lead], (start_s, min(stop_s, source.duration_s)), unusable)


def beats(samples: Samples, lead: Lead, within: Span | None = None, unusable: Sequence[Span] | None = None) -> Beats:
    """The beats of a window, or of what lies `within` two times of it. Nothing found gives an empty answer with its
    reason, never an exception."""
    method = PULSE_METHOD if lead.modality != "ecg" else ECG_METHOD
    start, stop = within or (samples.x0_s, samples.x0_s + len(samples.values) * samples.dt_s)
    candidates, reason = _candidates(samples, lead)
    if reason:
        return Beats(np.zeros(0), np.zeros(0), method=method, reason=reason)
    judged = [(s.start_s, s.stop_s) for s in quality(samples, lead)]
    spoilt = judged if unusable is None else [*judged, *unusable]
    like = qrs_like if lead.modality == "ecg" else pulse_like
    usable = candidates[~inside(samples.x0_s + candidates * samples.dt_s, spoilt)]
    known = like(_bridged(samples.values, np.isnan(samples.values)), usable, lead)
    times = samples.x0_s + known * samples.dt_s
    here = (times >= start) & (times < stop)
    peaks, times = known[here], times[here]
    rr = _intervals(samples, peaks, spoilt)
    unjudged = tuple((max(a, start), min(b, stop)) for a, b in spoilt if min(b, stop) > max(a, start))
    silent = silences(samples, lead, times, (start, stop), unjudged)
    waves = _waves(samples, lead, peaks, rr, stop - start) if lead.modality == "ecg" else {}
    method = f"{method}, {WAVES_METHOD}" if waves else method
    reason = "" if len(peaks) else "no beat stands out in this window"
    return Beats(times, rr, waves, method, reason, silent, _merged(unjudged))


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order of time, those made one that overlap or have no room for beats to be judged between them."""
    out: list[Span] = []
    for a, b in sorted(spans):
        if out and a - out[-1][1] < APART_S:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        else:
            out.append((a, b))
    return tuple(out)


def _intervals(samples: Samples, peaks: np.ndarray, spoilt: Sequence[Span]) -> np.ndarray:
    """Seconds from one peak to the next, f64[B - 1]; NaN where a gap or an unusable stretch lies between them."""
    rr = np.diff(peaks) * samples.dt_s
    absent = np.cumsum(np.isnan(samples.values))
    rr[np.diff(absent[peaks]) * samples.dt_s > GAP_S] = np.nan
    times = samples.x0_s + peaks * samples.dt_s
    for a, b in spoilt:
        rr[(times[:-1] < b) & (times[1:] > a)] = np.nan
    return rr


def next_peak(source: WaveSource, lead: int, t_s: float) -> float | None:
    """The first peak after t_s, in seconds; None where there is none within half a minute."""
    for start in np.arange(t_s, min(t_s + _FAR_S, source.duration_s), _STEP_S):
        found = beats_within(source, lead, float(start), float(start) + _STEP_S).peaks_s
        later = found[found > t_s + _just(source, lead)]
        if len(later):
            return float(later[0])
    return None


def previous_peak(source: WaveSource, lead: int, t_s: float) -> float | None:
    """The last peak before t_s, in seconds; None where there is none within half a minute."""
    for stop in np.arange(min(t_s, source.duration_s), max(t_s - _FAR_S, 0.0), -_STEP_S):
        found = beats_within(source, lead, float(stop) - _STEP_S, float(stop)).peaks_s
        before = found[found < t_s - _just(source, lead)]
        if len(before):
            return float(before[-1])
    return None


def _just(source: WaveSource, lead: int) -> float:
    """Half a sample: nearer than this, two times are the same peak."""
    return 0.5 / source.leads[lead].rate_hz


def _candidates(samples: Samples, lead: Lead) -> tuple[np.ndarray, str]:
    """Places of what the detector finds, i64[B], and why it was not asked or failed."""
    none = np.zeros(0, np.int64)
    if lead.modality not in {"ecg", "abp", "ppg"}:
        return none, f"beats are not looked for in {lead.title}"
    absent = np.isnan(samples.values)
    if (~absent).sum() * samples.dt_s < SHORTEST_S:
        return none, f"less than {SHORTEST_S:g} s of signal in this window"
    if np.nanmax(samples.values) == np.nanmin(samples.values):
        return none, "the signal does not change in this window"
    filled = _bridged(samples.values, absent)
    try:
        found = _r_peaks(filled, lead.rate_hz) if lead.modality == "ecg" else _pulses(filled, lead.rate_hz)
    except _FAILURES:
        return none, "the detector found nothing that it could work with"
    return found[~absent[found]], ""


def _r_peaks(x: np.ndarray, rate: float) -> np.ndarray:
    import neurokit2  # seconds to import, needed by few

    cleaned = neurokit2.ecg_clean(x, sampling_rate=rate)
    _, found = neurokit2.ecg_peaks(cleaned, sampling_rate=rate, mindelay=REFRACTORY_S)
    return np.asarray(found["ECG_R_Peaks"], np.int64)


def _pulses(x: np.ndarray, rate: float) -> np.ndarray:
    import neurokit2

    cleaned = neurokit2.ppg_clean(x, sampling_rate=rate)
    rough = np.asarray(neurokit2.ppg_findpeaks(cleaned, sampling_rate=rate)["PPG_Peaks"], np.int64)
    reach = max(round(_TOP_S * rate), 1)
    tops = [max(p - reach, 0) + int(np.argmax(x[max(p - reach, 0) : p + reach + 1])) for p in rough.tolist()]
    return np.unique(np.array(tops, np.int64))


def _waves(samples: Samples, lead: Lead, peaks: np.ndarray, rr: np.ndarray, length_s: float) -> dict[str, np.ndarray]:
    """Times of the waves around these R peaks, without those that were not found or lie in a gap; none where the rhythm
    is not even, its QRS not narrow, or it is too fast."""
    known = rr[np.isfinite(rr)]
    if length_s > DELINEATED_S or len(known) < FEW or not even(known) or np.median(known) < 60 / FASTEST_WAVES_BPM:
        return {}
    if not narrow(_bridged(samples.values, np.isnan(samples.values)), peaks, lead.rate_hz):
        return {}
    import neurokit2

    absent = np.isnan(samples.values)
    rate = 1 / samples.dt_s
    try:
        cleaned = neurokit2.ecg_clean(_bridged(samples.values, absent), sampling_rate=rate)
        _, found = neurokit2.ecg_delineate(cleaned, peaks, sampling_rate=rate, method="prominence")
    except _FAILURES:
        return {}
    out = {}
    for letter in ("P", "R", "T"):
        kept = np.ones(len(peaks), np.bool_)
        if letter != "R":
            kept = steady_places(np.asarray(found[f"ECG_{letter}_Peaks"], np.float64), peaks, rate)
        for name, theirs in WAVES.items():
            if not theirs.startswith(f"ECG_{letter}_"):
                continue
            places = np.asarray(found[theirs], np.float64)[kept]
            places = places[np.isfinite(places)].astype(np.int64)
            places = places[~absent[places]]
            if len(places):
                out[name] = samples.x0_s + places * samples.dt_s
    return out


def _bridged(x: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """f64[N] with straight lines across gaps: filters spread a single absent sample over everything."""
    if not absent.any():
        return x.astype(np.float64)
    known = np.flatnonzero(~absent)
    return np.interp(np.arange(len(x)), known, x[known])
