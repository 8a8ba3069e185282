"""MEDS Parquet files: what columns they must have, one subject's events, and the ICU stays they hold.

MEDS (Medical Event Data Standard): one row an event, columns `subject_id`, `time` (none for static facts), `code`,
`numeric_value` and `text_value`, the rows of a subject together. An extract that calls the number `value` is read as
well. Nothing is held but what is asked for: the file passes by in batches of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from amfn.types import InputError

SUFFIX = ".parquet"
VALUES = ("numeric_value", "value")
HOUR = 3_600_000_000
DAY = 24 * HOUR
"""In microseconds, the unit of every time here."""
NO_TIME = np.iinfo(np.int64).min
_ROWS, _ROWS_OF_ALL = 65_536, 262_144
"""Rows in a batch where one subject is looked for, and where the whole file passes by."""
_EXPECTED = "a MEDS event file with the columns subject_id, time, code and numeric_value"
_ICU_UNIT = re.compile(r"intensive care|coronary care|\b[A-Z]*ICU\b|\bCCU\b")
_DIED = frozenset({"DIED", "DEAD", "EXPIRED", "DECEASED"})
_UNKNOWN_PLACE = frozenset({"", "UNK", "UNKNOWN"})
_MARKS = ("ICU_ADMISSION", "ICU_DISCHARGE", "HOSPITAL_DISCHARGE", "TRANSFER_TO", "MEDS_DEATH")


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in intensive care, its times in microseconds.

    number: counted from 1 for each subject. end: None where no discharge is stated. unit: the careunit as written.
    died: in hospital, 1 or 0, None where the file does not state it. by_transfer: found by a transfer into an ICU.
    """

    subject: int
    number: int
    start: int
    end: int | None
    unit: str
    died: float | None
    by_transfer: bool = False

    @property
    def part(self) -> str:
        return f"{self.subject}_{self.number}"


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """All that a file says of one subject, by time, static facts first (NO_TIME). times i64[N] microseconds, values
    f64[N] with NaN where there is no number, kinds i64[N]: which of `codes`, each of which is there once."""

    subject: int
    times: np.ndarray
    kinds: np.ndarray
    codes: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The stays of a file, in the order of its subjects, and where in it each subject's rows are.

    spans: lowest and highest subject of each row group. ordered: subjects ascend through the file.
    """

    path: Path
    stays: tuple[Stay, ...]
    subjects: int
    spans: tuple[tuple[int, int], ...]
    ordered: bool

    def find(self, part: str | None) -> Stay:
        """The stay of this name, or the only one. Raises InputError with the names there are."""
        if part is None and len(self.stays) == 1:
            return self.stays[0]
        known = {stay.part: stay for stay in self.stays}
        if part in known:
            return known[part]
        names = ", ".join(list(known)[:5]) + (" and so on" if len(known) > 5 else "")
        came = "no stay named" if part is None else f"no stay {part[:80]!r}"
        raise InputError(
            self.path, f"{came}; it holds {len(known)}: {names}", "one of them, as SUBJECT_STAYNUMBER",
            f"Name it after the file: {self.path.name}::{self.stays[0].part}",
        )  # fmt: skip


def lacking(path: Path) -> str:
    """What keeps this Parquet file from being MEDS events, in words; empty where nothing does. Reads its footer only.

    Raises InputError where it is no Parquet file.
    """
    with _opened(path, dictionary=()) as file:
        return _lacking(file.schema_arrow)


def index(path: Path) -> Index:
    """The stays of a file; kept as long as the file does not change. Raises InputError for a file without any."""
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(
            path, f"it cannot be read ({error.strerror or error})", "a readable Parquet file", "Check the path."
        ) from error
    return _index(path, stat.st_mtime_ns, stat.st_size)


def events_of(found: Index, subject: int) -> Events:
    """One subject's events, read from the row groups that can hold it."""
    with _opened(found.path) as file:
        picked = []
        for group, (low, high) in enumerate(found.spans):
            if not low <= subject <= high:
                continue
            for batch in _batches(file, group, values=True, rows=_ROWS):
                ids = batch.column("subject_id").to_numpy()
                if found.ordered and len(ids) and ids[0] > subject:
                    break
                mask = ids == subject
                if mask.any():
                    picked.append(batch.filter(pa.array(mask)))
        return _events(subject, picked)


def subjects_of(found: Index) -> Iterator[Events]:
    """Every subject that has a stay, one after the other; a file in order passes by once."""
    wanted = {stay.subject for stay in found.stays}
    if not found.ordered:
        for subject in sorted(wanted):
            yield events_of(found, subject)
        return
    current: int | None = None
    pieces: list[pa.RecordBatch] = []
    with _opened(found.path) as file:
        for group in range(len(found.spans)):
            for batch in _batches(file, group, values=True):
                ids = batch.column("subject_id").to_numpy()
                edges = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist(), len(ids)]
                for first, last in pairwise(edges):
                    subject = int(ids[first])
                    if subject != current:
                        if pieces and current is not None:
                            yield _events(current, pieces)
                        current, pieces = subject, []
                    if subject in wanted:
                        pieces.append(batch.slice(first, last - first))
    if pieces and current is not None:
        yield _events(current, pieces)


def descriptions(root: Path, codes: Sequence[str]) -> Mapping[str, str]:
    """What the data set's `metadata/codes.parquet` says of these codes. root: the data set, or a file in it. None are
    had where the list is missing or not as the standard has it: they are an aid to reading only."""
    for folder in (root, *root.parents[:3]):
        path = folder / "metadata" / "codes.parquet"
        if path.is_file():
            try:
                table = pq.read_table(path, columns=["code", "description"], filters=[("code", "in", list(codes))])
            except (OSError, KeyError, pa.ArrowException):
                return {}
            rows = table.to_pylist()
            return {str(row["code"]): str(row["description"]) for row in rows if row["description"]}
    return {}


def _lacking(schema: pa.Schema) -> str:
    kinds = {name: schema.field(name).type for name in schema.names if schema.names.count(name) == 1}
    missing = [name for name in ("subject_id", "time", "code") if name not in kinds]
    value = next((name for name in VALUES if name in kinds), None)
    if value is None:
        missing.append("numeric_value")
    if missing or value is None:
        return f"no column {', '.join(missing)}; its columns: {', '.join(schema.names)[:200] or 'none'}"
    text = kinds["code"].value_type if pa.types.is_dictionary(kinds["code"]) else kinds["code"]
    fits = {
        "subject_id": pa.types.is_integer(kinds["subject_id"]),
        "time": pa.types.is_timestamp(kinds["time"]),
        "code": pa.types.is_string(text) or pa.types.is_large_string(text),
        value: pa.types.is_floating(kinds[value]) or pa.types.is_integer(kinds[value]),
    }
    wrong = [f"{name} is {kinds[name]}" for name, right in fits.items() if not right]
    return f"columns of another type: {', '.join(wrong)}" if wrong else ""


@contextmanager
def _opened(path: Path, dictionary: Sequence[str] = ("code",)) -> Iterator[pq.ParquetFile]:
    """The file, read strictly: what is wrong with its bytes, now or while it is read, is one InputError. dictionary:
    columns of few distinct words, which the file must have."""
    try:
        with pq.ParquetFile(path, read_dictionary=list(dictionary)) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise InputError(
            path, f"it cannot be read as Parquet ({reason})", _EXPECTED, "Fetch or write the file again."
        ) from error


def _batches(
    file: pq.ParquetFile, group: int, values: bool = False, rows: int = _ROWS_OF_ALL
) -> Iterator[pa.RecordBatch]:
    columns = ["subject_id", "time", "code"]
    if values:
        columns.append(next(name for name in VALUES if name in file.schema_arrow.names))
    return file.iter_batches(rows, row_groups=[group], columns=columns)


def _times(column: pa.Array) -> np.ndarray:
    """i64[N] microseconds, NO_TIME where there is none. Finer fractions are cut off."""
    plain = pc.cast(column, pa.timestamp("us"), safe=False)
    return pc.fill_null(plain.cast(pa.int64()), NO_TIME).to_numpy(zero_copy_only=False)


def _words(column: pa.Array) -> tuple[list[str], np.ndarray]:
    """A batch's distinct codes and where in them each row's is, i64[N]; a row without a code gets "" ."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words = [word or "" for word in column.dictionary.to_pylist()]
    where = pc.fill_null(column.indices.cast(pa.int64()), len(words)).to_numpy(zero_copy_only=False)
    if len(where) and not 0 <= where.min() <= where.max() <= len(words):
        raise pa.ArrowInvalid("a code that is not in the file's own list")
    return [*words, ""], where


def _events(subject: int, batches: list[pa.RecordBatch]) -> Events:
    times, kinds, values = [], [], []
    known: dict[str, int] = {}
    for batch in batches:
        words, where = _words(batch.column("code"))
        own, back = np.unique(where, return_inverse=True)
        numbered = np.array([known.setdefault(words[k], len(known)) for k in own.tolist()], np.int64)
        times.append(_times(batch.column("time")))
        kinds.append(numbered[back])
        numbers = pc.fill_null(batch.column(batch.num_columns - 1).cast(pa.float64()), np.nan)
        values.append(numbers.to_numpy(zero_copy_only=False))
    when = np.concatenate(times)
    order = np.argsort(when, kind="stable")
    return Events(subject, when[order], np.concatenate(kinds)[order], tuple(known), np.concatenate(values)[order])


@dataclass(slots=True)
class _Marks:
    """When a subject was admitted, moved and discharged, (time, code), in the order of the file."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def named(self, kind: str) -> list[tuple[int, str]]:
        """By time, with what stands after the kind."""
        return sorted((time, code.partition("//")[2]) for time, code in self.found if code.partition("//")[0] == kind)


@lru_cache(maxsize=32)
def _index(path: Path, modified: int, size: int) -> Index:
    # Keyed by time and size: a changed file must be seen. One pass over three columns, a batch at a time.
    marks: dict[int, _Marks] = {}
    spans: list[tuple[int, int]] = []
    ordered, last = True, NO_TIME
    problem = lacking(path)
    if problem:
        raise InputError(path, problem, _EXPECTED, "Name the columns as the standard does.")
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            low, high = np.iinfo(np.int64).max, NO_TIME
            for batch in _batches(file, group):
                if batch.column("subject_id").null_count:
                    raise InputError(path, "rows without a subject_id", _EXPECTED, "Drop these rows.")
                ids = batch.column("subject_id").to_numpy().astype(np.int64)
                if not len(ids):
                    continue
                ordered = ordered and bool(ids[0] >= last) and bool((np.diff(ids) >= 0).all())
                low, high, last = min(low, int(ids.min())), max(high, int(ids.max())), int(ids[-1])
                _collect(batch, ids, marks)
            spans.append((low, high))
    stays = _stays(marks)
    if not stays:
        raise InputError(
            path, f"no ICU stay in it ({len(marks)} subjects)",
            "ICU_ADMISSION//UNIT events, or TRANSFER_TO//…//UNIT events that name an intensive care unit",
            "Name a file with ICU stays.",
        )  # fmt: skip
    return Index(path, stays, len(marks), tuple(spans), ordered)


def _collect(batch: pa.RecordBatch, ids: np.ndarray, marks: dict[int, _Marks]) -> None:
    for subject in np.unique(ids).tolist():
        marks.setdefault(subject, _Marks())
    words, where = _words(batch.column("code"))
    telling = np.array([word.partition("//")[0] in _MARKS for word in words])
    rows = np.flatnonzero(telling[where])
    times = _times(batch.column("time").take(pa.array(rows)))
    for row, time in zip(rows.tolist(), times.tolist(), strict=True):
        if time != NO_TIME:
            marks[int(ids[row])].found.append((time, words[where[row]]))


def _stays(marks: Mapping[int, _Marks]) -> tuple[Stay, ...]:
    """Where no event of the whole file says ICU_ADMISSION, a stay is an unbroken run of transfers into ICUs."""
    told = any(subject.named("ICU_ADMISSION") for subject in marks.values())
    return tuple(
        stay
        for subject in sorted(marks)
        for stay in (_admitted(subject, marks[subject]) if told else _transferred(subject, marks[subject]))
    )


def _admitted(subject: int, marks: _Marks) -> Iterator[Stay]:
    admissions = sorted(dict(marks.named("ICU_ADMISSION")).items())
    discharges = [time for time, _ in marks.named("ICU_DISCHARGE")]
    for number, (start, unit) in enumerate(admissions, start=1):
        following = admissions[number][0] if number < len(admissions) else np.inf
        end = next((time for time in discharges if start < time <= following), None)
        yield Stay(subject, number, start, end, unit, _death(start, end, marks))


def _transferred(subject: int, marks: _Marks) -> Iterator[Stay]:
    moves = marks.named("TRANSFER_TO")
    inside = [bool(_ICU_UNIT.search(place)) for _, place in moves]
    entered = [k for k, here in enumerate(inside) if here and (k == 0 or not inside[k - 1])]
    for number, first in enumerate(entered, start=1):
        start, place = moves[first]
        end = next((time for (time, _), here in zip(moves[first:], inside[first:], strict=True) if not here), None)
        yield Stay(subject, number, start, end, place.rpartition("//")[2], _death(start, end, marks), by_transfer=True)


def _death(start: int, end: int | None, marks: _Marks) -> float | None:
    """In-hospital death as the next discharge from hospital states it; where it names no place, or there is none, as
    far as the time of death alone settles it. A death may be stated by its day only."""
    dead = next((time for time, _ in marks.named("MEDS_DEATH")), None)
    left = next(((time, place) for time, place in marks.named("HOSPITAL_DISCHARGE") if time >= start), None)
    if left is not None and left[1] not in _UNKNOWN_PLACE:
        return float(left[1] in _DIED)
    until = left[0] if left is not None else end
    if dead is None or until is None:
        return None
    latest = dead + DAY if dead % DAY == 0 else dead
    if latest <= until or dead == until:
        return 1.0
    return 0.0 if left is not None and dead > until else None
