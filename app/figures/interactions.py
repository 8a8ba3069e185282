"""What pairs of modalities do together: main effects and interactions of the Shapley values."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from app.figures.cells import absent_cross, cell_axes, note_below, signed_cells
from app.figures.drawing import MINUS, ROW_PX, Drawing, State, absent_sentence, build, check_rows, listing, signed
from app.figures.guards import numbers
from app.theme import TEXT

KEY = (
    "Log-odds. Outlined: what a modality does by itself. Other cells: half of what two do together beyond that. "
    "A row adds up to the modality's Shapley value."
)
NAMED_PAIRS = 3
SYMMETRIC = 1e-4
"""Log-odds by which single precision may let the two halves of the matrix differ."""


def interactions(matrix: np.ndarray, titles: Sequence[str], states: Sequence[State], dark: bool = False) -> Drawing:
    """Heatmap around zero: main effects on the diagonal, half of each pair's interaction on either side of it.

    matrix: f[M, M] in log-odds, symmetric, row i adding up to the Shapley value of i; rows and columns that are not
    present are hatched, their numbers ignored. Source: Lundberg et al. 2018,
    https://arxiv.org/abs/1802.03888, eqs. 4-6.
    """
    check_rows("interactions", titles, titles, states)
    size = len(titles)
    values = numbers("interactions", "matrix", matrix, (size, size), gaps=True)
    here = np.array([s == "present" for s in states])
    shown = np.where(np.outer(here, here), values, np.nan)
    rows = [int(i) for i in np.flatnonzero(here)]
    if rows:
        block = numbers("interactions", "present part of the matrix", shown[np.ix_(rows, rows)], (len(rows), len(rows)))
        numbers("interactions", "difference across the diagonal", block - block.T, block.shape, -SYMMETRIC, SYMMETRIC)
    limit = float(np.nanmax(np.abs(shown), initial=0.0)) or 1.0
    hover = [[_pair_words(titles, i, j, float(shown[i, j])) for j in range(size)] for i in range(size)]
    heat, cells = signed_cells(shown, limit, short, hover, dark)
    hatched, notes = absent_cross(titles, states, dark)
    key, below = note_below(textwrap.wrap(KEY, 46), TEXT[dark])
    frames = [
        {"type": "rect", "x0": i - 0.48, "x1": i + 0.48, "y0": i - 0.48, "y1": i + 0.48}
        | {"line": {"color": TEXT[dark], "width": 2}}
        for i in rows
    ]
    alone = listing([f"{titles[i]} {signed(float(shown[i, i]))}" for i in rows]) or "nothing is present"
    pairs = sorted(combinations(rows, 2), key=lambda pair: -abs(float(shown[pair])))[:NAMED_PAIRS]
    together = [f"{titles[i]} with {titles[j]} {signed(2 * float(shown[i, j]))}" for i, j in pairs]
    strongest = f" Strongest together: {listing(together)}." if together else ""
    return build(
        [heat, *hatched],
        f"Main effects in log-odds: {alone}.{strongest}{absent_sentence(titles, states)}",
        dark,
        "interactions",
        ROW_PX * size + 120 + below,
        **cell_axes(titles, titles),
        shapes=frames,
        annotations=[*cells, *notes, key],
        margin={"b": below},
    )


def short(value: float) -> str:
    """A signed number that fits a narrow cell: '+.12', '+1.2', '0'."""
    digits = 2 if abs(value) < 0.995 else 1
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return "0"
    return f"{MINUS if value < 0 else '+'}{text.removeprefix('0')}"


def _pair_words(titles: Sequence[str], i: int, j: int, value: float) -> str:
    if np.isnan(value):
        return ""
    if i == j:
        return f"{titles[i]} by itself: {signed(value)} log-odds"
    way = "more together than apart" if value > 0 else "less together than apart"
    return f"{titles[i]} with {titles[j]}: {signed(2 * value)} log-odds, {way}; {signed(value)} counted for each"
