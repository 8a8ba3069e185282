"""Events of a lead or of the record, at the edge of the traces; stretches of a lead that are not to be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from app.figures.drawing import outlines
from app.figures.strip import Flaw, Mark, Sheet, Strip, Track
from app.figures.waveform_notes import INK, clock
from app.theme import MUTED, PAPER_MAJOR, SMALL, TEXT, alpha

# Below this distance letters run into each other: only ticks are drawn, and the pointer says what they are.
LETTER_PX = 11.0
WORDS_PX = 70.0
# A pattern of its own for each, so that none needs a colour.
PATTERNS = {"flat": "-", "saturated": "|", "noisy": "x", "absent": "/"}


def flaws(sheet: Sheet, strip: Strip, track: Track, axes: dict[str, str]) -> None:
    """Shades each doubtful stretch over the lead's height, one pattern a kind, and names it where there is room."""
    for kind, pattern in PATTERNS.items():
        found = [flaw for flaw in strip.flaws if flaw.kind == kind]
        runs = [(max(f.start_s, sheet.start), min(f.stop_s, sheet.end)) for f in found]
        runs = [run for run in runs if run[1] > run[0]]
        if not runs:
            continue
        x, y = outlines([(start, stop, track.low, track.high) for start, stop in runs])
        # Faint enough that the trace before it reads as on plain paper.
        fill = {"shape": pattern, "fgcolor": MUTED[False], "fgopacity": 0.4, "bgcolor": alpha(MUTED[False], 0.1)}
        sheet.traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": y,
                "fill": "toself",
                "fillpattern": {**fill, "size": 12, "solidity": 0.1},
                "line": {"color": MUTED[False], "width": 0.5},
                "hoveron": "fills",
                "hoverinfo": "text",
                "text": f"{strip.title}: {found[0].text}",
                "name": found[0].text,
                **axes,
            }
        )
        _named(sheet, found[0], runs, axes)


def _named(sheet: Sheet, flaw: Flaw, runs: Sequence[tuple[float, float]], axes: dict[str, str]) -> None:
    """The word at the lower edge, where it covers least of the trace."""
    for start, stop in runs:
        if (stop - start) * sheet.paper.px_per_s >= WORDS_PX:
            place = {"xref": axes["xaxis"], "x": (start + stop) / 2, "yref": f"{axes['yaxis']} domain", "y": 0}
            sheet.notes.append(
                {
                    "text": flaw.text,
                    "yanchor": "bottom",
                    "showarrow": False,
                    "bgcolor": "#FFFFFF",
                    "font": {"size": SMALL, "color": INK},
                    **place,
                }
            )


def events_row(sheet: Sheet, events: Sequence[Mark], span_px: tuple[float, float], plot_px: float) -> None:
    """The record's own events in a row above the leads."""
    _row(sheet, events, span_px, plot_px, "annotations")


def lead_events(sheet: Sheet, strip: Strip, span_px: tuple[float, float], plot_px: float) -> None:
    """A lead's own marks in a row at its lower edge; the trace stays as it is."""
    _row(sheet, strip.marks or (), span_px, plot_px, f"marks of {strip.title}")


def _row(sheet: Sheet, events: Sequence[Mark], span_px: tuple[float, float], plot_px: float, name: str) -> None:
    here = sorted((e for e in events if sheet.start <= e.seconds <= sheet.end), key=lambda e: e.seconds)
    axes = sheet.add_axes(
        {"showgrid": False},
        {
            "domain": [span_px[0] / plot_px, span_px[1] / plot_px],
            "range": [0, 1],
            "showgrid": False,
            "showticklabels": False,
            "ticks": "",
            "showline": True,
            "mirror": True,
            "linecolor": PAPER_MAJOR,
        },
    )
    mean = sheet.length / max(len(here), 1) * sheet.paper.px_per_s
    letters = bool(here) and mean >= LETTER_PX
    sheet.traces.append(
        {
            "type": "scatter",
            "mode": "text" if letters else "markers",
            "x": [round(e.seconds, 3) for e in here],
            "y": [0.5] * len(here),
            "text": [e.text for e in here],
            "textfont": {"size": SMALL, "color": TEXT[False]},
            "marker": {"symbol": "line-ns", "size": 12, "line": {"width": 1, "color": TEXT[False]}},
            "hovertext": [f"{e.meaning} at {clock(e.seconds)}" for e in here],
            "hoverinfo": "text",
            "name": name,
            **axes,
        }
    )
