"""Several models on the same records: how their figures differ, and where their answers do.

Axes: S models, N records, D bootstrap samples. Every difference is a model's figure minus the first one's, on the same
bootstrap samples of the records: what makes a record hard for both cancels. Labels are 0 and 1, chances lie in 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit
from scipy.stats import ttest_ind

from amfn.benchmark.figures import Samples, binary_samples, bootstrap_weights, interval
from amfn.evaluation import Interval
from amfn.reliability import BINS, clopper_pearson
from amfn.tasks import Task
from audit.measures import mean_interval, require_outcomes, t_interval
from audit.measures_areas import two_sided

FIGURES: Mapping[str, bool] = {"auroc": True, "auprc": True, "brier": False, "calibration_error": False}
"""What models are compared by, and whether more of it is better."""
MOST_DRAWS, FEWEST_DRAWS = 1000, 200
DRAWN_AT_ONCE = 2_000_000
"""Records times samples: what is kept in memory of a bootstrap."""
SMALLEST_LEVEL = 10
"""Records. In fewer, how far two models are apart is not said."""
QUANTILES = (50, 75, 95)
BARS = 25


@dataclass(frozen=True, slots=True)
class Difference:
    """This model's figure minus the first one's with its 95 % interval; p: the chance of one at least this large were
    there none; adjusted: after Holm over all figures of all models."""

    value: Interval
    p: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One model. figures: by the names of FIGURES; against: the same, empty for the first model."""

    figures: Mapping[str, Interval]
    against: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class Scores:
    """draws: bootstrap samples that the intervals are made of."""

    records: int
    positives: int
    draws: int
    models: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """How far the answers of two models lie apart, in shares of 1.

    size: mean of the sizes with its 95 % bootstrap interval; quantiles: of the sizes, at `QUANTILES` percent; shift:
    mean of second minus first; edges, counts: the sizes in BARS equal steps. sides i[2, 2]: records by the side of the
    threshold on which the first (row) and the second (column) stand, 0 below, 1 at or above; opposite: the share on
    opposite sides with its exact 95 % interval.
    """

    records: int
    size: Interval
    quantiles: tuple[float, ...]
    largest: float
    shift: float
    edges: Float[np.ndarray, " k+1"]
    counts: Int[np.ndarray, " k"]
    sides: Int[np.ndarray, "2 2"]
    opposite: Interval


@dataclass(frozen=True, slots=True)
class Level:
    """One level of one stratum: mean size of the difference in it with its 95 % t interval, in all other records
    (None where there are too few), and the chance that the two are alike after Holm over all levels (None where not
    compared). opposite: its share on opposite sides."""

    stratum: str
    level: str
    records: int
    size: Interval
    rest: float | None
    adjusted: float | None
    opposite: float


def draws_for(records: int) -> int:
    """Fewer samples of a large cohort, whose intervals are narrow."""
    return int(np.clip(20_000_000 // max(records, 1), FEWEST_DRAWS, MOST_DRAWS))


def scores(
    task: Task, labels: Int[np.ndarray, " n"], logits: Float[np.ndarray, "s n"], draws: int | None = None, seed: int = 0
) -> Scores:
    """Every model's figures and its paired differences to the first one. Raises InputError for a single outcome.

    AUROC, AUPRC and Brier score have percentile intervals. The calibration error (ten bins of equal count) of a
    bootstrap sample is larger than that of the records by nature, as chance adds to every bin: its intervals are moved
    down by as much. p-values: of the difference over its standard deviation between samples.
    """
    labels = labels.astype(int)
    _, positives = require_outcomes(labels)
    wanted = draws or draws_for(len(labels))
    found = _sampled(task, labels, logits, wanted, seed)
    raw: list[dict[str, tuple[Interval, float]]] = []
    for own in found[1:]:
        pairs = {name: own[name] - found[0][name] for name in FIGURES}
        raw.append({name: (_limits(name, d), two_sided(float(d[0]), float(d[1:].std()))) for name, d in pairs.items()})
    adjusted = iter(holm([p for each in raw for _, p in each.values()]))
    against = [{name: Difference(value, p, next(adjusted)) for name, (value, p) in each.items()} for each in raw]
    figures = [{name: _limits(name, own[name]) for name in FIGURES} for own in found]
    models = tuple(Standing(own, other) for own, other in zip(figures, [{}, *against], strict=True))
    return Scores(len(labels), positives, len(found[0]["auroc"]) - 1, models)


def _sampled(task: Task, labels: np.ndarray, logits: np.ndarray, draws: int, seed: int) -> list[Samples]:
    """Figures of each model on the records and on the same bootstrap samples of them, a few samples at a time."""
    at_once = int(np.clip(DRAWN_AT_ONCE // len(labels), 10, draws))
    parts: list[list[Samples]] = [[] for _ in logits]
    for k, start in enumerate(range(0, draws, at_once)):
        weights = bootstrap_weights(labels, min(at_once, draws - start), seed=1000 * seed + k)
        for own, scored in zip(parts, logits, strict=True):
            ranked = binary_samples(task, labels, scored, weights)
            ranked["calibration_error"] = calibration_samples(labels, expit(scored.astype(float)), weights)
            # The first row of every part is the records themselves.
            own.append({name: ranked[name][0 if k == 0 else 1 :] for name in FIGURES})
    return [{name: np.concatenate([part[name] for part in own]) for name in FIGURES} for own in parts]


def calibration_samples(
    labels: Int[np.ndarray, " n"], chances: Float[np.ndarray, " n"], weights: Float[np.ndarray, "d n"]
) -> Float[np.ndarray, " d"]:
    """`amfn.reliability.calibration_error` of every bootstrap sample. weights: how often each record was drawn."""
    order = np.argsort(chances, kind="stable")
    error = (chances - labels)[order]
    sizes = [len(part) for part in np.array_split(np.arange(len(labels)), BINS)]
    edges = np.cumsum([0, *sizes])
    found = []
    for weight in weights[:, order].astype(np.float64):
        # A record that was drawn several times may lie in two bins: each of its draws adds the same.
        sums = np.interp(edges, np.append(0, np.cumsum(weight)), np.append(0, np.cumsum(weight * error)))
        found.append(np.abs(np.diff(sums)).sum() / len(labels))
    return np.array(found)


def _limits(name: str, drawn: Float[np.ndarray, " d"]) -> Interval:
    found = interval(drawn)
    if name != "calibration_error":
        return found
    excess = float(drawn[1:].mean()) - found.value
    return Interval(found.value, found.low - excess, found.high - excess)


def holm(chances: Sequence[float]) -> list[float]:
    """p-values of one family after Holm (1979): the largest that each may be said to be."""
    if not len(chances):
        return []
    # statsmodels takes most of a second to import.
    from statsmodels.stats.multitest import multipletests

    adjusted: list[float] = multipletests(list(chances), method="holm")[1].tolist()
    return adjusted


def apart(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"], threshold: float) -> Apart:
    """Two models' chances of the same records; at least one record."""
    change = second.astype(float) - first.astype(float)
    size = np.abs(change)
    above = [(own >= threshold).astype(int) for own in (first, second)]
    sides = np.bincount(2 * above[0] + above[1], minlength=4).reshape(2, 2)
    crossed = int(sides[0, 1] + sides[1, 0])
    top = float(size.max())
    counts, edges = np.histogram(size, BARS, (0.0, top or 0.01))
    return Apart(
        len(size),
        mean_interval(size) or Interval(0.0, 0.0, 0.0),
        tuple(np.percentile(size, QUANTILES).tolist()),
        top,
        float(change.mean()),
        edges,
        counts,
        sides,
        Interval(crossed / len(size), *clopper_pearson(crossed, len(size))),
    )


def levels(
    strata: Mapping[str, np.ndarray], size: Float[np.ndarray, " n"], opposite: Bool[np.ndarray, " n"]
) -> tuple[Level, ...]:
    """Where two models lie furthest apart: levels with `SMALLEST_LEVEL` records or more, the largest mean size first.

    strata: title -> level of each record. Compared with all other records by Welch's t test.
    """
    rows: list[Level] = []
    family: dict[tuple[str, str], float] = {}
    for title, words in strata.items():
        names = np.unique(words)
        for name in names:
            own = words == name
            found = t_interval(size[own]) if own.sum() >= SMALLEST_LEVEL else None
            if found is None:
                continue
            others = size[~own]
            rest = float(others.mean()) if len(others) >= SMALLEST_LEVEL else None
            rows.append(Level(title, str(name), int(own.sum()), found, rest, None, float(opposite[own].mean())))
            if rest is not None:
                # Of two levels each is the other's rest: one comparison, counted once.
                family.setdefault((title, str(name) if len(names) > 2 else ""), _welch(size[own], others))
    adjusted = dict(zip(family, holm(list(family.values())), strict=True))
    said = [
        replace(level, adjusted=adjusted.get((level.stratum, level.level), adjusted.get((level.stratum, ""))))
        for level in rows
    ]
    return tuple(sorted(said, key=lambda level: -level.size.value))


def _welch(own: np.ndarray, others: np.ndarray) -> float:
    """1 where nothing varies: there is nothing to tell apart."""
    if not (own.std() or others.std()):
        return 1.0
    return float(ttest_ind(own.astype(float), others.astype(float), equal_var=False).pvalue)
