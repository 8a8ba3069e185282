"""The reality check: what routed a modality beside what it contributed, and whether the measures agree on the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.cells import cell_axes, note_below, signed_cells
from app.figures.drawing import (
    ROW_PX,
    Drawing,
    State,
    Trace,
    absent_rows,
    absent_sentence,
    build,
    check_rows,
    hatch,
    listing,
    row_axis,
    signed,
    wrapped,
)
from app.figures.emphasis import bar_marker, check_highlight, followed, frame, row_labels
from app.figures.guards import check_titles, numbers
from app.theme import MUTED, SMALL, TEXT, alpha, modality_colour

CHECK_ROW_PX, HEAD_PX = 56, 120
GROUP_GAP = 0.35
MARK = "\N{NOT EQUAL TO}"
Measures = Mapping[str, np.ndarray | None]


def reality_check(
    routing: Measures,
    contribution: Measures,
    flags: Sequence[str],
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    dark: bool = False,
    highlight: str | None = None,
) -> Drawing:
    """One row per modality, one column per measure; each bar is a part of its own column's largest value.

    routing: measures of how much was passed on (α received, graph centrality, gate, fusion weight); contribution: of
    how much the log-odds moved (sizes of logit split, leave-one-out, Shapley). f[M] from 0 up, by column title; None
    where the system lacks the measure: left out. flags: per modality how routing and contribution disagree, in words;
    empty where they do not. 36 characters fit a phone. highlight: the title whose row stands out.
    """
    source = "reality_check"
    check_rows(source, names, titles, states, flags)
    check_highlight(source, highlight, titles)
    rows = [i for i, s in enumerate(states) if s == "present"]
    columns = _columns(source, routing, contribution, rows, len(names))
    split = sum(values is not None for values in routing.values())
    centres = [c + (GROUP_GAP if c >= split and split else 0.0) for c in range(len(columns))]
    end = centres[-1] + 0.5
    bars: list[Trace] = []
    notes: list[dict[str, Any]] = []
    for (title, values), centre in zip(columns, centres, strict=True):
        most = max((float(values[i]) for i in rows), default=0.0)
        bars.append(_bars(title, values, centre - 0.42, most, rows, names, titles, dark, highlight))
        for i in rows:
            text = f"{values[i]:.2f}"
            notes.append(
                {"text": f"<b>{text}</b>" if values[i] == most > 0 else text, "x": centre - 0.45, "y": i - 0.2}
                | {"xanchor": "left", "showarrow": False, "font": {"size": SMALL, "color": TEXT[dark]}}
            )
    flagged = [i for i in rows if flags[i]]
    shapes: list[dict[str, Any]] = [
        {"type": "rect", "x0": -0.5, "x1": end, "y0": i - 0.47, "y1": i + 0.47, "layer": "below"}
        | {"fillcolor": alpha(MUTED[dark], 0.16), "line": {"width": 0}}
        for i in flagged
    ]
    if highlight is not None:
        row = list(titles).index(highlight)
        shapes.append(frame(-0.5, end, row - 0.47, row + 0.47, dark))
    for i in flagged:
        words = {"text": f"{MARK} {flags[i]}", "x": -0.45, "y": i + 0.32, "xanchor": "left", "showarrow": False}
        notes.append(words | {"font": {"size": SMALL, "color": TEXT[dark]}})
    groups = [("routing", centres[:split]), ("contribution (size)", centres[split:])]
    for head, places in groups:
        if places:
            notes.append(_group_head(head, (places[0] + places[-1]) / 2, dark))
    hatched, absences = absent_rows(titles, states, -0.5, end, dark)
    labels = row_labels(titles, highlight, 13)
    labels = [f"<b>{MARK} {wrapped(t, 13)}</b>" if i in flagged else labels[i] for i, t in enumerate(titles)]
    return build(
        bars + hatched,
        followed(highlight)
        + _check_words(columns, split, rows, flagged, flags, titles)
        + absent_sentence(titles, states),
        dark,
        source,
        CHECK_ROW_PX * len(names) + HEAD_PX,
        xaxis={
            "range": [-0.5, end],
            "tickvals": centres,
            "ticktext": [wrapped(title, 12) for title, _ in columns],
            "side": "top",
            "autotickangles": [0, -90],
            "showgrid": False,
        },
        yaxis=row_axis(titles) | {"ticktext": labels, "range": [len(names) - 0.5, -0.9]},
        annotations=notes + absences,
        shapes=shapes,
    )


def rank_agreement(
    taus: np.ndarray, row_titles: Sequence[str], column_titles: Sequence[str], dark: bool = False
) -> Drawing:
    """Kendall's rank correlation of measures, from -1 (reversed) through 0 (unrelated) to +1 (same order).

    taus: f[R, C] in -1..1, NaN or None where it is not defined (a measure is the same for every modality): hatched.
    """
    return _agreement("rank_agreement", taus, row_titles, column_titles, dark)


def baseline_agreement(taus: np.ndarray, titles: Sequence[str], dark: bool = False) -> Drawing:
    """Kendall's rank correlation of the attributions from different baselines. taus: f[B, B] in -1..1, symmetric."""
    check_titles("baseline_agreement", "baselines", titles)
    values = numbers("baseline_agreement", "taus", taus, (len(titles), len(titles)), -1, 1, gaps=True)
    if not np.allclose(values, values.T, equal_nan=True):
        raise InputError("baseline_agreement", "a matrix that is not symmetric", "taus[i, j] = taus[j, i]", "Mend it.")
    return _agreement("baseline_agreement", values, titles, titles, dark)


def _agreement(
    source: str, taus: np.ndarray, row_titles: Sequence[str], column_titles: Sequence[str], dark: bool
) -> Drawing:
    shape = (check_titles(source, "rows", row_titles), check_titles(source, "columns", column_titles))
    values = numbers(source, "taus", taus, shape, -1, 1, gaps=True)
    hover = [[_tau_words(r, c, values[i, j]) for j, c in enumerate(column_titles)] for i, r in enumerate(row_titles)]
    heat, notes = signed_cells(values, 1.0, signed, hover, dark)
    undefined = [(int(i), int(j)) for i, j in np.argwhere(np.isnan(values))]
    boxes = [(j - 0.48, j + 0.48, i - 0.46, i + 0.46) for i, j in undefined]
    hatched = [hatch(boxes, "missing", dark, "not defined") | {"name": "not defined"}] if boxes else []
    lines = ["+1: same order. 0: unrelated. \N{MINUS SIGN}1: reversed."]
    lines += ["Hatched: not defined, a measure is the same for all."] if boxes else []
    key, below = note_below(lines, TEXT[dark])
    same = tuple(row_titles) == tuple(column_titles)
    told = [(i, j) for i, j in np.ndindex(shape) if not np.isnan(values[i, j]) and (i < j or not same)]
    said = "; ".join(f"{row_titles[i]} and {column_titles[j]} {signed(float(values[i, j]))}" for i, j in told)
    lacking = listing([f"{row_titles[i]} and {column_titles[j]}" for i, j in undefined if i <= j or not same])
    return build(
        [heat, *hatched],
        f"Rank agreement (Kendall's tau): {said or 'nothing to compare'}."
        f"{f' Not defined: {lacking}.' if lacking else ''}",
        dark,
        source,
        ROW_PX * shape[0] + 120 + below,
        **cell_axes(row_titles, column_titles),
        annotations=[*notes, key],
        margin={"b": below},
    )


def _columns(
    source: str, routing: Measures, contribution: Measures, rows: Sequence[int], size: int
) -> list[tuple[str, np.ndarray]]:
    """The measures that there are, in order, f64[M] with zeros where the modality is not present."""
    kept = [(title, v) for group in (routing, contribution) for title, v in group.items() if v is not None]
    check_titles(source, "measures", [title for title, _ in kept])
    here = np.isin(np.arange(size), rows)
    columns = []
    for title, raw in kept:
        values = numbers(source, title, raw, (size,), gaps=True)
        present = np.where(here, values, 0.0)
        columns.append((title, numbers(source, title, present, (size,), 0.0)))
    return columns


def _bars(
    title: str,
    values: np.ndarray,
    start: float,
    most: float,
    rows: Sequence[int],
    names: Sequence[str],
    titles: Sequence[str],
    dark: bool,
    highlight: str | None,
) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "y": [i + 0.06 for i in rows],
        "x": [0.84 * float(values[i]) / most if most else 0.0 for i in rows],
        "base": [start] * len(rows),
        "width": 0.18,
        "ids": [titles[i] for i in rows],
        "marker": bar_marker([modality_colour(names[i]) for i in rows], [titles[i] for i in rows], dark, highlight),
        "customdata": [f"{titles[i]}, {title}: {values[i]:.3f}, largest {most:.3f}" for i in rows],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": title,
    }


def _group_head(text: str, x: float, dark: bool) -> dict[str, Any]:
    font = {"size": SMALL, "color": TEXT[dark]}
    return {"text": f"<b>{text}</b>", "x": x, "y": -0.68, "showarrow": False, "font": font}


def _check_words(
    columns: Sequence[tuple[str, np.ndarray]],
    split: int,
    rows: Sequence[int],
    flagged: Sequence[int],
    flags: Sequence[str],
    titles: Sequence[str],
) -> str:
    if not rows:
        return "Routing and contribution: nothing is present."
    said = []
    for group, part in (("Routed to most", columns[:split]), ("Contributed most", columns[split:])):
        if part:
            tops = [(title, max(rows, key=lambda i: float(values[i])), values) for title, values in part]
            said.append(f"{group}: {'; '.join(f'{titles[i]} by {t} ({v[i]:.2f})' for t, i, v in tops)}.")
    odd = "; ".join(f"{titles[i]}, {flags[i]}" for i in flagged)
    return f"{' '.join(said)} {f'Disagreeing: {odd}.' if odd else 'No modality is flagged as disagreeing.'}"


def _tau_words(row: str, column: str, tau: float) -> str:
    return "" if np.isnan(tau) else f"{row} and {column}: {signed(float(tau))}"
