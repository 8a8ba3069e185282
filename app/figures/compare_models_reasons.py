"""Reasons of several models for the same answers: whether their orders agree, and one record side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from amfn.types import InputError
from app.figures.bars import direction_heads
from app.figures.cells import Write, cell_axes, ink, note_below, signed_cells
from app.figures.drawing import (
    Drawing,
    State,
    Trace,
    absent_rows,
    absent_sentence,
    build,
    check_rows,
    listing,
    percent,
    row_axis,
    signed,
)
from app.figures.fusion import SCALE
from app.figures.fusion import ink as share_ink
from app.figures.guards import check_titles, numbers
from app.theme import MUTED, NEGATIVE, POSITIVE, SMALL, TEXT, modality_colour

Kind = Literal["shapley", "weight", "attention"]
AXES: dict[Kind, str] = {
    "shapley": "contribution, log-odds",
    "weight": "fusion weight (β)",
    "attention": "attention received (α)",
}
BAR_PX, GAP = 17, 0.2
MATRIX_KEY = "Above the diagonal the median, below it the middle half of the records."


def agreement_matrix(quantiles: np.ndarray, letters: Sequence[str], dark: bool = False) -> Drawing:
    """Median rank agreement of each pair of models over records, and its middle half.

    quantiles: f[S, S, 3] at 25, 50, 75 %, in -1..1, NaN where a pair cannot be ranked and on the diagonal, which is
    left empty.
    """
    source = "agreement_matrix"
    size = check_titles(source, "models", letters)
    found = numbers(source, "quantiles", quantiles, (size, size, 3), -1, 1, gaps=True)
    middle = found[:, :, 1]
    hover = [[_pair(letters[i], letters[j], found[i, j]) for j in range(size)] for i in range(size)]
    heat, _ = signed_cells(middle, 1, signed, hover, dark)
    notes = [
        {"text": f"<b>{signed(float(v))}</b>" if i < j else _half(found[i, j]).replace(" to", "<br>to")}
        | {"x": j, "y": i, "showarrow": False, "font": {"size": SMALL, "color": ink(float(v), dark)}}
        for (i, j), v in np.ndenumerate(middle)
        if not np.isnan(v)
    ]
    key, below = note_below(textwrap.wrap(MATRIX_KEY, 44), TEXT[dark])
    told = [_pair(letters[i], letters[j], found[i, j]) for i in range(size) for j in range(i)]
    return build(
        [heat],
        f"Rank agreement of models (Kendall's tau), medians with their middle half: {'; '.join(filter(None, told))}.",
        dark,
        source,
        54 * size + 60 + below,
        **cell_axes(letters, letters),
        annotations=[*notes, key],
        margin={"b": below},
    )


def _half(three: np.ndarray) -> str:
    return f"{signed(float(three[0]))} to {signed(float(three[2]))}"


def _pair(one: str, two: str, three: np.ndarray) -> str:
    if np.isnan(three[1]):
        return ""
    return f"{one} and {two}: median {signed(float(three[1]))}, half of the records {_half(three)}"


def correlation_cells(
    rho: np.ndarray,
    records: np.ndarray,
    titles: Sequence[str],
    letters: Sequence[str],
    reference: str,
    dark: bool = False,
) -> Drawing:
    """Spearman's correlation of each modality's Shapley values with the reference's, one column a model.

    rho: f[M, K] in -1..1, NaN where it is not defined; records: i[M, K], over how many.
    """
    source = "correlation_cells"
    size, models = check_titles(source, "modalities", titles), check_titles(source, "models", letters)
    found = numbers(source, "correlations", rho, (size, models), -1, 1, gaps=True)
    counts = numbers(source, "records", records, (size, models), 0)
    hover = [
        [
            f"{titles[i]}, {letters[j]} with {reference}: {signed(float(found[i, j]))}, {int(counts[i, j]):,} records"
            for j in range(models)
        ]
        for i in range(size)
    ]
    heat, notes = signed_cells(found, 1, signed, hover, dark)
    said = [
        f"{letter}: " + listing([f"{t} {signed(float(v))}" for t, v in zip(titles, found[:, j], strict=True) if v == v])
        for j, letter in enumerate(letters)
    ]
    return build(
        [heat],
        f"Rank correlation of Shapley values with {reference}, modality by modality. {'; '.join(said)}.",
        dark,
        source,
        34 * size + 76,
        **cell_axes(titles, letters),
        annotations=notes,
    )


def crossed_cells(counts: np.ndarray, dark: bool = False) -> Drawing:
    """Records by whether two models' answers are alike (rows) and whether their reasons are (columns).

    counts: i[2, 2], index 0 not alike, 1 alike.
    """
    source = "crossed_cells"
    number = numbers(source, "counts", counts, (2, 2), 0)
    total = number.sum()
    if not total:
        raise InputError(source, "no record", "one or more", "Leave this chart out and say so in words.")
    # Alike first, as one reads: the surprising cell is at the upper right.
    shown = number[::-1, ::-1]
    words = ("same reasons", "other reasons")
    answers = ("Same side of the threshold", "Opposite sides")
    heat: Trace = {
        "type": "heatmap",
        "z": (shown / total).tolist(),
        "x": [0, 1],
        "y": [0, 1],
        "zmin": 0,
        "zmax": 1,
        "colorscale": SCALE[dark],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "customdata": [
            [f"{answers[i]}, {words[j]}: {int(shown[i, j]):,} of {int(total):,} records" for j in (0, 1)]
            for i in (0, 1)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "records",
    }
    notes = [
        {"text": f"<b>{int(v):,}</b><br>{percent(float(v / total))}", "x": j, "y": i, "showarrow": False}
        | {"font": {"size": 15, "color": share_ink(float(v / total), dark)}}
        for (i, j), v in np.ndenumerate(shown)
    ]
    said = [
        f"{answers[i].lower()} and {words[j]} {int(shown[i, j]):,} ({percent(float(shown[i, j] / total))})"
        for i, j in np.ndindex(2, 2)
    ]
    return build(
        [heat],
        f"Of {int(total):,} records: {listing(said)}.",
        dark,
        source,
        230,
        **cell_axes(answers, ("Reasons alike", "Reasons differ")),
        annotations=notes,
    )


def model_bars(
    values: np.ndarray,
    letters: Sequence[str],
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    kind: Kind,
    dark: bool = False,
) -> Drawing:
    """One row a modality, in it one bar a model with its letter and number.

    values: f[S, M], log-odds for "shapley", shares in 0..1 otherwise; NaN where a model has none.
    """
    source = f"model_bars_{kind}"
    count = check_titles(source, "models", letters)
    check_rows(source, names, titles, states)
    signs = kind == "shapley"
    low, high = (-np.inf, np.inf) if signs else (0, 1)
    found = numbers(source, "values", values, (count, len(names)), low, high, gaps=True)
    write: Write = signed if signs else percent
    cells = [(k, m) for m in range(len(names)) for k in range(count) if np.isfinite(found[k, m])]
    cells = [(k, m) for k, m in cells if states[m] == "present"]
    colours = [
        (POSITIVE[dark] if found[k, m] > 0 else NEGATIVE[dark]) if signs else modality_colour(names[m])
        for k, m in cells
    ]
    step = (1 - GAP) / count
    widest = max((abs(float(found[cell])) for cell in cells), default=0.0) or 1.0
    # Room for the letter and the number beside the longest bar.
    limit = 1.45 * widest
    bars: Trace = {
        "type": "bar",
        "orientation": "h",
        "y": [m - 0.5 + GAP / 2 + step * (k + 0.5) for k, m in cells],
        "x": [float(found[cell]) for cell in cells],
        "width": 0.86 * step,
        "text": [f"<b>{letters[k]}</b> {write(float(found[k, m]))}" for k, m in cells],
        "textposition": "outside",
        # Bars are thinner than what stands beside them is high: or it would be shrunk.
        "constraintext": "none",
        "textfont": {"size": SMALL, "color": TEXT[dark]},
        "cliponaxis": False,
        "marker": {"color": colours, "line": {"color": TEXT[dark], "width": 0.5}},
        "customdata": [f"{titles[m]}, {letters[k]}: {write(float(found[k, m]))}" for k, m in cells],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": AXES[kind],
    }
    hatched, notes = absent_rows(titles, states, -limit if signs else 0, limit, dark)
    bands = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": row - 0.5, "y1": row - 0.5}
        | {"line": {"color": MUTED[dark], "width": 0.5}}
        for row in range(1, len(names))
    ]
    said = "; ".join(
        f"{titles[m]}: {listing([f'{letters[k]} {write(float(found[k, m]))}' for k, own in cells if own == m])}"
        for m in range(len(names))
        if states[m] == "present"
    )
    ticks: dict[str, Any] = {"nticks": 5} if signs else _share_ticks(widest)
    return build(
        [bars, *hatched],
        f"{AXES[kind][:1].upper()}{AXES[kind][1:]} of each model. {said}.{absent_sentence(titles, states)}",
        dark,
        source,
        (BAR_PX * count + 12) * len(names) + 78,
        xaxis={"range": [-limit if signs else 0, limit], "title": {"text": AXES[kind]}, "zeroline": True}
        | {"zerolinewidth": 2, **ticks},
        yaxis=row_axis(titles),
        shapes=bands,
        annotations=notes + (direction_heads(dark) if signs else []),
        margin={"t": 30 if signs else 8, "r": 12},
    )


def _share_ticks(widest: float) -> dict[str, Any]:
    step = 0.25 if widest > 0.5 else 0.1 if widest > 0.2 else 0.05
    ticks = [k * step for k in range(int(widest / step) + 1)]
    return {"tickvals": ticks, "ticktext": [percent(tick) for tick in ticks]}
