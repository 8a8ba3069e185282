"""Raw inputs in pieces that are taken out together: a stretch of one channel, wide enough to mean something.

Axes: T steps, C channels, S segments, n altered copies of one record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from amfn.types import Batch, InputError, ModalitySpec, Schema
from explain.checks import require_one

SERIES_PARTS = 8
"""A charted series falls into this many stretches: six hours each in a stay of 48."""
WAVEFORM_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps start..stop (stop excluded) of one channel. observed: something was measured in it."""

    modality: str
    channel: int
    start: int
    stop: int
    observed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """ids[m]: int64[T, C], the row in `table` that each step of each channel belongs to, -1 for padding and for
    modalities that the record lacks."""

    table: tuple[Segment, ...]
    ids: Mapping[str, Int[np.ndarray, "t c"]]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def observed(self) -> Bool[np.ndarray, " s"]:
        return np.array([segment.observed for segment in self.table], dtype=bool)

    def sums(self, values: Mapping[str, Float[np.ndarray, "t c"]]) -> Float[np.ndarray, " s"]:
        """An attribution's sum over each segment, f64[S]; 0 for a modality that it does not speak of.

        values[m] may be [T, 1] where a method does not tell channels apart: each channel then has an equal share.
        """
        found = np.zeros(len(self))
        for name, ids in self.ids.items():
            if name in values:
                given = np.asarray(values[name], np.float64)
                each = given if given.shape[1] == ids.shape[1] else np.repeat(given, ids.shape[1], 1) / ids.shape[1]
                inside = ids >= 0
                found += np.bincount(ids[inside], weights=each[inside], minlength=len(self))
        return found


def width_of(spec: ModalitySpec, steps: int) -> int:
    """Steps of one segment: a second of a waveform, an eighth of a charted series, all of a static value."""
    if spec.kind == "waveform":
        return max(round(WAVEFORM_SECONDS * (spec.rate_hz or 1.0)), 1)
    return steps if spec.kind == "static" else max(-(-steps // SERIES_PARTS), 1)


def segments_of(schema: Schema, batch: Batch, widths: Mapping[str, int] | None = None) -> Segments:
    """The segments of one record, in the order of the schema, then channel, then time.

    widths: steps of a segment by modality, `width_of` where it is not named. The last stretch of a channel may be
    shorter. Raises InputError for more than one record or a width below one.
    """
    require_one(batch)
    wrong = [f"{name}: {width}" for name, width in (widths or {}).items() if width < 1]
    if wrong:
        raise InputError("widths", ", ".join(wrong), "one step or more", "Correct the width.")
    table: list[Segment] = []
    ids: dict[str, np.ndarray] = {}
    for spec, here in zip(schema.modalities, batch.present[0].tolist(), strict=True):
        seen = (batch.observed[spec.name][0] & batch.valid[spec.name][0][:, None]).cpu().numpy()
        steps = int(batch.valid[spec.name][0].sum())
        own = np.full(seen.shape, -1, np.int64)
        if here:
            width = (widths or {}).get(spec.name, width_of(spec, steps))
            for channel in range(seen.shape[1]):
                for start in range(0, steps, width):
                    stop = min(start + width, steps)
                    own[start:stop, channel] = len(table)
                    table.append(Segment(spec.name, channel, start, stop, bool(seen[start:stop, channel].any())))
        ids[spec.name] = own
    return Segments(tuple(table), ids)


def without(
    batch: Batch,
    segments: Segments,
    gone: Bool[np.ndarray, "n s"],
    fill: Mapping[str, Float[Tensor, "t c"]] | None = None,
) -> Batch:
    """Copies of one record, row i without the segments where gone[i] is True.

    fill None: they were never measured, through the model's own path for what is missing; a modality of which nothing
    is left is absent. Otherwise what was measured there takes these normalised values instead, and which values were
    measured stays as it is.
    """
    require_one(batch)
    copies = len(gone)
    lookup = torch.from_numpy(np.concatenate([gone, np.zeros((copies, 1), bool)], axis=1)).to(batch.present.device)
    x, observed = {}, {}
    present = batch.present.expand(copies, -1).clone()
    for k, (name, ids) in enumerate(segments.ids.items()):
        out = lookup[:, torch.from_numpy(ids).to(lookup.device)] & batch.observed[name]  # n t c; row -1 is never gone
        kept = batch.observed[name] & ~out
        if fill is None:
            x[name], observed[name] = batch.x[name].masked_fill(out, 0.0), kept
            present[:, k] &= (kept & batch.valid[name][..., None]).any((1, 2))
        else:
            x[name] = torch.where(out, fill[name].to(batch.x[name]), batch.x[name])
            observed[name] = batch.observed[name].expand(copies, -1, -1)
    return Batch(
        ids=batch.ids * copies,
        x=x,
        observed=observed,
        valid={name: valid.expand(copies, -1) for name, valid in batch.valid.items()},
        present=present,
    )
