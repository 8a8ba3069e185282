"""A drawing as values, in millimetres: drawn once, written as PDF and as SVG. Origin top left, y downwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """Open lines of one style. width in mm."""

    paths: tuple[tuple[Point, ...], ...]
    colour: str
    width: float = 0.2


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon. opacity 0 to 1."""

    points: tuple[Point, ...]
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text whose baseline starts, is centred or ends at (x, y). size in points."""

    x: float
    y: float
    text: str
    size: float = 7.0
    colour: str = "#1B1F24"
    anchor: Anchor = "start"
    bold: bool = False


Item = Stroke | Area | Words


@dataclass(frozen=True, slots=True)
class Scene:
    """width and height in mm. alt: what it shows, with its main numbers; empty where the text beside it says it all."""

    width: float
    height: float
    items: tuple[Item, ...]
    alt: str = ""


def box(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0) -> Area:
    return Area(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), fill, opacity)


def frame(x: float, y: float, width: float, height: float, colour: str, line: float = 0.2) -> Stroke:
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y))
    return Stroke((corners,), colour, line)


def disc(x: float, y: float, radius: float, fill: str) -> Area:
    turns = (2 * math.pi * k / 12 for k in range(12))
    return Area(tuple((x + radius * math.cos(a), y + radius * math.sin(a)) for a in turns), fill)


def triangle(x: float, y: float, radius: float, up: bool, fill: str) -> Area:
    tip = -radius if up else radius
    return Area(((x, y + tip), (x + radius, y - 0.8 * tip), (x - radius, y - 0.8 * tip)), fill)


def hatch(x: float, y: float, width: float, height: float, colour: str, step: float = 1.6) -> Stroke:
    """Diagonal lines that fill a box: what is missing looks missing."""
    paths = []
    shift = -height
    while shift < width:
        begin, end = max(shift, 0.0), min(shift + height, width)
        paths.append(((x + begin, y + height - (begin - shift)), (x + end, y + height - (end - shift))))
        shift += step
    return Stroke(tuple(paths), colour, 0.12)


def polyline(x: Sequence[float], y: Sequence[float], colour: str, width: float = 0.2) -> Stroke:
    """A line through the points, broken wherever y is not a number."""
    paths: list[tuple[Point, ...]] = []
    run: list[Point] = []
    for at, value in zip(x, y, strict=True):
        if math.isnan(value):
            if len(run) > 1:
                paths.append(tuple(run))
            run = []
        else:
            run.append((at, value))
    if len(run) > 1:
        paths.append(tuple(run))
    return Stroke(tuple(paths), colour, width)
