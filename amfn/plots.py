"""Plots of a model card as SVG text: drawn by hand, so that a card needs no plotting library."""

from __future__ import annotations

from collections.abc import Sequence

SIZE, LEFT, TOP = 300, 64, 16
WIDTH, HEIGHT = LEFT + SIZE + 20, TOP + SIZE + 56
TICKS = (0, 20, 40, 60, 80, 100)
INK, MUTED, POINT = "#1B1F24", "#57606A", "#0072B2"


def reliability_svg(bins: Sequence[Sequence[float]], event: str) -> str:
    """Predicted against observed share with exact 95 % intervals. bins: rows of count, predicted, observed, low, high;
    shares in 0 to 1. event: what the share is of ("death in hospital")."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" font-family="sans-serif" font-size="12">',
        f"<title>Predicted and observed share of {event}, tenths of the records by predicted chance</title>",
        f"<desc>{_described(bins)}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFFFFF"/>',
    ]
    for tick in TICKS:
        at = tick / 100
        parts += [
            f'<path d="M{_x(at)} {_y(0)}V{_y(0) + 5}M{_x(0)} {_y(at)}H{_x(0) - 5}" stroke="{MUTED}"/>',
            _text(f"{tick} %", _x(at), _y(0) + 20, "middle"),
            _text(f"{tick} %", _x(0) - 9, _y(at) + 4, "end"),
        ]
    parts += [
        f'<path d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}" fill="none" stroke="{MUTED}"/>',
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="{MUTED}" stroke-dasharray="4 4"/>',
        _text("Mean predicted", _x(0.5), _y(0) + 42, "middle"),
        f'<text transform="translate(14 {_y(0.5)}) rotate(-90)" text-anchor="middle" fill="{INK}">Observed</text>',
    ]
    for _, predicted, observed, low, high in bins:
        parts.append(f'<path d="M{_x(predicted)} {_y(low)}V{_y(high)}" stroke="{POINT}" stroke-width="2"/>')
        parts.append(f'<circle cx="{_x(predicted)}" cy="{_y(observed)}" r="4" fill="{POINT}"/>')
    return "\n".join([*parts, "</svg>", ""])


def _described(bins: Sequence[Sequence[float]]) -> str:
    return "; ".join(
        f"predicted {100 * p:.1f} %, observed {100 * o:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        for _, p, o, low, high in bins
    )


def _x(share: float) -> float:
    return round(LEFT + share * SIZE, 1)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * SIZE, 1)


def _text(words: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{INK}">{words}</text>'
