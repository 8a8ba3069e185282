"""A scene as inline SVG: no identifiers, no references, nothing loaded."""

from __future__ import annotations

from html import escape

from report.scene import Area, Item, Scene, Stroke, Words

MM_PER_POINT = 25.4 / 72


def svg(scene: Scene, scalable: bool = True) -> str:
    """scalable: it may shrink with its column; False keeps its millimetres, as calibrated paper has to."""
    named = f'role="img" aria-label="{escape(scene.alt)}"' if scene.alt else 'aria-hidden="true"'
    kind = "fits" if scalable else "scale"
    return (
        f'<svg class="{kind}" width="{scene.width:g}mm" height="{scene.height:g}mm" '
        f'viewBox="0 0 {scene.width:g} {scene.height:g}" {named}>{"".join(_item(item) for item in scene.items)}</svg>'
    )


def _item(item: Item) -> str:
    match item:
        case Stroke(paths=paths, colour=colour, width=width):
            d = "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in path) for path in paths)
            return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>' if d else ""
        case Area(points=points, fill=fill, opacity=opacity):
            corners = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
            return f'<polygon points="{corners}" fill="{fill}" fill-opacity="{opacity:.3g}"/>'
        case Words():
            weight = ' font-weight="700"' if item.bold else ""
            return (
                f'<text x="{item.x:.2f}" y="{item.y:.2f}" font-size="{item.size * MM_PER_POINT:.2f}" '
                f'fill="{item.colour}" text-anchor="{item.anchor}"{weight}>{escape(item.text)}</text>'
            )
