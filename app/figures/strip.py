"""One lead's samples inside the window: its vertical range, its points for the screen, its attribution in cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from tsdownsample import MinMaxDownsampler

from app.figures.drawing import Trace
from app.figures.ecg_paper import Paper, voltage_range

CELLS = 200
TRACK_PX, ABSENT_PX = 104, 34
# Half the height of a label beside the track.
LABEL_PX = 8
POINTS_PER_PX = 3.0
MAX_POINTS = 32_000
"""Of all leads of a figure together: about 170 kB."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A stretch of a lead, in seconds of the record, that is to be read with care; `text` says why on the chart."""

    start_s: float
    stop_s: float
    kind: Literal["absent", "flat", "saturated", "noisy"]

    @property
    def text(self) -> str:
        return FLAW_TEXT[self.kind]


FLAW_TEXT = {"absent": "lead off", "flat": "flat line", "saturated": "at the limit", "noisy": "noise"}


@dataclass(frozen=True, slots=True)
class Mark:
    """An event of one lead, or of the whole record: one or few letters, and what they mean."""

    seconds: float
    text: str
    meaning: str


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One lead: values f32[n] in `unit` (NaN where absent), the first at x0_s seconds of the record, dt_s apart.

    attribution f32[n] or None: what each sample adds to the log-odds. A lead without one known value, or with none at
    all (n = 0), is drawn as a hatched band with `remark` on it; on any other lead the remark follows its title.
    whole: of a strip that holds only a stretch of its record, the record's range (low, high), which scales the lead;
    None: the values are the whole record. x_s f64[n]: the values' times where they are not evenly spaced, dt_s then is
    their mean distance. effect_grid: x0_s and dt_s of the attribution where they are not those of the values. marks: in
    a lane at the lead's lower edge, which is left out for None. flaws: shaded behind the trace.
    """

    modality: str
    title: str
    unit: str
    x0_s: float
    dt_s: float
    values: np.ndarray
    attribution: np.ndarray | None = None
    remark: str = ""
    whole: tuple[float, float] | None = None
    x_s: np.ndarray | None = None
    effect_grid: tuple[float, float] | None = None
    marks: tuple[Mark, ...] | None = None
    flaws: tuple[Flaw, ...] = ()

    @property
    def recorded(self) -> bool:
        return self.whole is not None or bool(np.isfinite(self.values).any())

    @property
    def effect_at(self) -> tuple[float, float]:
        """First second and step of the attribution."""
        return self.effect_grid or (self.x0_s, self.dt_s)

    @property
    def absence(self) -> str:
        """Why there is nothing to draw."""
        return self.remark or "not recorded"


@dataclass(slots=True)
class Sheet:
    """The figure as it grows, lead by lead."""

    paper: Paper
    start: float
    length: float
    dark: bool
    traces: list[Trace] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    axes: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    @property
    def end(self) -> float:
        return self.start + self.length

    def add_axes(self, x: dict[str, Any], y: dict[str, Any]) -> dict[str, str]:
        self.count += 1
        key = "" if self.count == 1 else str(self.count)
        window = [self.start - self.paper.lead_in_s, self.end + self.paper.lead_out_s]
        self.axes[f"xaxis{key}"] = {
            "anchor": f"y{key}",
            "range": window,
            "showticklabels": False,
            "zeroline": False,
            **x,
        }
        self.axes[f"yaxis{key}"] = {"anchor": f"x{key}", "zeroline": False, **y}
        return {"xaxis": f"x{key}", "yaxis": f"y{key}"}


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The part of one lead inside the window, its vertical range and height in px. beyond: where a lead with a range of
    its record leaves it, in words."""

    x: np.ndarray
    y: np.ndarray
    low: float
    high: float
    px: float
    ticks: tuple[float, ...]
    leaves_paper: bool
    beyond: str = ""


def track_of(strip: Strip, sheet: Sheet) -> Track:
    if strip.x_s is None:
        first = max(0, int(np.ceil((sheet.start - strip.x0_s) / strip.dt_s - 1e-6)))
        last = max(first, min(len(strip.values), int(np.floor((sheet.end - strip.x0_s) / strip.dt_s + 1e-6)) + 1))
        x = strip.x0_s + strip.dt_s * np.arange(first, last)
    else:
        first, last = np.searchsorted(strip.x_s, [sheet.start - 1e-6, sheet.end + 1e-6])
        x = strip.x_s[first:last]
    y = np.asarray(strip.values[first:last], dtype=np.float32)
    if not strip.recorded:
        return Track(x, y, 0.0, 1.0, ABSENT_PX, (), False)
    if strip.unit == "mV":
        low, high, leaves = voltage_range(y)
        # Whole millivolts, without those whose label would stand half outside: the scale leaves no room to add.
        room = LABEL_PX / sheet.paper.px_per_mv
        ticks = tuple(float(t) for t in np.arange(np.ceil(low + room), np.floor(high - room) + 0.5))
        return Track(x, y, low, high, (high - low) * sheet.paper.px_per_mv, ticks, leaves)
    low, high, ticks = _plain_range(strip)
    room = (high - low) * LABEL_PX / (TRACK_PX - 2 * LABEL_PX)
    return Track(x, y, low - room, high + room, TRACK_PX, ticks, False, _beyond(y, low - room, high + room))


def _beyond(y: np.ndarray, low: float, high: float) -> str:
    sides = [side for side, out in (("below", (y < low).any()), ("above", (y > high).any())) if out]
    return f"goes {' and '.join(sides)} the lane" if sides else ""


def _plain_range(strip: Strip) -> tuple[float, float, tuple[float, ...]]:
    """Fixed over the whole record, so that moving the window does not rescale: pressure 0 to 200 mmHg or more."""
    finite = np.asarray(strip.whole) if strip.whole else strip.values[np.isfinite(strip.values)]
    if strip.unit == "mmHg":
        peak = float(np.percentile(finite, 99.9))
        high = max(200.0, float(np.ceil(peak / 50) * 50))
        return 0.0, high, tuple(float(t) for t in np.arange(0, high + 1, 100))
    low, high = strip.whole or (float(v) for v in np.percentile(finite, [0.5, 99.5]))
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    step = 10.0 ** np.floor(np.log10(high - low))
    step = next(step * m for m in (0.1, 0.2, 0.5, 1, 2, 5) if (high - low) / (step * m) <= 2.6)
    low, high = float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
    return low, high, tuple(float(t) for t in np.arange(low, high + step / 2, step))


def cell_width(length_s: float) -> float:
    """Seconds per cell: a multiple of 10 ms, at most 200 cells in the window."""
    return float(np.ceil(length_s / CELLS / 0.01 - 1e-9) * 0.01)


def _cells(strip: Strip, cell: float) -> tuple[float, np.ndarray]:
    """Attribution summed over cells of the record's time: the index of the first cell and f64[cells]."""
    values = np.nan_to_num(np.asarray(strip.attribution, dtype=float))
    x0_s, dt_s = strip.effect_at
    slots = np.floor((x0_s + dt_s * np.arange(len(values))) / cell + 1e-6).astype(int)
    return float(slots[0]), np.bincount(slots - slots[0], weights=values)


def attribution_scale(strips: Sequence[Strip], cell: float) -> float:
    """What full colour stands for: the 99th percentile of what is not zero, over all leads and the whole record."""
    parts = [np.abs(_cells(s, cell)[1]) for s in strips if s.attribution is not None and len(s.attribution)]
    whole = np.concatenate(parts) if parts else np.zeros(0)
    whole = whole[whole > 1e-12]
    return float(np.percentile(whole, 99)) if len(whole) else 0.0


def extremes(y: np.ndarray, budget: int) -> np.ndarray:
    """Indices of about `budget` samples that keep every stretch's extremes and the edges of every gap."""
    finite = np.isfinite(y)
    edges = np.flatnonzero(np.diff(finite.astype(np.int8))) + 1
    parts = []
    for start, stop in zip(np.r_[0, edges], np.r_[edges, len(y)], strict=True):
        quota = max(4, budget * (stop - start) // len(y) // 2 * 2)
        if not finite[start]:
            parts.append(np.array([start]))
        elif stop - start <= quota:
            parts.append(np.arange(start, stop))
        else:
            inner = MinMaxDownsampler().downsample(np.ascontiguousarray(y[start:stop]), n_out=quota)
            parts.append(np.unique(np.r_[start, start + inner.astype(int), stop - 1]))
    return np.concatenate(parts)


def evenly(y: np.ndarray, dt_s: float, points: int) -> tuple[np.ndarray, float, float]:
    """The smallest and the largest value of every short stretch, evenly spaced, so that no time need be sent with them.

    y: f32[n], NaN where absent. Returns f32[at most `points`] in order of time, the offset of the first from the first
    sample and their distance in seconds; all samples where they are few enough. A value moves by less than a stretch.
    """
    if len(y) <= points:
        return y, 0.0, dt_s
    each = -(-len(y) // (points // 2))
    padded = np.full(-(-len(y) // each) * each, np.nan, np.float32)
    padded[: len(y)] = y
    rows = padded.reshape(-1, each)
    absent = np.isnan(rows)
    low = np.where(absent, np.inf, rows)
    high = np.where(absent, -np.inf, rows)
    falls = high.argmax(axis=1) < low.argmin(axis=1)
    ends = np.column_stack([low.min(axis=1), high.max(axis=1)])
    ends[falls] = ends[falls, ::-1]
    return np.where(np.isfinite(ends), ends, np.nan).astype(np.float32).ravel(), each * dt_s / 4, each * dt_s / 2


def window_cells(sheet: Sheet, strip: Strip, cell: float, scale: float) -> tuple[float, np.ndarray]:
    """Start in seconds and values over `scale` of the cells that lie wholly inside the window."""
    if scale <= 0 or strip.attribution is None or len(strip.attribution) == 0:
        return sheet.start, np.zeros(0)
    first, sums = _cells(strip, cell)
    index = first + np.arange(len(sums))
    inside = (index * cell >= sheet.start - 1e-6) & ((index + 1) * cell <= sheet.end + 1e-6)
    if not inside.any():
        return sheet.start, np.zeros(0)
    return float(index[inside][0] * cell), sums[inside] / scale
