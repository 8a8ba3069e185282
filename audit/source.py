"""Where an audit's records come from: folders of record files, or one prepared cohort; cut into pieces, one a part.

A piece is small and can be pickled: what lies in its files is read where it is worked on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from amfn.batch import stack
from amfn.dataset import Cohort, labelled_refs, read_labelled
from amfn.origin import simulated
from amfn.readers import RecordRef
from amfn.tasks import Task, get_task
from amfn.types import InputError, Record


@dataclass(frozen=True, slots=True)
class Item:
    """One record that is to be audited. folder: the position of the folder it lies in."""

    ref: RecordRef
    folder: int
    labels: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """The records of one part: files, or rows start to stop of a prepared cohort."""

    number: int
    task: str
    items: tuple[Item, ...] = ()
    prepared: Path | None = None
    start: int = 0
    stop: int = 0

    def __len__(self) -> int:
        return self.stop - self.start if self.prepared else len(self.items)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record, or one method's attribution of it, that could not be had. stage: read, predict or the method's name."""

    record_id: str
    source: str
    stage: str
    came: str
    expected: str
    mend: str


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """N records as their task reads them. values, context: as in a cohort; labels f32[N], NaN where unknown; folders:
    None of prepared records, as are simulated, findings and warnings (how many a record has), which a cohort does not
    keep."""

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    context: Mapping[str, np.ndarray]
    labels: np.ndarray
    groups: tuple[str, ...]
    folders: tuple[int, ...] | None
    simulated: tuple[bool, ...] | None
    findings: tuple[int, ...] | None
    warnings: tuple[int, ...] | None
    dead: tuple[DeadLetter, ...] = ()

    def digest(self, row: int) -> str:
        """First 16 hex digits of a SHA-256 over id and values of one record, the same from files and from a cohort."""
        sha = hashlib.sha256(self.ids[row].encode())
        for name in sorted(self.values):
            for array in (self.values[name][row], self.context[name][row]):
                # Every NaN alike: which bits one has depends on the arithmetic that made it.
                sha.update(np.where(np.isnan(array), np.float32(np.nan), array).astype("<f4").tobytes())
        return sha.hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """All records of an audit, ids ascending. digest: of names and sizes, or of a prepared cohort. refused: what a
    prepared cohort had left out when it was made, in words."""

    task: Task
    folders: tuple[str, ...]
    prepared: Path | None
    items: tuple[Item, ...]
    records: int
    digest: str
    refused: tuple[str, ...] = ()

    def pieces(self, size: int) -> tuple[Piece, ...]:
        starts = range(0, self.records, size)
        if self.prepared is None:
            return tuple(Piece(k, self.task.name, self.items[at : at + size]) for k, at in enumerate(starts))
        return tuple(
            Piece(k, self.task.name, (), self.prepared, at, min(at + size, self.records)) for k, at in enumerate(starts)
        )


def find_records(task: Task, paths: Sequence[Path]) -> Source:
    """The records of these folders, labelled or not, or of one .npz that `prepare` wrote.

    Raises InputError for a missing folder, an id that occurs twice, no record, or a cohort of another task.
    """
    if not paths:
        raise InputError("--data", "no folder", "one folder of records or more, or a prepared .npz", "Name one.")
    if any(path.suffix == ".npz" for path in paths):
        if len(paths) > 1:
            raise InputError("--data", "a prepared .npz beside others", "one .npz, or folders", "Name it alone.")
        path = paths[0].absolute()
        cohort = _cohort(path, _stamp(path))
        if cohort.task.name != task.name:
            raise InputError(path, f"a cohort of {cohort.task.name}", f"one of {task.name}", "Name another file.")
        return Source(task, (), path, (), len(cohort), cohort.digest(), cohort.refused)
    refs, _ = labelled_refs(paths)
    roots = [path.absolute() for path in paths]
    items = tuple(
        Item(ref, next(k for k, path in enumerate(paths) if ref.path.is_relative_to(path)), labels)
        for ref, labels in (refs[record_id] for record_id in sorted(refs))
    )
    sha = hashlib.sha256()
    for item in items:
        ref = item.ref
        sha.update(f"{ref.record_id}|{ref.part}|{_bytes(ref.path)}|{sorted(item.labels.items())}\n".encode())
    return Source(task, tuple(map(str, roots)), None, items, len(items), sha.hexdigest()[:16])


def load(piece: Piece) -> Loaded:
    """Read the records of a piece; what cannot be read or used is among `dead` with its reason."""
    task = get_task(piece.task)
    if piece.prepared is not None:
        cohort = _cohort(piece.prepared, _stamp(piece.prepared))
        rows = slice(piece.start, piece.stop)
        return Loaded(
            ids=cohort.ids[rows],
            sources=(str(piece.prepared.name),) * len(piece),
            values={m: v[rows] for m, v in cohort.values.items()},
            context={m: v[rows] for m, v in cohort.context.items()},
            labels=cohort.labels[rows],
            groups=cohort.groups[rows],
            folders=None,
            simulated=None,
            findings=None,
            warnings=None,
        )
    records: list[tuple[Item, Record]] = []
    dead: list[DeadLetter] = []
    for item in piece.items:
        try:
            records.append((item, read_labelled(task, item.ref, item.labels)))
        except InputError as error:
            dead.append(dead_letter(item.ref.record_id, item.ref.path.name, "read", error))
    values, context = stack(task.schema, [record for _, record in records]) if records else (_empty(task), _empty(task))
    known = [task.label_of(record) for _, record in records]
    return Loaded(
        ids=tuple(record.record_id for _, record in records),
        sources=tuple(item.ref.path.name for item, _ in records),
        values=values,
        context=context,
        labels=np.array([np.nan if label is None else label for label in known], np.float32),
        groups=tuple(task.group(record) for _, record in records),
        folders=tuple(item.folder for item, _ in records),
        simulated=tuple(simulated(item.ref) for item, _ in records),
        findings=tuple(len(record.meta.findings) for _, record in records),
        warnings=tuple(sum(f.severity == "warning" for f in record.meta.findings) for _, record in records),
        dead=tuple(dead),
    )


def strata_of(task: Task, values: Mapping[str, np.ndarray]) -> dict[str, tuple[str, ...]]:
    """Title -> level of each record, as the task divides a cohort; the titles alone where no values are given."""
    return {title: tuple(levels) for title, levels in task.subgroups(values or _empty(task)).items()}


def _empty(task: Task) -> dict[str, np.ndarray]:
    return {m.name: np.zeros((0, m.steps, len(m.channels)), np.float32) for m in task.schema.modalities}


def dead_letter(record_id: str, source: str, stage: str, error: Exception) -> DeadLetter:
    """What an error says, in the parts of an InputError; an error of a library has one part only."""
    if isinstance(error, InputError):
        return DeadLetter(record_id, source, stage, error.came, error.expected, error.mend)
    return DeadLetter(record_id, source, stage, f"{type(error).__name__}: {error}", "an answer", "Look at the record.")


@lru_cache(maxsize=2)
def _cohort(path: Path, stamp: tuple[int, int]) -> Cohort:
    return Cohort.load(path)


def _stamp(path: Path) -> tuple[int, int]:
    """Time and size: a file that was replaced is read anew. Zeros where there is none, which `Cohort.load` reports."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _bytes(path: Path) -> int:
    """Size of a record's file, with the signal files of a WFDB header."""
    files = [path, *(path.with_suffix(suffix) for suffix in (".dat", ".mat") if path.suffix == ".hea")]
    return sum(file.stat().st_size for file in files if file.is_file())
