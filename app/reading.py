"""One record for its task: of a long recording only the stretch that the question needs, with the alarm it is about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from amfn.inference import with_alarm
from amfn.readers import RecordRef, read_ref
from amfn.readers.channels import WAVEFORMS
from amfn.readers.wfdb_format import NAME as WFDB
from amfn.readers.wfdb_header import read_header
from amfn.tasks import get_task
from amfn.types import Alarm, InputError, Record, RecordMeta
from amfn.waves import WaveSource, open_waves
from app.views import NoAlarm

LONG_S = 900.0
"""Seconds from which on a recording is not read as a whole."""
BEFORE_S, AFTER_S = 300.0, 30.0
"""What is read of a long one around its alarm: as much as the task's own scaling looks back on, and a little after."""
Assumed = tuple[str, float]
"""An alarm's type, and when it is taken to have sounded, in seconds from the record's start."""


def task_record(ref: RecordRef, task: str, assumed: Assumed | None = None) -> Record:
    """The record as `Task.prepare` takes it. assumed: an alarm named by the user, which then stands for the record's
    own; a known outcome belongs to that one and is left out.

    Raises NoAlarm where the task asks about an alarm and there is none, InputError as readers do.
    """
    if "alarm" not in get_task(task).schema.names:
        return read_ref(ref)
    if ref.format == WFDB and duration_s(ref.path) > LONG_S:
        source = open_waves(ref.path)
        record = stretch(source, ref.path, _alarm(source.alarm, ref, assumed))
    else:
        record = read_ref(ref)
        _alarm(record.meta.alarm, ref, assumed)
    return record if assumed is None else replace(with_alarm(record, *assumed), labels={})


def duration_s(path: Path) -> float:
    """What a WFDB header states; 0 where it states nothing, and the samples have to be counted."""
    header = read_header(path)
    length = sum(part.length for part in header.segments) if header.segments else header.length
    return (length or 0) / header.fs


def _alarm(known: Alarm | None, ref: RecordRef, assumed: Assumed | None) -> Alarm:
    if assumed is not None:
        return Alarm(assumed[0], assumed[1] / 3600)
    if known is None:
        raise NoAlarm(ref.record_id)
    return known


def stretch(source: WaveSource, path: Path, alarm: Alarm) -> Record:
    """A long recording from BEFORE_S before its alarm to AFTER_S after it. Raises InputError where that lies outside
    of it, or no channel is of a kind that is known."""
    at = alarm.hours * 3600
    if not 0 < at <= source.duration_s:
        raise InputError(
            path, f"an alarm at {at:.0f} s", f"a time within the record, which ends at {source.duration_s:.0f} s",
            "Choose another moment.",
        )  # fmt: skip
    start, stop = max(at - BEFORE_S, 0.0), min(at + AFTER_S, source.duration_s)
    channels, values, hours = {}, {}, {}
    for rule in WAVEFORMS:
        leads = [(k, lead) for k, lead in enumerate(source.leads) if lead.modality == rule.modality]
        if leads:
            read = [source.read(k, start, stop) for k, _ in leads]
            channels[rule.modality] = tuple(rule.channel(lead.name) for _, lead in leads)
            values[rule.modality] = np.column_stack([samples.values for samples in read])
            hours[rule.modality] = read[0].seconds / 3600
    if not channels:
        raise InputError(
            path, "no channel of a known kind", f"at least one of {', '.join(r.modality for r in WAVEFORMS)}",
            "Choose another record.",
        )  # fmt: skip
    return Record(
        record_id=source.record_id,
        source=str(path),
        channels=channels,
        values=values,
        observed={m: ~np.isnan(v) for m, v in values.items()},
        hours=hours,
        labels={},
        meta=RecordMeta(WFDB, start=source.start, alarm=alarm, findings=source.findings),
    )
