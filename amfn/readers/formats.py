"""The formats that can be read, and `read_record`, which finds the right one. A new format: a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from amfn.readers import challenge2012, wfdb_format
from amfn.types import InputError, Record


@dataclass(frozen=True, slots=True)
class Format:
    """`recognise` tells by name and neighbours whether a path is of this format; `read` gives the record."""

    name: str
    recognise: Callable[[Path], bool]
    read: Callable[[Path], Record]


FORMATS: tuple[Format, ...] = (
    Format(wfdb_format.NAME, wfdb_format.recognise, wfdb_format.read),
    Format(challenge2012.NAME, challenge2012.recognise, challenge2012.read),
)


def read_record(path: str | Path) -> Record:
    """The record at `path`: a WFDB header (`X.hea`, `X`, or `X.dat` / `X.mat` beside it) or a Challenge 2012 stay.

    Values are in physical units, NaN and unobserved outside wide physiological limits; what was noticed is in
    `meta.findings`, known outcomes in `labels`. Raises InputError where no record can be had.
    """
    path = Path(path)
    try:
        for form in FORMATS:
            if form.recognise(path):
                return form.read(path)
        raise _unknown(path)
    except MemoryError as error:
        raise InputError(
            path, "too large for this machine's memory", "a record that fits into it", "Cut it into shorter records."
        ) from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, f"it cannot be opened ({error})", "the path of a record", "Check the path.") from error


def _unknown(path: Path) -> InputError:
    if path.is_dir():
        return InputError(
            path, "a folder", "one record: a .hea header or a stay's .txt file", "Name a file in the folder."
        )
    if path.is_file():
        return InputError(
            path,
            f"a file of unknown format {path.suffix or '(no suffix)'}",
            "a .hea header or a stay's .txt file",
            "Name the record's header or text file.",
        )
    near = (
        get_close_matches(path.name, sorted(p.name for p in path.parent.iterdir()), 3) if path.parent.is_dir() else []
    )
    hint = f"Did you mean {', '.join(near)}?" if near else "Check the path."
    return InputError(path, "nothing there", "a record: a .hea header or a stay's .txt file", hint)
