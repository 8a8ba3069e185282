"""The formats that can be read, and `read_record`, which finds the right one. A new format: a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from amfn.readers import challenge2012, csv_waves, meds, wfdb_format
from amfn.readers.folder import RecordRef
from amfn.types import InputError, Record


@dataclass(frozen=True, slots=True)
class Format:
    """`recognise` tells by name and neighbours whether a path is of this format; `read` gives the record, `read_part`
    one of several in a file, by its name."""

    name: str
    recognise: Callable[[Path], bool]
    read: Callable[[Path], Record]
    read_part: Callable[[Path, str], Record] | None = None


FORMATS: tuple[Format, ...] = (
    Format(wfdb_format.NAME, wfdb_format.recognise, wfdb_format.read),
    Format(challenge2012.NAME, challenge2012.recognise, challenge2012.read),
    Format(csv_waves.NAME, csv_waves.recognise, csv_waves.read),
    Format(meds.NAME, meds.recognise, meds.read, meds.read),
)


PART = "::"
"""Stands between a file of many records and the name of one."""


def read_ref(ref: RecordRef) -> Record:
    """The record that a folder lists. Raises InputError as `read_record` does."""
    return _read(ref.path, ref.part)


def read_record(path: str | Path) -> Record:
    """The record at `path`: a WFDB header (`X.hea`, `X`, or `X.dat` / `X.mat` beside it), a Challenge 2012 stay, or a
    stay in a MEDS file (`events.parquet::12345_1`; the file alone where it holds one stay).

    Values are in physical units, NaN and unobserved outside wide physiological limits; what was noticed is in
    `meta.findings`, known outcomes in `labels`. Raises InputError where no record can be had.
    """
    path = Path(path)
    name, mark, part = path.name.rpartition(PART)
    return _read(path.with_name(name), part) if mark and name and part else _read(path, None)


def _read(path: Path, part: str | None) -> Record:
    try:
        for form in FORMATS:
            if form.recognise(path):
                if part is None:
                    return form.read(path)
                if form.read_part is not None:
                    return form.read_part(path, part)
                raise InputError(
                    path, f"{PART}{part[:80]} after a file that is one record", "the path alone", "Leave it out."
                )
        raise _unknown(path)
    except MemoryError as error:
        raise InputError(
            path, "too large for this machine's memory", "a record that fits into it", "Cut it into shorter records."
        ) from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, f"it cannot be opened ({error})", "the path of a record", "Check the path.") from error


_RECORDS = "a .hea header, a stay's .txt file, a CSV of waveforms or a MEDS .parquet file"


def _unknown(path: Path) -> InputError:
    if path.is_dir():
        return InputError(path, "a folder", f"one record: {_RECORDS}", "Name a file in the folder.")
    if path.is_file():
        return InputError(
            path,
            f"a file of unknown format {path.suffix or '(no suffix)'}",
            _RECORDS,
            "Name the record's header, text or Parquet file.",
        )
    near = (
        get_close_matches(path.name, sorted(p.name for p in path.parent.iterdir()), 3) if path.parent.is_dir() else []
    )
    hint = f"Did you mean {', '.join(near)}?" if near else "Check the path."
    return InputError(path, "nothing there", f"a record: {_RECORDS}", hint)
