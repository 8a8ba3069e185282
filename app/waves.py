"""Recordings of any length, opened once and shared between sessions; what takes long is made in the background.

Cached by path and modification times. Everything leaves as strips and flaws for the figures: seconds, physical units.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from amfn.readers import read_record
from amfn.readers.wfdb_format import recognise
from amfn.types import InputError
from amfn.waves import (
    Annotations,
    Beats,
    Stretch,
    WaveSource,
    annotations_beside,
    beats_within,
    next_peak,
    open_waves,
    previous_peak,
    quality_overview,
    quality_within,
)
from app.figures import Flaw, Mark, Strip
from app.figures.strip import MAX_POINTS, evenly
from app.signals import NO_SAMPLE

log = logging.getLogger("fusionscope")
RAW_UP_TO_S = 300.0
"""Windows up to this length are drawn from samples; longer ones from what was made of them in the background."""
LONG_POINTS = 2000
BEATS_UP_TO_S = 60.0
SAME_S = 0.05
"""A peak this close to the middle of the window is the one that stands there already."""
OVERVIEW_POINTS = 2800
PROBES, PROBE_S = 24, 10.0
"""A lead's usual range is that of all samples, and of a long recording that of so many stretches spread over it."""
NOT_HERE = "no signal in this window"
BUILD, JUDGE = 0.1, 0.9
"""Shares of the work in the background: reading everything once, judging its quality."""
REST_S = 0.005


@dataclass(slots=True, eq=False)
class Opened:
    """A recording and what is known of it so far. stamp: of its files; whole: usual range of each lead, None where no
    valid sample was found. share: of the work in the background, 0 to 1; flaws: of each lead, None until known. ready:
    a short recording is judged, a long one can be drawn as a whole."""

    source: WaveSource
    marks: Annotations
    stamp: str
    whole: tuple[tuple[float, float] | None, ...]
    share: float = 0.0
    flaws: tuple[tuple[Flaw, ...], ...] | None = None
    failure: str = ""
    begun: bool = False
    ready: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def complete(self) -> bool:
        """True where nothing is left to be done in the background, or it failed."""
        return self.flaws is not None or bool(self.failure)


def opened(path: Path, modified: tuple[int, ...]) -> Opened:
    """The recording at `path`. Raises InputError for what cannot be used."""
    return _open(str(path), modified)


@st.cache_resource(max_entries=4, show_spinner="Opening the recording …")
def _open(path: str, modified: tuple[int, ...]) -> Opened:
    file = Path(path)
    source = open_waves(file) if recognise(file) else WaveSource.of(read_record(file))
    whole = tuple(_usual_range(source, k) for k in range(len(source.leads)))
    return Opened(source, annotations_beside(file), f"{path}|{modified}", whole)


def _usual_range(source: WaveSource, lead: int) -> tuple[float, float] | None:
    if not source.long:
        values = source.read(lead, 0.0, source.duration_s).values
    else:
        starts = np.linspace(0, source.duration_s - PROBE_S, PROBES)
        values = np.concatenate([source.read(lead, at, at + PROBE_S).values for at in starts])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    edges = (0.0, 99.9) if source.leads[lead].unit == "mmHg" else (0.5, 99.5)
    low, high = (float(v) for v in np.percentile(values, edges))
    return low, high


def begin(found: Opened, patience_s: float) -> None:
    """Start what takes long, once, and wait this long for the first of it."""
    with found.lock:
        if not found.begun:
            found.begun = True
            threading.Thread(target=_work, args=(found,), daemon=True).start()
    found.ready.wait(patience_s)


def _work(found: Opened) -> None:
    source, leads = found.source, len(found.source.leads)
    judged: list[tuple[Flaw, ...]] = []

    def built(share: float) -> None:
        found.share = BUILD * share

    def told(share: float) -> None:
        found.share = BUILD + JUDGE * (len(judged) + share) / leads
        # Whoever pans meanwhile shares the interpreter with this thread, and comes first.
        time.sleep(REST_S)

    try:
        source.build(built)
        if source.long:
            found.ready.set()
        for k in range(leads):
            judged.append(_flaws(quality_overview(source, k, told)))
        found.flaws = tuple(judged)
    except InputError as error:
        found.failure = str(error)
    except Exception:
        # A thread has no page to say it on: without this the page would wait for ever.
        log.exception("a recording could not be read as a whole")
        found.failure = "The recording could not be read as a whole; the reason is in the program's log."
    found.ready.set()


def _flaws(stretches: Sequence[Stretch]) -> tuple[Flaw, ...]:
    return tuple(Flaw(s.start_s, s.stop_s, s.kind) for s in stretches)


def strips(found: Opened, start_s: float, length_s: float) -> list[Strip]:
    """Every lead in the window: samples where it is short, smallest and largest values where it is long."""
    source, stop = found.source, start_s + length_s
    points = MAX_POINTS // len(source.leads)
    out = []
    for k, lead in enumerate(source.leads):
        known = found.whole[k]
        remark = "" if known else NO_SAMPLE if not source.long else NOT_HERE
        if length_s <= RAW_UP_TO_S:
            # One sample more, so that the line reaches the window's end.
            samples = source.read(k, start_s, stop + 1 / lead.rate_hz)
            y, offset, dt = evenly(samples.values, samples.dt_s, points)
            strip = Strip(lead.modality, lead.title, lead.unit, samples.x0_s + offset, dt, y, None, remark, known)
        else:
            seen = source.view(k, start_s, stop, min(LONG_POINTS, points))
            dt = length_s / max(len(seen.x), 1)
            strip = Strip(lead.modality, lead.title, lead.unit, start_s, dt, seen.y, None, remark, known, seen.x)
        out.append(strip)
    return out


def flaws_of(found: Opened, start_s: float, length_s: float) -> list[tuple[Flaw, ...]]:
    """The doubtful stretches of each lead that reach into the window; of a recording that is not judged yet as far as
    the window itself shows them, none where that is long."""
    stop = start_s + length_s
    if found.flaws is not None:
        return [tuple(f for f in lead if f.start_s < stop and f.stop_s > start_s) for lead in found.flaws]
    if length_s > BEATS_UP_TO_S:
        return [() for _ in found.source.leads]
    return [_flaws(quality_within(found.source, k, start_s, stop)) for k in range(len(found.source.leads))]


def beats_of(found: Opened, lead: int, start_s: float, length_s: float) -> Beats:
    """The beats in the window of one lead, none in its doubtful stretches as they are shaded."""
    shaded = tuple((flaw.start_s, flaw.stop_s) for flaw in flaws_of(found, start_s, length_s)[lead])
    return _beats(found.stamp, lead, start_s, length_s, shaded, found.source)


@st.cache_data(max_entries=64, show_spinner=False)
def _beats(
    stamp: str, lead: int, start_s: float, length_s: float, shaded: tuple[tuple[float, float], ...], _source: WaveSource
) -> Beats:
    return beats_within(_source, lead, start_s, start_s + length_s, shaded)


def beat_lead(found: Opened) -> int | None:
    """The lead in which beats are looked for: the first ECG with a valid sample, else the first pressure or pulse."""
    return _first(found, ("ecg", "abp", "ppg"))


def pulse_lead(found: Opened) -> int | None:
    """The lead whose pulses are counted beside the beats: the first pressure, else the first pulse wave."""
    return _first(found, ("abp", "ppg"))


def _first(found: Opened, modalities: Sequence[str]) -> int | None:
    for modality in modalities:
        for k, lead in enumerate(found.source.leads):
            if lead.modality == modality and found.whole[k] is not None:
                return k
    return None


def uncalibrated(found: Opened) -> str:
    """The ECG leads that are not in millivolts, each with its unit; empty for none."""
    odd = [lead for lead in found.source.leads if lead.modality == "ecg" and lead.unit != "mV"]
    return ", ".join(f"{lead.title} ({lead.unit or 'no unit'})" for lead in odd)


def beat_marks(found: Beats) -> tuple[Mark, ...]:
    """R peaks or pulse peaks, and the peaks of the waves around them."""
    letter, meaning = ("R", "R peak") if found.electrical else ("|", "pulse peak")
    marks = [Mark(float(t), letter, meaning) for t in found.peaks_s]
    for name, times in found.waves.items():
        if name.endswith("peak"):
            marks += [Mark(float(t), name[0], name) for t in times if np.isfinite(t)]
    return tuple(sorted(marks, key=lambda mark: mark.seconds))


def neighbour_beat(found: Opened, lead: int, moment_s: float, way: int) -> float | None:
    """The nearest peak after (way 1) or before (way -1) a moment, not the one that stands on it."""
    if way > 0:
        return next_peak(found.source, lead, moment_s + SAME_S)
    return previous_peak(found.source, lead, moment_s - SAME_S)
