"""What spoils a bedside signal: each function takes a signal f64[n] at 250 Hz and gives back a spoilt copy."""

from __future__ import annotations

import numpy as np
from scipy import signal

from .rhythm import Floats
from .waveforms import RATE_HZ


def span(count: int, start: float, stop: float) -> slice:
    """The samples of [start, stop) seconds, within the signal."""
    return slice(max(0, round(start * RATE_HZ)), min(count, round(stop * RATE_HZ)))


def drift(rng: np.random.Generator, count: int, size: float, seconds: float) -> Floats:
    """Random wander f64[count] of standard deviation `size` and correlation time `seconds`, without sharp edges."""
    keep = np.exp(-1.0 / (seconds * RATE_HZ))
    walk = signal.lfilter([1.0], [1.0, -keep], rng.normal(0.0, np.sqrt(1 - keep**2), count))
    smooth = signal.sosfiltfilt(signal.butter(1, 1.2 / seconds, fs=RATE_HZ, output="sos"), walk)
    return size * np.asarray(smooth) / max(float(np.std(smooth)), 1e-9)


def muscle(rng: np.random.Generator, count: int, size: float) -> Floats:
    """Muscle noise f64[count]: 15 to 60 Hz, of standard deviation `size`."""
    noise = signal.sosfilt(signal.butter(2, [15, 60], "bandpass", fs=RATE_HZ, output="sos"), rng.normal(0, 1, count))
    return size * np.asarray(noise) / max(float(np.std(noise)), 1e-9)


def _fade(count: int, where: slice, edge_s: float = 0.25) -> Floats:
    """Smooth onset and end for a stretch of a signal of `count` samples; what reaches the signal's end has no end."""
    length = where.stop - where.start
    edge = min(max(1, round(edge_s * RATE_HZ)), max(1, length // 2))
    window = np.ones(length)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    window[:edge] = ramp
    if where.stop < count:
        window[length - edge :] = ramp[::-1]
    return window


def shaking(rng: np.random.Generator, x: Floats, start: float, stop: float, size: float, hz: float) -> Floats:
    """Rhythmic movement of limb or electrode (scratching, tooth brushing, physiotherapy): looks like VT or VF."""
    out, where = x.copy(), span(len(x), start, stop)
    count = where.stop - where.start
    pace = np.cumsum(hz * (1.0 + drift(rng, count, 0.07, 0.6))) / RATE_HZ
    phase = 2 * np.pi * pace + rng.uniform(0, 6.28)
    swing = np.sin(phase) + 0.35 * np.sin(2 * phase + rng.uniform(0, 6.28)) + drift(rng, count, 0.25, 0.1)
    envelope = np.clip(1.0 + drift(rng, count, 0.3, 0.7), 0.2, 2.0)
    noise = muscle(rng, count, 0.12 * size) + drift(rng, count, 0.35 * size, 0.5)
    out[where] += _fade(len(x), where) * (size * envelope * swing + noise)
    return out


def electrode_motion(rng: np.random.Generator, x: Floats, start: float, stop: float, size: float) -> Floats:
    """Electrode movement: steps of the skin potential that the amplifier lets decay, wander and muscle noise."""
    out, where = x.copy(), span(len(x), start, stop)
    count = where.stop - where.start
    kicks = np.zeros(count)
    for _ in range(max(2, int((stop - start) * rng.uniform(1.2, 2.4)))):
        kicks[rng.integers(0, max(1, int(0.9 * count)))] += rng.normal(0.0, 1.0)
    keep = np.exp(-1.0 / (rng.uniform(0.15, 0.5) * RATE_HZ))
    steps = signal.lfilter([1.0], [1.0, -keep], kicks)
    steps = signal.sosfilt(signal.butter(2, 18.0, fs=RATE_HZ, output="sos"), steps)
    rough = muscle(rng, count, 0.09 * size) * np.clip(1 + drift(rng, count, 0.7, 0.4), 0, None)
    out[where] += _fade(len(x), where) * (size * np.asarray(steps) + drift(rng, count, 0.6 * size, 0.35) + rough)
    return out


def lead_off(rng: np.random.Generator, x: Floats, start: float, stop: float, level: float, trace: float) -> Floats:
    """A loose electrode: a kick, then a flat line at `level` that carries `trace` of residual noise."""
    out, where = x.copy(), span(len(x), start, stop)
    count = where.stop - where.start
    time = np.arange(count) / RATE_HZ
    kick = rng.choice([-1.0, 1.0]) * 2.5 * np.exp(-time / 0.18) * np.sin(2 * np.pi * 2.1 * time)
    out[where] = level + kick + rng.normal(0.0, trace, count) + drift(rng, count, 2 * trace, 1.0)
    return out


def faint(x: Floats, start: float, stop: float, size: float) -> Floats:
    """Loss of contact: the signal shrinks to the fraction `size` of itself (dry gel, turned patient)."""
    out, where = x.copy(), span(len(x), start, stop)
    out[where] *= 1.0 - (1.0 - size) * _fade(len(x), where, 0.6)
    return out


def mains(x: Floats, start: float, stop: float, size: float, hz: float) -> Floats:
    """Mains interference with its third harmonic."""
    out, where = x.copy(), span(len(x), start, stop)
    time = np.arange(where.start, where.stop) / RATE_HZ
    hum = np.sin(2 * np.pi * hz * time) + 0.12 * np.sin(2 * np.pi * 2 * hz * time + 0.4)
    out[where] += size * _fade(len(x), where, 0.4) * hum
    return out


def wander(rng: np.random.Generator, x: Floats, start: float, stop: float, size: float) -> Floats:
    """Large slow swings of the baseline (deep breaths, a tugged cable)."""
    out, where = x.copy(), span(len(x), start, stop)
    count = where.stop - where.start
    out[where] += _fade(len(x), where, 0.5) * drift(rng, count, size, 0.8)
    return out


def jumps(rng: np.random.Generator, x: Floats, start: float, stop: float, size: float) -> Floats:
    """A broken lead wire: the trace leaps between two rails and back, flat in between."""
    out, where = x.copy(), span(len(x), start, stop)
    at = where.start
    while at < where.stop:
        until = min(where.stop, at + round(RATE_HZ * rng.gamma(2.0, 0.12)))
        if rng.random() < 0.6:
            out[at:until] = rng.choice([-1.0, 1.0]) * size * rng.uniform(0.6, 1.6) + rng.normal(0, 0.02, until - at)
        at = until
    return out


def rails(x: Floats, low: float, high: float) -> Floats:
    """Saturation of the amplifier or of the monitor's display gain."""
    return np.clip(x, low, high)


def damped_line(x: Floats, start: float, stop: float, keep: float = 0.25) -> Floats:
    """A clot, bubble or kink in the arterial line: the mean pressure stays, the pulse shrinks to `keep`."""
    out, where = x.copy(), span(len(x), start, stop)
    slow = signal.sosfiltfilt(signal.butter(1, 0.25, fs=RATE_HZ, output="sos"), x)
    soft = signal.sosfiltfilt(signal.butter(2, 2.5, fs=RATE_HZ, output="sos"), x)
    blend = _fade(len(x), where, 1.5)
    damped = slow[where] + keep * (soft[where] - slow[where])
    out[where] = (1 - blend) * x[where] + blend * damped
    return out


def flush(x: Floats, start: float, seconds: float, bag_mmhg: float = 240.0) -> Floats:
    """A fast flush of the arterial line: a square wave to the bag's pressure that rings out."""
    out, where = x.copy(), span(len(x), start, start + seconds)
    out[where] = bag_mmhg
    tail = span(len(x), start + seconds, start + seconds + 0.6)
    time = np.arange(tail.stop - tail.start) / RATE_HZ
    out[tail] += 90.0 * np.exp(-time / 0.08) * np.cos(2 * np.pi * 13.0 * time)
    return out


def zeroing(x: Floats, start: float, stop: float) -> Floats:
    """The line is open to air (blood sampling, zeroing): the pressure reads about nought."""
    out, where = x.copy(), span(len(x), start, stop)
    out[where] = 2.0 + 0.02 * (x[where] - np.mean(x[where]))
    return out


def probe_motion(rng: np.random.Generator, x: Floats, start: float, stop: float, size: float) -> Floats:
    """A moving finger in the oximeter probe: swings of 0.5 to 3 Hz far larger than the pulse."""
    out, where = x.copy(), span(len(x), start, stop)
    count = where.stop - where.start
    swing = drift(rng, count, size, 0.22) + drift(rng, count, 0.5 * size, 0.07)
    out[where] = (1 - 0.5 * _fade(len(x), where)) * x[where] + _fade(len(x), where) * swing
    return out


def probe_off(x: Floats, start: float, stop: float, level: float) -> Floats:
    """The probe fell off: a constant."""
    out, where = x.copy(), span(len(x), start, stop)
    out[where] = level
    return out
