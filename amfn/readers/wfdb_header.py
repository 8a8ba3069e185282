"""A strict, pure parser of WFDB header files.

The wfdb library reads headers leniently: an unreadable sampling rate silently becomes 250 Hz, a missing unit mV. What
is physical must not be guessed, so the header is read here first, and the library is asked for samples only.
Standard: WFDB Applications Guide, header(5) and signal(5).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from amfn.types import InputError

MIN_RATE_HZ, MAX_RATE_HZ = 10.0, 10_000.0
MAX_HEADER_BYTES = 4_000_000
DEFAULT_GAIN, MAX_GAIN = 200.0, 1e9
NO_SIGNAL = "~"

# Bytes a sample takes on disk; the FLAC formats have no fixed size.
SAMPLE_BYTES = {"8": 1.0, "16": 2.0, "24": 3.0, "32": 4.0, "61": 2.0, "80": 1.0, "160": 2.0, "212": 1.5}
SAMPLE_BYTES |= {"310": 4 / 3, "311": 4 / 3}
FLAC_FORMATS = frozenset({"508", "516", "524"})

_NAME = re.compile(r"(?P<name>[-\w]+)(/(?P<segments>\d{1,6}))?", re.ASCII)
_FORMAT = re.compile(r"(?P<fmt>\d{1,3})(x(?P<frame>\d{1,5}))?(:(?P<skew>\d{1,9}))?(\+(?P<offset>\d{1,12}))?", re.ASCII)
_GAIN = re.compile(
    r"(?P<gain>-?(\d{1,15}\.?\d{0,15}|\.\d{1,15})(e[-+]?\d{1,3})?)(\((?P<baseline>-?\d{1,10})\))?(/(?P<unit>\S+))?",
    re.ASCII,
)
_COUNT = re.compile(r"\d{1,12}", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class SignalLine:
    """One signal: `unit` is None where the header states none, `gain` is None where it is missing or zero."""

    file: str
    fmt: str
    frame: int
    skew: int
    offset: int
    gain: float | None
    unit: str | None
    name: str

    @property
    def is_null(self) -> bool:
        return self.file == NO_SIGNAL or self.fmt == "0"


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """One segment of a multi-segment record; `name` is "~" for a gap."""

    name: str
    length: int


@dataclass(frozen=True, slots=True)
class Header:
    """A header file's content. `length` is in frames, None where not stated; `fs` in frames per second."""

    path: Path
    fs: float
    length: int | None
    start: str | None
    signals: tuple[SignalLine, ...]
    segments: tuple[SegmentLine, ...]
    comments: tuple[str, ...]


def header_lines(text: str) -> list[str]:
    """Lines split as WFDB does, at line ends only, stripped, empty ones left out."""
    return [line for line in (raw.strip() for raw in re.split(r"\r\n|\r|\n", text)) if line]


def read_header(path: Path) -> Header:
    """Parse a header file, single- or multi-segment.

    Raises InputError where the file cannot be read, is not a header, names a file outside its folder, or states an
    absurd sampling rate.
    """
    lines = header_lines(_text(path))
    body = [line for line in lines if not line.startswith("#")]
    comments = tuple(line.strip(" \t#") for line in lines if line.startswith("#"))
    if not body:
        raise _bad(path, "no record line", "a WFDB header: name, number of signals, sampling rate, number of samples")
    bad = next((line for line in body if not line.isascii()), None)
    if bad is not None:
        raise _bad(path, f"non-ASCII characters in {bad[:60]!r}", "plain ASCII outside comments (uV for microvolt)")
    n_segments, n_signals, fs, length, start = _record_line(path, body[0])
    rows = body[1:]
    expected = n_signals if n_segments is None else n_segments
    if len(rows) != expected or not rows:
        raise _bad(path, f"{len(rows)} lines after the first", f"{max(expected, 1)}, as its first line says")
    if n_segments is None:
        signals = tuple(_signal_line(path, row, index) for index, row in enumerate(rows))
        return Header(path, fs, length, start, signals, (), comments)
    segments = tuple(_segment_line(path, row) for row in rows)
    return Header(path, fs, length, start, (), segments, comments)


def segments_length(master: Header) -> int:
    """Frames of all segments together. Raises InputError where that is none, or not what the master header states."""
    length = sum(segment.length for segment in master.segments)
    if master.length not in (None, length) or length == 0:
        raise InputError(
            master.path,
            f"segments of {length:,} samples together",
            f"a record of {master.length or 'some'} samples",
            "Mend the master header.",
        )
    return length


def segment_header(master: Header, name: str, length: int) -> Header:
    """The header of a segment of so many frames. Raises InputError where it is missing or does not fit its master."""
    path = master.path.with_name(f"{name}.hea")
    if not path.is_file():
        raise InputError(
            master.path,
            f"its segment header {path.name} is missing",
            "every segment beside the master",
            "Fetch the record again.",
        )
    header = read_header(path)
    if header.segments:
        raise InputError(path, "a segment made of segments", "a single-segment header", "Mend the master header.")
    if not math.isclose(header.fs, master.fs) or header.length not in (None, length):
        raise InputError(
            path,
            f"{header.length} samples at {header.fs:g} Hz",
            f"{length} samples at {master.fs:g} Hz, as {master.path.name} says",
            "Fetch the record again, master and segments together.",
        )
    return header


def _bad(path: Path, came: str, expected: str) -> InputError:
    return InputError(path, came, expected, "Mend the header, or fetch the record again from its source.")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_HEADER_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(
            path,
            f"the header cannot be read ({_reason(error)})",
            "a readable WFDB header",
            "Check the path and its permissions.",
        ) from error
    if len(raw) > MAX_HEADER_BYTES:
        raise _bad(path, f"a header of more than {MAX_HEADER_BYTES} bytes", "a small text file")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # only comments may hold it: other lines are checked for ASCII
    if _FORBIDDEN.search(text):
        raise _bad(path, "binary content", "a WFDB header in plain text")
    return text


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _record_line(path: Path, line: str) -> tuple[int | None, int, float, int | None, str | None]:
    fields = line.split()
    match = _NAME.fullmatch(fields[0])
    if match is None or len(fields) < 2 or not _COUNT.fullmatch(fields[1]):
        raise _bad(
            path, f"the first line {line[:80]!r}", "record name, number of signals, sampling rate, number of samples"
        )
    if len(fields) < 3:
        raise _bad(path, "no sampling rate", f"one between {MIN_RATE_HZ:g} and {MAX_RATE_HZ:g} Hz on the first line")
    fs = _rate(path, fields[2])
    if len(fields) > 3 and not _COUNT.fullmatch(fields[3]):
        raise _bad(path, f"a number of samples of {fields[3][:40]!r}", "a whole number")
    length = int(fields[3]) if len(fields) > 3 else None
    segments = match["segments"]
    return (int(segments) if segments else None), int(fields[1]), fs, length, _start(fields[4:6])


def _rate(path: Path, field: str) -> float:
    try:
        fs = float(field.split("/", 1)[0])
    except ValueError:
        fs = math.nan
    if not MIN_RATE_HZ <= fs <= MAX_RATE_HZ:
        raise _bad(
            path,
            f"a sampling rate of {field[:40]!r} Hz",
            f"a waveform at {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} Hz (trends are not waveforms)",
        )
    return fs


def _start(fields: list[str]) -> str | None:
    """ISO date and time, or the time alone; None where missing or not a time. Shared records have shifted dates."""
    if not fields:
        return None
    text, style = fields[0], "%H:%M:%S.%f" if "." in fields[0] else "%H:%M:%S"
    try:
        if len(fields) == 2:
            return datetime.strptime(f"{fields[1]} {text}", f"%d/%m/%Y {style}").isoformat()
        return datetime.strptime(text, style).time().isoformat()
    except ValueError:
        return None


def _inside(path: Path, name: str) -> None:
    if "/" in name or "\\" in name or ":" in name or name in {"", ".", ".."}:
        raise InputError(
            path,
            f"it points to {name[:120]!r}, outside its folder",
            "the plain name of a file beside the header",
            "Put the file beside the header and name it there without a folder.",
        )


def _signal_line(path: Path, line: str, index: int) -> SignalLine:
    fields = line.split(None, 8)
    _inside(path, fields[0])
    match = _FORMAT.fullmatch(fields[1]) if len(fields) > 1 else None
    if match is None:
        raise _bad(path, f"the signal line {line[:80]!r}", "file, format, gain/unit … and the signal's name")
    fmt, null = match["fmt"], fields[0] == NO_SIGNAL or match["fmt"] == "0"
    if not null and fmt not in SAMPLE_BYTES and fmt not in FLAC_FORMATS:
        raise _bad(path, f"signal format {fmt}", f"one of {', '.join(sorted({*SAMPLE_BYTES, *FLAC_FORMATS}, key=int))}")
    gain, unit = _gain(path, fields[2] if len(fields) > 2 else "0")
    for field in fields[3:8]:
        if not re.fullmatch(r"-?\d{1,12}", field, re.ASCII):
            raise _bad(
                path, f"{field[:40]!r} in the signal line {line[:80]!r}", "whole numbers before the signal's name"
            )
    return SignalLine(
        file=fields[0],
        fmt=fmt,
        frame=max(int(match["frame"] or 1), 1),
        skew=int(match["skew"] or 0),
        offset=int(match["offset"] or 0),
        gain=gain,
        unit=unit,
        name=fields[8].strip() if len(fields) > 8 else f"signal {index}",
    )


def _gain(path: Path, field: str) -> tuple[float | None, str | None]:
    match = _GAIN.fullmatch(field)
    gain = float(match["gain"]) if match else math.nan
    if match is None or not (gain == 0 or 1 / MAX_GAIN <= abs(gain) <= MAX_GAIN):
        raise _bad(path, f"a gain of {field[:40]!r}", "a number, its baseline in brackets and its unit: 200(0)/mV")
    return gain or None, match["unit"]


def _segment_line(path: Path, line: str) -> SegmentLine:
    fields = line.split()
    _inside(path, fields[0])
    if (
        len(fields) != 2
        or not _COUNT.fullmatch(fields[1])
        or not (_NAME.fullmatch(fields[0]) or fields[0] == NO_SIGNAL)
    ):
        raise _bad(path, f"the segment line {line[:80]!r}", "a segment's name and its number of samples")
    return SegmentLine(fields[0], int(fields[1]))
