"""What modalities contribute and how they are routed, over the records of an audit.

Axes: N records, M modalities. NaN where a record lacks a modality. Contributions are log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from amfn.evaluation import Interval
from amfn.reliability import clopper_pearson
from audit.measures import mean_interval, t_interval
from explain.reality import Measure

QUANTILES = (5, 25, 50, 75, 95)
BINS = 20


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one number spreads over records: their count, mean, standard deviation, quantiles at 5, 25, 50, 75, 95 %."""

    records: int
    mean: float
    sd: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Modality:
    """One modality over the records that have it. present: its share of all records.

    strength: mean size of its Shapley values with its 95 % bootstrap interval, None where no record has it; mean: of
    the signed values with the 95 % interval by Student's t, None below two records. gate, weight: γ and β, None where
    the system has none.
    """

    name: str
    records: int
    present: float
    strength: Interval | None
    mean: Interval | None
    gate: Distribution | None
    weight: Distribution | None


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A matrix over the records that have both modalities of a cell: mean, standard deviation over these records, mean
    size, f64[M, M], NaN where no record has both; records: how many have."""

    mean: Float[np.ndarray, "m m"]
    sd: Float[np.ndarray, "m m"]
    size: Float[np.ndarray, "m m"]
    records: Float[np.ndarray, "m m"]


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """Kendall's tau of one measure of routing with one of contribution, over the records where it is defined.

    counts: records in `BINS` equal parts of -1..1; below: share of these records in which the two rank in opposite
    ways, tau < 0. distribution: None where it is defined for none.
    """

    routing: Measure
    contribution: Measure
    distribution: Distribution | None
    counts: tuple[int, ...]
    below: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How many records are flagged by the rule of `explain.reality`, of those that it can judge; exact 95 % interval.

    favourites: modality -> how often it is routed to most, and how often that record is flagged.
    """

    judged: int
    flagged: int
    share: Interval
    favourites: tuple[tuple[str, int, int], ...]


def modalities(
    names: tuple[str, ...],
    shapley: Float[np.ndarray, "n m"],
    gates: Float[np.ndarray, "n m"] | None = None,
    weights: Float[np.ndarray, "n m"] | None = None,
) -> tuple[Modality, ...]:
    """Every modality, in the schema's order."""
    found = []
    for k, name in enumerate(names):
        own = _finite(shapley[:, k])
        found.append(
            Modality(
                name,
                len(own),
                len(own) / max(len(shapley), 1),
                mean_interval(np.abs(own)),
                t_interval(own),
                None if gates is None else distribution(gates[:, k]),
                None if weights is None else distribution(weights[:, k]),
            )
        )
    return tuple(found)


def distribution(values: Float[np.ndarray, " n"]) -> Distribution | None:
    """Of the finite values; None where there is none."""
    own = _finite(values)
    if not len(own):
        return None
    quantiles = tuple(np.percentile(own, QUANTILES).tolist())
    return Distribution(len(own), float(own.mean(dtype=float)), float(own.std(dtype=float)), quantiles)


def pairs(stack: Float[np.ndarray, "n m m"], present: Bool[np.ndarray, "n m"]) -> Pairs:
    """stack: one matrix a record, 0 in the rows and columns of what it lacks."""
    here = present.astype(float)
    records = here.T @ here
    none = np.where(records > 0, records, np.nan)
    mean = stack.sum(0, dtype=float) / none
    square = np.einsum("nij,nij->ij", stack, stack, dtype=float) / none
    size = np.abs(stack).sum(0, dtype=float) / none
    return Pairs(mean, np.sqrt(np.maximum(square - mean**2, 0)), size, records)


def rank_agreement(taus: Mapping[tuple[Measure, Measure], Float[np.ndarray, " n"]]) -> tuple[RankAgreement, ...]:
    """One row for each pair of a measure of routing and one of contribution; NaN where a record defines no tau."""
    rows = []
    for (routing, contribution), column in taus.items():
        own = _finite(column)
        counts = np.histogram(own, BINS, (-1, 1))[0]
        below = float((own < 0).mean()) if len(own) else 0.0
        rows.append(RankAgreement(routing, contribution, distribution(own), tuple(counts.tolist()), below))
    return tuple(rows)


def disagreement(
    judged: Bool[np.ndarray, " n"], flagged: Bool[np.ndarray, " n"], favourite: np.ndarray
) -> Disagreement:
    """judged: the rule could say; flagged: it says "disagrees"; favourite: name of the modality routed to most."""
    count, odd = int(judged.sum()), int((judged & flagged).sum())
    names = favourite[judged].astype(str)
    odd_names = favourite[judged & flagged].astype(str)
    favourites = [(str(n), int((names == n).sum()), int((odd_names == n).sum())) for n in np.unique(names)]
    share = Interval(odd / count if count else 0.0, *clopper_pearson(odd, count))
    return Disagreement(count, odd, share, tuple(sorted(favourites, key=lambda row: -row[1])))


def _finite(values: np.ndarray) -> Float[np.ndarray, " n"]:
    return values[np.isfinite(values)]
