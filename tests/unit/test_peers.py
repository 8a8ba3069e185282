"""The benchmark's neural peers against answers known beforehand: tokens on one axis, residuals, causality, splits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from amfn.fusion import (
    TFT,
    EarlyFusion,
    FusionModel,
    GRUFusion,
    LateFusion,
    NBeats,
    TCNFusion,
    TransformerFusion,
    build_fusion,
)
from amfn.fusion.tft import InterpretableAttention
from amfn.fusion.tokens import TokenModel, Tokens, WaveStem, cut_to_schema, last_step, token_count
from amfn.types import Batch, InputError, ModalitySpec, Schema
from explain.shapley import coalition_values
from tests.systems import PRIOR, SCHEMA, batch, channels, small, system

TOKENS = ("early", "gru", "lstm", "nbeats", "tcn", "tft", "transformer")
LENGTH = 13  # tokens of the schema's axis: 260 samples at one token every 20


def here(*names: str) -> torch.Tensor:
    return torch.tensor([name in names for name in SCHEMA.names])


def token_system(name: str) -> TokenModel:
    model = system(name)
    assert isinstance(model, TokenModel)
    return model


# ── the common axis ───────────────────────────────────────────────────────────────────────────────────────────────


def test_tokens_of_a_series_by_hand() -> None:
    """Value carried forward, observed mask, time since as a share of the record's five hours."""
    x = torch.tensor([[[9.0], [2.0], [9.0], [9.0], [5.0], [9.0]]])
    seen = torch.tensor([[[False], [True], [False], [False], [True], [True]]])
    valid = torch.tensor([[True, True, True, True, True, False]])
    tokens = Tokens(ModalitySpec("chart", "series", channels(1), steps=6), 3, 0.0)
    with torch.no_grad():
        tokens.lift.weight.copy_(torch.eye(3))
        tokens.lift.bias.zero_()
        z, inside = tokens(x, seen, valid)
    value, mask, since = z[0, :5].T
    assert value.tolist() == [0.0, 2.0, 2.0, 2.0, 5.0]
    assert mask.tolist() == [0.0, 1.0, 0.0, 0.0, 1.0]
    torch.testing.assert_close(since, torch.tensor([1.0, 0.0, 0.2, 0.4, 0.0]))
    assert inside[0].tolist() == valid[0].tolist()


@pytest.mark.parametrize("steps", [1, 19, 20, 21, 39, 40, 41, 260, 1999, 2000])
def test_a_stem_leaves_a_token_every_twenty_samples(steps: int) -> None:
    spec = ModalitySpec("wave", "waveform", channels(2), 125.0, steps=steps)
    valid = torch.ones(1, steps, dtype=torch.bool)
    z, inside = WaveStem(2, 4, 0.0).eval()(torch.zeros(1, steps, 2), valid[..., None].expand(-1, -1, 2), valid)
    assert z.shape == (1, token_count(spec), 4) == (1, -(-steps // 20), 4)
    assert inside.all()


def test_every_modality_is_laid_over_the_axis() -> None:
    """12 hourly steps over 13 tokens: the first hour stands twice. Static data stand everywhere."""
    model = token_system("gru")
    with torch.no_grad():
        encoded = model.encode(replace(batch(1), present=here("chart", "person")[None]))
        tokens, keep, steps = model.tokens(encoded)
    chart, person = tokens[0, 1], tokens[0, 3]
    assert (model.length, encoded.h.shape) == (LENGTH, (1, 4, LENGTH * 16))
    assert torch.equal(chart[0], chart[1])
    assert not torch.equal(chart[1], chart[2])
    assert torch.equal(person, person[:1].expand(LENGTH, -1))
    assert keep[0].all(1).tolist() == [False, True, False, True]
    assert steps.all()


def test_the_joined_sequence_is_a_sum_over_what_is_present() -> None:
    model, many = token_system("gru"), batch(4)
    full = replace(many, present=torch.ones_like(many.present))
    with torch.no_grad():
        together = model.joined(model.encode(full))[0]
        parts = [model.joined(model.encode(full.masked(here(name))))[0] for name in SCHEMA.names]
    torch.testing.assert_close(together, torch.stack(parts).sum(0), atol=1e-5, rtol=1e-5)


def test_steps_of_a_record_are_those_of_its_longest_modality_over_time() -> None:
    model = token_system("gru")
    short = batch(1, steps=(100, 6, 6, 1))
    for names, count in ((("wave", "person"), 5), (("chart", "person"), 7), (("wave", "chart"), 7)):
        with torch.no_grad():
            steps = model.tokens(model.encode(replace(short, present=here(*names)[None])))[2]
        assert steps[0].tolist() == [k < count for k in range(LENGTH)], names
    with torch.no_grad():
        alone = model.tokens(model.encode(replace(short, present=here("person")[None])))[2]
        nothing = model.tokens(model.encode(replace(short, present=here()[None])))[2]
    assert alone.all()
    assert not nothing.any()


def test_last_step_by_hand() -> None:
    z = torch.arange(8.0).view(2, 4, 1)
    steps = torch.tensor([[True, True, False, False], [False, False, False, False]])
    assert last_step(z, steps).tolist() == [[1.0], [4.0]]


def test_a_record_longer_than_the_schema_is_refused() -> None:
    spec = SCHEMA.modality("chart")
    x, seen, valid = torch.zeros(1, 14, 3), torch.ones(1, 14, 3, dtype=torch.bool), torch.arange(14)[None] < 12
    assert cut_to_schema(spec, x, seen, valid)[0].shape == (1, 12, 3)
    assert cut_to_schema(spec, x[:, :5], seen[:, :5], valid[:, :5])[2].sum() == 5
    with pytest.raises(InputError, match="13 steps"):
        cut_to_schema(spec, x, seen, torch.arange(14)[None] < 13)


def test_tokens_without_their_validity_are_refused() -> None:
    model = token_system("gru")
    with torch.no_grad(), pytest.raises(InputError, match="validity"):
        model.fuse(replace(model.encode(batch(2)), valid=None))


@pytest.mark.parametrize("name", TOKENS)
def test_a_schema_without_static_data_and_one_of_static_data_only(name: str) -> None:
    for kept in (SCHEMA.modalities[:3], SCHEMA.modalities[3:]):
        schema = Schema("part", kept, SCHEMA.targets)
        model = build_fusion(name, schema, small(name), PRIOR).eval()
        full = batch(3)
        index = [SCHEMA.names.index(spec.name) for spec in kept]
        part = Batch(full.ids, full.x, full.observed, full.valid, torch.ones(3, len(index), dtype=torch.bool))
        with torch.no_grad():
            assert model(part).logits.isfinite().all()


@pytest.mark.parametrize("name", TOKENS)
def test_what_is_measured_changes_the_answer(name: str) -> None:
    model, many = system(name), batch(4, missing=0.0)
    full = replace(many, present=torch.ones_like(many.present))
    with torch.no_grad():
        before = model(full).logits
        for modality in SCHEMA.names:
            moved = model(replace(full, x={**full.x, modality: full.x[modality] + 3.0})).logits
            assert (moved - before).abs().amax() > 1e-4, modality


@pytest.mark.parametrize("name", TOKENS)
def test_gradients_reach_every_present_input(name: str) -> None:
    """What explainers differentiate: the logits with respect to raw values, weights frozen, evaluation mode."""
    model = system(name).requires_grad_(False)
    many = batch(4, missing=0.0)
    x = {m: v.clone().requires_grad_() for m, v in many.x.items()}
    model(replace(many, x=x, present=torch.ones_like(many.present))).logits.sum().backward()
    for modality, value in x.items():
        assert value.grad is not None, modality
        assert value.grad.isfinite().all()
        assert value.grad.any()


# ── single systems ────────────────────────────────────────────────────────────────────────────────────────────────


def test_late_fusion_splits_exactly_and_its_parts_are_the_shapley_values() -> None:
    model, many = system("late"), batch(6)
    assert isinstance(model, LateFusion)
    with torch.no_grad():
        prediction = model(many)
        for row in range(6):
            game = coalition_values(model, many.rows([row]), target=1)
            assert prediction.trace.node_logits is not None
            part = prediction.trace.node_logits[row, :, 1]
            torch.testing.assert_close(torch.from_numpy(game.shapley()).float(), part, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(prediction.logits[row, 1], part.sum() + model.prior_logit[1])


def test_late_fusion_reads_each_modality_alone() -> None:
    model, many = system("late"), batch(6)
    full = replace(many, present=torch.ones_like(many.present))
    with torch.no_grad():
        whole, alone = model(full).trace.node_logits, model(full.masked(here("lab"))).trace.node_logits
    assert whole is not None
    assert alone is not None
    torch.testing.assert_close(whole[:, 2], alone[:, 2])


def test_early_fusion_takes_an_absent_series_for_one_never_observed() -> None:
    model, many = system("early"), batch(6)
    assert isinstance(model, EarlyFusion)
    full = replace(many, present=torch.ones_like(many.present))
    unseen = {**full.observed, "lab": torch.zeros_like(full.observed["lab"])}
    with torch.no_grad():
        absent = model(full.masked(~here("lab"))).logits
        torch.testing.assert_close(model(replace(full, observed=unseen)).logits, absent)


def test_nbeats_window_is_its_backcasts_and_what_they_leave() -> None:
    model = system("nbeats", blocks=4)
    assert isinstance(model, NBeats)
    window = torch.randn(5, LENGTH * 16)
    with torch.no_grad():
        backcasts, rest, forecasts = model.unroll(window)
        torch.testing.assert_close(torch.stack(backcasts).sum(0) + rest, window, atol=1e-5, rtol=1e-5)
        # The second block sees what the first one left, and nothing else.
        torch.testing.assert_close(model.blocks[1](window - backcasts[0])[0], backcasts[1])
    assert len(backcasts) == len(model.blocks) - 1
    assert forecasts.shape == (5, 4 * model.config.theta)


def test_nbeats_logits_are_the_sum_of_the_blocks_forecasts() -> None:
    model, many = system("nbeats"), batch(5)
    assert isinstance(model, NBeats)
    with torch.no_grad():
        prediction = model(many)
        bases = model.head.weight.split(model.config.theta, 1)
        each = [theta @ basis.T for theta, basis in zip(prediction.embedding.split(16, 1), bases, strict=True)]
    torch.testing.assert_close(prediction.logits, model.head.bias + torch.stack(each).sum(0))


def test_tcn_never_looks_ahead_and_reaches_back_as_far_as_stated() -> None:
    model = system("tcn", levels=3, kernel=3)
    assert isinstance(model, TCNFusion)
    reach, steps = 1 + 2 * (3 - 1) * (2**3 - 1), 40
    torch.manual_seed(0)
    z = torch.randn(16, steps, 16, requires_grad=True)
    model.convolve(z)[:, 34].sum().backward()
    assert z.grad is not None
    touched = z.grad.abs().sum((0, 2)) > 0
    assert touched.tolist() == [34 - reach < k <= 34 for k in range(steps)]


def test_tft_selects_among_what_is_present() -> None:
    model, many = system("tft"), batch(8)
    assert isinstance(model, TFT)
    full = replace(many, present=torch.ones_like(many.present))
    with torch.no_grad():
        whole, single = model(full).trace.weights, model(full.masked(here("lab"))).trace.weights
    assert whole is not None
    assert single is not None
    assert (whole > 0).all()
    assert whole.std(0).max() > 1e-3  # it depends on the record
    torch.testing.assert_close(single, here("lab").float().expand(8, -1))


def test_interpretable_attention_of_one_step_is_that_steps_value() -> None:
    attend = InterpretableAttention(8, heads=2)
    z, steps = torch.randn(3, 5, 8), torch.zeros(3, 5, dtype=torch.bool)
    steps[:, 2] = True
    with torch.no_grad():
        out = attend(torch.randn(3, 8), z, steps)
        torch.testing.assert_close(out, attend.mix(attend.value(z[:, 2])))


def test_transformer_does_not_look_beyond_the_record() -> None:
    model = system("transformer")
    assert isinstance(model, TransformerFusion)
    z, steps = torch.randn(3, LENGTH, 16), (torch.arange(LENGTH) < 7).expand(3, -1)
    other = torch.where(steps[..., None], z, 100.0)
    with torch.no_grad():
        torch.testing.assert_close(model.read(other, steps), model.read(z, steps))
        assert not torch.allclose(model.read(z, torch.ones_like(steps)), model.read(z, steps), atol=1e-3)


def test_recurrent_layers_read_the_last_step_of_the_record() -> None:
    model = system("gru")
    assert isinstance(model, GRUFusion)
    z, steps = torch.randn(3, LENGTH, 16), (torch.arange(LENGTH) < 7).expand(3, -1)
    with torch.no_grad():
        torch.testing.assert_close(model.read(z, steps), model.rnn(z[:, :7])[1][-1])


def test_a_system_without_encoder_settings_builds_its_own() -> None:
    """The base says so at once; it does not fall back to some default encoder."""

    class Bare(GRUFusion):
        encoder = FusionModel.encoder

    with pytest.raises(TypeError, match="encoders"):
        Bare(SCHEMA, GRUFusion.config_type(), PRIOR)
