"""The smallest change of what was charted that moves a risk across a threshold, found by asking the model.

A change adds one amount to all measured values of a channel, or to those of its last steps; a value that would leave
its range stops at the edge. Which values were measured, and when, never changes. Channels are changed by themselves:
that a mean pressure follows from the systolic and the diastolic one, or that a score comes in whole points, the search
does not know. An answer says what the model would have said of such a record, not what a treatment would do.
Axes: n candidates, r lines, j points of a line. Amounts are in normalised units, spreads of the training records.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from amfn.types import Batch, Explainable, InputError
from explain.changes import Amounts, Physical, Probe, Slot, changed, slots_of
from explain.checks import require_frozen, require_one, target_name
from explain.counterfactual import chances, require_threshold
from explain.reference import Reference

IMMUTABLE = ("Age", "Height")
"""Channels that no course of a stay changes; categories (sex, ICU type, ventilation) never change either."""
MOST = 4.0
"""No value is moved by more spreads of the training records than this."""
POINTS, ROUNDS = 8, 4
"""Points of a line in each round, and rounds: an amount is found to a 4,096th of its line."""
PAIRED, TRIPLED = 8, 6
"""So many channels, those that bring the risk furthest by themselves, are also changed in twos and in threes."""
TWO = ((0.5, 0.5), (0.75, 0.25), (0.25, 0.75))
THREE = ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.25, 0.25), (0.25, 0.5, 0.25), (0.25, 0.25, 0.5))
MARGIN = 1e-5
"""Logits by which a change has to pass the threshold: more than rounding differs between two ways of asking."""

Line = tuple[tuple[int, float], ...]
"""Slots that move together, each with its signed part of the cost; the parts' sizes sum to one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One channel's part in an answer. amount: in spreads of the training records. values: measured values changed.

    before, after: their median in `unit`. plausible: none left the range of training values, or went further from it.
    """

    modality: str
    channel: int
    title: str
    unit: str
    amount: float
    values: int
    before: float
    after: float
    plausible: bool


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Changes that together move the risk across the threshold. cost: the sum of their sizes. risk: what the model says
    of the changed record."""

    changes: tuple[Change, ...]
    cost: float
    risk: float

    @property
    def plausible(self) -> bool:
        return all(change.plausible for change in self.changes)


@dataclass(frozen=True, slots=True)
class ChartedSearch:
    """What was found, cheapest first, and what was searched: without an answer, that is all that can be said.

    risk: of the record as it is; equal to the threshold counts as above. channels: titles of those that could be
    changed. pairs, triples: how many of these were changed together. last: only values of so many last steps, None for
    all. asked: changed copies the model was asked about. An answer is the smallest on its line to a 4,096th; a way
    across that begins and ends between two of a line's eight first points is not seen.
    """

    record_id: str
    target: str
    threshold: float
    risk: float
    found: tuple[Counterfactual, ...]
    channels: tuple[str, ...]
    pairs: int
    triples: int
    last: int | None
    most: float
    plausible_only: bool
    asked: int

    @property
    def above(self) -> bool:
        """True where the record's own risk is at or over the threshold."""
        return self.risk >= self.threshold


def changes_across(
    model: Explainable,
    batch: Batch,
    threshold: float,
    reference: Reference,
    physical: Physical,
    target: int = 0,
    *,
    last: int | None = None,
    answers: int = 5,
    most: float = MOST,
    plausible_only: bool = True,
    static: bool = False,
    immutable: Collection[str] = IMMUTABLE,
) -> ChartedSearch:
    """The smallest changes of one record's charted values that bring its risk to the other side of the threshold.

    Searched are all channels one by one, then in twos, then, unless there are enough answers, in threes. Each answer
    names other channels, and none merely adds a channel to a cheaper one. reference: the ranges of training records.
    physical: the inverse of the model's normalisation. last: change only the values of so many last steps. most: how
    many spreads a value may be moved by. plausible_only: keep values within the range of training values as well as
    within physiological limits. static: admission values too. immutable: names of channels that never change.
    Raises InputError for more than one record, a threshold that is no probability, settings below one, a reference of
    another schema, an inverse that does not rise, an unknown target, or a model in training mode.
    """
    require_frozen(model)
    require_one(batch)
    require_threshold(threshold)
    reference.require(model.schema)
    name = target_name(model, target)
    if answers < 1 or not 0 < most < math.inf or (last is not None and last < 1):
        raise InputError(
            "search", f"answers = {answers}, most = {most}, last = {last}", "positive numbers", "Correct them."
        )
    slots = slots_of(
        model.schema, batch, reference, physical, kinds={"series", "static"} if static else {"series"},
        immutable=immutable, last=last, most=most, plausible_only=plausible_only,
    )  # fmt: skip
    search = _Search(model, batch, slots, target, threshold)
    singles = [((k, sign),) for k, slot in enumerate(slots) for sign in (1.0, -1.0) if _reach(slot, sign) > 0]
    found, progress = search.along(singles)
    ranked = _ranked(singles, progress)
    pairs = _together(ranked[:PAIRED], TWO)
    found += search.along(pairs)[0]
    kept = _diverse(found, answers)
    triples = _together(ranked[:TRIPLED], THREE) if len(kept) < answers else []
    kept = _diverse(found + search.along(triples)[0], answers)
    return ChartedSearch(
        record_id=batch.ids[0],
        target=name,
        threshold=threshold,
        risk=search.risk,
        found=_verified(model, batch, slots, kept, target, search, physical),
        channels=tuple(slot.spec.title for slot in slots),
        pairs=len(pairs) // len(TWO),
        triples=len(triples) // len(THREE),
        last=last,
        most=most,
        plausible_only=plausible_only,
        asked=search.probe.asked,
    )


class _Search:
    """Line searches over one record. logit: of the record as it is; towards: +1 where the risk has to rise, else -1."""

    def __init__(self, model: Explainable, batch: Batch, slots: Sequence[Slot], target: int, threshold: float) -> None:
        self.probe, self.slots = Probe(model, batch, slots, target), slots
        with torch.no_grad():
            self.logit = float(model(batch).logits[0, target].double())
        self.risk, self.threshold = float(chances(np.array(self.logit))), threshold
        self.goal = math.log(threshold / (1 - threshold))
        self.towards = -1.0 if self.risk >= threshold else 1.0

    def along(self, lines: Sequence[Line]) -> tuple[list[Amounts], Float[np.ndarray, " r"]]:
        """The smallest crossing on a line for each set of slots that has one; and for each line the furthest that it
        brings the logit."""
        start = np.zeros(len(lines))
        stop = np.array([max(_reach(self.slots[k], part) / abs(part) for k, part in line) for line in lines])
        alive = np.arange(len(lines))
        progress = np.zeros(len(lines))
        for turn in range(ROUNDS):
            steps = start[alive, None] + (stop - start)[alive, None] * np.arange(1, POINTS + 1) / POINTS
            candidates = [self._amounts(lines[r], s) for r, own in zip(alive.tolist(), steps, strict=True) for s in own]
            logits = self.probe.logits(candidates).reshape(len(alive), POINTS)
            over = self.towards * (logits - self.goal) >= MARGIN
            if turn == 0:
                progress = (self.towards * (logits - self.logit)).max(1, initial=0.0)
                pick = self._cheapest(lines, steps, over)
                steps, over, alive = steps[pick], over[pick], alive[pick]
            # The end of a line is known to cross, whatever its last bits say this time.
            over[:, -1] = True
            first = over.argmax(1)
            rows = np.arange(len(alive))
            start[alive] = np.where(first > 0, steps[rows, first - 1], start[alive])
            stop[alive] = steps[rows, first]
        return [self._amounts(lines[r], stop[r]) for r in alive.tolist()], progress

    def _cheapest(
        self, lines: Sequence[Line], steps: Float[np.ndarray, "r j"], over: Bool[np.ndarray, "r j"]
    ) -> Int[np.ndarray, " r"]:
        """Of the lines that cross, one for each set of slots: refining the others would cost more than it finds."""
        crossing = np.flatnonzero(over.any(1))
        costs = {r: _cost(self._amounts(lines[r], steps[r, over[r].argmax()])) for r in crossing.tolist()}
        best: dict[frozenset[int], int] = {}
        for r in sorted(costs, key=lambda r: (costs[r], r)):
            best.setdefault(frozenset(k for k, _ in lines[r]), r)
        return np.array(sorted(best.values()), np.int64)

    def _amounts(self, line: Line, step: float) -> Amounts:
        return {k: math.copysign(min(abs(part) * step, _reach(self.slots[k], part)), part) for k, part in line}


def _reach(slot: Slot, sign: float) -> float:
    return slot.up if sign > 0 else slot.down


def _ranked(singles: Sequence[Line], progress: Float[np.ndarray, " r"]) -> list[tuple[int, float]]:
    """Slots with the direction that serves, those that bring the logit furthest first."""
    best: dict[int, tuple[float, float]] = {}
    for ((slot, sign),), gain in zip(singles, progress.tolist(), strict=True):
        if gain > best.get(slot, (0.0, 0.0))[0]:
            best[slot] = gain, sign
    return [(slot, best[slot][1]) for slot in sorted(best, key=lambda slot: (-best[slot][0], slot))]


def _together(moves: Sequence[tuple[int, float]], splits: Sequence[tuple[float, ...]]) -> list[Line]:
    return [
        tuple((slot, sign * part) for (slot, sign), part in zip(chosen, split, strict=True))
        for chosen in combinations(moves, len(splits[0]))
        for split in splits
    ]


def _cost(amounts: Amounts) -> float:
    return sum(abs(amount) for amount in amounts.values())


def _diverse(found: Sequence[Amounts], answers: int) -> list[Amounts]:
    """The cheapest, each with a channel that none before it has, or with fewer channels than one that has them all."""
    kept: list[Amounts] = []
    for amounts in sorted(found, key=_cost):
        own = set(amounts)
        news = own - {k for other in kept for k in other}
        simpler = any(own < set(other) for other in kept)
        if (news or simpler) and not any(set(other) <= own for other in kept):
            kept.append(amounts)
    return kept[:answers]


def _verified(
    model: Explainable,
    batch: Batch,
    slots: Sequence[Slot],
    kept: Sequence[Amounts],
    target: int,
    search: _Search,
    physical: Physical,
) -> tuple[Counterfactual, ...]:
    """The answers as the model confirms them on the changed records themselves."""
    if not kept:
        return ()
    with torch.no_grad():
        logits = model(changed(batch, slots, kept)).logits[:, target].double().cpu().numpy()
    risks = chances(logits)
    across = (risks >= search.threshold) == (search.towards > 0)
    return tuple(
        Counterfactual(
            changes=tuple(_change(slots[k], amount, physical) for k, amount in sorted(amounts.items())),
            cost=_cost(amounts),
            risk=float(risk),
        )
        for amounts, risk, crossed in zip(kept, risks, across, strict=True)
        if crossed
    )


def _change(slot: Slot, amount: float, physical: Physical) -> Change:
    was, now = (
        float(np.median(physical(slot.modality, slot.channel, column[slot.moved])))
        for column in (slot.column, slot.shifted(amount))
    )
    return Change(
        modality=slot.modality,
        channel=slot.channel,
        title=slot.spec.title,
        unit=slot.spec.unit,
        amount=amount,
        values=int(slot.moved.sum()),
        before=was,
        after=now,
        plausible=slot.stays_usual(amount),
    )
