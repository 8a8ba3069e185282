"""Geometry of calibrated ECG paper on a screen: 25 mm/s and 10 mm/mV at 96 px per inch, or a stated compression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.theme import PAPER_MAJOR, PAPER_MINOR

PX_PER_MM = 96 / 25.4
MM_PER_S, MM_PER_MV = 25.0, 10.0
SMALL_S, LARGE_S = 0.04, 0.2
SMALL_MV, LARGE_MV = 0.1, 0.5
# Minor lines closer than this merge into a tint: they are left out, and the caption says so.
MIN_MINOR_PX = 3.0
PULSE_S, PULSE_MV = 0.2, 1.0
# Room left of the trace for the pulse, and one small box right of it so that a line at its end is whole.
LEAD_IN_S, LEAD_OUT_S = 0.4, 0.04
HALF_MV, LIMIT_MV = 1.5, 4.0
OVERVIEW_PX = 900.0
"""Width of a window at overview scale, however long it is."""
_UNITS = (("1 s", 1), ("1 min", 60), ("1 h", 3600), ("1 day", 86400), ("1 year", 31557600))
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600)


@dataclass(frozen=True, slots=True)
class Paper:
    """Pixels per second and per millivolt at a zoom (1 is life size at 96 px per inch).

    squeezed_s: None, or overview scale: so many seconds in OVERVIEW_PX. Voltage keeps its zoom. uncalibrated: in words,
    which ECG is in no known voltage; volts: some other lead is.
    """

    zoom: float
    squeezed_s: float | None = None
    uncalibrated: str = ""
    volts: bool = True

    @property
    def px_per_s(self) -> float:
        return MM_PER_S * PX_PER_MM * self.zoom if self.squeezed_s is None else OVERVIEW_PX / self.squeezed_s

    @property
    def px_per_mv(self) -> float:
        return MM_PER_MV * PX_PER_MM * self.zoom

    @property
    def minor(self) -> bool:
        """True where the small boxes are wide enough to be drawn."""
        return self.squeezed_s is None and SMALL_S * self.px_per_s >= MIN_MINOR_PX

    @property
    def lead_in_s(self) -> float:
        """Room left of the trace for the pulse: as many px at any time scale."""
        return LEAD_IN_S * self._stretch

    @property
    def lead_out_s(self) -> float:
        return LEAD_OUT_S * self._stretch

    @property
    def _stretch(self) -> float:
        return MM_PER_S * PX_PER_MM * self.zoom / self.px_per_s

    @property
    def label_step_s(self) -> float:
        """Seconds between two labels of the time axis: as many as have room."""
        return next((float(s) for s in _STEPS_S if s * self.px_per_s >= 76), 43200.0)

    def time_grid(self) -> dict[str, Any]:
        return self._grid(LARGE_S, SMALL_S) if self.squeezed_s is None else self._grid(self.label_step_s, 0.0)

    def voltage_grid(self) -> dict[str, Any]:
        return self._grid(LARGE_MV, SMALL_MV)

    def time_lines(self, start_s: float, stop_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the large and the small boxes begin between two times, f64[n] s each; no place is in both."""
        if self.squeezed_s is not None:
            return _multiples(self.label_step_s, start_s, stop_s), np.zeros(0)
        return self._boxes(LARGE_S, SMALL_S, start_s, stop_s)

    def voltage_lines(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        """The same between two voltages in mV."""
        return self._boxes(LARGE_MV, SMALL_MV, low, high)

    def caption(self) -> str:
        if self.squeezed_s is not None:
            label, px = next(u for u in ((u, s * self.px_per_s) for u, s in _UNITS) if u[1] >= PX_PER_MM)
            height = self._height(MM_PER_MV * self.zoom)
            return f"Overview scale, time compressed: {label} is {px / PX_PER_MM:.3g} mm · {height}"
        text = f"25 mm/s · {self._height(MM_PER_MV)} · zoom {100 * self.zoom:.0f} %"
        return text if self.minor else f"{text}<br>small boxes not drawn at this zoom"

    def _height(self, mm_per_mv: float) -> str:
        said = [f"{mm_per_mv:g} mm/mV"] if self.volts else []
        return " · ".join(said + ([self.uncalibrated] if self.uncalibrated else []))

    def _boxes(self, large: float, small: float, start: float, stop: float) -> tuple[np.ndarray, np.ndarray]:
        fine = _multiples(small, start, stop)
        each = round(large / small)
        within = np.round(fine / small).astype(int) % each != 0
        return fine[~within], fine[within] if self.minor else np.zeros(0)

    def _grid(self, large: float, small: float) -> dict[str, Any]:
        grid: dict[str, Any] = {"tick0": 0, "dtick": large, "showgrid": True, "gridcolor": PAPER_MAJOR, "gridwidth": 1}
        if self.minor:
            grid["minor"] = {"tick0": 0, "dtick": small, "showgrid": True, "gridcolor": PAPER_MINOR, "gridwidth": 1}
        return grid


def _multiples(step: float, start: float, stop: float) -> np.ndarray:
    """f64[n], the multiples of a step from start to stop, both with them."""
    return np.round(step * np.arange(np.ceil(start / step - 1e-6), np.floor(stop / step + 1e-6) + 1), 6)


def voltage_range(values: np.ndarray) -> tuple[float, float, bool]:
    """Axis limits in mV around the median, on large-box lines: ±1.5 mV, more in steps of 0.5 mV, at most ±4 mV.

    values: f[n] in mV, NaN where absent. Returns (low, high, whether a peak leaves the paper).
    """
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return -HALF_MV, HALF_MV, False
    centre = round(float(np.median(finite)) / LARGE_MV) * LARGE_MV
    below, above = centre - float(finite.min()), float(finite.max()) - centre

    def grown(reach: float) -> float:
        return min(max(HALF_MV, float(np.ceil((reach + 1e-6) / LARGE_MV) * LARGE_MV)), LIMIT_MV)

    low, high = grown(below), grown(above)
    return centre - low, centre + high, below > low or above > high


def calibration_pulse(start_s: float, low: float, paper: Paper | None = None) -> tuple[list[float], list[float]]:
    """x (s) and y (mV) of the 10 mm x 0.2 s pulse in the lead-in before `start_s`, on the second large-box line. At
    overview scale it is 1 mV high and as wide on the screen as elsewhere, which is then no 0.2 s."""
    stretch = 1.0 if paper is None else paper.lead_in_s / LEAD_IN_S
    x0 = start_s - LEAD_IN_S * stretch
    base = low + LARGE_MV
    x = [x0 + at * stretch for at in (0.04, 0.1, 0.1, 0.1 + PULSE_S, 0.1 + PULSE_S, 0.36)]
    return x, [base, base, base + PULSE_MV, base + PULSE_MV, base, base]
