"""Bedside waveforms: all leads on one time axis, ECG on calibrated paper, attribution behind the trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.drawing import MINUS, Drawing, Trace, build
from app.figures.ecg_paper import Paper, calibration_pulse
from app.figures.strip import (
    POINTS_PER_PX,
    Mark,
    Sheet,
    Strip,
    Track,
    attribution_scale,
    cell_width,
    extremes,
    track_of,
    window_cells,
)
from app.figures.waveform_events import events_row, flaws, lead_events
from app.figures.waveform_notes import captions, gaps, lead_labels, legend_text, marks, time_axis, words
from app.theme import DIVERGING, MAGNITUDE, NEGATIVE, PAPER, PAPER_MAJOR, PAPER_MINOR, POSITIVE, SEQUENTIAL, TRACE

LANE_PX, EVENTS_PX, GAP_PX, LEFT_PX, RIGHT_PX, BOTTOM_PX = 28, 20, 24, 78, 36, 54


def waveforms(
    strips: Sequence[Strip],
    start_s: float,
    length_s: float,
    alarm_s: float | None = None,
    window_s: tuple[float, float] | None = None,
    zoom: float = 1.0,
    dark: bool = False,
    noun: str = "the risk",
    magnitude: str = "",
    overview: bool = False,
    events: Sequence[Mark] | None = None,
    assumed: bool = False,
) -> Drawing:
    """All leads between start_s and start_s + length_s. The figure has a fixed width: draw it without stretching.

    alarm_s: when the alarm sounded; assumed: so says the user, not the record. window_s: what the model saw. zoom: 1 is
    25 mm/s and 10 mm/mV at 96 px per inch. An ECG in another unit has no millivolt paper, and the scale says so.
    Attribution is summed into at most 200 cells and shown twice, as a tint behind the trace and as bars up (raises)
    and down (lowers) in a lane under it, on one scale for all leads. magnitude: what attributions without a sign are
    called ("weight"); they have one hue and bars up. overview: the whole window in the width of a screen, time
    compressed and said to be. events: of the record as a whole, in a row above all leads; no row for None.
    Raises InputError without a strip, or where length or zoom are not positive.
    """
    if not strips:
        raise InputError("waveforms", "no strip", "at least one", "Say in words that no waveform was recorded.")
    if not (length_s > 0 and zoom > 0):
        raise InputError("waveforms", f"length {length_s} s, zoom {zoom}", "both above zero", "Correct the window.")
    sheet = Sheet(_paper(strips, zoom, length_s, overview), float(start_s), float(length_s), dark)
    cell = cell_width(length_s)
    scale = attribution_scale(strips, cell)
    tracks = [track_of(strip, sheet) for strip in strips]
    below = [LANE_PX * _has_lane(strip) + EVENTS_PX * (strip.marks is not None) for strip in strips]
    events_px = 0 if events is None else EVENTS_PX + GAP_PX
    plot_px = sum(t.px for t in tracks) + GAP_PX * len(tracks) + sum(below) + events_px
    width_px = sheet.paper.px_per_s * (sheet.paper.lead_in_s + sheet.length + sheet.paper.lead_out_s)
    top_px = 46 + (0 if sheet.paper.minor else 16) + (24 if window_s else 0)
    y = plot_px
    if events is not None:
        events_row(sheet, events, (y - EVENTS_PX, y), plot_px)
        y -= events_px
    for strip, track, room in zip(strips, tracks, below, strict=True):
        edge = y - track.px
        _draw(sheet, strip, track, (edge, y), plot_px, cell, scale, magnitude)
        if strip.marks is not None:
            lead_events(sheet, strip, (edge - EVENTS_PX, edge), plot_px)
            edge -= EVENTS_PX
        if _has_lane(strip):
            _lane(sheet, strip, (edge - LANE_PX, edge - 2), plot_px, cell, scale, noun, magnitude)
        y -= track.px + room + GAP_PX
    time_axis(sheet)
    marks(sheet, alarm_s, window_s)
    captions(sheet, alarm_s, window_s, assumed)
    height = round(plot_px + top_px + BOTTOM_PX)
    return build(
        sheet.traces,
        words(strips, sheet, alarm_s, window_s, scale, noun, magnitude, assumed),
        dark,
        "waveforms",
        height,
        width=round(width_px + LEFT_PX + RIGHT_PX),
        autosize=False,
        plot_bgcolor=PAPER,
        bargap=0,
        annotations=sheet.notes,
        shapes=sheet.shapes,
        margin={
            "l": LEFT_PX,
            "r": round(width_px + LEFT_PX + RIGHT_PX) - LEFT_PX - width_px,
            "t": top_px,
            "b": height - plot_px - top_px,
            "pad": 0,
            "autoexpand": False,
        },
        **sheet.axes,
    )


def waveform_key(
    strips: Sequence[Strip], length_s: float, zoom: float = 1.0, magnitude: str = "", overview: bool = False
) -> str:
    """The scale of the paper and what tint and bars mean, for the page: written there it wraps and never scrolls off.

    The same strips, length, zoom, magnitude and overview as `waveforms` gets.
    """
    cell = cell_width(length_s)
    scale = _paper(strips, zoom, length_s, overview).caption().replace("<br>", "; ")
    return f"{scale}. {legend_text(attribution_scale(strips, cell), cell, magnitude)}".strip()


def _paper(strips: Sequence[Strip], zoom: float, length_s: float, overview: bool) -> Paper:
    odd = [s for s in strips if s.modality == "ecg" and s.recorded and s.unit != "mV"]
    volts = not odd or any(s.unit == "mV" and s.recorded for s in strips)
    which = f" of {', '.join(s.title for s in odd)}" if volts else ""
    units = ", ".join(sorted({s.unit or "no unit" for s in odd}))
    said = f"amplitude{which} not calibrated ({units})" if odd else ""
    return Paper(zoom, float(length_s) if overview else None, said, volts)


def _has_lane(strip: Strip) -> bool:
    return strip.attribution is not None and strip.recorded


def _draw(
    sheet: Sheet,
    strip: Strip,
    track: Track,
    span_px: tuple[float, float],
    plot_px: float,
    cell: float,
    scale: float,
    magnitude: str,
) -> None:
    domain = [span_px[0] / plot_px, span_px[1] / plot_px]
    calibrated = strip.unit == "mV" and strip.recorded
    frame = {"showline": True, "mirror": True, "linecolor": PAPER_MAJOR, "ticks": "", "showticklabels": False}
    frame |= {"showgrid": False}
    axes = sheet.add_axes(frame, {"domain": domain, "range": [track.low, track.high], **frame})
    sheet.shapes += _boxes(sheet, track, calibrated, axes)
    sheet.traces.append(lead_labels(sheet, _title(strip, track, scale), track, strip.unit, axes))
    if strip.attribution is not None and scale > 0:
        _tint(sheet, strip, track, axes, cell, scale, magnitude)
    flaws(sheet, strip, track, axes)
    gaps(sheet, strip, track, axes)
    if calibrated:
        x, y = calibration_pulse(sheet.start, track.low, sheet.paper)
        sheet.traces.append(
            {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": {"color": TRACE, "width": 1.5}, **axes}
            | {"hoverinfo": "text", "text": _pulse_text(sheet.paper), "name": "calibration"}
        )
    sheet.traces.append(_line(strip, track, sheet) | axes)


def _boxes(sheet: Sheet, track: Track, calibrated: bool, axes: dict[str, str]) -> list[dict[str, Any]]:
    """The lines of the paper behind a lead, one path of each colour: as grid lines of an axis they would be elements by
    the thousand, and take most of the time of drawing."""
    left, right = sheet.start - sheet.paper.lead_in_s, sheet.end + sheet.paper.lead_out_s
    upright = sheet.paper.time_lines(left, right)
    level = sheet.paper.voltage_lines(track.low, track.high) if calibrated else (np.array(track.ticks), np.zeros(0))
    found = []
    # What is drawn later lies on top: large boxes over small ones.
    for colour, across, up in reversed(tuple(zip((PAPER_MAJOR, PAPER_MINOR), upright, level, strict=True))):
        line = {"type": "path", "layer": "below", "line": {"color": colour, "width": 1}}
        x, y = axes["xaxis"], axes["yaxis"]
        if len(across):
            path = "".join(f"M{at:.10g},0V1" for at in across.tolist())
            found.append({**line, "path": path, "xref": x, "yref": f"{y} domain"})
        if len(up):
            path = "".join(f"M0,{at:.10g}H1" for at in up.tolist())
            found.append({**line, "path": path, "xref": f"{x} domain", "yref": y})
    return found


def _pulse_text(paper: Paper) -> str:
    return "calibration: 1 mV" if paper.squeezed_s is not None else "calibration: 1 mV, 0.2 s"


def _title(strip: Strip, track: Track, scale: float) -> str:
    if not strip.recorded:
        return f"<b>{strip.title}</b>, {strip.absence}"
    text = f"<b>{strip.title}</b>, {strip.unit}"
    if strip.remark:
        text += f" · <b>{strip.remark}</b>"
    if track.leaves_paper:
        text += " · peaks leave the paper"
    elif track.beyond:
        text += f" · <b>{track.beyond}</b>"
    return text + (" · not read by the model" if scale > 0 and strip.attribution is None else "")


def _line(strip: Strip, track: Track, sheet: Sheet) -> Trace:
    """The trace in black. Every sample where the screen can show it, otherwise each stretch's extremes."""
    trace: Trace = {
        "type": "scatter",
        "mode": "lines",
        "line": {"color": TRACE, "width": 1.1},
        "connectgaps": False,
        "name": strip.title,
        "hovertemplate": f"{strip.title}: %{{y:.2f}} {strip.unit}<br>at %{{x:.2f}} s<extra></extra>",
    }
    if strip.x_s is not None:
        return trace | {"x": track.x.astype(np.float32), "y": track.y}
    budget = int(POINTS_PER_PX * sheet.paper.px_per_s * sheet.length)
    if len(track.y) <= budget or len(track.y) == 0:
        return trace | {"x0": float(track.x[0]) if len(track.x) else sheet.start, "dx": strip.dt_s, "y": track.y}
    keep = extremes(track.y, budget)
    return trace | {"x": track.x[keep].astype(np.float32), "y": track.y[keep]}


def _tint(
    sheet: Sheet, strip: Strip, track: Track, axes: dict[str, str], cell: float, scale: float, magnitude: str
) -> None:
    x0, shares = window_cells(sheet, strip, cell, scale)
    if len(shares) == 0:
        return
    sheet.traces.append(
        {
            "type": "heatmap",
            "x0": x0 + cell / 2,
            "dx": cell,
            "y": [track.low, track.high],
            "z": [np.round(np.clip(shares, -1, 1), 3).tolist()],
            "zmin": 0 if magnitude else -1,
            "zmax": 1,
            "colorscale": [list(stop) for stop in (SEQUENTIAL if magnitude else DIVERGING)],
            "showscale": False,
            "hoverinfo": "skip",
            "name": "attribution",
            **axes,
        }
    )


def _lane(
    sheet: Sheet,
    strip: Strip,
    span_px: tuple[float, float],
    plot_px: float,
    cell: float,
    scale: float,
    noun: str,
    magnitude: str,
) -> None:
    """Bars up and down in a lane under the trace: the sign without colour. What has no sign goes up only."""
    ticks = [(0.5, magnitude)] if magnitude else [(-0.62, f"{MINUS} lowers"), (0.62, "+ raises")]
    axes = sheet.add_axes(
        {"showgrid": False},
        {
            "domain": [span_px[0] / plot_px, span_px[1] / plot_px],
            "range": [0 if magnitude else -1.08, 1.08],
            "tickvals": [at for at, _ in ticks],
            "ticktext": [label for _, label in ticks],
            "showgrid": False,
            "ticks": "",
            "zeroline": True,
            "zerolinecolor": "#57606A",
            "zerolinewidth": 1,
        },
    )
    x0, shares = window_cells(sheet, strip, cell, scale)
    sheet.traces.append(
        {
            "type": "bar",
            "x0": x0 + cell / 2,
            "dx": cell,
            "y": np.round(np.clip(shares, -1, 1), 3).tolist(),
            "marker": {"color": [_colour(float(s), magnitude) for s in shares], "line": {"width": 0}},
            "hovertext": [f"{strip.title}: {_effect(float(s) * scale, cell, noun, magnitude)}" for s in shares],
            "hoverinfo": "text",
            "name": f"attribution of {strip.title}",
            **axes,
        }
    )


def _colour(share: float, magnitude: str) -> str:
    return MAGNITUDE[False] if magnitude else POSITIVE[False] if share > 0 else NEGATIVE[False]


def _effect(value: float, cell: float, noun: str, magnitude: str) -> str:
    if magnitude:
        return f"{magnitude} {value:.2g} in {cell:.2f} s"
    if not value:
        return "no effect"
    return f"{'raises' if value > 0 else 'lowers'} {noun} by {abs(value):.4f} log-odds in {cell:.2f} s"
