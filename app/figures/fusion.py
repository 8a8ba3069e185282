"""How the modalities were fused: attention, gates and weights. Their graph is in `graph`, the split of the logit in
`logit`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly.colors import sample_colorscale, unlabel_rgb

from amfn.types import InputError
from app.figures.bars import shares
from app.figures.cells import absent_cross, cell_axes, note_below
from app.figures.drawing import (
    ROW_PX,
    Drawing,
    State,
    Trace,
    absent_sentence,
    build,
    check_rows,
    listing,
    percent,
)
from app.figures.emphasis import FADED, check_highlight, followed, frame, row_labels
from app.theme import BACKGROUND, SMALL, TEXT, contrast

# Perceptually uniform (cmocean); the low end is the one nearest to the page. It always runs from 0 to 100 %: stretched
# to a record's own largest share it would show structure where there is none.
SCALE = {False: "dense", True: "ice"}
# Shares that all lie this close to their even value, as a part of it, are called nearly even: 1/8 ± 0.02, 1/3 ± 0.05.
EVEN_WITHIN = 0.15
NEARLY_EVEN = "Nearly even: the model mixes all modalities about equally here."
NOTE_WIDTH = 44


def attention(
    alpha: np.ndarray,
    titles: Sequence[str],
    states: Sequence[State],
    dark: bool = False,
    highlight: str | None = None,
) -> Drawing:
    """Heatmap of routing weights: row i is the modality that takes, column j the one it takes from.

    alpha: f[S, S], rows sum to one over what is present; rows and columns that are not present are hatched, their
    numbers ignored. The colour scale is 0 to 100 % on every record. highlight: the title whose row and column are
    framed, all else fades. Raises InputError where the matrix is not [S, S].
    """
    check_rows("attention", titles, titles, states)
    check_highlight("attention", highlight, titles)
    size = len(titles)
    square("attention", alpha, size)
    here = [s == "present" for s in states]
    shown = np.where(np.outer(here, here), np.asarray(alpha, dtype=float), np.nan)
    chosen = None if highlight is None else list(titles).index(highlight)
    stands_out = np.full((size, size), chosen is None)
    if chosen is not None:
        stands_out[chosen] = stands_out[:, chosen] = True
    traces: list[Trace] = [_heat(np.where(stands_out, shown, np.nan), titles, 1.0, dark)]
    if chosen is not None:
        traces.append(_heat(np.where(stands_out, np.nan, shown), titles, FADED, dark))
    notes: list[dict[str, Any]] = []
    for i, j in zip(*np.nonzero(~np.isnan(shown)), strict=True):
        cell = percent(float(shown[i, j])).replace(" ", "")
        colour = ink(float(shown[i, j]), dark, 1.0 if stands_out[i, j] else FADED)
        notes.append(
            {"text": cell, "x": int(j), "y": int(i), "showarrow": False, "font": {"size": SMALL, "color": colour}}
        )
    hatched, absences = absent_cross(titles, states, dark)
    traces += hatched
    notes += absences
    rows = [i for i in range(size) if here[i]]
    even = len(rows) > 1 and nearly_even(shown[np.ix_(rows, rows)].ravel(), 1 / len(rows))
    said = listing([_takes(titles, shown, i, rows) for i in rows]) or "nothing is present"
    note, below = note_below(attention_note(even, len(rows)), TEXT[dark])
    axes = cell_axes(titles, titles)
    return build(
        traces,
        f"{followed(highlight)}Routing weights between modalities: {f'{NEARLY_EVEN} ' if even else ''}{said}."
        f"{absent_sentence(titles, states)}",
        dark,
        "attention",
        ROW_PX * size + 142 + below,
        xaxis=axes["xaxis"] | {"title": {"text": "from"}, "ticktext": row_labels(titles, highlight, 12)},
        yaxis=axes["yaxis"] | {"title": {"text": "takes"}, "ticktext": row_labels(titles, highlight, 13)},
        annotations=[*notes, note],
        shapes=[] if chosen is None else _cross(chosen, size, dark),
        margin={"b": below},
    )


def _heat(shown: np.ndarray, titles: Sequence[str], opacity: float, dark: bool) -> Trace:
    """Cells f[S, S] on the scale of 0 to 100 %, NaN left empty."""
    size = len(titles)
    return {
        "type": "heatmap",
        "z": [[None if np.isnan(v) else float(v) for v in row] for row in shown],
        "x": list(range(size)),
        "y": list(range(size)),
        "zmin": 0,
        "zmax": 1,
        "opacity": opacity,
        "colorscale": SCALE[dark],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "customdata": [
            [f"{titles[i]} takes {percent(float(np.nan_to_num(shown[i, j])))} from {titles[j]}" for j in range(size)]
            for i in range(size)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _cross(chosen: int, size: int, dark: bool) -> list[dict[str, Any]]:
    """What it takes (its row) and what others take from it (its column)."""
    edges = (-0.5, size - 0.5)
    return [
        frame(*edges, chosen - 0.5, chosen + 0.5, dark),
        frame(chosen - 0.5, chosen + 0.5, *edges, dark),
    ]


def gates(
    gamma: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    dark: bool = False,
    highlight: str | None = None,
) -> Drawing:
    """How far each modality's gate is open (Eq. 13). gamma: f[S] in 0..1."""
    meaning = "0 is closed, 1 is open"
    return shares("gates", gamma, names, titles, states, "gate (0 closed, 1 open)", meaning, False, dark, highlight)


def weights(
    beta: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    dark: bool = False,
    highlight: str | None = None,
) -> Drawing:
    """Each modality's share in the fused representation (Eq. 15). beta: f[S], sums to one over what is present."""
    meaning = "share of the fused representation"
    return shares("weights", beta, names, titles, states, "fusion weight", meaning, True, dark, highlight)


def square(source: str, matrix: np.ndarray, size: int) -> None:
    """Raises InputError for anything but one matrix over `size` modalities."""
    if np.shape(matrix) != (size, size):
        raise InputError(source, f"matrix {np.shape(matrix)}", f"({size}, {size})", "Pass one record and one head.")


def ink(level: float, dark: bool, opacity: float = 1.0) -> str:
    """Black or white, whichever reads better on the colour scale at `level`, seen through to the page."""
    page = [int(BACKGROUND[dark][i : i + 2], 16) for i in (1, 3, 5)]
    rgb = unlabel_rgb(sample_colorscale(SCALE[dark], [min(max(level, 0.0), 1.0)])[0])
    cell = "#" + "".join(f"{round(opacity * c + (1 - opacity) * p):02X}" for c, p in zip(rgb, page, strict=True))
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, cell))


def nearly_even(shares: np.ndarray, even: float) -> bool:
    """True where every share lies within `EVEN_WITHIN` of the even one. shares: f[n] in 0..1."""
    return bool((np.abs(shares - even) <= EVEN_WITHIN * even).all())


def attention_note(even: bool, present: int) -> list[str]:
    """The lines under the heatmap. even: see `nearly_even`; present: how many modalities are."""
    scale = "Colour: 0 to 100 %, the same for every record."
    if present > 1:
        scale += f" An even share is {percent(1 / present)}."
    sentences = [NEARLY_EVEN, scale] if even else [scale]
    return [line for sentence in sentences for line in textwrap.wrap(_unbroken(sentence), NOTE_WIDTH)]


def _unbroken(text: str) -> str:
    """A number keeps its % on the same line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _takes(titles: Sequence[str], shown: np.ndarray, i: int, rows: Sequence[int]) -> str:
    """Where row i takes most from; shares that print alike are ties, and all are named."""
    written = {j: percent(float(shown[i, j])) for j in rows}
    top = percent(float(np.nanmax(shown[i])))
    first = [titles[j] for j in rows if written[j] == top]
    if len(first) == len(rows) > 1:
        return f"{titles[i]} takes the same share from each ({top})"
    return f"{titles[i]} takes most from {listing(first)} ({top}{' each' if len(first) > 1 else ''})"
