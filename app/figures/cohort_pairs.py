"""Matrices over pairs of modalities, averaged over records: attention and graph with their spread, and interactions."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from app.figures.cells import cell_axes, note_below, signed_cells
from app.figures.drawing import ROW_PX, Drawing, Trace, build, hatch, listing, percent, signed
from app.figures.fusion import SCALE, ink
from app.figures.guards import check_titles, numbers
from app.figures.interactions import NAMED_PAIRS, short
from app.theme import SMALL, TEXT

CELL_PX, WIDE = 46, 46
NEVER = "never recorded together"
SHARE_KEY = "Mean over the records that have both, in percent; ± one standard deviation over these records."
PAIR_KEY = (
    "Log-odds, mean over the records that have both. Outlined: what a modality does by itself. Other cells: what two "
    "do together beyond that."
)
SIZE_KEY = "Log-odds, mean size whatever the sign, over the records that have both. Outlined: a modality by itself."


def mean_shares(
    mean: np.ndarray,
    sd: np.ndarray,
    records: np.ndarray,
    titles: Sequence[str],
    row_title: str,
    column_title: str,
    dark: bool = False,
) -> Drawing:
    """Mean routing of pairs with how much it differs between records, on one scale of 0 to 100 %.

    mean, sd: f[M, M], shares of 0..1, NaN where no record has both, which is hatched; records: f[M, M]. row_title,
    column_title: what a row does ("takes") and what a column is ("from").
    """
    source = "mean_shares"
    size = check_titles(source, "modalities", titles)
    values = numbers(source, "mean", mean, (size, size), 0, 1, gaps=True)
    spread = numbers(source, "sd", sd, (size, size), 0, 1, gaps=True)
    counts = numbers(source, "records", records, (size, size), 0)
    heat: Trace = {
        "type": "heatmap",
        "z": [[None if np.isnan(v) else float(v) for v in row] for row in values],
        "x": list(range(size)),
        "y": list(range(size)),
        "zmin": 0,
        "zmax": 1,
        "colorscale": SCALE[dark],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "customdata": [
            [
                f"{titles[i]} {row_title}, {titles[j]} {column_title}: mean {100 * values[i, j]:.1f} %, "
                f"standard deviation {100 * spread[i, j]:.1f}, {int(counts[i, j]):,} records"
                for j in range(size)
            ]
            for i in range(size)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "cells",
    }
    notes = [
        {"text": f"{100 * v:.0f}<br>±{100 * spread[i, j]:.0f}", "x": j, "y": i, "showarrow": False}
        | {"font": {"size": SMALL, "color": ink(float(v), dark)}}
        for (i, j), v in np.ndenumerate(values)
        if not np.isnan(v)
    ]
    key, below = note_below(textwrap.wrap(SHARE_KEY, WIDE), TEXT[dark])
    told = [(i, j) for i, j in np.ndindex(size, size) if i != j and not np.isnan(values[i, j])]
    most = sorted(told, key=lambda cell: -float(values[cell]))[:NAMED_PAIRS]
    said = listing(
        [f"{titles[i]} and {titles[j]} {_with_sd(float(values[i, j]), float(spread[i, j]))}" for i, j in most]
    )
    axes = cell_axes(titles, titles)
    return build(
        [heat, *_never(values, dark)],
        f"Mean share, {row_title} by row and {column_title} by column; largest between two: {said or 'none'}.",
        dark,
        source,
        CELL_PX * size + 130 + below,
        xaxis=axes["xaxis"] | {"title": {"text": column_title}},
        yaxis=axes["yaxis"] | {"title": {"text": row_title}},
        annotations=[*notes, key],
        margin={"b": below},
    )


def mean_interactions(
    values: np.ndarray, records: np.ndarray, titles: Sequence[str], sizes: bool = False, dark: bool = False
) -> Drawing:
    """Mean main effects (diagonal, outlined) and mean interactions of pairs in log-odds.

    values: f[M, M], symmetric: of a pair half the interaction on either side, as `explain` gives it, drawn as a whole;
    NaN where no record has both. sizes: they are mean sizes, without a direction.
    """
    source = "mean_interactions"
    size = check_titles(source, "modalities", titles)
    halves = numbers(source, "values", values, (size, size), 0.0 if sizes else -np.inf, gaps=True)
    counts = numbers(source, "records", records, (size, size), 0)
    whole = halves * np.where(np.eye(size, dtype=bool), 1, 2)
    limit = float(np.nanmax(np.abs(whole), initial=0.0)) or 1.0
    hover = [[_pair_words(titles, i, j, whole, counts, sizes) for j in range(size)] for i in range(size)]
    heat, notes = signed_cells(whole, limit, _size if sizes else short, hover, dark)
    frames: list[dict[str, Any]] = [
        {"type": "rect", "x0": i - 0.48, "x1": i + 0.48, "y0": i - 0.48, "y1": i + 0.48}
        | {"line": {"color": TEXT[dark], "width": 2}}
        for i in range(size)
    ]
    key, below = note_below(textwrap.wrap(SIZE_KEY if sizes else PAIR_KEY, WIDE), TEXT[dark])
    known = [pair for pair in combinations(range(size), 2) if not np.isnan(whole[pair])]
    top = sorted(known, key=lambda pair: -abs(float(whole[pair])))[:NAMED_PAIRS]
    write = _two if sizes else signed
    said = listing([f"{titles[i]} with {titles[j]} {write(float(whole[i, j]))}" for i, j in top])
    return build(
        [heat, *_never(whole, dark)],
        f"Mean {'size of ' if sizes else ''}interaction in log-odds, strongest pairs: {said or 'none'}.",
        dark,
        source,
        ROW_PX * size + 120 + below,
        **cell_axes(titles, titles),
        shapes=frames,
        annotations=[*notes, key],
        margin={"b": below},
    )


def _never(values: np.ndarray, dark: bool) -> list[Trace]:
    boxes = [(j - 0.48, j + 0.48, i - 0.46, i + 0.46) for i, j in np.argwhere(np.isnan(values)).tolist()]
    return [hatch(boxes, "missing", dark, NEVER) | {"name": NEVER}] if boxes else []


def _with_sd(mean: float, sd: float) -> str:
    return f"{percent(mean)} (standard deviation {100 * sd:.0f})"


def _pair_words(titles: Sequence[str], i: int, j: int, values: np.ndarray, records: np.ndarray, sizes: bool) -> str:
    if np.isnan(values[i, j]):
        return ""
    who = f"{titles[i]} by itself" if i == j else f"{titles[i]} with {titles[j]}"
    number = _two(float(values[i, j])) if sizes else signed(float(values[i, j]))
    way = "" if sizes or i == j else f", {'more' if values[i, j] > 0 else 'less'} together than apart"
    return f"{who}: {'mean size ' if sizes else 'mean '}{number} log-odds{way}; {int(records[i, j]):,} records"


def _size(value: float) -> str:
    return short(value).lstrip("+")


def _two(value: float) -> str:
    return f"{value:.2f}"
