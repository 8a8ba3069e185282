"""A CSV file as columns of numbers: encoding, separators and headings found out, text among numbers counted.

The file is read in blocks, so that memory holds the numbers and one block of text. Nothing here knows of signals.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from amfn.readers.findings import Findings
from amfn.types import InputError

MAX_BYTES = 1_000_000_000
MAX_COLUMNS = 500
HEAD_BYTES = 65_536
BLOCK_BYTES = 4_194_304
HEAD_ROWS = 40
MISSING = ("", "nan", "na", "n/a", "null", "none", "-", "--", "?")
_SEPARATORS = ",;\t|"
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Opening:
    """How a file begins. names: the columns, unique; units: from a line of units below them, else empty; skip: lines
    before the first row of numbers; rows: the first of these as text."""

    path: Path
    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    skip: int
    rows: tuple[tuple[str, ...], ...]
    repeated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Cells of a column that are no numbers: how many, and the first with its line."""

    count: int
    line: int
    example: str


@dataclass(slots=True)
class Column:
    """A column as it grows: values f64[n], NaN for an empty cell and for text."""

    blocks: list[np.ndarray] = field(default_factory=list)
    text: Text | None = None

    def values(self) -> np.ndarray:
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0)

    def add(self, block: np.ndarray, count: int, line: int, example: str) -> None:
        self.blocks.append(block)
        if count:
            known = self.text or Text(0, line, example)
            self.text = Text(known.count + count, known.line, known.example)


def open_csv(path: Path, delimiter: str | None = None, decimal: str | None = None) -> Opening:
    """How the file is written. Raises InputError for what is no table of text, or one that can be read in two ways."""
    raw = _head(path)
    encoding = _encoding(path, raw)
    text = raw.decode(encoding, errors="ignore").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if len(raw) == HEAD_BYTES:
        lines = lines[:-1]  # the last one is cut off
    blank = next((k for k, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[blank : blank + HEAD_ROWS]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise InputError(path, "an empty file", "a line of column names and rows of numbers", "Export it again.")
    delimiter = delimiter or _delimiter(path, lines)
    cells = [[cell.strip().strip("'\"").strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    if len(cells) == 1:
        raise InputError(path, "a heading and no row", "rows of numbers below the column names", "Export it again.")
    if _numeric(cells[0]) and not any(not _NUMBER.fullmatch(cell) for cell in cells[0] if cell):
        raise InputError(
            path,
            f"the first line is numbers ({', '.join(cells[0][:4])} …)",
            "the names of the columns in the first line",
            "Write a line of names above the numbers, such as: time_s,II,ABP",
        )
    if len(cells[0]) > MAX_COLUMNS:
        raise InputError(path, f"{len(cells[0]):,} columns", f"at most {MAX_COLUMNS}", "Export fewer columns.")
    # A line below the names in which no cell is a number or a time states the units.
    has_units = len(cells) > 2 and len(cells[1]) == len(cells[0]) and not any(re.search(r"\d", c) for c in cells[1])
    has_units = has_units and any(cells[1]) and not {c.lower() for c in cells[1]} <= set(MISSING)
    rows = cells[2 if has_units else 1 :]
    names, repeated = _unique(cells[0])
    return Opening(
        path,
        encoding,
        delimiter,
        decimal or _decimal(path, delimiter, rows),
        names,
        tuple(cells[1]) if has_units else ("",) * len(names),
        blank + (2 if has_units else 1),
        tuple(tuple(row) for row in rows),
        repeated,
    )


def _head(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            raw = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(
            path, f"it cannot be read ({error.strerror})", "a readable file", "Check the path and its permissions."
        ) from error
    if size > MAX_BYTES:
        raise InputError(
            path, f"{size / 1e9:.1f} GB", f"at most {MAX_BYTES / 1e9:g} GB of text", "Cut it into shorter files."
        )
    return raw


def _encoding(path: Path, raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in raw:
        raise InputError(path, "bytes that are not text", "a CSV file in UTF-8 or UTF-16", "Export it again as CSV.")
    try:
        raw[: raw.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"  # as spreadsheets export where the unit is written with a µ
    return "utf-8-sig"


def _delimiter(path: Path, lines: Sequence[str]) -> str:
    """The sign that stands equally often in every line. Raises InputError where lines differ in their separator."""
    counts = {sign: [line.count(sign) for line in lines] for sign in _SEPARATORS}
    steady = [sign for sign, found in counts.items() if found[0] and len(set(found)) == 1]
    if "," in steady and len(steady) > 1:
        steady.remove(",")  # then the comma is the decimal mark
    if len(steady) == 1 or (steady and len({counts[s][0] for s in steady}) > 1):
        return max(steady, key=lambda sign: counts[sign][0])
    in_heading = [sign for sign, found in counts.items() if found[0]]
    if not in_heading:
        if not any(any(found) for found in counts.values()):
            return ","  # one column
        in_heading = [sign for sign, found in counts.items() if any(found)]
    head = max(in_heading, key=lambda sign: counts[sign][0])
    other = next(
        ((k, s) for k, line in enumerate(lines[1:], 2) for s in _SEPARATORS if s != head and line.count(s)), None
    )
    if head == "," and all(found >= 2 * counts[","][0] for found in counts[","][1:]):
        raise InputError(
            path,
            "commas both between columns and as decimal marks",
            "decimal points, or semicolons between columns",
            "Export it again with another separator.",
        )
    bad = next((k for k, found in enumerate(counts[head][1:], 2) if found != counts[head][0]), None)
    if bad is not None and other is not None and other[0] <= bad and not counts[head][bad - 1]:
        raise InputError(
            path,
            f"mixed separators: {_word(head)} in the first line, {_word(other[1])} in line {other[0]}",
            "one separator throughout",
            "Export it again.",
        )
    return head


def _word(sign: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[sign]


def _decimal(path: Path, delimiter: str, rows: Sequence[Sequence[str]]) -> str:
    """ "," where the numbers are written so. Raises InputError where both marks occur."""
    numbers = [cell for row in rows for cell in row if _NUMBER.fullmatch(cell)]
    comma, point = (any(mark in cell for cell in numbers) for mark in (",", "."))
    if comma and point:
        raise InputError(
            path, "decimal points and decimal commas", "one decimal mark throughout", "Export it again with points."
        )
    return "," if comma and delimiter != "," else "."


def _numeric(row: Sequence[str]) -> bool:
    return any(_NUMBER.fullmatch(cell) for cell in row)


def _unique(cells: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names for all columns, a second II as II#2, and those that were repeated."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(cells, start=1):
        name = cell or f"column {number}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(names), tuple(name for name, count in seen.items() if count > 1)


def read_columns(
    opened: Opening, wanted: Sequence[str], findings: Findings, max_rows: int | None = None
) -> tuple[dict[str, Column], dict[str, list[str]]]:
    """The wanted columns as numbers, and as text those of them that hold a ":" in their first row (clock times, dates).

    Raises InputError for rows of another width than the heading; a last row that is cut short is left out.
    """
    clocks = {name for name in wanted if _is_clock(opened, name)}
    columns: dict[str, Column] = {name: Column() for name in wanted if name not in clocks}
    texts: dict[str, list[str]] = {name: [] for name in clocks}
    line = opened.skip + 1
    batches = _batches(opened, findings) if max_rows is None else [_beginning(opened, max_rows)]
    for batch in batches:
        for name in wanted:
            cells = pc.utf8_trim(batch.column(opened.names.index(name)).cast(pa.string()), characters=" '\"\t")
            if name in clocks:
                texts[name] += cells.to_pylist()
            else:
                columns[name].add(*_numbers(cells, opened.decimal, line))
        line += batch.num_rows
    return columns, texts


def _is_clock(opened: Opening, name: str) -> bool:
    at = opened.names.index(name)
    return any(":" in row[at] or row[at].count("-") > 1 for row in opened.rows[:1] if len(row) > at)


def _beginning(opened: Opening, max_rows: int) -> pa.RecordBatch:
    """The first rows of full width, without the block reader: left half way, its threads outlive it."""
    width = len(opened.names)
    with opened.path.open(encoding=opened.encoding, errors="replace", newline="") as file:
        lines = islice(file, opened.skip, opened.skip + max_rows)
        rows = [row for row in csv.reader(lines, delimiter=opened.delimiter) if len(row) == width]
    columns = [pa.array([row[k] for row in rows], pa.string()) for k in range(width)]
    return pa.RecordBatch.from_arrays(columns, names=[f"c{k}" for k in range(width)])


def _batches(opened: Opening, findings: Findings) -> Iterator[pa.RecordBatch]:
    """Blocks of rows as text. Raises InputError with the line where the width changes."""
    bad: list[pacsv.InvalidRow] = []

    def note(row: pacsv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    stand_ins = [f"c{k}" for k in range(len(opened.names))]
    encoding = "utf-8" if opened.encoding == "utf-8-sig" else opened.encoding
    try:
        reader = pacsv.open_csv(
            opened.path,
            pacsv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                skip_rows=opened.skip,
                column_names=stand_ins,
                encoding=encoding,
            ),
            pacsv.ParseOptions(delimiter=opened.delimiter, invalid_row_handler=note, ignore_empty_lines=True),
            pacsv.ConvertOptions(column_types=dict.fromkeys(stand_ins, pa.string()), strings_can_be_null=False),
        )
        rows = 0
        for batch in reader:
            rows += batch.num_rows
            yield batch
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise InputError(
            opened.path,
            "bytes in it that are not text" if "UTF" in str(error).upper() else "rows that cannot be told apart",
            f"a CSV file in {opened.encoding.removesuffix('-sig').upper()} with one row a line",
            "Export it again as CSV in UTF-8.",
        ) from error
    if len(bad) == 1 and bad[0].actual_columns < bad[0].expected_columns and (bad[0].number or 0) > rows + opened.skip:
        findings.warn("rows", "the last line is cut short: left out", 1)
    elif bad:
        where = f" in line {bad[0].number:,}" if bad[0].number else ""
        raise InputError(
            opened.path,
            f"{bad[0].actual_columns} columns{where}, {bad[0].expected_columns} in the first ({len(bad):,} such rows)",
            "the same number of columns in every row",
            "Export it again; where commas are decimal marks, with semicolons between columns.",
        )


def _numbers(cells: pa.Array, decimal: str, line: int) -> tuple[np.ndarray, int, int, str]:
    """f64[n], the number of cells that are text, the line of the first such cell, and the cell."""
    if decimal == ",":
        cells = pc.replace_substring(cells, ",", ".")
    try:
        return pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False), 0, 0, ""
    except pa.ArrowInvalid:
        number = pc.match_substring_regex(cells, r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
    # "inf" and other words that a conversion would take for numbers are text.
    values = pc.cast(pc.if_else(number, cells, "nan"), pa.float64()).to_numpy(zero_copy_only=False)
    missing = pc.is_in(pc.utf8_lower(cells), pa.array(MISSING))
    text = np.flatnonzero(~pc.or_(number, missing).to_numpy(zero_copy_only=False))
    example = str(cells[int(text[0])])[:40] if text.size else ""
    return values, int(text.size), line + int(text[0]) if text.size else 0, example
