"""An ensemble is the mean of its members, and its trace is still an exact account of its answer."""

from __future__ import annotations

import pytest
import torch

from amfn.fusion import build_fusion
from amfn.fusion.ensemble import Ensemble
from amfn.types import InputError
from explain.shapley import coalition_values
from tests.cohorts import TINY_MODEL, stays, tiny_model

COHORT = stays(6)
BATCH = COHORT.batch(COHORT.fit_normaliser(range(6)))


@pytest.fixture
def ensemble() -> Ensemble:
    torch.manual_seed(0)
    return Ensemble([tiny_model() for _ in range(3)], temperature=2.0, shift=0.25).eval().requires_grad_(False)


def test_logits_are_the_mean_of_the_members_tempered(ensemble: Ensemble) -> None:
    each = torch.stack([member(BATCH).logits for member in ensemble.networks])
    found = ensemble(BATCH)
    assert found.members is not None
    torch.testing.assert_close(found.members, each / 2 + 0.25)
    torch.testing.assert_close(found.logits, each.mean(0) / 2 + 0.25)


def test_the_trace_accounts_for_the_logit_exactly(ensemble: Ensemble) -> None:
    found = ensemble(BATCH)
    trace = found.trace
    assert trace.node_logits is not None
    assert trace.bias is not None
    torch.testing.assert_close(trace.node_logits.sum(1) + trace.bias, found.logits)


def test_the_trace_keeps_every_head_and_stays_a_distribution(ensemble: Ensemble) -> None:
    trace = ensemble(BATCH).trace
    heads = 2
    assert trace.attention is not None
    assert trace.weights is not None
    assert trace.adjacency is not None
    assert trace.gates is not None
    assert trace.attention.shape[1] == 3 * heads
    second = ensemble.networks[1](BATCH).trace
    torch.testing.assert_close(trace.attention[:, heads : 2 * heads], second.attention)
    torch.testing.assert_close(trace.weights.sum(1), torch.ones(6))
    torch.testing.assert_close(trace.adjacency.sum(-1)[trace.present], torch.ones(int(trace.present.sum())))
    gates = torch.stack([member(BATCH).trace.gates for member in ensemble.networks])
    torch.testing.assert_close(trace.gates, gates.mean(0))


def test_nothing_present_gives_the_prior_untempered(ensemble: Ensemble) -> None:
    nothing = BATCH.masked(torch.zeros(len(COHORT.task.schema.modalities), dtype=torch.bool))
    found = ensemble(nothing)
    torch.testing.assert_close(torch.sigmoid(found.logits), torch.full((6, 1), 0.3))
    assert found.trace.bias is not None
    torch.testing.assert_close(found.trace.bias, found.logits)


def test_fusing_subsets_equals_masking_the_batch(ensemble: Ensemble) -> None:
    one = BATCH.rows([1])
    game = coalition_values(ensemble, one)
    for mask, value in list(zip(game.masks, game.values, strict=True))[::17]:
        direct = ensemble(one.masked(torch.from_numpy(mask))).logits[0, 0]
        assert float(direct) == pytest.approx(value, abs=1e-5)


def test_one_member_is_that_member() -> None:
    member = tiny_model().requires_grad_(False)
    torch.testing.assert_close(Ensemble([member])(BATCH).logits, member(BATCH).logits)


def test_members_of_two_architectures_are_refused() -> None:
    other = build_fusion("amfn", COHORT.task.schema, TINY_MODEL | {"graph_layers": 2}, (0.3,))
    for members in ([], [tiny_model(), other]):
        with pytest.raises(InputError, match="one architecture"):
            Ensemble(members)


@pytest.mark.parametrize(("temperature", "shift"), [(0.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0), (1.0, float("inf"))])
def test_a_calibration_that_cannot_be_is_refused(temperature: float, shift: float) -> None:
    with pytest.raises(InputError, match="temperature"):
        Ensemble([tiny_model()], temperature, shift)
