"""From the times of rows to a steady grid: the rate, and where each row stands on it; what is absent is a gap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from amfn.readers.csv_mapping import TIME_UNITS
from amfn.readers.findings import Findings
from amfn.readers.wfdb_header import MAX_RATE_HZ, MIN_RATE_HZ
from amfn.types import InputError

MAX_STRETCH = 20
"""A file with gaps may be this many times longer on the clock than it has rows."""
MANY_GAPS = 0.2
ROUNDED, COARSEST_S = 0.01, 0.1
USUAL_HZ = (62.5, 100.0, 120.0, 125.0, 128.0, 200.0, 240.0, 250.0, 256.0, 360.0, 500.0, 512.0, 1000.0)
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,3}):)?(\d{1,2}(?:[.,]\d+)?)")


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Rows on a steady clock. index i64[n]: the place of each row; steps: places altogether; start: ISO date and time
    of the first row, None where only elapsed time is known; origin_s: the first row's own time."""

    rate_hz: float
    index: np.ndarray
    steps: int
    start: str | None = None
    origin_s: float = 0.0


def steady(rate_hz: float, rows: int) -> Grid:
    """The grid of rows that come at a stated rate."""
    return Grid(rate_hz, np.arange(rows), rows)


def clock_seconds(path: Path, cells: Sequence[str], first_line: int) -> tuple[np.ndarray, str | None]:
    """f64[n] seconds from clock times (HH:MM:SS, MM:SS) or ISO 8601 dates, and the first date."""
    if cells and _CLOCK.fullmatch(cells[0].strip("[]")):
        found = [_CLOCK.fullmatch(cell.strip("[]")) for cell in cells]
        bad = next((k for k, match in enumerate(found) if match is None), None)
        if bad is not None:
            raise _unreadable(path, cells[bad], first_line + bad)
        return np.array([_elapsed(*match.groups()) for match in found if match is not None]), None
    points = [cell.replace(",", ".") for cell in cells]
    stamps = pd.to_datetime(pd.Series(points, dtype=object), format="ISO8601", errors="coerce", utc=True)
    missing = np.flatnonzero(stamps.isna().to_numpy())
    if missing.size:
        raise _unreadable(path, cells[int(missing[0])], first_line + int(missing[0]))
    nanoseconds = stamps.dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64)
    # Counted from the first: seconds since 1970 would lose the microseconds in a double.
    return (nanoseconds - nanoseconds[0]) / 1e9, stamps.iloc[0].tz_localize(None).isoformat()


def _elapsed(hours: str | None, minutes: str | None, seconds: str) -> float:
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))


def _unreadable(path: Path, cell: str, line: int) -> InputError:
    return InputError(
        path,
        f"the time {cell[:40]!r} in line {line:,}",
        "seconds, HH:MM:SS or dates as 2026-01-31 12:00:00.000",
        "Export the times anew, or give the rate instead of the column (Data page, CSV columns).",
    )


def grid_of(
    path: Path,
    times: np.ndarray,
    unit: str,
    findings: Findings,
    first_line: int,
    start: str | None = None,
    low: float = MIN_RATE_HZ,
) -> Grid:
    """The grid that times f64[n] lie on. Gaps are noted as findings.

    Raises InputError where times are missing, go back, repeat or are uneven, or where the rate is none of a signal.
    """
    seconds = times * TIME_UNITS[unit]
    missing = np.flatnonzero(~np.isfinite(seconds))
    if missing.size:
        raise _bad(path, f"no time in line {first_line + int(missing[0]):,}", "a time in every row")
    if len(seconds) < 2:
        raise _bad(path, f"{len(seconds)} row", "two or more", "Export more of the record.")
    origin = float(seconds[0])
    seconds = seconds - origin
    steps = np.diff(seconds)
    back = np.flatnonzero(steps < 0) if (steps < 0).any() else _stands_still(steps)
    if back.size:
        how, at = "goes back" if steps[back[0]] < 0 else "stands still", f"{first_line + int(back[0]) + 1:,}"
        raise _bad(path, f"time {how} in line {at} ({back.size:,} such rows)", "rising times")
    gaps = _gaps(steps)
    if gaps.mean() > MANY_GAPS or not _even(seconds, steps, gaps):
        raise _bad(path, f"uneven times (steps of {steps.min():g} to {steps.max():g} s)", "rows at a steady rate")
    if not steps.all():
        findings.note("time", "times written too coarsely to tell rows apart: rows taken as evenly spaced", 0)
    rate = _rate(steps, gaps)
    if not low <= rate <= MAX_RATE_HZ:
        raise _bad(
            path,
            f"{rate:.4g} rows a second, with times in {unit}",
            f"a waveform at {low:g} to {MAX_RATE_HZ:g} Hz (trends are not waveforms)",
            "Where the times have another unit, name it (Data page, CSV columns).",
        )
    index = np.concatenate([[0], np.cumsum(np.where(gaps, np.round(steps * rate), 1))]).astype(np.int64)
    total = int(index[-1]) + 1
    if total > MAX_STRETCH * len(seconds):
        raise _bad(
            path,
            f"jumps in time of {steps.max() / 3600:.1f} h between {len(seconds):,} rows",
            "a record without such jumps",
            "Cut it into one file for each stretch.",
        )
    if gaps.any():
        longest = int(np.argmax(steps))
        findings.warn(
            "time",
            f"{int(gaps.sum()):,} gap{'s' if gaps.sum() > 1 else ''}, the longest of {steps[longest]:.3g} s after line "
            f"{first_line + longest:,}: kept as missing",
            total - len(seconds),
        )
    return Grid(rate, index, total, start, origin)


def _stands_still(steps: np.ndarray) -> np.ndarray:
    """Where time repeats without being merely rounded: rounding repeats often, a row written twice is rare."""
    repeats = np.flatnonzero(steps == 0)
    rounded = repeats.size > ROUNDED * steps.size and repeats.size < steps.size
    return np.zeros(0, int) if rounded and steps[steps > 0].min() <= COARSEST_S else repeats


def _gaps(steps: np.ndarray) -> np.ndarray:
    """bool[n - 1]: steps over which rows are lacking; none where rounding the times explains all of them."""
    finest = float(steps[steps > 0].min())
    usual = max(float(np.median(steps)), finest)
    if finest >= 0.9 * usual and steps.all():
        return steps > 1.5 * usual
    none = np.zeros(steps.shape, bool)
    even = _even(np.concatenate([[0.0], np.cumsum(steps)]), steps, none)
    return none if even else steps > usual + max(usual / 2, finest)


def _even(seconds: np.ndarray, steps: np.ndarray, gaps: np.ndarray) -> bool:
    """Whether the rows between gaps keep to one rate, within half a step or what rounding the times takes."""
    if gaps.all():
        return False
    dt = float(steps[~gaps].mean())
    finest = float(steps[steps > 0].min())
    stretch = np.concatenate([[0], np.cumsum(gaps)])
    first = np.flatnonzero(np.diff(stretch, prepend=-1))[stretch]
    off = np.abs(seconds - seconds[first] - dt * (np.arange(len(seconds)) - first))
    return bool(off.max() <= (max(dt, finest) if finest < 0.9 * dt or not steps.all() else dt / 2))


def _rate(steps: np.ndarray, gaps: np.ndarray) -> float:
    """Rows a second between gaps; a usual or whole rate where the rows keep to it as exactly as times are written."""
    count, seconds = int((~gaps).sum()), float(steps[~gaps].sum())
    rate = count / seconds
    slack = 0.5 if steps.all() else max(0.5, rate * float(steps[steps > 0].min()))
    near = [
        usual
        for usual in (*USUAL_HZ, float(round(rate)))
        if abs(rate - usual) <= 0.01 * usual and abs(seconds * usual - count) <= slack
    ]
    return near[0] if near else rate


def _bad(path: Path, came: str, expected: str, mend: str = "") -> InputError:
    return InputError(
        path,
        came,
        expected,
        mend or "Export the times anew, or give the rate instead of the column (Data page, CSV columns).",
    )
