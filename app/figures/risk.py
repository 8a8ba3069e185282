"""One risk on a 0 to 100 % axis: its base rate, how far the networks differ, what similar estimates came to."""

from __future__ import annotations

from typing import Any

from amfn.types import InputError
from app.figures.drawing import Drawing, Trace, build, percent
from app.theme import BACKGROUND, GRID, MUTED, SMALL, TEXT

BAR = {False: "#5B6B7F", True: "#9FB0C6"}


def risk_bar(
    risk: float,
    base_rate: float,
    noun: str,
    networks: tuple[float, float] | None = None,
    similar: tuple[float, float, float] | None = None,
    dark: bool = False,
) -> Drawing:
    """A bar from 0 to the risk, a marker at its end and a tick at the base rate; below it what was observed.

    risk, base_rate: probabilities in 0..1; noun: what the risk is of ('death in hospital'). networks: lowest and
    highest of an ensemble's own answers. similar: observed share among similar estimates, and its interval.
    Raises InputError where a probability is outside 0..1.
    """
    check_probabilities("risk_bar", risk, base_rate, *(networks or ()), *(similar or ()))
    said = f"{percent(risk)} for {noun}"
    between = f" (networks {percent(networks[0])} to {percent(networks[1])})" if networks else ""
    label = f"<b>{percent(risk)}</b>"
    if networks:
        label += f' <span style="font-size:12px">networks {percent(networks[0])} to {percent(networks[1])}</span>'
    traces: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [1.0],
            "y": [0],
            "width": 0.5,
            "marker": {"color": GRID[dark], "line": {"color": MUTED[dark], "width": 1}},
            "hoverinfo": "skip",
            "name": "scale",
        },
        {
            "type": "bar",
            "orientation": "h",
            "x": [risk],
            "y": [0],
            "width": 0.5,
            "marker": {"color": BAR[dark], "line": {"width": 0}},
            "hovertemplate": f"{said}{between}<extra></extra>",
            "name": "risk",
        },
    ]
    if networks:
        for colour, width in ((BACKGROUND[dark], 8), (TEXT[dark], 4)):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": list(networks),
                    "y": [0, 0],
                    "line": {"color": colour, "width": width},
                    "hoverinfo": "skip",
                    "name": "networks",
                }
            )
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": [risk],
            "y": [0],
            "marker": {
                "symbol": "diamond",
                "size": 15,
                "color": TEXT[dark],
                "line": {"color": BACKGROUND[dark], "width": 2},
            },
            "hovertemplate": f"{said}{between}<extra></extra>",
            "name": "risk marker",
            "cliponaxis": False,
        }
    )
    annotations = [
        {"text": label, "x": risk, "y": 0.42, "yanchor": "bottom", **side(risk, dark, 16)},
        {
            "text": f"base rate {percent(base_rate)}",
            "x": base_rate,
            "y": -0.40,
            "yanchor": "top",
            **side(base_rate, dark),
        },
    ]
    observed = ""
    if similar:
        share, low, high = similar
        observed = f" Observed among similar estimates: {percent(share)} ({percent(low)} to {percent(high)})."
        traces.append(_observed(similar, observed, dark))
        annotations.append(_beside(f"observed {percent(share)} ({percent(low)} to {percent(high)})", low, high, dark))
    return build(
        traces,
        f"{noun[:1].upper()}{noun[1:]}: {percent(risk)}{between}; base rate {percent(base_rate)}.{observed}",
        dark,
        "risk_bar",
        160 if similar else 124,
        shapes=[base_line(base_rate, -0.42, 0.42, dark)],
        annotations=annotations,
        xaxis=percent_axis(),
        yaxis={"range": [-1.85 if similar else -1.05, 1.05], "visible": False},
        margin={"l": 14, "r": 24},
    )


def _observed(similar: tuple[float, float, float], said: str, dark: bool) -> Trace:
    """A ring with its interval, below the bar."""
    share, low, high = similar
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [share],
        "y": [-1.35],
        "marker": {"symbol": "circle-open", "size": 11, "color": TEXT[dark], "line": {"width": 2}},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - share],
            "arrayminus": [share - low],
            "color": TEXT[dark],
            "thickness": 2,
            "width": 5,
        },
        "hovertemplate": f"{said.strip()}<extra></extra>",
        "name": "observed",
        "cliponaxis": False,
    }


def _beside(text: str, low: float, high: float, dark: bool) -> dict[str, Any]:
    """A label right of an interval, or left of it where the right has no room."""
    place = (
        {"x": high, "xanchor": "left", "xshift": 10} if high < 0.6 else {"x": low, "xanchor": "right", "xshift": -10}
    )
    font = {"size": SMALL, "color": TEXT[dark]}
    return {"text": text, "y": -1.35, "yanchor": "middle", "showarrow": False, "font": font, **place}


def check_probabilities(source: str, *values: float) -> None:
    for value in values:
        if not 0 <= value <= 1:
            raise InputError(source, f"probability {value}", "0 to 1", "Pass the calibrated probability, not a logit.")


def percent_axis() -> dict[str, Any]:
    return {
        "range": [0, 1],
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"],
        "showgrid": False,
        "ticks": "outside",
    }


def base_line(base_rate: float, y0: float, y1: float, dark: bool) -> dict[str, Any]:
    line = {"color": TEXT[dark], "width": 2, "dash": "dot"}
    return {"type": "line", "x0": base_rate, "x1": base_rate, "y0": y0, "y1": y1, "line": line}


def side(x: float, dark: bool, size: int = SMALL) -> dict[str, Any]:
    """Keeps a label inside a 0..1 axis: it grows to the right near 0 and to the left near 1."""
    anchor = "left" if x < 0.12 else "right" if x > 0.88 else "center"
    return {"showarrow": False, "xanchor": anchor, "font": {"size": size, "color": TEXT[dark]}}
