"""Tiny MEDS files with simulated events, written into a test's own folder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

START = dt.datetime(2150, 3, 1, 12)
"""When the simulated stay begins."""
Event = tuple[int, float | None, str, float | None]
"""Subject, hours since START (None: a static fact), code, number."""

FRAME: tuple[Event, ...] = (
    (1, None, "GENDER//M", None),
    (1, -60 * 8766.0, "MEDS_BIRTH", None),
    (1, -2.0, "HOSPITAL_ADMISSION//URGENT//UNK", None),
    (1, 0.0, "ICU_ADMISSION//Medical Intensive Care Unit (MICU)", None),
    (1, 60.0, "ICU_DISCHARGE//Medical Intensive Care Unit (MICU)", None),
    (1, 90.0, "HOSPITAL_DISCHARGE//HOME", None),
)
CHART: tuple[Event, ...] = (
    (1, 0.5, "LAB//220045//bpm", 88.0),
    (1, 0.5, "LAB//223761//°F", 98.6),
    (1, 0.5, "LAB//223835//UNK", 40.0),
    (1, 1.25, "LAB//50912//mg/dL", 1.5),
)


def write_meds(path: Path, events: Sequence[Event], number: str = "numeric_value", group: int | None = None) -> Path:
    """number: what the column of numbers is called; the extract that says `value` has 32 bits for it and a column
    more. group: rows in a row group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = [None if hours is None else START + dt.timedelta(hours=hours) for _, hours, _, _ in events]
    columns = {
        "subject_id": pa.array([event[0] for event in events], pa.int64()),
        "time": pa.array(times, pa.timestamp("us")),
        "code": pa.array([event[2] for event in events], pa.string()),
        number: pa.array([event[3] for event in events], pa.float64() if number == "numeric_value" else pa.float32()),
    }
    if number != "numeric_value":
        columns["table"] = pa.array(["condition"] * len(events), pa.string())
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def moved(events: Sequence[Event], subject: int, hours: float = 0.0) -> tuple[Event, ...]:
    """The same events of another subject, or later."""
    return tuple((subject, None if at is None else at + hours, code, value) for _, at, code, value in events)


def many() -> list[Event]:
    """Two subjects, the first with two stays; the second died in the only one."""
    second = tuple(event for event in moved(FRAME, 2) if "HOSPITAL_DISCHARGE" not in event[2])
    return [
        *FRAME, *CHART, *moved(FRAME[3:], 1, 400.0), *moved(CHART, 1, 401.0),
        *second, *moved(CHART, 2), (2, 70.0, "HOSPITAL_DISCHARGE//DIED", None),
    ]  # fmt: skip
