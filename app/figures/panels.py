"""Small multiples, one below the other on one shared horizontal axis: a line of words over each, its last number at
the right. One column reads alike on a phone and on a wide screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.figures.drawing import Drawing, Trace, build
from app.theme import SMALL, TEXT, alpha

HEAD_PX, PANEL_PX, GAP_PX, LINE_PX = 21, 50, 9, 17


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One row: the words over it, what is written at its right end, and its traces without axes."""

    head: str
    value: str
    traces: Sequence[Trace]


def stacked(
    panels: Sequence[Panel],
    alt: str,
    dark: bool,
    uirevision: str,
    xaxis: dict[str, Any],
    yaxis: dict[str, Any],
    axis_px: int = 44,
    key: str = "",
) -> Drawing:
    """The panels top down, all on the same two scales. axis_px: what the horizontal axis with its title needs;
    key: lines above them all, which may be empty."""
    key_px = LINE_PX * (key.count("<br>") + 1) + 7 if key else 4
    step = HEAD_PX + PANEL_PX + GAP_PX
    inner = step * len(panels)
    font = {"size": SMALL, "color": TEXT[dark]}
    traces: list[Trace] = []
    notes: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    for row, panel in enumerate(panels):
        number = str(row + 1) if row else ""
        top = 1 - (row * step + HEAD_PX) / inner
        bottom = top - PANEL_PX / inner
        axes[f"yaxis{number}"] = {**yaxis, "domain": [max(bottom, 0.0), top]}
        traces += [{**trace, "xaxis": "x", "yaxis": f"y{number}"} for trace in panel.traces]
        place = {"xref": "paper", "yref": "paper", "showarrow": False, "font": font}
        notes.append({"text": panel.head, "x": 0, "y": top, "xanchor": "left", "yanchor": "bottom", **place})
        middle = {"x": 1, "y": (top + bottom) / 2, "xanchor": "left", "yanchor": "middle", "xshift": 8}
        notes.append({"text": panel.value, "align": "left", **middle, **place})
    if key:
        place = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
        notes.append({"text": key, "showarrow": False, "font": font, "xshift": -44, "align": "left", **place})
    widest = max(len(line) for panel in panels for line in panel.value.split("<br>"))
    return build(
        traces,
        alt,
        dark,
        uirevision,
        inner + key_px + axis_px,
        xaxis={"anchor": "free", "position": 0, "showgrid": True, "ticks": "outside", **xaxis},
        annotations=notes,
        margin={"l": 48, "r": 16 + round(7.2 * widest), "t": key_px, "b": axis_px, "autoexpand": False},
        **axes,
    )


def runs(known: np.ndarray) -> list[tuple[int, int]]:
    """First and last position of each unbroken stretch of True. known: bool[T]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def steps(times: np.ndarray, values: np.ndarray) -> tuple[list[float | None], list[float | None]]:
    """x and y of a line of shape 'hv' in which each value holds until the next moment; NaN is a gap."""
    x: list[float | None] = []
    y: list[float | None] = []
    for first, last in runs(np.isfinite(values)):
        x += [*times[first : last + 1].tolist(), float(times[min(last + 1, len(times) - 1)]), None]
        y += [*values[first : last + 1].tolist(), float(values[last]), None]
    return x[:-1], y[:-1]


def filled(times: np.ndarray, values: np.ndarray, colour: str) -> Trace:
    """The area between zero and a step line, one closed shape for each stretch without a gap."""
    x: list[float | None] = []
    y: list[float | None] = []
    for first, last in runs(np.isfinite(values)):
        corners = np.append(times[first : last + 1], times[min(last + 1, len(times) - 1)])
        x += [*np.repeat(corners, 2).tolist(), None]
        y += [0.0, *np.repeat(values[first : last + 1], 2).tolist(), 0.0, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x[:-1],
        "y": y[:-1],
        "fill": "toself",
        "fillcolor": alpha(colour, 0.62),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "name": "area",
    }


def between(x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str, name: str) -> Trace:
    """A band between two curves on the same points."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [*low, *reversed(high)],
        "fill": "toself",
        "fillcolor": alpha(colour, 0.28),
        "line": {"width": 0, "color": alpha(colour, 0.28)},
        "hoverinfo": "skip",
        "name": name,
    }


def share_ticks(low: float, high: float) -> dict[str, list[Any]]:
    """Round percentages within low..high of 0..1, at most seven of them, written as everywhere else."""
    step = next((s for s in (0.02, 0.05, 0.1) if (high - low) / s <= 6), 0.2)
    ticks = [k * step for k in range(round(1 / step) + 1) if low <= k * step <= high]
    return {"tickvals": ticks, "ticktext": [f"{100 * t:.0f} %" for t in ticks]}


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels at least `gap` apart within low..high, each as near to where it was wanted as that allows."""
    order = np.argsort(np.asarray(wanted, dtype=float), kind="stable")
    places = [max(float(wanted[i]), low) for i in order]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    limit = high
    for i in reversed(range(len(places))):
        places[i] = max(min(places[i], limit), low)
        limit = places[i] - gap
    out = [0.0] * len(places)
    for place, i in zip(places, order, strict=True):
        out[i] = place
    return out
