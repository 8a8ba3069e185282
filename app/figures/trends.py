"""Charted values over time as small multiples: one panel per variable, grouped by modality."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from amfn.types import Channel, InputError
from app.figures.drawing import MINUS, Drawing, Trace, build, hatch, listing, signed, tag, unit_text
from app.theme import BACKGROUND, MAGNITUDE, MUTED, NEGATIVE, POSITIVE, SMALL, TEXT, alpha, modality_colour

GAP_H = 6.0
PANEL_PX, HEAD_PX, GROUP_PX, AXIS_PX, LINE_PX, STRIP_PX = 92, 22, 40, 32, 16, 26
# Below this share of the largest attribution on the figure an observation counts as doing about nothing.
QUIET = 0.02
COUNTED = frozenset({"points", "0/1"})


@dataclass(frozen=True, slots=True, eq=False)
class TrendPanel:
    """One variable: hours f64[n] ascending and values f32[n] in channel.unit, observed points only.

    attribution f32[n] or None: what each observation adds to the log-odds. group: heading for the screen; without one,
    the modality's name.
    """

    modality: str
    channel: Channel
    hours: np.ndarray
    values: np.ndarray
    attribution: np.ndarray | None = None
    group: str = ""


def trends(
    panels: Sequence[TrendPanel],
    hours: float = 48,
    columns: int = 3,
    noun: str = "the risk",
    dark: bool = False,
    scale: float | None = None,
    with_key: bool = True,
    magnitude: str = "",
) -> Drawing:
    """Small multiples: observed points joined where they are at most 6 h apart, the reference interval shaded.

    With attributions, triangles up raise the risk, triangles down lower it, circles do about nothing; colour and size
    tell how much, on one scale for all panels: `scale` in log-odds, by default their largest. Where several figures
    stand side by side, pass largest_attribution(all panels) and with_key=False, and put trend_key once above them.
    magnitude: what attributions without a sign are called ("sensitivity"); they are circles of one hue, sized.
    Variables without a point share one hatched strip per modality. Use columns=1 on a phone.
    Raises InputError where a panel's arrays differ in length or there is no panel.
    """
    if not panels:
        raise InputError("trends", "no panel", "at least one", "Say in words that nothing was recorded.")
    for panel in panels:
        lengths = {len(panel.hours), len(panel.values)}
        if panel.attribution is not None:
            lengths.add(len(panel.attribution))
        if len(lengths) > 1:
            raise InputError(
                panel.channel.name, f"lengths {sorted(lengths)}", "one of each per point", "Pass equal lengths."
            )
    scale = largest_attribution(panels) if scale is None else scale
    key = (
        textwrap.wrap(trend_key(panels, scale, magnitude=magnitude), 48 * columns, break_on_hyphens=False)
        if with_key
        else []
    )
    key_px = LINE_PX * len(key) + 8 if key else 0
    height = key_px + sum(_group_px(group, columns) for group in _groups(panels)) + 10
    sheet = _Sheet(height, hours, columns, noun, scale, dark, magnitude)
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "top", "xshift": -36}
    if key:
        sheet.notes.append(
            {"text": "<br>".join(key), "showarrow": False, "align": "left", "font": {"size": SMALL}, **place}
        )
    sheet.y -= key_px
    for group in _groups(panels):
        _heading(sheet, group[0])
        seen = [p for p in group if len(p.values)]
        for start in range(0, len(seen), columns):
            for column, panel in enumerate(seen[start : start + columns]):
                _panel(sheet, panel, column)
            sheet.y -= HEAD_PX + PANEL_PX + AXIS_PX
        _unrecorded(sheet, [p for p in group if not len(p.values)])
    return build(
        sheet.traces,
        _words(panels, hours, scale, noun, magnitude),
        dark,
        "trends",
        round(sheet.height),
        annotations=sheet.notes,
        shapes=sheet.shapes,
        margin={"l": 44, "r": 14, "t": 0, "b": 0, "autoexpand": False},
        **sheet.axes,
    )


def largest_attribution(panels: Sequence[TrendPanel]) -> float:
    """The largest absolute attribution of one observation, in log-odds; 0 without any."""
    parts = [np.abs(p.attribution) for p in panels if p.attribution is not None and len(p.attribution)]
    return float(np.nanmax(np.concatenate(parts))) if parts else 0.0


def trend_key(panels: Sequence[TrendPanel], scale: float = 0.0, reference: str = "", magnitude: str = "") -> str:
    """How to read the panels. scale: their largest attribution in log-odds, 0 without; reference: where the intervals
    come from; magnitude: what an attribution without a sign is called."""
    text = "Hours since the start of the record."
    if any(p.channel.normal for p in panels):
        text += f" Shaded: reference interval{f' ({reference})' if reference else ''}"
        text += "." if all(p.channel.normal for p in panels) else "; where nothing is shaded, no reference is shown."
    if scale > 0 and magnitude:
        text += f" ● the larger, the more {magnitude}; it has no direction (largest {scale:.2g})."
    elif scale > 0:
        text += f" ▲ raises, ▼ lowers, ● about nothing; the larger, the more (largest {scale:.2g} log-odds)."
    return text


@dataclass(slots=True)
class _Sheet:
    """The figure as it grows from the top; y is where the next row begins, in px above the bottom."""

    height: float
    hours: float
    columns: int
    noun: str
    scale: float
    dark: bool
    magnitude: str = ""
    y: float = 0.0
    count: int = 0
    traces: list[Trace] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    axes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.y = self.height

    def add_axes(self, left: float, right: float, bottom_px: float, top_px: float, x: Any, y: Any) -> dict[str, str]:
        self.count += 1
        key = "" if self.count == 1 else str(self.count)
        self.axes[f"xaxis{key}"] = {"domain": [left, right], "anchor": f"y{key}", **x}
        self.axes[f"yaxis{key}"] = {"domain": [bottom_px / self.height, top_px / self.height], "anchor": f"x{key}", **y}
        return {"xaxis": f"x{key}", "yaxis": f"y{key}"}


def _groups(panels: Sequence[TrendPanel]) -> list[list[TrendPanel]]:
    groups: dict[str, list[TrendPanel]] = {}
    for panel in panels:
        groups.setdefault(panel.modality, []).append(panel)
    return list(groups.values())


def _group_px(group: Sequence[TrendPanel], columns: int) -> float:
    seen = sum(len(p.values) > 0 for p in group)
    rows = -(-seen // columns)
    lines = _unrecorded_lines([p for p in group if not len(p.values)], columns)
    return GROUP_PX + rows * (HEAD_PX + PANEL_PX + AXIS_PX) + (LINE_PX * len(lines) + STRIP_PX if lines else 0)


def _unrecorded_lines(panels: Sequence[TrendPanel], columns: int) -> list[str]:
    if not panels:
        return []
    text = "<b>not recorded:</b> " + ", ".join(p.channel.title for p in panels)
    return textwrap.wrap(text, 42 * columns)


def _unrecorded(sheet: _Sheet, panels: Sequence[TrendPanel]) -> None:
    """One hatched strip with the names of a modality's variables that were never charted."""
    lines = _unrecorded_lines(panels, sheet.columns)
    if not lines:
        return
    px = LINE_PX * len(lines) + 12
    bare = {"range": [0, 1], "visible": False}
    axes = sheet.add_axes(0, 1, sheet.y - px, sheet.y, bare, bare)
    words = "<br>".join(lines)
    sheet.traces.append(hatch([(0, 1, 0, 1)], "missing", sheet.dark, words, **axes))
    place = {"xref": axes["xaxis"], "yref": axes["yaxis"], "align": "left", "xanchor": "left", "xshift": 8}
    sheet.notes.append(tag(words, 0, 0.5, sheet.dark, **place))
    sheet.y -= LINE_PX * len(lines) + STRIP_PX


def _panel(sheet: _Sheet, panel: TrendPanel, column: int) -> None:
    gap = 0.07 if sheet.columns > 1 else 0.0
    width = (1 - gap * (sheet.columns - 1)) / sheet.columns
    left, top = column * (width + gap), sheet.y - HEAD_PX
    low, high, ticks = _range(panel)
    axes = sheet.add_axes(
        left,
        left + width,
        top - PANEL_PX,
        top,
        {
            "range": [-0.02 * sheet.hours, 1.02 * sheet.hours],
            "tickvals": _hour_ticks(sheet.hours),
            "ticktext": [f"{t:g} h" for t in _hour_ticks(sheet.hours)],
            "showgrid": False,
            "ticks": "outside",
            "ticklen": 3,
            "showline": True,
        },
        {
            "range": [low, high],
            "tickvals": ticks,
            "ticktext": [_short(t) for t in ticks],
            "ticks": "",
            "ticklabelstandoff": 3,
        },
    )
    sheet.notes.append(_title(panel, left, top / sheet.height))
    if panel.channel.normal:
        sheet.shapes.append(_reference(panel.channel.normal, low, high, axes["xaxis"], axes["yaxis"], sheet.dark))
    sheet.traces.append(_points(panel, sheet.scale, sheet.noun, sheet.dark, sheet.magnitude) | axes)


def _range(panel: TrendPanel) -> tuple[float, float, list[float]]:
    """Axis limits that show every point and the reference interval, and two or three round ticks inside them."""
    numbers = [float(v) for v in panel.values] + list(panel.channel.normal or ())
    if not numbers:
        numbers = [panel.channel.low, panel.channel.high]
    low, high = min(numbers), max(numbers)
    if high - low < 1e-9:
        low, high = low - 1, high + 1
    step = next(s for s in _steps(high - low, panel.channel.unit) if (high - low) / s <= 3)
    first, last = np.ceil(low / step), np.floor(high / step)
    ticks = [float(k * step) for k in np.arange(first, last + 1)]
    pad = 0.12 * (high - low)
    return low - pad, high + pad, ticks


def _steps(span: float, unit: str) -> list[float]:
    power = 10 ** np.floor(np.log10(span))
    steps = [float(power * m) for m in (0.1, 0.2, 0.5, 1, 2, 5)]
    return [max(1.0, s) for s in steps] if unit in COUNTED else steps


def _short(value: float) -> str:
    text = f"{value:g}" if abs(value) < 10000 else f"{value / 1000:g}k"
    return text.replace("-", MINUS)


def _hour_ticks(hours: float) -> list[float]:
    step = next((s for s in (1, 2, 3, 6, 12, 24, 48) if hours / s <= 4), 96)
    return [float(t) for t in np.arange(0, hours + 0.001, step)]


def _points(panel: TrendPanel, scale: float, noun: str, dark: bool, magnitude: str) -> Trace:
    """Markers and the thin line between them, one trace; the line stops where nothing was charted for over 6 h."""
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
        if panel.attribution is not None and magnitude:
            text += f"<br>{magnitude} {float(panel.attribution[i]):.2g}"
        elif panel.attribution is not None:
            effect = "about no effect on" if quiet[i] else "raises" if share[i] > 0 else "lowers"
            amount = "" if quiet[i] else f": {signed(float(panel.attribution[i]), 3)} log-odds"
            text += f"<br>{effect} {noun}{amount}"
        texts.append(text)
    breaks = np.flatnonzero(np.diff(hours) > GAP_H) + 1
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


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _title(panel: TrendPanel, left: float, top: float) -> dict[str, Any]:
    unit = unit_text(panel.channel.unit)
    return {
        "text": f"{panel.channel.title}, {unit}" if unit else panel.channel.title,
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


def _heading(sheet: _Sheet, first: TrendPanel) -> None:
    """The modality's name over a short thick bar in its colour."""
    text = first.group or first.modality.replace("_", " ").capitalize()
    place = {"xref": "paper", "yref": "paper", "x": 0, "xanchor": "left", "yanchor": "top", "xshift": -36}
    sheet.notes.append(
        {"text": f"<b>{text}</b>", "y": (sheet.y - 8) / sheet.height, "showarrow": False, "font": {"size": 14}, **place}
    )
    sheet.shapes.append(_rule(modality_colour(first.modality), (sheet.y - GROUP_PX + 6) / sheet.height, sheet.dark))
    sheet.y -= GROUP_PX


def _rule(colour: str, y: float, dark: bool) -> dict[str, Any]:
    """A short thick bar in the modality's colour under its heading."""
    return {
        "type": "rect",
        "xref": "paper",
        "yref": "paper",
        "xsizemode": "pixel",
        "ysizemode": "pixel",
        "xanchor": 0,
        "yanchor": y,
        "x0": -34,
        "x1": 30,
        "y0": 0,
        "y1": 5,
        "fillcolor": colour,
        "line": {"color": TEXT[dark], "width": 0.5},
    }


def _reference(
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


def _words(panels: Sequence[TrendPanel], hours: float, scale: float, noun: str, magnitude: str) -> str:
    shown = [p for p in panels if len(p.values)]
    points = sum(len(p.values) for p in shown)
    text = f"{len(shown)} of {len(panels)} variables with {points} observations over {hours:g} h"
    if shown and scale > 0 and magnitude:
        sizes = [(float(np.nansum(p.attribution)), p.channel.title) for p in shown if p.attribution is not None]
        largest = sorted(sizes, key=lambda item: -item[0])[:4]
        text += f"; most {magnitude}, a size without a direction: " + listing([f"{t} {v:.2g}" for v, t in largest])
    elif shown and scale > 0:
        totals = [(float(np.nansum(p.attribution)), p.channel.title) for p in shown if p.attribution is not None]
        totals.sort(key=lambda item: -abs(item[0]))
        text += f"; largest effects on {noun}, in log-odds: " + listing([f"{t} {signed(v)}" for v, t in totals[:4]])
    elif shown:
        last = [f"{p.channel.title} {p.values[-1]:g} {unit_text(p.channel.unit)}".strip() for p in shown[:4]]
        text += f"; last values: {listing(last)}"
    gone = [p.channel.title for p in panels if len(p.values) == 0]
    return text + "." + (f" Not recorded: {', '.join(gone)}." if gone else "")
