"""Colours and chart templates, the same on every page, in light and in dark.

What documents need as well stands in `report.colours`.
"""

from __future__ import annotations

from functools import lru_cache

import plotly.graph_objects as go

from report.colours import GRID as GRID
from report.colours import MUTED as MUTED
from report.colours import NEGATIVE as NEGATIVE
from report.colours import OKABE_ITO as OKABE_ITO
from report.colours import PAPER as PAPER
from report.colours import PAPER_MAJOR as PAPER_MAJOR
from report.colours import PAPER_MINOR as PAPER_MINOR
from report.colours import POSITIVE as POSITIVE
from report.colours import TEXT as TEXT
from report.colours import TRACE as TRACE
from report.colours import WHEEL
from report.colours import modality_colour as modality_colour

# Blue lowers, brown-orange raises; zero is transparent, so that one scale serves on white, on dark and on ECG paper.
DIVERGING: tuple[tuple[float, str], ...] = (
    (0.0, "rgba(31,95,168,0.80)"),
    (0.25, "rgba(60,125,195,0.50)"),
    (0.5, "rgba(150,150,150,0.0)"),
    (0.75, "rgba(205,105,35,0.50)"),
    (1.0, "rgba(190,80,10,0.80)"),
)
# How much, without a direction: one hue that is neither of the two above.
MAGNITUDE = {False: "#6A3D9A", True: "#B79BE0"}
SEQUENTIAL: tuple[tuple[float, str], ...] = ((0.0, "rgba(106,61,154,0.0)"), (1.0, "rgba(106,61,154,0.70)"))

BACKGROUND = {False: "#FFFFFF", True: "#0E1117"}
FONT = '"Source Sans", "Source Sans Pro", "Segoe UI", "Helvetica Neue", Arial, sans-serif'
FONT_SIZE = 13
SMALL = 12


def alpha(colour: str, opacity: float) -> str:
    """'#RRGGBB' and an opacity in 0..1 -> 'rgba(r,g,b,a)'."""
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{opacity:.2f})"


def contrast(a: str, b: str) -> float:
    """WCAG 2.2 contrast ratio of two '#RRGGBB' colours, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@lru_cache(maxsize=2)
def template(dark: bool = False) -> go.layout.Template:
    """Plotly template: transparent background, text of at least 12 px, axes that make room for their labels."""
    axis = {
        "automargin": True,
        "fixedrange": True,
        "color": TEXT[dark],
        "gridcolor": GRID[dark],
        "linecolor": MUTED[dark],
        "zerolinecolor": MUTED[dark],
        "zeroline": False,
        "tickfont": {"size": SMALL, "color": TEXT[dark]},
        "title": {"font": {"size": SMALL, "color": MUTED[dark]}, "standoff": 6},
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": FONT_SIZE, "color": TEXT[dark]},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(WHEEL),
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8, "autoexpand": True},
            "hoverlabel": {
                "bgcolor": BACKGROUND[dark],
                "bordercolor": MUTED[dark],
                "font": {"family": FONT, "size": FONT_SIZE, "color": TEXT[dark]},
                "align": "left",
                "namelength": -1,
            },
            "hovermode": "closest",
            "dragmode": False,
            "showlegend": False,
            "barmode": "overlay",
        }
    )
