"""Leads on calibrated paper: 25 mm/s and 10 mm/mV in true millimetres, in rows that an A4 page holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from amfn.waves import clipped
from amfn.waves.usable import KIND_WORDS
from report import words
from report.colours import GRID, MUTED, NEGATIVE, PAPER, PAPER_MAJOR, PAPER_MINOR, POSITIVE, TEXT, TRACE
from report.scene import Item, Scene, Stroke, Words, box, frame, hatch, polyline
from report.values import Lead, Picture

MM_PER_S, MM_PER_MV = 25.0, 10.0
SMALL_S, LARGE_S, LARGE_MV = 0.04, 0.2, 0.5
PULSE_S, PULSE_MV, LEAD_IN_S = 0.2, 1.0, 0.4
ROW_S = 5.4
"""Seconds a row: 135 mm, a whole number of large boxes."""
CELL_S = 0.12
"""Attributions are added up over three small boxes: a sample is too narrow to be seen."""
LABEL, SIGNAL, LANE, GAP, CLOCK = 30.0, 8.5, 3.2, 0.4, 3.2
LIMIT_MV, LEAST_MV = 2.5, 0.5
PAGE_MM = 240.0
"""What the rows of a window may take together: a page of A4 less its heading. More only where what can be relied on
would not fit."""
LEGEND, LEAST_S = 176.0, 2.0


@dataclass(frozen=True, slots=True)
class _Track:
    """One lead in every row: low and high in the lead's unit, height in mm without the lane. 1 mV is 10 mm."""

    lead: Lead
    low: float
    high: float

    @property
    def calibrated(self) -> bool:
        return self.lead.unit == "mV"

    @property
    def height(self) -> float:
        return (self.high - self.low) * MM_PER_MV if self.calibrated else SIGNAL

    @property
    def room(self) -> float:
        """With its lane."""
        return self.height + (LANE if self.lead.effects is not None else 0) + GAP


def rows(picture: Picture) -> tuple[Scene, ...]:
    """All leads of the window, cut into rows of 5.4 s, one below the other; then what was not recorded. Empty where
    there is no lead."""
    if not picture.leads:
        return ()
    rate, steps = picture.rate_hz, len(picture.leads[0].values)
    cells = [_cells(lead, rate) for lead in picture.leads]
    scale = max((float(np.abs(c).max()) for c in cells if c is not None), default=0.0)
    count = math.ceil(steps / rate / ROW_S - 1e-9)
    tracks = _fitting([_track(lead, rate) for lead in picture.leads], count)
    found = [_row(tracks, cells, scale, k, steps, rate) for k in range(count)]
    return (*found, _absent(picture.missing)) if picture.missing else tuple(found)


def legend(picture: Picture) -> Scene:
    """What hatching and colours mean, of those that are there."""
    kinds = list(dict.fromkeys(KIND_WORDS[piece.kind] for lead in picture.leads for piece in lead.spoilt))
    items: list[Item] = []
    x = 0.0
    if kinds:
        text = f"{words.LEGEND_SPOILT}: {', '.join(kinds)}"
        items += [*_doubtful(x, 0.4, 8, 3.2), Words(x + 9.5, 3.1, text, 7, TEXT[False])]
        x += 9.5 + 1.45 * len(text) + 4
    if any(lead.effects is not None for lead in picture.leads):
        for text, colour in ((words.LEGEND_UP, POSITIVE), (words.LEGEND_DOWN, NEGATIVE)):
            items += [box(x, 0.4, 5, 3.2, colour[False], 0.5), Words(x + 6.5, 3.1, text, 7, TEXT[False])]
            x += 6.5 + 1.45 * len(text) + 4
    return Scene(LEGEND, 4.6, tuple(items))


def _track(lead: Lead, rate: float) -> tuple[_Track, _Track]:
    """Paper for all of a lead, and the least that will do: for what can be relied on, or, where that is next to
    nothing, for most of it."""
    whole = lead.values[~np.isnan(lead.values)].astype(np.float64)
    if lead.unit != "mV":
        low, high = float(whole.min()), float(whole.max())
        room = 0.06 * (high - low) or 0.5
        only = _Track(lead, low - room, high + room)
        return only, only
    sure = np.isfinite(lead.values)
    for piece in lead.spoilt:
        sure[max(round(piece.start_s * rate), 0) : round(piece.stop_s * rate)] = False
    usable = lead.values[sure].astype(np.float64)
    if len(usable) < LEAST_S * rate:
        usable = np.percentile(whole, (10, 90))
    middle = round(float(np.median(whole)) / LARGE_MV) * LARGE_MV
    return _paper_for(lead, whole, middle), _paper_for(lead, usable, middle)


def _paper_for(lead: Lead, values: np.ndarray, middle: float) -> _Track:
    def reach(most: float) -> float:
        return min(max(LEAST_MV, math.ceil((most + 0.05) / LARGE_MV) * LARGE_MV), LIMIT_MV)

    return _Track(lead, middle - reach(middle - float(values.min())), middle + reach(float(values.max()) - middle))


def _fitting(tracks: Sequence[tuple[_Track, _Track]], count: int) -> list[_Track]:
    """As much paper as there is room for where as many of the rows as can be stand on one page: taken a large box at a
    time from where most is to spare."""
    found, least = [whole for whole, _ in tracks], [little for _, little in tracks]
    rooms = [PAGE_MM / rows - CLOCK for rows in range(count, 0, -1)]
    room = next((room for room in rooms if _height(least) <= room), 0.0)
    while _height(found) > room:
        spare = [one.height - other.height for one, other in zip(found, least, strict=True)]
        k = int(np.argmax(spare))
        if spare[k] < 1e-6:
            break
        above, below = found[k].high - least[k].high, least[k].low - found[k].low
        if above >= below:
            found[k] = replace(found[k], high=found[k].high - LARGE_MV)
        else:
            found[k] = replace(found[k], low=found[k].low + LARGE_MV)
    return found


def _height(tracks: Sequence[_Track]) -> float:
    return sum(track.room for track in tracks)


def _cells(lead: Lead, rate: float) -> np.ndarray | None:
    """Attributions added up over cells of `CELL_S`, f64[n]; the last one may be short."""
    if lead.effects is None:
        return None
    width = round(CELL_S * rate)
    return np.add.reduceat(lead.effects.astype(np.float64), np.arange(0, len(lead.effects), width))


def _row(
    tracks: Sequence[_Track], cells: list[np.ndarray | None], scale: float, number: int, steps: int, rate: float
) -> Scene:
    length = steps / rate
    start = number * ROW_S
    end = min(start + ROW_S, length)
    left = LABEL + LEAD_IN_S * MM_PER_S
    width = (end - start) * MM_PER_S
    first, last = round(start * rate), round(end * rate)
    items: list[Item] = []
    y = 0.0
    for track, cell in zip(tracks, cells, strict=True):
        items += _paper(track, y, left, width)
        if cell is not None and scale > 0:
            items += _effects(cell, scale, start, end, y, track.height, left)
        for begin, stop, _ in _spoilt(track.lead, start, end):
            items += _doubtful(left + (begin - start) * MM_PER_S, y, (stop - begin) * MM_PER_S, track.height)
        values = track.lead.values[first : last + 1].astype(np.float64)
        leaves = bool(((values < track.low) | (values > track.high)).any())
        items += _labels(track, y, start, end, leaves)
        inside = np.where((values >= track.low) & (values <= track.high), values, np.nan)
        # The last sample of a row is the first of the next: the line has no gap between them.
        across = left + np.arange(len(values)) / rate * MM_PER_S
        down = y + (track.high - inside) / (track.high - track.low) * track.height
        items.append(polyline(across.tolist(), down.tolist(), TRACE, 0.22))
        y += track.room
    items += [
        Words(left + (s - start) * MM_PER_S, y + 2.0, _seconds(s - length), 6, MUTED[False], "middle")
        for s in np.arange(math.ceil(start), end + 1e-9, 1.0).tolist()
    ]
    return Scene(left + ROW_S * MM_PER_S + 1, y + CLOCK, tuple(items), _said(tracks, start, end, length))


def _seconds(before: float) -> str:
    return "alarm" if abs(before) < 1e-6 else f"{words.MINUS}{abs(before):g} s"


def _paper(track: _Track, y: float, left: float, width: float) -> list[Item]:
    """Pink paper with its boxes; of signals without millivolts only the lines of time. The pulse stands left of it."""
    begin = left - LEAD_IN_S * MM_PER_S
    whole, height = left + width - begin, track.height
    items: list[Item] = [box(begin, y, whole, height, PAPER)]
    small, large = SMALL_S * MM_PER_S, LARGE_S * MM_PER_S
    upright = [begin + k * small for k in range(math.floor(whole / small + 1e-6) + 1)]
    minor = [((x, y), (x, y + height)) for x in upright]
    major = [((x, y), (x, y + height)) for x in upright[:: round(large / small)]]
    if track.calibrated:
        lines = [y + k for k in range(round(height) + 1)]
        minor += [((begin, at), (begin + whole, at)) for at in lines]
        major += [((begin, at), (begin + whole, at)) for at in lines[:: round(LARGE_MV * MM_PER_MV)]]
    items += [Stroke(tuple(minor), PAPER_MINOR, 0.06), Stroke(tuple(major), PAPER_MAJOR, 0.12)]
    if track.calibrated:
        base = y + height - MM_PER_MV * min(LARGE_MV, (track.high - track.low - PULSE_MV) / 2)
        x0, x1 = begin + 2.5, begin + 2.5 + PULSE_S * MM_PER_S
        top = base - PULSE_MV * MM_PER_MV
        pulse = ((x0 - 1.5, base), (x0, base), (x0, top), (x1, top), (x1, base), (x1 + 1.5, base))
        items.append(Stroke((pulse,), TRACE, 0.22))
    return items


def _effects(
    cells: np.ndarray, scale: float, start: float, end: float, y: float, height: float, left: float
) -> list[Item]:
    """A tint behind the trace, and below it bars up and down that show the sign without colour."""
    first, last = round(start / CELL_S), math.ceil(end / CELL_S - 1e-9)
    middle = y + height + LANE / 2
    right = left + (end - start) * MM_PER_S
    items: list[Item] = [Stroke((((left, middle), (right, middle)),), GRID[False], 0.15)]
    for k in range(first, min(last, len(cells))):
        share = float(cells[k]) / scale
        if abs(share) < 0.02:
            continue
        x = left + (k * CELL_S - start) * MM_PER_S
        wide = min(CELL_S * MM_PER_S, right - x)
        colour = POSITIVE[False] if share > 0 else NEGATIVE[False]
        tall = abs(share) * (LANE / 2 - 0.1)
        items.append(box(x, y, wide, height, colour, round(0.5 * abs(share), 3)))
        items.append(box(x, middle - tall if share > 0 else middle, wide, tall, colour))
    return items


def _spoilt(lead: Lead, start: float, end: float) -> list[tuple[float, float, str]]:
    """From, to and why of what cannot be relied on between two seconds of the window."""
    return [(piece.start_s, piece.stop_s, KIND_WORDS[piece.kind]) for piece in clipped(lead.spoilt, start, end)]


def _doubtful(x: float, y: float, width: float, height: float) -> list[Item]:
    """Grey and hatched, so that it shows in print without colour and behind the trace."""
    return [box(x, y, width, height, MUTED[False], 0.14), hatch(x, y, width, height, MUTED[False], 2.5)]


def _labels(track: _Track, y: float, start: float, end: float, leaves: bool) -> list[Item]:
    ink, grey = TEXT[False], MUTED[False]
    off = ", switched off" if track.lead.effects is None else ""
    items: list[Item] = [Words(0, y + 3, f"{track.lead.title}{off}", 7.5, ink, bold=True)]
    if track.calibrated:
        scale = "10 mm/mV"
    else:
        unit = f" {track.lead.unit}" if track.lead.unit != "NU" else ", no unit"
        scale = f"{track.low:.3g} to {track.high:.3g}{unit}".replace("-", words.MINUS)
    items.append(Words(0, y + 6.2, scale, 6, grey))
    kinds = dict.fromkeys(why for _, _, why in _spoilt(track.lead, start, end))
    notes = [", ".join(kinds)] if kinds else []
    notes += ["peaks leave the paper"] if leaves else []
    items += [Words(0, y + 9.2 + 3 * k, note, 6.5, ink, bold=True) for k, note in enumerate(notes)]
    if start == 0 and track.lead.effects is not None:
        items.append(Words(LABEL - 1, y + track.height + LANE / 2 + 0.8, f"+ / {words.MINUS}", 6, grey, "end"))
    return items


def _absent(titles: tuple[str, ...]) -> Scene:
    width, height = 176.0, 4.6
    text = f"Not recorded: {', '.join(titles)}"
    return Scene(
        width,
        height,
        (
            hatch(0, 0.2, LABEL - 2, height - 0.4, MUTED[False]),
            frame(0, 0.2, LABEL - 2, height - 0.4, MUTED[False]),
            Words(LABEL, 3.2, text, 7, TEXT[False]),
        ),
        text,
    )


def _said(tracks: Sequence[_Track], start: float, end: float, length: float) -> str:
    leads = ", ".join(track.lead.title for track in tracks)
    until = "the alarm" if abs(end - length) < 1e-6 else f"{length - end:.1f} s before the alarm"
    said = [f"{leads} from {length - start:.1f} s before the alarm to {until}, on paper of 25 mm/s and 10 mm/mV."]
    for track in tracks:
        said += [
            f"{track.lead.title}: quality in doubt from {length - begin:.1f} s to {length - stop:.1f} s ({why})."
            for begin, stop, why in _spoilt(track.lead, start, end)
        ]
    return " ".join(said)
