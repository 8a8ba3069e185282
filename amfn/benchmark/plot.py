"""The removal curve as SVG text, drawn by hand like the plots of a model card: no plotting library is needed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from amfn.benchmark.compare import Removal
from amfn.benchmark.systems import OURS
from amfn.removal import RATES

LEFT, TOP, WIDE, HIGH, KEY, BESIDE = 64, 16, 420, 260, 20, 3
INK, MUTED = "#1B1F24", "#57606A"
# Okabe and Ito's palette; with the dashes, lines stay apart without colour as well.
LINES = (("#0072B2", ""), ("#D55E00", "6 3"), ("#000000", "2 3"), ("#009E73", "8 3 2 3"), ("#CC79A7", "1 2"))


def removal_svg(curves: Sequence[Removal], figure: str, title: str) -> str:
    """`figure` by share of modalities removed, with 95 % intervals: AMFN, the same with imputed values, and the trees;
    of other systems only where none of these is there. curves: one or more."""
    shown = [c for c in curves if c.system.name == OURS or c.system.trained == "trees"] or list(curves)
    shown = shown[: len(LINES)]
    values = [x for c in shown for rate in RATES for x in (c.by_rate[rate][figure].low, c.by_rate[rate][figure].high)]
    low, high = int(min(values) * 20) / 20, min(1.0, int(max(values) * 20 + 1) / 20)

    def x(rate: float) -> float:
        return round(LEFT + WIDE * rate / RATES[-1], 1)

    def y(value: float) -> float:
        return round(TOP + HIGH * (high - value) / (high - low), 1)

    height = TOP + HIGH + 56 + KEY * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 20} {height}" width="{LEFT + WIDE + 20}" '
        f'height="{height}" role="img" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)} by share of modalities removed</title>",
        '<rect width="100%" height="100%" fill="#FFFFFF"/>',
        f'<path d="M{LEFT} {TOP}V{TOP + HIGH}H{LEFT + WIDE}" fill="none" stroke="{MUTED}"/>',
    ]
    for rate in RATES:
        parts.append(_text(f"{rate} %", x(rate), TOP + HIGH + 18, "middle"))
    for step in range(round((high - low) * 20) + 1):
        value = low + step / 20
        parts.append(f'<path d="M{LEFT - 5} {y(value)}H{LEFT}" stroke="{MUTED}"/>')
        parts.append(_text(f"{value:.2f}", LEFT - 8, y(value) + 4, "end"))
    parts.append(_text("Modalities removed", LEFT + WIDE / 2, TOP + HIGH + 38, "middle"))
    parts.append(
        f'<text transform="translate(14 {TOP + HIGH / 2}) rotate(-90)" text-anchor="middle" '
        f'fill="{INK}">{escape(title)}</text>'
    )
    for k, (curve, (colour, dash)) in enumerate(zip(shown, LINES, strict=False)):
        found = [(rate, curve.by_rate[rate][figure]) for rate in RATES]
        line = "L".join(f"{x(rate)} {y(value.value)}" for rate, value in found)
        aside = BESIDE * (k - (len(shown) - 1) / 2)  # or the intervals would hide one another
        bars = "".join(f"M{x(rate) + aside} {y(value.low)}V{y(value.high)}" for rate, value in found)
        style = f'fill="none" stroke="{colour}"'
        key = TOP + HIGH + 56 + KEY * k
        parts += [
            f'<path d="M{line}" {style} stroke-width="2" stroke-dasharray="{dash}"/>',
            f'<path d="{bars}" {style}/>',
            f'<path d="M{LEFT} {key}h36" {style} stroke-width="2" stroke-dasharray="{dash}"/>',
            _text(curve.title, LEFT + 44, key + 4, "start"),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _text(words: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'
