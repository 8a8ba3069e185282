"""The window on a recording: where it starts, how long it is, at which scale; and how a person writes these. Pure."""

from __future__ import annotations

import re

LENGTHS = (5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 12 * 3600.0, 24 * 3600.0)
PAPER_UP_TO_S = 30.0
"""The longest window on calibrated paper: 75 cm of it. Longer ones are shown at overview scale, and say so."""
OVERVIEW = 0.0
ZOOMS = {1.0: "Life size", 0.5: "Half size", 1.5: "Large", OVERVIEW: "Overview"}
Window = tuple[float, float]
"""Start and length in seconds."""
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)", re.ASCII)


def lengths(duration_s: float, kept_s: float) -> list[float]:
    """The lengths that fit into the record, the whole of it, and the one that is set."""
    fitting = {length for length in LENGTHS if length < duration_s}
    return sorted(fitting | {min(duration_s, LENGTHS[-1]), min(kept_s, duration_s)})


def squeezed(length_s: float, zoom: float) -> bool:
    """True where the window is drawn at overview scale: chosen, or too long for paper."""
    return zoom == OVERVIEW or length_s > PAPER_UP_TO_S


def length_text(length_s: float, zoom: float) -> str:
    """A length as a person says it; with the scale where it makes that another one."""
    parts = [(length_s // 3600, "h"), (length_s // 60 % 60, "min"), (length_s % 60, "s")]
    said = " ".join(f"{value:g} {unit}" for value, unit in ((round(v, 1), u) for v, u in parts) if value)
    return f"{said} · overview scale" if squeezed(length_s, zoom) and zoom != OVERVIEW else said


def fitted(window: Window, duration_s: float) -> Window:
    """The same window moved, and cut if need be, so that it lies within the record."""
    length = min(window[1], duration_s)
    return min(max(window[0], 0.0), duration_s - length), length


def around(moment_s: float, window: Window, duration_s: float) -> Window:
    """A window of the same length with this moment in its middle, as far as the record allows."""
    return fitted((moment_s - window[1] / 2, window[1]), duration_s)


def stepped(window: Window, windows: float, duration_s: float) -> Window:
    """The window so many lengths further on."""
    return fitted((window[0] + windows * window[1], window[1]), duration_s)


def seconds_of(clock: str) -> float | None:
    """'1:02:03', '02:03' or '123.5' in seconds; None for anything else."""
    found = _CLOCK.fullmatch(clock.strip())
    if not found:
        return None
    hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds
