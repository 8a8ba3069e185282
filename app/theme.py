"""Colours and chart templates, the same on every page, in light and in dark.

Modality colours: Okabe M, Ito K (2008), "Color universal design", with grey in place of black,
which does not show on dark.
The colours of IEC 60601-1-8 alarms are not used for attributions.
"""

from __future__ import annotations

from functools import lru_cache

import plotly.graph_objects as go

_GREEN, _VERMILLION, _SKY, _ORANGE = "#009E73", "#D55E00", "#56B4E9", "#E69F00"
_PURPLE, _BLUE, _YELLOW, _GREY = "#CC79A7", "#0072B2", "#F0E442", "#999999"

OKABE_ITO: dict[str, str] = {
    "heart_rate": _GREEN,
    "blood_pressure": _VERMILLION,
    "oxygenation": _SKY,
    "respiration": _ORANGE,
    "labs": _PURPLE,
    "neuro_temperature": _BLUE,
    "urine": _YELLOW,
    "demographics": _GREY,
    "ecg": _GREEN,
    "abp": _VERMILLION,
    "ppg": _SKY,
    "resp": _ORANGE,
    "alarm": _GREY,
}
_WHEEL = (_BLUE, _ORANGE, _GREEN, _PURPLE, _SKY, _VERMILLION, _YELLOW, _GREY)

# Blue lowers, brown-orange raises; zero is transparent, so that one scale serves on white, on dark and on ECG paper.
NEGATIVE = {False: "#1F5FA8", True: "#74ACE8"}
POSITIVE = {False: "#A8480A", True: "#F0914A"}
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

PAPER, PAPER_MINOR, PAPER_MAJOR, TRACE = "#FFF4F4", "#FFC0C0", "#E0A0A0", "#000000"
BACKGROUND = {False: "#FFFFFF", True: "#0E1117"}
TEXT = {False: "#1B1F24", True: "#E8EAED"}
MUTED = {False: "#57606A", True: "#A9B1BC"}
GRID = {False: "#E3E6EA", True: "#2C333D"}
FONT = '"Source Sans", "Source Sans Pro", "Segoe UI", "Helvetica Neue", Arial, sans-serif'
FONT_SIZE = 13
SMALL = 12


def modality_colour(name: str) -> str:
    """The fixed colour of a modality; an unknown name gets one of the eight by its letters, always the same one."""
    return OKABE_ITO.get(name) or _WHEEL[sum(name.encode()) % len(_WHEEL)]


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
            "colorway": list(_WHEEL),
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
