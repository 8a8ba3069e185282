"""Routing beside contribution of one record -> the columns, flags and words of a screen. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from app.figures.drawing import percent, signed
from app.views import Analysis
from explain.reality import CONTRIBUTION, RANKED_FROM, ROUTING, TITLES, Measure, RealityCheck

JUDGED: Mapping[Measure | None, str] = {"weight": "fusion weight (β)", "attention": "attention (α)"}
WEIGHS_ONLY, ADDS_ONLY = "weighs most, adds little", "adds most, weighs below average"


def columns(check: RealityCheck, names: tuple[str, ...], group: tuple[Measure, ...]) -> dict[str, np.ndarray | None]:
    """Sizes f64[M] of these measures by title, in the order of `names`, NaN for a modality that the record lacks."""
    rows = [names.index(name) for name in check.players]
    found: dict[str, np.ndarray | None] = {}
    for measure in group:
        values = check.measures[measure]
        if values is not None:
            full = np.full(len(names), np.nan)
            full[rows] = np.abs(values)
            found[TITLES[measure]] = full
    return found


def flags(check: RealityCheck, names: tuple[str, ...]) -> tuple[str, ...]:
    """Per modality how its weight and its contribution disagree; all empty where the check does not say so."""
    said = dict.fromkeys(names, "")
    shapley, share = check.measures["shapley"], check.favourite_share
    routing = None if check.judged is None else check.measures[check.judged]
    if check.disagrees and shapley is not None and routing is not None and share is not None:
        equal = 1 / len(check.players)
        if check.favourite is not None and share < equal:
            said[check.favourite] = WEIGHS_ONLY
        top = int(np.abs(shapley).argmax())
        if routing[top] < routing.mean():
            said[check.players[top]] = ADDS_ONLY
        if not any(said.values()):
            by_weight, by_size = (np.argsort(np.argsort(-v, kind="stable")) for v in (routing, np.abs(shapley)))
            odd = int(np.abs(by_weight - by_size).argmax())
            said[check.players[odd]] = f"place {by_weight[odd] + 1} by weight, {by_size[odd] + 1} by contribution"
    return tuple(said[name] for name in names)


def agreement(check: RealityCheck) -> tuple[np.ndarray, list[str], list[str]] | None:
    """Kendall's tau of what the system has, NaN where it is not defined, with titles of rows and columns; None where
    nothing can be ranked."""
    rows = [measure for measure in ROUTING if check.measures[measure] is not None]
    across = [measure for measure in CONTRIBUTION if check.measures[measure] is not None]
    taus = np.array([[check.taus[r, c] for c in across] for r in rows], dtype=float)
    if not taus.size or np.isnan(taus).all():
        return None
    return taus, [TITLES[m] for m in rows], [TITLES[m] for m in across]


def sentence(analysis: Analysis) -> str:
    """What the check found for this record and what that means for its reader, or why there is nothing to judge."""
    check = analysis.reality
    if check.disagrees is None:
        return f"Whether weights and contributions agree cannot be judged here: {_why_not(check)}."
    routed, title = JUDGED[check.judged], dict(zip(check.players, check.titles, strict=True))[str(check.favourite)]
    share, equal = percent(check.favourite_share or 0.0), percent(1 / len(check.players))
    tau = None if check.judged is None else check.taus[check.judged, "shapley"]
    first = f"{title} has the largest {routed} and makes up {share} of all that moved the estimate"
    if not check.disagrees:
        return f"{first}, at least an equal share ({equal})."
    parts = [first + (f", less than an equal share ({equal})." if _is_low(check) else ".")]
    if tau is not None and tau < 0:
        parts.append(
            f"Over all modalities the two orders run against each other (Kendall's rank correlation {signed(tau)})."
        )
    return " ".join(parts)


def _is_low(check: RealityCheck) -> bool:
    return check.favourite_share is not None and check.favourite_share < 1 / len(check.players)


def _why_not(check: RealityCheck) -> str:
    if check.judged is None:
        return "this model neither attends to modalities nor weighs them"
    count = len(check.players)
    if count < RANKED_FROM:
        what = (
            "nothing was recorded"
            if not count
            else f"only {count} of the modalities {'was' if count == 1 else 'were'} recorded"
        )
        return f"{what}, and with fewer than {RANKED_FROM} an agreement would be chance"
    if check.favourite is None:
        return f"the {JUDGED[check.judged]} is the same for all"
    return "no modality moved the estimate"
