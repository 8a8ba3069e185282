"""WFDB records of any length, opened without their samples and read a window at a time.

The same values as `wfdb_format.read` gives, bit for bit: units, limits, skew, frame means and segments are treated
alike. Beyond it, signals of a kind that no modality takes are read too, in the unit that the header states, and a
record may be of any length.

Axes: T frames of the window, W values a frame as stored.
"""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import wfdb
from jaxtyping import Float, Int16

from amfn.readers.channels import WAVEFORMS, WaveformRule, waveform_rule
from amfn.readers.findings import Findings
from amfn.readers.wfdb_format import alarm_of, require_header
from amfn.readers.wfdb_header import (
    FLAC_FORMATS,
    NO_SIGNAL,
    SAMPLE_BYTES,
    Header,
    SignalLine,
    read_header,
    segment_header,
    segments_length,
)
from amfn.readers.wfdb_samples import LIBRARY_ERRORS, check_files, decoded, numbered, undecodable, unit_factor
from amfn.types import Alarm, Finding, InputError

OTHER = "other"
INVALID = -(2**15)
_ORDER = {rule.modality: k for k, rule in enumerate(WAVEFORMS)} | {OTHER: len(WAVEFORMS)}
_PLAIN = {"16": np.dtype("<i2"), "61": np.dtype(">i2")}


@dataclass(frozen=True, slots=True)
class Track:
    """One signal of the record. modality: that of its kind, or `OTHER`; outside low to high it is unobserved."""

    name: str
    modality: str
    unit: str
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class Scale:
    """How a stored integer becomes a value: ((integer - baseline) / gain) * factor, in 32 bits as the reader does."""

    index: int
    baseline: int
    gain: float
    factor: float


@dataclass(frozen=True, slots=True)
class Part:
    """The frames from `start` on that one header describes; scales by the name of the track. plain: its samples are
    16-bit integers side by side in one file, which need no library to be read by the frame."""

    start: int
    length: int
    header: Header
    scales: dict[str, Scale]
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Frames as stored, values i16[T, W] with `INVALID` where absent, and what turns any such frames into a track's
    f32[T], as `WfdbWindow.read` gives it: physical(track, values)."""

    values: Int16[np.ndarray, "t w"]
    physical: Callable[[int, np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class WfdbWindow:
    """An opened record: its tracks in the order of their modalities, its length in frames, and where samples are."""

    record_id: str
    fs: float
    length: int
    start: str | None
    tracks: tuple[Track, ...]
    parts: tuple[Part, ...]
    alarm: Alarm | None
    findings: tuple[Finding, ...]

    def read(self, track: int, first: int, last: int) -> Float[np.ndarray, " t"]:
        """f32[T] of the frames from first up to, not including, last; NaN where absent."""
        kind = self.tracks[track]
        out = np.full(last - first, np.nan, np.float32)
        for part in self._parts(first, last):
            scale = part.scales.get(kind.name)
            if scale is not None:
                a, b = max(first, part.start), min(last, part.start + part.length)
                out[a - first : b - first] = _within(kind, _physical(part, scale, a - part.start, b - part.start))
        return out

    def stored(self, first: int, last: int) -> Stored | None:
        """The window as stored; None where that is not one array of 16-bit integers."""
        part = self.parts[0] if len(self.parts) == 1 else None
        return Stored(_integers(part.header, first, last), self._physical) if part is not None and part.plain else None

    def _physical(self, track: int, values: np.ndarray) -> np.ndarray:
        scale = self.parts[0].scales.get(self.tracks[track].name)
        if scale is None:
            return np.full(len(values), np.nan, np.float32)
        return _within(self.tracks[track], _scaled(values[:, scale.index], scale))

    def _parts(self, first: int, last: int) -> tuple[Part, ...]:
        starts = [part.start for part in self.parts]
        low = max(bisect_right(starts, first) - 1, 0)
        return tuple(p for p in self.parts[low : bisect_right(starts, last)] if p.start + p.length > first)


def open_window(path: Path) -> WfdbWindow:
    """Headers are read and held against their files; no sample is. Raises InputError for what cannot be used."""
    found = require_header(path)
    header, findings = read_header(found), Findings()
    length, parts, tracks = _segments(header, findings) if header.segments else _single(header, findings)
    if not tracks or not length:
        raise InputError(found, "no signal to read", "at least one signal with samples", "Choose another record.")
    order = tuple(sorted(tracks.values(), key=lambda track: _ORDER[track.modality]))
    alarm, _ = alarm_of(header, findings)
    return WfdbWindow(found.stem, header.fs, length, header.start, order, tuple(parts), alarm, findings.all())


def _single(header: Header, findings: Findings) -> tuple[int, list[Part], dict[str, Track]]:
    part, tracks = _part(header, 0, findings)
    return part.length, [part], tracks


def _segments(master: Header, findings: Findings) -> tuple[int, list[Part], dict[str, Track]]:
    length = segments_length(master)
    parts: list[Part] = []
    tracks: dict[str, Track] = {}
    start = 0
    for segment in master.segments:
        if segment.name == NO_SIGNAL:
            findings.note("record", "an absent segment: nothing was recorded in it", segment.length)
        elif segment.length:
            header = segment_header(master, segment.name, segment.length)
            part, found = _part(header, start, findings)
            if part.length != segment.length:
                raise InputError(
                    header.path,
                    f"{part.length} samples",
                    f"{segment.length}, as {master.path.name} says",
                    "Fetch the record again.",
                )
            for name, track in found.items():
                if tracks.setdefault(name, track) != track:
                    part.scales.pop(name, None)
                    findings.warn(name, f"in {track.unit!r} here, {tracks[name].unit!r} before: not read", part.length)
            parts.append(part)
        start += segment.length
    return length, parts, tracks


def _part(header: Header, start: int, findings: Findings) -> tuple[Part, dict[str, Track]]:
    check_files(header, math.inf)
    length = _length(header)
    try:
        stated = wfdb.rdheader(str(header.path.absolute().with_suffix("")))
        gains, baselines = list(stated.adc_gain), list(stated.baseline)
    except LIBRARY_ERRORS as error:
        raise undecodable(header, list(range(len(header.signals)))) from error
    scales: dict[str, Scale] = {}
    tracks: dict[str, Track] = {}
    for index, (name, signal) in enumerate(numbered(header)):
        rule = waveform_rule(signal.name)
        tracks[name] = _track(name, signal, rule)
        factor = 1.0 if rule is None else unit_factor(header, signal, rule, findings)
        if not signal.is_null:
            scales[name] = Scale(index, int(baselines[index]), float(gains[index]), factor)
    files = {(signal.file, signal.fmt) for signal in header.signals}
    plain = len(files) == 1 and all(s.frame == 1 and s.skew == 0 and not s.is_null for s in header.signals)
    plain = plain and (header.signals[0].fmt in _PLAIN or _flac_16(header))
    return Part(start, length, header, scales, plain), tracks


def _track(name: str, signal: SignalLine, rule: WaveformRule | None) -> Track:
    if rule is None:
        return Track(name, OTHER, signal.unit or "")
    return Track(name, rule.modality, rule.unit, rule.low, rule.high)


def _length(header: Header) -> int:
    """The header's word, or what its first signal file holds."""
    if header.length is not None:
        return header.length
    first = next((signal for signal in header.signals if not signal.is_null), None)
    if first is None:
        return 0
    width = sum(s.frame for s in header.signals if s.file == first.file and not s.is_null)
    size = header.path.with_name(first.file).stat().st_size - first.offset
    return math.floor(size / (SAMPLE_BYTES[first.fmt] * width))


def _flac_16(header: Header) -> bool:
    """True where the file is FLAC of 16 bits and as many channels as signals, and long enough."""
    first = header.signals[0]
    if first.fmt != "516":
        return False
    try:
        found = soundfile.info(str(header.path.with_name(first.file)))
    except (OSError, RuntimeError) as error:
        raise undecodable(header, [0]) from error
    if found.channels != len(header.signals) or found.frames - first.offset < (header.length or 0):
        raise undecodable(header, [0])
    return bool(found.subtype == "PCM_16")


def _integers(header: Header, first: int, last: int) -> np.ndarray:
    """i16[T, W] of a plain part."""
    signal, width = header.signals[0], len(header.signals)
    path = header.path.with_name(signal.file)
    try:
        if signal.fmt in FLAC_FORMATS:
            with soundfile.SoundFile(os.fspath(path)) as file:
                file.seek(first + signal.offset)
                out = file.read(last - first, dtype="int16", always_2d=True)
        else:
            at = signal.offset + 2 * width * first
            out = np.fromfile(path, _PLAIN[signal.fmt], (last - first) * width, offset=at)
    except (OSError, RuntimeError, ValueError) as error:
        raise undecodable(header, [0]) from error
    if out.size != (last - first) * width:
        raise undecodable(header, [0])
    return out.reshape(-1, width).astype(np.int16, copy=False)


def _physical(part: Part, scale: Scale, first: int, last: int) -> np.ndarray:
    """f32[T] of a part's own frames, in the track's unit, before its limits."""
    if part.plain:
        return _scaled(_integers(part.header, first, last)[:, scale.index], scale)
    signal = part.header.signals[scale.index]
    out = np.full(last - first, np.nan, np.float32)
    a, b = first + signal.skew, min(last + signal.skew, part.length)
    if a < b:
        # A sample of format 8 is a difference from the one before: it has to be read from the beginning.
        begin = 0 if signal.fmt == "8" else a
        out[: b - a] = decoded(part.header, [scale.index], (begin, b))[scale.index][a - begin :]
    return out if scale.factor == 1 else out * np.float32(scale.factor)


def _scaled(stored: np.ndarray, scale: Scale) -> np.ndarray:
    # Step by step in 32 bits, as the wfdb library does: any other order rounds differently.
    out = stored.astype(np.float32)
    out -= np.float32(scale.baseline)
    out /= np.float32(scale.gain)
    out[stored == INVALID] = np.nan
    return out if scale.factor == 1 else out * np.float32(scale.factor)


def _within(track: Track, x: np.ndarray) -> np.ndarray:
    outside = (x < track.low) | (x > track.high)
    return np.where(outside, np.float32(np.nan), x) if outside.any() else x
