"""Contributions by group: every modality in every group at a glance, and one modality with its spread."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from app.figures.bars import direction_heads
from app.figures.cells import cell_axes, note_below, signed_cells
from app.figures.cohort_parts import boxes, dots, signed_words
from app.figures.drawing import ROW_PX, Drawing, build, hatch, listing, row_axis, signed, value_column
from app.figures.guards import check_titles, numbers
from app.figures.interactions import short
from app.theme import TEXT, modality_colour

GROUP_PX = 44
NAMED = 3
KEY = "Mean contribution in log-odds over the records of a group that have the modality. Hatched: none has."


def group_cells(
    means: np.ndarray, records: np.ndarray, groups: Sequence[str], titles: Sequence[str], dark: bool = False
) -> Drawing:
    """Mean Shapley values in log-odds. means: f[G, M], NaN where no record of a group has the modality, hatched;
    records: f[G, M], how many have."""
    source = "group_cells"
    shape = (check_titles(source, "groups", groups), check_titles(source, "modalities", titles))
    values = numbers(source, "means", means, shape, gaps=True)
    counts = numbers(source, "records", records, shape, 0)
    limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    hover = [
        [
            f"{group}, {title}: mean {signed(float(values[i, j]))} log-odds, {int(counts[i, j]):,} records"
            for j, title in enumerate(titles)
        ]
        for i, group in enumerate(groups)
    ]
    heat, notes = signed_cells(values, limit, short, hover, dark)
    boxes_of = [(j - 0.48, j + 0.48, i - 0.46, i + 0.46) for i, j in np.argwhere(np.isnan(values)).tolist()]
    hatched = [hatch(boxes_of, "missing", dark, "no record has it") | {"name": "no record"}] if boxes_of else []
    key, below = note_below(textwrap.wrap(KEY, 46), TEXT[dark])
    spans = [float(np.ptp(column[np.isfinite(column)])) if np.isfinite(column).any() else 0.0 for column in values.T]
    wide = [int(j) for j in np.argsort(spans)[::-1][:NAMED] if spans[j] > 0]
    said = listing(
        [
            f"{titles[j]} from {signed(float(np.nanmin(values[:, j])))} ({groups[int(np.nanargmin(values[:, j]))]}) to "
            f"{signed(float(np.nanmax(values[:, j])))} ({groups[int(np.nanargmax(values[:, j]))]})"
            for j in wide
        ]
    )
    return build(
        [heat, *hatched],
        f"Mean contribution in log-odds by group; what differs most: {said or 'nothing'}.",
        dark,
        source,
        ROW_PX * len(groups) + 120 + below,
        **cell_axes(groups, titles),
        annotations=[*notes, key],
        margin={"b": below},
    )


def group_spread(
    means: Sequence[tuple[float, float, float] | None],
    quantiles: Sequence[Sequence[float] | None],
    groups: Sequence[str],
    records: Sequence[int],
    name: str,
    title: str,
    dark: bool = False,
) -> Drawing:
    """One modality's Shapley values in each group: boxes of quantiles at 5, 25, 50, 75, 95 %, a diamond at the mean.

    means: with 95 % interval, in log-odds, None below two records: drawn as a word; quantiles: None where there are too
    few records for a box: then the mean stands with its interval alone.
    """
    source = "group_spread"
    size = check_titles(source, "groups", groups)
    known = [k for k in range(size) if means[k] is not None]
    mean = np.array([means[k] or (0.0, 0.0, 0.0) for k in known]).reshape(-1, 3)
    words = [
        f"{groups[k]}: mean {signed_words(*mean[i])} log-odds, {records[k]:,} records have {title}"
        for i, k in enumerate(known)
    ]
    boxed = [i for i, k in enumerate(known) if quantiles[k] is not None]
    bare = [i for i in range(len(known)) if i not in boxed]
    colour = modality_colour(name)
    traces = boxes(
        [known[i] for i in boxed],
        np.array([quantiles[known[i]] for i in boxed], dtype=float).reshape(-1, 5),
        mean[boxed, 0],
        [colour] * len(boxed),
        [words[i] for i in boxed],
        dark,
        title,
    )
    if bare:
        traces.append(
            dots([known[i] for i in bare], mean[bare, 0], mean[bare, 1], mean[bare, 2], [colour] * len(bare),
                 [words[i] for i in bare], dark, "mean and interval")
        )  # fmt: skip
    reach = [abs(float(v)) for i in boxed for v in quantiles[known[i]] or ()] + np.abs(mean).ravel().tolist()
    limit = 1.08 * max(reach, default=0.0) or 1.0
    texts = [signed(float(mean[known.index(k), 0])) if k in known else "too few" for k in range(size)]
    column, margin = value_column(texts, dark)
    return build(
        traces,
        f"Contribution of {title} in log-odds by group, means with 95 % intervals: {'; '.join(words) or 'too few'}.",
        dark,
        source,
        GROUP_PX * size + 84,
        xaxis={"range": [-limit, limit], "nticks": 5, "zeroline": True, "zerolinewidth": 2}
        | {"title": {"text": f"contribution of {title}, log-odds"}},
        yaxis=row_axis([f"{g} ({n:,})" for g, n in zip(groups, records, strict=True)], 20),
        annotations=column + direction_heads(dark),
        margin={"r": margin, "t": 30},
    )
