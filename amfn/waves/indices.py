"""Signal quality indices of short windows, and what each modality takes for noise.

Every rule has a published source or a reason of its own, named beside its threshold; a rule that only fits some of the
published criteria says which it leaves out and why.

- ECG: Li, Mark, Clifford 2008 (doi:10.1088/0967-3334/29/1/002): relative power of the QRS complex
  pSQI = P(5-15 Hz) / P(5-40 Hz), of the baseline basSQI = 1 - P(0-1 Hz) / P(0-40 Hz), and kurtosis kSQI. Zhao & Zhang
  2018 (doi:10.3389/fphys.2018.00727): a window is not acceptable where two of them are out of their range. Their upper
  bound of pSQI is left out: clean beats of many shapes pass it. Added: mains noise, leaps and swings no heart makes.
- ABP: Sun, Reisner, Mark 2006 (Computers in Cardiology 33, 13-16): bounds of pressures, and steep falls as noise. Their
  bound of 20 mmHg of pulse pressure is held against a line only where the mean stays high: with a low mean it is what a
  failing circulation looks like.
- PPG: Elgendi 2016 (doi:10.3390/bioengineering3040021): a clean pulse has a positive skewness. Monitors' own filters
  turn it round in many patients, so that it counts only together with a pulse that does not repeat. Added: swings far
  larger than the pulse.

Axes: K windows, N samples of a window, F frequencies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

PSQI, BASSQI, KSQI = 0.5, 0.9, 5.0  # below: not acceptable (Zhao & Zhang 2018)
QUIET_MV = 0.2  # less than this from top to bottom is asystole or a faint lead: indices of shape say nothing
HUM_SHARE, HUM_MV = 0.6, 0.1  # of the power above 5 Hz, what lies above 40 Hz; and its root mean square
LEAP_MV_S, LEAP_BASSQI = 200.0, 0.9  # no QRS climbs so fast; with a steady baseline it is a pacemaker's spike
SWING_MV = 5.0  # five times a normal R wave, within a second
PRESSURE_HIGH, MEAN_HIGH, FALL_MMHG_S = 300.0, 200.0, 375.0  # Sun 2006: 300 and 200 mmHg, 3 mmHg a sample at 125 Hz
PULSE_LOW, MEAN_OF_LOW_PULSE = 20.0, 60.0
OPEN_MMHG = 10.0  # no circulation holds so low a mean: the line is open to air
SKEWNESS, REPEATS = 0.0, 0.3  # Elgendi 2016; autocorrelation, set on the simulated cohort as the next two
SWINGS, REPEATS_LARGE = 1.7, 0.75
PULSE_LAGS_S = (0.27, 2.0)  # 220 to 30 beats a minute


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Which windows are noisy, bool[K], and why, in words for one of them."""

    noisy: Bool[np.ndarray, " k"]
    why: Callable[[int], str]


Windows = Float[np.ndarray, "k n"]


def ecg(x: Windows, rate: float) -> Verdict:
    """x f64[K, N] in mV, without absent samples."""
    spectrum = _Spectrum(x, rate)
    psqi = spectrum.power(5, 15) / spectrum.power(5, 40)
    bassqi = 1 - spectrum.power(0, 1) / spectrum.power(0, 40)
    ksqi = _kurtosis(spectrum.between(1, 40))
    hum = spectrum.power(40, rate / 2)
    hum_share = hum / spectrum.power(5, rate / 2)
    span = np.ptp(x, axis=1)
    second = max(round(rate), 2)
    swing = np.stack([np.ptp(x[:, k : k + second], axis=1) for k in range(0, x.shape[1] - second + 1, second)]).max(0)
    leap = np.abs(np.diff(x, axis=1)).max(axis=1) * rate
    out = np.stack([psqi < PSQI, bassqi < BASSQI, ksqi < KSQI])
    shapeless = (out.sum(axis=0) >= 2) & (span >= QUIET_MV)
    reasons = {
        "mains or muscle noise hides the beats": (hum_share > HUM_SHARE) & (np.sqrt(hum) > HUM_MV),
        f"leaps faster than {LEAP_MV_S:g} mV/s": (leap > LEAP_MV_S) & (bassqi < LEAP_BASSQI),
        f"swings over {SWING_MV:g} mV": swing > SWING_MV,
        "the baseline wanders more than the beats": shapeless & out[1],
        "muscle noise: power above 15 Hz outweighs the beats": shapeless & out[0],
        "no beat stands out from the noise": shapeless,
    }
    return _verdict(reasons)


def abp(x: Windows, rate: float) -> Verdict:
    """x f64[K, N] in mmHg."""
    low, high = np.percentile(x, (1, 99), axis=1)
    mean = x.mean(axis=1)
    lag = max(round(rate / 125), 1)
    change = (x[:, lag:] - x[:, :-lag]) * (rate / lag)
    falls = np.where(change < 0, change, 0).sum(axis=1) / np.maximum((change < 0).sum(axis=1), 1)
    reasons = {
        f"over {PRESSURE_HIGH:g} mmHg, or a mean over {MEAN_HIGH:g} mmHg": (high > PRESSURE_HIGH) | (mean > MEAN_HIGH),
        f"a mean under {OPEN_MMHG:g} mmHg: line open to air or not zeroed": mean < OPEN_MMHG,
        f"falls faster than {FALL_MMHG_S:g} mmHg/s": falls < -FALL_MMHG_S,
        f"under {PULSE_LOW:g} mmHg of pulse on a high mean: damped line, or hardly any ejection": (
            high - low < PULSE_LOW
        )
        & (mean > MEAN_OF_LOW_PULSE),
    }
    return _verdict(reasons)


def ppg(x: Windows, rate: float) -> Verdict:
    """x f64[K, N] of any scale."""
    y = _Spectrum(x, rate).between(0.5, 8)
    skewness = (y * y * y).mean(axis=1) / (y.std(axis=1) ** 3 + 1e-15)  # of mean zero: nothing is left at 0 Hz
    repeats, span = _repeats(y, rate), np.ptp(x, axis=1)
    reasons = {
        "swings far larger than the pulse around them": (span > SWINGS * np.median(span)) & (repeats < REPEATS_LARGE),
        "no pulse wave repeats": (skewness < SKEWNESS) & (repeats < REPEATS),
    }
    return _verdict(reasons)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a modality is judged, in windows of so many seconds: long enough for a beat, short enough to place noise."""

    window_s: float
    judge: Callable[[Windows, float], Verdict]


RULES: Mapping[str, Rule] = {"ecg": Rule(4.0, ecg), "abp": Rule(2.0, abp), "ppg": Rule(4.0, ppg)}


def _verdict(reasons: Mapping[str, np.ndarray]) -> Verdict:
    texts, held = list(reasons), np.stack(list(reasons.values()))
    return Verdict(np.any(held, axis=0), lambda k: texts[int(held[:, k].argmax())])


class _Spectrum:
    """Power of each window by frequency, tapered so that an edge does not look like noise."""

    def __init__(self, x: np.ndarray, rate: float) -> None:
        self.count = x.shape[1]
        self.centred = x - x.mean(axis=1, keepdims=True)
        self.hz = np.fft.rfftfreq(self.count, 1 / rate)
        taper = np.hanning(self.count)
        weight = 2 / (self.count * np.sum(taper**2))  # so that a sine of amplitude a has the power a² / 2
        self.powers = np.abs(np.fft.rfft(self.centred * taper, axis=1)) ** 2 * weight

    def power(self, low: float, high: float) -> np.ndarray:
        """f64[K]: mean square of what lies from low up to, not including, high Hz; never quite zero."""
        return self.powers[:, (self.hz >= low) & (self.hz < high)].sum(axis=1) + 1e-15

    def between(self, low: float, high: float) -> np.ndarray:
        """f64[K, N]: the windows with only these frequencies."""
        keep = (self.hz >= low) & (self.hz <= high)
        return np.fft.irfft(np.fft.rfft(self.centred, axis=1) * keep, self.count, axis=1)


def _kurtosis(x: np.ndarray) -> np.ndarray:
    """Pearson's: 3 for normally distributed values."""
    square = (x - x.mean(axis=1, keepdims=True)) ** 2
    return (square * square).mean(axis=1) / (square.mean(axis=1) ** 2 + 1e-15)


def _repeats(x: np.ndarray, rate: float) -> np.ndarray:
    """f64[K], up to about 1: the highest autocorrelation at the lag of a pulse."""
    count = x.shape[1]
    power = np.abs(np.fft.rfft(x, 2 * count, axis=1)) ** 2
    lags = np.fft.irfft(power, axis=1)[:, :count] / np.arange(count, 0, -1)
    first, last = (round(lag * rate) for lag in PULSE_LAGS_S)
    return lags[:, first : min(last, count - 1)].max(axis=1) / (lags[:, 0] + 1e-15)
