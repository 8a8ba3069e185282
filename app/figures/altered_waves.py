"""Leads as they were recorded under the same leads as altered, on calibrated paper and one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.drawing import Drawing, Trace, build, listing, outlines
from app.figures.ecg_paper import LEAD_IN_S, LEAD_OUT_S, Paper, calibration_pulse, voltage_range
from app.figures.strip import extremes
from app.figures.waveform_notes import clock
from app.theme import MAGNITUDE, MUTED, PAPER, PAPER_MAJOR, SMALL, TEXT, TRACE

TRACK_PX, GAP_PX, LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 120, 28, 78, 36, 46, 54
POINTS_PER_PX = 3.0
LABEL_PX = 15
# Paper is light in the dark theme too.
INK, CHANGED, GREY = TEXT[False], MAGNITUDE[False], MUTED[False]


@dataclass(frozen=True, slots=True, eq=False)
class LeadPair:
    """One lead twice: before, after f32[n] in `unit`, NaN where absent, the first at x0_s seconds, dt_s apart."""

    title: str
    unit: str
    x0_s: float
    dt_s: float
    before: np.ndarray
    after: np.ndarray


@dataclass(slots=True, eq=False)
class _Sheet:
    """The figure as it grows, lead by lead from the top."""

    paper: Paper
    start: float
    length: float
    traces: list[Trace] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    axes: dict[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> float:
        return self.start + self.length


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    """A lead inside the window: times f64[k], both traces f32[k], vertical range and height in px."""

    x: np.ndarray
    before: np.ndarray
    after: np.ndarray
    low: float
    high: float
    px: float
    ticks: tuple[float, ...]


def waveform_pair(
    leads: Sequence[LeadPair],
    start_s: float,
    length_s: float,
    alarm_s: float | None = None,
    zoom: float = 1.0,
    dark: bool = False,
) -> Drawing:
    """All leads between start_s and start_s + length_s: black and solid as recorded, over it dashed as altered.

    The figure has a fixed width: zoom 1 is 25 mm/s and 10 mm/mV at 96 px per inch. Where a lead was cut it is hatched,
    the black trace stays. alarm_s: when the alarm sounded. Raises InputError without a lead, where length or zoom are
    not positive, or where the two traces of a lead differ in length.
    """
    if not leads or not (length_s > 0 and zoom > 0) or any(lead.before.shape != lead.after.shape for lead in leads):
        raise InputError(
            "waveform_pair", f"{len(leads)} leads, length {length_s} s, zoom {zoom}",
            "at least one lead, as many samples before as after, length and zoom above zero", "Correct the window.",
        )  # fmt: skip
    sheet = _Sheet(Paper(zoom), float(start_s), float(length_s))
    tracks = [_track(lead, sheet) for lead in leads]
    plot_px = sum(track.px + GAP_PX for track in tracks)
    y = plot_px
    for row, (lead, track) in enumerate(zip(leads, tracks, strict=True)):
        _draw(sheet, lead, track, row, [(y - track.px) / plot_px, y / plot_px])
        y -= track.px + GAP_PX
    _time_axis(sheet, len(leads), dark)
    if alarm_s is not None and sheet.start <= alarm_s <= sheet.end:
        line = {"color": INK, "width": 2, "dash": "dash"}
        place = {"x0": alarm_s, "x1": alarm_s, "y0": 0, "y1": 1}
        sheet.shapes.append({"type": "line", "xref": "x", "yref": "paper", "line": line, **place})
        sheet.notes.append(_above("<b>alarm</b>", {"xref": "x", "x": alarm_s, "xanchor": "right", "yshift": 20}, dark))
    caption = {"xref": "paper", "x": 0, "xanchor": "left", "yshift": 20}
    sheet.notes.append(_above(sheet.paper.caption().replace("<br>", "; "), caption, dark))
    width_px = sheet.paper.px_per_s * (LEAD_IN_S + sheet.length + LEAD_OUT_S)
    return build(
        sheet.traces,
        _words(leads, tracks, sheet, alarm_s),
        dark,
        "waveform_pair",
        round(plot_px + TOP_PX + BOTTOM_PX),
        width=round(width_px + LEFT_PX + RIGHT_PX),
        autosize=False,
        plot_bgcolor=PAPER,
        annotations=sheet.notes,
        shapes=sheet.shapes,
        margin={"l": LEFT_PX, "r": RIGHT_PX, "t": TOP_PX, "b": BOTTOM_PX, "pad": 0, "autoexpand": False},
        **sheet.axes,
    )


def _track(lead: LeadPair, sheet: _Sheet) -> _Track:
    first = max(0, int(np.ceil((sheet.start - lead.x0_s) / lead.dt_s - 1e-6)))
    last = max(first, min(len(lead.before), int(np.floor((sheet.end - lead.x0_s) / lead.dt_s + 1e-6)) + 1))
    x = lead.x0_s + lead.dt_s * np.arange(first, last)
    before, after = (np.asarray(side[first:last], np.float32) for side in (lead.before, lead.after))
    both = np.concatenate([before, after])
    if lead.unit == "mV":
        low, high, _ = voltage_range(both)
        ticks = tuple(float(t) for t in np.arange(np.ceil(low + 0.2), np.floor(high - 0.2) + 0.5))
        return _Track(x, before, after, low, high, (high - low) * sheet.paper.px_per_mv, ticks)
    low, high, ticks = _plain_range(both[np.isfinite(both)], lead.unit)
    return _Track(x, before, after, low, high, TRACK_PX, ticks)


def _plain_range(finite: np.ndarray, unit: str) -> tuple[float, float, tuple[float, ...]]:
    """Everything in the window with room around it; a pressure from 0 to 200 mmHg at least."""
    if unit == "mmHg":
        low = min(0.0, float(np.floor(finite.min(initial=0.0) / 50) * 50))
        high = max(200.0, float(np.ceil(finite.max(initial=0.0) / 50) * 50))
        return low, high, tuple(float(t) for t in np.arange(np.ceil(low / 100) * 100, high + 1, 100))
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    pad = 0.12 * (high - low) or 0.5
    step = 10.0 ** np.floor(np.log10(high - low + 2 * pad))
    step = next(step * m for m in (0.1, 0.2, 0.5, 1, 2, 5) if (high - low + 2 * pad) / (step * m) <= 4)
    ticks = np.arange(np.ceil((low - pad) / step), np.floor((high + pad) / step) + 0.5) * step
    return low - pad, high + pad, tuple(float(t) for t in ticks)


def _draw(sheet: _Sheet, lead: LeadPair, track: _Track, row: int, domain: list[float]) -> None:
    key = "" if row == 0 else str(row + 1)
    axes = {"xaxis": f"x{key}", "yaxis": f"y{key}"}
    frame = {"showline": True, "mirror": True, "linecolor": PAPER_MAJOR, "ticks": "", "showticklabels": False}
    calibrated = lead.unit == "mV"
    vertical = sheet.paper.voltage_grid() if calibrated else {"tickvals": list(track.ticks), "gridcolor": PAPER_MAJOR}
    window = [sheet.start - LEAD_IN_S, sheet.end + LEAD_OUT_S]
    sheet.axes[f"xaxis{key}"] = {"anchor": f"y{key}", "range": window, **sheet.paper.time_grid(), **frame}
    span = [track.low, track.high]
    sheet.axes[f"yaxis{key}"] = {"anchor": f"x{key}", "domain": domain, "range": span, **frame, **vertical}
    _labels(sheet, lead, track, axes["yaxis"])
    _hatch(sheet, lead, track, axes)
    if calibrated:
        x, y = calibration_pulse(sheet.start, track.low)
        pulse = {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": {"color": TRACE, "width": 1.5}}
        sheet.traces.append({**pulse, **axes, "hoverinfo": "skip", "name": "calibration"})
    budget = int(POINTS_PER_PX * sheet.paper.px_per_s * sheet.length)
    solid, dashed = {"color": TRACE, "width": 1.2}, {"color": CHANGED, "width": 1.8, "dash": "5px,3px"}
    for values, name, line in ((track.before, "as recorded", solid), (track.after, "as altered", dashed)):
        keep = extremes(values, budget) if len(values) > budget else np.arange(len(values))
        sheet.traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": track.x[keep].astype(np.float32),
                "y": values[keep],
                "line": line,
                "connectgaps": False,
                "name": f"{lead.title} {name}",
                "hovertemplate": f"{lead.title} {name}: %{{y:.2f}} {lead.unit}<br>at %{{x:.2f}} s<extra></extra>",
                **axes,
            }
        )


def _labels(sheet: _Sheet, lead: LeadPair, track: _Track, y_axis: str) -> None:
    """The lead's title above it; values with their unit left of it, as far apart as they need."""
    place = {"xref": "x domain", "x": 0, "xanchor": "left", "yref": f"{y_axis} domain", "y": 1, "yanchor": "bottom"}
    text = f"<b>{lead.title}</b>, {lead.unit}"
    sheet.notes.append({"text": text, "showarrow": False, "font": {"size": SMALL}, **place})
    last = -np.inf
    for value in track.ticks:
        at = (value - track.low) / (track.high - track.low) * track.px
        if at - last < LABEL_PX:
            continue
        last = at
        side = {"xref": "paper", "x": 0, "xanchor": "right", "xshift": -4, "yref": y_axis, "y": value}
        shown = f"{value + 0.0:g} {lead.unit}".replace("-", "\N{MINUS SIGN}")
        sheet.notes.append({"text": shown, "showarrow": False, "font": {"size": SMALL}, "yanchor": "middle", **side})


def _hatch(sheet: _Sheet, lead: LeadPair, track: _Track, axes: dict[str, str]) -> None:
    """What was recorded and is not there any more."""
    gone = np.r_[False, np.isfinite(track.before) & ~np.isfinite(track.after), False]
    edges = np.flatnonzero(np.diff(gone.astype(np.int8)))
    if not len(edges):
        return
    runs = [
        (float(track.x[first]), float(track.x[stop - 1]) + lead.dt_s)
        for first, stop in zip(edges[::2], edges[1::2], strict=True)
    ]
    x, y = outlines([(left, right, track.low, track.high) for left, right in runs])
    for left, right in runs:
        middle = {"xref": axes["xaxis"], "x": (left + right) / 2, "yref": axes["yaxis"], "y": track.low}
        font = {"size": SMALL, "color": INK}
        sheet.notes.append(
            {"text": "cut", "showarrow": False, "bgcolor": PAPER, "yanchor": "bottom", "font": font, **middle}
        )
    pattern = {"shape": "/", "fgcolor": GREY, "bgcolor": "rgba(255,255,255,0.4)", "size": 8, "solidity": 0.16}
    sheet.traces.append(
        {"type": "scatter", "mode": "lines", "x": x, "y": y, "fill": "toself", "fillpattern": pattern}
        | {"line": {"color": GREY, "width": 1}, "hoveron": "fills", "hoverinfo": "text"}
        | {"text": f"{lead.title}: cut", "name": "cut", **axes}
    )


def _time_axis(sheet: _Sheet, leads: int, dark: bool) -> None:
    """Elapsed time under the last lead, as many labels as have room, on an axis of its own: the leads' are paper."""
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60) if s * sheet.paper.px_per_s >= 76), 120)
    ticks = np.arange(np.ceil(sheet.start / step - 1e-9) * step, sheet.end + 1e-9, step)
    key = leads + 1
    sheet.axes[f"xaxis{key}"] = {
        "anchor": f"y{key}",
        "range": [sheet.start - LEAD_IN_S, sheet.end + LEAD_OUT_S],
        "tickfont": {"color": TEXT[dark], "size": SMALL},
        "tickvals": ticks.tolist(),
        "ticktext": [clock(float(t)) for t in ticks],
        "ticks": "outside",
        "showgrid": False,
        "zeroline": False,
        "title": {"text": "elapsed time, hours:minutes:seconds"},
    }
    sheet.axes[f"yaxis{key}"] = {"anchor": f"x{key}", "domain": [0, 0.001], "range": [0, 1], "visible": False}
    bare = {"type": "scatter", "mode": "lines", "x": [sheet.start, sheet.end], "y": [0, 0], "opacity": 0}
    sheet.traces.append({**bare, "xaxis": f"x{key}", "yaxis": f"y{key}", "hoverinfo": "skip", "name": "time axis"})


def _above(text: str, place: dict[str, Any], dark: bool) -> dict[str, Any]:
    font = {"size": SMALL, "color": TEXT[dark]}
    return {"text": text, "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": font, **place}


def _words(leads: Sequence[LeadPair], tracks: Sequence[_Track], sheet: _Sheet, alarm_s: float | None) -> str:
    """The text alternative."""
    said = []
    for lead, track in zip(leads, tracks, strict=True):
        was, now = (side[np.isfinite(side)] for side in (track.before, track.after))
        said.append(f"{lead.title} {_extent(was, lead.unit)} as recorded, {_extent(now, lead.unit)} as altered")
    alarm = "" if alarm_s is None else f" Alarm at {clock(alarm_s)}."
    return f"Waveforms from {clock(sheet.start)} to {clock(sheet.end)}: {listing(said)}.{alarm}"


def _extent(finite: np.ndarray, unit: str) -> str:
    return f"{float(finite.min()):.3g} to {float(finite.max()):.3g} {unit}" if len(finite) else "no signal"
