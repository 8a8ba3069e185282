"""MEDS events of MIMIC-IV (Parquet), one ICU stay to one `Record` as a Challenge 2012 stay gives it.

A file holds many stays: each is a part of it, named SUBJECT_STAYNUMBER, and `file.parquet::SUBJECT_STAYNUMBER` names
one wherever a path is asked for. Modalities: `chart` and `admission`, in the channels, units and limits of the
challenge. What is read is the first 48 h from ICU admission, or up to ICU discharge where that comes first; nothing
from after it, and from before it height and weight only. Which code feeds which variable, in which unit: `meds_codes`.
Sources: Johnson et al. 2023, doi:10.1038/s41597-022-01899-x (MIMIC-IV); the Medical Event Data Standard, version 0.4.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from amfn.readers import meds_file
from amfn.readers.channels import ADMISSION, CHALLENGE2012, VOLUMES
from amfn.readers.chart import charted, impossible
from amfn.readers.findings import Findings
from amfn.readers.labels import DEATH_LABEL
from amfn.readers.meds_codes import (
    ADMITTED,
    COMA_PARTS,
    ICU_TYPES,
    ITEMS,
    LEFT_OUT,
    UNSTATED,
    Item,
    item_of,
)
from amfn.readers.meds_file import DAY, HOUR, NO_TIME, Events, Stay
from amfn.types import Record, RecordMeta

NAME = "meds"
WINDOW_H = 48
BEFORE_H = 24
"""Height and weight may have been taken so long before the stay; nothing else from before it is read."""
NAMED = 3
"""How many unknown codes a finding names."""
YEAR = 365.2425 * DAY
_HIDDEN_AGE = 90
_CHANNELS = {"chart": CHALLENGE2012, "admission": ADMISSION}
_SEX = {"GENDER//M": 1.0, "GENDER//F": 0.0}
_FRAME = frozenset({"ICU_ADMISSION", "ICU_DISCHARGE", "HOSPITAL_ADMISSION", "HOSPITAL_DISCHARGE", "TRANSFER_TO",
                    "MEDS_BIRTH", "MEDS_DEATH", "GENDER"})  # fmt: skip


@dataclass(slots=True, eq=False)
class Built:
    """A stay's record and the account of its events.

    used: taken, by modality, variable and code. dropped: by modality, variable and reason. left_out: by item of
    `LEFT_OUT`. unknown: by code, of all that no variable takes.
    """

    record: Record
    used: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    left_out: Counter[int] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)


def recognise(path: Path) -> bool:
    """True for a Parquet file; `read` says what is wrong with one that is not MEDS."""
    return path.suffix == meds_file.SUFFIX and path.is_file()


def parts(path: Path) -> tuple[Stay, ...]:
    """The stays of a file. Raises InputError where it is no MEDS file or holds none."""
    return meds_file.index(path).stays


def read(path: Path, part: str | None = None) -> Record:
    """One stay; the only one of its file where none is named. Raises InputError where there is no such stay."""
    found = meds_file.index(path)
    stay = found.find(part)
    return build(path, stay, meds_file.events_of(found, stay.subject)).record


def build(path: Path, stay: Stay, events: Events) -> Built:
    """The stay from all events of its subject."""
    return _Reading(stay, events).built(path)


class _Reading:
    """One stay being read: what is known so far, and what became of every event."""

    def __init__(self, stay: Stay, events: Events) -> None:
        self.stay, self.events = stay, events
        self.findings = Findings()
        self.used: Counter[tuple[str, str, str]] = Counter()
        self.dropped: Counter[tuple[str, str, str]] = Counter()
        self.left_out: Counter[int] = Counter()
        self.unknown: Counter[str] = Counter()
        self.cells: dict[tuple[int, str], list[float]] = {}
        self.coma: dict[int, dict[int, float]] = {}
        self.admitted: dict[int, float] = {}
        self.seen: set[tuple[int, str, float]] = set()

    def built(self, path: Path) -> Built:
        until = self.stay.start + WINDOW_H * HOUR
        if self.stay.end is not None:
            until = min(until, self.stay.end)
        self._take(until)
        self._sum_up_coma()
        self._say_length()
        self._say_unread()
        channels = {"admission": tuple(ADMISSION.values())}
        values = {"admission": np.array([[self._admission(name) for name in ADMISSION]], np.float32)}
        hours = {"admission": np.zeros(1)}
        if self.cells:
            channels["chart"] = tuple(CHALLENGE2012.values())
            values["chart"], hours["chart"] = charted(self.cells, HOUR, self.findings)
        else:
            self.findings.warn("chart", "nothing was charted in this stay", 0)
        record = Record(
            record_id=self.stay.part,
            source=f"{path}::{self.stay.part}",
            channels=channels,
            values=values,
            observed={name: ~np.isnan(array) for name, array in values.items()},
            hours=hours,
            labels={} if self.stay.died is None else {DEATH_LABEL: self.stay.died},
            meta=RecordMeta(NAME, start=_written(self.stay.start), findings=self.findings.all()),
        )
        return Built(record, self.used, self.dropped, self.left_out, self.unknown)

    def _take(self, until: int) -> None:
        """Every event of the stay up to a time, and heights and weights from shortly before it."""
        events, start = self.events, self.stay.start
        items = [self._item(code) for code in events.codes]
        inside = (events.times >= start) & (events.times <= until)
        counts = np.bincount(events.kinds[inside], minlength=len(items))
        for code, item, count in zip(events.codes, items, counts.tolist(), strict=True):
            if count and item is None:
                self._unread(code, count)
        early = (events.times >= start - BEFORE_H * HOUR) & (events.times < start)
        wanted = np.array([item is not None for item in items], bool)
        older = np.array([item is not None and item[0].itemid in ADMITTED for item in items], bool)
        rows = np.flatnonzero((inside & wanted[events.kinds]) | (early & older[events.kinds]))
        for time, kind, value in zip(
            events.times[rows].tolist(), events.kinds[rows].tolist(), events.values[rows].tolist(), strict=True
        ):
            named = items[kind]
            if named is not None:
                item, unit = named
                self._event(time - start, events.codes[kind], item, unit, value)

    def _item(self, code: str) -> tuple[Item, str] | None:
        """What a code that is read stands for, with its unit."""
        named = _named(code)
        item = None if named is None else ITEMS.get(named[0]) or ADMITTED.get(named[0])
        return None if named is None or item is None else (item, named[1])

    def _unread(self, code: str, count: int) -> None:
        named = _named(code)
        if named is not None and named[0] in LEFT_OUT:
            self.left_out[named[0]] += count
        elif code.partition("//")[0] not in _FRAME:
            self.unknown[code] += count

    def _event(self, time: int, code: str, item: Item, unit: str, value: float) -> None:
        """time: microseconds since the stay began."""
        if (time, code, value) in self.seen:
            self.findings.note(item.channel, "the same event twice: counted once", 1)
            return
        self.seen.add((time, code, value))
        self._measured(time, code, item, unit, value)

    def _measured(self, time: int, code: str, item: Item, unit: str, value: float) -> None:
        if math.isnan(value):
            self._drop(item.modality, item.channel, "no number, as of a result below what can be measured")
            return
        if unit != UNSTATED and unit.lower() not in item.units:
            self._drop(item.modality, item.channel, f"in {unit[:20]}, a unit not known for {item.label}")
            return
        number = item.convert(value)
        if item.itemid in COMA_PARTS:
            low, high = COMA_PARTS[item.itemid]
            if not low <= number <= high:
                self._drop(item.modality, item.channel, f"a part of it outside {low:g} to {high:g}")
                return
            self.coma.setdefault(time, {})[item.itemid] = number
        elif item.channel == "MechVent":
            if number <= 0:
                self._drop(item.modality, item.channel, "a ventilator setting of 0, which says nothing")
                return
            self.cells[time, "MechVent"] = [1.0]
        else:
            channel = _CHANNELS[item.modality][item.channel]
            problem = impossible(channel, number)
            if problem:
                self._drop(item.modality, item.channel, problem)
                return
            if item.itemid in ADMITTED:
                self.admitted.setdefault(item.itemid, number)
            elif item.channel in VOLUMES:
                # Two outputs of one size are still two: a repeated event has been left out before.
                self.cells[time, item.channel] = [sum(self.cells.get((time, item.channel), []), number)]
            else:
                self.cells.setdefault((time, item.channel), []).append(number)
        self.used[item.modality, item.channel, code] += 1

    def _drop(self, modality: str, channel: str, why: str, count: int = 1) -> None:
        self.dropped[modality, channel, why] += count
        self.findings.warn(channel, f"{why}: dropped", count)

    def _sum_up_coma(self) -> None:
        for time, found in self.coma.items():
            if len(found) == len(COMA_PARTS):
                self.cells[time, "GCS"] = [sum(found.values())]
            else:
                self._drop("chart", "GCS", "not all three parts charted at one time", len(found))

    def _admission(self, name: str) -> float:
        if name == "Gender":
            return next((_SEX[code] for code in self.events.codes if code in _SEX), math.nan)
        if name == "ICUType":
            kind = ICU_TYPES.get(self.stay.unit, math.nan)
            if math.isnan(kind):
                self.findings.note(name, f"{self.stay.unit[:60] or 'a unit without a name'}: no such type, unknown", 1)
            return kind
        if name == "Age":
            return self._age()
        items = (item for item in ADMITTED.values() if item.channel == name)
        return next((self.admitted[item.itemid] for item in items if item.itemid in self.admitted), math.nan)

    def _age(self) -> float:
        if "MEDS_BIRTH" not in self.events.codes:
            return math.nan
        births = self.events.times[self.events.kinds == self.events.codes.index("MEDS_BIRTH")]
        born = next((time for time in births.tolist() if time != NO_TIME), None)
        if born is None:
            return math.nan
        age = float(math.floor((self.stay.start - born) / YEAR))
        problem = impossible(ADMISSION["Age"], age)
        if problem:
            self._drop("admission", "Age", problem)
            return math.nan
        if age >= _HIDDEN_AGE:
            self.findings.note("Age", "exact ages above 89 are hidden in MIMIC-IV: this one stands for all of them", 1)
        return age

    def _say_length(self) -> None:
        if self.stay.by_transfer:
            self.findings.note("stay", "the file has no ICU_ADMISSION: a run of transfers into intensive care", 1)
        if self.stay.end is None:
            self.findings.warn("stay", f"no discharge from the ICU is stated: the first {WINDOW_H} h are taken", 1)
        elif self.stay.end < self.stay.start + WINDOW_H * HOUR:
            # Cut, not rounded: 47.96 h must not read as 48.
            lasted = (self.stay.end - self.stay.start) * 10 // HOUR / 10
            self.findings.warn(
                "stay", f"it ended after {lasted:.1f} h; the model learned from stays of 48 h and more", 1
            )

    def _say_unread(self) -> None:
        if self.left_out:
            self.findings.note(
                "codes", f"kinds of codes that are left out on purpose: {len(self.left_out)}", self.left_out.total()
            )
        if self.unknown:
            most = ", ".join(f"{code[:60]} ({count})" for code, count in self.unknown.most_common(NAMED))
            self.findings.note(
                "codes",
                f"kinds of codes that no variable takes: {len(self.unknown)}, most often {most}",
                self.unknown.total(),
            )


@lru_cache(maxsize=65_536)
def _named(code: str) -> tuple[int, str] | None:
    return item_of(code)


def _written(time: int) -> str | None:
    """A time as ISO 8601, to the second; None beyond the calendar."""
    try:
        return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=time)).isoformat(sep=" ", timespec="seconds")
    except OverflowError:
        return None
