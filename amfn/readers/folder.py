"""Finds the records in a folder quickly: names and header openings are looked at, samples are not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from amfn.readers import challenge2012, csv_waves, meds, meds_file, wfdb_format
from amfn.readers.csv_beside import is_companion
from amfn.readers.findings import Findings
from amfn.readers.labels import ALARM_LABEL, DEATH_LABEL, alarm_from_comments, is_label_file, label_files, read_labels
from amfn.readers.wfdb_header import MAX_HEADER_BYTES, MIN_RATE_HZ, header_lines
from amfn.types import Finding, InputError

DEPTH = 2
_RECORD_LINE = re.compile(
    r"\S+?(/(?P<segments>\d+))?\s+(?P<signals>\d+)(\s+(?P<fs>\d{1,9}(\.\d{1,15})?)\S*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class RecordRef:
    """A record that can be read: `read_ref(ref)`. `format` names its reader, `part` the record in a file of many."""

    record_id: str
    path: Path
    format: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """The records of a folder by ascending id. labels[record_id][label] and alarms[record_id], the alarm's type, where
    the record's header or an outcome file states them. repeated: ids that two records, or two lines of one outcome
    file, lay claim to: a screen takes the first, a training should not have to guess."""

    path: Path
    refs: tuple[RecordRef, ...]
    labels: Mapping[str, Mapping[str, float]]
    findings: tuple[Finding, ...]
    alarms: Mapping[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()

    def find(self, record_id: str) -> RecordRef:
        """The record of this id. Raises InputError, with the nearest ids, for an unknown one."""
        for ref in self.refs:
            if ref.record_id == record_id:
                return ref
        near = get_close_matches(record_id, [ref.record_id for ref in self.refs], 3, 0.5)
        hint = f"Did you mean {', '.join(near)}?" if near else f"The first is {self.refs[0].record_id}."
        raise InputError(self.path, f"no record {record_id[:80]!r}", f"one of its {len(self.refs)} records", hint)


def open_folder(path: str | Path) -> Folder:
    """The records in `path` and up to two levels of subfolders, with the labels found beside them or one level above.

    A multi-segment record is listed once, by its master header. Where an id occurs twice the first path is kept, with a
    finding. Raises InputError for a folder that is missing, unreadable or holds no record.
    """
    root = Path(path)
    found = _Found()
    folders: list[Path] = []
    for folder, files in _walk(root, DEPTH, found.findings):
        folders.append(folder)
        _add_headers(folder, [name for name in files if name.endswith(".hea")], found)
        _add_stays(folder, [name for name in files if name.endswith(".txt") and not is_label_file(name)], found)
        _add_csvs(folder, [name for name in files if name.lower().endswith(".csv")], found)
        _add_meds(folder, [name for name in files if name.endswith(meds_file.SUFFIX)], found)
    if not found.refs:
        noticed = [f"{finding.channel} {finding.what}" for finding in found.findings.all()[:1]]
        raise InputError(
            root,
            "; ".join(["no record in it or two levels below", *noticed]),
            "WFDB headers (.hea), Challenge 2012 stays (.txt), CSV files of waveforms or MEDS files (.parquet)",
            "Name another folder.",
        )
    for file in dict.fromkeys(
        file for folder in [*folders, root.absolute().parent] for file in label_files(folder.absolute())
    ):
        _add_labels(file, found)
    ordered = tuple(found.refs[record_id] for record_id in sorted(found.refs))
    return Folder(root, ordered, found.labels, found.findings.all(), found.alarms, tuple(sorted(found.repeated)))


@dataclass(slots=True)
class _Found:
    """What a walk through the folders has gathered so far."""

    refs: dict[str, RecordRef] = field(default_factory=dict)
    labels: dict[str, dict[str, float]] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    repeated: set[str] = field(default_factory=set)

    def add(self, ref: RecordRef) -> bool:
        """False where the id is taken: the first path is kept."""
        kept = self.refs.setdefault(ref.record_id, ref)
        if kept is not ref:
            self.repeated.add(ref.record_id)
            self.findings.warn(ref.record_id, f"in the folder twice: {ref.path} is left out, {kept.path} is used", 1)
        return kept is ref

    def label(self, record_id: str, name: str, value: float) -> None:
        if self.labels.setdefault(record_id, {}).setdefault(name, value) != value:
            self.findings.warn(record_id, f"two sources disagree on {name}: the first is used", 1)


def _walk(root: Path, depth: int, findings: Findings) -> Iterator[tuple[Path, list[str]]]:
    """Folders, parents first and by name, each with its file names. A subfolder that cannot be read is a finding."""
    try:
        with os.scandir(root) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
            files = [entry.name for entry in found if entry.is_file()]
            folders = [entry.name for entry in found if not entry.name.startswith(".") and entry.is_dir()]
    except (OSError, ValueError) as error:
        if depth < DEPTH:
            findings.warn(root.name, f"a subfolder that cannot be read ({error})", 1)
            return
        raise InputError(
            root,
            f"it cannot be opened ({getattr(error, 'strerror', None) or error})",
            "a readable folder",
            "Check the path.",
        ) from error
    yield root, files
    if depth:
        for name in folders:
            yield from _walk(root / name, depth - 1, findings)


def _add_headers(folder: Path, names: list[str], found: _Found) -> None:
    """Records with a WFDB header, without the segments of multi-segment records, layout headers and trends."""
    openings = {name[:-4]: _opening(folder / name) for name in names}
    segments = {segment for stem, lines in openings.items() for segment in _segments(lines) if segment != stem}
    for stem, lines in openings.items():
        if stem in segments or stem.endswith("_layout"):
            continue
        match = _RECORD_LINE.match(next((line for line in lines if not line.startswith("#")), ""))
        if match and match["fs"] and 0 < float(match["fs"]) < MIN_RATE_HZ:
            found.findings.note(stem, f"a trend of {match['fs']} Hz, not a waveform: not listed", 1)
            continue
        if found.add(RecordRef(stem, folder / f"{stem}.hea", wfdb_format.NAME)):
            kind, label = alarm_from_comments(line.strip(" \t#") for line in lines if line.startswith("#"))
            if kind is not None:
                found.alarms[stem] = kind
            if label is not None:
                found.label(stem, ALARM_LABEL, label)


def _opening(path: Path) -> list[str]:
    """The header's lines. One that cannot be read has none here; it stays listed, and reading it says what is wrong."""
    try:
        with path.open("rb") as file:
            return header_lines(file.read(MAX_HEADER_BYTES).decode("latin-1"))
    except OSError:
        return []


def _segments(lines: list[str]) -> list[str]:
    """The segments that a master header names; none for any other header."""
    body = [line for line in lines if not line.startswith("#")]
    match = _RECORD_LINE.match(body[0]) if body else None
    return [line.split()[0] for line in body[1:]] if match and match["segments"] else []


def _add_stays(folder: Path, names: list[str], found: _Found) -> None:
    for name in names:
        # Stays are named by number: only other text files are opened, thousands of stays are not.
        if name[:-4].isdigit() or challenge2012.starts_as_stay(folder / name):
            found.add(RecordRef(name[:-4], folder / name, challenge2012.NAME))


def _add_csvs(folder: Path, names: list[str], found: _Found) -> None:
    """CSV files of waveforms; of one whose columns nobody has named yet, or that is no such file, a finding says so."""
    for name in names:
        path = folder / name
        if is_companion(path):
            continue
        looked = csv_waves.look(path)
        if looked.mapping is not None or looked.stated:
            found.add(RecordRef(csv_waves.record_id(path), path, csv_waves.NAME))
        elif looked.problem is not None:
            found.findings.note(name, f"not listed: {looked.problem.came}", 1)
        else:
            found.findings.note(name, "not listed: name its columns on the Data page (CSV columns)", 1)


def _add_meds(folder: Path, names: list[str], found: _Found) -> None:
    """The ICU stays of MEDS files, with their outcome; of a file that has none, a finding says why."""
    for name in names:
        path = folder / name
        try:
            problem = meds_file.lacking(path)
            stays = () if problem else meds.parts(path)
        except InputError as error:
            problem, stays = error.came, ()
        # A MEDS data set keeps its code list and its splits as Parquet files of their own.
        if problem and folder.name != "metadata":
            found.findings.warn(name, f"not listed: {problem}", 1)
        for stay in stays:
            added = found.add(RecordRef(stay.part, path, meds.NAME, stay.part))
            if added and stay.died is not None:
                found.label(stay.part, DEATH_LABEL, stay.died)


def _add_labels(path: Path, found: _Found) -> None:
    file = read_labels(path)
    if file.problem:
        found.findings.warn(path.name, file.problem, 0)
    elif file.bad_lines:
        found.findings.warn(path.name, "lines of an outcome file that cannot be used", file.bad_lines)
    found.repeated |= found.refs.keys() & set(file.repeated)
    for record_id in found.refs.keys() & file.deaths.keys():
        found.label(record_id, DEATH_LABEL, file.deaths[record_id])
    for record_id in found.refs.keys() & file.alarms.keys():
        found.label(record_id, ALARM_LABEL, file.alarms[record_id].true_alarm)
        found.alarms.setdefault(record_id, file.alarms[record_id].kind)
