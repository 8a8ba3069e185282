"""One variable of the trends: its points, what was carried forward between them, its axes, its reference interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from amfn.types import Channel, InputError
from app.figures.drawing import MINUS, Trace, signed, unit_text
from app.theme import BACKGROUND, MAGNITUDE, MUTED, NEGATIVE, POSITIVE, SMALL, TEXT, alpha

GAP_H = 6.0
# Below this share of the largest attribution on the figure an observation counts as doing about nothing.
QUIET = 0.02
COUNTED = frozenset({"points", "0/1"})
_PRESSURE, _MEAN = 80.0, 60.0
LEAST_SPAN: Mapping[str, float] = {
    "Cholesterol": 50, "DiasABP": _MEAN, "FiO2": 0.4, "GCS": 12, "HR": 60, "Lactate": 2, "MAP": _MEAN,
    "NIDiasABP": _MEAN, "NIMAP": _MEAN, "NISysABP": _PRESSURE, "PaCO2": 30, "PaO2": 100, "RespRate": 20, "SaO2": 10,
    "SysABP": _PRESSURE, "Temp": 3, "Urine": 100, "Weight": 10, "pH": 0.2,
}  # fmt: skip
"""What an axis shows at least, in the channel's unit, so that a quiet course looks quiet: chosen for drawing, not for
judging. Most laboratory values have none but their reference interval: a span that suits a creatinine of 10 would
hide one that doubles from 0.8."""
SAME_QUANTITY: Mapping[str, str] = {"NISysABP": "SysABP", "NIMAP": "MAP", "NIDiasABP": "DiasABP"}
"""Channels that measure what another one measures, by cuff instead of line: drawn on one scale."""


def _nothing_carried() -> np.ndarray:
    return np.zeros((0, 3))


@dataclass(frozen=True, slots=True, eq=False)
class TrendPanel:
    """One variable: hours f64[n] ascending and values f32[n] in channel.unit, observed points only.

    attribution f32[n] or None: what each observation adds to the log-odds. group: heading for the screen; without one,
    the modality's name. carried f64[k, 3]: from hour, to hour, value of each stretch without a measurement over which
    the model goes on with the last value. hourly: what each value is of its hour ("average", "total"), in whose
    middle it stands; empty for values at the times they were charted. span: what the axis shows at least.
    """

    modality: str
    channel: Channel
    hours: np.ndarray
    values: np.ndarray
    attribution: np.ndarray | None = None
    group: str = ""
    carried: np.ndarray = field(default_factory=_nothing_carried)
    hourly: str = ""
    span: tuple[float, float] | None = None


def check_panel(panel: TrendPanel) -> None:
    """Raises InputError for a panel without a point, of unequal lengths, or with times that go back."""
    source, lengths = panel.channel.name, {len(panel.hours), len(panel.values)}
    if panel.attribution is not None:
        lengths.add(len(panel.attribution))
    if len(lengths) > 1:
        raise InputError(source, f"lengths {sorted(lengths)}", "one of each per point", "Pass equal lengths.")
    if not len(panel.hours):
        raise InputError(source, "no point", "at least one", "Say in words that it was not recorded.")
    if (np.diff(np.asarray(panel.hours, dtype=float)) < 0).any():
        raise InputError(source, "times that go back", "ascending hours", "Sort the points by their time.")
    if np.ndim(panel.carried) != 2 or np.shape(panel.carried)[1] != 3:
        raise InputError(source, f"carried {np.shape(panel.carried)}", "[k, 3]", "Pass from, to and value.")


def value_range(panel: TrendPanel) -> tuple[float, float, list[float]]:
    """Axis limits around every point, what is carried forward and the reference interval; two to five round ticks."""
    if panel.channel.flag:
        return -0.2, 1.2, [0.0, 1.0]
    low, high = extent(panel)
    if high - low < 1e-9:
        low, high = low - 1, high + 1
    if panel.channel.unit in COUNTED and high - low < 1:
        low, high = float(np.floor(low)), float(np.ceil(high))
    pad = 0.12 * (high - low)
    return low - pad, high + pad, _ticks(low, high)


def extent(panel: TrendPanel) -> tuple[float, float]:
    """Lowest and highest of what an axis has to show, before room is left around it."""
    numbers = [*map(float, panel.values), *map(float, panel.carried[:, 2])]
    numbers += [*(panel.channel.normal or ()), *(panel.span or ())]
    low, high = min(numbers), max(numbers)
    least = LEAST_SPAN.get(panel.channel.name, 0.0) - (high - low)
    if least <= 0:
        return low, high
    wide = (low - least / 2, high + least / 2)
    # Room that would lie where no value can is given to the other side.
    up = max(min(panel.channel.low, low) - wide[0], 0.0)
    down = max(wide[1] - max(panel.channel.high, high), 0.0)
    return wide[0] + up - down, wide[1] + up - down


def on_shared_scales(panels: Sequence[TrendPanel]) -> list[TrendPanel]:
    """The same panels; those that show one quantity measured in two ways span the same values."""
    spans: dict[str, tuple[float, float]] = {}
    for panel in panels:
        name = SAME_QUANTITY.get(panel.channel.name, panel.channel.name)
        low, high = extent(panel)
        known = spans.get(name, (low, high))
        spans[name] = min(low, known[0]), max(high, known[1])
    return [replace(p, span=spans[SAME_QUANTITY.get(p.channel.name, p.channel.name)]) for p in panels]


def _ticks(low: float, high: float) -> list[float]:
    """The coarsest multiples of 1, 2 or 5 times a power of ten of which at least two lie from low to high."""
    power = float(10 ** np.floor(np.log10(high - low)))
    for step in (power * m for m in (5, 2, 1, 0.5)):
        first, last = np.ceil(low / step), np.floor(high / step)
        if last > first:
            break
    # Plus zero: from below, the multiple zero would be a negative one.
    return [float(k * step) + 0.0 for k in np.arange(first, last + 1)]


def short(value: float) -> str:
    value += 0.0
    text = f"{value:g}" if abs(value) < 10000 else f"{value / 1000:g}k"
    return text.replace("-", MINUS)


def hour_ticks(hours: float) -> list[float]:
    step = next((s for s in (1, 2, 3, 6, 12, 24, 48) if hours / s <= 4), 96)
    return [float(t) for t in np.arange(0, hours + 0.001, step)]


def points(panel: TrendPanel, scale: float, noun: str, dark: bool, magnitude: str) -> Trace:
    """Markers and the thin line between them, one trace. The line stops where nothing was charted for over 6 h, and
    where a value is carried forward: that is drawn apart."""
    hours = np.asarray(panel.hours, dtype=float)
    values = np.asarray(panel.values, dtype=float)
    share = np.zeros(len(values))
    if panel.attribution is not None and scale > 0:
        share = np.clip(np.nan_to_num(np.asarray(panel.attribution, dtype=float)) / scale, -1, 1)
    quiet = np.abs(share) < QUIET
    symbols = np.where(quiet, "circle", np.where(share > 0, "triangle-up", "triangle-down")).tolist()
    plain = TEXT[dark] if panel.attribution is None else MUTED[dark]
    colours = np.where(quiet, plain, np.where(share > 0, POSITIVE[dark], NEGATIVE[dark])).tolist()
    if magnitude:
        symbols = ["circle"] * len(share)
        colours = np.where(quiet, plain, MAGNITUDE[dark]).tolist()
    sizes = np.where(quiet, 5, 7 + 8 * np.sqrt(np.abs(share))).round(1).tolist()
    unit = f" {unit_text(panel.channel.unit)}"
    texts = []
    for i, (hour, value) in enumerate(zip(hours, values, strict=True)):
        text = f"{panel.channel.title}: {value:g}{unit.rstrip()}<br>at {_clock(hour)} (hours:minutes)"
        if panel.hourly:
            text = (
                f"{panel.channel.title}, hourly {panel.hourly}: {value:.4g}{unit.rstrip()}"
                f"<br>from {_clock(hour - 0.5)} to {_clock(hour + 0.5)} (hours:minutes)"
            )
        if panel.attribution is not None and magnitude:
            text += f"<br>{magnitude} {float(panel.attribution[i]):.2g}"
        elif panel.attribution is not None:
            effect = "about no effect on" if quiet[i] else "raises" if share[i] > 0 else "lowers"
            amount = "" if quiet[i] else f": {signed(float(panel.attribution[i]), 3)} log-odds"
            text += f"<br>{effect} {noun}{amount}"
        texts.append(text)
    bridged = [bool(((panel.carried[:, 0] >= a) & (panel.carried[:, 1] <= b)).any()) for a, b in pairwise(hours)]
    breaks = np.flatnonzero((np.diff(hours) > GAP_H) | np.array(bridged, dtype=bool)) + 1
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _broken(hours.tolist(), breaks, None),
        "y": _broken(values.tolist(), breaks, None),
        "line": {"color": MUTED[dark], "width": 1},
        "marker": {
            "symbol": _broken(symbols, breaks, "circle"),
            "color": _broken(colours, breaks, plain),
            "size": _broken(sizes, breaks, 5),
            "line": {"color": BACKGROUND[dark], "width": 1},
            "opacity": 1,
        },
        "hovertext": _broken(texts, breaks, ""),
        "hoverinfo": "text",
        "connectgaps": False,
        "cliponaxis": False,
        "name": panel.channel.title,
    }


def _broken(items: list[Any], breaks: np.ndarray, filler: Any) -> list[Any]:
    out = list(items)
    for at in breaks[::-1]:
        out.insert(int(at), filler)
    return out


def carried(panel: TrendPanel, dark: bool) -> Trace:
    """Fine dashes where nothing was measured and the model goes on with the last value: no measurement."""
    x: list[float | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    unit = f" {unit_text(panel.channel.unit)}".rstrip()
    for start, end, value in panel.carried.tolist():
        x += [start, (start + end) / 2, end, None]
        y += [value, value, value, None]
        words = f"{panel.channel.title}: nothing measured from {_clock(start)} to {_clock(end)} (hours:minutes)"
        texts += [f"{words}<br>the model goes on with {value:.4g}{unit}"] * 3 + [""]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": MUTED[dark], "width": 1, "dash": "2px,2px"},
        "hovertext": texts,
        "hoverinfo": "text",
        "connectgaps": False,
        "cliponaxis": False,
        "name": f"{panel.channel.title}, carried forward",
    }


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def title(panel: TrendPanel, left: float, top: float, dark: bool) -> dict[str, Any]:
    """Name, unit, and the reference interval that is shaded."""
    unit, normal = unit_text(panel.channel.unit), panel.channel.normal
    text = f"{panel.channel.title}, {unit}" if unit else panel.channel.title
    if normal:
        text += f' <span style="color:{MUTED[dark]}">({normal[0]:g} to {normal[1]:g})</span>'
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": left,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 1,
        "showarrow": False,
        "font": {"size": SMALL},
    }


def reference(
    normal: tuple[float, float], low: float, high: float, x_name: str, y_name: str, dark: bool
) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": f"{x_name} domain",
        "yref": y_name,
        "x0": 0,
        "x1": 1,
        "y0": max(normal[0], low),
        "y1": min(normal[1], high),
        "layer": "below",
        "fillcolor": alpha(MUTED[dark], 0.16),
        "line": {"width": 0},
    }
