"""Routing beside contribution: measures known by hand, a flag that fires where it should and only there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from amfn.types import Batch, FusionTrace, InputError, Schema
from explain.reality import CONTRIBUTION, ROUTING, RealityCheck, centrality, reality_check
from tests import systems, toys
from tests.cohorts import stays, tiny_ensemble
from tests.routed import Decoy

THREE = toys.schema({"a": 1, "b": 1, "c": 1})


def record(values: Sequence[float], present: Sequence[bool] = (True, True, True)) -> Batch:
    given = {name: [[[value]]] for name, value in zip(THREE.names, values, strict=True)}
    return toys.batch(given, present=[list(present)])


def decoy(
    weights: Sequence[float] | None = None,
    attention: Tensor | None = None,
    adjacency: Tensor | None = None,
    model_schema: Schema = THREE,
) -> Decoy:
    shown = None if weights is None else torch.tensor([list(weights)])
    here = torch.ones(1, len(model_schema.names), dtype=torch.bool)
    return Decoy(model_schema, FusionTrace(model_schema.names, here, attention, adjacency, weights=shown))


def measure(found: RealityCheck, name: str) -> np.ndarray:
    values = next(values for key, values in found.measures.items() if key == name)
    assert values is not None
    return values


def test_the_flag_fires_where_the_favourite_contributes_least() -> None:
    found = reality_check(decoy([0.7, 0.2, 0.1]), record([1.0, -5.0, 4.0]))
    np.testing.assert_allclose(measure(found, "shapley"), [1.0, -5.0, 4.0], atol=1e-12)
    assert found.judged == "weight"
    assert found.favourite == "a"
    assert found.favourite_share == pytest.approx(0.1)
    # Of the three pairs only (b, c) has the same order on both sides.
    assert found.taus["weight", "shapley"] == pytest.approx(-1 / 3)
    assert found.disagrees is True


def test_the_flag_stays_down_where_both_agree() -> None:
    found = reality_check(decoy([0.7, 0.2, 0.1]), record([-5.0, 4.0, 1.0]))
    assert found.taus["weight", "shapley"] == pytest.approx(1.0)
    assert found.favourite_share == pytest.approx(0.5)
    assert found.disagrees is False


def test_a_negative_tau_alone_raises_it() -> None:
    """The favourite has its share, the ranks are the wrong way round: (a, b) holds, (a, c) and (b, c) do not."""
    found = reality_check(decoy([0.5, 0.3, 0.2]), record([3.5, 3.0, 3.6]))
    assert (found.favourite_share or 0) > 1 / 3
    assert found.taus["weight", "shapley"] == pytest.approx(-1 / 3)
    assert found.disagrees is True


@pytest.mark.parametrize(
    ("weights", "values", "present"),
    [
        ([0.7, 0.2, 0.1], [1.0, -5.0, 4.0], (True, True, False)),
        ([0.7, 0.2, 0.1], [1.0, -5.0, 4.0], (False, True, False)),
        ([0.7, 0.2, 0.1], [1.0, -5.0, 4.0], (False, False, False)),
        ([1 / 3, 1 / 3, 1 / 3], [1.0, -5.0, 4.0], (True, True, True)),
        ([0.7, 0.2, 0.1], [0.0, 0.0, 0.0], (True, True, True)),
        (None, [1.0, -5.0, 4.0], (True, True, True)),
    ],
    ids=["two", "one", "none", "even routing", "nothing contributes", "no routing"],
)
def test_where_nothing_can_be_compared_there_is_no_verdict(
    weights: list[float] | None, values: list[float], present: tuple[bool, bool, bool]
) -> None:
    found = reality_check(decoy(weights), record(values, present))
    assert found.disagrees is None
    assert all(tau is None for tau in found.taus.values())
    assert len(found.players) == sum(present)
    assert found.absent == tuple(name for name, here in zip(THREE.names, present, strict=True) if not here)


def test_attention_received_is_the_mean_of_a_column() -> None:
    """Two heads; rows and columns of the absent modality count for nothing."""
    first = [[0.8, 0.2, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 0.0]]
    second = [[0.5, 0.5, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 0.0]]
    model = decoy(attention=torch.tensor([[first, second]]))
    found = reality_check(model, record([1.0, 2.0, 3.0], (True, True, False)))
    np.testing.assert_allclose(measure(found, "attention"), [0.45, 0.55], atol=1e-7)
    assert found.judged == "attention"


def test_centrality_of_row_normalised_similarity_is_total_similarity() -> None:
    similarity = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.3], [0.1, 0.3, 1.0]])
    adjacency = similarity / similarity.sum(axis=1, keepdims=True)
    expected = similarity.sum(axis=0) / similarity.sum()
    np.testing.assert_allclose(centrality(adjacency), expected, atol=1e-7)
    found = reality_check(decoy(adjacency=torch.tensor(adjacency)[None]), record([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(measure(found, "centrality"), expected, atol=1e-7)


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_centrality_of_graphs_without_an_edge_or_of_one_node(size: int) -> None:
    for adjacency in (np.zeros((size, size)), np.eye(size)):
        np.testing.assert_allclose(centrality(adjacency), np.full(size, 1 / max(size, 1)))


def test_an_ensemble_has_every_measure_and_they_are_its_trace() -> None:
    cohort = stays(6)
    batch = cohort.batch(cohort.fit_normaliser(range(6))).rows([1])
    torch.manual_seed(0)
    model = tiny_ensemble(members=3).eval()
    with torch.no_grad():
        prediction = model(batch)
    found = reality_check(model, batch)
    here = batch.present[0].numpy()
    trace = prediction.trace
    for name, part in (("weight", trace.weights), ("gate", trace.gates)):
        assert part is not None
        np.testing.assert_allclose(measure(found, name), part[0].numpy()[here], atol=1e-6)
    for name in ("attention", "centrality", "weight"):
        assert measure(found, name).sum() == pytest.approx(1.0, abs=1e-5)
    assert trace.bias is not None
    rest = float(trace.bias[0, 0]) + measure(found, "logit_part").sum()
    assert rest == pytest.approx(float(prediction.logits[0, 0]), abs=1e-5)
    assert set(found.taus) == {(r, c) for r in ROUTING for c in CONTRIBUTION}
    assert all(tau is None or -1 <= tau <= 1 for tau in found.taus.values())


@pytest.mark.parametrize("name", systems.NAMES)
def test_every_system_gets_an_answer_without_a_nan(name: str) -> None:
    model = systems.system(name)
    for row in range(4):
        found = reality_check(model, systems.batch(4, seed=3).rows([row]), target=1)
        for values in found.rows():
            assert all(not isinstance(value, float) or math.isfinite(value) for value in values.values())
        assert found.disagrees in (True, False, None)
        has = [key for key in ROUTING if found.measures[key] is not None]
        assert (found.judged is None) == (not {"weight", "attention"} & set(has))


def test_rows_have_one_line_a_modality() -> None:
    rows = reality_check(decoy([0.7, 0.2, 0.1]), record([1.0, -5.0, 4.0])).rows()
    assert [row["title"] for row in rows] == ["A", "B", "C"]
    assert rows[1]["shapley"] == pytest.approx(-5.0)
    assert rows[1]["weight"] == pytest.approx(0.2)
    assert rows[1]["gate"] is None


def test_bad_arguments_are_refused() -> None:
    model, one = decoy([0.7, 0.2, 0.1]), record([1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"batch\.rows"):
        reality_check(model, one.rows([0, 0]))
    with pytest.raises(InputError, match="position 1"):
        reality_check(model, one, target=1)
    with pytest.raises(InputError, match=r"model\.eval"):
        reality_check(model.train(), one)
