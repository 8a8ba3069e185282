"""What the paragraph on a record may say, and where each of its numbers comes from. Nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amfn.waves import usable_seen
from app import services, text
from app.views import Case
from explain.narrative import three_digits
from explain.paragraph import Claim, InputSplit, Part, facts_of, paragraph

HEADINGS: Mapping[Part, str] = {"drivers": "What moved it", "certainty": "How sure", "doubt": "What to doubt"}
COUNTS = frozenset(
    {
        "networks",
        "similar records",
        "with outcome",
        "warnings",
        "modalities that disagree",
        "modalities recorded",
        "modalities",
    }
)
FLAGS = frozenset({"trained on", "sane"})
GAP, SECONDS = "gap", "seconds seen"
MEASURED = ("first value of ", "last value of ")


@dataclass(frozen=True, slots=True)
class Traced:
    """A sentence, its numbers as a screen writes them, and what they were taken from."""

    sentence: str
    numbers: tuple[str, ...]
    origin: str


def claims(opened: Case, error_rate: float, split: InputSplit | None = None) -> tuple[Claim, ...]:
    """The paragraph. error_rate: the chosen one of the conformal sets. split: None while it is not known."""
    a = opened.analysis
    spread, similar = a.certainty.spread, a.certainty.similar
    refused = any(found.refused and found.error_rate == error_rate for found in a.certainty.sets)
    undecided = any(found.undecided and found.error_rate == error_rate for found in a.certainty.sets)
    seen = usable_seen(opened.record, opened.prepared, services.schema(opened.listing.task))
    facts = facts_of(
        a.game,
        a.reality,
        dict(zip(a.names, a.titles, strict=True)),
        a.base_rate,
        f"chance of {opened.noun}",
        networks=None if spread is None else (spread.low, spread.high, a.certainty.networks),
        similar=None if similar is None else (similar.count, similar.events, similar.low, similar.high),
        undecided=error_rate if undecided else None,
        refused=error_rate if refused else None,
        split=split,
        warnings=len(opened.warnings),
        trained_on=opened.trained_on,
        **seen.told(),
    )
    return paragraph(facts)


def traced(claim: Claim, opened: Case) -> Traced:
    """A claim with its numbers in words and their origin."""
    return Traced(
        claim.text,
        tuple(f"{name} {_number(name, value)}" for name, value in claim.numbers.items()),
        _origin(claim, len(opened.analysis.masks)),
    )


def _number(name: str, value: float) -> str:
    if name in COUNTS:
        return f"{value:.0f}"
    if name in FLAGS:
        return "yes" if value else "no"
    if name == SECONDS:
        return f"{value:.0f} s"
    if name.startswith(MEASURED):
        return three_digits(value)
    if name == GAP:
        return f"{value:.3f}"
    if name.startswith("Shapley ") or name.startswith(f"{text.IG} "):
        return f"{text.signed(value)} log-odds"
    return f"{100 * value:.1f} %"


def _origin(claim: Claim, subsets: int) -> str:
    names = tuple(claim.numbers)
    said = next(said for part, said in text.ORIGINS.items() if any(name.startswith(part) for name in names))
    return said.format(subsets=f"{subsets:,}")
