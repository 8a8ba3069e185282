"""Routing beside contribution on the Fusion page: a plain flag where the weights are no reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from app import explanations, reality, text
from app.views import Analysis, Case
from explain.agreement import kendall
from explain.reality import CONTRIBUTION, ROUTING, Measure, RealityCheck
from tests.app.screen import charts, ids, open_app, sample, words

NAMES = ("a", "b", "c", "d")
TASKS = ("icu_mortality", "icu_alarm")


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


def check(players: str, weight: list[float] | None, shapley: list[float]) -> RealityCheck:
    """A system with fusion weights alone, or without any routing."""
    values: dict[Measure, np.ndarray | None] = dict.fromkeys((*ROUTING, *CONTRIBUTION))
    values["weight"] = None if weight is None else np.array(weight)
    values["shapley"] = np.array(shapley)
    taus: dict[tuple[Measure, Measure], float | None] = {(r, c): None for r in ROUTING for c in CONTRIBUTION}
    if weight is not None and len(players) > 2:
        taus["weight", "shapley"] = kendall(weight, np.abs(shapley))
    titles = tuple(name.upper() for name in players)
    return RealityCheck(tuple(players), titles, tuple(set(NAMES) - set(players)), "yes", values, taus)


def said(found: RealityCheck) -> str:
    case = sample("icu_alarm", ids("icu_alarm")[0])
    return reality.sentence(replace(case.analysis, reality=found))


def test_the_largest_weight_on_what_adds_little_is_flagged() -> None:
    found = check("abd", [0.6, 0.3, 0.1], [0.1, 0.2, -1.7])

    assert found.disagrees
    assert reality.flags(found, NAMES) == (reality.WEIGHS_ONLY, "", "", reality.ADDS_ONLY)
    words_of = said(found)
    assert "A has the largest fusion weight (β) and makes up 5 % of all that moved the estimate" in words_of
    assert "less than an equal share (33 %)" in words_of
    assert "run against each other (Kendall's rank correlation −1.00)" in words_of


def test_opposite_orders_are_flagged_also_where_the_largest_weight_adds_its_share() -> None:
    found = check("abc", [0.4, 0.35, 0.25], [1.0, 0.2, -1.1])

    assert found.disagrees
    assert reality.flags(found, NAMES) == ("", "", reality.ADDS_ONLY, "")
    assert "less than an equal share" not in said(found)
    assert "run against each other" in said(found)


def test_opposite_orders_always_have_a_modality_that_stands_for_them() -> None:
    names = tuple("abcdefgh")
    found = check("abcdefgh", [0.2, 0.18, 0.14, 0.12, 0.11, 0.1, 0.08, 0.07], [13, 20, 10, 10.4, 11, 11.5, 12, 12.1])

    assert found.disagrees
    flags = reality.flags(found, names)
    assert flags == ("", "", "place 3 by weight, 8 by contribution", "", "", "", "", "")
    assert len(flags[2]) <= 36


def test_agreement_is_said_and_nothing_is_flagged() -> None:
    found = check("abc", [0.6, 0.3, 0.1], [2.0, -0.5, 0.1])

    assert found.disagrees is False
    assert reality.flags(found, NAMES) == ("", "", "", "")
    assert said(found).startswith("A has the largest fusion weight (β) and makes up 77 %")
    assert "at least an equal share (33 %)" in said(found)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (check("abc", None, [2.0, -0.5, 0.1]), "neither attends to modalities nor weighs them"),
        (check("", [], []), "nothing was recorded"),
        (check("a", [1.0], [2.0]), "only 1 of the modalities was recorded"),
        (check("ab", [0.7, 0.3], [2.0, 0.1]), "only 2 of the modalities were recorded"),
        (check("abc", [1 / 3] * 3, [2.0, 0.1, 0.3]), "fusion weight (β) is the same for all"),
        (check("abc", [0.5, 0.3, 0.2], [0.0, 0.0, 0.0]), "no modality moved the estimate"),
    ],
)
def test_why_nothing_can_be_judged(found: RealityCheck, why: str) -> None:
    assert found.disagrees is None
    assert why in said(found)
    assert not any(reality.flags(found, NAMES))


def test_columns_are_sizes_in_the_order_of_the_modalities_with_gaps() -> None:
    found = check("ac", [0.7, 0.3], [-2.0, 0.1])

    columns = cast(Mapping[str, np.ndarray], reality.columns(found, NAMES, CONTRIBUTION))

    assert list(columns) == ["Shapley value"]
    np.testing.assert_allclose(columns["Shapley value"], [2.0, np.nan, 0.1, np.nan])
    assert list(reality.columns(found, NAMES, ROUTING)) == ["Fusion weight (β)"]
    assert reality.agreement(found) is None


def test_rank_agreement_leaves_out_what_the_system_lacks() -> None:
    found = reality.agreement(check("abc", [0.6, 0.3, 0.1], [2.0, -0.5, 0.1]))

    assert found is not None
    taus, rows, columns = found
    assert (rows, columns) == (["Fusion weight (β)"], ["Shapley value"])
    np.testing.assert_allclose(taus, [[1.0]])


def _first(task: str, disagrees: bool) -> Case:
    return next(case for case in (sample(task, r) for r in ids(task)) if case.analysis.reality.disagrees is disagrees)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("disagrees", [True, False])
def test_the_page_says_whether_weights_may_be_read_as_reasons(task: str, disagrees: bool) -> None:
    case = _first(task, disagrees)
    at = open_app("fusion", task=task, record=case.record.record_id)

    assert not at.exception
    assert not at.error
    assert (text.DO_NOT_READ in words(at)) is disagrees
    assert reality.sentence(case.analysis) in words(at)
    figure = next(f for f in charts(at) if f["layout"]["uirevision"] == "reality_check")
    flagged = [note["text"] for note in figure["layout"]["annotations"] if "≠" in note["text"]]
    assert bool(flagged) is disagrees
    bars = next(trace for trace in figure["data"] if trace.get("name") == "Shapley value")
    strength = np.abs(case.analysis.shapley[case.analysis.present])
    np.testing.assert_allclose(bars["x"], 0.84 * strength / strength.max(), atol=1e-6)
    assert any(f["layout"]["uirevision"] == "rank_agreement" for f in charts(at))


@pytest.mark.parametrize("task", TASKS)
def test_gates_and_weights_over_time_end_where_the_bars_stand(task: str) -> None:
    case = sample(task, ids(task)[0])
    at = open_app("fusion", task=task, record=case.record.record_id)
    before = len(charts(at))

    at.toggle(key="w_shares_over_time").set_value(True).run()

    assert not at.exception
    assert not at.error
    assert len(charts(at)) == before + 2
    unfolding = explanations.trajectory(case)
    a: Analysis = case.analysis
    for values, bars in ((unfolding.found.gates, a.full.gates), (unfolding.found.weights, a.full.weights)):
        assert values is not None
        assert bars is not None
        np.testing.assert_allclose(values[-1][a.present], bars[a.present], atol=1e-5)
        assert np.isnan(unfolding.where_present(values)[~unfolding.found.present]).all()
    assert unfolding.found.trained_on in words(at)
