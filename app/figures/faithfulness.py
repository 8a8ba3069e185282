"""Whether an attribution points at what the model used: taking segments out and putting them in."""

from __future__ import annotations

from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.drawing import Drawing, Trace, build, percent
from app.figures.guards import check_between, numbers
from app.figures.panels import between, share_ticks
from app.figures.risk import BAR
from app.theme import MUTED, SMALL, TEXT

NARROWEST = 0.1
"""The vertical axis spans at least ten percentage points: less would make noise look like an effect."""


def deletion_insertion(
    shares_removed: np.ndarray,
    deletion: np.ndarray,
    insertion: np.ndarray,
    random_mean: np.ndarray,
    random_low: np.ndarray,
    random_high: np.ndarray,
    what: str,
    dark: bool = False,
) -> Drawing:
    """The probability as segments are taken out: most important first, least important first, and at random.

    shares_removed: f[K] ascending from 0 to 1. deletion, insertion: f[K], the probability with that share of the most
    important segments taken out, and with that share of them put into an empty record. An insertion read backwards
    takes out the least important first, so one axis serves both, and one band: random_*: f[K], segments taken out in
    random order. what: title of the method. Source: Petsiuk et al. 2018, "RISE", section 4.2.
    """
    source = "deletion_insertion"
    shares = numbers(source, "shares_removed", shares_removed, np.shape(shares_removed)[:1], 0, 1)
    if (np.diff(shares) <= 0).any() or len(shares) < 2 or (shares[0], shares[-1]) != (0, 1):
        raise InputError(source, f"shares {shares.tolist()}", "ascending from 0 to 1", "Include nothing and all.")
    most, put_in, mean, low, high = (
        numbers(source, name, values, shares.shape, 0, 1)
        for name, values in (
            ("deletion", deletion),
            ("insertion", insertion),
            ("random_mean", random_mean),
            ("random_low", random_low),
            ("random_high", random_high),
        )
    )
    check_between(source, low, mean, high)
    left = 1 - shares
    traces: list[Trace] = [
        between(shares.tolist(), low.tolist(), high.tolist(), BAR[dark], "random order, range"),
        _curve(shares, mean, "at random (shaded: range)", MUTED[dark], "dot", "", 2) | {"mode": "lines"},
        _curve(left[::-1], put_in[::-1], "least important first", BAR[dark], "dash", "triangle-up"),
        _curve(shares, most, "most important first", TEXT[dark], "solid", "circle"),
    ]
    traces[0] |= {"showlegend": False}
    bottom, top = float(min(t.min() for t in (most, put_in, low))), float(max(t.max() for t in (most, put_in, high)))
    pad = max(0.06 * (top - bottom), (NARROWEST - (top - bottom)) / 2)
    span = (max(-0.02, bottom - pad), min(1.02, top + pad))
    half = float(np.interp(0.5, shares, most)), float(np.interp(0.5, shares, put_in))
    middle = [percent(float(np.interp(0.5, shares, curve))) for curve in (mean, low, high)]
    return build(
        traces,
        f"{what}: probability as segments are taken out, from {percent(float(most[0]))} with all to "
        f"{percent(float(most[-1]))} with none. With half of them out: {percent(half[0])} where the most important "
        f"went first, {percent(half[1])} where the least important went first, {middle[0]} at random ({middle[1]} to "
        f"{middle[2]}).",
        dark,
        source,
        380,
        xaxis={
            "range": [-0.02, 1.02],
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"],
            "ticks": "outside",
            "showgrid": True,
            "title": {"text": "segments taken out"},
        },
        yaxis={"range": span, **share_ticks(*span), "title": {"text": "probability"}},
        showlegend=True,
        legend=_legend(dark),
        margin={"r": 22},
    )


def _curve(x: np.ndarray, y: np.ndarray, name: str, colour: str, dash: str, symbol: str, width: int = 3) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x.tolist(),
        "y": y.tolist(),
        "line": {"color": colour, "width": width, "dash": dash},
        "marker": {"symbol": symbol or "circle", "size": 8, "color": colour},
        "customdata": [f"{percent(a)} taken out, {name}: {percent(b)}" for a, b in zip(x, y, strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": name,
    }


def _legend(dark: bool) -> dict[str, Any]:
    font = {"size": SMALL, "color": TEXT[dark]}
    return {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": font, "traceorder": "reversed"}
