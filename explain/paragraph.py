"""A record's explanation as one paragraph. Each sentence is a `Claim` that carries the numbers it was made from.

Deterministic: the same numbers always give the same words, and a number that was not passed in is never written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from amfn.types import Channel, InputError, Record, Schema
from explain.alterations import unit_text
from explain.narrative import joined, mid_sentence, one_sentence, percent, three_digits
from explain.types import COMPLETE_WITHIN, Attribution

if TYPE_CHECKING:
    from explain.coalitions import Coalitions
    from explain.reality import RealityCheck

Part = Literal["estimate", "certainty", "drivers", "doubt"]

WIDE = 2.0
"""Networks differ widely where the odds of the highest estimate are at least this many times those of the lowest."""

FEW = 2
"""An estimate that rests on so few modalities, or fewer, is said to."""

INPUTS_NAMED = 3
REMOVAL_NAMED = 0.01
"""A change of the estimate below one percentage point is not worth a sentence."""

USABLE_FROM = 0.95
"""A signal that can be used in at least this share of its time is not worth a doubt."""

CLEAR_OF_INTERVAL, CLEAR_SHARE = 0.5, 0.2
"""First and last value clearly differ by half the width of the reference interval, or, where a variable has none, by a
fifth of the larger one."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence and the numbers it rests on, by name. Probabilities are 0 to 1, contributions log-odds."""

    part: Part
    text: str
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Input:
    """One charted or stated quantity: its name for a reader, its summed attribution in log-odds. course: its first and
    last value in `unit`, as the model read them, where these clearly differ."""

    title: str
    value: float
    course: tuple[float, float] | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class InputSplit:
    """The split of the estimate over single inputs by one method, and the measures of its own error.

    gap: see `Attribution.gap`, None for a method that does not promise to add up. gap_is_relative: a share of the
    change, else log-odds. sane: the method's answer on this model depends on what the model learned (weight
    randomisation), None where nobody looked.
    """

    method: str
    inputs: tuple[Input, ...]
    gap: float | None
    accepted: float
    gap_is_relative: bool = True
    sane: bool | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the paragraph may speak of. What is None, or empty, is not spoken of.

    risk, base_rate: probabilities. contributions: Shapley values in log-odds by modality name. titles: how a screen
    calls each modality. missing: names of those not recorded. noun: what is estimated. without: the estimate with one
    modality taken away, by name. networks: lowest and highest own estimate of the ensemble's networks, and how many.
    similar: of so many records with a similar estimate, so many had the outcome, with a 95 % interval (count, events,
    low, high). undecided: no outcome is ruled out at this error rate; refused: whether one can be was not answered at
    this rate. seen_s: how many seconds of its waveforms the model saw; usable: the share of them that can be used, and
    in words what spoils the rest, by modality name. disagreeing: titles of modalities whose weight in the fusion and
    whose contribution disagree. warnings: how many things in the data may have spoilt the estimate.
    """

    risk: float
    base_rate: float
    contributions: Mapping[str, float]
    titles: Mapping[str, str]
    missing: Sequence[str] = ()
    noun: str = "risk"
    without: Mapping[str, float] | None = None
    networks: tuple[float, float, int] | None = None
    similar: tuple[int, int, float, float] | None = None
    undecided: float | None = None
    refused: float | None = None
    split: InputSplit | None = None
    seen_s: float = 0.0
    usable: Mapping[str, tuple[float, Sequence[str]]] = field(default_factory=dict)
    disagreeing: Sequence[str] = ()
    warnings: int = 0
    trained_on: bool = False


def facts_of(
    game: Coalitions,
    reality: RealityCheck | None,
    titles: Mapping[str, str],
    base_rate: float,
    noun: str,
    **more: Any,
) -> Facts:
    """The facts that a record's game over modalities gives: its estimate, contributions, what was missing, the estimate
    without each modality, and where the most weighted modality is not what moved it. more: the other fields of Facts.
    """
    chances = 1 / (1 + np.exp(-np.asarray(game.values, np.float64)))
    recorded = [name for name, here in zip(game.players, game.present.tolist(), strict=True) if here]
    lost = dict(zip(game.players, game.leave_one_out().tolist(), strict=True))
    favourite = reality.favourite if reality is not None and reality.disagrees else None
    return Facts(
        risk=float(chances[-1]),
        base_rate=base_rate,
        contributions=dict(zip(game.players, game.shapley().tolist(), strict=True)),
        titles=titles,
        missing=tuple(name for name in game.players if name not in recorded),
        noun=noun,
        without={name: 1 / (1 + math.exp(lost[name] - game.full)) for name in recorded},
        disagreeing=() if favourite is None else (titles[favourite],),
        **more,
    )


def split_of(
    attribution: Attribution, schema: Schema, method: str, sane: bool | None, prepared: Record | None = None
) -> InputSplit:
    """An attribution as the paragraph takes it: each channel in sum. method: its title; sane: see `InputSplit`.
    prepared: the record as the model reads it; without it no course is told."""
    inputs = []
    for spec, channel, value in attribution.by_channel(schema):
        course = None
        if prepared is not None and spec.kind == "series":
            course = course_of(prepared, spec.name, spec.channels.index(channel))
        if value:
            inputs.append(Input(channel.title, value, course, unit_text(channel)))
    return InputSplit(method, tuple(inputs), attribution.gap, COMPLETE_WITHIN, attribution.gap_is_relative, sane)


def course_of(prepared: Record, modality: str, column: int) -> tuple[float, float] | None:
    """First and last value of a charted variable where these clearly differ; None for a yes or no, which has none."""
    channel, values = prepared.channels[modality][column], prepared.values[modality][:, column]
    seen = values[prepared.observed[modality][:, column]].tolist()
    if channel.flag or len(seen) < 2 or not _differ(channel, seen[0], seen[-1]):
        return None
    return float(seen[0]), float(seen[-1])


def _differ(channel: Channel, first: float, last: float) -> bool:
    if channel.normal is not None:
        least = CLEAR_OF_INTERVAL * (channel.normal[1] - channel.normal[0])
    else:
        least = CLEAR_SHARE * max(abs(first), abs(last))
    # Where both are written alike there is nothing to read.
    return abs(last - first) >= least and three_digits(first) != three_digits(last)


def paragraph(facts: Facts) -> tuple[Claim, ...]:
    """What the model estimates and why, how sure it is, what to doubt, in this order.

    Raises InputError for what `one_sentence` refuses, and for a number that is not finite.
    """
    _check(facts)
    head = one_sentence(facts.risk, facts.base_rate, facts.contributions, facts.titles, facts.missing, facts.noun)
    numbers = {"risk": facts.risk, "base rate": facts.base_rate}
    recorded = {name: value for name, value in facts.contributions.items() if name not in facts.missing}
    numbers |= {f"Shapley {facts.titles[name]}": value for name, value in recorded.items()}
    claims: list[Claim | None] = [Claim("estimate", head, numbers)]
    if recorded:
        claims += [_removal(facts), _inputs(facts)]
    claims += [
        _networks(facts),
        _similar(facts),
        _few(facts, len(recorded)),
        _undecided(facts),
        _signal(facts),
        _routing(facts),
        _split_doubt(facts),
    ]
    if facts.warnings:
        count = "One thing" if facts.warnings == 1 else f"{facts.warnings} things"
        text = f"{count} in the data may have spoilt it: see what was noticed in the data."
        claims.append(Claim("doubt", text, {"warnings": float(facts.warnings)}))
    if facts.trained_on:
        text = "The model has seen a record of this name in training, so that on a new patient it would do less well."
        claims.append(Claim("doubt", text, {"trained on": 1.0}))
    return tuple(claim for claim in claims if claim is not None)


def written(claims: Sequence[Claim]) -> str:
    """The claims as running text."""
    return " ".join(claim.text for claim in claims)


def _removal(facts: Facts) -> Claim | None:
    """The one modality without which the estimate would change most."""
    without = facts.without
    if not without:
        return None
    name = max(without, key=lambda m: (round(abs(without[m] - facts.risk), 6), m))
    other = without[name]
    if abs(other - facts.risk) < REMOVAL_NAMED or percent(other) == percent(facts.risk):
        return None
    title = mid_sentence(facts.titles[name])
    return Claim(
        "drivers", f"Without {title} the estimate would be {percent(other)}.",
        {f"risk without {facts.titles[name]}": other, "risk": facts.risk},
    )  # fmt: skip


def _inputs(facts: Facts) -> Claim | None:
    """The single inputs that moved the estimate most, where the split over them adds up."""
    split = facts.split
    if split is None or not split.inputs or split.sane is False or (split.gap or 0.0) > split.accepted:
        return None
    ranked = sorted(split.inputs, key=lambda item: (-round(abs(item.value), 6), item.title))[:INPUTS_NAMED]
    up = [_told(item) for item in ranked if item.value > 0]
    down = [_told(item) for item in ranked if item.value < 0]
    said = ([f"raised by {joined(up)}"] if up else []) + ([f"lowered by {joined(down)}"] if down else [])
    if not said:
        return None
    text = f"Among single inputs, {split.method} finds that most moved it: {'; '.join(said)}."
    numbers = {f"{split.method} {item.title}": item.value for item in ranked}
    for item in ranked:
        if item.course is not None:
            unit = f", {item.unit}" if item.unit else ""
            first, last = item.course
            numbers |= {f"first value of {item.title}{unit}": first, f"last value of {item.title}{unit}": last}
    return Claim("drivers", text, numbers)


def _told(item: Input) -> str:
    """Creatinine (1.1 to 2.2 mg/dL)."""
    if item.course is None:
        return item.title
    first, last = item.course
    course = f"{three_digits(first)} to {three_digits(last)} {item.unit}".strip()
    return f"{item.title} ({course})"


def _networks(facts: Facts) -> Claim | None:
    if facts.networks is None:
        return None
    low, high, count = facts.networks
    numbers = {"lowest network": low, "highest network": high, "networks": float(count)}
    if percent(low) == percent(high):
        return Claim("certainty", f"All {count} networks of the model say {percent(low)}.", numbers)
    verdict = "differ widely" if high * (1 - low) >= WIDE * low * (1 - high) else "agree closely"
    text = f"The model's {count} networks {verdict}: their own estimates run from {percent(low)} to {percent(high)}."
    return Claim("certainty", text, numbers)


def _similar(facts: Facts) -> Claim | None:
    if facts.similar is None:
        return None
    count, events, low, high = facts.similar
    share = percent(events / count) if events else "0 %"
    text = (
        f"Of {count} training records with a similar estimate {events} had the outcome "
        f"({share}; 95 % interval {percent(low)} to {percent(high)})."
    )
    numbers = {"similar records": float(count), "with outcome": float(events), "share": events / count}
    return Claim("certainty", text, {**numbers, "low": low, "high": high, "interval": 0.95})


def _few(facts: Facts, recorded: int) -> Claim | None:
    """Where so little is known that training records with a similar estimate need not be like this one."""
    of = len(facts.contributions)
    if recorded > FEW or recorded >= of:
        return None
    text = f"Only {recorded} of {of} modalities were recorded: the estimate rests on little."
    return Claim("doubt", text, {"modalities recorded": float(recorded), "modalities": float(of)})


def _undecided(facts: Facts) -> Claim | None:
    if facts.refused is not None:
        text = (
            f"Whether an outcome can be ruled out at an error rate of {percent(facts.refused)} is not answered: too "
            "few training records have the same things recorded."
        )
        return Claim("doubt", text, {"error rate": facts.refused})
    if facts.undecided is None:
        return None
    text = f"At an error rate of {percent(facts.undecided)} neither outcome can be ruled out."
    return Claim("doubt", text, {"error rate": facts.undecided})


def _signal(facts: Facts) -> Claim | None:
    """The waveforms of which the model saw too little that can be used."""
    spoilt = {name: told for name, told in facts.usable.items() if told[0] < USABLE_FROM}
    if not spoilt:
        return None
    said = []
    for k, (name, (share, kinds)) in enumerate(spoilt.items()):
        can = " can be used" if not k else ""
        why = f" ({', '.join(kinds)})" if kinds else ""
        said.append(f"{mid_sentence(facts.titles[name])}{can} in {percent(share) if share else 'none'}{why}")
    listed = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]
    alike = {"flat", "noisy"} & {kind for _, kinds in spoilt.values() for kind in kinds}
    # Quality is told from indices, which know no diagnosis (`amfn.waves.quality`).
    bear = "; a rhythm without beats can look the same" if alike else ""
    text = f"Of the {facts.seen_s:.0f} s the model saw, {listed}{bear}."
    numbers = {"seconds seen": facts.seen_s}
    return Claim("doubt", text, numbers | {f"usable {facts.titles[m]}": share for m, (share, _) in spoilt.items()})


def _routing(facts: Facts) -> Claim | None:
    if not facts.disagreeing:
        return None
    text = (
        f"The fusion weights are no guide here: what the model looks at and what moved it disagree for "
        f"{joined(facts.disagreeing)}."
    )
    return Claim("doubt", text, {"modalities that disagree": float(len(facts.disagreeing))})


def _split_doubt(facts: Facts) -> Claim | None:
    """Why no single input is named, where the method has failed one of its checks."""
    split = facts.split
    if split is None:
        return None
    if split.gap is not None and split.gap > split.accepted:
        missed = percent(split.gap) if split.gap_is_relative else f"{split.gap:.2f} log-odds"
        text = f"No single input is named: {split.method} does not add up here (it misses the change by {missed})."
        return Claim("doubt", text, {"gap": split.gap})
    if split.sane is False:
        text = (
            f"No single input is named: on this model {split.method} hardly depends on what the model learned "
            "(weight randomisation)."
        )
        return Claim("doubt", text, {"sane": 0.0})
    return None


def _check(facts: Facts) -> None:
    numbers: dict[str, float] = {}
    if facts.networks is not None:
        numbers |= {"lowest network": facts.networks[0], "highest network": facts.networks[1]}
    if facts.similar is not None:
        numbers |= {"low": facts.similar[2], "high": facts.similar[3]}
        if not 0 <= facts.similar[1] <= facts.similar[0] or facts.similar[0] < 1:
            raise InputError(
                "similar", f"{facts.similar[1]} of {facts.similar[0]} records", "a part of at least one record",
                "Leave it out where there are none.",
            )  # fmt: skip
    numbers |= {f"risk without {name}": value for name, value in (facts.without or {}).items()}
    numbers |= {f"usable share of {name}": share for name, (share, _) in facts.usable.items()}
    for rate in (facts.undecided, facts.refused):
        if rate is not None:
            numbers["error rate"] = rate
    for name, value in numbers.items():
        if not 0.0 <= value <= 1.0:
            raise InputError(name, f"{value}", "a probability from 0 to 1", "Pass a probability, not a logit.")
    if facts.split is not None:
        for item in facts.split.inputs:
            if not math.isfinite(item.value):
                raise InputError("inputs", f"{item.title} is {item.value}", "finite log-odds", "Mend the attribution.")
            if not all(math.isfinite(value) for value in item.course or ()):
                raise InputError("inputs", f"{item.title}: {item.course}", "finite values", "Leave its course out.")
        if facts.split.gap is not None and not facts.split.gap >= 0:
            raise InputError("gap", f"{facts.split.gap}", "zero or more", "Take it from the attribution.")
