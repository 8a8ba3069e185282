"""From finished units to rows: every system with its figures, and its paired differences to the trees and to AMFN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from amfn.benchmark import figures
from amfn.benchmark.figures import (
    Samples,
    bootstrap_weights,
    calibration,
    differences,
    interval,
    mean_samples,
    samples,
    spread,
)
from amfn.benchmark.systems import OURS, PEER, System
from amfn.benchmark.units import Store
from amfn.evaluation import Interval
from amfn.removal import MEAN, RATES, REPEATS, ZERO, alone, imputed, removed

REMOVAL_BOOTSTRAPS = 300
"""Enough for curves: there are a score of variants of every system."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Out-of-fold answers of one system, f32[N, K] for each finished seed."""

    system: System
    seeds: tuple[int, ...]
    outputs: tuple[Float[np.ndarray, "n k"], ...]

    @property
    def together(self) -> Float[np.ndarray, "n k"]:
        """All seeds as one model: their mean logit, or the mean of what they predict."""
        return np.mean(self.outputs, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row of a table. members: 1 where the figures are means over `seeds` single models, else how many models
    answer together. spread: mean and standard deviation over folds and seeds. against: reference -> figure -> paired
    difference, this row minus the reference's row of the same kind."""

    system: System
    seeds: tuple[int, ...]
    members: int
    figures: Mapping[str, Interval]
    spread: Mapping[str, tuple[float, float]]
    against: Mapping[str, Mapping[str, Interval]]
    calibration_error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """Figures of one system (all its seeds together) with modalities taken away. by_rate[percent]: mean over draws;
    by_modality: with this one alone, over the `records` that have it. title: the system's, or the filling's."""

    system: System
    title: str
    by_rate: Mapping[int, Mapping[str, Interval]]
    by_modality: Mapping[str, tuple[int, Mapping[str, Interval]]]
    against: Mapping[str, Mapping[int, Mapping[str, Interval]]]


def finished(store: Store, systems: Sequence[System]) -> list[Answers]:
    """The systems of which at least one seed has every fold."""
    found = []
    for system in systems:
        seeds = store.seeds(system)
        if seeds:
            found.append(Answers(system, seeds, tuple(store.outputs(system, seed) for seed in seeds)))
    return found


def compare(store: Store, answers: Sequence[Answers], references: Sequence[str] = (PEER, OURS)) -> list[Row]:
    """One row for each system's single models, and one for its seeds together where there are several."""
    bench = store.bench
    task, labels = bench.cohort.task, bench.cohort.labels
    weights = bootstrap_weights(labels)
    single: dict[str, Samples] = {}
    joint: dict[str, Samples] = {}
    for each in answers:
        single[each.system.name] = mean_samples([samples(task, labels, out, weights) for out in each.outputs])
        if len(each.seeds) > 1:
            joint[each.system.name] = samples(task, labels, each.together, weights)
    rows = []
    for each in answers:
        name = each.system.name
        for own, others, outputs in (
            (single[name], single, each.outputs),
            (joint.get(name), single | joint, (each.together,)),
        ):
            if own is None:
                continue
            rows.append(
                Row(
                    each.system,
                    each.seeds,
                    1 if own is single[name] else len(each.seeds),
                    {figure: interval(drawn) for figure, drawn in own.items()},
                    spread(task, labels, outputs, bench.fold),
                    {r: differences(own, others[r]) for r in references if r in others and r != name},
                    calibration(labels, outputs) if task.kind == "binary" else None,
                )
            )
    return rows


def compare_removal(store: Store, answers: Sequence[Answers], references: Sequence[str]) -> list[Removal]:
    """Removal curves of the systems that were asked with modalities taken away; empty where none was."""
    bench = store.bench
    task, labels = bench.cohort.task, bench.cohort.labels
    if task.kind != "binary":
        return []
    draws = min(REMOVAL_BOOTSTRAPS, figures.BOOTSTRAPS)
    weights = bootstrap_weights(labels, draws)
    having = {name: (~np.isnan(values)).any((1, 2)) for name, values in bench.cohort.values.items()}
    having = {name: has for name, has in having.items() if len(np.unique(labels[has])) == 2}
    weights_of = {name: bootstrap_weights(labels[has], draws) for name, has in having.items()}
    curves: list[tuple[Answers, str, dict[int, Samples], dict[str, tuple[int, Samples]]]] = []
    for each in answers:
        by_seed = [store.variants(each.system, seed) for seed in each.seeds]
        if not by_seed[0]:
            continue
        variants = {name: np.mean([v[name] for v in by_seed], 0) for name in by_seed[0]}

        def measured(name: str, variants: Mapping[str, np.ndarray] = variants) -> Samples:
            return samples(task, labels, variants[name], weights)

        rates = {0: samples(task, labels, each.together, weights)}
        rates |= {rate: mean_samples([measured(removed(rate, draw)) for draw in range(REPEATS)]) for rate in RATES[1:]}
        singles = {
            name: (int(has.sum()), samples(task, labels[has], variants[alone(name)][has], weights_of[name]))
            for name, has in having.items()
        }
        curves.append((each, each.system.title, rates, singles))
        if each.system.imputed:
            for filling, words in ((ZERO, "zeros"), (MEAN, "training means")):
                rates = {0: measured(imputed(filling, removed(0, 0)))}
                rates |= {
                    rate: mean_samples([measured(imputed(filling, removed(rate, d))) for d in range(REPEATS)])
                    for rate in RATES[1:]
                }
                curves.append((each, f"{each.system.title}, {words} in place of what is missing", rates, {}))
    named = {each.system.title: rates for each, _, rates, _ in curves if each.system.name in references}
    return [
        Removal(
            each.system,
            title,
            {rate: {f: interval(d) for f, d in drawn.items()} for rate, drawn in rates.items()},
            {m: (n, {f: interval(d) for f, d in drawn.items()}) for m, (n, drawn) in singles.items()},
            {r: {rate: differences(rates[rate], other[rate]) for rate in rates} for r, other in named.items()}
            if title == each.system.title
            else {},
        )
        for each, title, rates, singles in curves
    ]
