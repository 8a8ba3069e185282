"""One plain sentence on what drove a prediction. Every claim in it comes from a number that was passed in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from amfn.types import InputError

NAMED_FROM = 0.10
"""A modality is named from this share of the total absolute contribution on."""

NOTHING_BELOW = 0.01
"""Logits. A total absolute contribution below it moves a risk by at most a quarter of a percentage point."""

NAMED_AT_MOST = 3
"""The strongest in each direction."""


def one_sentence(
    risk: float,
    base_rate: float,
    contributions: Mapping[str, float],
    titles: Mapping[str, str],
    missing: Sequence[str],
    noun: str = "risk",
) -> str:
    """What the model estimates, and which modalities pushed it up or held it down, strongest first.

    risk, base_rate: probabilities in [0, 1]. contributions: logits by modality name (Shapley values); a modality that
    is missing may be in it with 0. titles: how a screen calls each modality. missing: those that were not recorded.
    noun: what is estimated ("risk", "probability of a true alarm"). The same numbers always give the same words.
    Raises InputError for a number outside its range, a modality without a title, or a missing one that contributes.
    """
    _check(risk, base_rate, contributions, titles, missing)
    head = f"Estimated {noun} {percent(risk)} (average in training {percent(base_rate)})"
    recorded = {name: value for name, value in contributions.items() if name not in missing}
    if not recorded:
        return f"{head}: nothing was recorded, so no measurement stands behind it."

    total = sum(abs(value) for value in recorded.values())
    # Rounded before ordering, so that equal shares stand in alphabetical order whatever their last bits are.
    ranked = sorted(recorded, key=lambda name: (-round(abs(recorded[name]), 6), titles[name]))
    named = [name for name in ranked if total >= NOTHING_BELOW and abs(recorded[name]) >= NAMED_FROM * total]
    up = [titles[name] for name in named if recorded[name] > 0][:NAMED_AT_MOST]
    down = [titles[name] for name in named if recorded[name] < 0][:NAMED_AT_MOST]

    said = [f"{joined(up)} pushed it up"] if up else []
    said += [f"{joined(down)} held it down"] if down else []
    if total < NOTHING_BELOW:
        said = ["no measurement moved it noticeably"]
    elif not named:
        said = ["no single measurement stood out"]
    tail = f"; nothing was recorded for {joined(titles[name] for name in missing)}" if missing else ""
    return f"{head}: {', '.join(said)}{tail}."


def percent(probability: float) -> str:
    """A whole percentage: "34 %"; "under 1 %" and "over 99 %" at the ends, where rounding would claim certainty."""
    if probability < 0.01:
        return "under 1 %"
    if probability > 0.99:
        return "over 99 %"
    return f"{math.floor(100 * probability + 0.5)} %"


def three_digits(value: float) -> str:
    """A measured value: "7.36", "128", "2150"; a large one keeps its last digits instead of an exponent."""
    return f"{value:.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def joined(titles: Iterable[str]) -> str:
    """Titles as a list in prose: a; a and b; a, b and c."""
    *first, last = [mid_sentence(title) for title in titles]
    return f"{', '.join(first)} and {last}" if first else last


def mid_sentence(title: str) -> str:
    """The title without its capital, unless the first word has more than that one capital ("ECG", "SpO2") or a later
    one begins with one too, as names do ("Glasgow Coma Scale")."""
    word, *later = title.split() or [""]
    is_name = any(other[0].isupper() and other[1:].islower() for other in later)
    return title[0].lower() + title[1:] if word[1:].islower() and not is_name else title


def _check(
    risk: float,
    base_rate: float,
    contributions: Mapping[str, float],
    titles: Mapping[str, str],
    missing: Sequence[str],
) -> None:
    for argument, value in (("risk", risk), ("base_rate", base_rate)):
        if not 0.0 <= value <= 1.0:
            raise InputError(argument, f"{value}", "a probability from 0 to 1", "Pass a probability, not a logit.")
    for name, value in contributions.items():
        if not math.isfinite(value):
            raise InputError("contributions", f"{name} is {value}", "finite logits", "Mend the attribution.")
        if name in missing and value != 0.0:
            raise InputError(
                "contributions",
                f"{name} is missing and contributes {value}",
                "0 from a modality that was not recorded",
                "Take contributions and missing modalities from the same record.",
            )
    untitled = [name for name in (*contributions, *missing) if name not in titles]
    if untitled:
        raise InputError("titles", f"none for {', '.join(untitled)}", "one for each modality", "Pass them all.")
