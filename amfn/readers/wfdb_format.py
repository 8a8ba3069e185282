"""WFDB records: header and signal files of PhysioNet, single- and multi-segment, to one `Record` in physical units.

Modalities: `ecg` (mV), `abp` (mmHg), `ppg` and `resp` (NU), each with its channels under the names of the header.
All channels are at the frame rate of the record: a signal with several samples a frame is averaged over the frame, as
the WFDB library does by default. Nothing is resampled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amfn.readers.channels import WAVEFORMS, WaveformRule, waveform_rule
from amfn.readers.findings import Findings
from amfn.readers.labels import ALARM_LABEL, ALARM_SECONDS, alarm_beside, alarm_from_comments
from amfn.readers.wfdb_header import NO_SIGNAL, Header, read_header, segment_header, segments_length
from amfn.readers.wfdb_samples import check_files, numbered, samples, unit_factor
from amfn.types import Alarm, Channel, InputError, Record, RecordMeta

NAME = "wfdb"
# A day of eight channels at 250 Hz fits; a header that promises more than memory can hold does not.
MAX_VALUES = 200_000_000
FLAT_SECONDS = 5.0

Tracks = dict[str, np.ndarray]


def header_path(path: Path) -> Path | None:
    """The header that `path` means: `X.hea`, `X`, or `X.dat` / `X.mat` beside a header. None where there is none."""
    if path.suffix == ".hea":
        return path if path.is_file() else None
    if not path.name:
        return None
    beside = path.with_suffix(".hea") if path.suffix in {".dat", ".mat"} else path.with_name(path.name + ".hea")
    return beside if beside.is_file() else None


def require_header(path: Path) -> Path:
    """The header that `path` means. Raises InputError where there is none, or the wfdb library would not take it for a
    local file."""
    found = header_path(path)
    if found is None:
        raise InputError(
            path, "there is no WFDB header here", "a file ending in .hea", "Name the record's header file."
        )
    if "::" in str(found.absolute()) or "://" in str(found.absolute()):
        raise InputError(found, "the path holds '::' or '://'", "a plain local path", "Rename the folder.")
    return found


def recognise(path: Path) -> bool:
    return header_path(path) is not None


def read(path: Path) -> Record:
    """One record. Raises InputError for what cannot be used; what can is used and remarked on in `meta.findings`."""
    found = require_header(path)
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
            columns = np.column_stack([clean(name, tracks.pop(name), rule, header.fs, findings) for name in names])
            values[rule.modality], observed[rule.modality] = columns, ~np.isnan(columns)
    if not any(mask.any() for mask in observed.values()):
        raise InputError(
            header.path,
            "every channel is empty",
            "at least one measured sample",
            "Choose another record, or fetch it again.",
        )
    hours = np.arange(length, dtype=np.float64) / header.fs / 3600.0
    alarm, labels = alarm_of(header, findings)
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


def alarm_of(header: Header, findings: Findings) -> tuple[Alarm | None, dict[str, float]]:
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


def clean(name: str, x: np.ndarray, rule: WaveformRule, fs: float, findings: Findings) -> np.ndarray:
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
    wanted: dict[str, tuple[int, WaveformRule, float]] = {}
    for index, (name, signal) in enumerate(numbered(header)):
        rule = waveform_rule(signal.name)
        if rule is None:
            findings.warn(name, "a channel of unknown kind: not read", header.length or 0)
        else:
            wanted[name] = index, rule, unit_factor(header, signal, rule, findings)
    check_files(header, MAX_VALUES)
    real = [index for index, _, _ in wanted.values() if not header.signals[index].is_null]
    found = samples(header, real)
    length = len(next(iter(found.values()))) if found else header.length or 0
    tracks: Tracks = {}
    for name, (index, _, factor) in wanted.items():
        x = found.get(index)
        tracks[name] = (
            np.full(length, np.nan, np.float32) if x is None else (x * np.float32(factor) if factor != 1 else x)
        )
    return length, tracks


def _segments(header: Header, findings: Findings) -> tuple[int, Tracks]:
    """All segments on one time axis: channels by name, NaN where a segment or a channel in it is absent."""
    parts = header.segments
    length = segments_length(header)
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
    header = segment_header(master, name, length)
    found, tracks = _single(header, findings)
    if found != length:
        raise InputError(
            header.path, f"{found} samples", f"{length}, as {master.path.name} says", "Fetch the record again."
        )
    return tracks
