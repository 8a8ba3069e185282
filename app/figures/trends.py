"""Charted values over time as small multiples: one panel per variable, grouped by modality."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures import trend_panel
from app.figures.drawing import Drawing, Trace, build, listing, signed, unit_text
from app.figures.trend_panel import TrendPanel, check_panel
from app.theme import SMALL, TEXT, modality_colour

PANEL_PX, HEAD_PX, GROUP_PX, AXIS_PX, LINE_PX = 92, 22, 40, 32, 16


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
    """Small multiples: observed points, thin dashed steps where the last value is carried forward, the reference
    interval shaded. Points are joined where they are at most 6 h apart and nothing was carried between them.

    With attributions, triangles up raise the risk, triangles down lower it, circles do about nothing; colour and size
    tell how much, on one scale for all panels: `scale` in log-odds, by default their largest. Where several figures
    stand side by side, pass largest_attribution(all panels) and with_key=False, and put trend_key once above them.
    magnitude: what attributions without a sign are called ("sensitivity"); they are circles of one hue, sized.
    Line and cuff pressures stand on one scale; of figures side by side if all panels went through on_shared_scales
    together. Use columns=1 on a phone. Raises InputError where there is no panel, a panel has no point, its arrays
    differ in length or its times go back.
    """
    if not panels:
        raise InputError("trends", "no panel", "at least one", "Say in words that nothing was recorded.")
    for panel in panels:
        check_panel(panel)
    panels = trend_panel.on_shared_scales(panels)
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
        for start in range(0, len(group), columns):
            for column, panel in enumerate(group[start : start + columns]):
                _panel(sheet, panel, column)
            sheet.y -= HEAD_PX + PANEL_PX + AXIS_PX
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
    text = "Hours since the start of the record. "
    totals = [p.channel.title for p in panels if p.hourly == "total"]
    if any(p.hourly for p in panels):
        added = f" (totals: {listing(totals)})" if totals else ""
        text += f"Points are hourly averages{added} of what was measured, as the model reads them."
    else:
        text += "Points were measured."
    if any(len(p.carried) for p in panels):
        text += " Fine dashes: nothing was measured, and the model goes on with the last value."
    if any(p.channel.normal for p in panels):
        text += f" Shaded, its limits after the unit: reference interval{f' ({reference})' if reference else ''}"
        text += "." if all(p.channel.normal for p in panels) else "; where nothing is shaded, no reference is shown."
        text += " A reference interval is a laboratory's range for healthy adults, not a treatment target."
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
    return GROUP_PX + -(-len(group) // columns) * (HEAD_PX + PANEL_PX + AXIS_PX)


def _panel(sheet: _Sheet, panel: TrendPanel, column: int) -> None:
    gap = 0.07 if sheet.columns > 1 else 0.0
    width = (1 - gap * (sheet.columns - 1)) / sheet.columns
    left, top = column * (width + gap), sheet.y - HEAD_PX
    low, high, ticks = trend_panel.value_range(panel)
    axes = sheet.add_axes(
        left,
        left + width,
        top - PANEL_PX,
        top,
        {
            "range": [-0.02 * sheet.hours, 1.02 * sheet.hours],
            "tickvals": trend_panel.hour_ticks(sheet.hours),
            "ticktext": [f"{t:g} h" for t in trend_panel.hour_ticks(sheet.hours)],
            "showgrid": False,
            "ticks": "outside",
            "ticklen": 3,
            "showline": True,
        },
        {
            "range": [low, high],
            "tickvals": ticks,
            "ticktext": [trend_panel.short(t) for t in ticks],
            "ticks": "",
            "ticklabelstandoff": 3,
        },
    )
    sheet.notes.append(trend_panel.title(panel, left, top / sheet.height, sheet.dark))
    if panel.channel.normal:
        band = trend_panel.reference(panel.channel.normal, low, high, axes["xaxis"], axes["yaxis"], sheet.dark)
        sheet.shapes.append(band)
    if len(panel.carried):
        sheet.traces.append(trend_panel.carried(panel, sheet.dark) | axes)
    sheet.traces.append(trend_panel.points(panel, sheet.scale, sheet.noun, sheet.dark, sheet.magnitude) | axes)


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


def _words(panels: Sequence[TrendPanel], hours: float, scale: float, noun: str, magnitude: str) -> str:
    points = sum(len(p.values) for p in panels)
    kind = "hourly values" if any(p.hourly for p in panels) else "observations"
    text = f"{len(panels)} variable{'s' if len(panels) > 1 else ''} with {points} {kind} over {hours:g} h"
    sums = [(float(np.nansum(p.attribution)), p.channel.title) for p in panels if p.attribution is not None]
    largest = sorted(sums, key=lambda item: -abs(item[0]))[:4]
    if scale > 0 and magnitude:
        text += f"; most {magnitude}, a size without a direction: " + listing([f"{t} {v:.2g}" for v, t in largest])
    elif scale > 0:
        text += f"; largest effects on {noun}, in log-odds: " + listing([f"{t} {signed(v)}" for v, t in largest])
    else:
        last = [f"{p.channel.title} {p.values[-1]:g} {unit_text(p.channel.unit)}".strip() for p in panels[:4]]
        text += f"; last values: {listing(last)}"
    return text + "."
