"""What is written on and around the waveforms: time, gaps, the alarm, the model's window, scale, text alternative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.figures.drawing import MINUS, Trace, listing, outlines
from app.figures.strip import Sheet, Strip, Track
from app.theme import SMALL, TEXT

GAP_S = 0.5
# From this width on a lead bears its title at both ends.
BOTH_ENDS_PX = 640
END_PX = 10
INK = TEXT[False]
GREY = "#57606A"


def clock(seconds: float) -> str:
    """Elapsed time as HH:MM:SS, with hundredths where they are not zero."""
    hundredths = round(100 * abs(seconds))
    whole, rest = divmod(hundredths, 100)
    text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}" + (f".{rest:02d}" if rest else "")
    return f"{MINUS}{text}" if seconds < 0 and hundredths else text


def lead_labels(sheet: Sheet, title: str, track: Track, unit: str, axes: dict[str, str]) -> Trace:
    """Values with their unit left of a lead, on their grid lines and at least 15 px apart; its title over its left end,
    and over its right end where the paper is wide: it may be scrolled.

    One trace of text: plotly takes ten times as long for as many annotations.
    """
    left, right = sheet.start - sheet.paper.lead_in_s, sheet.end + sheet.paper.lead_out_s
    px_per_unit = track.px / (track.high - track.low)
    ticks: list[float] = []
    for value in track.ticks:
        if not ticks or (value - ticks[-1]) * px_per_unit >= 15:
            ticks.append(value)
    # A space that cannot be lost keeps the values off the frame.
    said = [f"{value + 0.0:g} {unit}\N{NO-BREAK SPACE}".replace("-", MINUS) for value in ticks]
    wide = sheet.paper.px_per_s * sheet.length >= BOTH_ENDS_PX
    # Right of the second one runs the line of an alarm that sounds as the record ends.
    ends = [(left, "top right"), (right - END_PX / sheet.paper.px_per_s, "top left")][: 1 + wide]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [left] * len(ticks) + [x for x, _ in ends],
        "y": ticks + [track.high] * len(ends),
        "text": said + [title] * len(ends),
        "textposition": ["middle left"] * len(ticks) + [place for _, place in ends],
        "textfont": {"size": SMALL, "color": TEXT[sheet.dark]},
        "cliponaxis": False,
        "hoverinfo": "skip",
        "name": f"labels of {title}",
        **axes,
    }


def time_axis(sheet: Sheet) -> None:
    """Whole seconds as elapsed HH:MM:SS under the last lead, as many as have room."""
    step = sheet.paper.label_step_s
    ticks = np.arange(np.ceil(sheet.start / step - 1e-9) * step, sheet.end + 1e-9, step)
    axes = sheet.add_axes(
        {
            "showticklabels": True,
            "tickvals": ticks.tolist(),
            "ticktext": [clock(float(t)) for t in ticks],
            "ticks": "outside",
            "showgrid": False,
            "title": {"text": "elapsed time, hours:minutes:seconds"},
        },
        {"domain": [0, 0.001], "range": [0, 1], "visible": False},
    )
    sheet.traces.append(
        {"type": "scatter", "mode": "lines", "x": [sheet.start, sheet.end], "y": [0, 0], "opacity": 0, **axes}
        | {"hoverinfo": "skip", "name": "time axis"}
    )


def gaps(sheet: Sheet, strip: Strip, track: Track, axes: dict[str, str]) -> None:
    """Hatches what is absent for at least half a second, or all of the window, and says so on it."""
    runs = _absent_runs(track)
    if not np.isfinite(track.y).any():
        text = "no signal in this window" if strip.recorded else strip.absence
        runs = [(sheet.start, sheet.end)]
    else:
        text = "no signal"
        if len(track.x):
            first, last = float(track.x[0]), float(track.x[-1] + strip.dt_s)
            runs = [r for r in [(sheet.start, first), *runs, (last, sheet.end)] if r[1] - r[0] >= GAP_S]
    if not runs:
        return
    x, y = outlines([(start, stop, track.low, track.high) for start, stop in runs])
    for start, stop in runs:
        if (stop - start) * sheet.paper.px_per_s >= 80:
            sheet.notes.append(
                {
                    "text": text,
                    "xref": axes["xaxis"],
                    "yref": axes["yaxis"],
                    "x": (start + stop) / 2,
                    "y": (track.low + track.high) / 2,
                    "showarrow": False,
                    "bgcolor": "#FFFFFF",
                    "font": {"size": SMALL, "color": INK},
                }
            )
    sheet.traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "fill": "toself",
            "fillpattern": {
                "shape": "/",
                "fgcolor": GREY,
                "bgcolor": "rgba(255,255,255,0.6)",
                "size": 8,
                "solidity": 0.16,
            },
            "line": {"color": GREY, "width": 1},
            "hoveron": "fills",
            "hoverinfo": "text",
            "text": f"{strip.title}: {text}",
            "name": text,
            **axes,
        }
    )


def _absent_runs(track: Track) -> list[tuple[float, float]]:
    absent = np.r_[False, ~np.isfinite(track.y), False]
    edges = np.flatnonzero(np.diff(absent.astype(np.int8)))
    last = len(track.x) - 1
    return [(float(track.x[a]), float(track.x[min(b, last)])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def marks(sheet: Sheet, alarm_s: float | None, window_s: tuple[float, float] | None) -> None:
    """The alarm as a line over all leads; what the model did not see is greyed, what it saw has a bracket on top."""
    if window_s:
        low, high = max(window_s[0], sheet.start), min(window_s[1], sheet.end)
        unseen = [(sheet.start, low), (high, sheet.end)] if high > low else [(sheet.start, sheet.end)]
        for start, stop in unseen:
            if (stop - start) * sheet.paper.px_per_s > 150:
                sheet.notes.append(_over("not seen by the model (grey)", (start + stop) / 2, sheet.dark))
            if stop - start > 1e-6:
                box = {
                    "x0": start,
                    "x1": stop,
                    "y0": 0,
                    "y1": 1,
                    "fillcolor": "rgba(87,96,106,0.16)",
                    "line": {"width": 0},
                }
                sheet.shapes.append({"type": "rect", "xref": "x", "yref": "paper", "layer": "above", **box})
        if high - low > 1e-6:
            _bracket(sheet, low, high, window_s)
    if alarm_s is not None and sheet.start - 1e-6 <= alarm_s <= sheet.end + 1e-6:
        line = {"color": INK, "width": 2, "dash": "dash"}
        place = {"x0": alarm_s, "x1": alarm_s, "y0": 0, "y1": 1}
        sheet.shapes.append({"type": "line", "xref": "x", "yref": "paper", "line": line, **place})


def _bracket(sheet: Sheet, low: float, high: float, window_s: tuple[float, float]) -> None:
    colour = TEXT[sheet.dark]
    line = {"color": colour, "width": 2}
    common = {"type": "line", "xref": "x", "yref": "paper", "ysizemode": "pixel", "yanchor": 1, "line": line}
    sheet.shapes.append({**common, "x0": low, "x1": high, "y0": 24, "y1": 24})
    for edge, x in zip(window_s, (low, high), strict=True):
        if abs(edge - x) < 1e-6:
            sheet.shapes.append({**common, "x0": x, "x1": x, "y0": 19, "y1": 24})


def _over(text: str, x: float, dark: bool) -> dict[str, Any]:
    """A text in the row of the bracket, above the leads."""
    place = {"xref": "x", "x": x, "xanchor": "center", "yref": "paper", "y": 1, "yanchor": "bottom", "yshift": 25}
    return {"text": text, "showarrow": False, "font": {"size": SMALL, "color": TEXT[dark]}, **place}


def captions(sheet: Sheet, alarm_s: float | None, window_s: tuple[float, float] | None, assumed: bool = False) -> None:
    """Scale on top, then what the bracket and the dashed line are."""
    font = {"size": SMALL, "color": TEXT[sheet.dark]}
    top = {"xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": font}
    sheet.notes.append(
        {
            "text": sheet.paper.caption(),
            "x": 0,
            "xanchor": "left",
            "align": "left",
            **top,
            "yshift": 44 if window_s else 20,
        }
    )
    if window_s and min(window_s[1], sheet.end) > max(window_s[0], sheet.start):
        middle = (max(window_s[0], sheet.start) + min(window_s[1], sheet.end)) / 2
        sheet.notes.append(_over("seen by the model", middle, sheet.dark))
    if alarm_s is not None and sheet.start - 1e-6 <= alarm_s <= sheet.end + 1e-6:
        share = (alarm_s - sheet.start) / sheet.length
        anchor = "right" if share > 0.85 else "left" if share < 0.15 else "center"
        place = {"xref": "x", "x": alarm_s, "xanchor": anchor}
        sheet.notes.append({**top, "text": f"<b>{_alarm(assumed)}</b>", "yshift": 44 if window_s else 20, **place})


def _alarm(assumed: bool) -> str:
    return "assumed alarm" if assumed else "alarm"


def legend_text(scale: float, cell: float, magnitude: str = "") -> str:
    """What tint and bars mean and what full colour stands for; empty without any."""
    if scale <= 0:
        return ""
    if magnitude:
        return (
            f"Tint and bars: the darker and higher, the more {magnitude}; it has no direction. "
            f"Full at {scale:.2g} per {cell:.2f} s and beyond, one scale for all leads."
        )
    return (
        f"Tint and bars: + orange, up, raises; {MINUS} blue, down, lowers. "
        f"Full at {scale:.2g} log-odds per {cell:.2f} s and beyond, one scale for all leads."
    )


def words(
    strips: Sequence[Strip],
    sheet: Sheet,
    alarm_s: float | None,
    window_s: tuple[float, float] | None,
    scale: float,
    noun: str,
    magnitude: str = "",
    assumed: bool = False,
) -> str:
    """The text alternative."""
    text = f"{len(strips)} waveforms from {clock(sheet.start)} to {clock(sheet.end)}: "
    text += listing([f"{s.title} ({_unit_and_remark(s) if s.recorded else s.absence})" for s in strips])
    text += f", {sheet.paper.caption().replace('<br>', ', ')}"
    if alarm_s is not None:
        text += f"; {_alarm(assumed)} at {clock(alarm_s)}"
    if window_s:
        text += f"; the model saw {clock(window_s[0])} to {clock(window_s[1])}"
    text += "."
    if scale > 0 and magnitude:
        read = [s for s in strips if s.attribution is not None and np.nansum(s.attribution) > 0]
        peaks = [f"{s.title} at {clock(_peak_s(s))}" for s in read]
        text += f" Most {magnitude}, a size without a direction: {listing(peaks)}."
    elif scale > 0:
        sums = [(s.title, float(np.nansum(s.attribution))) for s in strips if s.attribution is not None]
        sums.sort(key=lambda item: -abs(item[1]))
        said = listing([f"{title} {'+' if v > 0 else MINUS}{abs(v):.2f}" for title, v in sums])
        text += f" Effect on {noun} over the whole record, in log-odds: {said}."
    return text


def _unit_and_remark(strip: Strip) -> str:
    return f"{strip.unit}, {strip.remark}" if strip.remark else strip.unit


def _peak_s(strip: Strip) -> float:
    """The second of the record at which the attribution is largest."""
    x0_s, dt_s = strip.effect_at
    return x0_s + dt_s * int(np.nanargmax(np.asarray(strip.attribution)))
