"""A record as it unfolds: what the model says at each moment of what was known by then, and which modalities say so.

Axes: N moments, M modalities, S fusion sources, P explained moments. Logit scale unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from amfn.types import Batch, Encoded, Explainable, InputError
from explain.checks import require_frozen, target_name
from explain.shapley import coalitions, fuse_subsets

WHOLE_RECORDS = (
    "The model was trained on whole records only: what it says of an earlier moment is its answer to a record in which "
    "nothing more was measured."
)


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """What a model said of one record at N moments, each from what was known by then.

    times: f64[N], ascending, in the caller's unit. logits: f64[N] of one target. present: bool[N, M] of `modalities`.
    gates γ and weights β: f64[N, S], over `sources`, 0 where absent; None where the system has none.
    explained: int[P], the moments whose exact Shapley values were asked for. shapley: f64[P, M], row for row, exactly 0
    for a modality that was not there yet; None where no moment was asked for. trained_on: what to bear in mind.
    """

    record_id: str
    target: str
    modalities: tuple[str, ...]
    sources: tuple[str, ...]
    times: Float[np.ndarray, " n"]
    logits: Float[np.ndarray, " n"]
    present: Bool[np.ndarray, "n m"]
    gates: Float[np.ndarray, "n s"] | None
    weights: Float[np.ndarray, "n s"] | None
    explained: Int[np.ndarray, " p"]
    shapley: Float[np.ndarray, "p m"] | None
    trained_on: str = WHOLE_RECORDS

    @property
    def risks(self) -> Float[np.ndarray, " n"]:
        """The logits as chances; of no meaning for a regression."""
        return torch.from_numpy(self.logits).sigmoid().numpy()


def trajectory(
    model: Explainable,
    batch: Batch,
    target: int = 0,
    shapley: bool | Sequence[int] = True,
    *,
    times: Sequence[float] | np.ndarray | None = None,
) -> Trajectory:
    """What the model says at each row of a batch whose rows are one record at successive moments (`Task.unfold`).

    One pass through the encoders and one through the fusion; exact Shapley values take another of 2^p rows for each
    moment with p modalities. shapley: of every moment, of none, or of the moments at these positions. times: one a row,
    the row numbers where None. A moment at which nothing is present has the model's prior, and Shapley values of 0.
    No row can change a bit of what is said of another.
    Raises InputError for no row, rows of several records, times that do not fit the rows or do not ascend, positions
    that are not in the batch, an unknown target, more than 12 modalities (Shapley), or a model in training mode.
    """
    require_frozen(model)
    name = target_name(model, target)
    moments = _moments(batch, times)
    explained = _explained(shapley, len(batch))
    with torch.no_grad():
        encoded = _encode(model, batch)
        prediction = model.fuse(encoded)
    trace = prediction.trace
    return Trajectory(
        record_id=batch.ids[0],
        target=name,
        modalities=model.schema.names,
        sources=trace.sources,
        times=moments,
        logits=prediction.logits[:, target].double().cpu().numpy(),
        present=batch.present.cpu().numpy(),
        gates=None if trace.gates is None else trace.gates.double().cpu().numpy(),
        weights=None if trace.weights is None else trace.weights.double().cpu().numpy(),
        explained=explained,
        shapley=_shapley(model, encoded, explained, target) if len(explained) else None,
    )


def _moments(batch: Batch, times: Sequence[float] | np.ndarray | None) -> Float[np.ndarray, " n"]:
    if len(set(batch.ids)) != 1:
        raise InputError(
            "batch", f"rows of {len(set(batch.ids))} records", "one record at successive moments",
            "Build it from what the task's unfold() gives of one record.",
        )  # fmt: skip
    moments = np.arange(len(batch), dtype=np.float64) if times is None else np.asarray(times, np.float64)
    if moments.shape != (len(batch),) or not np.isfinite(moments).all() or (np.diff(moments) <= 0).any():
        raise InputError(
            "times", f"{moments.size} of them, or not finite, or not ascending",
            f"one for each of {len(batch)} rows, ascending", "Take them from the same unfold() as the rows.",
        )  # fmt: skip
    return moments


def _explained(shapley: bool | Sequence[int], rows: int) -> Int[np.ndarray, " p"]:
    if isinstance(shapley, bool):
        return np.arange(rows if shapley else 0)
    asked = np.unique(np.asarray(list(shapley), np.int64))
    if ((asked < 0) | (asked >= rows)).any():
        raise InputError(
            "shapley", f"moments {asked.tolist()}", f"positions from 0 to {rows - 1}", "Choose among the rows."
        )
    return asked


def _encode(model: Explainable, batch: Batch) -> Encoded:
    """What `model.encode(batch)` gives, but each modality that the record ever has is encoded in every row.

    Kernels are chosen by the number of rows, so that an encoder which sees the rows that have its modality would let
    later moments reach the last bits of earlier ones. Where a modality is not there yet, its first row stands in.
    """
    x, observed, valid = {}, {}, {}
    ever = batch.present.any(0)
    for k, name in enumerate(model.schema.names):
        here = batch.present[:, k]
        rows = torch.arange(len(batch), device=here.device)
        stands = torch.where(here, rows, here.to(torch.int8).argmax())
        x[name], observed[name] = batch.x[name][stands], batch.observed[name][stands]
        valid[name] = batch.valid[name][stands]
    found = model.encode(Batch(batch.ids, x, observed, valid, ever.expand(len(batch), -1)))
    inside = None if found.valid is None else found.valid & batch.present[..., None]
    return Encoded(found.h.masked_fill(~batch.present[..., None], 0.0), batch.present, valid=inside)


def _shapley(
    model: Explainable, encoded: Encoded, explained: Int[np.ndarray, " p"], target: int
) -> Float[np.ndarray, "p m"]:
    """Moment by moment: a pass shared with later moments would let their number of subsets choose the kernels, and
    passes of several thousand rows outgrow the cache and cost more a row."""
    shares = np.zeros((len(explained), encoded.present.shape[1]))
    before: Encoded | None = None
    for p, row in enumerate(explained.tolist()):
        at = slice(row, row + 1)
        now = Encoded(encoded.h[at], encoded.present[at], valid=_part(encoded.valid, at))
        if before is not None and _same(now, before):
            shares[p] = shares[p - 1]
        else:
            shares[p] = coalitions(model, now, fuse_subsets(model, now)[1], target).shapley()
        before = now
    return shares


def _part(valid: Tensor | None, at: slice) -> Tensor | None:
    return None if valid is None else valid[at]


def _same(one: Encoded, other: Encoded) -> bool:
    """True where nothing was measured between two moments: they share their answer."""
    both = one.valid is None or other.valid is None or torch.equal(one.valid, other.valid)
    return both and torch.equal(one.present, other.present) and torch.equal(one.h, other.h)
