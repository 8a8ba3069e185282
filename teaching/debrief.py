"""What a class's answers say: how good estimates were before and after seeing the model, and whom learners followed.

A trial is one learner's answers to one record. Estimates are probabilities in 0..1. On which side of `side` an estimate
lies is the bet that it makes; one of exactly `side` makes none, and its trial is left out of what asks for bets. A
share comes with its counts, and is None with a reason where nothing was there to count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from amfn.types import InputError
from explain.agreement import kendall

DRAWS = 2000
LEARNERS_FROM = 3
"""Resampling one learner gives that learner again, and two give three values: no interval."""
RELIABLE_FROM = 5
"""Percentile intervals of so few are too narrow; from here on they are shown without a warning."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Trial:
    """before: committed to without the model. after: with the model shown, None where it was not asked or not answered.
    model: its estimate. outcome: 1 where the event came true. undecided: learners were told that the model rules out
    neither outcome, so that its estimate is on nobody's side. Raises InputError outside 0..1."""

    learner: str
    record: str
    before: float
    after: float | None
    model: float
    outcome: int
    undecided: bool = False

    def __post_init__(self) -> None:
        for value in (self.before, self.model, 0.0 if self.after is None else self.after):
            if not 0 <= value <= 1:
                raise InputError("trial", f"an estimate of {value}", "0 to 1", "Pass shares, not percent.")
        if self.outcome not in (0, 1):
            raise InputError("trial", f"an outcome of {self.outcome}", "0 or 1", "Leave records without one out.")


@dataclass(frozen=True, slots=True)
class Share:
    """count of `of`; value is None where `of` is 0, and `reason` then says why."""

    count: int
    of: int
    reason: str

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Debrief:
    """The answers of a class, or of one learner.

    learners, trials: with an estimate before. paired: trials with one after as well; the four Brier scores below and
    the reliance are of these alone, so that the same answers are compared. brier_all: before, of all trials. A Brier
    score is the mean squared difference between estimate and outcome, 0 for a perfect one (Brier 1950); None without
    trials. change: after less before, below zero is better; low, high: its 95 % interval, learners resampled with
    replacement (percentiles), None for fewer than LEARNERS_FROM learners, and `no_interval` then says so; resampled:
    the learners it rests on. Of the paired trials the reliance leaves out those of undecided records (undecided), and
    of the others those with an estimate on neither side (sideless).

    switched: of the trials in which the first estimate lay on the other side than the model's, those in which the last
    one lies on the model's (switch fraction: Yin et al. 2019; Zhang et al. 2020). rair: of the trials in which the
    learner was wrong at first and the model right, those that ended right (relative AI reliance); rsr: of those in
    which the learner was right at first and the model wrong, those that ended right (relative self-reliance; both
    Schemmer et al. 2023, "Appropriate Reliance on AI Advice").
    """

    learners: int
    trials: int
    paired: int
    undecided: int
    sideless: int
    brier_all: float | None
    before: float | None
    after: float | None
    model: float | None
    change: float | None
    low: float | None
    high: float | None
    resampled: int
    no_interval: str
    switched: Share
    rair: Share
    rsr: Share


@dataclass(frozen=True, slots=True)
class RankingAgreement:
    """Kendall's tau-b of rankings with the size of the model's contributions: the mean over rankings, and how many had
    one; rankings in which nothing can be ranked have none."""

    mean: float | None
    defined: int
    rankings: int


def debrief(trials: Sequence[Trial], side: float = 0.5, draws: int = DRAWS, seed: int = 0) -> Debrief:
    """The figures of these trials. Raises InputError for two trials of one learner on one record, or a side that is not
    between 0 and 1."""
    if not 0 < side < 1:
        raise InputError("side", str(side), "a share between 0 and 1", "Correct it.")
    if len({(t.learner, t.record) for t in trials}) < len(trials):
        raise InputError("trials", "a learner twice on one record", "one trial of each", "Keep the first answer.")
    paired = [t for t in trials if t.after is not None]
    low, high = _interval(paired, draws, seed)
    resampled = len({t.learner for t in paired})
    before, after = (_brier([_value(t, name) for t in paired], paired) for name in ("before", "after"))
    decided = [t for t in paired if not t.undecided]
    sided = [t for t in decided if side not in (t.before, _value(t, "after"), t.model)]
    return Debrief(
        learners=len({t.learner for t in trials}),
        trials=len(trials),
        paired=len(paired),
        undecided=len(paired) - len(decided),
        sideless=len(decided) - len(sided),
        brier_all=_brier([t.before for t in trials], trials),
        before=before,
        after=after,
        model=_brier([t.model for t in paired], paired),
        change=None if before is None or after is None else after - before,
        low=low,
        high=high,
        resampled=resampled,
        no_interval="" if low is not None else f"no interval: fewer than {LEARNERS_FROM} people",
        switched=_switched(sided, side),
        rair=_reliance(sided, side, model_right=True),
        rsr=_reliance(sided, side, model_right=False),
    )


def ranking_agreement(rankings: Sequence[Sequence[str]], contributions: Mapping[str, float]) -> RankingAgreement:
    """rankings: names from first to last; those that one leaves out share the place after its last. contributions:
    what each modality added, by name; its size is what counts. Raises InputError for a name that is not among these, or
    one that stands twice."""
    strength = np.abs(np.array(list(contributions.values()), dtype=np.float64))
    taus = []
    for ranking in rankings:
        if len(set(ranking)) < len(ranking) or not set(ranking) <= set(contributions):
            raise InputError(
                "ranking", ", ".join(ranking) or "nothing", f"some of {', '.join(contributions)}, each once", "Mend it."
            )
        places = [ranking.index(name) if name in ranking else len(ranking) for name in contributions]
        taus.append(kendall(-np.array(places, dtype=np.float64), strength))
    known = [tau for tau in taus if tau is not None]
    return RankingAgreement(float(np.mean(known)) if known else None, len(known), len(rankings))


def mean_places(rankings: Sequence[Sequence[str]], names: Sequence[str]) -> Float[np.ndarray, " n"]:
    """The mean place of each name, 1 for first; names that a ranking leaves out share the mean of the places left."""
    if not rankings:
        return np.full(len(names), np.nan)
    places = np.empty((len(rankings), len(names)))
    for row, ranking in zip(places, rankings, strict=True):
        rest = (len(ranking) + 1 + len(names)) / 2
        row[:] = [ranking.index(name) + 1 if name in ranking else rest for name in names]
    return places.mean(axis=0)


def _value(trial: Trial, name: str) -> float:
    return float(getattr(trial, name))


def _brier(estimates: Sequence[float], trials: Sequence[Trial]) -> float | None:
    if not trials:
        return None
    outcomes = np.array([t.outcome for t in trials], dtype=np.float64)
    return float(np.mean((np.array(estimates) - outcomes) ** 2))


def _interval(paired: Sequence[Trial], draws: int, seed: int) -> tuple[float | None, float | None]:
    """Percentile interval of the change of the Brier score, whole learners drawn with replacement."""
    learners = sorted({t.learner for t in paired})
    if len(learners) < LEARNERS_FROM:
        return None, None
    place = {learner: k for k, learner in enumerate(learners)}
    sums, counts = np.zeros(len(learners)), np.zeros(len(learners))
    for t in paired:
        sums[place[t.learner]] += (_value(t, "after") - t.outcome) ** 2 - (t.before - t.outcome) ** 2
        counts[place[t.learner]] += 1
    drawn = np.random.default_rng(seed).integers(len(learners), size=(draws, len(learners)))
    changes = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(changes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _switched(sided: Sequence[Trial], side: float) -> Share:
    apart = [t for t in sided if (t.before > side) != (t.model > side)]
    moved = sum((_value(t, "after") > side) == (t.model > side) for t in apart)
    return Share(moved, len(apart), "No first estimate lay on the other side than the model's.")


def _reliance(sided: Sequence[Trial], side: float, model_right: bool) -> Share:
    """Trials in which learner and model differed and the model was right, or the learner; those that ended right."""
    asked = [
        t
        for t in sided
        if ((t.model > side) == bool(t.outcome)) == model_right
        and ((t.before > side) == bool(t.outcome)) != model_right
    ]
    ended = sum((_value(t, "after") > side) == bool(t.outcome) for t in asked)
    who = (
        "a learner was wrong at first and the model right" if model_right else "a learner was right and the model wrong"
    )
    return Share(ended, len(asked), f"There was no answer in which {who}.")
