"""The stored report: every part is measured on what was passed, and its words follow its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from amfn.types import InputError
from explain.audit import MODALITIES, Material, Plan, Unit, run_unit
from explain.planted import Planted
from explain.reference import Reference
from explain.report import Report
from tests import toys

SCHEMA = toys.schema({"a": 2, "b": 2})
METHODS = ("integrated_gradients", "saliency", "feature_ablation", "deep_lift")
PLAN = Plan(METHODS, sanity=2, orders=3)


class Trained(toys.Recurrent):
    """Two networks alike but for their seed, as an ensemble shows them."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(SCHEMA, seed=seed)
        self.networks = (toys.Recurrent(SCHEMA, seed=seed), toys.Recurrent(SCHEMA, seed=seed + 1))


def material(**changes: Any) -> Material:
    whole = toys.random_batch(SCHEMA, 6, seed=3)
    whole = replace(whole, present=torch.ones_like(whole.present))
    rows = [whole.rows([k]) for k in range(6)]
    truth = (Planted("a", 0, 0, 6, "cause"),)
    made = Material(
        toys.Recurrent(SCHEMA), Reference.of(SCHEMA, [whole], "d"), rows, [whole], [(row, truth) for row in rows],
        toys.Recurrent(SCHEMA, seed=9),
    )  # fmt: skip
    return replace(made, **changes)


def measured(given: Material, plan: Plan = PLAN) -> dict[str, Mapping[str, Any]]:
    return {unit.name: run_unit(unit, given, plan, lambda share: None) for unit in plan.units(given)}


def report(units: Mapping[str, Mapping[str, Any]], methods: tuple[str, ...] = METHODS) -> Report:
    return Report("toy", "m", "d", 6, 6, methods, material().reference, units, None, 1.0, "c")


@pytest.fixture(scope="module")
def units() -> dict[str, Mapping[str, Any]]:
    return measured(material())


def test_every_part_of_every_method_is_there_and_is_plain_json(units: dict[str, Mapping[str, Any]]) -> None:
    expected = {f"{part}-{m}" for part in ("adds_up", "faithful", "weights", "labels", "planted") for m in METHODS}
    assert units.keys() == expected | {f"planted-{MODALITIES}", f"routing-{MODALITIES}"}
    assert json.loads(json.dumps(units)) == units


def test_a_known_truth_is_found_by_shapley_and_its_segment_by_ablation() -> None:
    """An additive model whose answer is the first modality alone: every sound method points at it, every time."""
    given = material(model=toys.Toy(toys.first_only, SCHEMA), shuffled=None)
    found = run_unit(Unit("planted", MODALITIES), given, PLAN, lambda share: None)
    assert [row["modality"]["hits"] for row in found["cause"]] == [6, 6]
    ablated = run_unit(Unit("planted", "feature_ablation"), given, PLAN, lambda share: None)
    assert ablated["cause"][0]["modality"]["hits"] == 6


def test_integrated_gradients_add_up_and_a_jump_is_caught() -> None:
    sound = run_unit(Unit("adds_up", "integrated_gradients"), material(), PLAN, lambda share: None)
    assert sound["zero"]["over"] == 0
    broken = run_unit(
        Unit("adds_up", "integrated_gradients"), material(model=toys.Toy(toys.step, SCHEMA)), PLAN, lambda share: None
    )
    assert broken["zero"]["over"] > 0
    checks = {c.name: c for c in report({"adds_up-integrated_gradients": broken}).checks("integrated_gradients")}
    assert checks["adds_up"].passed is False
    assert checks["faithful"].passed is None


def test_a_method_that_does_not_fit_says_why(units: dict[str, Mapping[str, Any]]) -> None:
    plain = material(model=toys.Toy(toys.additive, SCHEMA))
    assert "routing" in run_unit(Unit("routing", MODALITIES), plain, PLAN, lambda share: None)["refused"]
    said = report({"routing-modalities": {"refused": "x"}})
    assert said.routing is None


def test_words_follow_the_numbers(units: dict[str, Mapping[str, Any]]) -> None:
    stored = report(units)
    again = Report.from_json("file", json.loads(json.dumps(stored.to_json())))
    assert again.units == stored.units
    for method in METHODS:
        for check in again.checks(method):
            assert check.said
    magnitudes = {c.name: c for c in again.checks("saliency")}
    assert magnitudes["adds_up"].passed is None
    assert "magnitudes" in magnitudes["adds_up"].said
    failed = {**units, "weights-saliency": {**units["weights-saliency"], "passed": False}}
    assert report(failed).sane("saliency") is False
    passed = {
        **units,
        **{f"{part}-saliency": {**units[f"{part}-saliency"], "passed": True} for part in ("weights", "labels")},
    }
    assert report(passed).sane("saliency") is True
    assert report({}).sane("saliency") is None
    assert len(again.planted()) == len(METHODS) + 2


def test_a_network_without_others_is_not_judged(units: dict[str, Mapping[str, Any]]) -> None:
    assert units["weights-integrated_gradients"]["passed"] is None
    judged = run_unit(Unit("weights", "integrated_gradients"), material(model=Trained()), PLAN, lambda share: None)
    assert judged["passed"] in (True, False)
    assert judged["reference"] is not None


@pytest.mark.parametrize(
    ("plan", "given"),
    [
        (replace(PLAN, methods=("tea_leaves",)), {}),
        (replace(PLAN, sanity=1), {}),
        (replace(PLAN, orders=0), {}),
        (PLAN, {"records": []}),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(plan: Plan, given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        plan.units(material(**given))


@pytest.mark.parametrize("data", [None, [], {}, {"format": 2}, {"format": 1, "units": 3}])
def test_what_is_no_report_is_refused(data: object) -> None:
    with pytest.raises(InputError, match="no report"):
        Report.from_json("file", data)


def test_a_method_that_was_not_audited_has_no_checks(units: dict[str, Mapping[str, Any]]) -> None:
    with pytest.raises(InputError, match="Audit it first"):
        report(units).checks("occlusion")
