"""What every figure function returns, and the small parts they share: row axes, hatching, signed text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from amfn.types import InputError
from app.theme import BACKGROUND, MUTED, SMALL, TEXT, alpha, template

State = Literal["present", "missing", "off", "out"]
STATE_TEXT: dict[State, str] = {
    "present": "present",
    "missing": "not recorded",
    "off": "switched off",
    # Altered by hand until nothing was left of it.
    "out": "taken out",
}
MINUS = "\N{MINUS SIGN}"
ROW_PX = 38
_UNITS = {"degC": "°C", "10^9/L": "10⁹/L", "ug/L": "µg/L", "pH": "", "0/1": "0 = no, 1 = yes"}
Trace = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A figure and its text alternative: one or two sentences with the main numbers, for those who cannot see it."""

    figure: go.Figure
    alt: str


def signed(value: float, digits: int = 2) -> str:
    """1.234 -> '+1.23', with a true minus sign; what rounds to zero has no sign."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def percent(share: float) -> str:
    """A share in 0..1 as a whole percentage; '<1 %' and '>99 %' at the same ends where sentences say "under 1 %" and
    "over 99 %" (`explain.narrative.percent`)."""
    if 0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1:
        return ">99 %"
    return f"{math.floor(100 * share + 0.5)} %"


def unit_text(unit: str) -> str:
    """A unit as print writes it; empty where the number has none."""
    return _UNITS.get(unit, unit)


def wrapped(title: str, width: int = 16) -> str:
    """A label broken into lines, so that it leaves room for the chart on a phone."""
    return "<br>".join(textwrap.wrap(title, width, break_long_words=False)) or title


def listing(parts: Sequence[str]) -> str:
    """'a, b and c'."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def absent_sentence(titles: Sequence[str], states: Sequence[State]) -> str:
    """' Not recorded: … Switched off: … Taken out: …' for the text alternative, empty where everything is present."""
    out = ""
    absent: tuple[State, ...] = ("missing", "off", "out")
    for state in absent:
        names = [t for t, s in zip(titles, states, strict=True) if s == state]
        if names:
            out += f" {STATE_TEXT[state].capitalize()}: {', '.join(names)}."
    return out


def check_rows(source: str, names: Sequence[str], titles: Sequence[str], states: Sequence[State], *values: Any) -> None:
    """One name, title, state and value per row. Raises InputError with the counts that came."""
    counts = [len(names), len(titles), len(states), *(len(np.asarray(v)) for v in values)]
    if len(set(counts)) > 1 or counts[0] == 0:
        raise InputError(
            source,
            f"lengths {counts} for names, titles, states and values",
            "one of each per modality, at least one",
            "Pass them in the order of the trace's sources.",
        )
    unknown = sorted(set(states) - set(STATE_TEXT))
    if unknown:
        raise InputError(source, f"state {unknown[0]!r}", "present, missing, off or out", "Correct the state.")


def known(value: float, state: State) -> bool:
    """True where the row has a number to draw."""
    return state == "present" and bool(np.isfinite(value))


def outlines(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[list[float | None], list[float | None]]:
    """x and y of one line around each box (x0, x1, y0, y1), gaps between them: what a fill "toself" takes."""
    x: list[float | None] = []
    y: list[float | None] = []
    for x0, x1, y0, y1 in boxes:
        x += [x0, x1, x1, x0, x0, None]
        y += [y0, y0, y1, y1, y0, None]
    return x[:-1], y[:-1]


def hatch(
    boxes: Sequence[tuple[float, float, float, float]], state: State, dark: bool, text: str, **axes: str
) -> Trace:
    """One trace of hatched boxes (x0, x1, y0, y1): diagonal lines for what is not recorded, dots for what was
    recorded and is switched off or taken out."""
    x, y = outlines(boxes)
    shape = "/" if state == "missing" else "."
    pattern = {"shape": shape, "fgcolor": MUTED[dark], "bgcolor": alpha(MUTED[dark], 0.06), "size": 7, "solidity": 0.16}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "fill": "toself",
        "fillpattern": pattern,
        "line": {"color": MUTED[dark], "width": 1, "dash": "solid" if state == "missing" else "dot"},
        "name": STATE_TEXT[state],
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": text,
        **axes,
    }


def tag(text: str, x: float, y: float, dark: bool, **more: Any) -> dict[str, Any]:
    """A text on a piece of page colour, readable over hatching and lines."""
    font = {"size": SMALL, "color": TEXT[dark]}
    return {"text": text, "x": x, "y": y, "showarrow": False, "font": font, "bgcolor": BACKGROUND[dark], **more}


def absent_rows(
    titles: Sequence[str], states: Sequence[State], x0: float, x1: float, dark: bool
) -> tuple[list[Trace], list[dict[str, Any]]]:
    """Hatched bands over the full width of the rows without a value, with their reason written on them."""
    traces: list[Trace] = []
    notes: list[dict[str, Any]] = []
    for row, (title, state) in enumerate(zip(titles, states, strict=True)):
        if state == "present":
            continue
        traces.append(hatch([(x0, x1, row - 0.3, row + 0.3)], state, dark, f"{title}: {STATE_TEXT[state]}"))
        notes.append(tag(STATE_TEXT[state], (x0 + x1) / 2, row, dark))
    return traces, notes


def row_axis(titles: Sequence[str], width: int = 16) -> dict[str, Any]:
    """A y axis with one labelled row per title, first on top."""
    return {
        "range": [len(titles) - 0.5, -0.5],
        "tickvals": list(range(len(titles))),
        "ticktext": [wrapped(t, width) for t in titles],
        "showgrid": False,
        "ticks": "",
        "ticklabelstandoff": 4,
    }


def value_column(texts: Sequence[str], dark: bool) -> tuple[list[dict[str, Any]], int]:
    """Texts in a column right of the plot, one per row, and the margin in px that they need."""
    widest = max((len(line) for t in texts for line in t.split("<br>")), default=0)
    font = {"size": SMALL, "color": TEXT[dark]}
    place = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 6, "showarrow": False, "align": "left"}
    notes = [{"text": t, "y": row, "font": font, **place} for row, t in enumerate(texts) if t]
    return notes, 16 + round(7.2 * widest)


def build(traces: Sequence[Trace], alt: str, dark: bool, uirevision: str, height: int, **layout: Any) -> Drawing:
    """The figure in the page's template, and its text alternative."""
    figure = go.Figure(
        data=list(traces),
        layout={"template": template(dark), "height": height, "uirevision": uirevision, **layout},
    )
    return Drawing(figure, " ".join(alt.split()))


def legend_above(dark: bool) -> dict[str, Any]:
    """A legend in one line above the plot, from its left edge on."""
    font = {"size": SMALL, "color": TEXT[dark]}
    return {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": font}
