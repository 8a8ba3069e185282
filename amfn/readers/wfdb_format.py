"""WFDB records: header and signal files of PhysioNet, single- and multi-segment, to one `Record` in physical units.

Modalities: `ecg` (mV), `abp` (mmHg), `ppg` and `resp` (NU), each with its channels under the names of the header.
All channels are at the frame rate of the record: a signal with several samples a frame is averaged over the frame, as
the WFDB library does by default. Nothing is resampled.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import wfdb

from amfn.readers.channels import WAVEFORMS, WaveformRule, waveform_rule
from amfn.readers.findings import Findings
from amfn.readers.labels import ALARM_LABEL, ALARM_SECONDS, alarm_beside, alarm_from_comments
from amfn.readers.wfdb_header import (
    DEFAULT_GAIN,
    FLAC_FORMATS,
    NO_SIGNAL,
    SAMPLE_BYTES,
    Header,
    SignalLine,
    read_header,
)
from amfn.types import Alarm, Channel, InputError, Record, RecordMeta

NAME = "wfdb"
# A day of eight channels at 250 Hz fits; a header that promises more than memory can hold does not.
MAX_VALUES = 200_000_000
FLAT_SECONDS = 5.0
_WIDE_FORMATS = frozenset({"24", "32", "524"})
_LIBRARY_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)

Tracks = dict[str, np.ndarray]


def header_path(path: Path) -> Path | None:
    """The header that `path` means: `X.hea`, `X`, or `X.dat` / `X.mat` beside a header. None where there is none."""
    if path.suffix == ".hea":
        return path if path.is_file() else None
    if not path.name:
        return None
    beside = path.with_suffix(".hea") if path.suffix in {".dat", ".mat"} else path.with_name(path.name + ".hea")
    return beside if beside.is_file() else None


def recognise(path: Path) -> bool:
    return header_path(path) is not None


def read(path: Path) -> Record:
    """One record. Raises InputError for what cannot be used; what can is used and remarked on in `meta.findings`."""
    found = header_path(path)
    if found is None:
        raise InputError(
            path, "there is no WFDB header here", "a file ending in .hea", "Name the record's header file."
        )
    if "::" in str(found.absolute()) or "://" in str(found.absolute()):
        raise InputError(found, "the path holds '::' or '://'", "a plain local path", "Rename the folder.")
    header, findings = read_header(found), Findings()
    length, tracks = _segments(header, findings) if header.segments else _single(header, findings)
    if not tracks:
        known = ", ".join(rule.modality for rule in WAVEFORMS)
        names = ", ".join(finding.channel for finding in findings.all()[:12]) or "none"
        raise InputError(
            found, f"no channel of a known kind (found: {names})", f"at least one of {known}", "Choose another record."
        )
    return _record(header, length, tracks, findings)


def _record(header: Header, length: int, tracks: Tracks, findings: Findings) -> Record:
    channels: dict[str, tuple[Channel, ...]] = {}
    values: dict[str, np.ndarray] = {}
    observed: dict[str, np.ndarray] = {}
    for rule in WAVEFORMS:
        names = [name for name in tracks if _rule(name) is rule]
        if names:
            channels[rule.modality] = tuple(rule.channel(name) for name in names)
            columns = np.column_stack([_clean(name, tracks.pop(name), rule, header.fs, findings) for name in names])
            values[rule.modality], observed[rule.modality] = columns, ~np.isnan(columns)
    if not any(mask.any() for mask in observed.values()):
        raise InputError(
            header.path,
            "every channel is empty",
            "at least one measured sample",
            "Choose another record, or fetch it again.",
        )
    hours = np.arange(length, dtype=np.float64) / header.fs / 3600.0
    alarm, labels = _alarm(header, findings)
    if alarm is not None and length < ALARM_SECONDS * header.fs:
        findings.warn("alarm", "the record ends before its alarm sounds", length)
    return Record(
        record_id=header.path.stem,
        source=str(header.path),
        channels=channels,
        values=values,
        observed=observed,
        hours=dict.fromkeys(values, hours),
        labels=labels,
        meta=RecordMeta(NAME, start=header.start, alarm=alarm, findings=findings.all()),
    )


def _alarm(header: Header, findings: Findings) -> tuple[Alarm | None, dict[str, float]]:
    """The header's own word first, then an ALARMS file beside it."""
    kind, label = alarm_from_comments(header.comments)
    listed = alarm_beside(header.path)
    if listed is not None:
        if (kind is not None and kind != listed.kind) or (label is not None and label != listed.true_alarm):
            findings.warn("alarm", "header and ALARMS disagree: the header's word is taken", 1)
        kind = listed.kind if kind is None else kind
        label = listed.true_alarm if label is None else label
    alarm = None if kind is None else Alarm(kind, ALARM_SECONDS / 3600.0)
    return alarm, {} if label is None else {ALARM_LABEL: label}


def _rule(name: str) -> WaveformRule | None:
    return waveform_rule(name.split("#", 1)[0])


def _clean(name: str, x: np.ndarray, rule: WaveformRule, fs: float, findings: Findings) -> np.ndarray:
    """NaN outside the limits, with findings on what is empty, out of range or flat."""
    missing = int(np.isnan(x).sum())
    if missing == x.size:
        findings.warn(name, "no valid sample in the whole record", missing)
        return x
    if missing:
        findings.note(name, "samples marked invalid or absent", missing)
    outside = (x < rule.low) | (x > rule.high)
    if outside.any():
        findings.warn(
            name, f"outside {rule.low:g} to {rule.high:g} {rule.unit}: taken as unobserved", int(outside.sum())
        )
        x = np.where(outside, np.float32(np.nan), x)
    flat = _flat_samples(x, max(2, round(FLAT_SECONDS * fs)))
    if flat:
        findings.warn(name, f"flat line for {FLAT_SECONDS:g} s or longer", flat)
    return x


def _flat_samples(x: np.ndarray, shortest: int) -> int:
    """How many samples lie in runs of one value at least `shortest` long, or as long as a record that is shorter."""
    starts = np.flatnonzero(np.concatenate(([True], x[1:] != x[:-1])))
    runs = np.diff(np.concatenate((starts, [x.size])))
    return int(runs[runs >= min(shortest, max(x.size, 2))].sum())


def _single(header: Header, findings: Findings) -> tuple[int, Tracks]:
    """The known channels of one header, f32[T] each, in their canonical units."""
    if header.length == 0:
        raise InputError(
            header.path,
            "a length of zero samples",
            "a record with samples",
            "Name the master header, or another record.",
        )
    wanted: dict[str, tuple[int, WaveformRule, float]] = {}
    seen: dict[str, int] = {}
    for index, signal in enumerate(header.signals):
        seen[signal.name] = seen.get(signal.name, 0) + 1
        name = signal.name if seen[signal.name] == 1 else f"{signal.name}#{seen[signal.name]}"
        rule = waveform_rule(signal.name)
        if rule is None:
            findings.warn(name, "a channel of unknown kind: not read", header.length or 0)
        else:
            wanted[name] = index, rule, _factor(header, signal, rule, findings)
    _check_files(header)
    real = [index for index, _, _ in wanted.values() if not header.signals[index].is_null]
    samples = _samples(header, real)
    length = len(next(iter(samples.values()))) if samples else header.length or 0
    tracks: Tracks = {}
    for name, (index, _, factor) in wanted.items():
        x = samples.get(index)
        tracks[name] = (
            np.full(length, np.nan, np.float32) if x is None else (x * np.float32(factor) if factor != 1 else x)
        )
    return length, tracks


def _factor(header: Header, signal: SignalLine, rule: WaveformRule, findings: Findings) -> float:
    """What brings the signal's unit to the rule's. Raises InputError for a unit that its kind cannot have."""
    if signal.gain is None and not signal.is_null:
        findings.warn(signal.name, f"uncalibrated: no gain stated, {DEFAULT_GAIN:g} a unit assumed", 0)
    unit = signal.unit
    if unit is None:
        if rule.bare_unit is None:
            raise InputError(
                header.path,
                f"channel {signal.name} states no unit",
                f"one of {', '.join(rule.factors)}",
                f"Write it after the gain, as in 100/{rule.unit}.",
            )
        findings.warn(signal.name, f"no unit stated: taken as {rule.unit}", header.length or 0)
        unit = rule.bare_unit
    factor = rule.factors.get(unit.lower())
    if factor is None:
        raise InputError(
            header.path,
            f"channel {signal.name} is in {unit[:20]!r}",
            f"{rule.modality.upper()} in one of {', '.join(rule.factors)}",
            "Correct the unit in the header, or the channel's name.",
        )
    return factor


def _check_files(header: Header) -> None:
    """Every signal file is there and long enough, and its signals stand together, before a library opens anything."""
    order = [signal.file for signal in header.signals if not signal.is_null]
    frames = header.length or 0
    if frames * max(len(header.signals), 1) > MAX_VALUES:
        raise InputError(
            header.path,
            f"{frames:,} samples of {len(header.signals)} signals",
            f"at most {MAX_VALUES:,} values in one record",
            "Cut it into shorter records.",
        )
    for file in dict.fromkeys(order):
        group = [signal for signal in header.signals if signal.file == file and not signal.is_null]
        first = order.index(file)
        if order[first : first + len(group)] != [file] * len(group) or len({(s.fmt, s.offset) for s in group}) > 1:
            raise InputError(
                header.path,
                f"the signals of {file} are scattered or differ in format",
                "consecutive lines of one format for each signal file",
                "Write the record again with one format a file.",
            )
        path, width = header.path.with_name(file), sum(signal.frame for signal in group)
        if frames * width > MAX_VALUES:
            raise InputError(
                header.path,
                f"{frames * width:,} samples",
                f"at most {MAX_VALUES:,} in one record",
                "Cut it into shorter records.",
            )
        try:
            size = path.stat().st_size - group[0].offset if path.is_file() else None
        except OSError:
            size = None
        if size is None:
            raise InputError(
                header.path,
                f"its signal file {file} is missing",
                "the file beside the header",
                "Fetch the record again, both files.",
            )
        if not os.access(path, os.R_OK):
            raise InputError(path, "no permission to read it", "a readable signal file", "Change its permissions.")
        if group[0].fmt in FLAC_FORMATS:
            if header.length is None:
                raise InputError(
                    header.path,
                    "no number of samples",
                    "one on the first line (FLAC needs it)",
                    "Write it after the sampling rate.",
                )
            continue
        needed = math.floor(max(frames, 1) * width * SAMPLE_BYTES[group[0].fmt])
        if size < needed:
            raise InputError(
                path,
                f"truncated: {max(size, 0):,} bytes of samples",
                f"at least {needed:,} for {frames:,} frames of {width} values in format {group[0].fmt}",
                "Fetch the signal file again.",
            )


def _samples(header: Header, wanted: list[int]) -> dict[int, np.ndarray]:
    """Physical values f32[T] of the wanted signals, through the wfdb library. Any failure in it is an InputError."""
    if not wanted:
        return {}
    wide = any(header.signals[index].fmt in _WIDE_FORMATS for index in wanted)
    try:
        record = wfdb.rdrecord(
            str(header.path.absolute().with_suffix("")),
            channels=wanted,
            smooth_frames=False,
            ignore_skew=True,
            return_res=64 if wide else 32,
        )
        same = record.fs == header.fs and record.sig_name is not None and len(record.e_p_signal) == len(wanted)
        frames = [header.signals[index].frame for index in wanted]
        out = [_frame_means(x, frame) for x, frame in zip(record.e_p_signal, frames, strict=True)]
    except _LIBRARY_ERRORS as error:
        files = ", ".join(dict.fromkeys(header.signals[index].file for index in wanted))
        raise InputError(
            header.path.with_name(files),
            "truncated or damaged: its samples cannot be decoded",
            f"{header.length or 'the'} samples a signal, as {header.path.name} states",
            "Fetch the signal file again, together with its header.",
        ) from error
    length = header.length if header.length is not None else len(out[0])
    if not same or not length or any(len(x) != length for x in out):
        raise InputError(
            header.path,
            "its samples do not fit the header",
            f"{length} frames at {header.fs:g} Hz",
            "Fetch the record again.",
        )
    return {index: _shifted(x, header.signals[index].skew) for index, x in zip(wanted, out, strict=True)}


def _frame_means(x: np.ndarray, frame: int) -> np.ndarray:
    """f32[T] from f[T * frame]: the mean of the valid samples of each frame, NaN where none is valid."""
    if frame == 1:
        return x.astype(np.float32, copy=False)
    frames = x.reshape(-1, frame)
    valid = np.isfinite(frames)
    count = valid.sum(axis=1)
    total = np.where(valid, frames, 0).sum(axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _shifted(x: np.ndarray, skew: int) -> np.ndarray:
    """The signal moved to the common clock: its first `skew` frames belong before the record's start."""
    if skew == 0:
        return x
    out = np.full_like(x, np.nan)
    out[: max(x.size - skew, 0)] = x[skew:]
    return out


def _segments(header: Header, findings: Findings) -> tuple[int, Tracks]:
    """All segments on one time axis: channels by name, NaN where a segment or a channel in it is absent."""
    parts = header.segments
    length = sum(part.length for part in parts)
    if header.length not in (None, length) or length == 0:
        raise InputError(
            header.path,
            f"segments of {length:,} samples together",
            f"a record of {header.length or 'some'} samples",
            "Mend the master header.",
        )
    if length > MAX_VALUES // 4:  # times, values and masks of one channel take several times its samples
        raise InputError(
            header.path, f"{length:,} samples", f"at most {MAX_VALUES:,} values", "Cut it into shorter records."
        )
    tracks: Tracks = {}
    start = 0
    for part in parts:
        if part.name == NO_SIGNAL:
            findings.note("record", "an absent segment: nothing was recorded in it", part.length)
        elif part.length:
            for name, x in _segment(header, part.name, part.length, findings).items():
                if name not in tracks:
                    if (len(tracks) + 1) * length > MAX_VALUES:
                        raise InputError(
                            header.path,
                            f"over {MAX_VALUES:,} samples",
                            "a shorter record",
                            "Cut it into shorter records.",
                        )
                    tracks[name] = np.full(length, np.nan, np.float32)
                tracks[name][start : start + part.length] = x
        start += part.length
    return length, tracks


def _segment(master: Header, name: str, length: int, findings: Findings) -> Tracks:
    path = master.path.with_name(f"{name}.hea")
    if not path.is_file():
        raise InputError(
            master.path,
            f"its segment header {path.name} is missing",
            "every segment beside the master",
            "Fetch the record again.",
        )
    header = read_header(path)
    if header.segments:
        raise InputError(path, "a segment made of segments", "a single-segment header", "Mend the master header.")
    if not math.isclose(header.fs, master.fs) or header.length not in (None, length):
        raise InputError(
            path,
            f"{header.length} samples at {header.fs:g} Hz",
            f"{length} samples at {master.fs:g} Hz, as {master.path.name} says",
            "Fetch the record again, master and segments together.",
        )
    found, tracks = _single(header, findings)
    if found != length:
        raise InputError(path, f"{found} samples", f"{length}, as {master.path.name} says", "Fetch the record again.")
    return tracks
