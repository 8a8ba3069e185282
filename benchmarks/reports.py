"""What the report of one simulated record of each task takes: everything in it computed anew, and written as PDF."""

from __future__ import annotations

from functools import partial

import torch

from amfn.checkpoint import Checkpoint, load_checkpoint
from amfn.inference import SHIPPED
from amfn.readers import read_record
from amfn.types import Record
from benchmarks.inference import NAMES, RECORDS, SAMPLES
from benchmarks.rows import Row, seconds, shown
from report.content import content_of
from report.files import formats_of, rendered

RUNS = 5


def _pdf(checkpoint: Checkpoint, record: Record) -> None:
    rendered(content_of(checkpoint, record, simulated=True), formats_of("pdf"))


def rows() -> list[Row]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    for task, name in RECORDS.items():
        checkpoint, record = load_checkpoint(SHIPPED / task), read_record(SAMPLES / task / name)
        spent = seconds(partial(_pdf, checkpoint, record), RUNS)
        found.append(Row(f"{NAMES[task]}: report as PDF, computed and written", shown(spent), "3 s", RUNS))
    torch.set_num_threads(before)
    return found
