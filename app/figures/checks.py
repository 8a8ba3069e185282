"""What stands behind an explanation's credit: randomised weights, altered routing, other seeds, planted truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.figures.drawing import ROW_PX, Drawing, Trace, build, percent, row_axis, signed, value_column, wrapped
from app.figures.guards import check_between, check_titles, numbers
from app.figures.panels import Panel, between, stacked
from app.figures.risk import BAR
from app.theme import BACKGROUND, MUTED, SMALL, TEXT


def cascade(
    stages: Sequence[str],
    correlations: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    reference: np.ndarray | None,
    titles: Sequence[str],
    dark: bool = False,
) -> Drawing:
    """How alike attributions stay while the weights are made random, part by part: one row per method.

    stages: the parts in the order in which they became random, each on top of those before; the trained network, which
    agrees with itself, is drawn before them. correlations, low, high: f[S, methods], mean rank correlation with the
    trained network's attribution in -1..1 and its interval over records. reference: f[methods], the correlation between
    trained networks, None where a method has none. Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps",
    section 3.
    """
    source = "cascade"
    shape = (check_titles(source, "stages", stages), check_titles(source, "methods", titles))
    curves, lows, highs = (
        np.vstack([np.ones(shape[1]), numbers(source, name, values, shape, -1, 1)])
        for name, values in (("correlations", correlations), ("low", low), ("high", high))
    )
    check_between(source, lows, curves, highs)
    none = np.full(shape[1], np.nan)
    levels = numbers(source, "reference", none if reference is None else reference, shape[1:], -1, 1, gaps=True)
    names = ["trained", *stages]
    panels = []
    for i, title in enumerate(titles):
        traces = [between(list(range(len(names))), lows[:, i].tolist(), highs[:, i].tolist(), BAR[dark], "interval")]
        value = f"<b>{signed(float(curves[-1, i]))}</b>"
        if not np.isnan(levels[i]):
            traces.append(_level_line(float(levels[i]), len(names), dark))
            value += f"<br>of {signed(float(levels[i]))}"
        traces.append(_cascade_line(names, curves[:, i], title, dark))
        panels.append(Panel(f"<b>{title}</b>", value, traces))
    ends = [
        f"{title} {signed(float(end))}"
        + ("" if np.isnan(level) else f" (between trained networks {signed(float(level))})")
        for title, end, level in zip(titles, curves[-1], levels, strict=True)
    ]
    dotted = "" if np.isnan(levels).all() else "<br>dotted: between trained networks"
    longest = max(len(line) for name in names for line in wrapped(name, 14).split("<br>"))
    return stacked(
        panels,
        f"Rank correlation with the attribution of the trained network once all up to {stages[-1]} is random: "
        f"{'; '.join(ends)}.",
        dark,
        source,
        {
            "range": [-0.15, len(names) - 0.85],
            "tickvals": list(range(len(names))),
            "ticktext": [wrapped(name, 14) for name in names],
            "tickangle": -90,
        },
        {"range": [min(-0.1, float(lows.min())), 1.05], "tickvals": [0, 1], "ticktext": ["0", "1"], "zeroline": True},
        axis_px=18 + round(7 * longest),
        key=f"rank correlation with the trained network's{dotted}",
    )


def routing_effect(
    titles: Sequence[str],
    medians: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    p95: np.ndarray,
    dark: bool = False,
) -> Drawing:
    """How much the probability changes when routing is exchanged (uniform, permuted or random α or β).

    titles: the exchanges. medians, low, high (quartiles over records), p95: f[A], sizes of the change as shares in
    0..1, drawn in percentage points. Source: Jain & Wallace 2019, "Attention is not Explanation", section 4.2.
    """
    values = [100 * numbers("routing_effect", "changes", v, (len(titles),), 0, 1) for v in (medians, low, high, p95)]
    lead = "Size of the change of the probability in percentage points"
    return _quantiles("routing_effect", titles, values, lead, "change, percentage points", dark)


def seed_variance(
    titles: Sequence[str],
    medians: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    p95: np.ndarray,
    dark: bool = False,
) -> Drawing:
    """How far apart routings lie that explain the same: of networks from other seeds, of exchanges that change nothing.

    titles: what is compared. medians, low, high (quartiles over records), p95: f[A], Jensen-Shannon divergence in nats,
    0 to ln 2, drawn in percent of the largest possible. Source: Wiegreffe & Pinter 2019, "Attention is not not
    Explanation", sections 3.3 and 3.4.
    """
    largest = float(np.log(2))
    values = [
        100 / largest * numbers("seed_variance", "divergences", v, (len(titles),), 0, largest)
        for v in (medians, low, high, p95)
    ]
    lead = "Divergence between routings in percent of the largest possible"
    return _quantiles("seed_variance", titles, values, lead, "divergence, % of the largest possible", dark)


def planted_truth(
    titles: Sequence[str], shares: np.ndarray, low: np.ndarray, high: np.ndarray, chance: float, dark: bool = False
) -> Drawing:
    """How often each method points at the segment that is known to be the cause, best first.

    shares: f[methods] in 0..1; low, high: f[methods], exact 95 % limits (Clopper & Pearson); chance: share hit at
    random, a dotted line. A method whose interval reaches down to it is hollow.
    """
    source = "planted_truth"
    count = check_titles(source, "methods", titles)
    found, lows, highs = (
        numbers(source, name, values, (count,), 0, 1)
        for name, values in (("shares", shares), ("low", low), ("high", high))
    )
    check_between(source, lows, found, highs)
    luck = float(numbers(source, "chance", [chance], (1,), 0, 1)[0])
    order = sorted(range(count), key=lambda i: -float(found[i]))
    names, found, lows, highs = [titles[i] for i in order], found[order], lows[order], highs[order]
    above = lows > luck
    said = [f"{percent(f)} ({percent(b)} to {percent(h)})" for f, b, h in zip(found, lows, highs, strict=True)]
    texts = [f"<b>{percent(f)}</b><br>{_span(b, h)}" for f, b, h in zip(found, lows, highs, strict=True)]
    points = _whiskers(found, lows, highs, dark) | {
        "marker": {
            "size": 12,
            "color": [BAR[dark] if a else BACKGROUND[dark] for a in above],
            "line": {"color": TEXT[dark], "width": 2},
        },
        "customdata": [f"{name}: {words}" for name, words in zip(names, said, strict=True)],
        "name": "pointing accuracy",
    }
    doubtful = [name for name, a in zip(names, above, strict=True) if not a]
    tail = f" Not clearly above chance: {', '.join(doubtful)}." if doubtful else ""
    words = "; ".join(f"{name} {text}" for name, text in zip(names, said, strict=True))
    column, margin = value_column(texts, dark)
    line = {"type": "line", "x0": luck, "x1": luck, "y0": -0.5, "y1": count - 0.5, "layer": "below"}
    head = {"yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": {"size": SMALL}}
    anchor = "left" if luck < 0.3 else "right" if luck > 0.7 else "center"
    return build(
        [points],
        f"How often the planted cause was pointed at: {words}. Chance {percent(luck)}.{tail}",
        dark,
        source,
        (ROW_PX + 4) * count + 84,
        xaxis={
            "range": [-0.02, 1.02],
            "tickvals": [0, 0.5, 1],
            "ticktext": ["0 %", "50 %", "100 %"],
            "title": {"text": "planted cause found<br>hollow: not clearly above chance"},
        },
        yaxis=row_axis(names),
        shapes=[line | {"line": {"color": TEXT[dark], "width": 2, "dash": "dot"}}],
        annotations=[*column, {"text": f"chance {percent(luck)}", "x": luck, "xanchor": anchor, **head}],
        margin={"r": margin, "t": 28},
    )


def _quantiles(
    source: str, titles: Sequence[str], values: Sequence[np.ndarray], lead: str, axis_title: str, dark: bool
) -> Drawing:
    """A ring at the median, a bar over the middle half, a thin line up to what 95 in 100 stay below.

    values: medians, quartiles low and high, p95, as they are drawn.
    """
    count = check_titles(source, "titles", titles)
    middle, low, high, far = values
    check_between(source, low, middle, high)
    check_between(source, middle, high, far)
    texts = [f"<b>{m:.1f}</b><br>95 %: {f:.1f}" for m, f in zip(middle, far, strict=True)]
    said = [
        f"{t}: median {m:.1f}, half of the records {a:.1f} to {b:.1f}, 95 of 100 below {f:.1f}"
        for t, m, a, b, f in zip(titles, middle, low, high, far, strict=True)
    ]
    traces: list[Trace] = [
        _strokes(low, far, 2, MUTED[dark], "95 of 100"),
        _strokes(low, high, 9, BAR[dark], "middle half"),
        {
            "type": "scatter",
            "mode": "markers",
            "x": middle.tolist(),
            "y": list(range(count)),
            "marker": {"size": 13, "color": BACKGROUND[dark], "line": {"color": TEXT[dark], "width": 2.5}},
            "customdata": said,
            "hovertemplate": "%{customdata}<extra></extra>",
            "cliponaxis": False,
            "name": "median",
        },
    ]
    column, margin = value_column(texts, dark)
    end = max(1.0, 1.06 * float(far.max()))
    return build(
        traces,
        f"{lead}. {'; '.join(said)}.",
        dark,
        source,
        (ROW_PX + 6) * count + 92,
        xaxis={
            "range": [-0.02 * end, end],
            "nticks": 6,
            "title": {"text": f"{axis_title}<br>ring: median · bar: middle half · line: to 95 %"},
        },
        yaxis=row_axis(titles),
        annotations=column,
        margin={"r": margin},
    )


def _strokes(start: np.ndarray, end: np.ndarray, width: int, colour: str, name: str) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    for row, (a, b) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        x += [a, b, None]
        y += [row, row, None]
    line = {"color": colour, "width": width}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x[:-1],
        "y": y[:-1],
        "line": line,
        "hoverinfo": "skip",
        "name": name,
    }


def _whiskers(middle: np.ndarray, low: np.ndarray, high: np.ndarray, dark: bool) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": middle.tolist(),
        "y": list(range(len(middle))),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": (high - middle).tolist(),
            "arrayminus": (middle - low).tolist(),
            "color": TEXT[dark],
            "thickness": 2,
            "width": 5,
        },
        "hovertemplate": "%{customdata}<extra></extra>",
        "cliponaxis": False,
    }


def _level_line(level: float, points: int, dark: bool) -> Trace:
    line = {"color": TEXT[dark], "width": 2, "dash": "dot"}
    words = {
        "hoverinfo": "text",
        "text": f"between trained networks {signed(level)}",
        "name": "between trained networks",
    }
    return {"type": "scatter", "mode": "lines", "x": [0, points - 1], "y": [level, level], "line": line, **words}


def _cascade_line(stages: Sequence[str], values: np.ndarray, title: str, dark: bool) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(range(len(stages))),
        "y": values.tolist(),
        "line": {"color": BAR[dark], "width": 2.5},
        "marker": {"size": 7, "color": BAR[dark]},
        "customdata": [f"{title}, {stage}: {signed(v)}" for stage, v in zip(stages, values.tolist(), strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
        "cliponaxis": False,
        "name": title,
    }


def _span(low: float, high: float) -> str:
    """'87-95 %', for a narrow column."""
    return f"{percent(low).removesuffix(' %')}\N{EN DASH}{percent(high)}"
