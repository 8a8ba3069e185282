"""What `predict` and `explain` share: their options, and one record with what the model says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from amfn.inference import Answer
    from amfn.types import Record

RecordArgument = Annotated[
    Path, typer.Argument(help="WFDB header (.hea) or record name, Challenge 2012 text, CSV, or MEDS.parquet::STAY.")
]
CheckpointOption = Annotated[
    Path | None, typer.Option("--checkpoint", help="Checkpoint folder; default: the shipped one that reads the record.")
]
AlarmType = Annotated[str | None, typer.Option(help="Alarm type, where the record names none (Asystole, …).")]
AlarmAt = Annotated[float | None, typer.Option(help="Seconds from the record's start at which the alarm sounded.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def answered(
    path: Path, checkpoint: Path | None, alarm_type: str | None, alarm_at: float | None
) -> tuple[Record, Answer]:
    """The record as its reader gave it, and the answer to it. Raises InputError where it cannot be used."""
    import torch

    from amfn.checkpoint import load_checkpoint
    from amfn.inference import answer, choose_checkpoint, with_alarm
    from amfn.readers import read_record

    torch.set_num_threads(1)
    record = with_alarm(read_record(path), alarm_type, alarm_at)
    return record, answer(load_checkpoint(checkpoint) if checkpoint else choose_checkpoint(record), record)
