"""A record's neighbours in words: how near they are, what became of them, and how much that is worth."""

from __future__ import annotations

from explain.similar import Neighbours, Typical, VoteQuality

ABOUT = 0.1
"""Distances that differ from the usual one by less than this share are as usual."""
APART = 0.9
NEAR = 0.1
ALONE = "There is no other record in this folder that this one could be compared with."
VERDICTS = ((0.4, "misleading"), (0.6, "no better than a coin"), (0.7, "weak evidence"), (0.8, "fair evidence"))
"""Areas under the curve below which a ranking is called so; good evidence from the last on."""


def nearness(distance: float, typical: Typical | None) -> str:
    """One distance beside what is usual in the folder: '0.72, nearer than usual'."""
    number = f"{distance:.2f}"
    if typical is None:
        return number
    if distance >= typical.anyone:
        return f"{number}, not similar: as far apart as any two records"
    if abs(distance - typical.neighbour) <= ABOUT * typical.neighbour:
        return f"{number}, as near as usual"
    return f"{number}, {'nearer' if distance < typical.neighbour else 'farther'} than usual"


def outcome_sentence(found: Neighbours, positive: str, simulated: bool) -> str:
    """What became of the neighbours."""
    what = "simulated records" if simulated else "records"
    far = 0 if found.typical is None else int((found.distances >= found.typical.anyone).sum())
    if len(found.ids) == 1:
        return f"Only one of the other {what} can be compared: a single outcome says next to nothing."
    nearest, seen = f"Of the {len(found.ids)} nearest {what}", found.observed
    if seen is None:
        return f"{nearest} no outcome is known."
    if far == len(found.ids):
        return f"None of the other {what} is similar: even the nearest lie as far apart as any two records."
    known = f", {seen.known} with a known outcome," if seen.known < len(found.ids) else ""
    return (
        f"{nearest}{known} {seen.events} came out as “{positive}”: {100 * seen.share:.0f} % (95 % interval "
        f"{100 * seen.low:.0f} to {100 * seen.high:.0f} %).{_not_similar(far)}"
    )


def _not_similar(far: int) -> str:
    if not far:
        return ""
    return f" {far} of them {'is' if far == 1 else 'are'} not similar, and counted all the same."


def distance_sentence(found: Neighbours) -> str:
    """Whether the record has near neighbours at all, compared with the others."""
    pool = f"{found.candidates:,} other record{'s have' if found.candidates > 1 else ' has'} the same things recorded"
    if found.candidates <= found.asked:
        pool += ", and all are listed, near or not"
    typical = found.typical
    if typical is None:
        return f"{pool}; too few to say what distance is usual."
    nearer = f"{round(typical.closer * typical.measured_on)} of {typical.measured_on} have nearer neighbours"
    if typical.closer >= APART:
        return f"{pool}. This record stands apart: {nearer}, so that these say little."
    kind = "a common one" if typical.closer <= NEAR else "not unusual"
    return f"{pool}. This record is {kind} here: {nearer}."


def nobody(found: Neighbours) -> str:
    """Why there is no neighbour."""
    if not found.modalities:
        return "Nothing was recorded, so that no record is like this one."
    return "No other record of this folder has the same things recorded. Open a larger folder."


def trust(quality: VoteQuality, found: Neighbours) -> tuple[str, ...]:
    """How much neighbours are worth in this folder, and how firmly these ones stand."""
    return (_vote(quality), *([] if found.stable is None else [_stability(found)]))


def _vote(quality: VoteQuality) -> str:
    if quality.auroc is None or quality.model_auroc is None:
        return (
            "How well neighbours tell an outcome cannot be measured in this folder: it takes records with the same "
            "things recorded and both outcomes known."
        )
    verdict = next((name for limit, name in VERDICTS if quality.auroc < limit), "good evidence")
    worth = "less than" if quality.auroc < quality.model_auroc else "as much as"
    return (
        f"Neighbours are {verdict} in this folder, worth {worth} the model's own estimate: {quality.records:,} records "
        f"ranked by the outcomes of their {quality.k} nearest give an AUROC of {quality.auroc:.2f}, ranked by the "
        f"estimate {quality.model_auroc:.2f} (0.5 is a coin, 1 is perfect; both are too good on records that the model "
        "was trained on)."
    )


def _stability(found: Neighbours) -> str:
    counts = found.stable or ()
    low, high = min(counts), max(counts)
    many = f"{low}" if low == high else f"{low} to {high}"
    return f"The model's {len(counts)} networks, each asked alone, would name {many} of these {len(found.ids)} records."
