"""The small drawings of a document: the estimate on its scale, Shapley bars, trends. Pure; millimetres."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from explain.alterations import unit_text
from explain.narrative import percent, three_digits
from report import words
from report.colours import GRID, MUTED, NEGATIVE, POSITIVE, TEXT, modality_colour
from report.scene import Anchor, Area, Item, Scene, Stroke, Words, box, disc, frame, hatch, polyline, triangle
from report.values import Content, Modality, Trend

INK, GREY, RULE, UP, DOWN = TEXT[False], MUTED[False], GRID[False], POSITIVE[False], NEGATIVE[False]
ESTIMATE, INTERVAL = "#5B2A86", "#B9A3D0"
RISK_WIDTH, RISK_LABEL, RISK_ROW = 92.0, 34.0, 4.6
BAR_WIDTH, BAR_HEIGHT = 46.0, 3.6
TREND_WIDTH, TREND_HEIGHT, TREND_LEFT, TREND_TOP, TREND_BOTTOM = 60.0, 27.0, 9.0, 4.6, 4.0
Scale = Callable[[float], float]
GAP_H = 6.0
QUIET = 0.02
"""Below this share of the largest attribution of all panels a value counts as doing about nothing."""


def estimate(content: Content) -> Scene:
    """The estimate, how far the networks differ and what became of similar records, on one scale from 0 to 100 %."""
    left, width = RISK_LABEL, RISK_WIDTH - RISK_LABEL - 4

    def at(share: float) -> float:
        return left + share * width

    rows: list[tuple[str, float, float | None, float | None]] = [("This record", content.risk, None, None)]
    if content.spread is not None:
        rows.append((f"Its {content.networks} networks", content.risk, content.spread.low, content.spread.high))
    if content.unaltered is not None:
        rows.append(("Unaltered", content.unaltered, None, None))
    if content.similar is not None:
        rows.append(("Similar records, 95 %", content.similar.share, content.similar.low, content.similar.high))
    bottom, base = RISK_ROW * len(rows) + 3, content.base_rate
    items: list[Item] = [
        Stroke(tuple(((at(k / 4), 3.0), (at(k / 4), bottom)) for k in range(5)), RULE),
        Stroke((((at(base), 2.6), (at(base), bottom)),), INK, 0.35),
        Words(at(base), 2.2, f"base rate {percent(base)}", 6.5, INK, _side(base)),
    ]
    for k, (title, middle, low, high) in enumerate(rows):
        y = 3 + RISK_ROW * (k + 0.5)
        items.append(Words(left - 2, y + 0.9, title, 7, INK, "end"))
        if low is not None and high is not None:
            items.append(box(at(low), y - 1.0, max(at(high) - at(low), 0.4), 2.0, INTERVAL))
        items.append(disc(at(middle), y, 1.2 if k == 0 else 0.8, ESTIMATE))
    items += [Words(at(k / 4), bottom + 3, f"{25 * k} %", 6.5, GREY, "middle") for k in range(5)]
    said = [f"Chance of {content.event}: {percent(content.risk)}; base rate {percent(base)}."]
    said += [] if content.unaltered is None else [f"Unaltered: {percent(content.unaltered)}."]
    for title, _, low, high in rows:
        said += [f"{title}: {percent(low)} to {percent(high)}."] if low is not None and high is not None else []
    return Scene(RISK_WIDTH, bottom + 4, tuple(items), " ".join(said))


def _side(share: float) -> Anchor:
    return "start" if share < 0.2 else "end" if share > 0.8 else "middle"


def swatch(modality: Modality) -> Scene:
    """The modality's colour; hatched where the model did not read it."""
    if modality.state == "recorded":
        return Scene(3, 3, (box(0, 0, 3, 3, modality_colour(modality.name)),))
    return Scene(3, 3, (hatch(0, 0, 3, 3, GREY, 1.0), frame(0.1, 0.1, 2.8, 2.8, GREY)))


def largest(modalities: Sequence[Modality]) -> float:
    """The longest Shapley bar, log-odds."""
    return max((abs(m.shapley) for m in modalities if m.shapley is not None), default=0.0)


def shapley_bar(modality: Modality, scale: float) -> Scene:
    """One bar: to the right raises, to the left lowers. scale: the log-odds that half the width stands for."""
    middle = BAR_WIDTH / 2
    zero = Stroke((((middle, 0.0), (middle, BAR_HEIGHT)),), GREY)
    if modality.shapley is None:
        return Scene(
            BAR_WIDTH,
            BAR_HEIGHT,
            (
                hatch(0, 0.3, BAR_WIDTH, BAR_HEIGHT - 0.6, RULE),
                frame(0.1, 0.3, BAR_WIDTH - 0.2, BAR_HEIGHT - 0.6, RULE),
            ),
        )
    length = abs(modality.shapley) / scale * (middle - 1) if scale else 0.0
    raises = modality.shapley > 0
    bar = box(middle if raises else middle - length, 0.5, length, BAR_HEIGHT - 1, UP if raises else DOWN)
    return Scene(BAR_WIDTH, BAR_HEIGHT, (bar, zero))


def trend(panel: Trend, hours: float, scale: float) -> Scene:
    """One variable over the stay. scale: the largest attribution of one value over all panels, log-odds."""
    left, top = TREND_LEFT, TREND_TOP
    width, height = TREND_WIDTH - left - 1.5, TREND_HEIGHT - top - TREND_BOTTOM
    low, high = _limits(panel)

    def x(hour: float) -> float:
        return left + hour / hours * width

    def y(value: float) -> float:
        return top + (high - min(max(value, low), high)) / (high - low) * height

    total = float(panel.effects.sum(dtype=np.float64))
    unit = unit_text(panel.channel)
    name = f"{panel.channel.title}{f', {unit}' if unit else ''}"
    items: list[Item] = [
        box(0, 0.5, 1.6, 2.8, modality_colour(panel.modality)),
        Words(2.4, 2.9, name, _fitting(name), INK, bold=True),
        Words(TREND_WIDTH - 1.5, 2.9, words.signed(total), 7, UP if total > 0 else DOWN, "end", bold=True),
    ]
    if panel.channel.normal is not None:
        above, below = (y(v) for v in reversed(panel.channel.normal))
        items.append(box(left, above, width, max(below - above, 0.0), "#DDEBE3"))
    items.append(frame(left, top, width, height, RULE))
    ticks = np.arange(0, hours + 1, 12)
    items.append(Stroke(tuple(((x(t), top), (x(t), top + height)) for t in ticks), RULE, 0.1))
    items += [
        Words(x(t), top + height + 3, f"{t:.0f} h", 6, GREY, "end" if t == hours else "middle") for t in ticks.tolist()
    ]
    ends = sorted({float(panel.values.min()), float(panel.values.max())})
    items += [Words(left - 0.8, y(v) + 0.8, three_digits(v), 6, GREY, "end") for v in ends]
    items += [_joined(panel, x, y), *_marks(panel, x, y, scale)]
    said = (
        f"{name}: {len(panel.values)} hourly values from {three_digits(ends[0])} to "
        f"{three_digits(ends[-1])}; "
        f"attributions in sum {words.signed(total)} log-odds."
    )
    return Scene(TREND_WIDTH, TREND_HEIGHT, tuple(items), said)


def strongest(panels: Sequence[Trend]) -> float:
    """The largest attribution of one value, log-odds."""
    return max((float(np.abs(panel.effects).max()) for panel in panels), default=0.0)


def _fitting(name: str) -> float:
    """Points: a long name is set smaller, so that it stays clear of the sum at the right."""
    return 7.0 if len(name) <= 30 else 7.0 * 30 / len(name)


def _limits(panel: Trend) -> tuple[float, float]:
    ends = [float(panel.values.min()), float(panel.values.max())]
    if panel.channel.normal is not None:
        # The interval is shown as far as it is near: a reference far away must not flatten the course.
        reach = max(ends[1] - ends[0], 0.1 * abs(ends[1]), 1e-6)
        ends += [v for v in panel.channel.normal if ends[0] - reach <= v <= ends[1] + reach]
    low, high = min(ends), max(ends)
    room = 0.08 * (high - low) or max(0.1 * abs(high), 0.5)
    return low - room, high + room


def _joined(panel: Trend, x: Scale, y: Scale) -> Stroke:
    """Values joined where they are at most `GAP_H` apart."""
    across: list[float] = []
    down: list[float] = []
    for k, (hour, value) in enumerate(zip(panel.hours.tolist(), panel.values.tolist(), strict=True)):
        if k and hour - panel.hours[k - 1] > GAP_H:
            across.append(x(hour))
            down.append(float("nan"))
        across.append(x(hour))
        down.append(y(value))
    return polyline(across, down, "#9AA3AD", 0.2)


def _marks(panel: Trend, x: Scale, y: Scale, scale: float) -> list[Area]:
    marks = []
    for hour, value, effect in zip(panel.hours, panel.values, panel.effects, strict=True):
        share = min(abs(float(effect)) / scale, 1.0) if scale else 0.0
        at = x(float(hour)), y(float(value))
        if share < QUIET:
            marks.append(disc(*at, 0.35, GREY))
        else:
            marks.append(triangle(*at, 0.5 + 0.9 * share, effect > 0, UP if effect > 0 else DOWN))
    return marks
