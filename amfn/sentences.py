"""Uncertainty in plain words, the same on the command line and on the screen.

outcomes: the task's names for what did not and what did come true ("False alarm", "True alarm").
"""

from __future__ import annotations

from amfn.calibration import Similar, Spread
from amfn.conformal import ConformalSet


def share(value: float) -> str:
    """A share with one decimal; whole percentages would hide how narrow an interval is."""
    return f"{100 * value:.1f} %"


def networks_sentence(spread: Spread, count: int) -> str:
    return f"How far the {count} networks differ: {share(spread.low)} to {share(spread.high)}."


def similar_sentence(similar: Similar, outcomes: tuple[str, str]) -> str:
    return (
        f"Of the {similar.count} training records with the most similar estimate ({share(similar.from_risk)} to "
        f"{share(similar.to_risk)}), {similar.events} came out as “{outcomes[1]}”: {share(similar.share)} (95 % "
        f"interval {100 * similar.low:.1f} to {100 * similar.high:.1f})."
    )


def set_heading(found: ConformalSet, outcomes: tuple[str, str]) -> str:
    """The answer in a few words."""
    if found.refused is not None:
        return "Not answered"
    if len(found.labels) == 1:
        return f"Only “{outcomes[found.labels[0]]}” remains"
    return "Both outcomes possible" if found.labels else "Neither outcome fits"


def set_reason(found: ConformalSet, outcomes: tuple[str, str]) -> str:
    """What the answer rests on."""
    rate = f"{100 * found.error_rate:g} %"
    if found.refused is not None:
        return f"{found.refused[:1].upper()}{found.refused[1:]}."
    if not found.labels:
        return (
            f"At most {rate} of comparable records with either outcome had an estimate this far from their own. This "
            "record may be unlike those the model learnt from."
        )
    if len(found.labels) == 2:
        return f"More than {rate} of comparable records with either outcome had an estimate like this or beyond."
    left = found.labels[0]
    other, how = outcomes[1 - left], "high" if left else "low"
    return f"At most {rate} of comparable records with “{other}” had so {how} an estimate."
