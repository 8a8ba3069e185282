"""Integrated Gradients against answers worked out by hand, and against everything it must leave alone."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from amfn.types import Batch, InputError, Prediction
from explain.baselines import Baseline, zero
from explain.differentiation import differentiable
from explain.gradients import STEP_CAP, integrated_gradients, integrated_gradients_rows
from explain.types import Attribution, completeness_gap
from tests import systems, toys
from tests.left_behind import state

MIXED = toys.schema({"ecg": 2, "labs": 3, "urine": 1})


def one(a: float, b: float) -> Batch:
    return toys.batch({"a": [[[a]]], "b": [[[b]]]})


def test_linear_model_is_exact() -> None:
    model = toys.Toy(toys.additive, toys.schema({"a": 2, "b": 1}), scale=[2.0, -3.0])
    found = integrated_gradients(model, toys.batch({"a": [[[1.0, 4.0], [0.5, -1.0]]], "b": [[[2.0]]]}), steps=1)
    np.testing.assert_allclose(found.values["a"], [[2.0, 8.0], [1.0, -2.0]], atol=1e-6)
    np.testing.assert_allclose(found.values["b"], [[-6.0]], atol=1e-6)
    assert (found.f_x, found.f_baseline) == (3.5, 0.5)
    assert found.complete
    assert found.gap == pytest.approx(0.0, abs=1e-6)
    assert found.by_modality() == pytest.approx({"a": 9.0, "b": -6.0}, abs=1e-6)
    assert found.target == "outcome"
    assert found.baseline == "zero"


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (3.0, -0.5)])
def test_product_is_halved(a: float, b: float) -> None:
    found = integrated_gradients(toys.Toy(toys.product), one(a, b))
    assert found.by_modality() == pytest.approx({"a": a * b / 2, "b": a * b / 2}, abs=1e-5)


def test_synergy_gives_four_and_five() -> None:
    found = integrated_gradients(toys.Toy(toys.synergy), one(1, 1))
    assert found.by_modality() == pytest.approx({"a": 4.0, "b": 5.0}, abs=1e-5)


def test_an_ignored_modality_gets_zero() -> None:
    found = integrated_gradients(toys.Toy(toys.first_only), one(2, 7))
    assert found.by_modality() == pytest.approx({"a": 6.0, "b": 0.0}, abs=1e-5)


def test_a_modality_outside_the_graph_gets_zero_and_the_gap_tells() -> None:
    ignored = integrated_gradients(toys.Deaf(toys.first_only), one(2, 7))
    assert ignored.by_modality() == pytest.approx({"a": 6.0, "b": 0.0}, abs=1e-5)
    assert ignored.complete
    used = integrated_gradients(toys.Deaf(toys.additive), one(1, 1))
    assert used.by_modality() == pytest.approx({"a": 1.0, "b": 0.0}, abs=1e-5)
    assert used.gap == pytest.approx(0.5)


def test_an_absent_modality_is_not_in_the_result() -> None:
    data = toys.batch({"a": [[[2.0]]], "b": [[[7.0]]]}, present=[[True, False]])
    found = integrated_gradients(toys.Toy(toys.synergy), data)
    assert set(found.values) == {"a"}
    assert found.settings["absent"] == ("b",)
    assert found.by_modality()["a"] == pytest.approx(4.0, abs=1e-5)


def test_unobserved_and_padded_values_get_zero() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 4, seed=3)
    behind_the_mask = {name: x + 5.0 * ~data.observed[name] for name, x in data.x.items()}
    data = Batch(data.ids, behind_the_mask, data.observed, data.valid, data.present)
    for row, found in enumerate(integrated_gradients_rows(model, data)):
        for name, values in found.values.items():
            assert np.all(values[~data.observed[name][row].numpy()] == 0.0)
            assert np.any(values != 0.0)


def test_rows_of_a_batch_equal_batches_of_one() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 5, seed=1)
    assert not data.present.all()
    together = integrated_gradients_rows(model, data, internal_batch=12)
    for row, found in enumerate(together):
        alone = integrated_gradients(model, data.rows([row]))
        assert found.values.keys() == alone.values.keys()
        assert (found.f_x, found.f_baseline) == pytest.approx((alone.f_x, alone.f_baseline), abs=1e-5)
        for name, values in found.values.items():
            np.testing.assert_allclose(values, alone.values[name], atol=1e-5)


def test_internal_batch_changes_memory_only() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 1)
    whole = integrated_gradients(model, data, internal_batch=32)
    parts = integrated_gradients(model, data, internal_batch=5)
    for name, values in whole.values.items():
        np.testing.assert_allclose(values, parts.values[name], atol=1e-5)


def test_each_record_starts_from_its_own_baseline_and_averages_over_its_rows() -> None:
    data = toys.batch({"a": [[[1.0]], [[2.0]]], "b": [[[1.0]], [[1.0]]]})
    first = Baseline("own", "two rows", {"a": torch.tensor([[[0.0]], [[1.0]]]), "b": torch.tensor([[[0.0]], [[-1.0]]])})
    second = Baseline("own", "one row", {"a": torch.tensor([[[1.0]]]), "b": torch.tensor([[[0.0]]])})
    found = integrated_gradients_rows(toys.Toy(toys.product), data, baselines=[first, second])
    # From (a0, b0) to (a, b) the product gives a (a - a0)(b + b0)/2 and b (b - b0)(a + a0)/2.
    assert found[0].by_modality() == pytest.approx({"a": 0.25, "b": (0.5 + 2.0) / 2}, abs=1e-6)
    assert (found[0].f_x, found[0].f_baseline) == pytest.approx((1.0, (0.0 - 1.0) / 2))
    assert found[1].by_modality() == pytest.approx({"a": 0.5, "b": 1.5}, abs=1e-6)
    assert all(each.complete for each in found)


def test_what_was_derived_from_the_record_does_not_hide_the_path() -> None:
    data = systems.batch(1, missing=0.0)
    data = replace(data, present=torch.ones_like(data.present))
    model = systems.system("amfn")
    plain, derived = integrated_gradients(model, data), integrated_gradients(model, model.derive(data))
    for name, values in plain.values.items():
        np.testing.assert_array_equal(values, derived.values[name])
        assert np.any(values != 0)


def test_refine_takes_the_steps_that_each_record_needs() -> None:
    model, data = toys.Toy(toys.cubic), toys.batch({"a": [[[1.0]], [[0.0]]], "b": [[[0.0]], [[1.0]]]})
    coarse = integrated_gradients_rows(model, data, steps=1)
    assert [found.gap for found in coarse] == pytest.approx([0.25, 0.0], abs=1e-6)
    assert [found.complete for found in coarse] == [False, True]
    refined = integrated_gradients_rows(model, data, steps=1, refine=True)
    assert [found.settings["steps"] for found in refined] == [2, 1]
    assert [found.gap for found in refined] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_a_model_that_jumps_is_flagged_even_after_refinement() -> None:
    found = integrated_gradients(toys.Toy(toys.step), one(1, 1), refine=True)
    assert found.gap == pytest.approx(1.0)
    assert found.gap_is_relative
    assert not found.complete
    assert found.settings["steps"] == STEP_CAP


def test_gap_flags_a_broken_attribution() -> None:
    good = {"a": np.array([[1.0, 1.0]], dtype=np.float32)}
    assert completeness_gap(good, 2.5, 0.5) == 0.0
    assert completeness_gap({"a": 2 * good["a"]}, 2.5, 0.5) == pytest.approx(1.0)
    broken = Attribution("m", "t", "b", {}, good, 2.5, 0.0, completeness_gap(good, 2.5, 0.0))
    assert broken.gap == pytest.approx(0.2)
    assert broken.flagged
    unpromised = replace(broken, gap=None)
    assert unpromised.mismatch == pytest.approx(0.2)
    assert not unpromised.promises_completeness
    assert not unpromised.flagged
    assert not unpromised.complete
    assert replace(unpromised, in_logits=False).mismatch is None


def test_gap_is_absolute_where_the_logit_hardly_moves() -> None:
    cancelling = {"a": np.array([[3.0]], dtype=np.float32), "b": np.array([[-2.98]], dtype=np.float32)}
    gap = completeness_gap(cancelling, 1.001, 1.0)
    assert gap == pytest.approx(0.019, abs=1e-6)
    assert not Attribution("m", "t", "b", {}, cancelling, 1.001, 1.0, gap).gap_is_relative


def test_a_logit_that_is_not_a_number_is_never_complete() -> None:
    values = {"a": np.array([[np.nan]], dtype=np.float32)}
    broken = Attribution("m", "t", "b", {}, values, 1.0, 0.0, completeness_gap(values, 1.0, 0.0))
    assert not broken.complete
    assert broken.flagged


def test_attribution_survives_a_cache() -> None:
    found = integrated_gradients(toys.Toy(toys.synergy), one(1, 1))
    again = pickle.loads(pickle.dumps(found))
    assert again.by_modality() == found.by_modality()
    assert again.settings == found.settings


def test_the_model_is_left_as_it_was_also_by_two_threads_at_once() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 2, seed=5)
    next(model.parameters()).requires_grad_(False)
    before = state(model)
    alone = [integrated_gradients(model, data.rows([i])) for i in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda i: integrated_gradients(model, data.rows([i % 2])), range(8)))
    assert state(model) == before
    assert not any(x.requires_grad for x in data.x.values())
    for i, found in enumerate(both):
        for name, values in found.values.items():
            np.testing.assert_allclose(values, alone[i % 2].values[name], atol=1e-6)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_works_inside_the_callers_autograd_mode(mode: type) -> None:
    model, outside = toys.Recurrent(MIXED), toys.random_batch(MIXED, 1)
    with mode():
        data = toys.random_batch(MIXED, 1)
        found = integrated_gradients(model, data)
        assert not torch.is_grad_enabled()
    expected = integrated_gradients(model, outside)
    for name, values in found.values.items():
        np.testing.assert_allclose(values, expected.values[name], atol=1e-6)


class Wrapped:
    """A model that is no torch module, as an ensemble may be."""

    def __init__(self, member: toys.Toy) -> None:
        self.schema, self.encode, self.fuse = member.schema, member.encode, member.fuse

    def __call__(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))


def test_a_model_need_not_be_a_module() -> None:
    assert integrated_gradients(Wrapped(toys.Toy(toys.synergy)), one(1, 1)).complete


def test_cudnn_is_off_on_cuda_only_and_comes_back_after_threads() -> None:
    before = torch.backends.cudnn.enabled

    def inside(device: str) -> bool:
        with differentiable(torch.device(device)):
            time.sleep(0.01)
            return torch.backends.cudnn.enabled

    assert inside("cpu") == before
    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(inside, ["cuda"] * 8))
    assert torch.backends.cudnn.enabled == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: cuDNN's refusal cannot be provoked")
def test_recurrent_model_on_cuda() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 2)
    expected = integrated_gradients_rows(model, data)
    found = integrated_gradients_rows(model.to("cuda"), data.to("cuda"))
    assert torch.backends.cudnn.enabled
    for cpu, gpu in zip(expected, found, strict=True):
        assert gpu.by_modality() == pytest.approx(cpu.by_modality(), abs=1e-3)


def test_bad_arguments_say_how_to_mend_them() -> None:
    model, data = toys.Toy(toys.synergy), one(1, 1)
    with pytest.raises(InputError, match="every modality is absent"):
        integrated_gradients(model, data.masked(torch.tensor([False, False])))
    with pytest.raises(InputError, match=r"batch\.rows"):
        integrated_gradients(model, data.rows([0, 0]))
    with pytest.raises(InputError, match="outcome"):
        integrated_gradients(model, data, target=1)
    with pytest.raises(InputError, match="missing"):
        integrated_gradients(model, data, baseline=Baseline("half", "half of it", {"a": data.x["a"] / 2}))
    with pytest.raises(InputError, match="one a record"):
        integrated_gradients_rows(model, data.rows([0, 0]), baselines=[zero(data)])
    with pytest.raises(InputError, match="positive"):
        integrated_gradients(model, data, steps=0)
    with pytest.raises(InputError, match=r"model\.eval"):
        integrated_gradients(model.train(), data)
