"""Exact Shapley values against answers worked out by hand and against a plain loop over all subsets."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shap
import torch

from amfn.types import Batch, InputError
from explain.coalitions import PLAYER_LIMIT, Coalitions, all_masks
from explain.shapley import (
    coalition_values,
    exact_shapley,
    fuse_subsets,
    games,
    leave_one_out,
    sampled_shapley,
    shapley_interactions,
    shapley_values,
)
from tests import toys
from tests.systems import batch, system

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
    assert found.masks.tolist() == [[False, False], [False, True]]
    assert found.values.tolist() == [0.0, 3.0]
    assert found.shapley().tolist() == [0.0, 3.0]
    assert found.leave_one_out().tolist() == [0.0, 3.0]
    assert found.interactions().tolist() == [[0.0, 0.0], [0.0, 3.0]]
    assert found.lattice().players == ("b",)


def test_nothing_present_is_the_prior() -> None:
    found = coalition_values(toys.Toy(toys.additive), ones((False, False)))
    assert found.values.tolist() == [0.5]
    assert found.shapley().tolist() == found.leave_one_out().tolist() == [0.0, 0.0]
    assert not found.interactions().any()
    assert found.lattice().edges.shape == (0, 2)
    shares = sampled_shapley(toys.Toy(toys.additive), ones((False, False)))
    assert (shares.empty, shares.full, shares.values.tolist()) == (0.5, 0.5, [0.0, 0.0])


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
    with pytest.raises(InputError, match="all 2 subsets of what is present"):
        Coalitions(("a", "b"), masks, values, np.array([True, False]), "t")
    with pytest.raises(InputError, match="not finite"):
        Coalitions(("a", "b"), masks, np.array([0.0, 2.0, np.nan, 9.0]), present, "t")


@pytest.mark.parametrize(
    ("game", "matrix"),
    [
        (toys.synergy, [[2.0, 2.0], [2.0, 3.0]]),
        (toys.exclusive_or, [[1.0, -1.0], [-1.0, 1.0]]),
        (toys.additive, [[1.0, 0.0], [0.0, 1.0]]),
    ],
)
def test_known_interactions(game: toys.Game, matrix: list[list[float]]) -> None:
    found = coalition_values(toys.Toy(game), ones()).interactions()
    np.testing.assert_allclose(found, matrix, atol=1e-12)


def test_a_product_of_three_is_spread_over_its_pairs() -> None:
    """Grabisch & Roubens by hand: each pair 1/2, half of it at each place; each value is 1/3."""
    three = toys.schema({"a": 1, "b": 1, "c": 1})
    one = toys.batch({name: [[[1.0]]] for name in three.names})
    found = coalition_values(toys.Toy(toys.product, three), one).interactions()
    np.testing.assert_allclose(found, np.full((3, 3), 0.25) - np.eye(3) * (0.25 + 1 / 6), atol=1e-12)


def test_an_interaction_is_what_a_value_gains_when_the_other_is_there() -> None:
    """Lundberg et al. 2018, eq. 5, by another road: the value of i in the game in which j is always present, less its
    value in the game without j, is twice the entry off the diagonal."""
    values, masks = np.random.default_rng(3).normal(size=16), all_masks(4)
    found = Coalitions(("a", "b", "c", "d"), masks, values, np.ones(4, bool), "t").interactions()
    for j in range(4):
        others = [i for i in range(4) if i != j]
        there, gone = (
            Coalitions(("x", "y", "z"), all_masks(3), values[masks[:, j] == side], np.ones(3, bool), "t").shapley()
            for side in (True, False)
        )
        np.testing.assert_allclose(found[others, j], (there - gone) / 2, atol=1e-12)


def test_the_lattice_holds_every_subset_and_every_step() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 1)
    game = coalition_values(model, data)
    lattice = game.lattice()
    assert (len(lattice.logits), len(lattice.edges)) == (16, 4 * 8)
    start, stop = lattice.edges.T
    assert np.array_equal(lattice.sizes[stop], lattice.sizes[start] + 1)
    joined = lattice.masks[stop] & ~lattice.masks[start]
    assert np.array_equal(joined, np.eye(4, dtype=bool)[lattice.added])
    np.testing.assert_array_equal(lattice.changes, lattice.logits[stop] - lattice.logits[start])
    # A Shapley value is the mean of a player's steps, each size of coalition with an equal say.
    weights = 1 / (4 * np.array([math.comb(3, size) for size in lattice.sizes[start]]))
    mean = np.bincount(lattice.added, weights=weights * lattice.changes)
    np.testing.assert_allclose(mean, game.shapley(), atol=1e-9)


def test_bad_arguments_say_how_to_mend_them() -> None:
    model = toys.Toy(toys.synergy)
    with pytest.raises(InputError, match=r"batch\.rows"):
        coalition_values(model, ones().rows([0, 0]))
    with pytest.raises(InputError, match="position 1"):
        coalition_values(model, ones(), target=1)
    with pytest.raises(InputError, match=r"model\.eval"):
        exact_shapley(model.train(), ones())
    with pytest.raises(InputError, match=r"model\.eval"):
        sampled_shapley(model, ones())
    with pytest.raises(InputError, match="two or more"):
        sampled_shapley(model.eval(), ones(), permutations=1)
    with pytest.raises(InputError, match="seed of 0"):
        sampled_shapley(model, ones(), seed=-1)
    with pytest.raises(InputError, match="at most 12"):
        coalition_values(toys.Toy(toys.additive, MANY), everything())


# ── more than twelve modalities ───────────────────────────────────────────────────────────────────────────────────

MANY = toys.schema({f"m{i}": 1 for i in range(PLAYER_LIMIT + 2)})


def everything() -> Batch:
    return toys.batch({name: [[[1.0]]] for name in MANY.names})


def tangled(z: torch.Tensor) -> torch.Tensor:
    """The sum, 6 abc on top: with all at 1 the first three have a value of 3, the others of 1."""
    return z.sum(dim=1) + 6 * z[:, :3].prod(dim=1)


def test_what_counts_is_how_many_are_present() -> None:
    few = everything().masked(torch.arange(len(MANY.names)) < 5)
    model = toys.Toy(tangled, MANY)
    assert len(coalition_values(model, few).values) == 32
    shares = shapley_values(model, few)
    assert shares.exact
    assert not shares.error.any()
    np.testing.assert_allclose(shares.values, [3, 3, 3, 1, 1] + [0] * 9, atol=1e-12)


def test_beyond_twelve_a_sample_states_its_error() -> None:
    model = toys.Toy(tangled, MANY)
    truth = np.array([3.0] * 3 + [1.0] * 11)
    few = shapley_values(model, everything(), permutations=16)
    many = shapley_values(model, everything(), permutations=256)
    assert not few.exact
    assert (few.orders, many.orders) == (16, 256)
    for found in (few, many):
        assert (np.abs(found.values - truth) <= 4 * found.error + 1e-9).all()
        assert found.efficiency_gap() < 1e-9
        assert not found.error[3:].any()
    assert few.error[0] > 0
    assert many.error[0] == pytest.approx(few.error[0] / 4, rel=0.5)


def test_the_stated_error_is_the_true_one() -> None:
    """The spread of the answer over seeds, which is what a standard error promises."""
    model, data = toys.Toy(tangled, MANY), everything()
    found = [sampled_shapley(model, data, permutations=8, seed=k) for k in range(40)]
    spread = np.std([float(shares.values[0]) for shares in found], ddof=1)
    assert spread == pytest.approx(np.mean([float(shares.error[0]) for shares in found]), rel=0.4)


def test_a_sample_without_entanglement_is_exact() -> None:
    model = toys.Toy(toys.synergy)
    found = sampled_shapley(model, ones(), permutations=2)
    np.testing.assert_allclose(found.values, [4.0, 5.0], atol=1e-12)
    np.testing.assert_allclose(found.error, 0.0, atol=1e-12)
    assert sampled_shapley(model, ones((False, True)), permutations=2).values.tolist() == [0.0, 3.0]


def test_a_sample_repeats_in_two_threads_and_leaves_numpy_alone() -> None:
    model, data = toys.Toy(tangled, MANY), everything()
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    alone = [sampled_shapley(model, data, permutations=4, seed=seed).values for seed in (0, 1)]
    assert np.random.rand() == expected
    assert not np.array_equal(alone[0], alone[1])
    with ThreadPoolExecutor(2) as pool:
        together = pool.map(lambda k: sampled_shapley(model, data, permutations=4, seed=k % 2).values, range(8))
        for k, values in enumerate(together):
            np.testing.assert_array_equal(values, alone[k % 2])


# ── what shap's plots take ────────────────────────────────────────────────────────────────────────────────────────


def test_leave_one_out_ends_where_the_model_does() -> None:
    found = leave_one_out(toys.Toy(toys.synergy), ones())
    assert found.values.tolist() == [6.0, 7.0]
    assert found.base_values + found.values.sum() == 9.0
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 3, seed=2)
    assert leave_one_out(model, data).values.shape == (3, 4)


def test_interactions_sum_to_shapley_values_row_by_row() -> None:
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 3, seed=2)
    pairs, alone = shapley_interactions(model, data), exact_shapley(model, data)
    assert pairs.values.shape == (3, 4, 4)
    np.testing.assert_allclose(pairs.values.sum(axis=2), alone.values, atol=1e-9)
    assert shapley_interactions(model, data.rows([0])).values.shape == (4, 4)


def test_plots_of_shap_draw_every_kind() -> None:
    matplotlib.use("Agg")
    model, data = toys.Recurrent(MIXED), toys.random_batch(MIXED, 3, seed=2)
    one = data.rows([0])
    for found in (exact_shapley(model, one), leave_one_out(model, one), shapley_values(model, one).explanation()):
        for plot in (shap.plots.waterfall, shap.plots.bar):
            axes = plot(found, show=False)
            drawn = " ".join(label.get_text() for label in axes.get_yticklabels())
            assert "LABS" in drawn
            plt.close("all")
    shap.plots.beeswarm(exact_shapley(model, data), show=False)
    plt.close("all")
    sampled = sampled_shapley(model, one, permutations=4).explanation()
    assert sampled.error_std.shape == (4,)


@pytest.mark.parametrize("rows", [1, 6, 4096])
def test_games_of_many_records_are_those_of_each_however_many_fit_into_a_pass(rows: int) -> None:
    model = system("amfn")
    several = batch(7, seed=5, missing=0.4)
    with torch.no_grad():
        found = games(model, model.encode(several), rows=rows)
    assert len({game.present.tobytes() for game in found}) > 2
    for row, game in enumerate(found):
        alone = coalition_values(model, several.rows([row]))
        assert np.array_equal(game.present, alone.present)
        assert game.values == pytest.approx(alone.values, abs=1e-5)
