"""Horizontal bars, one row per modality: shares of 0..1 and signed contributions around zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.figures.drawing import (
    MINUS,
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
    percent,
    row_axis,
    signed,
    value_column,
)
from app.figures.emphasis import bar_marker, check_highlight, followed, row_labels
from app.theme import MUTED, NEGATIVE, POSITIVE, SMALL, TEXT, modality_colour

AS_ALTERED = "as altered"
GONE: dict[State, str] = {"present": "unknown", "missing": "not recorded", "off": "off", "out": "out"}
"""What stands in place of a number that a row has no more, in little room."""


def shares(
    source: str,
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    axis_title: str,
    meaning: str,
    as_percent: bool,
    dark: bool,
    highlight: str | None = None,
) -> Drawing:
    """Bars from 0 to 1 in the modality colours, the value written beside each.

    values: f[S] in 0..1, ignored where the state is not present. `meaning` completes 'title: value, …' on hover.
    """
    check_rows(source, names, titles, states, values)
    check_highlight(source, highlight, titles)
    rows = [i for i, s in enumerate(states) if known(values[i], s)]
    write = percent if as_percent else _two_digits
    texts = [write(float(values[i])) if i in rows else "" for i in range(len(names))]
    end = _share_end([float(values[i]) for i in rows], as_percent)
    traces: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": rows,
            "x": [float(values[i]) for i in rows],
            "width": 0.6,
            "ids": [titles[i] for i in rows],
            "marker": bar_marker([modality_colour(names[i]) for i in rows], [titles[i] for i in rows], dark, highlight),
            "customdata": [f"{titles[i]}: {texts[i]}, {meaning}" for i in rows],
            "hovertemplate": "%{customdata}<extra></extra>",
            "name": axis_title,
        }
    ]
    hatched, notes = absent_rows(titles, states, 0, end, dark)
    column, margin = value_column(texts, dark)
    said = listing([f"{titles[i]} {texts[i]}" for i in rows]) or "nothing is present"
    return build(
        traces + hatched,
        f"{followed(highlight)}{axis_title[:1].upper()}{axis_title[1:]}: {said}.{absent_sentence(titles, states)}",
        dark,
        source,
        ROW_PX * len(names) + 52,
        xaxis={**_share_axis(end, as_percent), "title": {"text": axis_title}},
        yaxis=row_axis(titles) | {"ticktext": row_labels(titles, highlight)},
        annotations=notes + column,
        margin={"r": margin},
    )


def signed_bars(
    source: str,
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    unit: str,
    lead: str,
    ends: str,
    noun: str,
    dark: bool,
) -> Drawing:
    """Bars left (lowers) and right (raises) of zero, the signed value written beside each.

    values: f[M] in `unit`, ignored where the state is not present. `lead` opens the text alternative, `ends` is a line
    under the axis, which may be empty.
    """
    check_rows(source, names, titles, states, values)
    rows = [i for i, s in enumerate(states) if known(values[i], s)]
    texts = [signed(float(values[i])) if i in rows else "" for i in range(len(names))]
    limit = 1.08 * max((abs(float(values[i])) for i in rows), default=0) or 1.0
    traces: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": rows,
            "x": [float(values[i]) for i in rows],
            "width": 0.6,
            "marker": {
                "color": [POSITIVE[dark] if values[i] > 0 else NEGATIVE[dark] for i in rows],
                "line": {"color": TEXT[dark], "width": 1},
            },
            "customdata": [_effect(titles[i], float(values[i]), unit, noun) for i in rows],
            "hovertemplate": "%{customdata}<extra></extra>",
            "name": "contribution",
        }
    ]
    hatched, notes = absent_rows(titles, states, -limit, limit, dark)
    column, margin = value_column(texts, dark)
    order = sorted(rows, key=lambda i: -abs(float(values[i])))
    said = listing([f"{titles[i]} {texts[i]}" for i in order]) or "nothing is present"
    said_ends = f"{ends[:1].upper()}{ends[1:]}.".replace("<br>", " ") if ends else ""
    title = f"contribution, {unit}" + (f"<br>{ends}" if ends else "")
    return build(
        traces + hatched,
        f"{lead} in {unit}, largest first: {said}. {said_ends}{absent_sentence(titles, states)}",
        dark,
        source,
        ROW_PX * len(names) + (116 if ends else 80),
        xaxis={
            "range": [-limit, limit],
            "nticks": 5,
            "title": {"text": title},
            "zeroline": True,
            "zerolinewidth": 2,
        },
        yaxis=row_axis(titles),
        annotations=notes + column + direction_heads(dark),
        margin={"r": margin, "t": 30},
    )


def direction_heads(dark: bool) -> list[dict[str, Any]]:
    """'minus lowers' and 'raises plus' over the two halves of a signed axis: the sign without colour."""
    font = {"size": SMALL, "color": TEXT[dark]}
    top = {"xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": font}
    return [
        {"text": f"<b>{MINUS}</b> lowers", "x": 0, "xanchor": "left", **top},
        {"text": "raises <b>+</b>", "x": 1, "xanchor": "right", **top},
    ]


def paired(
    source: str,
    full: np.ndarray,
    altered: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    axis_title: str,
    as_percent: bool,
    dark: bool,
    changed: str,
) -> Drawing:
    """The full record as an outline, the altered one filled, in one row per modality; values 'full → altered'.

    full, altered: f[S] in 0..1; states: of the altered record; changed: what it is called. A row that is switched off
    or taken out keeps its outline and says so.
    """
    check_rows(source, names, titles, states, full, altered)
    write = percent if as_percent else _two_digits
    size = len(names)
    before = [i for i in range(size) if states[i] != "missing" and np.isfinite(full[i])]
    after = [i for i in range(size) if known(altered[i], states[i])]
    end = _share_end([float(full[i]) for i in before] + [float(altered[i]) for i in after], as_percent)
    texts = [""] * size
    for i in before:
        texts[i] = f"{write(float(full[i]))} →<br>{write(float(altered[i])) if i in after else GONE[states[i]]}"
    outline: Trace = {
        "type": "bar",
        "orientation": "h",
        "y": before,
        "x": [float(full[i]) for i in before],
        "width": 0.72,
        "marker": {"color": "rgba(0,0,0,0)", "line": {"color": MUTED[dark], "width": 1.5}},
        "customdata": [f"{titles[i]}, full record: {write(float(full[i]))}" for i in before],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "full record",
    }
    filled: Trace = {
        "type": "bar",
        "orientation": "h",
        "y": after,
        "x": [float(altered[i]) for i in after],
        "width": 0.4,
        "marker": {
            "color": [modality_colour(names[i]) for i in after],
            "line": {"color": TEXT[dark], "width": 1},
        },
        "customdata": [f"{titles[i]}, {changed}: {write(float(altered[i]))}" for i in after],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": changed,
    }
    hatched, notes = absent_rows(titles, states, 0, end, dark)
    column, margin = value_column(texts, dark)
    key = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "showarrow": False}
    notes.append({"text": f"outline: full record · filled: {changed}", "font": {"size": SMALL}, **key})
    said = listing([f"{titles[i]} {texts[i].replace('<br>', ' ')}" for i in before]) or "nothing is present"
    return build(
        [*hatched, outline, filled],
        f"{axis_title[:1].upper()}{axis_title[1:]}, full record → {changed}: {said}.{absent_sentence(titles, states)}",
        dark,
        source,
        (ROW_PX + 4) * size + 74,
        xaxis={**_share_axis(end, as_percent), "title": {"text": axis_title}},
        yaxis=row_axis(titles),
        annotations=notes + column,
        margin={"r": margin, "t": 28},
    )


def _share_end(values: Sequence[float], as_percent: bool) -> float:
    """Gates keep their whole scale; weights, which share one sum, end at the next quarter above the largest."""
    return min(1.0, float(np.ceil(max(values, default=1.0) / 0.25 + 1e-9) * 0.25)) if as_percent else 1.0


def _share_axis(end: float, as_percent: bool) -> dict[str, Any]:
    ticks = [k * 0.25 for k in range(round(end / 0.25) + 1)] if end < 1 else [0.0, 0.5, 1.0]
    return {"range": [0, end], "tickvals": ticks, "ticktext": [percent(t) if as_percent else f"{t:g}" for t in ticks]}


def _two_digits(value: float) -> str:
    return f"{value:.2f}"


def _effect(title: str, value: float, unit: str, noun: str) -> str:
    if signed(value) == "0.00":
        return f"{title}: about no effect on {noun}"
    return f"{title} {'raises' if value > 0 else 'lowers'} {noun} by {abs(value):.2f} {unit}"
