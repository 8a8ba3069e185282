"""The fusion contract, held by every registered system, with every option of a config as a system of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from amfn.batch import Normaliser, Scale
from amfn.fusion import AMFN, AMFNConfig, FusionModel, GRUFusion, build_fusion, config_to_dict
from amfn.losses import LossConfig, Objectives
from amfn.types import Batch, Encoded, InputError, Prediction
from explain.shapley import fuse_subsets
from tests.systems import NAMES, PRIOR, SCHEMA, SMALL, batch, padded, small, system

AMFN_OPTIONS: tuple[dict[str, object], ...] = (
    {"normalise": False},
    {"attention": False},
    {"graph_layers": 0},
    {"graph_layers": 3},
    {"gate": False},
    {"fusion": "concat"},
    {"head": "mlp"},
    {"fusion": "concat", "head": "mlp"},
    {"heads": 1},
    {"encoder": {"width": 8, "sequence": "attention"}},
    {"encoder": {"width": 8, "sequence": "gru"}},
    {"encoder": {"width": 8, "sequence": "none"}},
    {"encoder": {"width": 8, "summary": False}},
    {"encoder": {"width": 8, "frequency_mixer": True}},
    {"encoder": {"width": 8, "spiking": True}},
)
PEER_OPTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("early", {"width": 8, "sequence": "gru"}),
    ("early", {"width": 8, "sequence": "none", "summary": False}),
    ("late", {"encoder": {"width": 8, "sequence": "none"}}),
    ("mlp", {"encoder": {"width": 8, "sequence": "none"}}),
    ("lstm", {"layers": 2}),
    ("gru", {"layers": 2}),
    ("nbeats", {"blocks": 1, "layers": 1}),
    ("tcn", {"kernel": 2, "levels": 2}),
    ("tft", {"heads": 1}),
    ("transformer", {"heads": 1, "layers": 1}),
)
CASES: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in NAMES),
    *(("amfn", options) for options in AMFN_OPTIONS),
    *PEER_OPTIONS,
]
SPLIT = {"amfn", "late"}  # systems whose logits fall into parts exactly, with a linear head


def label(case: object) -> str:
    return "-".join(f"{k}={v}" for k, v in case.items()) or "default" if isinstance(case, dict) else str(case)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{label(case[1])}")
def model(request: pytest.FixtureRequest) -> FusionModel:
    name, options = request.param
    return system(name, **options)


def test_shapes(model: FusionModel) -> None:
    records, sources = 5, len(SCHEMA.modalities)
    with torch.no_grad():
        prediction = model(batch(records))
    trace = prediction.trace
    assert prediction.logits.shape == (records, len(SCHEMA.targets))
    assert prediction.embedding.shape[0] == records
    assert prediction.logits.isfinite().all()
    assert trace.present.shape == (records, len(trace.sources)) == (records, sources)
    square = (sources, sources)
    heads = getattr(model.config, "heads", 1)
    for field, tail in (("attention", (heads, *square)), ("adjacency", square), ("gates", (sources,)),
                        ("weights", (sources,)), ("node_logits", (sources, 2)), ("bias", (2,))):  # fmt: skip
        value = getattr(trace, field)
        assert value is None or value.shape == (records, *tail), field


def test_batch_of_one_equals_its_row(model: FusionModel) -> None:
    many = batch(6)
    with torch.no_grad():
        together = model(many).logits
        alone = torch.cat([model(many.rows([row])).logits for row in range(6)])
    torch.testing.assert_close(alone, together, atol=2e-5, rtol=1e-4)


def test_batch_order_does_not_matter(model: FusionModel) -> None:
    many, order = batch(6), [3, 0, 5, 1, 4, 2]
    with torch.no_grad():
        torch.testing.assert_close(model(many.rows(order)).logits, model(many).logits[order], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("steps", [(260, 12, 12, 1), (150, 7, 9, 1)], ids=["whole", "shorter"])
@pytest.mark.parametrize("extra", [1, 37])
def test_padding_does_not_matter(model: FusionModel, extra: int, steps: tuple[int, ...]) -> None:
    many = batch(6, steps=steps)
    with torch.no_grad():
        plain = model(many)
        longer = model(padded(many, extra, garbage=9.0))
    torch.testing.assert_close(longer.logits, plain.logits, atol=2e-5, rtol=1e-4)
    assert (plain.trace.temporal is not None) == (longer.trace.temporal is not None) == model.embeds
    if plain.trace.temporal is None or longer.trace.temporal is None:
        return
    for name, weight in plain.trace.temporal.items():
        torch.testing.assert_close(longer.trace.temporal[name][:, : weight.shape[1]], weight, atol=1e-5, rtol=1e-4)


def test_what_stands_behind_absent_cannot_change_a_logit(model: FusionModel) -> None:
    many = batch(8)
    other = dict(many.x)
    for k, spec in enumerate(SCHEMA.modalities):
        changed = many.x[spec.name].clone()
        changed[~many.present[:, k]] = 1e4
        other[spec.name] = changed
    with torch.no_grad():
        assert torch.equal(model(replace(many, x=other)).logits, model(many).logits)


def test_what_is_unobserved_cannot_change_a_logit(model: FusionModel) -> None:
    many = batch(8)
    noisy = {m: torch.where(many.observed[m], v, 7.0) for m, v in many.x.items()}
    with torch.no_grad():
        torch.testing.assert_close(model(replace(many, x=noisy)).logits, model(many).logits)


def test_weights_are_a_distribution_over_what_is_present(model: FusionModel) -> None:
    many = batch(8)
    with torch.no_grad():
        trace = model(many).trace
    absent = ~many.present
    for name in ("weights", "gates"):
        value = getattr(trace, name)
        if value is not None:
            assert (value >= 0).all()
            assert (value <= 1 + 1e-6).all()
            assert (value[absent] == 0).all()
    if trace.weights is not None:
        torch.testing.assert_close(trace.weights.sum(1), torch.ones(8))
    for matrix in (trace.adjacency, trace.attention.mean(1) if trace.attention is not None else None):
        if matrix is not None:
            assert (matrix >= 0).all()
            torch.testing.assert_close(matrix.sum(-1), many.present.float())
            assert (matrix.transpose(1, 2)[absent] == 0).all()


def test_node_logits_add_up(model: FusionModel) -> None:
    with torch.no_grad():
        prediction = model(batch(8))
    trace = prediction.trace
    if trace.node_logits is None or trace.bias is None:
        assert model.name not in SPLIT or getattr(model.config, "head", None) == "mlp"
        return
    torch.testing.assert_close(trace.node_logits.sum(1) + trace.bias, prediction.logits, atol=1e-5, rtol=1e-5)


def test_all_absent_gives_the_prior(model: FusionModel) -> None:
    nothing = batch(3).masked(torch.zeros(len(SCHEMA.modalities), dtype=torch.bool))
    with torch.no_grad():
        prediction = model(nothing)
    torch.testing.assert_close(torch.sigmoid(prediction.logits), torch.tensor([PRIOR] * 3))
    for name in ("attention", "adjacency", "gates", "weights", "node_logits"):
        value = getattr(prediction.trace, name)
        assert value is None or (value == 0).all()


def test_every_parameter_gets_a_gradient(model: FusionModel) -> None:
    model.train()
    many = batch(32, missing=0.1)
    objectives = Objectives(SCHEMA, model.config.dim, LossConfig(), embeds=model.embeds)
    encoded = model.encode(many)
    prediction = model.fuse(encoded)
    total, _ = objectives(prediction, encoded, many, torch.rand(32, 2).round())
    total.backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()]
    assert dead == []


def test_fusing_a_subset_equals_masking_the_batch(model: FusionModel) -> None:
    many = batch(8)
    keep = torch.tensor([True, False, True, False])
    with torch.no_grad():
        encoded = model.encode(many)
        subset = model.fuse(replace(encoded, present=encoded.present & keep))
        torch.testing.assert_close(subset.logits, model(many.masked(keep)).logits, atol=1e-5, rtol=1e-5)


def test_every_subset_equals_masking_the_batch(model: FusionModel) -> None:
    one = batch(3, seed=5).rows([1])
    with torch.no_grad():
        masks, subsets = fuse_subsets(model, model.encode(one))
        for row, keep in enumerate(torch.from_numpy(masks)):
            torch.testing.assert_close(
                subsets.logits[row : row + 1], model(one.masked(keep)).logits, atol=1e-5, rtol=1e-5
            )
    assert len(masks) == 2 ** int(one.present.sum()) > 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("targets", [1, 24])
def test_any_number_of_targets(name: str, targets: int) -> None:
    schema = replace(SCHEMA, targets=tuple(f"t{k}" for k in range(targets)))
    chances = tuple(0.1 + 0.8 * k / targets for k in range(targets))
    model = build_fusion(name, schema, small(name), chances).eval()
    nothing = batch(2).masked(torch.zeros(4, dtype=torch.bool))
    with torch.no_grad():
        assert model(batch(3)).logits.shape == (3, targets)
        torch.testing.assert_close(torch.sigmoid(model(nothing).logits), torch.tensor([chances] * 2))


def test_state_round_trip(model: FusionModel) -> None:
    twin = build_fusion(model.name, SCHEMA, config_to_dict(model.config), PRIOR)
    twin.load_state_dict(model.state_dict())
    many = batch(4)
    with torch.no_grad():
        assert torch.equal(twin.eval()(many).logits, model(many).logits)


def test_the_suite_objects_to_a_leak() -> None:
    """A system that reads behind `present` must fail the suite's check."""

    class Leaky(AMFN):
        def encode(self, batch: Batch) -> Encoded:
            return super().encode(replace(batch, present=torch.ones_like(batch.present)))

    config = system("amfn").config
    assert isinstance(config, AMFNConfig)
    leaky = Leaky(SCHEMA, config, PRIOR).eval()
    with pytest.raises(AssertionError):
        test_what_stands_behind_absent_cannot_change_a_logit(leaky)


def test_the_suite_objects_to_tokens_of_what_was_taken_away() -> None:
    class Forgetful(GRUFusion):
        def fuse(self, encoded: Encoded) -> Prediction:
            return super().fuse(replace(encoded, present=torch.ones_like(encoded.present)))

    model = Forgetful(SCHEMA, GRUFusion.config_type(), PRIOR).eval()
    with pytest.raises(AssertionError):
        test_fusing_a_subset_equals_masking_the_batch(model)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("nonesuch", {}, "not registered"),
        ("amfn", {"depth": 3}, "depth"),
        ("amfn", {"heads": "four"}, "heads"),
        ("amfn", {"fusion": "mean"}, "weighted"),
        ("amfn", {"dim": 10, "heads": 4}, "divisible"),
        ("amfn", {"encoder": {"widht": 8}}, "widht"),
        ("early", {"width": 6}, "width"),
        ("lstm", {"layers": 0}, "layers"),
        ("mlp", {"hidden": 0}, "hidden"),
        ("nbeats", {"blocks": 0}, "blocks"),
        ("tcn", {"kernel": 1}, "kernel"),
        ("tft", {"encoder": {"width": 8}}, "encoder"),
        ("transformer", {"heads": 5}, "divisible"),
        ("gru", {"dropout": 1.0}, "dropout"),
        ("late", {"dropout": -0.1}, "dropout"),
    ],
)
def test_bad_settings_are_refused(name: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_fusion(name, SCHEMA, settings, PRIOR)


def test_bad_prior_is_refused() -> None:
    with pytest.raises(InputError, match="prevalence"):
        build_fusion("amfn", SCHEMA, SMALL, (1.0, 0.2))


def test_normaliser_round_trip() -> None:
    normaliser = Normaliser({"wave": (Scale("record", 0.0, 0.05),), "person": (Scale("log", 1.5, 2.0),)})
    assert Normaliser.from_json(normaliser.to_json()) == normaliser
