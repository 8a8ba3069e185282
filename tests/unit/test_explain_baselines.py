"""What attributions start from, and how much hangs on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from amfn.checkpoint import Checkpoint, load_checkpoint
from amfn.readers import read_record
from amfn.types import Batch, InputError
from explain.agreement import kendall, kendall_matrix
from explain.baseline_effect import baseline_effect
from explain.baselines import Baseline, median, sample, zero
from explain.gradients import integrated_gradients
from explain.reference import Reference
from tests import toys

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = toys.schema({"a": 2, "b": 1})
USUAL = Reference(
    median={"a": np.array([5.0, 7.0], np.float32), "b": np.array([3.0], np.float32)},
    typical={"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)},
    low={"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)},
    high={"a": np.ones(2, np.float32), "b": np.ones(1, np.float32)},
    records=4000,
    data="usual",
)


def holed() -> Batch:
    """Three steps; channel 1 of a is measured at step 1 only, the last step of b is padding."""
    data = toys.batch({"a": [[[1.0, 0.0], [2.0, 4.0], [3.0, 0.0]]], "b": [[[1.0], [2.0], [3.0]]]})
    data.observed["a"][0, [0, 2], 1] = False
    data.valid["b"][0, 2] = False
    return data


def named(data: Batch, name: str) -> Batch:
    return replace(data, ids=(name,) * len(data))


def test_zero_is_zero_and_says_what_that_means() -> None:
    start = zero(holed(), "every measured number at its training mean")
    assert start.name == "zero"
    assert start.title == "every measured number at its training mean"
    assert all((x == 0).all() and x.shape == holed().x[name].shape for name, x in start.x.items())


def test_median_stands_where_something_was_measured() -> None:
    start = median(SCHEMA, holed(), USUAL)
    assert start.x["a"].tolist() == [[[5.0, 0.0], [5.0, 7.0], [5.0, 0.0]]]
    assert start.x["b"].tolist() == [[[3.0], [3.0], [0.0]]]
    assert "4,000 training records" in start.title
    with pytest.raises(InputError, match="one a channel"):
        median(toys.schema({"a": 3}), toys.random_batch(toys.schema({"a": 3}), 1), USUAL)


def test_a_sample_carries_forward_what_the_other_record_lacks() -> None:
    other = toys.batch({"a": [[[0.0, 0.0], [20.0, 40.0], [0.0, 50.0]]], "b": [[[9.0], [8.0], [7.0]]]})
    other.observed["a"][0] = torch.tensor([[False, False], [True, True], [False, True]])
    other = replace(other, x={**other.x, "a": other.x["a"] + 99.0 * ~other.observed["a"]})
    start = sample(SCHEMA, holed(), named(other, "someone else"))
    assert start.x["a"].tolist() == [[[0.0, 0.0], [20.0, 40.0], [20.0, 0.0]]]
    assert start.x["b"].tolist() == [[[9.0], [8.0], [0.0]]]
    assert start.title == "what was measured in one other record"


def test_a_sample_is_drawn_by_its_seed_and_never_holds_the_record_itself() -> None:
    others = toys.random_batch(SCHEMA, 30, steps=3, seed=2)
    record = others.rows([7])
    draws = [sample(SCHEMA, record, others, rows=6, seed=seed) for seed in (0, 0, 1)]
    assert [len(start) for start in draws] == [6, 6, 6]
    assert torch.equal(draws[0].x["a"], draws[1].x["a"])
    assert not torch.equal(draws[0].x["a"], draws[2].x["a"])
    assert len(sample(SCHEMA, record, others, rows=100)) == 29
    with pytest.raises(InputError, match="0 other records"):
        sample(SCHEMA, record, record)
    with pytest.raises(InputError, match="0 are to be drawn"):
        sample(SCHEMA, record, others, rows=0)


def test_a_sample_of_another_length_or_schema_is_refused() -> None:
    record = toys.random_batch(SCHEMA, 1, steps=4)
    with pytest.raises(InputError, match="4 steps of 2 channels"):
        sample(SCHEMA, record, named(toys.random_batch(SCHEMA, 2, steps=5), "else"))
    with pytest.raises(InputError, match="missing"):
        sample(SCHEMA, record, named(toys.random_batch(toys.schema({"a": 2}), 2, steps=4), "else"))


def test_a_baseline_made_for_something_else_is_refused() -> None:
    record = holed()
    good = zero(record)
    good.require(SCHEMA, record)
    broken = [
        replace(good, x={"a": good.x["a"]}),
        replace(good, x={**good.x, "c": good.x["b"]}),
        replace(good, x={**good.x, "a": good.x["a"][:, :2]}),
        replace(good, x={**good.x, "a": good.x["a"].expand(2, -1, -1)}),
        replace(good, x={**good.x, "a": good.x["a"] + torch.nan}),
        replace(good, x={name: x[:0] for name, x in good.x.items()}),
        replace(good, x={}),
    ]
    for start in broken:
        with pytest.raises(InputError, match="baseline 'zero'"):
            start.require(SCHEMA, record)


def test_the_effect_of_a_baseline_by_hand() -> None:
    record = toys.batch({"a": [[[4.0]]], "b": [[[3.0]]]})
    far = Baseline("far", "far off", {"a": torch.tensor([[[3.0]]]), "b": torch.tensor([[[0.0]]])})
    found = baseline_effect(toys.Toy(toys.additive), record, "integrated_gradients", [zero(record), far])
    np.testing.assert_allclose(found.by_segment, [[4.0, 3.0], [1.0, 3.0]], atol=1e-6)
    np.testing.assert_allclose(found.by_modality, [[4.0, 3.0], [1.0, 3.0]], atol=1e-6)
    assert found.modalities == ("a", "b")
    assert found.names == ("zero", "far")
    assert found.segment_tau == found.modality_tau == ((1.0, -1.0), (-1.0, 1.0))
    same = baseline_effect(toys.Toy(toys.additive), record, "occlusion", [zero(record), zero(record)])
    assert same.segment_tau == ((1.0, 1.0), (1.0, 1.0))


def test_the_effect_needs_baselines_and_a_method_that_uses_them() -> None:
    record = toys.batch({"a": [[[4.0]]], "b": [[[3.0]]]})
    for method, starts in (("saliency", [zero(record)] * 2), ("integrated_gradients", [zero(record)])):
        with pytest.raises(InputError, match="two or more"):
            baseline_effect(toys.Toy(toys.additive), record, method, starts)


def test_kendall_by_hand() -> None:
    assert kendall([1, 2, 3], [10, 20, 30]) == pytest.approx(1.0)
    assert kendall([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert kendall([1, 2, 3], [1, 3, 2]) == pytest.approx(1 / 3)
    assert kendall([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / np.sqrt(6))
    assert kendall([1, 1], [1, 2]) is None
    assert kendall([1], [1]) is None
    assert kendall([], []) is None
    assert kendall_matrix(np.array([[1.0, 2.0], [0.0, 0.0]])) == ((1.0, None), (None, None))
    with pytest.raises(InputError, match="equally many"):
        kendall([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="finite"):
        kendall([1, 2], [1, np.nan])


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=12))
def test_kendall_keeps_its_range_and_takes_sides_with_nobody(pairs: list[tuple[int, int]]) -> None:
    a, b = (list(side) for side in zip(*pairs, strict=True))
    found = kendall(a, b)
    assert (found is None) == (len(set(a)) == 1 or len(set(b)) == 1)
    if found is not None:
        assert -1 - 1e-9 <= found <= 1 + 1e-9
        assert kendall(b, a) == pytest.approx(found)
        assert kendall(a, [-value for value in b]) == pytest.approx(-found)


SHIPPED = {"icu_mortality": "9*.txt", "icu_alarm": "sim_a*.hea"}


@pytest.mark.parametrize("task", SHIPPED)
def test_shipped_models_add_up_from_every_baseline(task: str) -> None:
    model: Checkpoint = load_checkpoint(ROOT / "checkpoints" / task)
    schema = model.task.schema
    paths = sorted((ROOT / "sample_data" / task).glob(SHIPPED[task]))[:2]
    batch = model.batch([model.task.prepare(read_record(path)) for path in paths])
    record, reference = batch.rows([0]), Reference.of(schema, [batch], "two simulated records")
    starts = [
        zero(record, model.normaliser.zero(schema, schema.names)),
        median(schema, record, reference),
        sample(schema, record, batch, rows=1),
    ]
    for start in starts:
        found = integrated_gradients(model.model, record, baseline=start, steps=16, refine=True)
        assert found.baseline == start.name
        assert found.complete, f"{start.name}: {found.gap}"
