"""PhysioNet/CinC Challenge 2012 text: one ICU stay a file, `Time,Parameter,Value`, to one `Record`.

Modalities: `chart` (series: one row per distinct time, the 37 variables sorted by name) and `admission` (static: Age,
Gender, Height, ICUType and the first Weight at 00:00). -1 means unknown. A value charted twice at one time is one
value: see `chart.charted`.
Source: Silva et al. 2012, doi:10.13026/C24W2P.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from amfn.readers.channels import ADMISSION, ALIASES, CHALLENGE2012
from amfn.readers.chart import charted, impossible
from amfn.readers.findings import Findings
from amfn.readers.labels import deaths_beside, is_label_file
from amfn.types import Channel, InputError, Record, RecordMeta

NAME = "challenge2012"
HEADER = "Time,Parameter,Value"
UNKNOWN = -1.0
MINUTES = 60.0
MAX_BYTES = 20_000_000
_TIME = re.compile(r"(\d{2,3}):([0-5]\d)", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_DESCRIPTORS = frozenset(ADMISSION) - {"Weight"}

Row = tuple[int, str, float]
"""Minutes since admission, parameter, value."""


def recognise(path: Path) -> bool:
    """True for a text file that is not an outcome file; `read` says what is wrong with one that is no stay."""
    return path.suffix == ".txt" and path.is_file() and not is_label_file(path.name)


def starts_as_stay(path: Path) -> bool:
    """True where the file's first line is the header of a stay."""
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf").splitlines()[:1] == [HEADER.encode()]
    except OSError:
        return False


def read(path: Path) -> Record:
    """One stay, bad rows dropped and counted. Raises InputError for another kind of file or no usable row."""
    findings = Findings()
    admission: dict[str, float] = {}
    cells: dict[tuple[int, str], list[float]] = {}
    usable = 0
    for minutes, name, value in _rows(path, findings):
        usable += 1
        if name == "RecordID":
            if value >= 0 and f"{value:.0f}" != path.stem:
                findings.warn(name, f"the file says {value:.0f}, its name {path.stem}: the name is taken", 1)
        elif name in _DESCRIPTORS or (name == "Weight" and minutes == 0 and name not in admission):
            if minutes or name in admission:
                findings.warn(name, "a descriptor after admission or stated twice: dropped", 1)
            else:
                admission[name] = _measured(ADMISSION[name], value, findings)
        else:
            cells.setdefault((minutes, name), []).append(_measured(CHALLENGE2012[name], value, findings))
    if not usable:
        raise InputError(path, "no usable row", f"rows of {HEADER}, such as 00:07,HR,73", "Fetch the file again.")
    return _record(path, admission, cells, findings)


def _rows(path: Path, findings: Findings) -> Iterator[Row]:
    """The rows that can be used; the others are counted with the line number of the first of their kind."""
    lines = _text(path).splitlines()
    if not lines or lines[0].strip() != HEADER:
        came = repr(lines[0][:60]) if lines else "an empty file"
        raise InputError(
            path, f"the first line is {came}", f"{HEADER!r}", "Name a Challenge 2012 stay, or mend its first line."
        )
    bad: dict[tuple[str, str], tuple[int, int]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        parsed = _row(line)
        if isinstance(parsed, str):
            name = line.split(",")[1].strip()[:40] if parsed == "unknown parameter" else "rows"
            first, count = bad.get((name, parsed), (number, 0))
            bad[name, parsed] = first, count + 1
        else:
            yield parsed
    for (name, what), (first, count) in bad.items():
        findings.warn(name, f"{what}: dropped, first in line {first}", count)


def _row(line: str) -> Row | str:
    """The row, or what is wrong with it."""
    fields = line.split(",")
    if len(fields) != 3:
        return "not three columns"
    time, name, value = fields[0].strip(), fields[1].strip(), fields[2].strip()
    name = ALIASES.get(name, name)
    clock = _TIME.fullmatch(time)
    if clock is None:
        return "a time that is not HH:MM"
    if name not in CHALLENGE2012 and name not in ADMISSION and name != "RecordID":
        return "unknown parameter"
    if _NUMBER.fullmatch(value) is None or not math.isfinite(float(value)):
        return "a value that is not a number"
    return int(clock[1]) * 60 + int(clock[2]), name, float(value)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                path, f"more than {MAX_BYTES:,} bytes", "one stay's text file", "Name a Challenge 2012 stay."
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            path,
            f"it cannot be read ({error.strerror or error})",
            "a readable text file",
            "Check the path and its permissions.",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            path, f"bytes that are not text at position {error.start}", "plain UTF-8 text", "Fetch the file again."
        ) from error


def _measured(channel: Channel, value: float, findings: Findings) -> float:
    """The value, or NaN where it is unknown, outside the limits or no code of its kind."""
    if value == UNKNOWN:
        findings.note(channel.name, "unknown (-1)", 1)
        return math.nan
    problem = impossible(channel, value)
    if problem:
        findings.warn(channel.name, f"{problem}: taken as unobserved", 1)
        return math.nan
    return value


def _record(
    path: Path, admission: dict[str, float], cells: dict[tuple[int, str], list[float]], findings: Findings
) -> Record:
    channels = {"admission": tuple(ADMISSION.values())}
    values = {"admission": np.array([[admission.get(name, math.nan) for name in ADMISSION]], dtype=np.float32)}
    hours = {"admission": np.zeros(1)}
    if cells:
        channels["chart"] = tuple(CHALLENGE2012.values())
        values["chart"], hours["chart"] = charted(cells, MINUTES, findings)
    else:
        findings.warn("chart", "nothing was charted in this stay", 0)
    return Record(
        record_id=path.stem,
        source=str(path),
        channels=channels,
        values=values,
        observed={name: ~np.isnan(array) for name, array in values.items()},
        hours=hours,
        labels=deaths_beside(path),
        meta=RecordMeta(NAME, findings=findings.all()),
    )
