"""What stands beside a CSV of waveforms: the monitor's numbers, fixed facts and marks by hand (BIDMC's layout)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from amfn.readers.channels import ADMISSION
from amfn.readers.csv_mapping import heading, is_time, time_unit
from amfn.readers.csv_table import open_csv, read_columns
from amfn.readers.csv_time import grid_of
from amfn.readers.findings import Findings
from amfn.types import Channel, InputError

SIGNALS, NUMERICS, BREATHS, FIX = "_Signals", "_Numerics", "_Breaths", "_Fix"
COMPANIONS = (NUMERICS, BREATHS)
MAX_FIX_BYTES = 100_000
SLOWEST_HZ = 1 / 3600

NUMBERS: Mapping[str, Channel] = MappingProxyType(
    {
        "HR": Channel("HR", "bpm", 10, 300, "Heart rate"),
        "PULSE": Channel("PULSE", "bpm", 10, 300, "Pulse rate"),
        "RESP": Channel("RESP", "breaths/min", 1, 100, "Respiration rate"),
        "SPO2": Channel("SpO2", "%", 20, 100, "Oxygen saturation (pulse oximeter)"),
    }
)

Part = tuple[tuple[Channel, ...], np.ndarray, np.ndarray]
"""Channels, values f32[T, C] and hours f64[T] of one modality."""


def sibling(signals: Path, kind: str, suffix: str = ".csv") -> Path | None:
    """X_Numerics.csv of X_Signals.csv; None where there is none."""
    if not signals.stem.endswith(SIGNALS):
        return None
    path = signals.with_name(f"{signals.stem.removesuffix(SIGNALS)}{kind}{suffix}")
    return path if path.is_file() else None


def is_companion(path: Path) -> bool:
    """True for a file that belongs to a record of signals beside it."""
    return any(
        path.stem.endswith(kind) and path.with_name(f"{path.stem.removesuffix(kind)}{SIGNALS}.csv").is_file()
        for kind in COMPANIONS
    )


def numerics(signals: Path, origin_s: float, findings: Findings) -> Part | None:
    """What the monitor wrote of heart rate, pulse, respiration and SpO2, on the clock of the signals; None for nothing.

    A file that cannot be used is a finding: the signals stand without it.
    """
    path = sibling(signals, NUMERICS)
    if path is None:
        return None
    noted = Findings()
    try:
        opened = open_csv(path)
        known = [heading(name, unit) for name, unit in zip(opened.names, opened.units, strict=True)]
        time = next((h for h in known if is_time(h)), None)
        wanted = {h.column: NUMBERS[h.name.upper()] for h in known if h.name.upper() in NUMBERS}
        if time is None or not wanted:
            raise InputError(path, "no time or no known number", f"time and {', '.join(NUMBERS)}", "Export it again.")
        columns, _ = read_columns(opened, [time.column, *wanted], noted)
        unit = time_unit(time) or "s"
        grid = grid_of(path, columns[time.column].values(), unit, noted, opened.skip + 1, low=SLOWEST_HZ)
    except (InputError, KeyError) as error:
        came = error.came if isinstance(error, InputError) else "times that are no numbers"
        findings.warn("numerics", f"the monitor's numbers beside it cannot be used: {came}", 1)
        return None
    values = np.full((grid.steps, len(wanted)), np.nan, np.float32)
    for c, (name, channel) in enumerate(wanted.items()):
        column = columns[name].values()
        outside = (column < channel.low) | (column > channel.high)
        if outside.any():
            what = f"outside {channel.low:g} to {channel.high:g} {channel.unit}: taken as unobserved"
            findings.warn(channel.title, what, int(outside.sum()))
        values[grid.index, c] = np.where(outside, np.nan, column)
    seconds = grid.origin_s - origin_s + np.arange(grid.steps) / grid.rate_hz
    return tuple(wanted.values()), values, seconds / 3600


def admission(signals: Path) -> Part | None:
    """Age and sex from X_Fix.txt; None where neither is stated."""
    path = sibling(signals, FIX, ".txt")
    if path is None or path.stat().st_size > MAX_FIX_BYTES:
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    age = re.search(r"^Age:\s*(\d{1,3})\b", text, re.MULTILINE)
    sex = re.search(r"^(?:Gender|Sex):\s*([MF])\b", text, re.MULTILINE | re.IGNORECASE)
    if age is None and sex is None:
        return None
    channels = (ADMISSION["Age"], ADMISSION["Gender"])
    years = float(age[1]) if age else np.nan
    years = years if channels[0].low <= years <= channels[0].high else np.nan
    male = float(sex[1].upper() == "M") if sex else np.nan
    return channels, np.array([[years, male]], np.float32), np.zeros(1)
