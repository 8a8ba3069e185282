"""What single channels moved over time, averaged over records, and how far the attributions add up."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from app.figures.cells import cell_axes, note_below, signed_cells
from app.figures.drawing import ROW_PX, Drawing, Trace, build, listing, percent, row_axis, signed, value_column
from app.figures.fusion import SCALE, ink
from app.figures.guards import check_titles, numbers
from app.figures.interactions import short
from app.figures.risk import BAR
from app.theme import SMALL, TEXT

WIDE = 46
NAMED = 3
SIZES_KEY = "Mean size in log-odds, over the records that have the modality."
SIGNED_KEY = "Mean in log-odds, over the records that have the modality: above zero the channel raised the estimate."


def channel_cells(
    values: np.ndarray,
    having: Sequence[int],
    rows: Sequence[str],
    columns: Sequence[str],
    unit: str = "log-odds",
    sign: bool = False,
    dark: bool = False,
) -> Drawing:
    """One row a channel, one column a stretch of time. values: f[R, S], NaN where a channel has no such stretch, which
    is left empty; with `sign` signed means, else mean sizes. having: records in each row's means."""
    source = "channel_cells"
    shape = (check_titles(source, "channels", rows), check_titles(source, "stretches", columns))
    found = numbers(source, "values", values, shape, -np.inf if sign else 0.0, gaps=True)
    limit = float(np.nanmax(np.abs(found), initial=0.0)) or 1.0
    write = short if sign else _size
    told, lead = (signed, "mean") if sign else (_three, "mean size")
    hover = [
        [
            f"{rows[i]}, {columns[j]}: {lead} {told(float(found[i, j]))} {unit}, {having[i]:,} records"
            for j in range(shape[1])
        ]
        for i in range(shape[0])
    ]
    heat, notes = signed_cells(found, limit, write, hover, dark)
    if not sign:
        heat |= {"zmin": 0, "colorscale": SCALE[dark]}
        notes = [
            note | {"font": {"size": SMALL, "color": ink(float(found[note["y"], note["x"]]) / limit, dark)}}
            for note in notes
        ]
    key, below = note_below(
        textwrap.wrap((SIGNED_KEY if sign else SIZES_KEY).replace("log-odds", unit), WIDE), TEXT[dark]
    )
    known = [(i, j) for i, j in np.ndindex(shape) if not np.isnan(found[i, j])]
    most = sorted(known, key=lambda cell: -abs(float(found[cell])))[:NAMED]
    said = listing([f"{rows[i]}, {columns[j]}: {told(float(found[i, j]))}" for i, j in most])
    return build(
        [heat],
        f"{lead.capitalize()} in {unit} by channel and stretch of time; largest: {said or 'none'}.",
        dark,
        source,
        ROW_PX * shape[0] + 70 + below,
        **cell_axes(rows, columns),
        annotations=[*notes, key],
        margin={"b": below},
    )


def gap_bars(counts: Sequence[int], names: Sequence[str], flagged: Sequence[bool], dark: bool = False) -> Drawing:
    """How many records have a completeness gap of each class; the classes beyond the limit are crossed."""
    source = "gap_bars"
    size = check_titles(source, "classes", names)
    found = numbers(source, "counts", counts, (size,), 0)
    total = float(found.sum()) or 1.0
    bars: Trace = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(size)),
        "x": found.tolist(),
        "width": 0.6,
        "marker": {
            "color": BAR[dark],
            "line": {"color": TEXT[dark], "width": 1},
            "pattern": {"shape": ["x" if over else "" for over in flagged], "fgcolor": TEXT[dark], "solidity": 0.3},
        },
        "customdata": [f"{name}: {int(n):,} records" for name, n in zip(names, found, strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "records",
    }
    column, margin = value_column([f"{int(n):,} ({percent(n / total)})" for n in found], dark)
    said = listing([f"{name} {int(n):,}" for name, n in zip(names, found, strict=True)])
    return build(
        [bars],
        f"Records by completeness gap: {said}.",
        dark,
        source,
        ROW_PX * size + 62,
        xaxis={"range": [0, 1.05 * float(found.max()) or 1.0], "nticks": 4, "title": {"text": "records"}},
        yaxis=row_axis(names),
        annotations=column,
        margin={"r": margin},
    )


def _size(value: float) -> str:
    return short(value).lstrip("+")


def _three(value: float) -> str:
    return f"{value:.3f}"
