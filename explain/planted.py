"""On simulated records one knows what caused the outcome: does a method put its mass there?

Axes: T steps, C channels, S observed segments. A truth has a role: "cause" (this stretch caused the outcome),
"evidence" (what tells a true alarm from a false one in another signal), "transient" (a turn for the worse that passed).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from amfn.types import Batch, InputError, Record, Schema
from explain.infidelity import values_of
from explain.segments import Segments, segments_of
from explain.types import Attribution

CAUSE = ("cause",)
CAUSE_OR_EVIDENCE = ("cause", "evidence")
HOURS_IN: Mapping[str, float] = {"seconds": 1 / 3600, "hours": 1.0}

INSIDE = 0.5
"""A segment lies in the truth where at least this share of its measured values does."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Planted:
    """Steps start..stop (stop excluded) of one channel, by their number in what the model reads."""

    modality: str
    channel: int
    start: int
    stop: int
    role: str


def planted(truth: Sequence[Mapping[str, Any]], record: Record) -> tuple[Planted, ...]:
    """The truth of one record in steps of what the model reads.

    truth: the manifest's entries (modality, channel, start, end, unit, role), times from the record's start. record:
    prepared by the task. A step counts where its time up to the next step's overlaps the truth. What the model does not
    read is left out: a signal it has no slot for, and all before or after its window.
    Raises InputError for an entry that is not one.
    """
    found = []
    for entry in truth:
        try:
            name, label, role = str(entry["modality"]), str(entry["channel"]), str(entry["role"])
            start, end = (float(entry[edge]) * HOURS_IN[entry["unit"]] for edge in ("start", "end"))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                record.record_id, f"a truth that is none ({error!r})",
                f"modality, channel, start, end, role and a unit of {', '.join(HOURS_IN)}", "Mend the manifest.",
            ) from error  # fmt: skip
        channel = _column(record, name, label)
        if channel is None:
            continue
        hours = record.hours[name]
        width = float(np.median(np.diff(hours))) if len(hours) > 1 else np.inf
        # A sample at the very edge belongs to one side only, whatever the last bit of its time is.
        slack = 1e-6 * min(width, 1.0)
        inside = np.flatnonzero((hours < end - slack) & (hours + width > start + slack))
        if len(inside):
            found.append(Planted(name, channel, int(inside[0]), int(inside[-1]) + 1, role))
    return tuple(found)


def _column(record: Record, modality: str, label: str) -> int | None:
    """The column of a channel; a modality of one column is that channel, whatever a source calls it."""
    channels = record.channels.get(modality, ())
    if len(channels) == 1:
        return 0
    return next((k for k, c in enumerate(channels) if label in (c.name, c.title)), None)


@dataclass(frozen=True, slots=True)
class Hit:
    """One method on one record. None where the method speaks of modalities only.

    modality: the one with the largest |sum| holds truth (pointing game, Zhang et al. 2018). segment: the one with the
    largest |sum| lies in it. mass: share of |attribution| on measured values that is planted. rank: share of the K
    strongest segments that lie in the truth, K as many as do (relevance mass and rank accuracy, Arras et al. 2022).
    chance_*: what a pick at random would give, chance_segment for rank as well. A tie with something outside is no hit.
    """

    record_id: str
    modality: bool
    chance_modality: float
    segment: bool | None = None
    chance_segment: float | None = None
    mass: float | None = None
    chance_mass: float | None = None
    rank: float | None = None


def counts(
    schema: Schema,
    batch: Batch,
    truth: Sequence[Planted],
    roles: Collection[str] = CAUSE,
    among: Collection[str] | None = None,
) -> bool:
    """Whether a record enters the table: something with one of these roles lies in what the model reads, and was
    measured there. Of the simulated stays these are the ones that died: a survivor has no cause, only what passed
    ("transient"), which may be counted apart under its own role. Every simulated alarm has a cause, true or false."""
    return any(bool((inside & seen).any()) for inside, seen in _inside(schema, batch, truth, roles, among).values())


def hit(
    schema: Schema,
    batch: Batch,
    truth: Sequence[Planted],
    found: Attribution | Mapping[str, float],
    roles: Collection[str] = CAUSE,
    among: Collection[str] | None = None,
    segments: Segments | None = None,
) -> Hit:
    """How well one attribution, or one number a modality (Shapley, leave-one-out), finds the truth of one record.

    roles: what counts as truth, `CAUSE` or `CAUSE_OR_EVIDENCE`. among: the modalities that take part, all by default;
    without those that only set the scene (the alarm's type, the admission row) it is a game over signals.
    Raises InputError for a record that does not count, modalities that it lacks, or numbers that are not finite.
    """
    if not counts(schema, batch, truth, roles, among):
        raise InputError(
            batch.ids[0], f"nothing measured in it is planted as {' or '.join(roles)}", "a record that counts",
            "Ask counts() first.",
        )  # fmt: skip
    masks = _inside(schema, batch, truth, roles, among)
    sums = found.by_modality() if isinstance(found, Attribution) else {m: float(v) for m, v in found.items()}
    absent = [name for name, here in zip(schema.names, batch.present[0].tolist(), strict=True) if not here]
    strange = [m for m, v in sums.items() if not np.isfinite(v) or m not in schema.names or (m in absent and v)]
    if strange:
        raise InputError(
            batch.ids[0], f"a number for {', '.join(strange)}", f"finite ones for {', '.join(masks)}",
            "Take the attribution of this record.",
        )  # fmt: skip
    holds = np.array([bool((inside & seen).any()) for inside, seen in masks.values()])
    strength = np.abs([sums.get(name, 0.0) for name in masks])
    modality, chance_modality = _points(strength, holds), float(holds.mean())
    if not isinstance(found, Attribution):
        return Hit(batch.ids[0], modality, chance_modality)

    cut = segments or segments_of(schema, batch)
    there = cut.observed & np.array([segment.modality in masks for segment in cut.table])
    within = cut.sums({name: (inside & seen).astype(float) for name, (inside, seen) in masks.items()})[there]
    measured = cut.sums({name: seen.astype(float) for name, (_, seen) in masks.items()})[there]
    lies = within >= INSIDE * measured
    values = values_of(schema, batch, found)
    strong = np.abs(cut.sums(values))[there]
    size = {name: np.abs(values[name]) * seen for name, (_, seen) in masks.items()}
    all_of = sum(float(value.sum()) for value in size.values())
    mass = sum(float(value[masks[name][0]].sum()) for name, value in size.items())
    top = np.lexsort((lies, -strong))[: int(lies.sum())]
    return Hit(
        batch.ids[0],
        modality,
        chance_modality,
        segment=_points(strong, lies),
        chance_segment=float(lies.mean()),
        mass=mass / all_of if all_of else 0.0,
        chance_mass=float(within.sum() / measured.sum()),
        rank=float(lies[top].mean()) if strong.any() and len(top) else 0.0,
    )


def _points(strength: Float[np.ndarray, " n"], holds: Bool[np.ndarray, " n"]) -> bool:
    """Whether the strongest is one that holds truth; a tie with one that does not is no hit."""
    if not holds.any():
        return False
    return bool(strength[holds].max() > max(strength[~holds], default=0.0))


def _inside(
    schema: Schema, batch: Batch, truth: Sequence[Planted], roles: Collection[str], among: Collection[str] | None
) -> dict[str, tuple[Bool[np.ndarray, "t c"], Bool[np.ndarray, "t c"]]]:
    """By modality that the record has: which values are planted, and which were measured, bool[T, C] each."""
    masks = {}
    for name, here in zip(schema.names, batch.present[0].tolist(), strict=True):
        if not here or (among is not None and name not in among):
            continue
        seen = (batch.observed[name][0] & batch.valid[name][0][:, None]).cpu().numpy()
        masks[name] = (np.zeros_like(seen), seen)
    for piece in truth:
        if piece.role in roles and piece.modality in masks:
            masks[piece.modality][0][piece.start : piece.stop, piece.channel] = True
    return masks


@dataclass(frozen=True, slots=True)
class Share:
    """hits of `records`, with the exact (Clopper-Pearson) 95 % interval of the share, and what chance would give."""

    hits: int
    records: int
    low: float
    high: float
    chance: float

    @classmethod
    def of(cls, hits: Sequence[bool], chances: Sequence[float]) -> Share:
        from scipy.stats import binomtest

        interval = binomtest(sum(hits), len(hits)).proportion_ci(CONFIDENCE, method="exact")
        return cls(sum(hits), len(hits), float(interval.low), float(interval.high), float(np.mean(chances)))

    @property
    def share(self) -> float:
        return self.hits / self.records

    def to_json(self) -> dict[str, Any]:
        numbers = {"share": self.share, "low": self.low, "high": self.high, "chance": self.chance}
        return {"hits": self.hits, "records": self.records, **{k: round(v, 4) for k, v in numbers.items()}}


@dataclass(frozen=True, slots=True)
class Row:
    """One method over all records that count. mass, rank: means over records beside what chance gives."""

    method: str
    modality: Share
    segment: Share | None
    mass: float | None
    chance_mass: float | None
    rank: float | None

    def to_json(self) -> dict[str, Any]:
        means = {"mass": self.mass, "chance_mass": self.chance_mass, "rank": self.rank}
        return {
            "method": self.method,
            "modality": self.modality.to_json(),
            "segment": None if self.segment is None else self.segment.to_json(),
            **{key: None if value is None else round(value, 4) for key, value in means.items()},
        }


def table(hits: Mapping[str, Sequence[Hit]]) -> tuple[Row, ...]:
    """One row a method, in the order given. Raises InputError for a method without a record."""
    rows = []
    for method, each in hits.items():
        if not each:
            raise InputError(method, "no record", "at least one that counts", "Leave the method out.")
        modality = Share.of([h.modality for h in each], [h.chance_modality for h in each])
        told = [h for h in each if h.segment is not None]
        if len(told) != len(each):
            rows.append(Row(method, modality, None, None, None, None))
            continue
        segment = Share.of([bool(h.segment) for h in told], [h.chance_segment or 0.0 for h in told])
        mass, chance, rank = (
            float(np.mean([value or 0.0 for value in column]))
            for column in zip(*((h.mass, h.chance_mass, h.rank) for h in told), strict=True)
        )
        rows.append(Row(method, modality, segment, mass, chance, rank))
    return tuple(rows)
