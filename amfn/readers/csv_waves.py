"""Waveforms as CSV: a row a sample, a column a signal, to one `Record` in physical units.

Modalities: `ecg`, `abp`, `ppg`, `resp` as in WFDB records, and `cvp` (mmHg). What the columns are is guessed from their
names, or stated in NAME.csv.mapping.json beside the file. An ECG whose unit is stated nowhere keeps the numbers of the
file in arbitrary units (NU): it is never called mV. X_Numerics.csv beside X_Signals.csv becomes the series `numerics`,
age and sex of X_Fix.txt the static `admission`: so the BIDMC PPG and Respiration Dataset (Pimentel et al. 2017,
doi:10.1109/TBME.2016.2613124) ships its records, whose ECG is scaled to the monitor's own range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from amfn.readers.channels import WaveformRule
from amfn.readers.csv_beside import BREATHS, SIGNALS, admission, numerics, sibling
from amfn.readers.csv_mapping import (
    NO_SCALE,
    RULES,
    CsvColumn,
    CsvMapping,
    Heading,
    check,
    guess,
    heading,
    load_mapping,
    mapping_path,
    scale_of,
    units_of,
)
from amfn.readers.csv_table import Column, Opening, open_csv, read_columns
from amfn.readers.csv_time import Grid, clock_seconds, grid_of, steady
from amfn.readers.findings import Findings
from amfn.readers.labels import ALARM_LABEL, ALARM_SECONDS, alarm_beside
from amfn.readers.wfdb_format import MAX_VALUES, clean
from amfn.readers.wfdb_header import MIN_RATE_HZ
from amfn.types import Alarm, Channel, InputError, Record, RecordMeta

NAME = "csv"
TEXT_SHARE = 0.05
"""A column with more text than this among its cells is no column of numbers."""
PRESSURE = (10.0, 250.0)
"""Half of the values of an arterial pressure in mmHg lie here, whatever the patient's state; in kPa they would not."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the opening of a CSV file says. mapping: stated or guessed, None where its columns are not understood;
    problem: why it is no waveform file, None where it is one or may become one with a mapping."""

    path: Path
    mapping: CsvMapping | None
    stated: bool
    problem: InputError | None


def recognise(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and path.is_file()


def record_id(path: Path) -> str:
    """The file's name without its ending, and without _Signals."""
    return path.stem.removesuffix(SIGNALS)


def headings(opened: Opening) -> tuple[Heading, ...]:
    return tuple(heading(name, unit) for name, unit in zip(opened.names, opened.units, strict=True))


def look(path: Path) -> Looked:
    """Whether the file can be read, from its first lines alone."""
    try:
        mapping = load_mapping(path)
        stated = mapping is not None
        opened = open_csv(path)
        mapping = mapping or _guessed(opened)
        if mapping is not None and not stated:
            noted = Findings()
            _grid(opened, mapping, *read_columns(opened, [str(mapping.time)], noted, len(opened.rows)), noted)
    except InputError as error:
        return Looked(path, None, mapping_path(path).is_file(), error)
    return Looked(path, mapping, stated, None)


def read(path: Path, mapping: CsvMapping | None = None, max_rows: int | None = None) -> Record:
    """One record. mapping: instead of the one beside the file; max_rows: only so many from the start.

    Raises InputError for what cannot be used, or where the columns are not understood and no mapping states them.
    """
    mapping = mapping or load_mapping(path)
    opened = open_csv(path, *((mapping.delimiter, mapping.decimal) if mapping else ()))
    findings = Findings()
    if mapping is None:
        mapping = _guessed(opened)
        if mapping is None:
            raise InputError(
                path,
                f"columns {', '.join(opened.names[:8])}{' …' if len(opened.names) > 8 else ''}",
                "a column of times and at least one signal by a name such as II, ABP, PLETH or RESP",
                "Say on the Data page what its columns are (CSV columns).",
            )
        _left_out(opened, mapping, findings)
    else:
        check(path, mapping)
    _in_file(opened, mapping)
    for name in opened.repeated:
        findings.warn(name, f"a column name used twice: the second is called {name}#2", 1)
    wanted = [column.column for column in mapping.columns] + ([mapping.time] if mapping.time else [])
    columns, texts = read_columns(opened, wanted, findings, max_rows)
    grid = _grid(opened, mapping, columns, texts, findings)
    if grid.steps * len(mapping.columns) > MAX_VALUES:
        raise InputError(
            path,
            f"{grid.steps:,} samples of {len(mapping.columns)} signals",
            f"at most {MAX_VALUES:,} values in one record",
            "Cut it into shorter files.",
        )
    return _record(path, mapping, columns, grid, findings)


def _guessed(opened: Opening) -> CsvMapping | None:
    """What the names say; a time without a unit is taken in seconds, or as a clock's where it is written so."""
    mapping = guess(headings(opened))
    if mapping is None or mapping.time_unit:
        return mapping
    first = opened.rows[0][opened.names.index(str(mapping.time))] if opened.rows else ""
    return replace(mapping, time_unit="clock" if ":" in first else "s")


def _left_out(opened: Opening, mapping: CsvMapping, findings: Findings) -> None:
    known = {column.column for column in mapping.columns} | {mapping.time}
    for name in opened.names:
        if name not in known:
            findings.warn(name, "a column of unknown kind: not read (Data page, CSV columns)", 0)


def _in_file(opened: Opening, mapping: CsvMapping) -> None:
    wanted = [column.column for column in mapping.columns] + ([mapping.time] if mapping.time else [])
    lacking = [name for name in wanted if name not in opened.names]
    if lacking:
        raise InputError(
            opened.path,
            f"no column {', '.join(lacking)[:80]}, which its mapping names",
            f"one of {', '.join(opened.names[:12])}",
            "Describe the columns again on the Data page.",
        )


def _grid(
    opened: Opening,
    mapping: CsvMapping,
    columns: dict[str, Column],
    texts: dict[str, list[str]],
    findings: Findings,
    low: float = MIN_RATE_HZ,
) -> Grid:
    first_line = opened.skip + 1
    if mapping.time is None:
        rows = max(len(columns[column.column].values()) for column in mapping.columns if column.column in columns)
        return steady(float(mapping.rate_hz or 0), rows)
    if mapping.time in texts:
        seconds, start = clock_seconds(opened.path, texts[mapping.time], first_line)
        return grid_of(opened.path, seconds, "s", findings, first_line, start, low)
    found = columns[mapping.time]
    if found.text is not None:
        raise InputError(
            opened.path,
            f"the time {found.text.example!r} in line {found.text.line:,}",
            "a number in every row",
            "Export the times anew, or give the rate instead of the column (Data page, CSV columns).",
        )
    unit = mapping.time_unit if mapping.time_unit != "clock" else "s"
    return grid_of(opened.path, found.values(), unit, findings, first_line, None, low)


def _record(path: Path, mapping: CsvMapping, columns: dict[str, Column], grid: Grid, findings: Findings) -> Record:
    channels: dict[str, tuple[Channel, ...]] = {}
    values: dict[str, np.ndarray] = {}
    hours = np.arange(grid.steps, dtype=np.float64) / grid.rate_hz / 3600.0
    for modality in RULES:
        kept = [
            pair
            for column in mapping.columns
            if column.modality == modality
            and (pair := _signal(path, column, columns.get(column.column), grid, findings)) is not None
        ]
        if kept:
            channels[modality] = tuple(channel for channel, _ in kept)
            values[modality] = np.column_stack([x for _, x in kept])
    if not any(np.isfinite(x).any() for x in values.values()):
        came = "; ".join(f"{f.channel}: {f.what}" for f in findings.all()[:4]) or "no signal"
        raise InputError(path, came, "at least one signal in numbers", "Say on the Data page what its columns are.")
    times = dict.fromkeys(values, hours)
    for name, found in (("numerics", numerics(path, grid.origin_s, findings)), ("admission", admission(path))):
        if found is not None:
            channels[name], values[name], times[name] = found
    if sibling(path, BREATHS) is not None:
        findings.note("breaths", "breaths marked by hand are beside the record: not read", 1)
    listed = alarm_beside(path.with_name(f"{record_id(path)}.csv"))
    alarm = None if listed is None else Alarm(listed.kind, ALARM_SECONDS / 3600.0)
    if alarm is not None and grid.steps < ALARM_SECONDS * grid.rate_hz:
        findings.warn("alarm", "the record ends before its alarm sounds", grid.steps)
    return Record(
        record_id=record_id(path),
        source=str(path),
        channels=channels,
        values=values,
        observed={name: ~np.isnan(x) for name, x in values.items()},
        hours=times,
        labels={} if listed is None else {ALARM_LABEL: listed.true_alarm},
        meta=RecordMeta(NAME, start=grid.start, alarm=alarm, findings=findings.all()),
    )


def _signal(
    path: Path, column: CsvColumn, found: Column | None, grid: Grid, findings: Findings
) -> tuple[Channel, np.ndarray] | None:
    """The channel and its samples f32[steps] in its own unit, NaN in gaps; None, with a finding, for what is none."""
    name = column.channel
    if found is None:
        findings.warn(name, "times instead of numbers: not read", 0)
        return None
    raw = found.values()
    if found.text is not None:
        what = f"text among the numbers, first in line {found.text.line:,} ({found.text.example!r})"
        if found.text.count > TEXT_SHARE * len(raw):
            findings.warn(name, f"{what}: the column is not read", found.text.count)
            return None
        findings.warn(name, f"{what}: taken as unobserved", found.text.count)
    scaled = _scaled(column, raw, findings)
    if scaled is None:
        return None
    rule, factor = scaled
    x = np.full(grid.steps, np.nan, np.float32)
    x[grid.index] = raw * factor
    return rule.channel(name), clean(name, x, rule, grid.rate_hz, findings)


def _scaled(column: CsvColumn, raw: np.ndarray, findings: Findings) -> tuple[WaveformRule, float] | None:
    """The rule and the factor of a column; what was assumed or converted is a finding, as is a unit without a use."""
    found, rule = scale_of(column.modality, column.unit), RULES[column.modality]
    if found is not None:
        if found[0].unit == NO_SCALE != rule.unit:
            findings.note(column.channel, "no unit stated: its shape is shown in arbitrary units (NU), not in mV", 0)
        elif found[1] != 1:
            findings.note(column.channel, f"converted from {column.unit} to {rule.unit}", len(raw))
        return found
    if column.unit:
        findings.warn(
            column.channel,
            f"its unit {column.unit[:20]!r} is none of {', '.join(units_of(column.modality))}: not read",
            0,
        )
        return None
    middle = float(np.nanmedian(raw)) if np.isfinite(raw).any() else np.nan
    if column.modality == "abp" and PRESSURE[0] <= middle <= PRESSURE[1]:
        findings.warn(column.channel, "no unit stated: taken as mmHg, since its values are like it", len(raw))
        return rule, 1.0
    if column.modality == "cvp":
        findings.warn(column.channel, "no unit stated: taken as mmHg", len(raw))
        return rule, 1.0
    findings.warn(
        column.channel, f"no unit stated and not like {rule.unit}: not read (Data page, CSV columns)", len(raw)
    )
    return None
