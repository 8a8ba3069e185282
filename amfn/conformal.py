"""Conformal sets: which outcomes cannot be ruled out at a chosen error rate (Vovk, Gammerman, Shafer 2005).

Class-conditional: an outcome stays in the set where, among the records that had it, more than a share α speak as little
for it as this one does. Each outcome is asked on its own, so that a rare one is not sacrificed to a frequent one.
Records are compared with records of which the same modalities were recorded. Where an outcome has too few of these for
a steady answer, records that differ in one modality are asked as well and the more careful of the two answers counts,
which keeps the error rate within the pattern; where it has too few to rule anything out, the set is refused.

The guarantee, said honestly: were one network to score the calibration records and the new one, and were both drawn
alike, an outcome would be missed at most a share α of the time (split conformal). Here calibration records are scored
by the networks of their fold and a new one by the shipped networks (after cross-conformal predictors, Vovk 2015), for
which nothing better than about 2α is proven for relatives of the method (Barber et al. 2021) and about α is what is
commonly seen. `Calibration.coverage` measures what holds on records left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.special import betaincinv

from amfn.reliability import clopper_pearson
from amfn.types import InputError

ERROR_RATE = 0.10
ERROR_RATES = (0.05, 0.10, 0.20)
"""The error rates that screens offer and cards report."""
DOUBT = 0.05

Scope = Literal["same", "near"]


@dataclass(frozen=True, slots=True)
class ConformalSet:
    """The outcomes that cannot be ruled out at an error rate: none, one or both of 0 and 1.

    pattern_count: calibration records with exactly the same modalities. counts: those among them of outcome 0 and 1.
    scope: "same" modalities, or "near" where records with one modality more or fewer were asked as well. refused: why
    no set is given, else None; labels are then empty and mean nothing.
    """

    labels: tuple[int, ...]
    error_rate: float
    pattern_count: int
    counts: tuple[int, int]
    scope: Scope | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """Sets of records left out of calibration. pattern: bit mask, None for all; label: the outcome that came true.

    answered: records with a set; covered: those whose set holds what came true; single: those with one outcome in the
    set; empty: those with none. low, high: exact 95 % interval of the covered share.
    """

    pattern: int | None
    label: int
    records: int
    answered: int
    covered: int
    single: int
    empty: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Covered of answered; NaN where nothing was answered."""
        return self.covered / self.answered if self.answered else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Comparable:
    """For each outcome the calibrated logits of the records it is compared with, ascending; where there are two such
    groups the more careful answer counts."""

    zero: tuple[np.ndarray, ...]
    one: tuple[np.ndarray, ...]

    @property
    def scope(self) -> Scope:
        return "near" if len(self.zero) + len(self.one) > 2 else "same"

    def p_values(self, logits: np.ndarray) -> np.ndarray:
        """f64[N, 2]: a high logit speaks against outcome 0, a low one against outcome 1."""
        zero = [(len(g) - np.searchsorted(g, logits, "left") + 1) / (len(g) + 1) for g in self.zero]
        one = [(np.searchsorted(g, logits, "right") + 1) / (len(g) + 1) for g in self.one]
        return np.stack([np.maximum.reduce(zero), np.maximum.reduce(one)], 1)


def comparable(
    logits: np.ndarray, labels: np.ndarray, patterns: np.ndarray, pattern: int, error_rate: float
) -> Comparable | str:
    """The calibration records that a record of this pattern is compared with, or why there are too few."""
    steady, least = enough_for(error_rate), math.ceil(1 / error_rate - 1e-9) - 1
    if not pattern:
        return "nothing was recorded"
    differing = np.bitwise_count(patterns ^ pattern)
    if differing.all():
        return "too few records like this: no training record has just the same data recorded"
    outcomes: list[tuple[np.ndarray, ...]] = []
    for label in (0, 1):
        same, near = (np.sort(logits[(labels == label) & (differing <= apart)]) for apart in (0, 1))
        if len(same) >= steady:
            outcomes.append((same,))
        elif len(same) >= least and len(near) >= steady:
            outcomes.append((same, near))
        else:
            had = ("did not have", "had")[label]
            return (
                f"too few records like this: of those with the same data recorded, {len(same)} {had} the event, and "
                f"{least if len(same) < least else steady} are needed"
            )
    return Comparable(outcomes[0], outcomes[1])


def coverage_row(
    pattern: int | None, label: int, labels: np.ndarray, patterns: np.ndarray, answered: np.ndarray, held: np.ndarray
) -> CoverageRow:
    """Counts over the records of one pattern (all for None) and one outcome. answered bool[N]: a set was given;
    held bool[N, 2]: which outcomes it holds."""
    rows = (labels == label) & (True if pattern is None else patterns == pattern)
    sets = held[rows & answered]
    size = sets.sum(1)
    covered, single, empty = int(sets[:, label].sum()), int((size == 1).sum()), int((size == 0).sum())
    low, high = clopper_pearson(covered, len(sets))
    return CoverageRow(pattern, label, int(rows.sum()), len(sets), covered, single, empty, low, high)


@lru_cache(maxsize=64)
def enough_for(error_rate: float) -> int:
    """How many records of an outcome make a set steady at this error rate.

    Fewer than 1/α - 1 can rule nothing out. With just that many the error rate that comes out depends on the luck of
    the calibration draw: over draws it is Beta(l, n + 1 - l), l = floor(α (n + 1)) (Vovk 2012). Asked for here is that
    it stays below 2α in 95 of 100 draws: 79, 39 and 14 records at 5, 10 and 20 %.
    """
    if not 0 < error_rate < 1:
        raise InputError("error rate", str(error_rate), "a share between 0 and 1", "Choose 0.05, 0.1 or 0.2.")
    least = 1
    # The epsilon keeps 1 / 0.05 from becoming 20.000000000000004.
    while True:
        count = math.ceil(least / error_rate - 1e-9) - 1
        if count >= least and betaincinv(least, count + 1 - least, 1 - DOUBT) <= 2 * error_rate:
            return count
        least += 1
