"""Waveforms on a given sequence of beats: ECG and pulse shapes from neurokit2, arterial pressure from a Windkessel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import neurokit2 as nk
import numpy as np
from scipy import signal

from .rhythm import NO_P_WAVE, NORMAL, P_ONLY, VENTRICULAR, Beats, Floats, strength

RATE_HZ = 250
_TEMPLATE_S = np.arange(-0.35, 0.65, 1 / RATE_HZ)
_QRS_HALF_S = 0.07
_NO_FLOW_MMHG = 18.0
_PROMPT_S = 0.16


@dataclass(frozen=True, slots=True)
class Lead:
    """How one ECG lead sees the heart: ECGSYN amplitudes of P, Q, R, S, T, and sizes in millivolt."""

    name: str
    waves: tuple[float, float, float, float, float]
    ventricular: tuple[float, float, float, float, float]
    millivolt: float
    ventricular_millivolt: float
    qrs_width: float = 1.0


def leads(
    rng: np.random.Generator, names: tuple[str, ...], millivolt: float, qrs_width: float = 1.0, tall_t: float = 1.0
) -> list[Lead]:
    """Leads of one patient. V is a right precordial lead (deep S) in half of the patients, else a left one."""
    made = []
    right = rng.random() < 0.6
    for name in names:
        t_wave = rng.uniform(0.35, 0.95) if tall_t == 1.0 else 0.75 * tall_t
        if name in {"V", "MCL"} and right:
            waves = (0.5, 0.0, 7.0 * rng.uniform(0.6, 1.4), -30.0, t_wave * rng.choice([-0.5, 0.9]))
            wide = (0.0, 0.0, -26.0, 0.0, 2.2)
        elif name in {"V", "MCL"}:
            waves = (0.7, -3.0, 30.0, -9.0 * rng.uniform(0.5, 1.3), 1.2 * t_wave)
            wide = (0.0, 0.0, 27.0, -5.0, -2.0)
        else:
            waves = (1.0, -3.5, 30.0, -6.0 * rng.uniform(0.4, 1.4), t_wave)
            sign = float(rng.choice([-1.0, 1.0]))
            wide = (0.0, 0.0, 25.0 * sign, 0.0, -1.9 * sign)
        scale = rng.uniform(0.7, 1.2) if name != "II" else 1.0
        made.append(Lead(name, waves, wide, millivolt * scale, millivolt * scale * rng.uniform(1.0, 1.5), qrs_width))
    return made


def _template(lead: Lead, kind: int, seed: int) -> Floats:
    """One beat f64[len(_TEMPLATE_S)] around its R peak, largest deflection 1, zero at the ends; ECGSYN, 60/min."""
    widths: tuple[float, ...]
    angles: tuple[float, ...]
    if kind == VENTRICULAR:
        waves, widths, angles = lead.ventricular, (0.25, 0.1, 0.33, 0.15, 0.45), (-70, -15, 0, 25, 115)
    else:
        waves = lead.waves if kind == NORMAL else (0.0, *lead.waves[1:])
        width = 0.1 * lead.qrs_width
        widths, angles = (0.25, width, width, width, 0.4), (-70, -15 * lead.qrs_width, 0, 15 * lead.qrs_width, 100)
    wave = np.asarray(
        nk.ecg_simulate(
            duration=4,
            sampling_rate=RATE_HZ,
            noise=0,
            heart_rate=60,
            heart_rate_std=0,
            random_state=seed,
            random_state_distort=seed,
            ti=angles,
            ai=waves,
            bi=widths,
        ),
        dtype=np.float64,
    )
    middle = 2 * RATE_HZ
    cut = wave[middle + round(_TEMPLATE_S[0] * RATE_HZ) : middle + round(_TEMPLATE_S[0] * RATE_HZ) + len(_TEMPLATE_S)]
    cut = cut - np.linspace(cut[0], cut[-1], len(cut))
    return np.asarray(cut / np.abs(cut).max(), dtype=np.float64)


def ecg(rng: np.random.Generator, beats: Beats, count: int, lead: Lead, breath: Floats) -> Floats:
    """Clean ECG f64[count] in mV. `breath` f64[count] in -1..1 turns the axis a little, as the diaphragm does."""
    seed = int(rng.integers(2**31))
    shapes = {int(kind): _template(lead, int(kind), seed) for kind in np.unique(beats.kind) if kind != P_ONLY}
    if (beats.kind == P_ONLY).any():
        shapes[P_ONLY] = _template(lead, NORMAL, seed) - _template(lead, NO_P_WAVE, seed)
    out = np.zeros(count)
    jitter = rng.normal(1.0, 0.025, len(beats.times))
    intervals = np.ones(len(beats.times))
    ventricles = beats.kind != P_ONLY
    intervals[ventricles] = beats.of(NORMAL, VENTRICULAR, NO_P_WAVE).intervals
    for at, kind, interval, vary in zip(beats.times, beats.kind, intervals, jitter, strict=True):
        squeeze = float(np.sqrt(np.clip(interval, 0.3, 1.1)))
        first = max(0, int((at - 0.35 * max(squeeze, 0.55)) * RATE_HZ))
        last = min(count, int((at + 0.65 * max(squeeze, 0.55)) * RATE_HZ) + 1)
        if last <= first:
            continue
        away = np.arange(first, last) / RATE_HZ - at
        core = np.clip(away, -_QRS_HALF_S, _QRS_HALF_S)
        where = core + (away - core) / squeeze
        size = lead.ventricular_millivolt if kind == VENTRICULAR else lead.millivolt
        tilt = 1.0 + 0.06 * breath[min(first, count - 1)]
        out[first:last] += size * vary * tilt * np.interp(where, _TEMPLATE_S, shapes[int(kind)], left=0.0, right=0.0)
    return out


def fibrillation(rng: np.random.Generator, count: int, hz: float, millivolt: float, order: float) -> Floats:
    """Ventricular fibrillation (order 0) to flutter (order 1), f64[count] in mV: a wandering 4 to 6 Hz oscillation."""

    def slow(seconds: float) -> Floats:
        keep = np.exp(-1.0 / (seconds * RATE_HZ))
        drive = rng.normal(0.0, np.sqrt(1 - keep**2), count)
        return np.asarray(signal.lfilter([1.0], [1.0, -keep], drive))

    wobble = 1.0 - order
    phase = 2 * np.pi * np.cumsum(hz * (1 + (0.02 + 0.2 * wobble) * slow(0.35))) / RATE_HZ + rng.uniform(0, 6.28)
    size = np.clip(1.0 + (0.06 + 0.42 * wobble) * slow(0.6), 0.15, 2.0)
    wave = np.sin(phase) + (0.1 + 0.25 * wobble) * np.sin(1.63 * phase + slow(0.5)) + 0.12 * np.sin(2 * phase + 1.0)
    return millivolt * size * wave


def arterial(
    beats: Beats,
    count: int,
    *,
    systolic: float,
    diastolic: float,
    tau: float,
    tone: Floats,
    delay: float = 0.2,
    natural_hz: float = 14.0,
    damping: float = 0.35,
) -> Floats:
    """Arterial pressure f64[count] in mmHg from a two-element Windkessel behind a catheter (second-order) line.

    Without beats the pressure falls with the time constant `tau` seconds towards 18 mmHg: asystole and fibrillation
    need no rule of their own. The share of flow that the large arteries pass on at once, rather than store, is the one
    that gives the wanted ratio of diastolic to systolic pressure. `tone` f64[count] multiplies the distance above
    18 mmHg. `natural_hz` and `damping` are the line's: 14 Hz and 0.2 ring, 2 Hz and 1.2 give a damped trace.
    """
    mechanical = beats.of(NORMAL, VENTRICULAR, NO_P_WAVE)
    power = strength(mechanical)
    flow = np.zeros(count)
    echo = np.zeros(count)
    for at, size, interval in zip(mechanical.times + delay, power, mechanical.intervals, strict=True):
        ejection = 0.29 * float(np.sqrt(np.clip(interval, 0.3, 1.2)))
        _add(flow, at, ejection, size, lambda u: np.sin(np.pi * u) * (1.0 - u) ** 0.7)
        _add(echo, at + ejection * 1.16, 0.22, size, lambda u: np.sin(np.pi * u) ** 2)
        _add(echo, at + ejection * 0.93, 0.07, -0.6 * size, lambda u: np.sin(np.pi * u))
    warm = slice(20 * RATE_HZ, min(count, 240 * RATE_HZ))
    stored, prompt = (_leak(flow, tau), _leak(flow, _PROMPT_S))
    stored, prompt = stored / float(np.mean(stored[warm])), prompt / float(np.mean(prompt[warm]))
    notch = echo * float(np.std(prompt[warm])) / max(float(np.abs(echo[warm]).max()), 1e-9)
    wanted = (diastolic - _NO_FLOW_MMHG) / (systolic - _NO_FLOW_MMHG)
    best_gap, chosen = np.inf, (stored, 1.0)
    for share in np.linspace(0.0, 0.9, 37):
        swing = (1 - share) * stored + share * (prompt + 0.35 * notch)
        low, high = (float(v) for v in np.percentile(swing[warm], [3, 98]))
        if abs(low / high - wanted) < best_gap:
            best_gap, chosen = abs(low / high - wanted), (swing, high)
    pressure = (systolic - _NO_FLOW_MMHG) * chosen[0] / chosen[1]
    w0 = 2 * np.pi * natural_hz
    line = signal.cont2discrete(([w0**2], [1.0, 2 * damping * w0, w0**2]), 1 / RATE_HZ, method="bilinear")
    seen = signal.lfilter(np.ravel(line[0]), np.ravel(line[1]), pressure * tone)
    start = 15 * RATE_HZ
    seen[:start] = seen[start : 2 * start][::-1] if count > 2 * start else seen[:start]
    return _NO_FLOW_MMHG + np.asarray(seen)


def _leak(flow: Floats, tau: float) -> Floats:
    keep = np.exp(-1.0 / (tau * RATE_HZ))
    return np.asarray(signal.lfilter([1.0], [1.0, -keep], flow), dtype=np.float64)


def _add(out: Floats, at: float, seconds: float, size: float, shape: Callable[[Floats], Floats]) -> None:
    first, last = max(0, int(at * RATE_HZ)), min(len(out), int((at + seconds) * RATE_HZ) + 1)
    if last > first:
        u = np.clip((np.arange(first, last) / RATE_HZ - at) / seconds, 0.0, 1.0)
        out[first:last] += size * shape(u)


def _on_grid(grid: Floats, shape: Floats) -> Callable[[Floats], Floats]:
    return lambda u: np.asarray(np.interp(u, grid, shape))


def pleth(rng: np.random.Generator, beats: Beats, count: int, breath: Floats, delay: float = 0.3) -> Floats:
    """Pulse oximeter wave f64[count], about one unit from foot to peak: neurokit2 pulses laid on the beats."""
    seed = int(rng.integers(2**31))
    source = np.asarray(
        nk.ppg_simulate(
            duration=12,
            sampling_rate=RATE_HZ,
            heart_rate=60,
            frequency_modulation=0,
            ibi_randomness=0,
            drift=0,
            motion_amplitude=0,
            powerline_amplitude=0,
            burst_number=0,
            burst_amplitude=0,
            random_state=seed,
            random_state_distort=seed,
        ),
        dtype=np.float64,
    )
    shapes = []
    for second in range(2, 10):
        foot = second * RATE_HZ
        cut = source[foot : foot + RATE_HZ + 1]
        cut = cut - np.linspace(cut[0], cut[-1], len(cut))
        shapes.append(cut / cut.max())
    mechanical = beats.of(NORMAL, VENTRICULAR, NO_P_WAVE)
    power = strength(mechanical)
    power = power / max(float(np.median(power)), 0.3)
    out = np.zeros(count)
    following = np.append(np.diff(mechanical.times), 1.0)
    grid = np.linspace(0.0, 1.0, RATE_HZ + 1)
    for number, (at, size, gap) in enumerate(zip(mechanical.times + delay, power, following, strict=True)):
        span = float(np.clip(gap, 0.3, 1.3))
        shape = shapes[number % len(shapes)]
        _add(out, at, span, float(size), _on_grid(grid, shape))
    smooth = signal.sosfiltfilt(signal.butter(2, 6.0, fs=RATE_HZ, output="sos"), out)
    return np.asarray(smooth + 0.12 * breath)


def respiration(rng: np.random.Generator, count: int, per_minute: float) -> Floats:
    """Chest impedance f64[count], about -1..1, from neurokit2's breathmetrics model, smoothed as the monitor does."""
    seed = int(rng.integers(2**31))
    wave = np.asarray(
        nk.rsp_simulate(
            duration=count // RATE_HZ + 12,
            sampling_rate=RATE_HZ,
            noise=0,
            respiratory_rate=per_minute,
            method="breathmetrics",
            random_state=seed,
            random_state_distort=seed,
        ),
        dtype=np.float64,
    )[:count]
    wave = np.pad(wave, (0, count - len(wave)), mode="wrap")
    smooth = np.asarray(signal.sosfiltfilt(signal.butter(2, 1.6, fs=RATE_HZ, output="sos"), wave))
    spread = max(float(np.percentile(np.abs(smooth), 98)), 1e-9)
    return np.asarray((smooth - np.median(smooth)) / spread, dtype=np.float64)
