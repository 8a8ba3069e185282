"""Parts of a cohort: how well each is ranked and matched beside the rest, and what modalities contribute in it.

Axes: N records, M modalities. Every part is compared with all other records of the same stratum; the p-values of one
table are adjusted together by Holm's method (Holm 1979, Scandinavian Journal of Statistics 6): it bounds the chance of
a single wrong "differs" in the whole table at 5 %, and stays valid although the comparisons share records, which the
Benjamini-Hochberg rate of false discoveries promises only under conditions on how they depend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from amfn.evaluation import Interval
from amfn.reliability import clopper_pearson
from amfn.subgroups import SMALLEST_CLASS
from audit.measures import t_interval
from audit.measures_areas import Areas, Z, areas, two_sided
from audit.measures_modalities import QUANTILES

ALPHA = 0.05
NEWTON_STEPS = 30
SETTLED = 1e-10
QUANTILED_FROM = 5
"""Records from which on quantiles are drawn; fewer are too few to say how values spread."""


@dataclass(frozen=True, slots=True)
class Part:
    """One level of one stratum. predicted: mean chance; observed: its share with the exact 95 % interval.

    auroc: None where the rarer outcome occurs in fewer than `SMALLEST_CLASS` records ("too few"). intercept:
    calibration in the large, in log-odds: how much the estimates of this part would have to move to match what was
    observed (above 0: estimated too low), with its 95 % interval; None as above. *_p: the chance of a difference from
    the rest at least this large were there none; *_adjusted: after Holm over the whole table; None where not compared.
    """

    stratum: str
    level: str
    records: int
    positives: int
    predicted: float
    observed: Interval
    auroc: Interval | None = None
    intercept: Interval | None = None
    auroc_p: float | None = None
    auroc_adjusted: float | None = None
    intercept_p: float | None = None
    intercept_adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """One modality's Shapley values in one group of records, over those that have it, in log-odds.

    mean with its 95 % t interval, None below two records; quantiles: at `QUANTILES` percent, None below
    `QUANTILED_FROM` records; strength: mean of the sizes, None without records.
    """

    records: int
    mean: Interval | None
    strength: float | None
    quantiles: tuple[float, ...] | None


def subgroups(
    strata: Mapping[str, Sequence[str] | np.ndarray], labels: Int[np.ndarray, " n"], logits: Float[np.ndarray, " n"]
) -> tuple[Part, ...]:
    """Every level of every stratum, in alphabetical order. strata: title -> level of each record; labels: 0 and 1, of
    records whose outcome is known. A stratum with a single level has no rest, so that nothing is compared."""
    chances = expit(logits)
    found: list[Part] = []
    for title, levels in strata.items():
        level = np.asarray(levels, dtype=str)
        names = np.unique(level)
        parts = [_part(title, str(name), level == name, labels, logits, chances) for name in names]
        found += [parts[0]] if len(parts) == 1 else _compared(parts, level, labels, logits)
    return _adjusted(found)


def calibration_intercept(labels: Int[np.ndarray, " n"], logits: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Calibration in the large and its standard error: the a of logit(P) = a + logit that makes the mean chance the
    observed share (logistic regression on an intercept with the logit as offset; Steyerberg 2009, section 15.3.2).

    Both outcomes have to occur.
    """
    share = labels.mean()
    found = float(np.log(share / (1 - share)) - np.log(expit(logits).mean() / (1 - expit(logits).mean())))
    for _ in range(NEWTON_STEPS):
        chances = expit(logits + found)
        step = float((labels.sum() - chances.sum()) / (chances * (1 - chances)).sum())
        found += step
        if abs(step) < SETTLED:
            break
    chances = expit(logits + found)
    return found, float(1 / np.sqrt((chances * (1 - chances)).sum()))


def contributions(
    values: Float[np.ndarray, "n m"], level: Int[np.ndarray, " n"], levels: int
) -> tuple[tuple[Contribution, ...], ...]:
    """For each of `levels` groups and each modality its Shapley values. values: NaN where a record lacks the modality;
    level: the group of each record, from 0."""
    return tuple(
        tuple(_contribution(column[np.isfinite(column)]) for column in values[level == k].T.astype(float))
        for k in range(levels)
    )


def _contribution(values: Float[np.ndarray, " n"]) -> Contribution:
    count = len(values)
    if not count:
        return Contribution(0, None, None, None)
    quantiles = tuple(np.percentile(values, QUANTILES).tolist()) if count >= QUANTILED_FROM else None
    return Contribution(count, t_interval(values), float(np.abs(values).mean()), quantiles)


def _part(
    stratum: str, level: str, rows: np.ndarray, labels: np.ndarray, logits: np.ndarray, chances: np.ndarray
) -> Part:
    count, positives = int(rows.sum()), int(labels[rows].sum())
    low, high = clopper_pearson(positives, count)
    part = Part(stratum, level, count, positives, float(chances[rows].mean()), Interval(positives / count, low, high))
    if not _measured(part):
        return part
    intercept, error = calibration_intercept(labels[rows], logits[rows])
    margin = Z * error
    return replace(
        part,
        auroc=_area(labels[rows], logits[rows]).interval(np.ones(1)),
        intercept=Interval(intercept, intercept - margin, intercept + margin),
    )


def _measured(part: Part) -> bool:
    return min(part.positives, part.records - part.positives) >= SMALLEST_CLASS


def _area(labels: np.ndarray, logits: np.ndarray) -> Areas:
    return areas(labels, logits[None])


def _compared(parts: list[Part], level: np.ndarray, labels: np.ndarray, logits: np.ndarray) -> list[Part]:
    out = []
    for part in parts:
        own = level == part.level
        rest = int(labels[~own].sum())
        if not _measured(part) or min(rest, int((~own).sum()) - rest) < SMALLEST_CLASS:
            out.append(part)
            continue
        mine, others = (_area(labels[rows], logits[rows]) for rows in (own, ~own))
        error = np.sqrt(mine.covariance[0, 0] + others.covariance[0, 0])
        (here, here_error), (there, there_error) = (
            calibration_intercept(labels[rows], logits[rows]) for rows in (own, ~own)
        )
        out.append(
            replace(
                part,
                auroc_p=two_sided(float(mine.values[0] - others.values[0]), float(error)),
                intercept_p=two_sided(here - there, float(np.hypot(here_error, there_error))),
            )
        )
    return out


def _adjusted(parts: list[Part]) -> tuple[Part, ...]:
    """Holm over all comparisons of the table. Of two levels, each is the other's rest: one comparison, counted once."""
    # statsmodels takes most of a second to import.
    from statsmodels.stats.multitest import multipletests

    sizes: dict[str, int] = {}
    for part in parts:
        sizes[part.stratum] = sizes.get(part.stratum, 0) + 1
    family: dict[tuple[str, str, str], float] = {}
    for part in parts:
        for name, p in (("auroc", part.auroc_p), ("intercept", part.intercept_p)):
            if p is not None:
                family.setdefault(_comparison(part, name, sizes), p)
    if not family:
        return tuple(parts)
    adjusted = dict(zip(family, multipletests(list(family.values()), ALPHA, method="holm")[1].tolist(), strict=True))
    return tuple(
        replace(
            part,
            auroc_adjusted=adjusted.get(_comparison(part, "auroc", sizes)),
            intercept_adjusted=adjusted.get(_comparison(part, "intercept", sizes)),
        )
        for part in parts
    )


def _comparison(part: Part, name: str, sizes: Mapping[str, int]) -> tuple[str, str, str]:
    return name, part.stratum, part.level if sizes[part.stratum] > 2 else ""
