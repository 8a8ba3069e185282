"""Calipers over a chart: a pair of lines for time and one for amplitude, dragged or moved by keys, read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from app.figures import Drawing, Strip

_HERE = Path(__file__).parent
# Not isolated: the lines lie over a chart elsewhere on the page.
_calipers = st.components.v2.component(
    "chart_calipers",
    css=(_HERE / "calipers.css").read_text(encoding="utf-8"),
    js=(_HERE / "calipers.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def leads_of(drawing: Drawing, strips: Sequence[Strip]) -> list[Mapping[str, str]]:
    """The leads that can be measured: title, unit, and which vertical axis of the figure is theirs."""
    axes = {trace.name: trace.yaxis for trace in drawing.figure.data}
    return [
        {"axis": axes[strip.title].replace("y", "yaxis"), "title": strip.title, "unit": strip.unit}
        for strip in strips
        if strip.recorded
    ]


def calipers(
    chart: str, drawing: Drawing, strips: Sequence[Strip], window: tuple[float, float], sample_s: float
) -> None:
    """Over the chart with this key. window: start and length in seconds; sample_s: what an arrow key moves by."""
    leads = leads_of(drawing, strips)
    if leads:
        data = {"chart": chart, "leads": leads, "start": window[0], "length": window[1], "sample": sample_s}
        _calipers(key=f"calipers_{chart}", data=data)
