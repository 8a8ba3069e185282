"""The four axioms that single out the Shapley value, on random games (Shapley 1953)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from explain.coalitions import Coalitions, all_masks, subsets_of


def game(values: np.ndarray) -> Coalitions:
    n = len(values).bit_length() - 1
    return Coalitions(tuple(f"m{i}" for i in range(n)), all_masks(n), values, np.ones(n, dtype=bool), "outcome")


def index(masks: np.ndarray) -> np.ndarray:
    return masks @ (1 << np.arange(masks.shape[1]))


sizes = st.integers(1, 6)
worth = st.floats(-100.0, 100.0, width=32)
games = sizes.flatmap(lambda n: hnp.arrays(np.float64, 2**n, elements=worth))


@given(games)
def test_efficiency(values: np.ndarray) -> None:
    found = game(values)
    assert np.isclose(found.shapley().sum(), values[-1] - values[0], atol=1e-9)
    assert found.efficiency_gap() < 1e-9


@given(games, st.data())
def test_symmetry_renaming_players_renames_their_shares(values: np.ndarray, data: st.DataObject) -> None:
    n = len(values).bit_length() - 1
    order = np.array(data.draw(st.permutations(range(n))))
    renamed = values[index(all_masks(n)[:, np.argsort(order)])]
    np.testing.assert_allclose(game(renamed).shapley(), game(values).shapley()[order], atol=1e-9)


@given(games, st.data())
def test_symmetry_equal_players_have_equal_shares(values: np.ndarray, data: st.DataObject) -> None:
    n = len(values).bit_length() - 1
    i, j = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1))
    swap = np.arange(n)
    swap[[i, j]] = [j, i]
    shares = game((values + values[index(all_masks(n)[:, swap])]) / 2).shapley()
    assert np.isclose(shares[i], shares[j], atol=1e-9)


@given(games, st.data(), worth)
def test_dummy_player_gets_what_it_always_adds(values: np.ndarray, data: st.DataObject, adds: float) -> None:
    masks = all_masks(len(values).bit_length() - 1)
    dummy = data.draw(st.integers(0, masks.shape[1] - 1))
    without = masks.copy()
    without[:, dummy] = False
    found = game(values[index(without)] + adds * masks[:, dummy])
    assert np.isclose(found.shapley()[dummy], adds, atol=1e-9)
    assert np.isclose(found.leave_one_out()[dummy], adds, atol=1e-9)


@given(
    sizes.flatmap(lambda n: hnp.arrays(np.float64, (2, 2**n), elements=worth)), st.floats(-10, 10), st.floats(-10, 10)
)
def test_linearity(pair: np.ndarray, a: float, b: float) -> None:
    u, v = pair
    expected = a * game(u).shapley() + b * game(v).shapley()
    np.testing.assert_allclose(game(a * u + b * v).shapley(), expected, atol=1e-8)


@given(games, st.data())
def test_an_absent_player_changes_nothing_for_the_others(values: np.ndarray, data: st.DataObject) -> None:
    n = len(values).bit_length() - 1
    present = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    masks = subsets_of(present)
    found = Coalitions(tuple(f"m{i}" for i in range(n)), masks, values[index(masks)], present, "outcome")
    as_null_players = game(values[index(all_masks(n) & present)])
    assert np.all(found.shapley()[~present] == 0.0)
    np.testing.assert_allclose(found.shapley(), as_null_players.shapley(), atol=1e-9)
    np.testing.assert_allclose(found.leave_one_out(), as_null_players.leave_one_out(), atol=1e-9)
    np.testing.assert_allclose(found.interactions(), as_null_players.interactions(), atol=1e-9)


@given(games)
def test_interactions_are_symmetric_and_rows_sum_to_the_values(values: np.ndarray) -> None:
    found = game(values)
    matrix = found.interactions()
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(matrix.sum(axis=1), found.shapley(), atol=1e-9)


@given(games, st.data(), worth)
def test_a_dummy_player_interacts_with_nobody(values: np.ndarray, data: st.DataObject, adds: float) -> None:
    masks = all_masks(len(values).bit_length() - 1)
    dummy = data.draw(st.integers(0, masks.shape[1] - 1))
    without = masks.copy()
    without[:, dummy] = False
    row = game(values[index(without)] + adds * masks[:, dummy]).interactions()[dummy]
    np.testing.assert_allclose(row, adds * (np.arange(len(row)) == dummy), atol=1e-9)


@given(games, st.data())
def test_every_path_through_the_lattice_gains_the_same(values: np.ndarray, data: st.DataObject) -> None:
    lattice = game(values).lattice()
    step = {(int(a), int(p)): (int(b), float(c))
            for (a, b), p, c in zip(lattice.edges, lattice.added, lattice.changes, strict=True)}  # fmt: skip
    at, gained = 0, 0.0
    for player in data.draw(st.permutations(range(len(lattice.players)))):
        at, change = step[at, player]
        gained += change
    assert at == len(values) - 1
    assert np.isclose(gained, values[-1] - values[0], atol=1e-9)
