"""What a network is trained towards: measured changes of vitals, a teacher's answers, and no more than it embeds."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from amfn.dataset import Cohort
from amfn.fusion import AMFN, FUSIONS
from amfn.losses import LossConfig
from amfn.training import Fit, fit
from amfn.training_module import TrainConfig
from amfn.types import Batch, InputError
from tests.cohorts import TINY, forecasts, stays

TRAIN, VALIDATE = np.arange(40), np.arange(40, 48)
ONCE = replace(TINY, epochs=1)


def run(cohort: Cohort, folder: Path, config: TrainConfig = ONCE, soft: np.ndarray | None = None) -> Fit:
    data = cohort.batch(cohort.fit_normaliser(TRAIN))
    return fit(cohort, data, TRAIN, VALIDATE, config, folder, progress=False, soft=soft)


def columns(folder: Path) -> set[str]:
    with (folder / "log" / "metrics.csv").open() as file:
        return set(next(csv.reader(file)))


def weights_differ(one: Fit, other: Fit) -> bool:
    pairs = zip(one.model.state_dict().values(), other.model.state_dict().values(), strict=True)
    return any(not torch.equal(a, b) for a, b in pairs)


def test_a_forecast_learns_a_planted_change(tmp_path: Path) -> None:
    """Half of each heart rate's deviation an hour: the network must do better than carrying the last value."""
    cohort = forecasts(48)
    result = run(cohort, tmp_path, replace(TINY, epochs=10, modality_dropout=0.0))
    assert {"val_r2", "val_mae", "val_loss", "train_auxiliary"} <= columns(tmp_path)
    assert "val_auroc" not in columns(tmp_path)
    assert cohort.anchor is not None
    assert result.targets is not None
    with torch.no_grad():
        outputs = result.model(cohort.batch(cohort.fit_normaliser(TRAIN), VALIDATE)).logits.numpy()
    truth, anchor = cohort.labels[VALIDATE], cohort.anchor[VALIDATE]
    error = np.sqrt(np.nanmean((result.targets.physical(outputs, anchor) - truth) ** 2))
    carried = np.sqrt(np.nanmean((result.targets.anchored(anchor) - truth) ** 2))
    assert error < 0.8 * carried


def test_the_loss_that_stops_is_over_what_was_measured(tmp_path: Path) -> None:
    cohort = forecasts(48)
    result = run(cohort, tmp_path)
    assert result.targets is not None
    assert cohort.anchor is not None
    data = cohort.batch(cohort.fit_normaliser(TRAIN), VALIDATE)
    with torch.no_grad():
        outputs = result.model(data).logits
    labels = torch.from_numpy(result.targets.standardise(cohort.labels[VALIDATE], cohort.anchor[VALIDATE]))
    seen = ~labels.isnan()
    expected = torch.nn.functional.huber_loss(outputs[seen], labels[seen], delta=LossConfig().huber_delta)
    assert result.best_loss == pytest.approx(float(expected), rel=1e-5)


def test_targets_that_were_not_measured_teach_nothing(tmp_path: Path) -> None:
    """Neither does the scale depend on validation rows."""
    cohort, other = forecasts(48), forecasts(48)
    other.labels[VALIDATE] += 30
    one, two = run(cohort, tmp_path / "one"), run(other, tmp_path / "two")
    assert not weights_differ(one, two)
    gone = np.flatnonzero(np.isnan(cohort.labels[0]))
    assert len(gone) > 3
    other = forecasts(48)
    other.labels[0, gone] = 500.0
    assert weights_differ(one, run(other, tmp_path / "three"))


def test_with_nothing_present_a_forecast_changes_nothing(tmp_path: Path) -> None:
    cohort = forecasts(48)
    model = run(cohort, tmp_path).model
    batch = cohort.batch(cohort.fit_normaliser(TRAIN), VALIDATE)
    nothing = batch.masked(torch.zeros(len(batch.present[0]), dtype=torch.bool))
    assert torch.equal(model(nothing).logits, torch.zeros(len(batch), 24))


def test_a_perfect_teacher_is_the_label_and_half_of_it_is_the_mixture(tmp_path: Path) -> None:
    cohort = stays(48)
    plain = run(cohort, tmp_path / "plain")
    half = replace(ONCE, loss=LossConfig(distillation=0.5))
    same = run(cohort, tmp_path / "same", half, soft=cohort.labels)
    assert not weights_differ(plain, same)
    # All of a teacher's answer: the labels of the training rows are then not learned from at all.
    whole = replace(ONCE, loss=LossConfig(distillation=1.0))
    soft = np.where(np.arange(48) < 40, 0.3, np.nan).astype(np.float32)
    # Which class each row is of still decides the prior; the same share of deaths keeps it.
    shuffled = replace(cohort, labels=np.concatenate([cohort.labels[:40][::-1], cohort.labels[40:]]))
    taught, other = run(cohort, tmp_path / "a", whole, soft), run(shuffled, tmp_path / "b", whole, soft)
    assert not weights_differ(taught, other)
    assert weights_differ(taught, plain)


def test_a_teacher_does_not_reach_validation(tmp_path: Path) -> None:
    cohort = stays(48)
    half = replace(ONCE, loss=LossConfig(distillation=0.5))
    one = run(cohort, tmp_path / "one", half, np.full(48, 0.4, np.float32))
    soft = np.where(np.arange(48) < 40, 0.4, 0.9).astype(np.float32)
    two = run(cohort, tmp_path / "two", half, soft)
    assert (one.best_loss, weights_differ(one, two)) == (two.best_loss, False)
    with torch.no_grad():
        logits = one.model(cohort.batch(cohort.fit_normaliser(TRAIN), VALIDATE)).logits[:, 0]
    hard = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(cohort.labels[VALIDATE]))
    assert one.best_loss == pytest.approx(float(hard), rel=1e-5)


def test_a_forecasts_teacher_answers_in_physical_units(tmp_path: Path) -> None:
    cohort = forecasts(48)
    half = replace(ONCE, loss=LossConfig(distillation=0.5))
    plain = run(cohort, tmp_path / "plain")
    same = run(cohort, tmp_path / "same", half, np.nan_to_num(cohort.labels, nan=77.0))
    for a, b in zip(plain.model.state_dict().values(), same.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("share", "soft", "said"),
    [
        (0.5, None, "no teacher's answers and a share of 0.5"),
        (0.0, np.full(48, 0.5), "a teacher's answers and a share of 0"),
        (0.5, np.full(40, 0.5), r"shape \(40,\)"),
        (0.5, np.full(48, 1.2), "chances from 0 to 1"),
        (0.5, np.full(48, np.nan), "chances from 0 to 1"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(
    tmp_path: Path, share: float, soft: np.ndarray | None, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        run(stays(48), tmp_path, replace(ONCE, loss=LossConfig(distillation=share)), soft)
    assert list(tmp_path.iterdir()) == []


class Adapting(AMFN):
    """Keeps the mean of what it is shown before training, in a buffer as quantiles would be."""

    shown: torch.Tensor
    modes: ClassVar[list[tuple[bool, bool, int]]] = []

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.register_buffer("shown", torch.zeros(1))

    def adapt(self, batch: Batch) -> None:
        self.modes.append((self.training, torch.is_grad_enabled(), len(batch)))
        self.shown.copy_(batch.x["heart_rate"].mean()[None])


class Opaque(AMFN):
    """Says that its h are no embeddings of modalities."""

    embeds = False


def test_a_model_adapts_to_training_rows_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUSIONS, "adapting", Adapting)
    cohort = stays(48)
    result = run(cohort, tmp_path, replace(ONCE, fusion="adapting"))
    assert Adapting.modes == [(False, False, 40)]
    expected = cohort.batch(cohort.fit_normaliser(TRAIN), TRAIN).x["heart_rate"].mean()
    torch.testing.assert_close(result.model.state_dict()["shown"], expected[None])


def test_losses_on_embeddings_need_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUSIONS, "opaque", Opaque)
    run(stays(48), tmp_path, replace(ONCE, fusion="opaque"))
    assert {"train_auxiliary", "train_alignment", "train_reconstruction", "val_rank"} & columns(tmp_path) == set()
    assert {"train_task", "val_auroc"} <= columns(tmp_path)
