"""A long simulated record for trying and timing the viewer: four channels at 250 Hz, a day in a few seconds.

Simulated: one beat of each kind is tiled at a wandering rate, with gaps of one second to two minutes in which nothing
was recorded. It looks like a record from afar and follows no patient; it is never part of the sample cohort.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATE_HZ = 250
NAME = "simulated_long"
CHUNK_HOURS = 1.0
INVALID = np.int16(-(2**15))
# Name, unit, gain: the calibration is that of the sample cohort's records.
SIGNALS = (("II", "mV", 400.0), ("ABP", "mmHg", 16.0), ("PLETH", "NU", 6000.0), ("RESP", "NU", 6000.0))


def write_long_record(folder: Path, hours: float = 24, seed: int = 2026) -> Path:
    """Write a record of format 16 into `folder`, which exists; the path of its header. Gaps are planted about four an
    hour over all channels."""
    draw = np.random.default_rng(seed)
    samples = round(hours * 3600 * RATE_HZ)
    path = folder / f"{NAME}.hea"
    phase = 0.0
    with path.with_suffix(".dat").open("wb") as file:
        for first in range(0, samples, round(CHUNK_HOURS * 3600 * RATE_HZ)):
            last = min(first + round(CHUNK_HOURS * 3600 * RATE_HZ), samples)
            seconds = np.arange(first, last) / RATE_HZ
            # Heart rate in Hz: slow drift over hours, breathing, and a walk of minutes.
            rate = 1.25 + 0.2 * np.sin(seconds / 2900) + 0.03 * np.sin(seconds * 1.6) + 0.08 * np.sin(seconds / 47)
            beat = phase + np.cumsum(rate) / RATE_HZ
            phase = float(beat[-1])
            file.write(_chunk(beat, seconds, draw).tobytes())
    lines = [f"{NAME} {len(SIGNALS)} {RATE_HZ} {samples}"]
    lines += [f"{NAME}.dat 16 {gain:g}(0)/{unit} 16 0 0 0 0 {name}" for name, unit, gain in SIGNALS]
    lines += ["# Simulated; no patient stands behind any of it.", "# Research and education only; not for diagnosis."]
    path.write_text("\n".join(lines) + "\n")
    return path


def _chunk(beat: np.ndarray, seconds: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """i16[N, 4] as stored: the channels of `SIGNALS` at these times; beat counts the heartbeats, with a fraction."""
    at = beat % 1.0
    breath = np.sin(2 * np.pi * 0.25 * seconds)
    noise = draw.standard_normal((2, len(seconds)), dtype=np.float32)
    ecg = _tiled(_ECG, at) + 0.05 * breath + 0.01 * noise[0]
    delayed = (beat - 0.25) % 1.0
    level = 1 + 0.15 * np.sin(seconds / 5300)
    abp = level * (75 + 45 * _tiled(_PULSE, delayed)) + 2 * breath
    ppg = 0.5 + 0.8 * _tiled(_PULSE, (beat - 0.4) % 1.0) + 0.05 * breath + 0.004 * noise[1]
    values = np.stack([ecg, abp, ppg, 0.5 + 0.4 * breath], axis=1)
    out = np.round(values * [gain for *_, gain in SIGNALS]).astype(np.int16)
    for _ in range(draw.poisson(4 * len(seconds) / RATE_HZ / 3600)):
        begin, length = draw.integers(len(seconds)), round(RATE_HZ * draw.uniform(1, 120))
        out[begin : begin + length, draw.integers(len(SIGNALS))] = INVALID
    return out


def _bumps(*waves: tuple[float, float, float]) -> np.ndarray:
    """f32[1024], one beat as a sum of bells: height, place and width in parts of the beat."""
    at = np.arange(1024) / 1024
    return np.sum([h * np.exp(-0.5 * ((at - place) / width) ** 2) for h, place, width in waves], axis=0)


def _tiled(shape: np.ndarray, at: np.ndarray) -> np.ndarray:
    return shape[(at * len(shape)).astype(np.intp) % len(shape)]


_ECG = _bumps(
    (0.12, 0.2, 0.025), (-0.1, 0.355, 0.009), (1.1, 0.375, 0.01), (-0.2, 0.395, 0.01), (0.3, 0.65, 0.04)
)  # P, Q, R, S, T
_PULSE = _bumps((0.9, 0.35, 0.09), (0.35, 0.6, 0.1))  # the systolic wave and the one reflected
