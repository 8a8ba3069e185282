"""A record as it was beside the record as altered: contributions and charted values. What was charted is solid with
circles, what was altered dashed with diamonds; bars are an outline and a filled one: never colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.figures.bars import GONE, direction_heads
from app.figures.drawing import (
    ROW_PX,
    Drawing,
    State,
    Trace,
    absent_rows,
    absent_sentence,
    build,
    check_rows,
    known,
    listing,
    row_axis,
    signed,
    unit_text,
    value_column,
)
from app.figures.trend_panel import GAP_H, TrendPanel, short, value_range
from app.figures.waveform_notes import clock
from app.theme import MAGNITUDE, MUTED, NEGATIVE, POSITIVE, SMALL, TEXT, alpha

PANEL_PX = 190
CHANGED = "as altered"
VALUES_ALTERED = "with values altered"
"""As apart from modalities that are switched off."""


def paired_contributions(
    before: np.ndarray,
    after: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    dark: bool = False,
) -> Drawing:
    """Shapley values of the record as it was (outline) and as altered (filled), one row per modality around zero.

    before, after: f[M] in log-odds; states: of the altered record. Raises InputError on unequal lengths.
    """
    check_rows("paired_contributions", names, titles, states, before, after)
    was = [i for i, s in enumerate(states) if s != "missing" and np.isfinite(before[i])]
    now = [i for i, s in enumerate(states) if known(after[i], s)]
    sizes = [abs(float(before[i])) for i in was] + [abs(float(after[i])) for i in now]
    limit = 1.08 * max(sizes, default=0.0) or 1.0
    texts = [""] * len(names)
    for i in was:
        texts[i] = f"{signed(float(before[i]))} →<br>{signed(float(after[i])) if i in now else GONE[states[i]]}"
    outline = _bars(before, was, titles, "unaltered", 0.72)
    outline["marker"] = {"color": "rgba(0,0,0,0)", "line": {"color": MUTED[dark], "width": 1.5}}
    filled = _bars(after, now, titles, VALUES_ALTERED, 0.4)
    colours = [POSITIVE[dark] if after[i] > 0 else NEGATIVE[dark] for i in now]
    filled["marker"] = {"color": colours, "line": {"color": TEXT[dark], "width": 1}}
    hatched, notes = absent_rows(titles, states, -limit, limit, dark)
    column, margin = value_column(texts, dark)
    said = listing([f"{titles[i]} {texts[i].replace('<br>', ' ')}" for i in was]) or "nothing is present"
    return build(
        [*hatched, outline, filled],
        f"Contributions in log-odds, unaltered → {VALUES_ALTERED}: {said}.{absent_sentence(titles, states)}",
        dark,
        "paired_contributions",
        (ROW_PX + 4) * len(names) + 96,
        xaxis={
            "range": [-limit, limit],
            "nticks": 5,
            "title": {"text": f"contribution, log-odds<br>outline: unaltered · filled: {VALUES_ALTERED}"},
            "zeroline": True,
            "zerolinewidth": 2,
        },
        yaxis=row_axis(titles),
        annotations=notes + column + direction_heads(dark),
        margin={"r": margin, "t": 30},
    )


def _bars(values: np.ndarray, rows: Sequence[int], titles: Sequence[str], name: str, width: float) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(rows),
        "x": [float(values[i]) for i in rows],
        "width": width,
        "customdata": [f"{titles[i]}, {name}: {signed(float(values[i]))} log-odds" for i in rows],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": name,
    }


def charted_pair(before: TrendPanel, after: TrendPanel, hours: float, dark: bool = False) -> Drawing:
    """One charted variable: circles on a solid line as charted, diamonds on a dashed line as altered, a cross over what
    was taken out. hours: length of the axis. Lines stop where nothing was charted for over 6 h.
    """
    channel = before.channel
    unit = unit_text(channel.unit)
    title = f"{channel.title}, {unit}" if unit else channel.title
    both = np.concatenate([np.asarray(side.values, np.float64) for side in (before, after)])
    low, high, ticks = value_range(replace(before, values=both))
    shapes = []
    if channel.normal:
        band = {"y0": max(channel.normal[0], low), "y1": min(channel.normal[1], high), "line": {"width": 0}}
        shade = {"fillcolor": alpha(MUTED[dark], 0.16), "layer": "below"}
        shapes.append({"type": "rect", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", **band, **shade})
    return build(
        [
            _points(before, "as charted", "circle", TEXT[dark], "solid", 6),
            _points(after, CHANGED, "diamond", MAGNITUDE[dark], "dash", 8),
            _taken_out(before, after, MAGNITUDE[dark]),
        ],
        f"{channel.title} over {hours:g} h: {_changes(before, after, unit)}.",
        dark,
        "charted_pair",
        PANEL_PX,
        shapes=shapes,
        xaxis={
            "range": [-0.02 * hours, 1.02 * hours],
            "dtick": 12 if hours >= 36 else 6,
            "ticksuffix": " h",
            "showgrid": False,
            "showline": True,
        },
        yaxis={"range": [low, high], "tickvals": ticks, "ticktext": [short(t) for t in ticks]},
        annotations=[
            {"text": title, "xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
            | {"showarrow": False, "font": {"size": SMALL}}
        ],
        margin={"t": 24},
    )


def _points(panel: TrendPanel, name: str, symbol: str, colour: str, dash: str, size: int) -> Trace:
    hours, values = np.asarray(panel.hours, float), np.asarray(panel.values, float)
    breaks = np.flatnonzero(np.diff(hours) > GAP_H) + 1
    unit = unit_text(panel.channel.unit)
    texts = [
        f"{panel.channel.title}, {name}: {v:g} {unit}".rstrip() + f"<br>at {clock(3600 * h)}"
        for h, v in zip(hours, values, strict=True)
    ]
    for at in breaks[::-1]:
        texts.insert(int(at), "")
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": np.insert(hours, breaks, np.nan).tolist(),
        "y": [None if np.isnan(v) else v for v in np.insert(values, breaks, np.nan).tolist()],
        "line": {"color": colour, "width": 1.5, "dash": dash},
        "marker": {"symbol": symbol, "size": size, "color": colour},
        "hovertext": texts,
        "hoverinfo": "text",
        "connectgaps": False,
        "cliponaxis": False,
        "name": name,
    }


def _taken_out(before: TrendPanel, after: TrendPanel, colour: str) -> Trace:
    gone = ~np.isin(np.asarray(before.hours), np.asarray(after.hours))
    return {
        "type": "scatter",
        "mode": "markers",
        "x": np.asarray(before.hours, float)[gone].tolist(),
        "y": np.asarray(before.values, float)[gone].tolist(),
        "marker": {"symbol": "x-thin", "size": 11, "line": {"color": colour, "width": 2.5}},
        "hoverinfo": "skip",
        "cliponaxis": False,
        "name": "taken out",
    }


def _changes(before: TrendPanel, after: TrendPanel, unit: str) -> str:
    was = dict(zip(np.asarray(before.hours).tolist(), np.asarray(before.values).tolist(), strict=True))
    now = dict(zip(np.asarray(after.hours).tolist(), np.asarray(after.values).tolist(), strict=True))
    moved = [(was[h], now[h]) for h in was if h in now and was[h] != now[h]]
    gone = len(was) - len(now)
    said = [f"{len(was)} values charted"]
    if moved:
        old, new = (f"{float(np.median(side)):.4g}" for side in zip(*moved, strict=True))
        said.append(f"{len(moved)} altered, their median {old} → {new} {unit}".rstrip())
    if gone:
        said.append(f"{gone} taken out")
    return listing(said) if len(said) > 1 else f"{said[0]}, none altered"
