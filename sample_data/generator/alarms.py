"""From a scenario to the signals of one alarm record, and to the truth about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import artefacts
from .rhythm import NO_P_WAVE, NORMAL, P_ONLY, VENTRICULAR, Beats, Floats, join, premature, splice, train
from .scenarios import ALARM_S, Event, Fault, Scenario
from .waveforms import RATE_HZ, Lead, arterial, ecg, fibrillation, leads, pleth, respiration

MODALITY = {"II": "ecg", "V": "ecg", "ABP": "abp", "PLETH": "ppg", "RESP": "resp"}
UNIT = {"II": "mV", "V": "mV", "ABP": "mmHg", "PLETH": "NU", "RESP": "NU"}
_ECG_GAIN, _ABP_GAIN = 400.0, 16.0
_AFTER = {
    "arrest": "no pulse wave follows",
    "block": "no pulse wave follows the P waves",
    "vf": "pulsation lost, pressure falls",
    "vt": "pulse wave weakened by the fast wide beats",
    "slow": "pulse waves at the slow rate",
    "escape": "pulse waves at the slow rate",
    "fast": "pulse waves at the fast rate",
}


@dataclass(frozen=True, slots=True)
class Truth:
    """One planted segment. role: cause (it raised the alarm) | evidence (it confirms or refutes the alarm)."""

    modality: str
    channel: str
    start: float
    end: float
    cause: str
    role: str


@dataclass(frozen=True, slots=True, eq=False)
class AlarmRecord:
    """names[c], units[c], signals f64[n, c] in those units, gains[c] in steps per unit; the beats that really were."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    signals: Floats
    gains: tuple[float, ...]
    truth: tuple[Truth, ...]
    beats: Beats


def heart(rng: np.random.Generator, scene: Scenario) -> Beats:
    """The sequence of beats of a scenario, its rhythm events spliced in at beats."""
    breaths = float(rng.uniform(0.2, 0.32))
    fibrillating = scene.rhythm == "af"
    kind, jitter = (NO_P_WAVE, 0.17) if fibrillating else (NORMAL, 0.008)
    beats = train(rng, rng.uniform(0.1, 0.6), scene.seconds, scene.bpm, kind=kind, jitter=jitter, breaths_hz=breaths)
    first_event = min((event.start for event in scene.events), default=scene.seconds)
    beats = premature(rng, beats, scene.ectopics, 20.0, min(first_event, ALARM_S) - 4.0)
    for event in scene.events:
        beats = _with_event(rng, beats, event, kind, jitter)
    return beats


def _with_event(rng: np.random.Generator, beats: Beats, event: Event, kind: int, jitter: float) -> Beats:
    match event.kind:
        case "arrest" | "vf":
            return beats.outside(event.start, event.stop)
        case "block":
            gone = beats.outside(event.start, event.stop)
            atria = train(rng, event.start, event.stop, 88.0, kind=P_ONLY, jitter=0.01)
            return join([gone, atria])
        case "escape":
            kept = beats.of(P_ONLY)
            rest = beats.outside(event.start, event.stop)
            first = event.start + 60.0 / event.bpm * 0.8
            run = train(rng, first, event.stop, event.bpm, kind=NO_P_WAVE, jitter=0.01, end_bpm=event.end_bpm)
            return join([rest, run, kept])
        case "vt":
            run = train(rng, event.start, event.stop, event.bpm, kind=VENTRICULAR, jitter=0.015, sinus_arrhythmia=0.0)
            rest = beats.outside(event.start - 0.05, event.stop + 0.45)
            return join([rest, run])
        case "slow" | "fast":
            run = train(rng, event.start, event.stop, event.bpm, kind=kind, jitter=jitter, end_bpm=event.end_bpm)
            return splice(beats, event.start, event.stop, run)
        case _:
            raise ValueError(f"unknown rhythm event {event.kind!r}")


def _spoil(rng: np.random.Generator, x: Floats, fault: Fault, unit: float) -> Floats:
    """`x` with one fault; sizes of additive faults are in multiples of `unit` (the size of a beat)."""
    start, stop, size = fault.start, fault.stop, fault.size * unit
    match fault.kind:
        case "lead_off":
            return artefacts.lead_off(rng, x, start, stop, float(rng.normal(0, 0.1)), fault.size)
        case "faint":
            return artefacts.faint(x, start, stop, fault.size)
        case "jumps":
            return artefacts.jumps(rng, x, start, stop, size)
        case "motion":
            return artefacts.electrode_motion(rng, x, start, stop, size)
        case "shaking":
            return artefacts.shaking(rng, x, start, stop, size, fault.hz)
        case "mains":
            return artefacts.mains(x, start, stop, size, fault.hz)
        case "wander":
            return artefacts.wander(rng, x, start, stop, size)
        case "muscle":
            out = x.copy()
            where = artefacts.span(len(x), start, stop)
            out[where] += artefacts.muscle(rng, where.stop - where.start, size)
            return out
        case "damped":
            return artefacts.damped_line(x, start, stop, fault.size)
        case "flush":
            return artefacts.flush(x, start, stop - start)
        case "zeroing":
            return artefacts.zeroing(x, start, stop)
        case "probe_motion":
            return artefacts.probe_motion(rng, x, start, stop, size)
        case "probe_off":
            return artefacts.probe_off(x, start, stop, float(np.median(x)))
        case _:
            raise ValueError(f"unknown fault {fault.kind!r}")


def _nursing(rng: np.random.Generator, channel: str) -> list[Fault]:
    """What happens to a channel in the quiet minutes before: some movement, a flush, a blood sample."""
    kinds = {"ABP": ("flush", "zeroing", "damped"), "PLETH": ("probe_motion", "probe_motion", "probe_off"), "RESP": ()}
    choice = kinds.get(channel, ("motion", "wander", "muscle", "wander"))
    found = []
    for start in np.sort(rng.uniform(15.0, 250.0, rng.integers(0, 4))):
        if not choice:
            break
        kind = str(rng.choice(choice))
        seconds = float(rng.uniform(1.0, 2.0)) if kind == "flush" else float(rng.uniform(3.0, 9.0))
        size = {"muscle": 0.08, "damped": 0.35}.get(kind, float(rng.uniform(0.3, 0.8)))
        found.append(Fault(kind, channel, float(start), float(start) + seconds, size))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Bedside:
    """What all channels of one record share. breath f64[count]; rails in mV; offset in mV."""

    scene: Scenario
    beats: Beats
    breath: Floats
    leads: dict[str, Lead]
    offset: float
    rails: tuple[float, float]

    @property
    def count(self) -> int:
        return len(self.breath)


def simulate(rng: np.random.Generator, scene: Scenario) -> AlarmRecord:
    """All channels of one alarm record with their truth."""
    beats = heart(rng, scene)
    breath = respiration(rng, round(scene.seconds * RATE_HZ), float(rng.uniform(13, 22)))
    patient = leads(rng, scene.leads, scene.millivolt, scene.qrs_width, scene.t_wave)
    offset = float(rng.choice([0.0, 0.0, 0.0, 0.3, 0.5]))
    narrow = rng.random() < 0.35 and scene.millivolt <= 1.0
    rails = (-0.6, 1.6) if narrow else (-5.0, 5.0)
    bed = _Bedside(scene, beats, breath, {lead.name: lead for lead in patient}, offset, rails)
    names = (*scene.leads, *scene.channels)
    columns, gains = zip(*(_channel(rng, bed, name) for name in names), strict=True)
    units = tuple(UNIT[name] for name in names)
    return AlarmRecord(names, units, np.stack(columns, axis=1), gains, _truth(scene, names), beats)


def _channel(rng: np.random.Generator, bed: _Bedside, name: str) -> tuple[Floats, float]:
    """One channel as the monitor stores it f64[count], and its steps per unit."""
    clean = {"ABP": _pressure, "PLETH": _oximeter, "RESP": _chest}.get(name)
    x = clean(rng, bed) if clean else _lead(rng, bed, bed.leads[name])
    beat_size = 1.0 if clean else bed.leads[name].millivolt
    for fault in (*_nursing(rng, name), *(fault for fault in bed.scene.faults if fault.channel == name)):
        x = _spoil(rng, x, fault, beat_size)
    if clean is None:
        return artefacts.rails(x + bed.offset, *bed.rails), _ECG_GAIN
    if name == "ABP":
        return artefacts.rails(x, -10.0, 300.0), _ABP_GAIN
    return _display(rng, x, name)


def _lead(rng: np.random.Generator, bed: _Bedside, lead: Lead) -> Floats:
    x = ecg(rng, bed.beats, bed.count, lead, bed.breath)
    for event in bed.scene.events:
        if event.kind == "vf":
            where = artefacts.span(bed.count, event.start, event.stop)
            wave = fibrillation(rng, where.stop - where.start, event.bpm, 0.34 * lead.millivolt, event.order)
            x[where] += wave * np.clip(np.arange(len(wave)) / (0.6 * RATE_HZ), 0.15, 1.0)
    if bed.scene.rhythm == "af":
        x += fibrillation(rng, bed.count, 6.5, 0.045 * lead.millivolt, 0.2)
    x += 0.025 * lead.millivolt * bed.breath + artefacts.drift(rng, bed.count, rng.uniform(0.015, 0.05), 2.5)
    return x + artefacts.muscle(rng, bed.count, rng.uniform(0.006, 0.022))


def _pressure(rng: np.random.Generator, bed: _Bedside) -> Floats:
    systolic, diastolic = bed.scene.pressure
    x = arterial(
        bed.beats,
        bed.count,
        systolic=systolic,
        diastolic=diastolic,
        tau=float(rng.uniform(1.3, 2.4)),
        tone=1.0 + artefacts.drift(rng, bed.count, 0.02, 12.0) + 0.02 * bed.breath,
        delay=float(rng.uniform(0.17, 0.24)),
        natural_hz=float(rng.uniform(7, 16)),
        damping=float(rng.uniform(0.25, 0.7)),
    )
    return x + artefacts.muscle(rng, bed.count, 0.15)


def _oximeter(rng: np.random.Generator, bed: _Bedside) -> Floats:
    x = pleth(rng, bed.beats, bed.count, bed.breath, float(rng.uniform(0.26, 0.36)))
    x += artefacts.drift(rng, bed.count, rng.uniform(0.03, 0.16), 0.9)
    return x + artefacts.muscle(rng, bed.count, 0.002)


def _chest(rng: np.random.Generator, bed: _Bedside) -> Floats:
    return bed.breath + artefacts.drift(rng, bed.count, 0.08, 3.0) + artefacts.muscle(rng, bed.count, 0.003)


def _display(rng: np.random.Generator, x: Floats, name: str) -> tuple[Floats, float]:
    """Normalised units as monitors give them: 0 to 1, 0 to 5 or around nought, clipped at the ends of the range."""
    style = rng.integers(3)
    middle, swing, low, high = ((0.5, 0.22, 0.0, 1.0), (2.5, 0.9, 0.0, 5.0), (0.0, 0.7, -5.0, 5.0))[style]
    centred = x - float(np.median(x))
    if name == "RESP":
        swing *= float(rng.uniform(1.0, 3.0))
    return artefacts.rails(middle + swing * centred, low, high), (2400.0, 600.0, 800.0)[style]


def _truth(scene: Scenario, names: tuple[str, ...]) -> tuple[Truth, ...]:
    """Causes first, then what the other channels show in the same seconds."""
    found: list[Truth] = []
    end = min(scene.seconds, ALARM_S)
    pulses = [name for name in names if name in {"ABP", "PLETH"}]
    for event in scene.events:
        if not event.cause:
            continue
        stop = min(event.stop, end)
        found += [Truth("ecg", lead, event.start, stop, event.cause, "cause") for lead in scene.leads]
        after = _AFTER[event.kind] if scene.is_true else "pulse waves at the true rate"
        found += [Truth(MODALITY[p], p, event.start, stop, after, "evidence") for p in pulses]
    causes = [fault for fault in scene.faults if fault.cause]
    for fault in causes:
        stop = min(fault.stop, end)
        found.append(Truth(MODALITY[fault.channel], fault.channel, fault.start, stop, fault.cause, "cause"))
    if causes and not scene.is_true:
        spoilt = {fault.channel for fault in scene.faults}
        first = min(fault.start for fault in causes)
        clean = [name for name in (*scene.leads, *pulses) if name not in spoilt]
        text = {"ecg": "regular beats in the undisturbed lead", "abp": "pulse waves go on", "ppg": "pulse waves go on"}
        found += [Truth(MODALITY[c], c, first, end, text[MODALITY[c]], "evidence") for c in clean]
    return tuple(found)
