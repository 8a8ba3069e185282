"""What the columns of a CSV file are: guessed from their names, or stated in NAME.csv.mapping.json beside the file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

from amfn.readers.channels import WAVEFORMS, WaveformRule, waveform_rule
from amfn.readers.wfdb_header import MAX_RATE_HZ, MIN_RATE_HZ
from amfn.types import InputError

SUFFIX = ".mapping.json"
MAX_MAPPING_BYTES = 1_000_000
NO_SCALE = "NU"
"""Arbitrary units: the shape is known, the size is not."""

TIME_UNITS: Mapping[str, float] = MappingProxyType(
    {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0, "clock": 1.0}
)
"""Seconds in one unit of a time column; "clock" for HH:MM:SS and for ISO 8601 dates with a time."""

_TIME_WORDS: Mapping[str, str] = MappingProxyType(
    {"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "ms": "ms", "msec": "ms", "milliseconds": "ms"}
    | {"us": "us", "µs": "us", "min": "min", "minutes": "min", "h": "h", "hours": "h", "datetime": "clock"}
    | {"hh:mm:ss": "clock", "hh:mm:ss.mmm": "clock", "mm:ss.mmm": "clock", "iso": "clock", "iso8601": "clock"}
)
_TIME_NAMES = re.compile(
    r"(elapsed[ _-]?)?time([ _-]?stamp)?|t|date[ _-]?(time)?|zeit|seconds?|milliseconds?|hours", re.IGNORECASE
)
_UNIT_IN_BRACKETS = re.compile(r"(?P<name>.+?)\s*[\[(](?P<unit>[^\])]*)[\])]")
_UNIT_AS_ENDING = re.compile(r"(?P<name>.+?)[ _](?P<unit>mv|uv|µv|mmhg|kpa|cmh2o|ms|us|s|sec|nu)", re.IGNORECASE)

# Central venous pressure: no task reads it, but it is part of what the file shows.
CVP = WaveformRule(
    "cvp",
    re.compile(r"cvp[ _-]?\d?", re.IGNORECASE),
    "mmHg",
    -50.0,
    100.0,
    MappingProxyType({"mmhg": 1.0, "kpa": 7.50062, "cmh2o": 0.735559}),
    None,
)
RULES: Mapping[str, WaveformRule] = MappingProxyType({rule.modality: rule for rule in (*WAVEFORMS, CVP)})


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """One column that is a signal. column: its name in the file; channel: its name in the record; unit: as in the file,
    empty where none is stated."""

    column: str
    modality: str
    channel: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """How to read one CSV file.

    Either `time` names the column of times, in `time_unit`, or `rate_hz` says how many rows there are a second.
    delimiter, decimal: None to find them out from the file.
    """

    columns: tuple[CsvColumn, ...]
    time: str | None = None
    time_unit: str = "s"
    rate_hz: float | None = None
    delimiter: str | None = None
    decimal: str | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading: the whole of it, the name and the unit that it states (empty for none)."""

    column: str
    name: str
    unit: str


def heading(column: str, unit: str = "") -> Heading:
    """The name and the unit in a heading: "Time [s]", "ABP (mmHg)", "ecg_mV". unit: from a line of units below it."""
    if unit:
        return Heading(column, column, unit)
    bare = column.split("#", 1)[0]
    match = _UNIT_IN_BRACKETS.fullmatch(bare) or _UNIT_AS_ENDING.fullmatch(bare)
    return Heading(column, match["name"], match["unit"].strip()) if match else Heading(column, bare, "")


def is_time(found: Heading) -> bool:
    return _TIME_NAMES.fullmatch(found.name) is not None


def time_unit(found: Heading) -> str:
    """The unit of a time column, from its heading; empty where it states none."""
    return _TIME_WORDS.get(found.unit.lower()) or _TIME_WORDS.get(found.name.lower(), "")


def rule_of(name: str) -> WaveformRule | None:
    """The rule for a column of this name; None for what no modality takes."""
    return waveform_rule(name) or (CVP if CVP.names.fullmatch(name) else None)


def guess(headings: Sequence[Heading]) -> CsvMapping | None:
    """What the names of the columns say; None where they name no signal or no time."""
    times = [found for found in headings if is_time(found)]
    columns: list[CsvColumn] = []
    for found in headings:
        rule = rule_of(found.name)
        if rule is not None and not is_time(found):
            repeat = found.column.partition("#")[2]
            name = f"{found.name}#{repeat}" if repeat else found.name
            name = found.column if name in {column.channel for column in columns} else name
            columns.append(CsvColumn(found.column, rule.modality, name, found.unit))
    if not times or not columns:
        return None
    return CsvMapping(tuple(columns), times[0].column, time_unit(times[0]))


def units_of(modality: str) -> tuple[str, ...]:
    """The units in which a signal of this modality may come, the usual one first."""
    rule = RULES[modality]
    spelled = {"mv": "mV", "uv": "uV", "v": "V", "mmhg": "mmHg", "kpa": "kPa", "cmh2o": "cmH2O", "nu": NO_SCALE}
    known = [spelled.get(unit, unit) for unit in rule.factors]
    return (rule.unit, *(unit for unit in known if unit != rule.unit), *([NO_SCALE] if modality == "ecg" else []))


def scale_of(modality: str, unit: str) -> tuple[WaveformRule, float] | None:
    """The rule for a signal that comes in `unit`, and the factor into the rule's unit; None for a unit that its kind
    cannot have, or needs and lacks. An ECG without a unit keeps its shape and gets no millivolts."""
    rule, word = RULES[modality], unit.strip().lower().replace("µ", "u").replace("μ", "u")
    if modality == "ecg" and word in {"", NO_SCALE.lower()}:
        return replace(rule, unit=NO_SCALE, low=-1e6, high=1e6), 1.0
    factor = rule.factors.get(word or rule.bare_unit or "")
    return None if factor is None else (rule, factor)


def mapping_path(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def save_mapping(path: Path, mapping: CsvMapping) -> Path:
    """Write the mapping of the CSV file at `path` beside it. Raises InputError for one that cannot be used or where the
    folder cannot be written to."""
    target = mapping_path(path)
    check(target, mapping)
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_text(json.dumps(asdict(mapping), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise InputError(
            target,
            f"it cannot be written ({error.strerror})",
            "a folder that this program may write to",
            "Copy the file to a folder of your own, or drag it into the Data page.",
        ) from error
    return target


def load_mapping(path: Path) -> CsvMapping | None:
    """The mapping beside the CSV file at `path`; None where there is none. Raises InputError for one that is broken."""
    target = mapping_path(path)
    try:
        if target.stat().st_size > MAX_MAPPING_BYTES:
            raise _broken(target, "a file too large for a description of columns")
        stated = json.loads(target.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise _broken(target, "it is not JSON that can be read") from error
    mapping = _built(target, stated)
    check(target, mapping)
    return mapping


def _broken(target: Path, came: str) -> InputError:
    return InputError(
        target,
        came,
        "columns, and either time or rate_hz, as the Data page writes them",
        "Delete the file and describe the columns again on the Data page.",
    )


def _built(target: Path, stated: Any) -> CsvMapping:
    if not isinstance(stated, dict) or not isinstance(stated.get("columns"), list):
        raise _broken(target, "no list of columns in it")
    columns = tuple(_typed(target, CsvColumn, item) for item in stated["columns"])
    return _typed(target, CsvMapping, stated | {"columns": columns})


def _typed(target: Path, kind: type, stated: Any) -> Any:
    """The dataclass from a JSON object, each value of the type that its field has."""
    if not isinstance(stated, dict) or set(stated) - {field.name for field in fields(kind)}:
        raise _broken(target, "entries of other names")
    hints = get_type_hints(kind)
    for name, value in stated.items():
        if name != "columns" and not isinstance(value, _kinds(hints[name])):
            raise _broken(target, f"{name} = {value!r:.40}")
    try:
        return kind(**stated)
    except TypeError as error:
        raise _broken(target, "an entry is missing") from error


def _kinds(hint: Any) -> tuple[type, ...]:
    kinds = get_args(hint) or (hint,)
    return (*kinds, int) if float in kinds else kinds


def check(target: Path, mapping: CsvMapping) -> None:
    """Raise one InputError for a mapping that cannot be used, whatever the file holds."""
    names = [column.channel for column in mapping.columns]
    if not names:
        raise _wrong(target, "no column is a signal", "at least one column with its kind of signal")
    if len(set(names)) != len(names) or not all(name.strip() for name in names):
        raise _wrong(target, "two signals of one name, or one without", "a name of its own for each signal")
    for column in mapping.columns:
        if column.modality not in RULES:
            raise _wrong(target, f"a signal of the kind {column.modality!r:.40}", f"one of {', '.join(RULES)}")
        units = units_of(column.modality)
        if column.unit and scale_of(column.modality, column.unit) is None:
            raise _wrong(target, f"column {column.column} in {column.unit!r:.20}", f"one of {', '.join(units)}")
    if (mapping.time is None) == (mapping.rate_hz is None):
        raise _wrong(target, "a time column and a rate, or neither", "one of the two")
    rate = mapping.rate_hz
    if rate is not None and not (math.isfinite(rate) and MIN_RATE_HZ <= rate <= MAX_RATE_HZ):
        raise _wrong(target, f"{rate:g} rows a second", f"a waveform at {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} Hz")
    if mapping.time is not None and mapping.time_unit not in TIME_UNITS:
        raise _wrong(target, f"times in {mapping.time_unit!r:.20}", f"one of {', '.join(TIME_UNITS)}")
    if mapping.time in {column.column for column in mapping.columns}:
        raise _wrong(target, f"{mapping.time} as time and as a signal", "each column for one of them")


def _wrong(target: Path, came: str, expected: str) -> InputError:
    return InputError(target, came, expected, "Describe the columns again on the Data page.")
