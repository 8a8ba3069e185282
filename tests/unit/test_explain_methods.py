"""Every attribution method against answers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from amfn.types import Batch, Encoded, FusionTrace, InputError, Prediction
from explain.baselines import Baseline
from explain.methods import METHODS, attribute
from explain.reference import Reference
from explain.segments import segments_of
from explain.types import Attribution
from tests import toys

MIXED = toys.schema({"ecg": 2, "labs": 3})


def one(a: float, b: float) -> Batch:
    return toys.batch({"a": [[[a]]], "b": [[[b]]]})


def start(name: str, **values: list[float]) -> Baseline:
    """A baseline over one-value modalities: its rows by modality."""
    return Baseline(name, name, {m: torch.tensor(rows)[:, None, None] for m, rows in values.items()})


# What the methods give a and b of a = b = 1 from zero. The gradient at the record is 6, 7 for 2a + 3b + 4ab.
BY_HAND: dict[str, tuple[toys.Game, dict[str, tuple[float, float]]]] = {
    "additive": (toys.additive, {
        "integrated_gradients": (1, 1), "gradient_shap": (1, 1), "deep_lift": (1, 1), "input_x_gradient": (1, 1),
        "saliency": (1, 1), "feature_ablation": (1, 1), "occlusion": (1, 1),
    }),
    "synergy": (toys.synergy, {
        "integrated_gradients": (4, 5), "gradient_shap": (4, 5), "deep_lift": (6, 7), "input_x_gradient": (6, 7),
        "saliency": (6, 7), "feature_ablation": (6, 7), "occlusion": (6, 7),
    }),
    "product": (toys.product, {
        "integrated_gradients": (0.5, 0.5), "gradient_shap": (0.5, 0.5), "deep_lift": (1, 1),
        "input_x_gradient": (1, 1), "saliency": (1, 1), "feature_ablation": (1, 1), "occlusion": (1, 1),
    }),
    "cubic": (toys.cubic, {
        "integrated_gradients": (1, 1), "gradient_shap": (1, 1), "deep_lift": (3, 1), "input_x_gradient": (3, 1),
        "saliency": (3, 1), "feature_ablation": (1, 1), "occlusion": (1, 1),
    }),
    "step": (toys.step, {
        "integrated_gradients": (0, 0), "gradient_shap": (0, 0), "deep_lift": (0, 0), "input_x_gradient": (0, 0),
        "saliency": (0, 0), "feature_ablation": (0, 0), "occlusion": (0, 0),
    }),
}  # fmt: skip


@pytest.mark.parametrize("toy", BY_HAND)
@pytest.mark.parametrize("method", [name for name in METHODS if name != "temporal_attention"])
def test_known_answers(toy: str, method: str) -> None:
    game, expected = BY_HAND[toy]
    found = attribute(toys.Toy(game), one(1, 1), method)
    a, b = expected[method]
    # Points of Gradient SHAP are drawn: their noise is left, and shows in the gap.
    within = 0.02 if method == "gradient_shap" else 1e-5
    assert found.by_modality() == pytest.approx({"a": a, "b": b}, abs=within)
    change = float(game(torch.ones(1, 2)) - game(torch.zeros(1, 2)))
    if METHODS[method].in_logits:
        assert found.mismatch == pytest.approx(abs(a + b - change) / change, abs=0.02)
    assert found.flagged == (METHODS[method].promises_completeness and abs(a + b - change) > 0.05 * change)


def test_where_one_value_decides_only_taking_it_out_tells() -> None:
    only_a = one(1, 0)
    assert attribute(toys.Toy(toys.step), only_a, "feature_ablation").by_modality() == {"a": 1.0, "b": 0.0}
    assert attribute(toys.Toy(toys.step), only_a, "occlusion").by_modality() == {"a": 1.0, "b": 0.0}
    assert attribute(toys.Toy(toys.step), only_a, "integrated_gradients").flagged


class Layered(toys.Toy):
    """max(a + b - 1, 0) + tanh(a), in layers that are modules."""

    def __init__(self) -> None:
        super().__init__(toys.additive)
        self.sum, self.relu, self.tanh = nn.Linear(2, 1), nn.ReLU(), nn.Tanh()
        with torch.no_grad():
            self.sum.weight.fill_(1.0)
            self.sum.bias.fill_(-1.0)
        self.eval()

    def fuse(self, encoded: Encoded) -> Prediction:
        z = encoded.h[..., 0].masked_fill(~encoded.present, 0.0)
        logit = self.relu(self.sum(z))[:, 0] + self.tanh(z[:, :1])[:, 0]
        return Prediction(logit[:, None], z, FusionTrace(self.schema.names, encoded.present))


def test_deep_lift_is_exact_over_layers_that_are_modules() -> None:
    found = attribute(Layered(), one(1, 1), "deep_lift")
    # The ReLU's input goes from -1 to 1 and its output from 0 to 1: half of each step, where the gradient says all.
    assert found.by_modality() == pytest.approx({"a": 0.5 + math.tanh(1), "b": 0.5}, abs=1e-5)
    assert found.gap == pytest.approx(0.0, abs=1e-5)
    assert found.complete
    at_the_record = attribute(Layered(), one(1, 1), "input_x_gradient")
    assert at_the_record.by_modality() == pytest.approx({"a": 1 + 1 / math.cosh(1) ** 2, "b": 1.0}, abs=1e-5)


def test_deep_lift_shows_its_gap_where_two_paths_are_multiplied() -> None:
    found = attribute(toys.Toy(toys.synergy), one(1, 1), "deep_lift")
    assert found.gap == pytest.approx((13 - 9) / 9, abs=1e-5)
    assert found.flagged


class Twice(Layered):
    """One ReLU for two sums: Captum cannot tell the two apart."""

    def fuse(self, encoded: Encoded) -> Prediction:
        once = super().fuse(encoded)
        return replace(once, logits=once.logits + self.relu(encoded.h[:, :1, 0]))


def test_deep_lift_refuses_what_its_rules_do_not_fit() -> None:
    with pytest.raises(InputError, match="used more than once"):
        attribute(Twice(), one(1, 1), "deep_lift")


def test_saliency_has_no_sign_and_input_x_gradient_has_the_records() -> None:
    model = toys.Toy(toys.additive, scale=[-2.0, 3.0])
    assert attribute(model, one(5, -7), "saliency").by_modality() == {"a": 2.0, "b": 3.0}
    found = attribute(model, one(5, -7), "input_x_gradient", baseline=start("own", a=[1.0, 3.0], b=[-1.0, 1.0]))
    assert found.by_modality() == {"a": -2.0 * (5 - 2), "b": 3.0 * -7}
    assert found.mismatch == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("method", ["integrated_gradients", "deep_lift", "input_x_gradient", "occlusion"])
def test_several_rows_of_a_baseline_are_averaged_over(method: str) -> None:
    model, record = toys.Recurrent(MIXED), toys.random_batch(MIXED, 1)
    draw = torch.Generator().manual_seed(4)
    rows = {m: torch.randn((3, *x.shape[1:]), generator=draw) * record.observed[m] for m, x in record.x.items()}
    together = attribute(model, record, method, baseline=Baseline("all", "three rows", rows))
    apart = [
        attribute(model, record, method, baseline=Baseline("one", "a row", {m: x[k : k + 1] for m, x in rows.items()}))
        for k in range(3)
    ]
    for name, values in together.values.items():
        np.testing.assert_allclose(values, np.mean([each.values[name] for each in apart], 0), atol=1e-5)
    starts = [each.f_baseline for each in apart if each.f_baseline is not None]
    assert together.f_baseline == pytest.approx(sum(starts) / 3, abs=1e-5)


def test_gradient_shap_has_captums_expectation_and_less_noise() -> None:
    from captum.attr import GradientShap

    model, record = toys.Toy(toys.synergy), one(1, 2)
    own = start("own", a=[0.0, 0.5], b=[0.0, -1.0])
    # Halved products again: from (a0, b0), a gets (a - a0)(2 + 2 (b + b0)), b gets (b - b0)(3 + 2 (a + a0)).
    a, b = (1 * 6 + 0.5 * 4) / 2, (2 * 5 + 3 * 6) / 2
    errors = []
    for seed in range(20):
        found = attribute(model, record, "gradient_shap", baseline=own, seed=seed, samples=32)
        errors.append([found.by_modality()["a"] - a, found.by_modality()["b"] - b])
    assert np.abs(np.mean(errors, 0)).max() < 0.05

    before = np.random.get_state()
    np.random.seed(0)
    theirs = []
    for _ in range(20):
        shares = GradientShap(lambda x, y: toys.synergy(torch.stack([x, y], 1))).attribute(
            (torch.tensor([1.0]), torch.tensor([2.0])),
            baselines=(own.x["a"][:, 0, 0], own.x["b"][:, 0, 0]),
            n_samples=32,
        )
        theirs.append([float(share) for share in shares])
    np.random.set_state(before)
    assert np.abs(np.mean(theirs, 0) - [a, b]).max() < 0.5
    assert np.std(errors, 0).max() < np.std(theirs, 0).min()


def test_gradient_shap_depends_on_its_seed_only() -> None:
    model, record = toys.Recurrent(MIXED), toys.random_batch(MIXED, 1)
    first = attribute(model, record, "gradient_shap", seed=1, samples=9, internal_batch=4)
    again = attribute(model, record, "gradient_shap", seed=1, samples=9, internal_batch=9)
    other = attribute(model, record, "gradient_shap", seed=2, samples=9)
    for name, values in first.values.items():
        np.testing.assert_allclose(values, again.values[name], atol=1e-6)
        assert np.abs(values - other.values[name]).max() > 1e-5


@pytest.mark.parametrize("method", ["feature_ablation", "occlusion"])
def test_a_segment_is_shared_out_evenly_over_what_was_measured_in_it(method: str) -> None:
    model, record = toys.Recurrent(MIXED), toys.random_batch(MIXED, 2, seed=1).rows([0])
    widths = {"ecg": 2, "labs": 3}
    found = attribute(model, record, method, widths=widths, internal_batch=2)
    segments = segments_of(MIXED, record, widths)
    with torch.no_grad():
        whole = float(model(record).logits[0, 0])
    for row, (piece, total) in enumerate(zip(segments.table, segments.sums(found.values), strict=True)):
        inside = torch.from_numpy(segments.ids[piece.modality] == row) & record.observed[piece.modality][0]
        shares = found.values[piece.modality][inside.numpy()]
        assert (len(shares) > 0) == piece.observed
        if not piece.observed:
            assert total == 0.0
            continue
        assert np.ptp(shares) == 0.0
        x, observed, present = dict(record.x), dict(record.observed), record.present.clone()
        x[piece.modality] = record.x[piece.modality].masked_fill(inside, 0.0)
        if method == "feature_ablation":
            observed[piece.modality] = record.observed[piece.modality] & ~inside
            left = observed[piece.modality] & record.valid[piece.modality][..., None]
            present[0, MIXED.names.index(piece.modality)] = bool(left.any())
        with torch.no_grad():
            altered = float(model(replace(record, x=x, observed=observed, present=present)).logits)
        assert total == pytest.approx(whole - altered, abs=1e-5)


def test_feature_ablation_ends_where_nothing_was_measured() -> None:
    found = attribute(toys.Toy(toys.additive), one(2, 3), "feature_ablation")
    assert (found.f_x, found.f_baseline) == (5.5, 0.5)
    assert found.baseline == "none"
    assert found.mismatch == 0.0
    assert found.gap is None


class Counting(toys.Toy):
    """Each measurement counts 1 on top of its value: what was measured matters, not only what it said."""

    def encode(self, batch: Batch) -> Encoded:
        count = torch.stack([batch.observed[m].sum(dim=(1, 2)) for m in self.schema.names], 1)
        plain = super().encode(batch)
        return replace(plain, h=plain.h + (count * batch.present)[..., None])


USUAL = Reference(
    median={"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)},
    typical={"a": np.array([5.0, 7.0], np.float32), "b": np.array([3.0], np.float32)},
    low={"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)},
    high={"a": np.ones(2, np.float32), "b": np.ones(1, np.float32)},
    records=9,
    data="usual",
)


def half_measured() -> Batch:
    """a: channel 0 measured in its first half, channel 1 never. b: behind it stands something, but it is absent."""
    data = toys.batch({"a": [[[1.0, 0.0], [2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]], "b": [[[9.0]] * 4]}, [[True, False]])
    seen = torch.zeros(1, 4, 2, dtype=torch.bool)
    seen[0, :2, 0] = True
    return replace(data, observed={**data.observed, "a": seen})


def test_missing_observations_are_asked_one_by_one_and_labelled() -> None:
    model = Counting(toys.additive, toys.schema({"a": 2, "b": 1}))
    widths = {"a": 2, "b": 4}
    found = attribute(
        model, half_measured(), "feature_ablation", widths=widths, missing=True, reference=USUAL, internal_batch=2
    )
    # Without the usual value f is what it is; with it, it has its value and a count of one more.
    assert found.values["a"].tolist() == [[2.5, 0.0], [2.5, -8.0], [0.0, 0.0], [-6.0, -8.0]]
    assert found.missing is not None
    assert found.missing["a"].tolist() == [[False, False], [False, True], [False, False], [True, True]]
    assert found.values["b"].tolist() == [[0.0], [0.0], [-4.0], [0.0]]
    assert found.missing["b"].tolist() == [[False], [False], [True], [False]]
    assert found.by_modality() == {"a": 5.0}
    assert found.absent == ("b",)
    assert found.mismatch == 0.0


def test_without_asking_nothing_is_said_of_missing_observations() -> None:
    model = Counting(toys.additive, toys.schema({"a": 2, "b": 1}))
    found = attribute(model, half_measured(), "feature_ablation", widths={"a": 2})
    assert found.missing is None
    assert set(found.values) == {"a"}
    assert found.values["a"][:, 1].tolist() == [0.0] * 4
    with pytest.raises(InputError, match="reference="):
        attribute(model, half_measured(), "feature_ablation", missing=True)
    with pytest.raises(InputError, match="one a channel"):
        attribute(toys.Toy(toys.additive), one(1, 1), "feature_ablation", missing=True, reference=USUAL)


def test_waveforms_are_not_asked_for_missing_observations() -> None:
    schema = toys.schema({"a": 2, "b": 1})
    waves = replace(
        schema, modalities=(replace(schema.modalities[0], kind="waveform", rate_hz=2.0), schema.modalities[1])
    )
    found = attribute(
        Counting(toys.additive, waves), half_measured(), "feature_ablation", missing=True, reference=USUAL
    )
    assert found.missing is not None
    assert not found.missing["a"].any()
    assert found.missing["b"].any()


class Pooling(toys.Toy):
    """A toy that says how it weighs its steps: the last one most, and absent modalities not at all."""

    def fuse(self, encoded: Encoded) -> Prediction:
        found = super().fuse(encoded)
        weights = torch.tensor([0.25, 0.75]).expand(len(encoded.h), -1)
        temporal = {m: weights * encoded.present[:, [k]] for k, m in enumerate(self.schema.names)}
        return replace(found, trace=replace(found.trace, temporal=temporal))


def test_temporal_attention_is_read_out_by_step() -> None:
    data = toys.batch({"a": [[[1.0, 2.0], [3.0, 4.0]]], "b": [[[1.0], [1.0]]]}, present=[[True, False]])
    found = attribute(Pooling(toys.additive, toys.schema({"a": 2, "b": 1})), data, "temporal_attention")
    assert {name: values.tolist() for name, values in found.values.items()} == {"a": [[0.25], [0.75]]}
    assert (found.f_x, found.f_baseline, found.gap, found.mismatch) == (10.5, None, None, None)
    with pytest.raises(InputError, match="weights over time"):
        attribute(toys.Toy(toys.additive), one(1, 1), "temporal_attention")


def root(z: Tensor) -> Tensor:
    """The square root of the sum: no slope at zero, none at all below."""
    return z.sum(dim=1).sqrt()


@pytest.mark.parametrize("method", ["saliency", "input_x_gradient", "deep_lift"])
def test_a_slope_that_is_no_number_is_refused_and_another_method_offered(method: str) -> None:
    with pytest.raises(InputError, match="feature ablation"):
        attribute(toys.Toy(root), one(0, 0), method)
    assert attribute(toys.Toy(root), one(0, 0), "feature_ablation").by_modality() == {"a": 0.0, "b": 0.0}


def test_a_logit_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="no number"):
        attribute(toys.Toy(root), one(-1, 0), "feature_ablation")


def test_one_modality_and_a_constant_record_have_answers() -> None:
    alone = toys.schema({"a": 1})
    flat = toys.batch({"a": [[[2.0]] * 3]})
    for name in set(METHODS) - {"temporal_attention"}:
        found: Attribution = attribute(toys.Toy(toys.additive, alone), flat, name)
        assert np.isfinite(found.values["a"]).all()
        assert found.gap in (None, pytest.approx(0.0, abs=1e-6))
    unmoved = attribute(toys.Toy(toys.additive, alone), toys.batch({"a": [[[0.0]] * 3]}))
    assert unmoved.by_modality() == {"a": 0.0}
    assert (unmoved.gap, unmoved.gap_is_relative) == (0.0, False)
