"""Weights and labels made random: sound explainers change, broken ones are caught."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from amfn.types import Batch, Encoded, Explainable, FusionTrace, InputError, Prediction
from explain.sanity import (
    OWN,
    Interval,
    Sanity,
    label_randomisation,
    randomised,
    stages_of,
    weight_randomisation,
)
from explain.types import Attribution
from tests import toys

CHANNELS = 12
SCHEMA = toys.schema({"a": CHANNELS})


class Network(nn.Module):
    """logit = head(gate * encoder(x)): a linear model in three parts, one number a channel."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.schema = SCHEMA
        identity = nn.Linear(CHANNELS, CHANNELS)
        self.encoders = nn.ModuleDict({"a": identity})
        self.gate = nn.Parameter(torch.ones(CHANNELS) + 0.01 * torch.arange(CHANNELS))
        self.head = nn.Linear(CHANNELS, 1)
        self.drop = nn.Dropout(0.1)
        with torch.no_grad():
            identity.weight.copy_(torch.eye(CHANNELS))
            identity.bias.zero_()
            self.head.weight.copy_(weights)
        self.eval()

    def encode(self, batch: Batch) -> Encoded:
        return Encoded(self.encoders["a"](batch.x["a"].mean(1))[:, None], batch.present)

    def fuse(self, encoded: Encoded) -> Prediction:
        h = self.gate * encoded.h[:, 0]
        return Prediction(self.head(h), h, FusionTrace(("a",), encoded.present))

    def forward(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))


class Networks(nn.Module):
    """An ensemble as far as the checks know it."""

    def __init__(self, members: list[Network]) -> None:
        super().__init__()
        self.members, self.schema = nn.ModuleList(members), SCHEMA
        self.eval()

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(cast(Network, member) for member in self.members)

    def encode(self, batch: Batch) -> Encoded:
        return Encoded(torch.cat([network.encode(batch).h for network in self.networks], -1), batch.present)

    def fuse(self, encoded: Encoded) -> Prediction:
        parts = zip(self.networks, encoded.h.chunk(len(self.networks), -1), strict=True)
        each = [member.fuse(replace(encoded, h=h)) for member, h in parts]
        return replace(each[0], logits=torch.stack([p.logits for p in each]).mean(0))

    def forward(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))


def trained(noise: float = 0.1) -> Networks:
    """Three networks around one truth, as training from three seeds leaves them."""
    g = torch.Generator().manual_seed(0)
    truth = torch.randn(1, CHANNELS, generator=g)
    return Networks([Network(truth + noise * torch.randn(1, CHANNELS, generator=g)) for _ in range(3)])


def records(count: int = 8) -> list[Batch]:
    """Values of one size: what the attribution ranks is the model's doing."""
    g = torch.Generator().manual_seed(1)
    return [toys.batch({"a": 1 + 0.2 * torch.rand(1, 1, CHANNELS, generator=g)}) for _ in range(count)]


def of(values: Tensor) -> Attribution:
    return Attribution("given", "outcome", "zero", {}, {"a": values.detach().numpy()}, 0.0, 0.0, 0.0)


def gradient_x_input(model: Explainable, batch: Batch) -> Attribution:
    with torch.enable_grad():
        x = batch.x["a"].clone().requires_grad_()
        (slope,) = torch.autograd.grad(model(replace(batch, x={"a": x})).logits.sum(), x)
    return of((slope * x)[0])


def readout(model: Explainable, batch: Batch) -> Attribution:
    return of(batch.x["a"][0].abs())


def edges(model: Explainable, batch: Batch) -> Attribution:
    """Where neighbouring values differ, whatever the model says."""
    x = batch.x["a"][0]
    return of((x - x.roll(1, 1)).abs())


def test_a_sound_explainer_passes_and_its_agreement_falls_to_nothing() -> None:
    found = weight_randomisation(trained(), records(), gradient_x_input, method="gradient x input")
    assert found.stages == ("head", OWN, "encoders")
    assert found.passed is True
    assert found.reference is not None
    assert found.reference.mean() > 0.7
    assert abs(found.by_stage[-1].mean) < 0.5
    assert found.said.startswith("Passed")


@pytest.mark.parametrize("explainer", [readout, edges])
def test_what_looks_at_the_input_alone_is_caught(explainer: object) -> None:
    model, few = trained(), records(4)
    found = weight_randomisation(model, few, explainer, method="broken")  # type: ignore[arg-type]
    np.testing.assert_allclose(found.agreement, 1.0)
    assert found.passed is False
    assert found.said.startswith("Not passed")
    labels = label_randomisation(model, trained(9.0), few, explainer, method="broken")  # type: ignore[arg-type]
    assert labels.passed is False


def test_an_explainer_half_of_the_input_is_judged_by_its_interval() -> None:
    """Records whose values rule the ranks: agreement stays as high as between the trained networks."""
    g = torch.Generator().manual_seed(3)
    wide = [toys.batch({"a": torch.exp(4 * torch.randn(1, 1, CHANNELS, generator=g))}) for _ in range(6)]
    found = weight_randomisation(trained(3.0), wide, gradient_x_input, method="gradient x input")
    assert found.passed is False
    assert found.drop is not None
    assert found.drop.low <= 0 < found.by_stage[-1].mean


def test_the_model_stays_as_it_was_and_the_seed_decides() -> None:
    model = trained()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    first, again, other = (randomised(model, ["head", OWN], seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
        changed = "encoders" not in name
        assert torch.equal(tensor, before[name]) is not changed
        assert torch.equal(tensor, other.state_dict()[name]) is not changed
    assert not first.training


def test_own_tensors_keep_their_entries_and_even_ones_are_drawn_anew() -> None:
    network = Network(torch.ones(1, CHANNELS))
    shuffled = randomised(network, [OWN]).get_parameter("gate")
    assert torch.equal(shuffled.sort().values, network.gate.sort().values)
    with torch.no_grad():
        network.gate.fill_(2.0)
    drawn = randomised(network, [OWN]).get_parameter("gate")
    assert len(drawn.unique()) == CHANNELS
    assert 0.2 < float(drawn.detach().std()) < 6.0


def test_stages_run_from_the_logit_down_and_skip_what_learned_nothing() -> None:
    assert stages_of(Network(torch.ones(1, CHANNELS))) == ("head", OWN, "encoders")
    assert stages_of(toys.Recurrent(toys.schema())) == ("head", "hidden", "query", "encoders")
    assert stages_of(toys.Toy(toys.additive)) == (OWN,)

    class Norm(nn.Module):
        """Learned statistics without a parameter."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.arange(5.0))

    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.attention, self.drop, self.head = Norm(), nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 1)

    assert stages_of(Inner()) == ("head", "attention", "norm")
    altered = randomised(Inner(), ["norm"]).get_submodule("norm").get_buffer("mean")
    assert not torch.equal(altered, torch.arange(5.0))
    assert torch.equal(altered.sort().values, torch.arange(5.0))


def test_a_stage_that_is_not_there_and_a_model_with_nothing_learned_are_refused() -> None:
    with pytest.raises(InputError, match="tail"):
        randomised(trained(), ["tail"])
    with pytest.raises(InputError, match="anything learned"):
        randomised(nn.Dropout(), [])
    plain = SimpleNamespace(schema=SCHEMA)
    with pytest.raises(InputError, match="torch module"):
        weight_randomisation(plain, records(1), readout, method="x")


def test_shuffled_labels_change_a_sound_explainer() -> None:
    """Least squares on true and on shuffled labels; the reference are fits on two halves."""
    g = torch.Generator().manual_seed(5)
    truth = torch.randn(CHANNELS, generator=g) * 2
    x = torch.randn(400, CHANNELS, generator=g)
    y = x @ truth + torch.randn(400, generator=g)

    def fit(rows: slice, labels: Tensor) -> Network:
        return Network(torch.linalg.lstsq(x[rows], labels[rows, None]).solution.T)

    whole, halves = fit(slice(0, 400), y), [fit(slice(0, 200), y), fit(slice(200, 400), y)]
    shuffled = fit(slice(0, 400), y[torch.randperm(400, generator=g)])
    told = list[float]()
    found = label_randomisation(
        whole, shuffled, records(), gradient_x_input, method="gradient x input", networks=halves, progress=told.append
    )
    assert found.kind == "labels"
    assert found.passed is True
    assert told[-1] == 1.0
    assert "shuffled labels" in found.said
    with pytest.raises(InputError, match="schema"):
        label_randomisation(whole, toys.Toy(toys.additive), records(), readout, method="x")


def test_without_two_trained_networks_or_two_records_nothing_is_judged() -> None:
    alone = weight_randomisation(Network(torch.ones(1, CHANNELS)), records(3), gradient_x_input, method="x")
    assert (alone.passed, alone.reference, alone.drop) == (None, None, None)
    assert alone.said.startswith("Not judged")
    single = weight_randomisation(trained(), records(1), gradient_x_input, method="x")
    assert single.passed is None
    assert "1 record" in single.said
    for each in (alone, single):
        json.dumps(each.to_json(), allow_nan=False)


def test_records_that_cannot_be_ranked_are_named_or_refused() -> None:
    def zero(model: Explainable, batch: Batch) -> Attribution:
        return of(torch.zeros(1, CHANNELS))

    with pytest.raises(InputError, match="1 record"):
        weight_randomisation(trained(), records(1), zero, method="nothing")
    few = records(1)[0]
    hidden = few.observed["a"].clone()
    hidden[..., 3:] = False
    small = replace(few, ids=("small",), observed={"a": hidden})
    found = weight_randomisation(trained(), [*records(2), small], gradient_x_input, method="x")
    assert found.skipped == ("small",)
    assert len(found.agreement) == 2


def test_an_attribution_that_falls_silent_agrees_with_nothing() -> None:
    model = trained()

    def silent(other: Explainable, batch: Batch) -> Attribution:
        learned = any(other is network for network in model.networks)
        return gradient_x_input(other, batch) if learned else of(torch.zeros(1, CHANNELS))

    found = weight_randomisation(model, records(2), silent, method="x")
    np.testing.assert_array_equal(found.agreement, 0.0)


def test_the_interval_is_seeded_and_covers_the_mean() -> None:
    values = np.random.default_rng(0).normal(0.3, 0.1, 40)
    found = Interval.of(values)
    assert found == Interval.of(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.low < found.mean < found.high
    assert 0.04 < found.high - found.low < 0.09  # four standard errors of 0.1 / sqrt(40)
    even = Interval.of(np.full(5, 0.5))
    assert (even.low, even.mean, even.high) == (0.5, 0.5, 0.5)


def test_the_last_stage_decides() -> None:
    agreement, reference = np.tile([0.1, 0.9], (4, 1)), np.full(4, 0.5)
    found = Sanity("x", "weights", ("head", "encoders"), agreement, reference, tuple("abcd"), ())
    assert found.passed is False
    turned = Sanity("x", "weights", ("head", "encoders"), agreement[:, ::-1], reference, tuple("abcd"), ())
    assert turned.passed is True


@pytest.mark.parametrize(("left", "passed"), [(0.3, True), (0.79, True), (0.94, False)])
def test_a_picture_that_hardly_changes_is_not_passed_however_well_networks_agree(left: float, passed: bool) -> None:
    """Nearly even attention over time: 0.94 with random weights, 0.98 between trained networks, and no explanation."""
    agreement = np.array([[0.99, left - 0.001], [0.98, left], [0.99, left + 0.001]])
    found = Sanity("m", "weights", ("head", "encoders"), agreement, np.array([0.98, 0.97, 0.99]), ("a", "b", "c"), ())
    assert found.drop is not None
    assert found.drop.low > 0
    assert found.passed is passed
