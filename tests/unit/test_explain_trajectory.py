"""A record as it unfolds: known answers moment by moment, and no word from later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amfn.fusion import FusionModel, build_fusion
from amfn.types import Batch, Encoded, InputError, ModalitySpec, Prediction, Schema
from explain.shapley import coalition_values
from explain.trajectory import WHOLE_RECORDS, Trajectory, trajectory
from tests import toys

MOMENTS = 6
BASE = toys.schema({"ecg": 2, "labs": 3, "sex": 1})
SCHEMA = Schema(
    "toy",
    tuple(
        replace(spec, steps=MOMENTS if spec.name != "sex" else 1, kind="static" if spec.name == "sex" else "series")
        for spec in BASE.modalities
    ),
    BASE.targets,
)
SMALL: dict[str, object] = {"dim": 8, "heads": 2, "encoder": {"width": 8, "sequence": "gru", "summary_bins": 0}}


def network(name: str = "amfn") -> FusionModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings_of = SMALL if name == "amfn" else {"dim": 8}
        return build_fusion(name, SCHEMA, settings_of, (0.2,)).eval().requires_grad_(False)


def unfolding(seed: int, starts: tuple[int, int, int] = (0, 2, 0)) -> Batch:
    """One record in as many rows as it has steps, row i knowing steps 0 to i. starts: the first step that each modality
    is measured at; at MOMENTS and later it never is."""
    g = torch.Generator().manual_seed(seed)
    x, observed, valid = {}, {}, {}
    known = torch.arange(MOMENTS)[None, :] <= torch.arange(MOMENTS)[:, None]  # moment, step
    for spec, start in zip(SCHEMA.modalities, starts, strict=True):
        if spec.kind == "static":
            seen = torch.full((MOMENTS, 1, 1), start < MOMENTS)
        else:
            ever = torch.rand(MOMENTS, len(spec.channels), generator=g) < 0.7
            ever[:start] = False
            ever[start : start + 1] = True
            seen = known[..., None] & ever
        values = torch.randn(seen.shape[1:], generator=g)
        x[spec.name], observed[spec.name] = values * seen, seen
        valid[spec.name] = torch.ones(seen.shape[:2], dtype=torch.bool)
    present = torch.stack([observed[m].any(2).any(1) for m in SCHEMA.names], 1)
    return Batch(("p1",) * MOMENTS, x, observed, valid, present)


def spliced(early: Batch, late: Batch, moment: int) -> Batch:
    """The first record up to this moment, the second from then on."""

    def join(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return torch.cat([one[: moment + 1], other[moment + 1 :]])

    return Batch(
        early.ids,
        {m: join(early.x[m], late.x[m]) for m in SCHEMA.names},
        {m: join(early.observed[m], late.observed[m]) for m in SCHEMA.names},
        {m: join(early.valid[m], late.valid[m]) for m in SCHEMA.names},
        join(early.present, late.present),
    )


def assert_same_until(one: Trajectory, other: Trajectory, moment: int) -> None:
    upto = slice(moment + 1)
    for field in ("logits", "present", "gates", "weights", "shapley"):
        mine, theirs = getattr(one, field), getattr(other, field)
        assert (mine is None) == (theirs is None)
        if mine is not None:
            assert mine[upto].tobytes() == theirs[upto].tobytes(), field


def test_known_answers_of_an_additive_model() -> None:
    """logit = 0.5 + 2a + 3b. a is 1 from the second moment on, b is 2 from the third: contributions 2 and 6."""
    record = replace(
        toys.batch({"a": [[[0.0]], [[1.0]], [[1.0]]], "b": [[[0.0]], [[0.0]], [[2.0]]]}),
        ids=("p1",) * 3,
        present=torch.tensor([[False, False], [True, False], [True, True]]),
    )
    found = trajectory(toys.Toy(toys.additive, scale=[2.0, 3.0]), record, times=[1.0, 2.0, 24.0])
    assert found.logits.tolist() == [0.5, 2.5, 8.5]
    np.testing.assert_allclose(found.risks, 1 / (1 + np.exp([-0.5, -2.5, -8.5])))
    assert found.shapley is not None
    np.testing.assert_allclose(found.shapley, [[0, 0], [2, 0], [2, 6]], atol=1e-12)
    assert found.times.tolist() == [1.0, 2.0, 24.0]
    assert found.present.tolist() == [[False, False], [True, False], [True, True]]
    assert (found.gates, found.weights) == (None, None)
    assert (found.record_id, found.modalities, found.target) == ("p1", ("a", "b"), "outcome")
    assert found.trained_on == WHOLE_RECORDS


@pytest.mark.parametrize("name", ["amfn", "late", "early"])
def test_each_moment_is_what_the_model_says_of_it_alone(name: str) -> None:
    model, record = network(name), unfolding(1)
    found = trajectory(model, record)
    assert found.shapley is not None
    for row in range(MOMENTS):
        alone = model(record.rows([row]))
        np.testing.assert_allclose(found.logits[row], alone.logits[0, 0], atol=1e-6)
        game = coalition_values(model, record.rows([row]))
        np.testing.assert_allclose(found.shapley[row], game.shapley(), atol=1e-6)
        for mine, own in ((found.gates, alone.trace.gates), (found.weights, alone.trace.weights)):
            assert (mine is None) == (own is None)
            if mine is not None and own is not None:
                np.testing.assert_allclose(mine[row], own[0], atol=1e-6)


def test_before_anything_is_known_there_is_the_prior() -> None:
    record = unfolding(2, starts=(2, 3, MOMENTS))
    found = trajectory(network(), record)
    np.testing.assert_allclose(found.risks[:2], 0.2, atol=1e-7)
    assert found.shapley is not None
    assert (found.shapley[:2] == 0).all()
    assert found.gates is not None
    assert (found.gates[:2] == 0).all()
    nothing = trajectory(network(), unfolding(2, starts=(MOMENTS, MOMENTS, MOMENTS)))
    np.testing.assert_allclose(nothing.risks, 0.2, atol=1e-7)
    assert np.isfinite(nothing.logits).all()


@pytest.mark.parametrize("name", ["amfn", "early"])
@given(data=st.data(), moment=st.integers(0, MOMENTS - 2))
@settings(max_examples=25)
def test_nothing_later_changes_a_bit_of_what_is_said_earlier(name: str, data: st.DataObject, moment: int) -> None:
    starts = st.tuples(*[st.integers(0, MOMENTS)] * 3)
    early = unfolding(data.draw(st.integers(0, 99)), data.draw(starts))
    late = unfolding(data.draw(st.integers(100, 199)), data.draw(starts))
    model = network(name)
    assert_same_until(trajectory(model, early), trajectory(model, spliced(early, late, moment)), moment)


class Leaky(toys.Toy):
    """Takes the mean over all rows into each: the future leaks into the past."""

    def fuse(self, encoded: Encoded) -> Prediction:
        said = super().fuse(encoded)
        return replace(said, logits=said.logits + encoded.h.mean())


def test_a_model_that_mixes_rows_is_caught() -> None:
    values = {"a": torch.arange(3.0).view(3, 1, 1), "b": torch.ones(3, 1, 1)}
    record = replace(toys.batch(values), ids=("p1",) * 3)
    altered = replace(record, x={**record.x, "b": torch.tensor([1.0, 1.0, 9.0]).view(3, 1, 1)})
    sound, leaky = toys.Toy(toys.additive), Leaky(toys.additive)
    assert_same_until(trajectory(sound, record), trajectory(sound, altered), 1)
    with pytest.raises(AssertionError, match="logits"):
        assert_same_until(trajectory(leaky, record), trajectory(leaky, altered), 1)


class Counting(toys.Toy):
    fused = 0

    def fuse(self, encoded: Encoded) -> Prediction:
        self.fused += 1
        return super().fuse(encoded)


def test_one_pass_and_one_more_for_each_moment_that_brought_something() -> None:
    model = Counting(toys.additive)
    record = replace(toys.batch({"a": [[[1.0]], [[1.0]], [[2.0]]], "b": [[[1.0]]] * 3}), ids=("p1",) * 3)
    found = trajectory(model, record)
    assert (model.encodes, model.fused) == (1, 1 + 2)
    assert found.shapley is not None
    np.testing.assert_allclose(found.shapley, [[1, 1], [1, 1], [2, 1]], atol=1e-12)


def test_shapley_values_of_no_moment_or_of_chosen_ones() -> None:
    model, record = network(), unfolding(3)
    every = trajectory(model, record)
    assert every.shapley is not None
    assert every.explained.tolist() == list(range(MOMENTS))
    none = trajectory(model, record, shapley=False)
    assert none.shapley is None
    assert len(none.explained) == 0
    some = trajectory(model, record, shapley=[4, 1, 4])
    assert some.explained.tolist() == [1, 4]
    np.testing.assert_array_equal(some.shapley, every.shapley[[1, 4]])
    np.testing.assert_array_equal(some.logits, every.logits)


def test_bad_input_is_refused() -> None:
    model, record = network(), unfolding(0)
    x, observed, valid = ({m: v[:0] for m, v in part.items()} for part in (record.x, record.observed, record.valid))
    nothing = Batch((), x, observed, valid, record.present[:0])
    with pytest.raises(InputError, match="rows of 2 records"):
        trajectory(model, replace(record, ids=("p1",) * 5 + ("p2",)))
    with pytest.raises(InputError, match="rows of 0 records"):
        trajectory(model, nothing)
    for times in ([1.0, 2.0], [0.0, 1, 2, 3, 5, 4], [0.0, 1, 2, 3, 4, float("nan")]):
        with pytest.raises(InputError, match="one for each of 6 rows"):
            trajectory(model, record, times=times)
    for wrong in ([6], [-1]):
        with pytest.raises(InputError, match="positions from 0 to 5"):
            trajectory(model, record, shapley=wrong)
    with pytest.raises(InputError, match="position 1"):
        trajectory(model, record, target=1)
    with pytest.raises(InputError, match="training mode"):
        trajectory(network().train(), record)


def test_a_schema_of_static_values_only() -> None:
    spec = ModalitySpec("sex", "static", BASE.modalities[2].channels)
    model = build_fusion("amfn", Schema("toy", (spec,), ("outcome",)), SMALL, (0.2,)).eval()
    record = replace(toys.batch({"sex": [[[1.0]], [[1.0]]]}), ids=("p1", "p1"))
    found = trajectory(model, record)
    assert found.logits[0] == found.logits[1]
    assert found.shapley is not None
    np.testing.assert_allclose(found.shapley.sum(1) + float(model.prior_logit), found.logits, atol=1e-6)
