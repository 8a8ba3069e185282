"""How an audit's answers rank and what acting on them is worth, each curve with its band."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.figures.cohort_parts import between_words, dots, line, rows_of
from app.figures.drawing import ROW_PX, Drawing, build, legend_above, listing, percent, row_axis, signed, value_column
from app.figures.guards import check_between, numbers
from app.figures.panels import between
from app.figures.performance import PERCENT, SHARES
from app.figures.risk import BAR
from app.theme import MUTED, TEXT, modality_colour

BAND = "95 % interval"
Banded = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""x, y, and the limits of y."""


def roc_curve(curve: Banded, area: tuple[float, float, float], dark: bool = False) -> Drawing:
    """Share of events found over share of false positives, with its pointwise band; dotted: by chance. area: AUROC."""
    x, y, low, high = _checked("roc_curve", curve)
    traces = [
        between(x.tolist(), low.tolist(), high.tolist(), BAR[dark], BAND),
        line([0, 1], [0, 1], MUTED[dark], "by chance", 2, "dot"),
        line(x.tolist(), y.tolist(), BAR[dark], "events found"),
    ]
    tenth = float(np.interp(0.1, x, y))
    return build(
        traces,
        f"ROC curve: AUROC {between_words(*area, 3)}. {percent(tenth)} of the events found at 10 % false positives.",
        dark,
        "roc_curve",
        360,
        xaxis={**SHARES, "title": {"text": "false positives (1 − specificity)"}},
        yaxis={**SHARES, "title": {"text": "events found (sensitivity)"}},
    )


def precision_recall_curve(
    curve: Banded, area: tuple[float, float, float], share: float, dark: bool = False
) -> Drawing:
    """Share of raised records that are events over share of events found; dotted: by chance, which is `share`, the
    share of events among these records. area: AUPRC."""
    x, y, low, high = _checked("precision_recall_curve", curve)
    traces = [
        between(x.tolist(), low.tolist(), high.tolist(), BAR[dark], BAND),
        line([0, 1], [share, share], MUTED[dark], "by chance", 2, "dot"),
        line(x.tolist(), y.tolist(), BAR[dark], "right when raised"),
    ]
    half = float(np.interp(0.5, x, y))
    return build(
        traces,
        f"Precision-recall curve: AUPRC {between_words(*area, 3)}; by chance {share:.3f}. Where half of the events are "
        f"found, {percent(half)} of the raised records are events.",
        dark,
        "precision_recall_curve",
        360,
        xaxis={**SHARES, "title": {"text": "events found (recall)"}},
        yaxis={**SHARES, "title": {"text": "right when raised (precision)"}},
    )


def decision_band(curve: Banded, everyone: np.ndarray, dark: bool = False) -> Drawing:
    """Net benefit a record over the chance (0..1) from which one would act: by the model with its interval, on
    everyone, on no one."""
    source = "decision_band"
    x, y, low, high = _checked(source, curve)
    every = numbers(source, "everyone", everyone, x.shape)
    at = (100 * x).tolist()
    top = max(float(high.max()), float(every.max()), 0.0)
    traces = [
        between(at, low.tolist(), high.tolist(), BAR[dark], BAND),
        line(at, [0.0] * len(at), MUTED[dark], "on no one", 2, "dot"),
        line(at, every.tolist(), MUTED[dark], "on everyone", 2, "dash"),
        line(at, y.tolist(), TEXT[dark], "on the model"),
    ]
    best = y >= np.maximum(every, 0)
    middle = len(x) // 3
    return build(
        traces,
        f"Net benefit of acting from a chance of {percent(float(x[0]))} to {percent(float(x[-1]))}. At "
        f"{percent(float(x[middle]))}: the model {signed(float(y[middle]), 3)}, everyone "
        f"{signed(float(every[middle]), 3)}, no one 0. The model is at least as good as both at {int(best.sum())} of "
        f"{len(x)} thresholds.",
        dark,
        source,
        360,
        xaxis={"title": {"text": "acting from a chance of"}, "range": [0, at[-1] + 1], **PERCENT},
        yaxis={"title": {"text": "net benefit a record"}, "range": [-0.35 * top - 0.01, 1.08 * top + 0.01]},
        showlegend=True,
        legend=legend_above(dark),
    )


def without_one(
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    names: Sequence[str],
    titles: Sequence[str],
    records: Sequence[int],
    dark: bool = False,
) -> Drawing:
    """What the AUROC changes by when each modality in turn is taken from all records that have it, with 95 % intervals.

    values: differences of AUROC; records: how many have the modality.
    """
    source = "without_one"
    size, value, low, high = rows_of(source, titles, values, lows, highs)
    words = [
        f"Without {titles[k]}: AUROC {signed(value[k], 3)} ({signed(low[k], 3)} to {signed(high[k], 3)}), "
        f"{records[k]:,} records had it"
        for k in range(size)
    ]
    traces = [
        dots(range(size), value, low, high, [modality_colour(name) for name in names], words, dark, "change of AUROC")
    ]
    column, margin = value_column([signed(float(v), 3) for v in value], dark)
    order = np.argsort(value)
    said = listing([f"{titles[k]} {signed(value[k], 3)} ({signed(low[k], 3)} to {signed(high[k], 3)})" for k in order])
    limit = 1.1 * float(np.abs(np.concatenate([low, high])).max()) or 0.01
    return build(
        traces,
        f"Change of AUROC when one modality is taken away, largest loss first: {said}.",
        dark,
        source,
        ROW_PX * size + 66,
        xaxis={"range": [-limit, max(limit / 3, 1.1 * float(high.max()))], "nticks": 5, "zeroline": True}
        | {"title": {"text": "change of AUROC without it"}, "zerolinewidth": 2},
        yaxis=row_axis([f"Without {title}" for title in titles]),
        annotations=column,
        margin={"r": margin},
    )


def _checked(source: str, curve: Banded) -> Banded:
    x = numbers(source, "x", curve[0], np.shape(curve[0])[:1])
    y, low, high = (numbers(source, what, v, x.shape) for what, v in zip(("y", "low", "high"), curve[1:], strict=True))
    check_between(source, low, y, high)
    return x, y, low, high
