"""What a whole folder says: every record read and answered, in slices, so that filters and ranks appear."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
import torch

from amfn.checkpoint import Checkpoint
from amfn.types import InputError, Record
from app import services
from app.reading import task_record
from app.views import Entry, Listing, NoAlarm, Refusal, refusal
from explain.similar import Seen

AUTOMATIC_UP_TO = 600
"""Cohorts up to this size are read and ranked without being asked."""
SLICE_S = 0.1
"""Between two slices of a survey a page change is noticed."""


@dataclass(slots=True, eq=False)
class Survey:
    """What is known so far of a whole folder: it grows, is shared between sessions and survives an interruption.

    seen, outcomes: of the readable records, batch by batch and record by record, for the search of similar ones.
    unasked: recordings without an alarm.
    """

    pending: list[str]
    entries: dict[str, Entry] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    outcomes: list[float | None] = field(default_factory=list)
    refused: dict[str, Refusal] = field(default_factory=dict)
    unasked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def done(self) -> bool:
        return not self.pending

    @property
    def share(self) -> float:
        """How much of the folder has been read, 0..1."""
        read = len(self.entries) + len(self.refused) + len(self.unasked)
        return read / max(read + len(self.pending), 1)


def survey(listed: Listing) -> Survey:
    """The survey of this folder with this model: empty at first, see `advance`."""
    return _survey(listed.folder, listed.stamp, listed.task, services.checkpoint(listed.task).digest, listed.ids)


@st.cache_resource(max_entries=8, show_spinner=False)
def _survey(folder: str, stamp: str, task: str, weights: str, _ids: tuple[str, ...]) -> Survey:
    return Survey(list(_ids))


def advance(listed: Listing, seconds: float = SLICE_S) -> Survey:
    """Read records for about this long, run them as one batch, and remember both answers and refusals."""
    found, model = survey(listed), services.checkpoint(listed.task)
    with found.lock:
        refs = {ref.record_id: ref for ref in services.opened_folder(listed).refs}
        until = time.monotonic() + seconds
        records: list[Record] = []
        while found.pending and (time.monotonic() < until or not records):
            record_id = found.pending.pop(0)
            try:
                records.append(model.task.prepare(task_record(refs[record_id], listed.task)))
            except NoAlarm:
                found.unasked.append(record_id)
            except InputError as error:
                found.refused[record_id] = refusal(record_id, error)
        if records:
            _record_entries(found, model, records)
    return found


def _record_entries(found: Survey, model: Checkpoint, records: list[Record]) -> None:
    batch = model.batch(records)
    with torch.no_grad():
        prediction = model.model(batch)
    found.seen.append(Seen.of(model.model, batch, prediction))
    found.outcomes += [model.task.label_of(record) for record in records]
    risks = torch.sigmoid(prediction.logits[:, 0]).tolist()
    for record, risk, here in zip(records, risks, batch.present.tolist(), strict=True):
        missing = tuple(name for name, h in zip(model.task.schema.names, here, strict=True) if not h)
        found.entries[record.record_id] = Entry(record.record_id, model.task.group(record), risk, missing)


def complete(listed: Listing, progress: Callable[[float], Any]) -> Survey:
    """Finish the survey, reporting the share that is done."""
    found = survey(listed)
    while not found.done:
        found = advance(listed)
        progress(found.share)
    return found
