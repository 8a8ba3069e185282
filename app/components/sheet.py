"""A chart to scale that is drawn anew in place, for charts that move: `st.plotly_chart` builds each anew, twice."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.components import plotly_host
from app.figures import Drawing

FAILED = "The chart could not be drawn, because a part of the program did not arrive. Reload the page."
_sheet = st.components.v2.component(
    "chart_sheet",
    js=plotly_host.LOADER + Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    # In the page's own tree: plotly's hover labels work there, and calipers lie over it.
    isolate_styles=False,
)


def sheet(drawing: Drawing, key: str) -> None:
    """A figure with a width of its own, which it keeps; it scrolls in a frame. With its text alternative."""
    width = int(drawing.figure.layout.width)
    data = {
        "spec": drawing.figure.to_json(validate=False),
        "alt": drawing.alt,
        "plotly": plotly_host.address(),
        "failed": FAILED,
    }
    with st.container(key=f"paper_{key}"), st.container(key=f"sheet_{key}", width=width):
        _sheet(key=key, data=data)
