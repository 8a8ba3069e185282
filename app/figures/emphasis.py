"""One modality stands out in every chart that shows it: full colour and an outline; the others fade, their words stay.

`highlight` is a modality's title everywhere, None where all are alike. What can be clicked carries its title in `ids`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amfn.types import InputError
from app.figures.drawing import wrapped
from app.theme import TEXT

FADED, FADED_EDGE = 0.35, 0.14
"""Opacity of what is not followed: a bar, a cell or a node still shows its colour; an edge is but a trace."""
OUTLINE_PX, FRAME_PX = 3.0, 2.5


def check_highlight(source: str, highlight: str | None, titles: Sequence[str]) -> None:
    """Raises InputError for a modality that the chart does not have."""
    if highlight is not None and highlight not in titles:
        raise InputError(
            source, f"highlight {highlight!r}", f"one of {', '.join(titles)}, or None", "Pass a title of the chart."
        )


def opacity(title: str, highlight: str | None) -> float:
    return 1.0 if highlight in (None, title) else FADED


def bar_marker(
    colours: Sequence[str], titles: Sequence[str], dark: bool, highlight: str | None = None
) -> dict[str, Any]:
    """Marker of a bar trace with one colour and title per bar."""
    return {
        "color": list(colours),
        "opacity": [opacity(title, highlight) for title in titles],
        "line": {"color": TEXT[dark], "width": [OUTLINE_PX if title == highlight else 1.0 for title in titles]},
    }


def row_labels(titles: Sequence[str], highlight: str | None, width: int = 16) -> list[str]:
    """Row labels broken into lines, that of the highlighted row in bold."""
    return [f"<b>{wrapped(t, width)}</b>" if t == highlight else wrapped(t, width) for t in titles]


def frame(x0: float, x1: float, y0: float, y1: float, dark: bool) -> dict[str, Any]:
    """A rectangle around a row or a column, in the ink of the page."""
    line = {"color": TEXT[dark], "width": FRAME_PX}
    return {"type": "rect", "x0": x0, "x1": x1, "y0": y0, "y1": y1, "line": line}


def followed(highlight: str | None) -> str:
    """The first words of a text alternative where one modality stands out."""
    return f"{highlight} stands out. " if highlight else ""
