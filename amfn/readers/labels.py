"""Outcome files beside records: Challenge 2012 `Outcomes-*.txt` and Challenge 2015 `ALARMS`. Labels, never inputs.

Of an outcome file only `In-hospital_death` is read. SAPS-I, SOFA, Length_of_stay and Survival are answers in disguise
and do not leave this module.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ALARM_KINDS = ("Asystole", "Bradycardia", "Tachycardia", "Ventricular_Tachycardia", "Ventricular_Flutter_Fib")
ALARM_SECONDS = 300.0
ALARMS_FILE = "ALARMS"
DEATH_COLUMN, DEATH_LABEL = "In-hospital_death", "in_hospital_death"
ALARM_LABEL = "true_alarm"
_MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class ListedAlarm:
    """A line of ALARMS: the alarm's type, and 1.0 for a true, 0.0 for a false alarm."""

    kind: str
    true_alarm: float


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What one file of answers says, by record id, and how many of its lines could not be used.

    repeated: ids with more than one line, of which the first is taken. problem: why nothing in it is an answer.
    """

    path: Path
    deaths: Mapping[str, float]
    alarms: Mapping[str, ListedAlarm]
    bad_lines: int
    repeated: tuple[str, ...] = ()
    problem: str = ""


def alarm_from_comments(comments: Iterable[str]) -> tuple[str | None, float | None]:
    """Alarm type and label from a Challenge 2015 header's comments; None for what they do not state."""
    kind: str | None = None
    label: float | None = None
    for comment in comments:
        if comment in ALARM_KINDS:
            kind = comment
        elif comment.lower() in {"true alarm", "false alarm"}:
            label = float(comment.lower() == "true alarm")
    return kind, label


def is_label_file(name: str) -> bool:
    return name == ALARMS_FILE or (name.startswith("Outcomes") and name.endswith(".txt"))


def label_files(folder: Path) -> tuple[Path, ...]:
    """The files of answers in a folder, sorted by name; none where the folder cannot be listed."""
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=16)
def _listed(folder: Path, modified: int) -> tuple[Path, ...]:
    # Keyed by time: a folder of thousands of records must not be listed again for each of them.
    with os.scandir(folder) as entries:
        return tuple(sorted(Path(entry.path) for entry in entries if is_label_file(entry.name) and entry.is_file()))


def read_labels(path: Path) -> LabelFile:
    """One file of answers; unusable lines are counted. A file that cannot be read or is none of the kind counts as one
    bad line, since a record without its label is still a record."""
    try:
        stat = path.stat()
    except OSError:
        return LabelFile(path, {}, {}, 1)
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _read(path: Path, modified: int, size: int) -> LabelFile:
    # Keyed by time and size: thousands of records share one outcome file, and a changed file must be seen.
    if size > _MAX_BYTES:
        return LabelFile(path, {}, {}, 1)
    try:
        rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return LabelFile(path, {}, {}, 1)
    return _alarms(path, rows) if path.name == ALARMS_FILE else _outcomes(path, rows)


def _alarms(path: Path, rows: list[list[str]]) -> LabelFile:
    alarms: dict[str, ListedAlarm] = {}
    bad = 0
    repeated: dict[str, None] = {}
    for row in filter(None, rows):
        if row[0] in alarms:
            repeated[row[0]] = None
        if len(row) == 3 and row[1] in ALARM_KINDS and row[2] in {"0", "1"} and row[0] not in alarms:
            alarms[row[0]] = ListedAlarm(row[1], float(row[2]))
        else:
            bad += 1
    return LabelFile(path, {}, alarms, bad, tuple(repeated))


def _outcomes(path: Path, rows: list[list[str]]) -> LabelFile:
    lacking = [name for name in ("RecordID", DEATH_COLUMN) if not rows or name not in rows[0]]
    if lacking:
        columns = ", ".join(rows[0])[:120] if rows and rows[0] else "none"
        return LabelFile(path, {}, {}, 1, problem=f"no column {' and '.join(lacking)}; its columns: {columns}")
    record, death = rows[0].index("RecordID"), rows[0].index(DEATH_COLUMN)
    deaths: dict[str, float] = {}
    bad = 0
    repeated: dict[str, None] = {}
    for row in filter(None, rows[1:]):
        if len(row) > record and row[record] in deaths:
            repeated[row[record]] = None
        if len(row) == len(rows[0]) and row[death] in {"0", "1"} and row[record] not in deaths:
            deaths[row[record]] = float(row[death])
        else:
            bad += 1
    return LabelFile(path, deaths, {}, bad, tuple(repeated))


def _beside(record: Path) -> Iterator[LabelFile]:
    """The files of answers in the record's folder, then those one level above."""
    folder = record.absolute().parent
    for place in (folder, folder.parent):
        yield from map(read_labels, label_files(place))


def alarm_beside(record: Path) -> ListedAlarm | None:
    """What an ALARMS file in the record's folder or its parent says of this record."""
    return next((file.alarms[record.stem] for file in _beside(record) if record.stem in file.alarms), None)


def deaths_beside(record: Path) -> Mapping[str, float]:
    """The in-hospital death that an outcome file in the record's folder or its parent states for this record."""
    death = next((file.deaths[record.stem] for file in _beside(record) if record.stem in file.deaths), None)
    return {} if death is None else {DEATH_LABEL: death}
