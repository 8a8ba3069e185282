"""What a file turned out to be: which record, with which signals, what was noticed, which questions it can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from amfn.readers import RecordRef, read_ref
from amfn.readers.wfdb_header import MIN_RATE_HZ
from amfn.tasks import get_task
from amfn.types import Alarm, Finding, InputError, Record


@dataclass(frozen=True, slots=True)
class Part:
    """One modality of a record. channels: those with a value; units: theirs, each once; rate_hz: None where values
    come at times of their own; values: how many were measured."""

    name: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    rate_hz: float | None
    values: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A task and why the record cannot answer its question, None where it can."""

    task: str
    problem: InputError | None


@dataclass(frozen=True, slots=True)
class Examined:
    """One record after it was read. problem: why it could not be, with everything else empty.

    answers: of the tasks that take the record's format; alarm: the record's own.
    """

    record_id: str
    format: str
    parts: tuple[Part, ...] = ()
    seconds: float = 0.0
    alarm: Alarm | None = None
    findings: tuple[Finding, ...] = ()
    answers: tuple[Answer, ...] = ()
    problem: InputError | None = None

    @property
    def usable(self) -> bool:
        """True where at least one task can answer."""
        return any(answer.problem is None for answer in self.answers)

    @property
    def has_signals(self) -> bool:
        """True where a waveform is in it, not only trends."""
        return any((part.rate_hz or 0) >= MIN_RATE_HZ for part in self.parts)


def examine(ref: RecordRef, takes: Mapping[str, Sequence[str]]) -> Examined:
    """Read one record and ask each task whether it can use it. takes: formats by task."""
    try:
        record = read_ref(ref)
    except InputError as error:
        return Examined(ref.record_id, ref.format, problem=error)
    parts = tuple(part for name in record.values if (part := _part(record, name)).values)
    answers = tuple(
        Answer(task, _problem(task, record)) for task, formats in takes.items() if record.meta.format in formats
    )
    seconds = max((float(h[-1]) * 3600 for h in record.hours.values() if len(h)), default=0.0)
    return Examined(
        record.record_id,
        record.meta.format,
        parts,
        seconds,
        record.meta.alarm,
        record.meta.findings,
        answers,
    )


def _part(record: Record, name: str) -> Part:
    measured = record.observed[name].sum(axis=0)
    known = [channel for channel, count in zip(record.channels[name], measured, strict=True) if count]
    hours = record.hours[name]
    # Only what comes at a steady rate has one: charted values do not, nor does what is stated once.
    steps = np.diff(hours) * 3600
    steady = len(steps) > 1 and float(steps.max() - steps.min()) < 0.01 * float(steps.mean())
    rate = float(1 / steps.mean()) if steady and steps.mean() < 60 else None
    units = tuple(dict.fromkeys(channel.unit for channel in known))
    return Part(name, tuple(channel.title for channel in known), units, rate, int(measured.sum()))


def _problem(task: str, record: Record) -> InputError | None:
    try:
        get_task(task).prepare(record)
    except InputError as error:
        return error
    return None
