"""From a record to an answer: which checkpoint reads it, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from amfn.checkpoint import Checkpoint, find_checkpoints, load_checkpoint
from amfn.types import Alarm, Batch, InputError, Prediction, Record

SHIPPED = Path(__file__).resolve().parent.parent / "checkpoints"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One record, prepared, as a batch of one, with what the model says of it. risk: chance of the task's event."""

    checkpoint: Checkpoint
    record: Record
    batch: Batch
    prediction: Prediction
    risk: float

    @property
    def missing(self) -> tuple[str, ...]:
        """Titles of the modalities that were not recorded."""
        present = self.batch.present[0].tolist()
        return tuple(
            s.title for s, here in zip(self.checkpoint.task.schema.modalities, present, strict=True) if not here
        )


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
    if not seconds > 0:
        raise InputError(record.source, f"an alarm at {seconds} s", "a time after the record's start", "Correct it.")
    return replace(record, meta=replace(record.meta, alarm=Alarm(kind, seconds / 3600)))


def choose_checkpoint(record: Record, folder: Path = SHIPPED) -> tuple[Checkpoint, Record]:
    """The checkpoint under `folder` whose task accepts this record, with the record prepared for it.

    Raises InputError with every task's reason where none does.
    """
    found = find_checkpoints(folder)
    if not found:
        raise InputError(
            folder, "no checkpoint in it", "folders with a config.json", "Train one, or name --checkpoint."
        )
    reasons = []
    for path in found.values():
        checkpoint = load_checkpoint(path)
        try:
            return checkpoint, checkpoint.task.prepare(record)
        except InputError as error:
            reasons.append(f"{checkpoint.task.name}: {error.came} (needs {error.expected}). {error.mend}")
    raise InputError(
        record.source, "no model here can read it: " + " ".join(reasons), "a record of one of these tasks",
        "See the reason of each.",
    )  # fmt: skip


def answer(checkpoint: Checkpoint, prepared: Sequence[Record]) -> list[Answer]:
    """Predict prepared records in one batch, without gradients."""
    batch = checkpoint.batch(prepared)
    with torch.inference_mode():
        whole = checkpoint.model(batch)
    risks = torch.sigmoid(whole.logits[:, 0].double()).tolist()
    if len(prepared) == 1:
        return [Answer(checkpoint, prepared[0], batch, whole, risks[0])]
    return [
        Answer(checkpoint, record, batch.rows([row]), _row(whole, row), risks[row])
        for row, record in enumerate(prepared)
    ]


def _row(prediction: Prediction, row: int) -> Prediction:
    """One record's part of a batched prediction, still with a leading axis of one."""
    at = slice(row, row + 1)
    trace = prediction.trace
    kept = {
        name: value[at]
        for name in ("present", "attention", "adjacency", "gates", "weights", "node_logits", "bias")
        if (value := getattr(trace, name)) is not None
    }
    temporal = None if trace.temporal is None else {m: w[at] for m, w in trace.temporal.items()}
    return Prediction(prediction.logits[at], prediction.embedding[at], replace(trace, **kept, temporal=temporal))
