"""What the cohort's figures share: intervals as dots, quantiles as boxes, bands around curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.figures.drawing import Trace, signed
from app.figures.guards import check_between, check_titles, numbers
from app.theme import BACKGROUND, TEXT, alpha


def rows_of(
    source: str, titles: Sequence[str], values: Any, lows: Any, highs: Any
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """How many rows, and a value with its limits for each; NaN, or None, where a row has none."""
    size = check_titles(source, "rows", titles)
    value, low, high = (numbers(source, what, v, (size,), gaps=True) for what, v in
                        (("values", values), ("lower limits", lows), ("upper limits", highs)))  # fmt: skip
    known = np.isfinite(value)
    check_between(source, low[known], value[known], high[known])
    return size, value, low, high


def between_words(value: float, low: float, high: float, digits: int = 2) -> str:
    """'0.42 (0.40 to 0.44)'."""
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def signed_words(value: float, low: float, high: float) -> str:
    """'+0.42 (+0.40 to +0.44)'."""
    return f"{signed(value)} ({signed(low)} to {signed(high)})"


def dots(
    y: Sequence[float],
    value: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    colours: Sequence[str],
    words: Sequence[str],
    dark: bool,
    name: str,
) -> Trace:
    """Points with their intervals lying down, one a row."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": value.tolist(),
        "y": list(y),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": (high - value).tolist(),
            "arrayminus": (value - low).tolist(),
            "color": TEXT[dark],
            "thickness": 2,
            "width": 4,
        },
        "marker": {"size": 10, "color": list(colours), "line": {"color": TEXT[dark], "width": 1}},
        "customdata": list(words),
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": name,
    }


def boxes(
    y: Sequence[float],
    quantiles: np.ndarray,
    means: np.ndarray,
    colours: Sequence[str],
    words: Sequence[str],
    dark: bool,
    name: str,
) -> list[Trace]:
    """Lying boxes from quantiles f[R, 5] at 5, 25, 50, 75, 95 % (whiskers, box, middle line); a diamond at the mean."""
    drawn: list[Trace] = [
        {
            "type": "box",
            "orientation": "h",
            "y": [row],
            "q1": [float(q[1])],
            "median": [float(q[2])],
            "q3": [float(q[3])],
            "lowerfence": [float(q[0])],
            "upperfence": [float(q[4])],
            "width": 0.55,
            "fillcolor": alpha(colour, 0.55),
            "line": {"color": TEXT[dark], "width": 1.5},
            "hoverinfo": "skip",
            "name": name,
            "showlegend": False,
        }
        for row, q, colour in zip(y, quantiles, colours, strict=True)
    ]
    drawn.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": means.tolist(),
            "y": list(y),
            "marker": {
                "symbol": "diamond",
                "size": 9,
                "color": BACKGROUND[dark],
                "line": {"color": TEXT[dark], "width": 2},
            },
            "customdata": list(words),
            "hovertemplate": "%{customdata}<extra></extra>",
            "name": "mean",
        }
    )
    return drawn


def line(
    x: Sequence[float], y: Sequence[float], colour: str, name: str, width: float = 3, dash: str = "solid"
) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": width, "dash": dash},
        "name": name,
        "hovertemplate": f"{name}: %{{y:.3f}}<extra></extra>",
    }
