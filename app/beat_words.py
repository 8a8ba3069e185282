"""What is said of the beats that were found in a window, and of where none were found or none were looked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amfn.waves import Beats, Silence
from app.text import clock

FOUND = "Beats in {lead}: {count}, {rate}{silence}{unjudged}{pulses}. Found by {method}; not confirmed."
NOTHING = "No beats found in {lead}{reason}{silence}{unjudged}{pulses}."
STEADY, INTERRUPTED = "{:.0f} bpm", "{:.0f} bpm where regular"
UNEVEN, FEW = (
    "not regular ({shortest:.1f} to {longest:.1f} s from beat to beat), so that no rate is given",
    "too few for a rate",
)
PAUSE = "longest pause {length:.1f} s, from {start} to {stop}"
MOVING = (
    "no regular beats found from {start} to {stop}, where the signal swings all the same "
    "(a wide or chaotic rhythm, or a disturbance)"
)
NOT_JUDGED = "not judged from {spans}"
PULSES = "{count} pulses in {lead}"
ONE_PULSE = "1 pulse in {lead}"
NO_PULSE = "no pulse found in {lead}"
PULSE_NOT_JUDGED = " (not judged from {spans})"
MANY = 3


def said(lead: str, found: Beats, pulse_lead: str = "", pulses: Beats | None = None) -> str:
    """One sentence or two. lead: title of where the beats were found; pulses: those of a pressure or pulse wave beside
    it, with its title."""
    parts = {
        "lead": lead,
        "silence": _after(*_silences(found.silent)),
        "unjudged": _after(NOT_JUDGED.format(spans=_spans(found.unjudged))) if found.unjudged else "",
        "pulses": _after(_pulses(pulse_lead, pulses)) if pulses is not None else "",
    }
    if found.reason:
        explained = found.silent or found.unjudged
        return NOTHING.format(reason="" if explained else f": {found.reason}", **parts)
    return FOUND.format(count=len(found.peaks_s), rate=_rate(found), method=found.method, **parts)


def _rate(found: Beats) -> str:
    if found.rate_bpm is not None:
        return (STEADY if found.throughout else INTERRUPTED).format(found.rate_bpm)
    if found.few:
        return FEW
    return UNEVEN.format(shortest=np.nanmin(found.rr_s), longest=np.nanmax(found.rr_s))


def _silences(silent: Sequence[Silence]) -> list[str]:
    """The longest quiet stretch, and each in which something else goes on."""
    quiet = [s for s in silent if not s.moving]
    out = [MOVING.format(**_ends(s)) for s in silent if s.moving]
    if quiet:
        longest = max(quiet, key=lambda s: s.length_s)
        out.append(PAUSE.format(length=longest.length_s, **_ends(longest)))
    return out


def _ends(silent: Silence) -> dict[str, str]:
    return {"start": _time(silent.start_s), "stop": _time(silent.stop_s)}


def _time(seconds: float) -> str:
    return clock(round(seconds, 1))


def _pulses(lead: str, pulses: Beats) -> str:
    count = len(pulses.peaks_s)
    text = (PULSES if count > 1 else ONE_PULSE if count else NO_PULSE).format(count=count, lead=lead)
    return text + (PULSE_NOT_JUDGED.format(spans=_spans(pulses.unjudged)) if pulses.unjudged else "")


def _spans(spans: Sequence[tuple[float, float]]) -> str:
    listed = [f"{_time(start)} to {_time(stop)}" for start, stop in spans[:MANY]]
    return " and ".join(listed) + (f" and {len(spans) - MANY} more" if len(spans) > MANY else "")


def _after(*parts: str) -> str:
    return "".join(f"; {part}" for part in parts)
