"""The full record beside the record with modalities switched off, or with values altered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from amfn.types import InputError
from app.figures.bars import AS_ALTERED, paired
from app.figures.drawing import Drawing, State, Trace, build, percent, signed, value_column, wrapped
from app.figures.risk import base_line, check_probabilities, percent_axis, side
from app.theme import BACKGROUND, MUTED, TEXT

_PAIRS: dict[str, tuple[str, bool]] = {"gates": ("gate (0 closed, 1 open)", False), "weights": ("fusion weight", True)}


def risk_pair(
    full: float, altered: float, base_rate: float, noun: str, dark: bool = False, changed: str = AS_ALTERED
) -> Drawing:
    """Two markers on one 0 to 100 % axis, joined, with the base rate as a dotted line. All are probabilities in 0..1.

    changed: what the second one is called ("with modalities off"); on the axis without the "with". Raises
    InputError where one is outside 0..1.
    """
    check_probabilities("risk_pair", full, altered, base_rate)
    change = f"{signed(100 * (altered - full), 0)} percentage points"
    marker = {"size": 15, "line": {"color": TEXT[dark], "width": 2}}
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [full, full, altered],
            "y": [0, 1, 1],
            "line": {"color": MUTED[dark], "width": 2},
            "hoverinfo": "skip",
            "name": "change",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [full, altered],
            "y": [0, 1],
            "marker": {**marker, "symbol": ["circle", "diamond"], "color": [BACKGROUND[dark], TEXT[dark]]},
            "customdata": [
                f"Full record: {percent(full)} for {noun}",
                f"{_opening(changed)}: {percent(altered)} for {noun}, {change}",
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
            "cliponaxis": False,
            "name": "risk",
        },
    ]
    column, margin = value_column([percent(full), percent(altered)], dark)
    return build(
        traces,
        f"{noun[:1].upper()}{noun[1:]}: {percent(full)} with the full record, {percent(altered)} {changed} "
        f"({change}); base rate {percent(base_rate)}.",
        dark,
        "risk_pair",
        150,
        shapes=[base_line(base_rate, -0.6, 1.5, dark)],
        annotations=[
            *column,
            {
                "text": f"base rate {percent(base_rate)}",
                "x": base_rate,
                "y": -0.6,
                "yanchor": "bottom",
                **side(base_rate, dark),
            },
        ],
        xaxis=percent_axis(),
        yaxis={
            "range": [1.5, -1.1],
            "tickvals": [0, 1],
            "ticktext": ["Full record", wrapped(_opening(changed.removeprefix("with ")), 10)],
            "showgrid": False,
            # Clear of a marker that stands at 0 %.
            "ticklabelstandoff": 14,
        },
        margin={"r": margin + 10},
    )


def paired_bars(
    full: np.ndarray,
    altered: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    kind: Literal["gates", "weights"],
    dark: bool = False,
    changed: str = AS_ALTERED,
) -> Drawing:
    """Gates or weights of the full record (outline) beside those of the altered one (filled), called `changed`.

    full, altered: f[S] in 0..1; states: of the altered record. Raises InputError on another kind or unequal lengths.
    """
    if kind not in _PAIRS:
        raise InputError("paired_bars", f"kind {kind!r}", "gates or weights", "Correct the kind.")
    axis_title, as_percent = _PAIRS[kind]
    return paired(f"paired_{kind}", full, altered, names, titles, states, axis_title, as_percent, dark, changed)


def _opening(text: str) -> str:
    return text[:1].upper() + text[1:]
