"""Beats found by an algorithm: R peaks and waves of an ECG, pulse peaks of ABP and PPG. Found, not confirmed.

R peaks: NeuroKit2's detector on the slope of the cleaned ECG (Makowski et al. 2021, doi:10.3758/s13428-020-01516-y).
P, QRS and T: peak prominence (Emrich et al. 2024, EUSIPCO). Pulses: two moving averages (Elgendi et al. 2013,
doi:10.1371/journal.pone.0076585), put on the highest sample nearby.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from amfn.waves.source import Lead, Samples, WaveSource

ECG_METHOD, WAVES_METHOD = "NeuroKit2 R peaks", "waves by peak prominence"
PULSE_METHOD = "NeuroKit2 pulse peaks (Elgendi)"
SHORTEST_S = 3.0
DELINEATED_S = 120.0  # a longer window is for the rhythm; its waves would take seconds to find
GAP_S = 0.2
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
_STEP_S, _LEAD_IN_S, _FAR_S = 10.0, 3.0, 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """peaks_s f64[B]: R peaks or pulse peaks, seconds from the record's start. rr_s f64[B - 1]: intervals between one
    and the next, NaN across a gap. waves: times f64[K] by the names of `WAVES`, of those that were found; empty for a
    pulse and for a window over `DELINEATED_S`. method: the algorithm by name; reason: why nothing was found."""

    peaks_s: Float[np.ndarray, " b"]
    rr_s: Float[np.ndarray, " r"]
    waves: Mapping[str, Float[np.ndarray, " k"]] = field(default_factory=dict)
    method: str = ""
    reason: str = ""

    @property
    def rate_bpm(self) -> float | None:
        """Beats a minute from the median interval; None where there is no interval."""
        known = self.rr_s[np.isfinite(self.rr_s)]
        return 60.0 / float(np.median(known)) if len(known) else None


def beats(samples: Samples, lead: Lead) -> Beats:
    """The beats of a window. Nothing found gives an empty answer with its reason, never an exception."""
    method = PULSE_METHOD if lead.modality != "ecg" else ECG_METHOD
    peaks, reason = _peaks(samples, lead)
    if not len(peaks):
        return Beats(np.zeros(0), np.zeros(0), method=method, reason=reason)
    absent = np.cumsum(np.isnan(samples.values))
    rr = np.diff(peaks) * samples.dt_s
    rr[np.diff(absent[peaks]) * samples.dt_s > GAP_S] = np.nan
    waves = _waves(samples, peaks) if lead.modality == "ecg" else {}
    method = f"{method}, {WAVES_METHOD}" if waves else method
    return Beats(samples.x0_s + peaks * samples.dt_s, rr, waves, method)


def next_peak(source: WaveSource, lead: int, t_s: float) -> float | None:
    """The first peak after t_s, in seconds; None where there is none within half a minute."""
    for start in np.arange(t_s, min(t_s + _FAR_S, source.duration_s), _STEP_S):
        later = [p for p in _around(source, lead, start - _LEAD_IN_S, start + _STEP_S) if p > t_s + _just(source, lead)]
        if later:
            return min(later)
    return None


def previous_peak(source: WaveSource, lead: int, t_s: float) -> float | None:
    """The last peak before t_s, in seconds; None where there is none within half a minute."""
    for stop in np.arange(min(t_s, source.duration_s), max(t_s - _FAR_S, 0.0), -_STEP_S):
        before = [p for p in _around(source, lead, stop - _STEP_S, stop + _LEAD_IN_S) if p < t_s - _just(source, lead)]
        if before:
            return max(before)
    return None


def _just(source: WaveSource, lead: int) -> float:
    """Half a sample: nearer than this, two times are the same peak."""
    return 0.5 / source.leads[lead].rate_hz


def _around(source: WaveSource, lead: int, start_s: float, stop_s: float) -> Iterator[float]:
    samples = source.read(lead, start_s, stop_s)
    peaks, _ = _peaks(samples, source.leads[lead])
    yield from (samples.x0_s + peaks * samples.dt_s).tolist()


def _peaks(samples: Samples, lead: Lead) -> tuple[np.ndarray, str]:
    """Places of the peaks, i64[B], and why there are none."""
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
    found = found[~absent[found]]
    return found, "" if len(found) else "no beat stands out in this window"


def _r_peaks(x: np.ndarray, rate: float) -> np.ndarray:
    import neurokit2  # seconds to import, needed by few

    cleaned = neurokit2.ecg_clean(x, sampling_rate=rate)
    _, found = neurokit2.ecg_peaks(cleaned, sampling_rate=rate)
    return np.asarray(found["ECG_R_Peaks"], np.int64)


def _pulses(x: np.ndarray, rate: float) -> np.ndarray:
    import neurokit2

    cleaned = neurokit2.ppg_clean(x, sampling_rate=rate)
    rough = np.asarray(neurokit2.ppg_findpeaks(cleaned, sampling_rate=rate)["PPG_Peaks"], np.int64)
    reach = max(round(_TOP_S * rate), 1)
    tops = [max(p - reach, 0) + int(np.argmax(x[max(p - reach, 0) : p + reach + 1])) for p in rough.tolist()]
    return np.unique(np.array(tops, np.int64))


def _waves(samples: Samples, peaks: np.ndarray) -> dict[str, np.ndarray]:
    """Times of the waves around these R peaks, without those that were not found or lie in a gap."""
    if len(samples.values) * samples.dt_s > DELINEATED_S:
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
    for name, theirs in WAVES.items():
        places = np.asarray(found.get(theirs, ()), np.float64)
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
