"""A recording as lanes of the overview strip: leads as columns, doubtful stretches merged to what can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components.overview import Lane, columns
from app.figures import Flaw
from app.theme import modality_colour
from app.waves import OVERVIEW_POINTS, Opened

COLUMNS = 700
APART = 1 / 400
"""Doubtful stretches that lie closer together than this share of the recording are shown as one."""


def lanes(found: Opened) -> tuple[Lane, ...]:
    """One lane a lead, painted once a recording."""
    return _lanes(found.stamp, found.flaws is not None, found)


@st.cache_resource(max_entries=8, show_spinner=False)
def _lanes(stamp: str, judged: bool, _found: Opened) -> tuple[Lane, ...]:
    source, out = _found.source, []
    for k, lead in enumerate(source.leads):
        points = source.overview(k, OVERVIEW_POINTS)
        low, high = _found.whole[k] or (0.0, 1.0)
        strip = columns(points.x, points.y, source.duration_s, low, high, COLUMNS)
        flaws = merged(_found.flaws[k] if _found.flaws else (), APART * source.duration_s)
        out.append(Lane(lead.title, modality_colour(lead.modality), strip[0], strip[1], flaws))
    return tuple(out)


def merged(flaws: Sequence[Flaw], apart_s: float) -> tuple[Flaw, ...]:
    """Stretches of one kind that lie closer than this, as one each; in order of their starts."""
    out: list[Flaw] = []
    for kind in dict.fromkeys(flaw.kind for flaw in flaws):
        last: Flaw | None = None
        for flaw in sorted((f for f in flaws if f.kind == kind), key=lambda f: f.start_s):
            if last is not None and flaw.start_s - last.stop_s < apart_s:
                last = Flaw(last.start_s, max(last.stop_s, flaw.stop_s), kind)
                out[-1] = last
            else:
                last = flaw
                out.append(last)
    return tuple(sorted(out, key=lambda f: f.start_s))
