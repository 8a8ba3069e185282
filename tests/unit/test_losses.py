"""Losses against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from amfn.losses import LossConfig, Objectives, effective_rank, focal_loss, info_nce, masked_huber
from amfn.types import Batch, Channel, Encoded, FusionTrace, ModalitySpec, Prediction, Schema

SCHEMA = Schema(
    "toy",
    (
        ModalitySpec("chart", "series", (Channel("a", "1", -9, 9), Channel("b", "1", -9, 9)), steps=64),
        ModalitySpec("person", "static", (Channel("c", "1", -9, 9),)),
    ),
    ("outcome",),
)
DIM = 4


def batch(records: int) -> Batch:
    """The first channel is 3 at every step, the second was measured at the first two steps only: 1, then 2."""
    chart = torch.full((records, 64, 2), 3.0)
    chart[:, :, 1] = 0
    chart[:, :2, 1] = torch.tensor([1.0, 2.0])
    observed = torch.ones(records, 64, 2, dtype=torch.bool)
    observed[:, 2:, 1] = False
    one = torch.ones(records, 1, 1)
    return Batch(
        tuple(str(k) for k in range(records)),
        {"chart": chart, "person": -one},
        {"chart": observed, "person": one.bool()},
        {"chart": torch.ones(records, 64, dtype=torch.bool), "person": one[..., 0].bool()},
        torch.ones(records, 2, dtype=torch.bool),
    )


def prediction(logits: Tensor) -> Prediction:
    return Prediction(logits, logits, FusionTrace(SCHEMA.names, torch.ones(len(logits), 2, dtype=torch.bool)))


def decode_constant(objectives: Objectives, value: float) -> None:
    for decoder in objectives.decode.values():
        torch.nn.init.zeros_(decoder.weight)  # type: ignore[arg-type]
        torch.nn.init.constant_(decoder.bias, value)  # type: ignore[arg-type]


def test_focal_loss_without_focus_is_binary_cross_entropy() -> None:
    logits = torch.tensor([[-3.0], [0.2], [2.0], [40.0]])
    labels = torch.tensor([[0.0], [1.0], [0.0], [0.0]])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    torch.testing.assert_close(focal_loss(logits, labels, 0.0), expected)


def test_focal_loss_by_hand() -> None:
    # A logit of log 3 is a probability of 3/4: p_t is 3/4 for the first and 1/4 for the second record.
    logits = torch.full((2, 1), math.log(3))
    labels = torch.tensor([[1.0], [0.0]])
    expected = (0.25**2 * math.log(4 / 3) + 0.75**2 * math.log(4)) / 2
    assert float(focal_loss(logits, labels, 2.0)) == pytest.approx(expected, rel=1e-6)


def test_focal_loss_stays_finite_where_the_model_is_certain() -> None:
    logits = torch.tensor([[200.0], [-200.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([[0.0], [1.0]]), 2.0)
    loss.backward()
    assert float(loss) == pytest.approx(200.0)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_huber_over_what_was_measured_by_hand() -> None:
    """Errors of 1 and 4 with delta 2: 1 / 2 and 2 (4 - 1); what was not measured counts nowhere."""
    nan = float("nan")
    outputs = torch.tensor([[1.0, 9.0], [4.0, -9.0]], requires_grad=True)
    loss = masked_huber(outputs, torch.tensor([[0.0, nan], [0.0, nan]]), 2.0)
    assert float(loss) == pytest.approx((0.5 + 6) / 2)
    loss.backward()
    assert outputs.grad is not None
    torch.testing.assert_close(outputs.grad, torch.tensor([[0.5, 0.0], [1.0, 0.0]]))


def test_a_batch_without_a_measurement_costs_nothing() -> None:
    outputs = torch.ones(2, 2, requires_grad=True)
    loss = masked_huber(outputs, torch.full((2, 2), float("nan")), 2.0)
    loss.backward()
    assert float(loss) == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_a_regression_is_scored_by_huber_in_total_and_by_modality() -> None:
    config = LossConfig(alignment=0.0, reconstruction=0.0, auxiliary=2.0, huber_delta=1.0)
    objectives = Objectives(SCHEMA, DIM, config, kind="regression")
    for classifier in objectives.classify.values():
        torch.nn.init.zeros_(classifier.weight)  # type: ignore[arg-type]
        torch.nn.init.constant_(classifier.bias, 3.0)  # type: ignore[arg-type]
    full, labels = batch(2), torch.tensor([[0.0], [float("nan")]])
    total, parts = objectives(
        prediction(torch.tensor([[0.5], [8.0]])), Encoded(torch.randn(2, 2, DIM), full.present), full, labels
    )
    assert parts == pytest.approx({"task": 0.125, "auxiliary": 2.5})
    assert float(total) == pytest.approx(0.125 + 2 * 2.5)


def test_without_embeddings_only_the_task_is_scored() -> None:
    objectives = Objectives(SCHEMA, DIM, LossConfig(), embeds=False)
    assert list(objectives.parameters()) == []
    full = batch(2)
    assert objectives.corrupt(full) is full
    logits, labels = torch.tensor([[1.0], [-2.0]]), torch.tensor([[1.0], [1.0]])
    _, parts = objectives(prediction(logits), Encoded(torch.randn(2, 2, 9), full.present), full, labels)
    assert list(parts) == ["task"]


def test_info_nce_by_hand() -> None:
    """Two records, embeddings along the axes, temperature 1: each row is log(1 + e^-1) when aligned."""
    z = torch.eye(2)[:, None].repeat(1, 2, 1)
    present = torch.ones(2, 2, dtype=torch.bool)
    assert float(info_nce(z, present, 1.0)) == pytest.approx(math.log(1 + math.exp(-1)), rel=1e-6)
    swapped = torch.stack([z[:, 0], z.flip(0)[:, 1]], 1)
    assert float(info_nce(swapped, present, 1.0)) == pytest.approx(math.log(1 + math.exp(1)), rel=1e-6)


def test_info_nce_is_least_for_aligned_pairs_and_not_for_collapsed_ones() -> None:
    torch.manual_seed(0)
    z = torch.randn(8, 1, 16)
    aligned = z.repeat(1, 3, 1)
    present = torch.ones(8, 3, dtype=torch.bool)
    best = float(info_nce(aligned, present, 0.2))
    assert best < float(info_nce(aligned + 0.5 * torch.randn_like(aligned), present, 0.2))
    assert best < float(info_nce(torch.stack([z[:, 0], z.roll(1, 0)[:, 0], z[:, 0]], 1), present, 0.2))
    collapsed = torch.ones_like(aligned)
    assert float(info_nce(collapsed, present, 0.2)) == pytest.approx(math.log(8), rel=1e-5)


def test_info_nce_sees_only_records_that_have_both() -> None:
    torch.manual_seed(0)
    z = torch.randn(6, 2, 8)
    present = torch.ones(6, 2, dtype=torch.bool)
    present[4, 0] = present[5, 1] = False
    expected = info_nce(z[:4], present[:4], 0.5)
    z[4:] = 1e6
    torch.testing.assert_close(info_nce(z, present, 0.5), expected)
    present[1:, 1] = False
    assert float(info_nce(z, present, 0.5)) == 0.0  # one pair has nothing to be told from


def test_effective_rank_of_collapsed_and_of_spread_embeddings() -> None:
    line = torch.arange(10.0)[:, None] * torch.tensor([[1.0, 2.0, -1.0, 0.5]])
    assert effective_rank(line) == pytest.approx(1.0, abs=1e-4)
    assert effective_rank(torch.cat([torch.eye(DIM), -torch.eye(DIM)])) == pytest.approx(DIM, rel=1e-5)
    assert 1.0 <= effective_rank(torch.ones(5, DIM)) <= DIM  # all equal: no direction at all, and no NaN


def test_reconstruction_scores_time_averages_of_what_was_observed() -> None:
    """32 bins of two steps. Channel a: 32 targets of 3. Channel b: one target, the mean of 1 and 2. person: -1.

    A guess of 1 everywhere: chart (32 * 4 + 0.25) / 33, person 4, and the mean of the two modalities.
    """
    objectives = Objectives(SCHEMA, DIM, LossConfig())
    decode_constant(objectives, 1.0)
    full = batch(3)
    encoded = Encoded(torch.randn(3, 2, DIM), full.present)
    expected = ((32 * 4 + 0.25) / 33 + 4) / 2
    assert float(objectives._reconstruction(encoded, full)) == pytest.approx(expected, rel=1e-6)


def test_what_was_not_observed_cannot_change_the_reconstruction() -> None:
    objectives = Objectives(SCHEMA, DIM, LossConfig())
    full = batch(3)
    encoded = Encoded(torch.randn(3, 2, DIM), full.present)
    before = objectives._reconstruction(encoded, full)
    x = full.x["chart"].masked_fill(~full.observed["chart"], 1e4)
    torch.testing.assert_close(objectives._reconstruction(encoded, replace(full, x={**full.x, "chart": x})), before)


def test_absent_modalities_are_not_reconstructed() -> None:
    objectives = Objectives(SCHEMA, DIM, LossConfig())
    decode_constant(objectives, 1.0)
    full = batch(2)
    shown = torch.tensor([[False, True], [False, True]])
    assert float(objectives._reconstruction(Encoded(torch.randn(2, 2, DIM), shown), full)) == pytest.approx(4.0)
    nothing = torch.zeros(2, 2, dtype=torch.bool)
    assert float(objectives._reconstruction(Encoded(torch.zeros(2, 2, DIM), nothing), full)) == 0.0


def test_corruption_hides_a_quarter_of_the_time_and_nothing_else() -> None:
    full = batch(50)
    torch.manual_seed(0)
    seen = Objectives(SCHEMA, DIM, LossConfig()).corrupt(full)
    hidden = full.observed["chart"] & ~seen.observed["chart"]
    assert (hidden[..., 0].sum(1) == 16).all()
    steps = hidden[..., 0].int().argmax(1)
    for row, start in enumerate(steps.tolist()):
        assert hidden[row, start : start + 16, 0].all()
    assert len(set(steps.tolist())) > 10
    assert torch.equal(seen.observed["person"], full.observed["person"])
    assert seen.x is full.x
    assert torch.equal(seen.present, full.present)
    plain = Objectives(SCHEMA, DIM, LossConfig(reconstruction=0.0))
    assert plain.corrupt(full) is full


def test_the_total_is_the_weighted_sum_of_its_parts() -> None:
    config = LossConfig(reconstruction=0.5, alignment=0.25, auxiliary=2.0)
    objectives = Objectives(SCHEMA, DIM, config)
    full, labels = batch(6), torch.tensor([[0.0], [1.0]] * 3)
    encoded = Encoded(torch.randn(6, 2, DIM), full.present)
    total, parts = objectives(prediction(torch.randn(6, 1)), encoded, full, labels)
    expected = parts["task"] + 2 * parts["auxiliary"] + 0.25 * parts["alignment"] + 0.5 * parts["reconstruction"]
    assert float(total) == pytest.approx(expected, rel=1e-6)


def test_switched_off_losses_are_neither_computed_nor_logged() -> None:
    objectives = Objectives(SCHEMA, DIM, LossConfig(reconstruction=0.0, alignment=0.0, auxiliary=0.0))
    logits, labels = torch.tensor([[1.0], [-2.0]]), torch.tensor([[1.0], [1.0]])
    total, parts = objectives(prediction(logits), Encoded(torch.randn(2, 2, DIM), batch(2).present), batch(2), labels)
    assert list(parts) == ["task"]
    torch.testing.assert_close(total, torch.nn.functional.binary_cross_entropy_with_logits(logits, labels))
