"""Exchanged routing: changes known by hand, and in AMFN that what is put in is what is summed and reported."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor

from amfn.fusion.amfn import AMFN
from amfn.fusion.ensemble import Ensemble
from amfn.types import Batch, Encoded, InputError, Prediction, Routing
from explain.routing import ExchangeTest, dealt_out, divergence, given, routing_report
from tests import systems, toys
from tests.cohorts import stays, tiny_ensemble
from tests.routed import Weighted

TWO, THREE = toys.schema(), toys.schema({"a": 1, "b": 1, "c": 1})
COHORT = stays(12)
STAYS = COHORT.batch(COHORT.fit_normaliser(range(12)))


def risk(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def two(a: float, b: float) -> Batch:
    return toys.batch({"a": [[[a]]], "b": [[[b]]]})


# ── the tests, on toys ────────────────────────────────────────────────────────────────────────────────────────────


def test_exchanged_weights_by_hand() -> None:
    """β = (3/4, 1/4) on z = (2, -2): a logit of 1; even 0; dealt out the only other way -1."""
    report = routing_report(Weighted(TWO, [[0.75, 0.25]]), [two(2.0, -2.0)], draws=3)
    assert set(report.tests) == {"weights"}
    assert report.probability == pytest.approx(risk(1.0))
    test = report.tests["weights"]
    np.testing.assert_allclose(test.uniform_change, [risk(0.0) - risk(1.0)], atol=1e-6)
    np.testing.assert_allclose(test.permuted_change, [[risk(-1.0) - risk(1.0)] * 3], atol=1e-6)
    apart = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    np.testing.assert_allclose(test.permuted_distance, [[apart] * 3], atol=1e-6)
    assert test.farthest_same.tolist() == [0.0]


def test_routing_that_does_not_matter_can_be_anything() -> None:
    """Both modalities say the same: no weights change the answer, and a far routing gives the same one."""
    test = routing_report(Weighted(TWO, [[0.75, 0.25]]), [two(2.0, 2.0)], draws=50).tests["weights"]
    assert test.changes.max() < 1e-6
    assert test.farthest_same[0] == test.distances.max() > 0.1


def test_exchanged_attention_by_hand() -> None:
    """Every row hears (0.8, 0.2) of z = (1, 0): the logit is 0.8; even 0.5; the other way 0.2."""
    model = Weighted(TWO, [[0.5, 0.5]], heard=[0.8, 0.2])
    test = routing_report(model, [two(1.0, 0.0)], draws=2).tests["attention"]
    np.testing.assert_allclose(test.uniform_change, [risk(0.5) - risk(0.8)], atol=1e-6)
    np.testing.assert_allclose(test.permuted_change, [[risk(0.2) - risk(0.8)] * 2], atol=1e-6)
    expected = divergence(np.array([0.8, 0.2]), np.array([0.2, 0.8]))
    np.testing.assert_allclose(test.permuted_distance, [[expected] * 2], atol=1e-6)


def test_networks_that_say_the_same_by_other_routing() -> None:
    model = Weighted(TWO, [[0.9, 0.1], [0.1, 0.9]])
    networks = routing_report(model, [two(1.0, 1.0)], draws=1).networks
    assert networks is not None
    assert networks.count == 2
    assert networks.weights is not None
    np.testing.assert_allclose(networks.weights, divergence(np.array([0.9, 0.1]), np.array([0.1, 0.9])), atol=1e-6)
    np.testing.assert_allclose(networks.logits, 0.0, atol=1e-6)
    apart = routing_report(model, [two(1.0, -1.0)], draws=1).networks
    assert apart is not None
    np.testing.assert_allclose(apart.logits, math.sqrt(2) * 0.8, atol=1e-6)
    assert routing_report(Weighted(TWO, [[0.9, 0.1]]), [two(1.0, 1.0)], draws=1).networks is None


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [([1.0, 0.0], [0.0, 1.0], math.log(2)), ([0.3, 0.7], [0.3, 0.7], 0.0), ([0.0, 0.0], [0.0, 0.0], 0.0)],
)
def test_divergence_at_its_ends(one: list[float], two: list[float], expected: float) -> None:
    assert divergence(np.array(one), np.array(two)) == pytest.approx(expected)


def test_records_with_one_modality_are_counted_and_left_out() -> None:
    present = [[True, True, True], [True, False, False], [False, False, False], [True, False, True]]
    values = {name: [[[float(k)]] for k in range(4)] for name in THREE.names}
    batch = toys.batch(values, present)
    report = routing_report(Weighted(THREE, [[0.5, 0.3, 0.2]]), [batch], draws=2)
    assert (report.ids, report.untested) == (("r0", "r3"), 2)
    assert report.modalities.tolist() == [3, 2]
    with pytest.raises(InputError, match="none with two modalities"):
        routing_report(Weighted(THREE, [[0.5, 0.3, 0.2]]), [batch.rows([1, 2])])
    with pytest.raises(InputError, match="none with two modalities"):
        routing_report(Weighted(THREE, [[0.5, 0.3, 0.2]]), [])


# ── AMFN and its ensemble ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    torch.manual_seed(0)
    return tiny_ensemble(members=3).eval()


def test_no_exchange_is_the_network_itself(ensemble: Ensemble) -> None:
    with torch.no_grad():
        encoded = ensemble.encode(STAYS)
        own, same = ensemble.fuse(encoded), ensemble.fuse_routed(encoded, Routing())
        back = Routing(lambda alpha, present: alpha.clone(), lambda beta, present: beta.clone())
        identity = ensemble.fuse_routed(encoded, back)
    for other in (same, identity):
        assert torch.equal(other.logits, own.logits)


def test_what_is_put_in_is_what_is_summed_and_reported() -> None:
    model = systems.system("amfn")
    assert isinstance(model, AMFN)
    many = systems.batch(6)
    share = many.present / many.present.sum(1, keepdim=True)
    with torch.no_grad():
        encoded = model.encode(many)
        found = model.fuse_routed(encoded, Routing(given(share), given(share)))
    trace = found.trace
    assert trace.attention is not None
    assert trace.weights is not None
    assert trace.node_logits is not None
    assert trace.gates is not None
    assert trace.bias is not None
    torch.testing.assert_close(trace.weights, share)
    rows = share[:, None, None, :] * many.present[:, None, :, None]
    torch.testing.assert_close(trace.attention, rows.expand_as(trace.attention))
    torch.testing.assert_close(trace.node_logits.sum(1) + trace.bias, found.logits)
    # The same by hand: Eqs. 7 to 16 with α and β even.
    assert model.norm is not None
    assert model.attention is not None
    assert model.graph is not None
    assert model.gate is not None
    keep = many.present[..., None]
    with torch.no_grad():
        h = model.norm(encoded.h * keep, many.present)
        mean = (h * keep).sum(1, keepdim=True) / keep.sum(1, keepdim=True)
        h, _ = model.graph(model.attention.norm(h + mean * keep) * keep, many.present)
        gated = torch.sigmoid((h * model.gate).sum(-1, keepdim=True)) * keep * h
        expected = model.head((gated * share[..., None]).sum(1))
    torch.testing.assert_close(found.logits, expected, atol=1e-5, rtol=1e-5)


def test_every_network_is_asked_with_its_own(ensemble: Ensemble) -> None:
    order = torch.arange(len(STAYS.present[0])).expand(len(STAYS), -1).clone()
    for row, here in enumerate(STAYS.present):
        at = here.nonzero().flatten()
        order[row, at] = at.roll(1)
    with torch.no_grad():
        encoded = ensemble.encode(STAYS)
        own = ensemble.fuse(encoded).trace
        dealt = ensemble.fuse_routed(encoded, Routing(weights=dealt_out(order)))
        each = ensemble.fuse_each(encoded, Routing(weights=dealt_out(order)))
    assert own.weights is not None
    assert dealt.trace.weights is not None
    torch.testing.assert_close(dealt.trace.weights, own.weights.gather(1, order))
    torch.testing.assert_close(dealt.logits, torch.stack([one.logits for one in each]).mean(0))


@pytest.mark.parametrize(
    ("exchange", "message"),
    [
        (lambda own, present: own * 2, "no distribution"),
        (lambda own, present: own - 1, "no distribution"),
        (lambda own, present: own * torch.nan, "no distribution"),
        (lambda own, present: torch.ones_like(own) / own.shape[-1], "no distribution"),
        (lambda own, present: own[..., :-1], "shape"),
    ],
    ids=["sums to two", "negative", "nan", "to the absent", "shape"],
)
@pytest.mark.parametrize("name", ["attention", "weights"])
def test_what_is_no_routing_is_refused(name: str, exchange: object, message: str) -> None:
    model = systems.system("amfn")
    assert isinstance(model, AMFN)
    many = systems.batch(6)
    assert not many.present.all()
    with torch.no_grad(), pytest.raises(InputError, match=message):
        model.fuse_routed(model.encode(many), Routing(**{name: exchange}))  # type: ignore[arg-type]


def test_a_network_without_the_routing_says_so() -> None:
    plain = systems.system("amfn", attention=False, fusion="concat")
    assert isinstance(plain, AMFN)
    many = systems.batch(3)
    for routing in (Routing(attention=lambda own, here: own), Routing(weights=lambda own, here: own)):
        with torch.no_grad(), pytest.raises(InputError, match="without it"):
            plain.fuse_routed(plain.encode(many), routing)
    with pytest.raises(InputError, match="neither α nor β"):
        routing_report(plain, [many])
    only_weights = systems.system("amfn", attention=False)
    assert set(routing_report(only_weights, [many], draws=1).tests) == {"weights"}


@pytest.mark.parametrize("name", [name for name in systems.NAMES if name != "amfn"])
def test_systems_that_do_not_route_are_refused(name: str) -> None:
    model, many = systems.system(name), systems.batch(3)
    with pytest.raises(InputError, match="no routing to exchange"):
        routing_report(model, [many])
    several = Ensemble([model]).eval()
    with torch.no_grad(), pytest.raises(InputError, match="can be exchanged"):
        several.fuse_routed(several.encode(many), Routing())
    with pytest.raises(InputError, match=r"can be exchanged|neither α nor β"):
        routing_report(several, [many])


def same(one: ExchangeTest, two: ExchangeTest) -> bool:
    return all(np.allclose(getattr(one, f.name), getattr(two, f.name), atol=1e-6) for f in fields(ExchangeTest))


def test_batches_and_threads_do_not_matter(ensemble: Ensemble) -> None:
    whole = routing_report(ensemble, [STAYS], draws=3)
    parts = [STAYS.rows(range(5)), STAYS.rows(range(5, 12))]
    before = [value.clone() for value in ensemble.state_dict().values()]
    with ThreadPoolExecutor(2) as pool:
        others = list(pool.map(lambda _: routing_report(ensemble, parts, draws=3), range(2)))
    for other in others:
        assert other.ids == whole.ids == STAYS.ids
        assert all(same(other.tests[name], whole.tests[name]) for name in whole.tests)
    assert not same(routing_report(ensemble, [STAYS], draws=3, seed=1).tests["weights"], whole.tests["weights"])
    assert all(torch.equal(a, b) for a, b in zip(before, ensemble.state_dict().values(), strict=True))


def test_the_stored_report_is_plain_numbers_and_names_nobody(ensemble: Ensemble) -> None:
    report = routing_report(ensemble, [STAYS], draws=3)
    assert report.networks is not None
    assert report.networks.attention is not None
    text = json.dumps(report.to_json(), allow_nan=False)
    assert not [record for record in STAYS.ids if record in text]
    for test in report.to_json()["tests"].values():
        assert sum(part["count"] for part in test["by_distance"]) == len(STAYS) * 7
        assert test["uniform_change"] == sorted(test["uniform_change"])


class Unmoved(Weighted):
    """Broken: says that it routes otherwise, and answers as before."""

    def fuse_routed(self, encoded: Encoded, routing: Routing) -> Prediction:
        moved, own = super().fuse_routed(encoded, routing), super().fuse_routed(encoded, Routing())
        return Prediction(own.logits, own.embedding, moved.trace, own.members)


def test_a_routing_that_nobody_listens_to_is_seen() -> None:
    """The same record and weights: the honest toy changes its answer, the broken one leaves every far routing."""
    honest, broken = (
        routing_report(kind(TWO, [[0.75, 0.25]]), [two(2.0, -2.0)], draws=20).tests["weights"]
        for kind in (Weighted, Unmoved)
    )
    assert honest.changes.max() > 0.3
    assert broken.changes.max() == 0.0
    assert broken.farthest_same[0] > honest.farthest_same[0]


def test_bad_arguments_are_refused() -> None:
    model = Weighted(TWO, [[0.75, 0.25]])
    for settings in ({"draws": 0}, {"seed": -1}):
        with pytest.raises(InputError, match="one draw or more"):
            routing_report(model, [two(1.0, 2.0)], **settings)
    with pytest.raises(InputError, match="position 1"):
        routing_report(model, [two(1.0, 2.0)], target=1)
    with pytest.raises(InputError, match=r"model\.eval"):
        routing_report(model.train(), [two(1.0, 2.0)])


def test_an_exchange_keeps_rows_of_absent_modalities_empty() -> None:
    present = torch.tensor([[True, False, True]])
    own: Tensor = torch.zeros(1, 2, 3, 3)
    found = given(torch.tensor([[0.4, 0.0, 0.6]]))(own, present)
    assert found[0, 1].tolist() == [
        [pytest.approx(0.4), 0.0, pytest.approx(0.6)],
        [0.0] * 3,
        [pytest.approx(0.4), 0.0, pytest.approx(0.6)],
    ]
