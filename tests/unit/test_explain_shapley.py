"""Exact Shapley values against answers worked out by hand and against a plain loop over all subsets."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shap
import torch

from amfn.types import Batch, InputError
from explain.coalitions import PLAYER_LIMIT, Coalitions, all_masks
from explain.shapley import coalition_values, exact_shapley, fuse_subsets
from tests import toys

MIXED = toys.schema({"ecg": 2, "labs": 3, "urine": 1, "static": 2})


def ones(present: tuple[bool, bool] = (True, True)) -> Batch:
    return toys.batch({"a": [[[1.0]]], "b": [[[1.0]]]}, present=[list(present)])


@pytest.mark.parametrize(
    ("game", "shares"),
    [
        (toys.synergy, (4.0, 5.0)),
        (toys.product, (0.5, 0.5)),
        (toys.exclusive_or, (0.0, 0.0)),
        (toys.first_only, (3.0, 0.0)),
        (toys.additive, (1.0, 1.0)),
    ],
)
def test_known_games(game: toys.Game, shares: tuple[float, float]) -> None:
    np.testing.assert_allclose(coalition_values(toys.Toy(game), ones()).shapley(), shares, atol=1e-12)


def test_synergy_by_coalition() -> None:
    found = coalition_values(toys.Toy(toys.synergy), ones())
    assert found.players == ("a", "b")
    assert found.target == "outcome"
    assert found.values.tolist() == [0.0, 2.0, 3.0, 9.0]
    assert (found.empty, found.full) == (0.0, 9.0)
    assert found.leave_one_out().tolist() == [6.0, 7.0]
    assert found.efficiency_gap() < 1e-12


def test_leave_one_out_misses_what_shapley_shares() -> None:
    found = coalition_values(toys.Toy(toys.exclusive_or), ones())
    assert found.leave_one_out().tolist() == [-1.0, -1.0]


def test_an_absent_modality_has_exactly_zero() -> None:
    found = coalition_values(toys.Toy(toys.synergy), ones((False, True)))
    assert found.present.tolist() == [False, True]
    assert found.values.tolist() == [0.0, 0.0, 3.0, 3.0]
    assert found.shapley().tolist() == [0.0, 3.0]
    assert found.leave_one_out().tolist() == [0.0, 3.0]


def test_nothing_present_is_the_prior() -> None:
    found = coalition_values(toys.Toy(toys.additive), ones((False, False)))
    assert found.values.tolist() == [0.5] * 4
    assert found.shapley().tolist() == [0.0, 0.0]


def by_brute_force(model: toys.Recurrent, batch: Batch) -> list[float]:
    """The textbook sum, one forward pass of the whole model a subset."""
    n = len(model.schema.names)

    def value(members: tuple[int, ...]) -> float:
        keep = torch.zeros(n, dtype=torch.bool)
        keep[list(members)] = True
        with torch.no_grad():
            return model(batch.masked(keep)).logits.item()

    shares = []
    for player in range(n):
        others = [i for i in range(n) if i != player]
        share = 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for members in itertools.combinations(others, size):
                share += weight * (value((*members, player)) - value(members))
        shares.append(share)
    return shares


def test_agrees_with_brute_force_through_the_whole_model() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 4, seed=1)
    assert not data.present.all()
    for row in range(len(data)):
        one = data.rows([row])
        found = coalition_values(model, one)
        np.testing.assert_allclose(found.shapley(), by_brute_force(model, one), atol=1e-6)
        for mask, value in zip(found.masks, found.values, strict=True):
            with torch.no_grad():
                assert model(one.masked(torch.tensor(mask))).logits.item() == pytest.approx(value, abs=1e-6)
        assert found.efficiency_gap() < 1e-12


def test_encoders_run_once() -> None:
    model = toys.Toy(toys.synergy)
    coalition_values(model, ones())
    assert model.encodes == 1


def test_fuse_subsets_carries_the_trace_of_every_subset() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 1).masked(torch.tensor([True, False, True, True]))
    masks, prediction = fuse_subsets(model, model.encode(data))
    assert masks.shape == (8, 4)
    assert not masks[:, 1].any()
    assert prediction.trace.weights is not None
    assert np.array_equal(prediction.trace.weights.numpy() > 0, masks)
    assert not prediction.logits.requires_grad


def test_rows_of_a_batch_equal_batches_of_one() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 3, seed=2)
    together = exact_shapley(model, data)
    assert together.values.shape == together.data.shape == (3, 4)
    assert together.base_values.shape == (3,)
    for row in range(3):
        alone = exact_shapley(model, data.rows([row]))
        np.testing.assert_allclose(together.values[row], alone.values, atol=1e-6)
        assert together.base_values[row] == pytest.approx(alone.base_values, abs=1e-6)
        assert np.all(together.values[row][~data.present[row].numpy()] == 0.0)


def test_explanation_is_what_shap_expects() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 3, seed=2)
    alone, together = exact_shapley(model, data.rows([0])), exact_shapley(model, data)
    assert isinstance(alone, shap.Explanation)
    assert alone.values.shape == (4,)
    assert list(alone.feature_names) == ["ECG", "LABS", "URINE", "STATIC"]
    with torch.no_grad():
        logit = model(data.rows([0])).logits.item()
    assert alone.base_values + alone.values.sum() == pytest.approx(logit, abs=1e-6)
    np.testing.assert_array_equal(together[0].values, together.values[0])
    np.testing.assert_array_equal(together[:, 1].values, together.values[:, 1])
    np.testing.assert_allclose(together.abs.mean(0).values, np.abs(together.values).mean(axis=0))
    assert list(alone[alone.values.argsort()].values) == sorted(alone.values)


def test_the_order_of_masks_counts_in_binary() -> None:
    assert all_masks(2).tolist() == [[False, False], [True, False], [False, True], [True, True]]
    assert all_masks(0).shape == (1, 0)


def test_coalitions_refuse_what_does_not_belong_together() -> None:
    masks, present = all_masks(2), np.array([True, True])
    values = np.array([0.0, 2.0, 3.0, 9.0])
    assert Coalitions(("a", "b"), masks, values, present, "t").full == 9.0
    with pytest.raises(InputError, match="all 4 subsets"):
        Coalitions(("a", "b"), masks[::-1], values, present, "t")
    with pytest.raises(InputError, match="all 4 subsets"):
        Coalitions(("a", "b"), masks, values[:3], present, "t")
    with pytest.raises(InputError, match="one flag a player"):
        Coalitions(("a", "b"), masks, values, present[:1], "t")
    with pytest.raises(InputError, match="changes a value"):
        Coalitions(("a", "b"), masks, values, np.array([True, False]), "t")


def test_bad_arguments_say_how_to_mend_them() -> None:
    model = toys.Toy(toys.synergy)
    with pytest.raises(InputError, match=r"batch\.rows"):
        coalition_values(model, ones().rows([0, 0]))
    with pytest.raises(InputError, match="position 1"):
        coalition_values(model, ones(), target=1)
    with pytest.raises(InputError, match=r"model\.eval"):
        exact_shapley(model.train(), ones())
    many = toys.schema({f"m{i}": 1 for i in range(PLAYER_LIMIT + 1)})
    with pytest.raises(InputError, match="at most 12"):
        coalition_values(toys.Toy(toys.additive, many), toys.random_batch(many, 1))
