"""How a model did on records it had not seen: reliability, decision curve, removal of modalities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amfn.types import InputError
from app.figures.drawing import Drawing, Trace, build, legend_above, percent, signed
from app.figures.risk import BAR, check_probabilities
from app.theme import MUTED, TEXT

Bin = tuple[int, float, float, float, float]
TICKS = {"tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1], "ticktext": ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]}
PERCENT = {"ticksuffix": " %", "ticks": "outside"}
SHARES = {"range": [-0.02, 1.02], **TICKS, "showgrid": True, "ticks": "outside"}


def reliability(bins: Sequence[Bin], noun: str, dark: bool = False) -> Drawing:
    """Observed against predicted share, one point a bin with its interval; on the dotted line the two agree.

    bins: count, mean predicted, observed, low, high, shares in 0..1. Raises InputError where there is no bin or a share
    is outside 0..1.
    """
    if not bins:
        raise InputError("reliability", "no bins", "one or more", "Pass the bins of a calibration.")
    check_probabilities("reliability", *(share for row in bins for share in row[1:]))
    count, predicted, observed, low, high = (list(column) for column in zip(*bins, strict=True))
    traces: list[Trace] = [
        _line([0, 1], [0, 1], MUTED[dark], "agreement", dash="dot"),
        {
            "type": "scatter",
            "mode": "markers",
            "x": predicted,
            "y": observed,
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [h - o for h, o in zip(high, observed, strict=True)],
                "arrayminus": [o - b for b, o in zip(low, observed, strict=True)],
                "color": BAR[dark],
                "thickness": 2,
                "width": 4,
            },
            "marker": {"size": 9, "color": BAR[dark]},
            "customdata": [
                f"{n:,} records: predicted {100 * p:.1f} %, observed {100 * o:.1f} % ({100 * b:.1f} to {100 * h:.1f})"
                for n, p, o, b, h in zip(count, predicted, observed, low, high, strict=True)
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
            "name": "records",
        },
    ]
    inside = sum(b <= p <= h for p, b, h in zip(predicted, low, high, strict=True))
    return build(
        traces,
        f"Predicted against observed share of {noun} in {len(bins)} groups of records: from predicted "
        f"{percent(predicted[0])}, observed {percent(observed[0])}, to predicted {percent(predicted[-1])}, observed "
        f"{percent(observed[-1])}. In {inside} of {len(bins)} groups the prediction lies within the interval of what "
        "was observed.",
        dark,
        "reliability",
        360,
        xaxis={**SHARES, "title": {"text": "mean predicted"}},
        yaxis={**SHARES, "title": {"text": f"observed: {noun}"}},
    )


def decision_curve(
    thresholds: Sequence[float], model: Sequence[float], everyone: Sequence[float], dark: bool = False
) -> Drawing:
    """Net benefit over the chance from which on one would act: by the model, on everyone, on no one.

    thresholds in 0..1; model, everyone: true positives less weighed false positives a record. Raises InputError where
    the lengths differ.
    """
    if not len(thresholds) == len(model) == len(everyone) > 0:
        raise InputError(
            "decision_curve", f"{len(thresholds)} thresholds, {len(model)} and {len(everyone)} values",
            "one of each", "Pass them together.",
        )  # fmt: skip
    at = [100 * threshold for threshold in thresholds]
    top = max(*model, *everyone, 0.0)
    traces = [
        _line(at, [0.0] * len(at), MUTED[dark], "acting on no one", dash="dot"),
        _line(at, list(everyone), MUTED[dark], "acting on everyone", dash="dash"),
        _line(at, list(model), TEXT[dark], "acting on the model", width=3),
    ]
    best = np.asarray(model) >= np.maximum(np.asarray(everyone), 0.0)
    middle = len(thresholds) // 2
    return build(
        traces,
        f"Net benefit of acting from a chance of {percent(thresholds[0])} to {percent(thresholds[-1])}. At "
        f"{percent(thresholds[middle])}: the model {signed(model[middle], 3)}, everyone {signed(everyone[middle], 3)}, "
        f"no one 0. The model is at least as good as both at {int(best.sum())} of {len(thresholds)} thresholds.",
        dark,
        "decision_curve",
        360,
        xaxis={
            "title": {"text": "acting from a chance of"},
            "range": [0, 100 * thresholds[-1] + 1],
            **PERCENT,
        },
        yaxis={"title": {"text": "net benefit a record"}, "range": [-0.35 * top - 0.01, 1.08 * top + 0.01]},
        showlegend=True,
        legend=legend_above(dark),
    )


def removal_curve(rows: Sequence[tuple[float, float, float, float]], dark: bool = False) -> Drawing:
    """AUROC and its interval over the share of modalities taken away at random. rows: share, value, low, high."""
    if not rows:
        raise InputError("removal_curve", "no rows", "one or more", "Leave this chart out.")
    share, value, low, high = (list(column) for column in zip(*rows, strict=True))
    at = [100 * x for x in share]
    band = _line([*at, *at[::-1]], [*low, *high[::-1]], BAR[dark], "95 % interval", width=0)
    band |= {"fill": "toself", "opacity": 0.25, "hoverinfo": "skip"}
    curve = _line(at, value, BAR[dark], "AUROC", width=3) | {"mode": "lines+markers"}
    said = ", ".join(f"{value_:.3f} at {percent(share_)}" for share_, value_ in zip(share, value, strict=True))
    return build(
        [band, curve],
        f"AUROC with modalities removed at random: {said}.",
        dark,
        "removal_curve",
        320,
        xaxis={"title": {"text": "modalities removed"}, **PERCENT},
        yaxis={"title": {"text": "AUROC"}},
    )


def _line(x: list[float], y: list[float], colour: str, name: str, width: int = 2, dash: str = "solid") -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": colour, "width": width, "dash": dash},
        "name": name,
        "hovertemplate": f"{name}: %{{y:.3f}}<extra></extra>",
    }
