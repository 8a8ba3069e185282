"""The estimate for every subset of a record's modalities, from nothing known to everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.drawing import Drawing, Trace, build, listing, percent
from app.figures.guards import check_titles, numbers
from app.figures.panels import between, share_ticks
from app.figures.risk import BAR
from app.theme import BACKGROUND, MUTED, NEGATIVE, POSITIVE, SMALL, TEXT, alpha

CLEAR_UP_TO = 64
"""Subsets up to which the lines between them can be told apart."""
CLEAR, FAINT = 0.4, 0.13
SPREAD = 0.3
NARROWEST = 0.1


def subset_lattice(
    risks: np.ndarray,
    masks: np.ndarray,
    titles: Sequence[str],
    present: np.ndarray,
    highlighted: np.ndarray | None = None,
    dark: bool = False,
) -> Drawing:
    """Every subset as a point, its probability over how many modalities it knows; lines add one modality.

    risks: f[K] in 0..1; masks: bool[K, M], all K = 2^p subsets of the p present modalities, each once; present:
    bool[M]; highlighted: bool[M], a subset to ring: the last trace, the last note and the last sentence of the text
    alternative are its own, so that they can be moved to another subset alone. Above 64 subsets the lines are faint;
    the span of each size and the two paths that each time add what raises, or lowers, most stand out.
    """
    source = "subset_lattice"
    size = check_titles(source, "titles", titles)
    here = np.asarray(present, dtype=bool)
    subsets = np.asarray(masks, dtype=bool)
    count = int(here.sum()) if here.shape == (size,) else -1
    if count < 0 or subsets.shape != (2**count, size) or (subsets & ~here).any() or len({*_codes(subsets)}) < 2**count:
        raise InputError(
            source,
            f"masks {subsets.shape} for present {here.shape}, {max(count, 0)} of {size}",
            "every subset of what is present, once",
            "Pass the masks of the coalitions.",
        )
    values = numbers(source, "risks", risks, (len(subsets),), 0, 1)
    at = {code: row for row, code in enumerate(_codes(subsets))}
    empty, full = at[0], at[max(at)]
    x = _places(subsets)
    said = [_subset_words(titles, mask, here, risk) for mask, risk in zip(subsets, values, strict=True)]
    many = len(subsets) > CLEAR_UP_TO
    traces: list[Trace] = _span(subsets, values, at, dark) if many else []
    traces.append(_edges(at, x, values, FAINT if many else CLEAR, dark))
    traces.append(_points(x, values, said, len(subsets), dark))
    notes = [_note("○ nothing", float(values[empty]), 0.0, "left", dark)]
    marks = [(empty, "circle", BACKGROUND[dark])]
    if count:
        notes.append(_note(f"◆ all {count}", float(values[full]), 1.0, "right", dark))
        marks.append((full, "diamond", TEXT[dark]))
    traces.append(_marks(marks, x, values, said, dark))
    chosen = ""
    if highlighted is not None:
        row = _row_of(source, highlighted, size, at)
        chosen = f" Chosen: {said[row]}."
        traces.append(_ring(float(x[row]), float(values[row]), said[row], dark))
        notes.append(_note("◎ chosen", float(values[row]), 0.5, "center", dark))
    low, high = float(values.min()), float(values.max())
    pad = max(0.06 * (high - low), (NARROWEST - (high - low)) / 2)
    span = (max(-0.03, low - pad), min(1.03, high + pad))
    known = [t for t, h in zip(titles, here, strict=True) if h]
    best, worst = (said[int(pick(values))] for pick in (np.argmax, np.argmin))
    words = f"Nothing is present: the estimate is {percent(float(values[empty]))}."
    if count:
        words = (
            f"Estimates for all {len(subsets)} subsets of {listing(known)}: {percent(float(values[empty]))} with "
            f"nothing known, {percent(float(values[full]))} with everything. Highest: {best}; lowest: {worst}."
        )
    return build(
        traces,
        f"{words}{chosen}",
        dark,
        source,
        400,
        xaxis={
            "range": [-0.6, count + 0.6],
            "tickvals": list(range(count + 1)),
            "ticks": "outside",
            "showgrid": False,
            "title": {"text": "modalities known", "standoff": 26},
        },
        yaxis={"range": span, **share_ticks(*span), "title": {"text": "probability"}},
        annotations=notes,
        showlegend=many,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": SMALL}},
    )


def _codes(masks: np.ndarray) -> list[int]:
    return [int(code) for code in masks @ (1 << np.arange(masks.shape[1]))]


def _places(masks: np.ndarray) -> np.ndarray:
    """How many are known, the subsets of one size set beside each other in a fixed order. f64[K]."""
    sizes = masks.sum(axis=1)
    x = sizes.astype(float)
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        if len(rows) > 1:
            x[rows] += np.linspace(-SPREAD, SPREAD, len(rows))
    return x


def _edges(at: dict[int, int], x: np.ndarray, values: np.ndarray, opacity: float, dark: bool) -> Trace:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for code, row in at.items():
        for player in range(max(at).bit_length()):
            joined = at.get(code | (1 << player))
            if joined is not None and joined != row:
                # Rounded to well below a pixel: these are a thousand lines for eight modalities.
                xs += [round(float(x[row]), 3), round(float(x[joined]), 3), None]
                ys += [round(float(values[row]), 4), round(float(values[joined]), 4), None]
    line = {"color": alpha(MUTED[dark], opacity), "width": 1}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "line": line,
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "adding one",
    }


def _span(masks: np.ndarray, values: np.ndarray, at: dict[int, int], dark: bool) -> list[Trace]:
    sizes = masks.sum(axis=1)
    every = list(range(int(sizes.max()) + 1))
    lows, highs = ([float(pick(values[sizes == s])) for s in every] for pick in (np.min, np.max))
    band = between(every, lows, highs, BAR[dark], "lowest to highest") | {"showlegend": False}
    traces: list[Trace] = [band]
    for sign, name, colour, dash in (
        (1, "adding what raises most", POSITIVE[dark], "solid"),
        (-1, "adding what lowers most", NEGATIVE[dark], "dash"),
    ):
        path = _greedy(at, sign * values)
        line = {"color": colour, "width": 2.5, "dash": dash}
        traces.append(
            {"type": "scatter", "mode": "lines", "x": every, "y": values[path].tolist(), "line": line}
            | {"hoverinfo": "skip", "name": name}
        )
    return traces


def _greedy(at: dict[int, int], values: np.ndarray) -> list[int]:
    """Rows from nothing to everything, each step adding the modality that leaves `values` largest."""
    code, everything = 0, max(at)
    path = [at[0]]
    while code != everything:
        nexts = [code | (1 << i) for i in range(everything.bit_length()) if everything >> i & 1 and not code >> i & 1]
        code = max(nexts, key=lambda joined: float(values[at[joined]]))
        path.append(at[code])
    return path


def _points(x: np.ndarray, values: np.ndarray, said: Sequence[str], count: int, dark: bool) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x.tolist(),
        "y": values.tolist(),
        "marker": {"size": 8 if count <= CLEAR_UP_TO else 5, "color": BAR[dark], "opacity": 0.85},
        "customdata": list(said),
        "hovertemplate": "%{customdata}<extra></extra>",
        "showlegend": False,
        "name": "subsets",
    }


def _marks(
    marks: Sequence[tuple[int, str, str]], x: np.ndarray, values: np.ndarray, said: Sequence[str], dark: bool
) -> Trace:
    rows = [row for row, _, _ in marks]
    look = {"symbol": [s for _, s, _ in marks], "color": [c for _, _, c in marks], "opacity": 1}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x[rows].tolist(),
        "y": values[rows].tolist(),
        "marker": {**look, "size": 14, "line": {"color": TEXT[dark], "width": 2}},
        "customdata": [said[row] for row in rows],
        "hovertemplate": "%{customdata}<extra></extra>",
        "showlegend": False,
        "name": "marked",
    }


def _ring(x: float, risk: float, said: str, dark: bool) -> Trace:
    """Around a point and its mark, which stay to be seen."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x],
        "y": [risk],
        "marker": {"symbol": "circle-open", "size": 24, "color": TEXT[dark], "line": {"width": 3}},
        "customdata": [said],
        "hovertemplate": "%{customdata}<extra></extra>",
        "showlegend": False,
        "name": "chosen",
    }


def _note(words: str, risk: float, x: float, anchor: str, dark: bool) -> dict[str, Any]:
    """A mark's words under the axis, where they cover no point."""
    place = {"xref": "paper", "yref": "paper", "x": x, "y": 0, "xanchor": anchor, "yanchor": "top", "yshift": -22}
    place["xshift"] = -36 if anchor == "left" else 0
    font = {"size": SMALL, "color": TEXT[dark]}
    return {"text": f"{words} <b>{percent(risk)}</b>", "showarrow": False, "font": font, **place}


def _row_of(source: str, highlighted: np.ndarray, size: int, at: dict[int, int]) -> int:
    mask = np.asarray(highlighted, dtype=bool)
    row = at.get(_codes(mask[None])[0]) if mask.shape == (size,) else None
    if row is None:
        raise InputError(source, f"highlighted {mask.tolist()}", "a subset of what is present", "Correct the subset.")
    return row


def _subset_words(titles: Sequence[str], mask: np.ndarray, present: np.ndarray, risk: float) -> str:
    known = [t for t, kept in zip(titles, mask, strict=True) if kept]
    lacking = [t for t, kept, here in zip(titles, mask, present, strict=True) if here and not kept]
    if not known:
        words = "nothing"
    elif not lacking:
        words = "everything"
    else:
        words = f"all but {listing(lacking)}" if len(lacking) < len(known) else listing(known)
    return f"{words} {percent(float(risk))}"
