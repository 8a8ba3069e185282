"""The exact split of one logit over the fused nodes, from the bias to the total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.figures.bars import direction_heads
from app.figures.drawing import (
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
from app.theme import MUTED, NEGATIVE, POSITIVE, TEXT


def logit_split(
    node_logits: np.ndarray,
    bias: float,
    total: float,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    prior: float | None = None,
    risk: float | None = None,
    noun: str = "the risk",
    dark: bool = False,
    highlight: str | None = None,
) -> Drawing:
    """Signed steps from the bias to the total logit, each row starting where the one above ended.

    node_logits: f[S], ignored where not present; bias, total: log-odds; prior: the training prevalence in 0..1, shown
    as a dotted line; risk: the calibrated probability, where it is not the logistic function of `total`;
    highlight: the title whose step stands out.
    """
    check_rows("logit_split", names, titles, states, node_logits)
    check_highlight("logit_split", highlight, titles)
    rows = [i for i, s in enumerate(states) if known(node_logits[i], s)]
    size = len(names)
    starts, at = {}, float(bias)
    for i in rows:
        starts[i] = at
        at += float(node_logits[i])
    probability = 1 / (1 + float(np.exp(-total))) if risk is None else risk
    ends = [float(bias), float(total), at, *starts.values(), *([_logit(prior)] if prior else [])]
    pad = 0.08 * (max(ends) - min(ends)) or 0.5
    low, high = min(ends) - pad, max(ends) + pad
    steps: Trace = {
        "type": "bar",
        "orientation": "h",
        "y": [i + 1 for i in rows],
        "x": [float(node_logits[i]) for i in rows],
        "base": [starts[i] for i in rows],
        "width": 0.6,
        "ids": [titles[i] for i in rows],
        "marker": bar_marker(
            [POSITIVE[dark] if node_logits[i] > 0 else NEGATIVE[dark] for i in rows],
            [titles[i] for i in rows],
            dark,
            highlight,
        ),
        "customdata": [
            f"{titles[i]} {'raises' if step > 0 else 'lowers'} {noun} by {abs(step):.2f} log-odds"
            for i, step in ((i, float(node_logits[i])) for i in rows)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "step",
    }
    path_x, path_y = [float(bias)], [0.0]
    for i in rows:
        path_x += [starts[i], starts[i] + float(node_logits[i])]
        path_y += [i + 1.0, i + 1.0]
    connector: Trace = {
        "type": "scatter",
        "mode": "lines",
        "x": [*path_x, float(total)],
        "y": [*path_y, size + 1.0],
        "line": {"color": MUTED[dark], "width": 1, "dash": "dot", "shape": "vh"},
        "hoverinfo": "skip",
        "name": "path",
    }
    marks: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [float(bias), float(total)],
        "y": [0, size + 1],
        "marker": {
            "symbol": ["line-ns-open", "diamond"],
            "size": [22, 15],
            "color": TEXT[dark],
            "line": {"width": 3},
            "opacity": 1,
        },
        "customdata": [
            f"Start, before any modality: {signed(bias)} log-odds",
            f"Total: {signed(total)} log-odds, that is {percent(probability)}",
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "start and total",
    }
    labels = ["Start", *titles, "Total"]
    full_states: list[State] = ["present", *states, "present"]
    hatched, notes = absent_rows(labels, full_states, low, high, dark)
    texts = [signed(bias), *(signed(float(node_logits[i])) if i in rows else "" for i in range(size))]
    column, margin = value_column([*texts, f"{signed(total)}<br><b>{percent(probability)}</b>"], dark)
    said = listing([f"{titles[i]} {signed(float(node_logits[i]))}" for i in rows]) or "nothing is present"
    shapes = [_prior_line(_logit(prior), size, dark)] if prior else []
    prior_text = f"; dotted line: training prevalence {percent(prior)}" if prior else ""
    return build(
        [*hatched, connector, steps, marks],
        f"{followed(highlight)}Log-odds from the start {signed(bias)} to the total {signed(total)}, a probability of "
        f"{percent(probability)}: {said}.{absent_sentence(titles, states)}",
        dark,
        "logit_split",
        ROW_PX * (size + 2) + 84,
        xaxis={"range": [low, high], "nticks": 5, "title": {"text": f"log-odds{prior_text}"}},
        yaxis=row_axis(labels) | {"ticktext": row_labels(labels, highlight)},
        annotations=notes + column + direction_heads(dark),
        shapes=shapes,
        margin={"r": margin, "t": 30},
    )


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def _prior_line(x: float, size: int, dark: bool) -> dict[str, Any]:
    line = {"color": MUTED[dark], "width": 2, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "y0": -0.5, "y1": size + 1.5, "layer": "below", "line": line}
