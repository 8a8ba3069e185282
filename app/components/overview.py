"""The whole recording in one strip with the window on it: click, drag or the arrow keys move the window."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.figures import Flaw
from app.figures.strip import FLAW_TEXT

EMPTY, FULL = 255, 254
_HERE = Path(__file__).parent
_overview = st.components.v2.component(
    "recording_overview",
    css=(_HERE / "overview.css").read_text(encoding="utf-8"),
    js=(_HERE / "overview.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One lead as columns from left to right: smallest and largest value of each, u8[n] from 0 to FULL over the lead's
    usual range, EMPTY where there is no signal."""

    title: str
    colour: str
    low: np.ndarray
    high: np.ndarray
    flaws: tuple[Flaw, ...]


def columns(x: np.ndarray, y: np.ndarray, duration_s: float, low: float, high: float, count: int) -> np.ndarray:
    """Points of a line as columns of a strip, u8[2, count]: smallest and largest value, cut to low..high."""
    out = np.full((2, count), EMPTY, np.uint8)
    known = np.isfinite(y)
    at = np.clip((x[known] / duration_s * count).astype(int), 0, count - 1)
    level = np.round((np.clip(y[known], low, high) - low) / max(high - low, 1e-9) * FULL)
    smallest, largest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(smallest, at, level)
    np.maximum.at(largest, at, level)
    here = np.isfinite(smallest)
    out[0, here], out[1, here] = smallest[here], largest[here]
    return out


def overview(
    lanes: Sequence[Lane],
    duration_s: float,
    window: tuple[float, float],
    alarm_s: float | None,
    drawn: str,
    key: str,
    moved: Callable[[], Any],
    assumed: bool = False,
) -> None:
    """window: start and length in seconds. drawn: changes when lanes or alarm do, and the strip has to be painted anew.
    moved: called when the window was moved; `new_start(key)` then says where to. assumed: the
    user says when the alarm sounded, the record does not."""
    data = {
        "duration": duration_s,
        "start": window[0],
        "length": window[1],
        "alarm": alarm_s,
        "drawn": drawn,
        "alt": f"The whole recording, {len(lanes)} leads: {', '.join(lane.title for lane in lanes)}.",
        "words": {"alarm": "assumed alarm" if assumed else "alarm", "flaws": FLAW_TEXT},
        "lanes": [
            {
                "title": lane.title,
                "colour": lane.colour,
                "low": _packed(lane.low),
                "high": _packed(lane.high),
                "flaws": [[f.kind, round(f.start_s, 1), round(f.stop_s, 1)] for f in lane.flaws],
            }
            for lane in lanes
        ],
    }
    _overview(key=key, data=data, on_moved_change=moved)


def new_start(key: str) -> float | None:
    """Where the window was moved to, in seconds; None where it was not."""
    return st.session_state[key].get("moved")


def _packed(column: np.ndarray) -> str:
    return base64.b64encode(column.tobytes()).decode()
