"""How far each attribution method can be trusted on one model: measured once, stored beside the checkpoint.

The work falls into units, one part of the report for one method each, so that a run that was killed goes on where it
was. Aggregates only: no record's own numbers are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from amfn.types import Batch, Explainable, InputError
from explain.baselines import median, zero
from explain.faithfulness import Faithfulness, Score, faithfulness
from explain.infidelity import Explainer
from explain.methods import METHODS, attribute
from explain.planted import CAUSE, CAUSE_OR_EVIDENCE, Hit, Planted, counts, hit, table
from explain.reference import Reference
from explain.routing import routing_report
from explain.sanity import Interval, label_randomisation, weight_randomisation
from explain.shapley import coalition_values
from explain.types import COMPLETE_WITHIN, Attribution

Part = Literal["adds_up", "faithful", "weights", "labels", "planted", "routing"]
PER_METHOD: tuple[Part, ...] = ("adds_up", "faithful", "weights", "labels", "planted")
MODALITIES = "modalities"
"""In place of a method's name: Shapley values and leave-one-out over modalities."""

REFINED: Mapping[str, Mapping[str, Any]] = {"integrated_gradients": {"refine": True}}
"""Settings with which the product shows a method, where they are not its defaults."""

QUANTILES = (0.5, 0.9, 1.0)
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Unit:
    """One part of the report for one method; the routing part belongs to no method."""

    part: Part
    method: str

    @property
    def name(self) -> str:
        return f"{self.part}-{self.method}"


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What an audit works on. records: one each, of the model's training data. routed: the same data in large batches.
    simulated: record and planted truth. shuffled: a network of the same architecture trained on shuffled labels."""

    model: Explainable
    reference: Reference
    records: Sequence[Batch]
    routed: Sequence[Batch]
    simulated: Sequence[tuple[Batch, tuple[Planted, ...]]]
    shuffled: Explainable | None


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. sanity: of so many records the weights are made random, which takes a dozen attributions a
    record. orders: random orders that an attribution's is compared with. draws: random routings a record."""

    methods: tuple[str, ...] = tuple(METHODS)
    sanity: int = 12
    orders: int = 5
    draws: int = 20
    seed: int = 0

    def units(self, material: Material) -> tuple[Unit, ...]:
        """In the order in which they are measured. Raises InputError for an unknown method or nothing to work on."""
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown or not material.records or self.sanity < 2 or self.orders < 1:
            raise InputError(
                "audit", f"methods {', '.join(unknown) or 'known'}, {len(material.records)} records, {self.sanity} of "
                f"them for sanity checks, {self.orders} random orders",
                f"methods of {', '.join(METHODS)}; a record; 2 or more of them; 1 or more orders", "Correct it.",
            )  # fmt: skip
        parts = [
            part
            for part in PER_METHOD
            if not (part == "labels" and material.shuffled is None)
            and not (part == "planted" and not material.simulated)
        ]
        found = [Unit(part, method) for part in parts for method in self.methods]
        if material.simulated:
            found.append(Unit("planted", MODALITIES))
        return (Unit("routing", MODALITIES), *found)


def run_unit(unit: Unit, material: Material, plan: Plan, progress: Progress) -> dict[str, Any]:
    """One part of the report, as plain JSON. A method that does not fit the model gives {"refused": reason}."""
    try:
        match unit.part:
            case "adds_up":
                return _adds_up(unit.method, material, progress)
            case "faithful":
                return _faithful(unit.method, material, plan, progress)
            case "weights":
                return weight_randomisation(
                    material.model, material.records[: plan.sanity], _explainer(unit.method, plan.seed),
                    method=unit.method, seed=plan.seed, progress=progress,
                ).to_json()  # fmt: skip
            case "labels":
                if material.shuffled is None:
                    raise InputError("shuffled", "nothing", "a network trained on shuffled labels", "Train one first.")
                return label_randomisation(
                    material.model, material.shuffled, material.records[: plan.sanity],
                    _explainer(unit.method, plan.seed), method=unit.method, progress=progress,
                ).to_json()  # fmt: skip
            case "planted":
                return _planted(unit.method, material, plan, progress)
            case "routing":
                return routing_report(material.model, material.routed, draws=plan.draws, seed=plan.seed).to_json()
    except InputError as error:
        return {"refused": str(error)}


def _explainer(method: str, seed: int, refined: bool = False) -> Explainer:
    settings = REFINED.get(method, {}) if refined else {}

    def explain(model: Explainable, batch: Batch) -> Attribution:
        return attribute(model, batch, method, seed=seed, **settings)

    return explain


def _counted(items: Sequence[Any], progress: Progress) -> Iterator[Any]:
    for done, item in enumerate(items, start=1):
        yield item
        progress(done / len(items))


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(float(q), 6) for q in np.quantile(np.asarray(values, np.float64), QUANTILES)]


def _adds_up(method: str, material: Material, progress: Progress) -> dict[str, Any]:
    """The gap from two baselines. Quantiles are of relative gaps; where the logit hardly changed there is none."""
    starts = {"zero": zero, "median": lambda batch: median(material.model.schema, batch, material.reference)}
    if not METHODS[method].uses_baseline:
        starts = {"none": zero}
    found: dict[str, Any] = {"promised": METHODS[method].promises_completeness}
    rows: dict[str, list[Attribution]] = {name: [] for name in starts}
    for batch in _counted(material.records, progress):
        for name, start in starts.items():
            settings = REFINED.get(method, {})
            rows[name].append(attribute(material.model, batch, method, baseline=start(batch), **settings))
    for name, each in rows.items():
        relative = [a.mismatch for a in each if a.mismatch is not None and a.gap_is_relative]
        missed = [a for a in each if a.mismatch is not None and a.mismatch > COMPLETE_WITHIN]
        told = any(a.mismatch is not None for a in each)
        found[name] = {
            "records": len(each),
            "quantiles": _quantiles(relative) if relative else None,
            "over": len(missed) if told else None,
        }
    return found


def _faithful(method: str, material: Material, plan: Plan, progress: Progress) -> dict[str, Any]:
    """Means over records of what an order gains over random ones, positive where it does better, with intervals."""
    steady = _explainer(method, plan.seed)
    final = _explainer(method, plan.seed, refined=True)
    reports: list[Faithfulness] = []
    for k, batch in enumerate(_counted(material.records, progress)):
        start = median(material.model.schema, batch, material.reference)
        reports.append(
            faithfulness(
                material.model, batch, final(material.model, batch), start, seeds=range(plan.orders),
                explainer=steady if k < plan.sanity else None,
            )
        )  # fmt: skip
    tested = [report for report in reports if report.judged]
    scores = [_gain([report.scores[k] for report in tested]) for k in range(len(tested[0].scores))] if tested else []
    moved = [report.infidelity for report in tested if report.infidelity is not None]
    shaken = [report.sensitivity for report in reports if report.sensitivity is not None]
    return {
        "records": len(reports),
        "verdicts": dict(Counter(report.verdict for report in reports)),
        "scores": scores,
        "infidelity": _quantiles(moved) if moved and METHODS[method].in_logits else None,
        "sensitivity": _quantiles(shaken) if shaken else None,
    }


def _gain(scores: Sequence[Score]) -> dict[str, Any]:
    first = scores[0]
    sign = 1.0 if first.higher else -1.0
    return {
        "name": first.name,
        "replacement": first.replacement,
        "scale": first.scale,
        "gain": Interval.of(np.array([sign * (score.value - score.mean) for score in scores])).to_json(),
        "beaten": round(float(np.mean([score.beaten / len(score.random) for score in scores])), 4),
        "records": len(scores),
    }


def _planted(method: str, material: Material, plan: Plan, progress: Progress) -> dict[str, Any]:
    """The pointing game three times: with causes alone; with the evidence in other signals counted as well; and that
    among signals only, where what is stated once (alarm type, admission) cannot be pointed at."""
    schema = material.model.schema
    signals = tuple(spec.name for spec in schema.modalities if spec.kind != "static")
    games: Mapping[str, tuple[tuple[str, ...], tuple[str, ...] | None]] = {
        "cause": (CAUSE, None), "cause_or_evidence": (CAUSE_OR_EVIDENCE, None), "signals": (CAUSE_OR_EVIDENCE, signals),
    }  # fmt: skip
    hits: dict[str, dict[str, list[Hit]]] = {name: {} for name in games}
    for batch, truth in _counted(material.simulated, progress):
        wanted = {n: game for n, game in games.items() if counts(schema, batch, truth, game[0], game[1])}
        if not wanted:
            continue
        for title, answer in _answers(method, material, batch, plan).items():
            for name, (roles, among) in wanted.items():
                hits[name].setdefault(title, []).append(hit(schema, batch, truth, answer, roles, among))
    if not hits["cause"]:
        raise InputError("simulated", "no record in which a cause was measured", "at least one", "Simulate a cohort.")
    return {name: [row.to_json() for row in table(each)] for name, each in hits.items()}


def _answers(
    method: str, material: Material, batch: Batch, plan: Plan
) -> Mapping[str, Attribution | Mapping[str, float]]:
    if method != MODALITIES:
        return {method: _explainer(method, plan.seed, refined=True)(material.model, batch)}
    game = coalition_values(material.model, batch)
    values = {"shapley": game.shapley(), "leave_one_out": game.leave_one_out()}
    here = game.present.tolist()
    return {
        name: {m: float(v) for m, v, is_here in zip(game.players, each, here, strict=True) if is_here}
        for name, each in values.items()
    }
