"""Changes that cross a threshold, in words."""

from __future__ import annotations

from app.figures.drawing import unit_text
from explain.charted import Change, ChartedSearch, Counterfactual
from explain.counterfactual import Removals

BEHAVIOUR = "This is the model's behaviour: it need not make clinical sense."


def change_text(change: Change) -> str:
    """'Lactate 4.20 → 1.90 mmol/L (median of 5 values)'."""
    values = "the one value" if change.values == 1 else f"median of {change.values} values"
    unit = unit_text(change.unit)
    return f"{change.title} {_number(change.before)} → {_number(change.after)}{f' {unit}' if unit else ''} ({values})"


def size_text(answer: Counterfactual) -> str:
    """How large it is, in standard deviations of the quantity, added up over several."""
    together = "Size" if len(answer.changes) == 1 else "Size, all of them added up"
    return f"{together}: {answer.cost:.1f} times the usual spread among training records."


def _number(value: float) -> str:
    """Three digits that count, and no exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def removals_sentence(found: Removals, listed: int) -> str:
    """How far the list reaches."""
    more = len(found.found) - listed
    rest = f" {more} more of them are not listed." if more > 0 else ""
    return (
        f"Exact: all {found.searched:,} ways to take modalities away were tried. Listed are the smallest ones that "
        f"cross the threshold, none of which contains another.{rest}"
    )


def searched(found: ChartedSearch) -> str:
    """What the search covered: without an answer, that is all that can be said."""
    if not found.channels:
        return "There is no charted value that may change among those chosen."
    limits = "within the usual range of training records" if found.plausible_only else "up to the physiological limits"
    last = "all their values" if found.last is None else f"their values of the last {found.last} h"
    together = [_counted(n, what) for n, what in ((found.pairs, "pair"), (found.triples, "triple")) if n]
    groups = f", then {' and '.join(together)} of them" if together else ""
    kinds = "quantity" if len(found.channels) == 1 else "quantities"
    return (
        f"Searched: {len(found.channels)} charted {kinds} one by one{groups}, {last} moved by one amount of at most "
        f"{found.most:g} times its usual spread, {limits}; {found.asked:,} changed copies in all. Other kinds of "
        "change may exist."
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
