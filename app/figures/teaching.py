"""What a class answered: estimates, orders of modalities, the way from before to after; and who was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from amfn.types import InputError
from app.figures.drawing import (
    ROW_PX,
    Drawing,
    State,
    Trace,
    build,
    check_rows,
    legend_above,
    listing,
    percent,
    row_axis,
    signed,
    value_column,
)
from app.figures.guards import check_titles, numbers
from app.figures.risk import BAR, check_probabilities, percent_axis, side
from app.theme import BACKGROUND, FONT_SIZE, MUTED, SMALL, TEXT, alpha, modality_colour

BINS = 10
PLACES_PX = 42


def estimates(
    before: Sequence[float],
    after: Sequence[float] = (),
    model: float | None = None,
    dark: bool = False,
) -> Drawing:
    """How many gave which estimate, in tenths: filled before the model was shown, outlined after it.

    before, after: shares in 0..1; model: its estimate, None until it may be seen. Raises InputError outside 0..1, or
    where nobody has answered.
    """
    first = numbers("estimates", "estimates", before, (len(before),), 0, 1)
    last = numbers("estimates", "estimates", after, (len(after),), 0, 1) if len(after) else np.zeros(0)
    edges = np.linspace(0, 1, BINS + 1)
    counts = [np.histogram(values, edges)[0] for values in (first, last)]
    top = max(int(counts[0].max()), int(counts[1].max()), 3)
    middles = (edges[:-1] + edges[1:]) / 2
    fill = {"color": alpha(BAR[dark], 0.75), "line": {"color": TEXT[dark], "width": 1}}
    traces = [_tenths(middles, counts[0], "before", fill)]
    if len(last):
        outline = {"color": "rgba(0,0,0,0)", "line": {"color": TEXT[dark], "width": 3}}
        traces.append(_tenths(middles, counts[1], "after", outline))
    notes: list[dict[str, Any]] = [_key("filled: before" + (" · outline: after" if len(last) else ""), dark)]
    shapes: list[dict[str, Any]] = []
    said = f"Estimates of {len(first)} before the model was shown: median {percent(float(np.median(first)))}."
    if len(last):
        said += f" Of {len(last)} after it: median {percent(float(np.median(last)))}."
    if model is not None:
        check_probabilities("estimates", model)
        said += f" The model: {percent(model)}."
        line = {"color": TEXT[dark], "width": 3, "dash": "dot"}
        shapes.append({"type": "line", "x0": model, "x1": model, "y0": 0, "y1": 1.08 * top, "line": line})
        words = {"text": f"<b>model {percent(model)}</b>", "x": model, "y": 1.08 * top, "yanchor": "bottom"}
        notes.append(words | side(model, dark))
    return build(
        traces,
        said,
        dark,
        "estimates",
        300,
        xaxis=percent_axis() | {"title": {"text": "estimate"}},
        yaxis={"range": [0, 1.25 * top], "tickformat": "d", "nticks": 5, "title": {"text": "people"}},
        annotations=notes,
        shapes=shapes,
        margin={"t": 40, "r": 16},
    )


def _tenths(middles: np.ndarray, counts: np.ndarray, name: str, marker: dict[str, Any]) -> Trace:
    """Bars of those tenths in which somebody is."""
    here = counts > 0
    said = [
        f"{round(100 * m - 5)} to {round(100 * m + 5)} %, {name}: {n}"
        for m, n in zip(middles[here], counts[here], strict=True)
    ]
    return {
        "type": "bar",
        "x": middles[here].tolist(),
        "y": counts[here].tolist(),
        "width": 0.092,
        "marker": marker,
        "customdata": said,
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": name,
    }


def _key(words: str, dark: bool) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 8}
    return {"text": words, "showarrow": False, "font": {"size": SMALL, "color": TEXT[dark]}, **place}


def revisions(
    titles: Sequence[str],
    before: Sequence[float],
    after: Sequence[float | None],
    model: Sequence[float],
    outcomes: Sequence[int],
    dark: bool = False,
    alone: bool = False,
) -> Drawing:
    """One row a record: the mean estimate before (ring) and after (disc), the model's (diamond), what happened (cross).

    Shares in 0..1; after: None where nobody revised; outcomes: 1 where the event came true. alone: the room is one
    learner, whose estimates are "yours" and no mean.
    """
    size = check_titles("revisions", "records", titles)
    first = numbers("revisions", "before", before, (size,), 0, 1)
    last = numbers("revisions", "after", after, (size,), 0, 1, gaps=True)
    shown = numbers("revisions", "model", model, (size,), 0, 1)
    truth = numbers("revisions", "outcomes", outcomes, (size,), 0, 1)
    rows = list(range(size))
    traces: list[Trace] = []
    for k in rows:
        if not np.isnan(last[k]):
            traces.append(_way(float(first[k]), float(last[k]), k, dark))
    kinds: list[tuple[str, np.ndarray, str, str, int]] = [
        ("what happened", truth, "x-thin", TEXT[dark], 13),
        ("model", shown, "diamond", BAR[dark], 13),
        ("you, before" if alone else "mean before", first, "circle", BACKGROUND[dark], 13),
        ("you, after" if alone else "mean after", last, "circle", TEXT[dark], 13),
    ]
    for name, values, symbol, colour, px in kinds:
        here = [k for k in rows if not np.isnan(values[k])]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [float(values[k]) for k in here],
                "y": here,
                "marker": {"symbol": symbol, "size": px, "color": colour, "line": {"color": TEXT[dark], "width": 2}},
                "customdata": [f"{titles[k]}, {name}: {percent(float(values[k]))}" for k in here],
                "hovertemplate": "%{customdata}<extra></extra>",
                "cliponaxis": False,
                "name": name,
            }
        )
    said = [
        f"{titles[k]}: before {percent(float(first[k]))}, "
        + ("not revised, " if np.isnan(last[k]) else f"after {percent(float(last[k]))}, ")
        + f"model {percent(float(shown[k]))}, {'it happened' if truth[k] else 'it did not happen'}"
        for k in rows
    ]
    return build(
        traces,
        f"{'Your estimates' if alone else 'Mean estimates of the room'}. {'; '.join(said)}.",
        dark,
        "revisions",
        ROW_PX * size + 110,
        xaxis=percent_axis() | {"title": {"text": "estimate"}, "range": [-0.03, 1.03]},
        yaxis=row_axis(titles),
        showlegend=True,
        legend=legend_above(dark),
        margin={"r": 16},
    )


def _way(start: float, end: float, row: int, dark: bool) -> Trace:
    """A line from one mark of a row to another."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [start, end],
        "y": [row, row],
        "line": {"color": MUTED[dark], "width": 3},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def mean_places(
    places: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    sizes: np.ndarray | None = None,
    dark: bool = False,
    alone: bool = False,
) -> Drawing:
    """The mean place that a room gave each modality, 1 for first, most important on top.

    places: f[M] from 1 to M. sizes: f[M], what each added to the model's log-odds, written beside with its sign; None
    until it may be seen. alone: the room is one learner, to whom it is "your order".
    """
    states: list[State] = ["present"] * len(names)
    check_rows("mean_places", names, titles, states, places)
    size = len(names)
    values = numbers("mean_places", "places", places, (size,), 1, size)
    added = None if sizes is None else numbers("mean_places", "sizes", sizes, (size,))
    order = np.argsort(values, kind="stable").tolist()
    beside = [
        f"place {values[k]:.1f}" + ("" if added is None else f"<br>model {signed(float(added[k]))}") for k in order
    ]
    what, whose = "mean place", "Mean place of each modality in the room's orders"
    if alone:
        what, whose = "place", "Place of each modality in your order"
    column, margin = value_column(beside, dark)
    longest = [size + 1 - float(values[k]) for k in order]
    said = listing([f"{titles[k]} {values[k]:.1f}" for k in order])
    if added is not None:
        first = titles[int(np.abs(added).argmax())]
        said += f". What moved the model most: {first}"
    return build(
        [
            {
                "type": "bar",
                "orientation": "h",
                "y": list(range(size)),
                "x": longest,
                "width": 0.6,
                "marker": {
                    "color": [modality_colour(names[k]) for k in order],
                    "line": {"color": TEXT[dark], "width": 1},
                },
                "customdata": [f"{titles[k]}: {what} {values[k]:.1f}" for k in order],
                "hovertemplate": "%{customdata}<extra></extra>",
                "name": what,
            }
        ],
        f"{whose}: {said}.",
        dark,
        "mean_places",
        PLACES_PX * size + 60,
        xaxis={
            "range": [0, size],
            "tickvals": [1, size],
            "ticktext": ["last", "first"],
            "title": {"text": what},
            "showgrid": False,
        },
        yaxis=row_axis([titles[k] for k in order]),
        annotations=column,
        margin={"r": margin},
    )


def measured_by_outcome(
    titles: Sequence[str],
    with_outcome: Sequence[float],
    without_outcome: Sequence[float],
    names: tuple[str, str],
    dark: bool = False,
) -> Drawing:
    """In which share of stays each value was measured at least once: disc for those with the outcome, ring without it.

    Shares in 0..1; names: what the two groups are called.
    """
    size = check_titles("measured_by_outcome", "charted values", titles)
    one = numbers("measured_by_outcome", "shares", with_outcome, (size,), 0, 1)
    none = numbers("measured_by_outcome", "shares", without_outcome, (size,), 0, 1)
    if len(set(names)) < 2:
        raise InputError("measured_by_outcome", f"groups {names}", "two different names", "Correct them.")
    rows = list(range(size))
    traces = [_way(float(one[k]), float(none[k]), k, dark) for k in rows]
    for name, values, colour in ((names[0], one, TEXT[dark]), (names[1], none, BACKGROUND[dark])):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": values.tolist(),
                "y": rows,
                "marker": {"symbol": "circle", "size": 13, "color": colour, "line": {"color": TEXT[dark], "width": 2}},
                "customdata": [f"{titles[k]}, {name}: {percent(float(values[k]))}" for k in rows],
                "hovertemplate": "%{customdata}<extra></extra>",
                "cliponaxis": False,
                "name": name,
            }
        )
    column, margin = value_column(
        [f"{percent(float(a))} | {percent(float(b))}" for a, b in zip(one, none, strict=True)], dark
    )
    said = listing([f"{titles[k]} {percent(float(one[k]))} and {percent(float(none[k]))}" for k in rows])
    return build(
        traces,
        f"Share of simulated stays in which a value was measured at least once, {names[0]} and {names[1]}: {said}.",
        dark,
        "measured_by_outcome",
        ROW_PX * size + 110,
        xaxis=percent_axis() | {"title": {"text": "stays in which it was measured"}, "range": [-0.03, 1.03]},
        yaxis=row_axis(titles),
        annotations=column,
        showlegend=True,
        legend=legend_above(dark),
        margin={"r": margin},
    )


def enlarged(drawing: Drawing, factor: float = 1.5) -> Drawing:
    """The same chart for a wall: type, margins and height grow. Raises InputError for a factor below 1."""
    if factor < 1:
        raise InputError("enlarged", f"a factor of {factor:g}", "1 or more", "Leave the chart as it is.")
    layout = _grown(drawing.figure.layout.to_plotly_json(), factor)
    layout["height"] = round((drawing.figure.layout.height or 0) * factor**0.75) or None
    layout["margin"] = {side: round(px * factor) for side, px in (layout.get("margin") or {}).items()}
    figure = go.Figure(data=drawing.figure.data, layout=layout)
    figure.update_layout(font={"size": round(FONT_SIZE * factor)})
    figure.update_xaxes(tickfont={"size": round(SMALL * factor)}, title={"font": {"size": round(SMALL * factor)}})
    figure.update_yaxes(tickfont={"size": round(SMALL * factor)}, title={"font": {"size": round(SMALL * factor)}})
    return Drawing(figure, drawing.alt)


def _grown(part: Any, factor: float) -> Any:
    """Sizes of all fonts in a layout, however deep; its template stays."""
    if isinstance(part, dict):
        return {
            key: {**value, "size": round(value["size"] * factor)}
            if key == "font" and isinstance(value, dict) and "size" in value
            else value
            if key == "template"
            else _grown(value, factor)
            for key, value in part.items()
        }
    return [_grown(item, factor) for item in part] if isinstance(part, list | tuple) else part
