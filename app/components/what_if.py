"""The answers to every switch of the What-if page, sent to the browser once, and the part of the page that shows them.

Charts are drawn here for the full record by the same functions as elsewhere; the browser changes of them only what
depends on the subset. P subsets of the present modalities, M modalities.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

from app import figures, text
from app.components import plotly_host
from app.figures.cells import note_below
from app.figures.drawing import STATE_TEXT, hatch, listing, percent, signed, tag
from app.figures.fusion import NEARLY_EVEN, attention_note, ink, nearly_even
from app.theme import modality_colour
from app.views import Analysis, Case
from app.widgets import CHART

_HERE = Path(__file__).parent
KEY = "what_if"
DIGITS = 4
LEVELS = 101
CHANGED = "with modalities off"
WAIT = (
    "Preparing the switches and charts. If this line stays, the browser could not show them: reload the page. The "
    "estimate of the full record is on the Patient page."
)
WORDS: Mapping[str, str] = {
    "switches": "Modalities",
    "all_on": "All on",
    "all_off": "All off",
    "missing": "not recorded",
    "altered": "With modalities switched off",
    "changed": CHANGED,
    "full": "Full record, as read",
    "failed": (
        "The switches and charts could not be shown in this browser. Reload the page to try again. The estimate of the "
        "full record is on the Patient page."
    ),
    "no_plotly": (
        "The charts cannot be drawn: the browser could not load the drawing library from this server. Switches and "
        "numbers are right without it. Reload the page to try again."
    ),
    "no_chart": "This chart could not be drawn. The numbers above are right without it; reload the page to try again.",
}
HEADINGS: Mapping[str, tuple[str, str]] = {
    "lattice": ("All combinations", text.AIDS["lattice"]),
    "gates": ("Gates (γ)", text.AIDS["gates"]),
    "weights": ("Fusion weights (β)", text.AIDS["weights"]),
    "alpha_full": ("Attention (α), full record", text.AIDS["attention"]),
    "alpha": ("Attention (α), with modalities off", text.AIDS["attention"]),
}

_what_if = st.components.v2.component(
    "what_if",
    html=f'<p class="fs-if-wait" role="status">{text.escape(WAIT)}</p>',
    css=(_HERE / "what_if.css").read_text(encoding="utf-8"),
    js=plotly_host.LOADER
    + "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("what_if_figures.js", "what_if.js")),
    # In the page's own tree: plotly's hover labels and the theme's colours and focus order work there as everywhere.
    isolate_styles=False,
)


def what_if(sent: Mapping[str, Any], follow: Callable[[str, tuple[str, ...]], None]) -> None:
    """The switches and charts of a board (see `board`). follow: called with the record's digest and the names that are
    switched off, each time that these change in the browser."""

    def heard() -> None:
        said = st.session_state[KEY].get("switched")
        if isinstance(said, Mapping) and isinstance(said.get("off"), list):
            follow(str(said.get("record")), tuple(str(name) for name in said["off"]))

    _what_if(key=KEY, data=dict(sent), on_switched_change=heard)


def board(opened: Case, off: Sequence[str], dark: bool) -> dict[str, Any]:
    """All that the browser needs. off: names that are switched off at first."""
    a = opened.analysis
    return {
        "record": opened.digest,
        "off": [name for name in a.names if name in off],
        "plotly": plotly_host.address(),
        "config": CHART,
        "noun": opened.noun,
        "base": percent(a.base_rate),
        "modalities": [
            {"name": name, "title": title, "here": bool(here), "colour": modality_colour(name)}
            for name, title, here in zip(a.names, a.titles, a.present, strict=True)
        ],
        "words": dict(WORDS),
        "headings": {key: list(words) for key, words in HEADINGS.items()},
        "routing": text.ROUTING,
        "subsets": subsets(a),
        "charts": charts(opened, dark),
        "pieces": pieces(len(a.names), dark),
    }


def subsets(a: Analysis) -> dict[str, Any]:
    """One entry per subset in the analysis' order, the full record last.

    codes: bit i is modality i. number, sentence: as printed. risk, gates [M], weights [M], alpha [M * M]: rounded so
    that they print as the exact ones do. change: percentage points. even: attention is nearly even.
    """
    full = a.full
    networks_mean = a.parts["attention"].mean(axis=1) if a.heads else None
    gates, weights = a.parts.get("gates"), a.parts.get("weights")
    return {
        "codes": [int(code) for code in a.masks @ (1 << np.arange(len(a.names)))],
        "number": [text.unbroken(text.percent(float(risk))) for risk in a.risks],
        "sentence": [
            text.unbroken(sentence(a, mask, float(risk))) for mask, risk in zip(a.masks, a.risks, strict=True)
        ],
        "risk": as_printed(a.risks, percent_class),
        "change": [signed(100 * (float(risk) - full.risk), 0) for risk in a.risks],
        "gates": None if gates is None else as_printed(_known(gates, a.masks), digit_class),
        "weights": None if weights is None else as_printed(_known(weights, a.masks), percent_class),
        "alpha": None if networks_mean is None else as_printed(_pairs(networks_mean, a.masks), percent_class),
        "even": None if networks_mean is None else [_even(*pair) for pair in zip(networks_mean, a.masks, strict=True)],
    }


def sentence(a: Analysis, mask: np.ndarray, risk: float) -> str:
    """What was altered, in words, and what the model says then. mask: bool[M], a subset of what is present."""
    off = [title for title, here, kept in zip(a.titles, a.present, mask, strict=True) if here and not kept]
    if not mask.any():
        prior = f"the model states its prior: the training prevalence, {text.percent(a.base_rate)}."
        return f"Without {listing(off)} nothing is left to go by; {prior}" if off else f"Nothing was recorded; {prior}"
    if not off:
        return "Everything that was recorded is on: this is the full record, as read."
    before, after = text.percent(a.full.risk), text.percent(risk)
    if before == after:
        return f"Without {listing(off)} the estimate stays {_at(after)}."
    return f"Without {listing(off)} the estimate is {after} instead of {before}."


def _at(risk: str) -> str:
    """'at 18 %', 'under 1 %': a bound needs no preposition."""
    return f"at {risk}" if risk[0].isdigit() else risk


def charts(opened: Case, dark: bool) -> dict[str, Any]:
    """The full record's charts, from which those of the other subsets are made; those that the model has parts for."""
    a, full = opened.analysis, opened.analysis.full
    names, titles, states = opened.rows
    drawn = {"risk": figures.risk_pair(full.risk, full.risk, a.base_rate, opened.noun, dark, CHANGED)}
    if a.present.any():
        drawn["lattice"] = figures.subset_lattice(a.risks, a.masks, titles, a.present, a.present, dark)
        kinds: tuple[tuple[Literal["gates", "weights"], np.ndarray | None], ...]
        kinds = (("gates", full.gates), ("weights", full.weights))
        for kind, own in kinds:
            if own is not None:
                drawn[kind] = figures.paired_bars(own, own, names, titles, states, kind, dark, CHANGED)
        if a.heads:
            drawn["alpha"] = figures.attention(full.attention_of(None, None), titles, states, dark)
            _make_room(drawn["alpha"], int(a.present.sum()))
    return {key: {"figure": json.loads(chart.figure.to_json()), "alt": chart.alt} for key, chart in drawn.items()}


def _make_room(drawing: figures.Drawing, most: int) -> None:
    """The heatmap's height for the longest note of any subset, so that no switch moves what stands below it."""
    layout = drawing.figure.layout
    below = max(note_below(attention_note(even, n), "")[1] for even in (False, True) for n in range(most + 1))
    layout.height += below - layout.margin.b
    layout.margin.b = below


def pieces(size: int, dark: bool) -> dict[str, Any]:
    """What is drawn of a row that is not present, and the words and inks that depend on the subset."""
    return {
        "hatch": {state: hatch([(0, 1, 0, 1)], state, dark, "") for state in ("missing", "off")},
        "tag": tag("", 0, 0, dark),
        "states": dict(STATE_TEXT),
        "inks": inks(dark),
        "nearly_even": NEARLY_EVEN,
        # By how many are present, and by whether their shares are nearly even.
        "notes": [[attention_note(even, count) for even in (False, True)] for count in range(size + 1)],
    }


@lru_cache(maxsize=2)
def inks(dark: bool) -> list[str]:
    """The ink of a cell by its share, 0 to 100 %."""
    return [ink(level / (LEVELS - 1), dark) for level in range(LEVELS)]


def as_printed(values: np.ndarray, printed: Callable[[np.ndarray], np.ndarray]) -> list[Any]:
    """Shares rounded to four digits, each so that it prints as the exact one does. printed: the classes of shares that
    print alike; with a step of 0.0001 more or less the neighbouring class is always in reach."""
    exact = np.asarray(values, dtype=float)
    scale = 10.0**DIGITS
    near = np.round(exact * scale)
    chosen = near / scale
    for step in (-1, 1):
        chosen = np.where(printed(chosen) == printed(exact), chosen, np.clip((near + step) / scale, 0, 1))
    found: list[Any] = chosen.tolist()
    return found


def percent_class(shares: np.ndarray) -> np.ndarray:
    """Shares that `percent` prints alike have one class."""
    whole = np.floor(100 * shares + 0.5)
    return np.where((shares > 0) & (shares < 0.01), -1, np.where((shares > 0.99) & (shares < 1), 101, whole))


def digit_class(shares: np.ndarray) -> np.ndarray:
    """Shares that print alike with two digits have one class: what is printed."""
    return np.char.mod("%.2f", shares)


def _known(values: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """What is not present has no number: zero in its place, which the browser does not draw. f[P, M]."""
    return np.where(masks, values, 0.0)


def _pairs(alpha: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The same for pairs, flat. f[P, M * M]."""
    return np.where(masks[:, :, None] & masks[:, None, :], alpha, 0.0).reshape(len(masks), -1)


def _even(alpha: np.ndarray, mask: np.ndarray) -> bool:
    rows = np.flatnonzero(mask)
    return len(rows) > 1 and nearly_even(alpha[np.ix_(rows, rows)].ravel(), 1 / len(rows))
