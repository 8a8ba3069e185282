"""Changes made by hand to a stretch of a waveform: noise, a lead cut off, a damped pressure line, a flat line.

A stretch runs from one second of the record up to, not including, another. What is missing within it stays missing.
What is made here imitates a fault, and is not one: real artefacts look different from lead to lead and bed to bed.
Axes: T samples of a lead, n samples of the stretch that were measured, k samples of the stretch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from amfn.types import Channel, InputError, Record
from explain.alterations import column_of, measured, named, quantity, require_number, require_order, rewritten

NoiseKind = Literal["white", "mains", "wander", "motion"]
NOISE: dict[NoiseKind, str] = {
    "white": "white noise",
    "mains": "mains hum",
    "wander": "baseline wander",
    "motion": "motion noise",
}
MOST_DB = 60.0
MAINS_HZ = (50.0, 60.0)
WANDER_HZ = (0.05, 0.5)
"""Breathing and slow movement of an electrode."""
MOTION_HZ = (1.0, 10.0)
"""Where electrode motion overlaps the beats (MIT-BIH Noise Stress Test Database; Moody, Muldrow and Mark 1984)."""
BURST_S, BURSTS_PER_S = 1.0, 0.5
SLOW_HZ = 0.2
"""Below this a pressure's course belongs to its mean and not to the beats."""
SHARPEST_HZ, DULLEST_HZ = 12.0, 2.0
"""Low-pass of a line at strengths of nearly 0 and of 1, between them on a logarithmic scale: chosen, not measured."""
BEAT_S = 2.0
"""A window that holds a whole beat from 30 beats a minute on: its highest less its lowest value is a pulse pressure."""
TIME_S = 1e-6


@dataclass(frozen=True, slots=True)
class AddNoise:
    """Noise of a stated signal-to-noise ratio: 10 log10 of the lead's variance in the stretch over the noise's, in dB.

    mains_hz: 50 or 60, of mains hum only. The same seed gives the same noise.
    """

    modality: str
    channel: Channel
    kind: NoiseKind
    snr_db: float
    from_s: float
    to_s: float
    seed: int = 0
    mains_hz: float = 50.0

    def apply(self, record: Record) -> Record:
        column, rows, rate = _stretch(record, self)
        if self.kind not in get_args(NoiseKind) or not abs(self.snr_db) <= MOST_DB or self.seed < 0:
            raise InputError(
                named(self), f"{self.kind} noise, {self.snr_db:g} dB, seed {self.seed}",
                f"{', '.join(get_args(NoiseKind))}; at most {MOST_DB:g} dB either way; a seed of 0 or more",
                "Correct the setting.",
            )  # fmt: skip
        signal = record.values[self.modality][rows, column].astype(np.float64)
        power = float(signal.var())
        if power <= 0:
            raise InputError(
                named(self), "a flat stretch", "a signal that the noise can be measured against",
                "Choose a stretch in which the lead moves.",
            )  # fmt: skip
        noise = self._noise(int(rows[-1] - rows[0]) + 1, rate)[rows - rows[0]]
        noise -= noise.mean()
        if not noise.any():
            raise InputError(
                named(self), f"a stretch of {len(rows) / rate:.2f} s", f"room for {NOISE[self.kind]}",
                "Choose a longer stretch.",
            )  # fmt: skip
        noise *= math.sqrt(power / 10 ** (self.snr_db / 10) / float(np.square(noise).mean()))
        return rewritten(record, self, column, rows, signal + noise, self._what())

    def _noise(self, samples: int, rate: float) -> Float[np.ndarray, " k"]:
        """So many samples, of no particular size."""
        random = np.random.default_rng(self.seed)
        seconds = np.arange(samples) / rate
        if self.kind == "white":
            return random.standard_normal(samples)
        if self.kind == "mains":
            if self.mains_hz not in MAINS_HZ or self.mains_hz >= rate / 2:
                raise InputError(
                    named(self), f"mains hum of {self.mains_hz:g} Hz at {rate:g} samples a second",
                    "50 or 60 Hz, and more than two samples a period", "Choose another kind of noise.",
                )  # fmt: skip
            return np.sin(2 * np.pi * (self.mains_hz * seconds + random.random()))
        if self.kind == "wander":
            parts = zip(random.uniform(*WANDER_HZ, 3), random.random(3), strict=True)
            return np.sum([np.sin(2 * np.pi * (hz * seconds + phase)) for hz, phase in parts], axis=0)
        spectrum = np.fft.rfft(random.standard_normal(samples))
        hz = np.fft.rfftfreq(samples, 1 / rate)
        spectrum[(hz < MOTION_HZ[0]) | (hz > MOTION_HZ[1])] = 0
        return np.fft.irfft(spectrum, samples) * _bursts(seconds, random)

    def words(self) -> str:
        return f"{named(self)}: {self._what()}"

    def _what(self) -> str:
        of = f" of {self.mains_hz:g} Hz" if self.kind == "mains" else ""
        return (
            f"{NOISE[self.kind]}{of}, signal-to-noise ratio {_number(self.snr_db)} dB, seed {self.seed}, "
            f"{seconds_text(self.from_s, self.to_s)}"
        )


@dataclass(frozen=True, slots=True)
class CutLead:
    """Nothing was measured in the stretch: absent, not zero."""

    modality: str
    channel: Channel
    from_s: float
    to_s: float

    def apply(self, record: Record) -> Record:
        column, rows, _ = _stretch(record, self)
        return rewritten(record, self, column, rows, np.full(len(rows), np.nan), self._what())

    def words(self) -> str:
        return f"{named(self)}: {self._what()}"

    def _what(self) -> str:
        return f"cut, no signal {seconds_text(self.from_s, self.to_s)}"


@dataclass(frozen=True, slots=True)
class DampLine:
    """A pressure line that is damped: beats lose their sharpness and `strength` (0 to 1) of their pulse pressure, the
    mean stays.

    Pulse pressure is the median over windows of 2 s of the highest less the lowest value, once the slow course of the
    mean (below 0.2 Hz) is taken off.
    """

    modality: str
    channel: Channel
    strength: float
    from_s: float
    to_s: float

    @property
    def cutoff_hz(self) -> float:
        """The low-pass that rounds the beats."""
        return SHARPEST_HZ * (DULLEST_HZ / SHARPEST_HZ) ** self.strength

    def apply(self, record: Record) -> Record:
        column, rows, rate = _stretch(record, self)
        if self.channel.unit != "mmHg" or not 0 < self.strength <= 1 or len(rows) < BEAT_S * rate:
            raise InputError(
                named(self),
                f"strength {self.strength:g} over {len(rows) / rate:.1f} s of a lead in {self.channel.unit}",
                f"a pressure in mmHg, a strength above 0 and up to 1, and {BEAT_S:g} s or more of it",
                "Choose a pressure line, a strength and a longer stretch.",
            )  # fmt: skip
        signal = record.values[self.modality][rows, column].astype(np.float64)
        slow = _low_passed(signal, SLOW_HZ, rate)
        beats = signal - slow
        rounded = _low_passed(beats, min(self.cutoff_hz, 0.45 * rate), rate)
        swing = _swing(rounded, rate)
        if swing <= 0:
            raise InputError(
                named(self), "a flat stretch", "a pressure that rises and falls",
                "Choose a stretch with beats.",
            )  # fmt: skip
        damped = slow + rounded * ((1 - self.strength) * _swing(beats, rate) / swing)
        return rewritten(record, self, column, rows, damped + (signal.mean() - damped.mean()), self._what())

    def words(self) -> str:
        return f"{named(self)}: {self._what()}"

    def _what(self) -> str:
        return (
            f"damped, pulse pressure {100 * self.strength:.0f} % smaller around its mean, rounded by a low-pass at "
            f"{self.cutoff_hz:.1f} Hz, {seconds_text(self.from_s, self.to_s)}"
        )


@dataclass(frozen=True, slots=True)
class FlatLine:
    """One value throughout the stretch: `level` in the channel's unit, the median of the stretch where that is None."""

    modality: str
    channel: Channel
    from_s: float
    to_s: float
    level: float | None = None

    def apply(self, record: Record) -> Record:
        column, rows, _ = _stretch(record, self)
        level = self.level
        if level is None:
            level = float(np.median(record.values[self.modality][rows, column]))
        require_number(self, level)
        note = f"flat line at {quantity(level, self.channel)}, {seconds_text(self.from_s, self.to_s)}"
        return rewritten(record, self, column, rows, np.full(len(rows), level), note)

    def words(self) -> str:
        at = "the stretch's median" if self.level is None else quantity(self.level, self.channel)
        return f"{named(self)}: flat line at {at}, {seconds_text(self.from_s, self.to_s)}"


def _stretch(
    record: Record, alteration: AddNoise | CutLead | DampLine | FlatLine
) -> tuple[int, Int[np.ndarray, " n"], float]:
    """The lead's column, the samples of the stretch that were measured, and samples a second."""
    modality = alteration.modality
    column = column_of(record, modality, alteration.channel)
    require_order(alteration, alteration.from_s, alteration.to_s, "s")
    hours = record.hours[modality]
    start, stop = np.searchsorted(hours, [(edge - TIME_S) / 3600 for edge in (alteration.from_s, alteration.to_s)])
    where = seconds_text(alteration.from_s, alteration.to_s)
    rows = measured(record, alteration, column, np.arange(start, stop), where)
    if len(hours) < 2:
        raise InputError(named(alteration), "a single sample", "a waveform", "Choose another lead.")
    return column, rows, (len(hours) - 1) / (3600 * float(hours[-1] - hours[0]))


def _bursts(seconds: Float[np.ndarray, " k"], random: np.random.Generator) -> Float[np.ndarray, " k"]:
    """An envelope of smooth bursts of a second each, every other second on average and at least one."""
    span = float(seconds[-1])
    count = max(1, int(random.poisson(BURSTS_PER_S * span)))
    envelope = np.zeros(len(seconds))
    for centre in random.uniform(0, span, count):
        off = np.clip(np.abs(seconds - centre) / BURST_S, 0, 1)
        envelope += 0.5 * (1 + np.cos(np.pi * off))
    return envelope


def _low_passed(values: Float[np.ndarray, " n"], hz: float, rate: float) -> Float[np.ndarray, " n"]:
    """Second-order Butterworth, forwards and backwards, so that nothing is moved in time."""
    # Imported where it is used: it takes half a second, and the first screen should not wait for it.
    from scipy.signal import butter, sosfiltfilt

    return sosfiltfilt(butter(2, hz, fs=rate, output="sos"), values)


def _swing(beats: Float[np.ndarray, " n"], rate: float) -> float:
    """The pulse pressure: median over whole windows of 2 s of the highest less the lowest value."""
    width = round(BEAT_S * rate)
    windows = beats[: len(beats) // width * width].reshape(-1, width)
    return float(np.median(windows.max(1) - windows.min(1)))


def seconds_text(start: float, end: float) -> str:
    return f"from {start:g} s to {end:g} s"


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
