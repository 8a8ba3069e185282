"""Small record files with known physical values, written into a test's own folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import wfdb

RATE = 250
GAIN = 1000.0

STAY = """Time,Parameter,Value
00:00,RecordID,140001
00:00,Age,54
00:00,Gender,1
00:00,Height,-1
00:00,ICUType,4
00:00,Weight,81.5
00:07,HR,73
00:07,Temp,35.1
01:37,HR,88
01:37,Urine,60
"""


def ramp(columns: int, samples: int = 500) -> np.ndarray:
    """f64[samples, columns]: a different slow wave a column, within 1 of zero, exact at a gain of 1000."""
    time = np.arange(samples)[:, None]
    return np.round(np.sin(time / (20.0 + 7 * np.arange(columns))), 3)


def write_wfdb(
    folder: Path,
    name: str,
    signals: np.ndarray,
    names: Sequence[str] = ("II", "ABP"),
    units: Sequence[str] = ("mV", "mmHg"),
    fmt: str = "16",
    gain: float = GAIN,
    comments: Sequence[str] = (),
) -> Path:
    """A record written by the wfdb library; the path of its header."""
    width = signals.shape[1]
    wfdb.wrsamp(
        name,
        fs=RATE,
        units=list(units),
        sig_name=list(names),
        p_signal=signals,
        fmt=[fmt] * width,
        adc_gain=[gain] * width,
        baseline=[0] * width,
        comments=list(comments),
        write_dir=str(folder),
    )
    return folder / f"{name}.hea"


def write_stay(folder: Path, record_id: str = "140001", text: str = STAY) -> Path:
    path = folder / f"{record_id}.txt"
    path.write_text(text)
    return path
