"""From a record to an answer: which checkpoint reads it, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from amfn.checkpoint import Checkpoint, find_checkpoints, load_checkpoint
from amfn.tasks.icu_alarm import ALARMS, WINDOW_S
from amfn.types import Alarm, Batch, InputError, Prediction, Record

SHIPPED = Path(__file__).resolve().parent.parent / "checkpoints"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One record, prepared, as a batch of one, with what the model says of it. risk: chance of the task's event, NaN
    of a forecast; forecast f32[K]: each target in physical units, None of a yes-or-no question."""

    checkpoint: Checkpoint
    record: Record
    batch: Batch
    prediction: Prediction
    risk: float
    forecast: np.ndarray | None = None


def with_alarm(record: Record, kind: str | None, seconds: float | None) -> Record:
    """The record with an alarm named by hand. Raises InputError where only half of it is given."""
    if kind is None and seconds is None:
        return record
    known = record.meta.alarm
    if kind is None and known is not None:
        kind = known.kind
    if seconds is None and known is not None:
        seconds = known.hours * 3600
    if kind is None or seconds is None:
        raise InputError(
            record.source, "half an alarm", "both --alarm-type and --alarm-at SECONDS", "Give the other one as well."
        )
    if kind not in ALARMS:
        raise InputError("--alarm-type", repr(kind), f"one of {', '.join(ALARMS)}", "Write it exactly so.")
    end = max((float(hours[-1]) * 3600 for hours in record.hours.values() if len(hours)), default=0.0)
    if not 0 < seconds <= end + WINDOW_S:
        raise InputError(
            record.source, f"an alarm at {seconds:g} s", f"a time within the record, which ends at {end:.1f} s",
            "Correct --alarm-at.",
        )  # fmt: skip
    return replace(record, meta=replace(record.meta, alarm=Alarm(kind, seconds / 3600)))


def choose_checkpoint(record: Record, folder: Path = SHIPPED) -> Checkpoint:
    """The checkpoint under `folder` whose task is made for such a record; the first by name where several are.

    Raises InputError where there is none.
    """
    found = [load_checkpoint(path) for path in find_checkpoints(folder).values()]
    if not found:
        raise InputError(
            folder, "no checkpoint in it", "folders with a config.json", "Train one, or name --checkpoint."
        )
    for checkpoint in found:
        if any(record.present(name) for name in checkpoint.task.reads):
            return checkpoint
    raise InputError(
        record.source,
        f"it holds {', '.join(sorted(record.values)) or 'nothing'}, which no model in {folder} reads",
        " or ".join(f"{', '.join(c.task.reads)} ({c.task.name})" for c in found),
        "Name a model that reads it with --checkpoint.",
    )


def answer(checkpoint: Checkpoint, record: Record) -> Answer:
    """Predict one record as its reader gave it, without gradients. Raises InputError where the task refuses it."""
    prepared = checkpoint.task.prepare(record)
    batch = checkpoint.batch([prepared])
    with torch.inference_mode():
        prediction = checkpoint.model(batch)
    anchor = checkpoint.task.anchor_of(prepared)
    if checkpoint.targets is not None and anchor is not None:
        forecast = checkpoint.targets.physical(prediction.logits.numpy(), anchor[None])[0]
        return Answer(checkpoint, prepared, batch, prediction, float("nan"), forecast)
    return Answer(checkpoint, prepared, batch, prediction, float(torch.sigmoid(prediction.logits[0, 0].double())))
