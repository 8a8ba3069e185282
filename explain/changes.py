"""Changing what was charted: which channels may move, how far, and what a model says of many changed copies at once.

Axes: T steps, C channels, n changed copies. Amounts are in normalised units, spreads of the training records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from amfn.types import Batch, Channel, Encoded, Explainable, InputError, ModalitySpec, Schema
from explain.reference import Reference

Physical = Callable[[str, int, np.ndarray], np.ndarray]
"""(modality, position of the channel, normalised values) -> the same in the channel's unit, rising with the value."""

Amounts = Mapping[int, float]
"""By position of a slot, what is added to its values."""

ROWS = 1024
"""Copies in one pass: several thousand outgrow a core's cache and cost more each."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """One channel that may be changed: `moved` bool[T] are its measured values concerned, `column` f32[T] all of them.

    low, high: where a changed value stops, unless it was further out already. up, down: amounts beyond which nothing
    moves any more. usual: the plausible range.
    """

    modality: str
    place: int
    channel: int
    spec: Channel
    moved: Bool[np.ndarray, " t"]
    column: Float[np.ndarray, " t"]
    low: float
    high: float
    up: float
    down: float
    usual: tuple[float, float]

    def shifted(self, amount: float) -> Float[np.ndarray, " t"]:
        """The column with the amount added to what may move."""
        stop_low, stop_high = np.minimum(self.column, self.low), np.maximum(self.column, self.high)
        return np.where(self.moved, np.clip(self.column + amount, stop_low, stop_high), self.column).astype(np.float32)

    def stays_usual(self, amount: float) -> bool:
        """True where no value leaves the plausible range, or goes further from it than it was."""
        was, now = self.column[self.moved], self.shifted(amount)[self.moved]
        low, high = np.minimum(was, self.usual[0]), np.maximum(was, self.usual[1])
        return bool(((now >= low - 1e-6) & (now <= high + 1e-6)).all())


def slots_of(
    schema: Schema,
    batch: Batch,
    reference: Reference,
    physical: Physical,
    *,
    kinds: Collection[str],
    immutable: Collection[str],
    last: int | None,
    most: float,
    plausible_only: bool,
) -> tuple[Slot, ...]:
    """The channels of one record that may be changed: measured, a number, known in training, and not immutable."""
    found = []
    for place, spec in enumerate(schema.modalities):
        if spec.kind not in kinds or not bool(batch.present[0, place]):
            continue
        seen = (batch.observed[spec.name][0] & batch.valid[spec.name][0][:, None]).cpu().numpy()
        if last is not None and spec.kind != "static":
            seen[: max(int(batch.valid[spec.name][0].sum()) - last, 0)] = False
        values = batch.x[spec.name][0].cpu().numpy()
        for c, channel in enumerate(spec.channels):
            usual = float(reference.low[spec.name][c]), float(reference.high[spec.name][c])
            if channel.flag or channel.name in immutable or not seen[:, c].any() or usual[0] >= usual[1]:
                continue
            slot = _slot(spec, place, c, seen[:, c], values[:, c], usual, physical, most, plausible_only)
            if slot.up > 0 or slot.down > 0:
                found.append(slot)
    return tuple(found)


def _slot(
    spec: ModalitySpec,
    place: int,
    c: int,
    moved: Bool[np.ndarray, " t"],
    column: Float[np.ndarray, " t"],
    usual: tuple[float, float],
    physical: Physical,
    most: float,
    plausible_only: bool,
) -> Slot:
    smallest, largest = float(column[moved].min()), float(column[moved].max())
    low, high = _limits(spec, c, smallest - most, largest + most, physical)
    if plausible_only:
        low, high = max(low, usual[0]), min(high, usual[1])
    return Slot(
        spec.name, place, c, spec.channels[c], moved, column, low, high,
        up=min(max(high - smallest, 0.0), most), down=min(max(largest - low, 0.0), most), usual=usual,
    )  # fmt: skip


def _limits(spec: ModalitySpec, c: int, bottom: float, top: float, physical: Physical) -> tuple[float, float]:
    """Where between bottom and top the channel's physiological limits stand, on the normalised scale."""
    # Imported where it is used: only a search needs it.
    from scipy.optimize import brentq

    channel = spec.channels[c]
    ends = np.asarray(physical(spec.name, c, np.array([bottom, top])), np.float64)
    if not np.isfinite(ends).all() or ends[0] >= ends[1]:
        raise InputError(
            "physical", f"{spec.name}, {channel.name}: {ends.tolist()} for {bottom:g} and {top:g}",
            "finite values that rise with the normalised ones", "Pass the inverse of the model's normalisation.",
        )  # fmt: skip

    def crossing(limit: float) -> float:
        if not ends[0] < limit < ends[1]:
            return bottom if limit <= ends[0] else top
        return float(brentq(lambda z: float(physical(spec.name, c, np.array([z]))[0]) - limit, bottom, top))

    return crossing(channel.low), crossing(channel.high)


def changed(batch: Batch, slots: Sequence[Slot], candidates: Sequence[Amounts]) -> Batch:
    """Copies of one record, row i with the amounts of candidate i. What was measured, and when, stays as it is."""
    copies = len(candidates)
    x = {name: values.expand(copies, -1, -1).clone() for name, values in batch.x.items()}
    for row, candidate in enumerate(candidates):
        for position, amount in candidate.items():
            slot = slots[position]
            x[slot.modality][row, :, slot.channel] = torch.from_numpy(slot.shifted(amount)).to(batch.present.device)
    return Batch(
        ids=batch.ids * copies,
        x=x,
        observed={name: seen.expand(copies, -1, -1) for name, seen in batch.observed.items()},
        valid={name: valid.expand(copies, -1) for name, valid in batch.valid.items()},
        present=batch.present.expand(copies, -1),
    )


class Probe:
    """Asks a model about changed copies of one record. A modality is encoded once for each way in which it is changed,
    and not at all where it is not. asked: copies so far."""

    def __init__(self, model: Explainable, batch: Batch, slots: Sequence[Slot], target: int) -> None:
        self.model, self.batch, self.slots, self.target = model, batch, slots, target
        self.asked = 0
        with torch.no_grad():
            self.base = model.encode(replace(batch, derived=None))

    def logits(self, candidates: Sequence[Amounts]) -> Float[np.ndarray, " n"]:
        """The target's logit of each changed copy, f64[n]."""
        self.asked += len(candidates)
        with torch.no_grad():
            parts = [self._ask(candidates[k : k + ROWS]) for k in range(0, len(candidates), ROWS)]
        return np.concatenate([np.zeros(0), *parts])

    def _ask(self, candidates: Sequence[Amounts]) -> Float[np.ndarray, " n"]:
        variants, rows = self._variants(candidates)
        longest = max(len(own) for own in variants)
        # Row i carries the i-th variant of every modality: encoders see one modality each, so they need not belong
        # together, and one call encodes them all.
        mixed = [{k: v for own in variants if row < len(own) for k, v in own[row].items()} for row in range(longest)]
        batch = changed(self.batch, self.slots, mixed)
        counts = torch.tensor([len(own) for own in variants])
        there = torch.arange(longest)[:, None] < counts
        encoded = self.model.encode(replace(batch, present=there.to(batch.present.device)))
        copies = len(candidates)
        h = self.base.h.expand(copies, -1, -1).clone()
        for place in range(len(variants)):
            at = torch.from_numpy(np.flatnonzero(rows[:, place] >= 0)).to(h.device)
            h[at, place] = encoded.h[torch.from_numpy(rows[:, place]).to(h.device)[at], place]
        valid = None if self.base.valid is None else self.base.valid.expand(copies, -1, -1)
        fused = self.model.fuse(Encoded(h, self.base.present.expand(copies, -1), valid=valid))
        return fused.logits[:, self.target].double().cpu().numpy()

    def _variants(self, candidates: Sequence[Amounts]) -> tuple[list[list[Amounts]], Int[np.ndarray, "n m"]]:
        """The different changes of each modality, and which of them each candidate has, -1 for none."""
        places = len(self.model.schema.modalities)
        known: list[dict[tuple[tuple[int, float], ...], int]] = [{} for _ in range(places)]
        rows = np.full((len(candidates), places), -1, np.int64)
        for n, candidate in enumerate(candidates):
            for place in {self.slots[position].place for position in candidate}:
                key = tuple((p, a) for p, a in sorted(candidate.items()) if self.slots[p].place == place)
                rows[n, place] = known[place].setdefault(key, len(known[place]))
        return [[dict(key) for key in own] for own in known], rows
