"""Marks that others left beside a record: beats, rhythm changes and comments in WFDB annotation files.

Standard: WFDB Applications Guide, annot(5). Every file of the record's name whose ending is not that of another kind of
file is tried; what cannot be an annotation file is said in a finding.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import wfdb
from wfdb.io.annotation import ann_label_table

from amfn.readers.findings import Findings
from amfn.readers.wfdb_format import header_path
from amfn.readers.wfdb_header import read_header
from amfn.readers.wfdb_samples import LIBRARY_ERRORS
from amfn.types import Finding

MAX_BYTES = 20_000_000
OTHERS = frozenset({"hea", "dat", "mat", "txt", "csv", "tsv", "json", "xml", "html", "md", "pdf", "png", "jpg", "svg"})
OTHERS |= {"edf", "flac", "zip", "gz", "xws", "py", "sha256", "md5", "bak", "tmp", "parquet"}
NOTE = '"'
MEANINGS: dict[str, str] = dict(zip(ann_label_table["symbol"], ann_label_table["description"], strict=True))


@dataclass(frozen=True, slots=True)
class Mark:
    """One annotation. seconds: from the record's start; symbol: WFDB's code ("N", "V", "+"); words: what it means, with
    the annotator's own note ("Rhythm change: AFIB"); source: the file's ending ("atr")."""

    seconds: float
    symbol: str
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Annotations:
    """All marks of a record in order of time, and what was wrong with files that could not be used."""

    marks: tuple[Mark, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Mark]:
        return iter(self.marks)

    def __len__(self) -> int:
        return len(self.marks)

    def within(self, start_s: float, stop_s: float) -> tuple[Mark, ...]:
        """The marks from start_s up to, not including, stop_s."""
        first, last = (bisect_left(self.marks, t, key=lambda mark: mark.seconds) for t in (start_s, stop_s))
        return self.marks[first:last]


def annotations_beside(path: Path) -> Annotations:
    """The marks of all annotation files beside the WFDB record that `path` means, as `open_waves` takes it; none where
    it is a record of another kind. Raises InputError for a header that cannot be used."""
    found = header_path(path)
    if found is None:
        return Annotations()
    header, findings, marks = read_header(found), Findings(), list[Mark]()
    for file in sorted(found.parent.iterdir()):
        ending = file.name.removeprefix(f"{found.stem}.")
        if file.name != ending and "." not in ending and ending.lower() not in OTHERS and file.is_file():
            marks += _marks(file, ending, header.fs, findings)
    marks.sort(key=lambda mark: mark.seconds)
    return Annotations(tuple(marks), findings.all())


def _marks(file: Path, ending: str, rate: float, findings: Findings) -> list[Mark]:
    try:
        if file.stat().st_size > MAX_BYTES:
            findings.warn(file.name, f"over {MAX_BYTES // 10**6} MB: not read as annotations", 0)
            return []
        read = wfdb.rdann(str(file.absolute().with_suffix("")), ending)
        times, symbols, notes = read.sample.tolist(), list(read.symbol), list(read.aux_note)
    except LIBRARY_ERRORS:
        findings.warn(file.name, "not a WFDB annotation file, or damaged: left out", 0)
        return []
    if not times or times != sorted(times) or times[0] < 0:
        findings.warn(file.name, "no annotations in order of time in it: left out", len(times))
        return []
    rate = float(read.fs or rate)
    return [
        Mark(time / rate, symbol, _words(symbol, note), ending)
        for time, symbol, note in zip(times, symbols, notes, strict=True)
    ]


def _words(symbol: str, note: str) -> str:
    meaning = MEANINGS.get(symbol, f"annotation {symbol!r}")
    own = note.strip("\x00 \t\n").removeprefix("(")
    if not own:
        return meaning
    return own if symbol == NOTE else f"{meaning}: {own}"
