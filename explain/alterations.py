"""Changes made by hand to a record, each named exactly: what a model says of them is its answer to another record.

An alteration works on a record as it was read, in physical units, and gives a new one: the original stays as it is.
What it did stands among the new record's findings. Only what was measured is changed, and only within the channel's
limits; where that is not possible nothing is changed at all. This file: charted values; `alterations_waves`: waveforms.
Axes: T steps, C channels, n steps that are altered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from amfn.types import Channel, Finding, InputError, Record

ALTERED = "altered by hand: "
SAME_TIME_H = 1e-6
"""Hours within which two times are the same: charts are kept to the minute."""
_UNITS: Mapping[str, str] = {"degC": "°C", "10^9/L": "10⁹/L", "ug/L": "µg/L", "pH": "", "fraction": ""}


class Alteration(Protocol):
    """One change of one channel."""

    @property
    def modality(self) -> str: ...

    @property
    def channel(self) -> Channel: ...

    def apply(self, record: Record) -> Record:
        """The record with this change, and a finding that names it. Raises InputError where the channel is not there,
        nothing was measured where it is to be changed, or a value would leave the channel's limits."""
        ...

    def words(self) -> str:
        """What is altered, where and by how much, with units: 'Heart rate: +20 bpm from 06:00 to 12:00'."""
        ...


def apply_all(record: Record, alterations: Iterable[Alteration]) -> Record:
    """The record with all of these, in this order; the record itself for none. Raises InputError as they do."""
    for alteration in alterations:
        record = alteration.apply(record)
    return record


def named(alteration: Alteration) -> str:
    """What is altered, by the name that screens use."""
    return name_of(alteration.modality, alteration.channel)


def name_of(modality: str, channel: Channel) -> str:
    """A channel's title; of an ECG lead that alone is one letter or two."""
    return f"ECG {channel.title}" if modality == "ecg" else channel.title


def altered_findings(record: Record) -> tuple[Finding, ...]:
    """What was altered by hand, in order; empty for a record as it was read."""
    return tuple(finding for finding in record.meta.findings if finding.what.startswith(ALTERED))


@dataclass(frozen=True, slots=True)
class SetValue:
    """One charted value becomes another. hour: when it was charted, hours since the record's start."""

    modality: str
    channel: Channel
    hour: float
    value: float

    def apply(self, record: Record) -> Record:
        column = column_of(record, self.modality, self.channel)
        then = np.flatnonzero(np.abs(record.hours[self.modality] - self.hour) < SAME_TIME_H)
        rows = measured(record, self, column, then, self._at())
        was = record.values[self.modality][rows, column]
        require_number(self, self.value)
        if self.channel.flag and self.value not in (0.0, 1.0):
            raise InputError(named(self), f"{self.value:g}", "0 (no) or 1 (yes)", "Choose one of the two.")
        note = f"{self._what()} (was {quantity(float(was[0]), self.channel)})"
        return rewritten(record, self, column, rows, np.full(len(rows), self.value), note)

    def words(self) -> str:
        return f"{named(self)}: {self._what()}"

    def _what(self) -> str:
        return f"set to {quantity(self.value, self.channel)} {self._at()}"

    def _at(self) -> str:
        return f"at {hour_text(self.hour)}"


@dataclass(frozen=True, slots=True)
class ShiftValues:
    """Every value charted from one hour to another, both included, moved by the same amount in the channel's unit."""

    modality: str
    channel: Channel
    amount: float
    from_hour: float
    to_hour: float

    def apply(self, record: Record) -> Record:
        column = column_of(record, self.modality, self.channel)
        if not math.isfinite(self.amount) or self.amount == 0 or self.channel.flag:
            came = "yes or no" if self.channel.flag else f"a shift by {self.amount:g}"
            raise InputError(named(self), came, "a number that is moved by some amount", "Correct the amount.")
        rows = charted_between(record, self, column)
        was = record.values[self.modality][rows, column].astype(np.float64)
        return rewritten(record, self, column, rows, was + self.amount, self._what())

    def words(self) -> str:
        return f"{named(self)}: {self._what()}"

    def _what(self) -> str:
        sign = "+" if self.amount > 0 else "\N{MINUS SIGN}"
        return f"{sign}{quantity(abs(self.amount), self.channel)} {hours_text(self.from_hour, self.to_hour)}"


@dataclass(frozen=True, slots=True)
class TakeOut:
    """Every value charted from one hour to another, both included, becomes one that was not measured."""

    modality: str
    channel: Channel
    from_hour: float
    to_hour: float

    def apply(self, record: Record) -> Record:
        column = column_of(record, self.modality, self.channel)
        rows = charted_between(record, self, column)
        return rewritten(record, self, column, rows, np.full(len(rows), np.nan), self._what())

    def words(self) -> str:
        return f"{named(self)}: {self._what()}"

    def _what(self) -> str:
        return f"taken out {hours_text(self.from_hour, self.to_hour)}"


def column_of(record: Record, modality: str, channel: Channel) -> int:
    """The channel's column in a modality of the record. Raises InputError where there is none of its name."""
    names = [own.name for own in record.channels.get(modality, ())]
    if channel.name not in names:
        raise InputError(
            record.source, f"no {channel.title} in {modality}", f"one of {', '.join(names) or 'nothing'}",
            "Choose a channel that this record has.",
        )  # fmt: skip
    return names.index(channel.name)


def charted_between(record: Record, alteration: ShiftValues | TakeOut, column: int) -> Int[np.ndarray, " n"]:
    """The steps from one hour to another, both included, at which the channel was measured."""
    start, stop = alteration.from_hour, alteration.to_hour
    require_order(alteration, start, stop, "h")
    hours = record.hours[alteration.modality]
    inside = (hours >= start - SAME_TIME_H) & (hours <= stop + SAME_TIME_H)
    return measured(record, alteration, column, np.flatnonzero(inside), hours_text(start, stop))


def require_order(alteration: Alteration, start: float, end: float, unit: str) -> None:
    """Raises InputError unless both ends are numbers and the first is not the later one."""
    if not (math.isfinite(start) and math.isfinite(end) and start <= end):
        raise InputError(
            named(alteration),
            f"from {start:g} {unit} to {end:g} {unit}",
            "a start before the end",
            "Correct the stretch.",
        )


def require_number(alteration: Alteration, value: float) -> None:
    """Raises InputError for what is no number: NaN would stand for 'not measured'."""
    if math.isnan(value):
        raise InputError(named(alteration), "no number", f"a number in {alteration.channel.unit}", "Type one.")


def measured(
    record: Record, alteration: Alteration, column: int, steps: Int[np.ndarray, " t"], where: str
) -> Int[np.ndarray, " n"]:
    """Those of the steps at which the channel was measured. Raises InputError for none."""
    rows = steps[record.observed[alteration.modality][steps, column]]
    if not len(rows):
        raise InputError(
            named(alteration), f"nothing measured {where}", "at least one measured value",
            "Choose a time at which something was measured.",
        )  # fmt: skip
    return rows


def rewritten(
    record: Record,
    alteration: Alteration,
    column: int,
    rows: Int[np.ndarray, " n"],
    new: Float[np.ndarray, " n"],
    note: str,
) -> Record:
    """A copy of the record with `new` values of one channel at these steps, NaN for not measured, and a finding.

    Raises InputError where a value is neither NaN nor within the channel's limits, or where nothing would change.
    """
    modality = alteration.modality
    channel = record.channels[modality][column]
    values = new.astype(np.float32)
    # What is not there may be said by NaN only, and nothing but that may be infinite.
    outside = ~np.isnan(values) & ~((values >= channel.low) & (values <= channel.high))
    if outside.any():
        raise InputError(
            named(alteration), _came(values, outside, channel), _limits(channel), "Choose a smaller change."
        )
    if np.array_equal(values, record.values[modality][rows, column], equal_nan=True):
        raise InputError(
            named(alteration), f"{note}, which is what stands there", "something that differs", "Choose another change."
        )
    all_values, all_seen = record.values[modality].copy(), record.observed[modality].copy()
    all_values[rows, column] = values
    all_seen[rows, column] = ~np.isnan(values)
    found = Finding(named(alteration), f"{ALTERED}{note}", len(rows), "warning")
    return replace(
        record,
        values={**record.values, modality: all_values},
        observed={**record.observed, modality: all_seen},
        meta=replace(record.meta, findings=(*record.meta.findings, found)),
    )


def _came(values: Float[np.ndarray, " n"], outside: Bool[np.ndarray, " n"], channel: Channel) -> str:
    furthest = values[outside][np.abs(values[outside] - (channel.low + channel.high) / 2).argmax()]
    if len(values) == 1:
        return f"a value of {quantity(float(furthest), channel)}"
    count = f"{int(outside.sum()):,} of {len(values):,} values"
    return f"{count} outside the limits, the furthest {quantity(float(furthest), channel)}"


def _limits(channel: Channel) -> str:
    unit = unit_text(channel)
    return f"values within the physiological limits of {channel.low:g} to {channel.high:g}{f' {unit}' if unit else ''}"


def quantity(value: float, channel: Channel) -> str:
    """'92 bpm', as many digits as the value has, at most five."""
    unit = unit_text(channel)
    return f"{value:.5g}{f' {unit}' if unit else ''}"


def unit_text(channel: Channel) -> str:
    """A unit as print writes it; empty where the number has none."""
    return _UNITS.get(channel.unit, channel.unit)


def hour_text(hour: float) -> str:
    """Hours since the record's start as HH:MM."""
    minutes = round(60 * hour)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def hours_text(start: float, end: float) -> str:
    return f"from {hour_text(start)} to {hour_text(end)}"
