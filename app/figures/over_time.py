"""How an estimate and what is behind it changed as the record unfolded, each moment knowing only what came before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from amfn.types import InputError
from app.figures.drawing import MINUS, Drawing, Trace, build, check_rows, hatch, listing, percent, signed, tag
from app.figures.guards import Unit, check_between, moment, moments, numbers
from app.figures.panels import Panel, between, filled, runs, spread, stacked, steps
from app.figures.risk import BAR, check_probabilities
from app.theme import BACKGROUND, MUTED, NEGATIVE, POSITIVE, SMALL, TEXT, modality_colour

HEIGHT_PX, PLOT_PX = 300, 244
Kind = Literal["gates", "weights"]


def risk_over_time(
    times: np.ndarray,
    risks: np.ndarray,
    base_rate: float,
    noun: str,
    unit: Unit,
    first_known: int,
    threshold: float | None = None,
    networks: tuple[np.ndarray, np.ndarray] | None = None,
    dark: bool = False,
) -> Drawing:
    """The estimate on 0 to 100 %, each value holding until the next; the end marked, the base rate dotted.

    times: f[T] in `unit`, as the record unfolds (hours ascending, seconds before the alarm descending). risks: f[T] in
    0..1. first_known: the position of the first moment at which anything was known, T where nothing ever was; what
    stands before it is the prior, dotted on hatching. networks: lowest and highest answer of an ensemble, f[T] each.
    """
    source = "risk_over_time"
    at = moments(source, times, unit)
    size = len(at)
    risk = numbers(source, "risks", risks, (size,), 0, 1)
    check_probabilities(source, base_rate, *([] if threshold is None else [threshold]))
    if not 0 <= first_known <= size:
        raise InputError(source, f"first_known {first_known}", f"0 to {size}", "Pass a position in times.")
    traces: list[Trace] = []
    notes: list[dict[str, Any]] = []
    between_words = ""
    if first_known:
        until = float(at[min(first_known, size - 1)])
        words = f"nothing known before {moment(until, unit)}" if first_known < size else "nothing known"
        traces.append(hatch([(float(at[0]), until, 0, 1)], "missing", dark, words) | {"name": "nothing known"})
        early = risk[: max(first_known, size // 2) + 1]
        y, anchor = (0.97, "top") if early.max() < 0.7 else (0.03, "bottom")
        notes.append(tag("nothing known yet", float(at[0]), y, dark, xanchor="left", xshift=4, yanchor=anchor))
    if networks is not None:
        low, high = (numbers(source, "networks", side, (size,), 0, 1) for side in networks)
        check_between(source, low, (low + high) / 2, high)
        held, lows, highs = (np.repeat(side, 2).tolist() for side in (at, low, high))
        traces.append(between(held[1:], lows[:-1], highs[:-1], BAR[dark], "networks"))
        between_words = f" The networks end between {percent(float(low[-1]))} and {percent(float(high[-1]))}."
    traces.append(_level(at, base_rate, "base rate", MUTED[dark], "dot"))
    if threshold is not None:
        traces.append(_level(at, threshold, "threshold", TEXT[dark], "dash"))
    known = np.arange(size) >= first_known
    rows = zip(at.tolist(), risk.tolist(), known, strict=True)
    hover = [f"{moment(t, unit)}: {percent(r)}{'' if k else ', nothing known yet'}" for t, r, k in rows]
    for part, name, colour, dash in (
        (~known, "prior", MUTED[dark], "dot"),
        (known, "risk", BAR[dark], "solid"),
    ):
        if part.any():
            x_, y_ = steps(at, np.where(part, risk, np.nan))
            traces.append(_line(x_, y_, name, colour, dash))
    traces.append(_points(at, risk, hover))
    traces.append(_end(at, risk, hover, dark))
    levels = [(float(risk[-1]), f"<b>{percent(float(risk[-1]))}</b><br>{_end_words(float(at[-1]), unit)}")]
    levels.append((base_rate, f"base rate<br>{percent(base_rate)}"))
    levels += [] if threshold is None else [(threshold, f"threshold<br>{percent(threshold)}")]
    gap = 35 / PLOT_PX
    for (_, text), y_at in zip(levels, spread([level for level, _ in levels], gap, 0.06, 0.95), strict=True):
        place = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 10, "align": "left", "showarrow": False}
        notes.append({"text": text, "y": y_at, "font": {"size": SMALL, "color": TEXT[dark]}, **place})
    return build(
        traces,
        _risk_words(at, risk, base_rate, noun, unit, first_known, threshold) + between_words,
        dark,
        source,
        HEIGHT_PX,
        xaxis=_time_axis(at, unit),
        yaxis={
            "range": [0, 1],
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"],
        },
        annotations=notes,
        margin={"l": 48, "r": 92, "t": 10, "b": HEIGHT_PX - PLOT_PX - 10, "autoexpand": False},
    )


def shares_over_time(
    times: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    kind: Kind,
    unit: Unit,
    dark: bool = False,
) -> Drawing:
    """Gates (Eq. 13) or fusion weights (Eq. 15) as the record unfolds, one row per modality on one scale.

    values: f[T, M] in 0..1; None or NaN where the modality was not there yet: hatched, never zero.
    """
    if kind not in ("gates", "weights"):
        raise InputError("shares_over_time", f"kind {kind!r}", "gates or weights", "Correct the kind.")
    at, shares = _series("shares_over_time", times, values, names, titles, unit, 0.0, 1.0)
    top = float(np.nanmax(shares, initial=0.0))
    end = 1.0 if kind == "gates" else max(0.25, float(np.ceil(top / 0.25 - 1e-6) * 0.25))
    write = _two_digits if kind == "gates" else percent
    rows = [
        _panel(at, shares[:, i], titles[i], unit, write, (0.0, end), [(shares[:, i], modality_colour(name))], dark)
        for i, name in enumerate(names)
    ]
    lead = "Gates (0 closed, 1 open)" if kind == "gates" else "Fusion weights"
    yaxis = {"range": [0, end * 1.04], "tickvals": [0, end], "ticktext": [write(0.0), write(end)]}
    return stacked(
        rows,
        f"{lead} {_series_words(at, shares, titles, unit, write)}",
        dark,
        f"{kind}_over_time",
        _time_axis(at, unit),
        yaxis,
    )


def contributions_over_time(
    times: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    unit: Unit,
    noun: str = "the risk",
    dark: bool = False,
) -> Drawing:
    """Signed contributions (Shapley values) as the record unfolds, one row per modality around zero on one scale.

    values: f[T, M] in log-odds; None or NaN where the modality was not there yet: hatched, never zero.
    """
    at, parts = _series("contributions_over_time", times, values, names, titles, unit)
    limit = 1.1 * float(np.nanmax(np.abs(parts), initial=0.0)) or 1.0
    tick = _round_below(limit)
    rows = []
    for i in range(len(names)):
        column = parts[:, i]
        areas = [(np.maximum(column, 0.0), POSITIVE[dark]), (np.minimum(column, 0.0), NEGATIVE[dark])]
        rows.append(_panel(at, column, titles[i], unit, signed, (-limit, limit), areas, dark, noun))
    return stacked(
        rows,
        f"Contributions to {noun} in log-odds {_series_words(at, parts, titles, unit, signed)}",
        dark,
        "contributions_over_time",
        _time_axis(at, unit),
        {
            "range": [-limit, limit],
            "tickvals": [-tick, 0, tick],
            "ticktext": [f"{MINUS}{tick:g}", "0", f"+{tick:g}"],
            "zeroline": True,
        },
        key=f"log-odds: above the line <b>+</b> raises, below <b>{MINUS}</b> lowers",
    )


def _series(
    source: str,
    times: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    unit: Unit,
    low: float = -np.inf,
    high: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    check_rows(source, names, titles, ["present"] * len(names))
    at = moments(source, times, unit)
    return at, numbers(source, "values", values, (len(at), len(names)), low, high, gaps=True)


def _panel(
    at: np.ndarray,
    values: np.ndarray,
    title: str,
    unit: Unit,
    write: Callable[[float], str],
    span: tuple[float, float],
    areas: Sequence[tuple[np.ndarray, str]],
    dark: bool,
    noun: str = "",
) -> Panel:
    known = np.isfinite(values)
    boxes = [
        (float(at[first]), float(at[min(last + 1, len(at) - 1)]), span[0], span[1]) for first, last in runs(~known)
    ]
    traces: list[Trace] = [hatch(boxes, "missing", dark, f"{title}: not known")] if boxes else []
    traces += [filled(at, area, colour) for area, colour in areas if known.any()]
    x, y = steps(at, values)
    traces.append(_line(x, y, title, TEXT[dark], "solid", 1.2))
    effect = f" on {noun}" if noun else ""
    hover = [
        f"{title}, {moment(t, unit)}: {f'{write(v)}{effect}' if np.isfinite(v) else 'not known'}"
        for t, v in zip(at.tolist(), values.tolist(), strict=True)
    ]
    traces.append(_points(at, values, hover))
    if known[-1]:
        traces.append(_dot(float(at[-1]), float(values[-1]), dark))
    value = f"<b>{write(float(values[-1]))}</b>" if known[-1] else ""
    return Panel(f"<b>{title}</b>{_since(at, known, unit)}", value, traces)


def _since(at: np.ndarray, known: np.ndarray, unit: Unit) -> str:
    """From when on a modality was there, where not from the start."""
    if not known.any():
        return ", not recorded"
    start = "" if known[0] else f", from {moment(float(at[np.argmax(known)]), unit)}"
    return f"{start}, not at the end" if not known[-1] else start


def _series_words(
    at: np.ndarray, values: np.ndarray, titles: Sequence[str], unit: Unit, write: Callable[[float], str]
) -> str:
    said = []
    known = np.isfinite(values)
    never = [title for title, here in zip(titles, known.T, strict=True) if not here.any()]
    for title, column, here in zip(titles, values.T, known.T, strict=True):
        if here.any():
            first, last = np.flatnonzero(here)[[0, -1]]
            start = f"{write(float(column[first]))} at {moment(float(at[first]), unit)}"
            said.append(f"{title} {start}" + (f" to {write(float(column[last]))}" if last > first else ""))
            said[-1] += "" if last == len(at) - 1 else f" at {moment(float(at[last]), unit)}, not known at the end"
    until = f"until {moment(float(at[-1]), unit)}"
    tail = f" Never recorded: {listing(never)}." if never else ""
    return f"as the record unfolds {until}: {'; '.join(said) or 'nothing was recorded'}.{tail}"


def _risk_words(
    at: np.ndarray,
    risk: np.ndarray,
    base_rate: float,
    noun: str,
    unit: Unit,
    first_known: int,
    threshold: float | None,
) -> str:
    def said(i: int) -> str:
        return f"{percent(float(risk[i]))} at {moment(float(at[i]), unit)}"

    base = f"base rate {percent(base_rate)}"
    lead = f"{noun[:1].upper()}{noun[1:]} as the record unfolds: "
    if first_known == len(at):
        return f"{lead}nothing was known at any moment, the estimate stays at {said(-1)}; {base}."
    prior = f"{percent(float(risk[0]))} while nothing was known, then " if first_known else ""
    seen = np.arange(first_known, len(at))
    highest, lowest = (int(seen[pick(risk[seen])]) for pick in (np.argmax, np.argmin))
    ends = said(-1) if first_known == len(at) - 1 else f"{said(first_known)}, {said(-1)}"
    words = f"{lead}{prior}{ends}, lowest {said(lowest)}, highest {said(highest)}; {base}."
    if threshold is None:
        return words
    over = seen[risk[seen] >= threshold]
    when = f"first reached at {moment(float(at[over[0]]), unit)}" if len(over) else "not reached"
    return f"{words} The threshold of {percent(threshold)} was {when}."


def _end_words(time: float, unit: Unit) -> str:
    if unit == "h":
        return f"at {time:g} h"
    return "at the alarm" if time == 0 else f"{time:g} s before"


def _time_axis(at: np.ndarray, unit: Unit) -> dict[str, Any]:
    """Runs as the record does: hours to the right, seconds before the alarm down to it."""
    first, last = float(at[0]), float(at[-1])
    if first == last:
        first, last = (first - 0.5, last + 0.5) if unit == "h" else (first + 0.5, last - 0.5)
    title = "hours since the start of the record" if unit == "h" else "seconds before the alarm"
    twelve = {"dtick": 12, "tick0": 0} if unit == "h" and last - first >= 36 else {"nticks": 6}
    return {"range": [first, last], "title": {"text": title}, "ticks": "outside", **twelve}


def _line(
    x: Sequence[float | None], y: Sequence[float | None], name: str, colour: str, dash: str, width: float = 3
) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": width, "dash": dash, "shape": "hv"},
        "connectgaps": False,
        "hoverinfo": "skip",
        "name": name,
    }


def _level(at: np.ndarray, level: float, name: str, colour: str, dash: str) -> Trace:
    line = _line([float(at[0]), float(at[-1])], [level, level], name, colour, dash, 2)
    return line | {"hoverinfo": "text", "text": f"{name} {percent(level)}"}


def _points(at: np.ndarray, values: np.ndarray, hover: Sequence[str]) -> Trace:
    """The values themselves, invisible, to be pointed at; None where there is none."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": at.tolist(),
        "y": [float(v) if np.isfinite(v) else None for v in values],
        "marker": {"size": 9, "opacity": 0},
        "customdata": list(hover),
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "values",
    }


def _dot(x: float, y: float, dark: bool) -> Trace:
    """The last value: of a modality that came at the last moment it is all there is to see."""
    mark = {"size": 7, "color": TEXT[dark]}
    return {"type": "scatter", "mode": "markers", "x": [x], "y": [y], "marker": mark, "cliponaxis": False} | {
        "hoverinfo": "skip",
        "name": "last",
    }


def _end(at: np.ndarray, risk: np.ndarray, hover: Sequence[str], dark: bool) -> Trace:
    mark = {"symbol": "diamond", "size": 13, "color": TEXT[dark], "line": {"color": BACKGROUND[dark], "width": 2}}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(at[-1])],
        "y": [float(risk[-1])],
        "marker": mark,
        "customdata": [hover[-1]],
        "hovertemplate": "%{customdata}<extra></extra>",
        "cliponaxis": False,
        "name": "end",
    }


def _round_below(limit: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above the limit."""
    power = 10.0 ** np.floor(np.log10(limit))
    return float(max(step * power for step in (1, 2, 5) if step * power <= limit))


def _two_digits(value: float) -> str:
    return f"{value:.2f}"
