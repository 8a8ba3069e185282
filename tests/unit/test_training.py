"""Training: it learns, it goes on after a kill with the same result, and it refuses what cannot be trained."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from amfn import evaluation
from amfn.batch import Normaliser
from amfn.checkpoint import CONFIG
from amfn.dataset import Cohort
from amfn.fusion import AMFN
from amfn.losses import LossConfig
from amfn.pipeline import train_task
from amfn.runs import claim_run_dir, run_folder
from amfn.settings import load_settings
from amfn.training import Fit, fit, pick_device
from amfn.training_module import FusionModule, SeededOrder, TrainConfig
from amfn.types import InputError
from tests.cohorts import TINY, stays, tiny_model

TRAIN, VALIDATE = np.arange(40), np.arange(40, 48)
START_S = 120.0


class Killed(RuntimeError):
    """The end of a process, played inside this one."""


class Kill(Callback):
    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx) == self.at:
            raise Killed


def run(folder: Path, config: TrainConfig = TINY, *callbacks: Callback) -> Fit:
    cohort = stays(48)
    data = cohort.batch(cohort.fit_normaliser(TRAIN))
    return fit(cohort, data, TRAIN, VALIDATE, config, folder, callbacks=callbacks, progress=False)


def logged(folder: Path, column: str) -> list[float]:
    with (folder / "log" / "metrics.csv").open() as file:
        return [float(row[column]) for row in csv.DictReader(file) if row[column]]


def assert_same(one: Fit, other: Fit) -> None:
    assert (one.best_loss, one.best_epoch, one.epochs) == (other.best_loss, other.best_epoch, other.epochs)
    weights, others = one.model.state_dict(), other.model.state_dict()
    assert weights.keys() == others.keys()
    for name, value in weights.items():
        assert torch.equal(value, others[name]), name


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fit, Path]:
    folder = tmp_path_factory.mktemp("run")
    return run(folder), folder


def test_it_learns_a_planted_effect(uninterrupted: tuple[Fit, Path]) -> None:
    result, folder = uninterrupted
    losses = logged(folder, "val_loss")
    assert losses[-1] < 0.6 * losses[0]
    assert logged(folder, "train_task")[-1] < logged(folder, "train_task")[0]
    assert logged(folder, "val_auroc")[-1] > 0.95
    assert result.best_loss == pytest.approx(min(losses))
    assert result.epochs == TINY.epochs
    assert not result.model.training


def test_the_stored_weights_are_the_averaged_ones_of_the_best_epoch(uninterrupted: tuple[Fit, Path]) -> None:
    result, _ = uninterrupted
    cohort = stays(48)
    batch = cohort.batch(cohort.fit_normaliser(TRAIN), VALIDATE)
    with torch.no_grad():
        logits = result.model(batch).logits[:, 0]
    labels = torch.from_numpy(cohort.labels[VALIDATE])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    assert float(loss) == pytest.approx(result.best_loss, rel=1e-5)


@pytest.mark.parametrize("at", [(0, 2), (1, 0), (3, 4), (5, 4)])
def test_killed_and_resumed_equals_uninterrupted(
    uninterrupted: tuple[Fit, Path], tmp_path: Path, at: tuple[int, int]
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, TINY, Kill(*at))
    assert_same(run(tmp_path), uninterrupted[0])


def test_killed_twice_still_equals_uninterrupted(uninterrupted: tuple[Fit, Path], tmp_path: Path) -> None:
    for at in ((2, 1), (4, 3)):
        with pytest.raises(Killed):
            run(tmp_path, TINY, Kill(*at))
    assert_same(run(tmp_path), uninterrupted[0])


def test_it_resumes_from_the_last_epoch_even_when_that_was_not_the_best(tmp_path: Path) -> None:
    stuck = replace(TINY, learning_rate=1e-12)
    with pytest.raises(Killed):
        run(tmp_path, stuck, Kill(4, 0))
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 3


def test_a_stopped_run_that_is_called_again_does_not_train_on(tmp_path: Path) -> None:
    config = replace(TINY, epochs=40, patience=2, learning_rate=5e-2)
    stopped = run(tmp_path, config)
    assert stopped.epochs < 40
    assert_same(run(tmp_path, config), stopped)


def test_another_seed_gives_another_model(uninterrupted: tuple[Fit, Path], tmp_path: Path) -> None:
    other = run(tmp_path, replace(TINY, seed=1))
    assert other.best_loss != uninterrupted[0].best_loss


@pytest.mark.slow
def test_the_command_survives_a_kill(tmp_path: Path, repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL in the middle of the second fold; the same command then ends with the weights of a run left alone."""
    config = replace(TINY, epochs=10, patience=10)
    data, settings, out, runs = (tmp_path / n for n in ("stays.npz", "settings.json", "model", "runs"))
    cohort = stays(60)
    cohort.save(data)
    settings.write_text(json.dumps({k: v for k, v in asdict(config).items() if k != "seed"}))
    config = load_settings("icu_mortality", settings)  # what the file does not name is the task's own
    command = [sys.executable, "-m", "amfn", "train", "icu_mortality", "--data", str(data), "--out", str(out)]
    command += ["--run-dir", str(runs), "--config", str(settings), "--folds", "2", "--members", "1", "--device", "cpu"]
    first_fold, second_fold = (run_folder(runs, config, k) for k in (0, 1))

    first = subprocess.Popen(command, cwd=repo_root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + START_S
        while not (second_fold / "last.ckpt").exists() and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert first.poll() is None, first.communicate()[1].decode()
    finally:
        first.kill()
        first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert (first_fold / "fit.json").exists()
    assert not (second_fold / "fit.json").exists()
    assert not (out / CONFIG).exists()

    second = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    monkeypatch.setattr(evaluation, "BOOTSTRAPS", 5)  # intervals are not compared
    alone = train_task(
        cohort, config, tmp_path / "alone", tmp_path / "others", folds=2, members=1, progress=False, say=lambda _: None
    )
    resumed, expected = (json.loads((p / CONFIG).read_text()) for p in (out, alone))
    assert resumed["sha256"] == expected["sha256"]
    figures, others = (c["provenance"]["out_of_fold"]["figures"] for c in (resumed, expected))
    assert {name: figure[0] for name, figure in figures.items()} == {name: other[0] for name, other in others.items()}
    assert not list(runs.glob("*/*/*.ckpt"))


def test_a_run_folder_belongs_to_one_data_set_and_its_folds(tmp_path: Path) -> None:
    claim_run_dir(tmp_path, stays(48), 5)
    claim_run_dir(tmp_path, stays(48), 5)
    for data, folds in ((stays(48, seed=1), 5), (stays(48), 4)):
        with pytest.raises(InputError, match="other data or folds") as refused:
            claim_run_dir(tmp_path, data, folds)
        assert refused.value.source == str(tmp_path)


def one_class(cohort: Cohort) -> Cohort:
    return replace(cohort, labels=np.zeros_like(cohort.labels))


def few(positives: int) -> Callable[[Cohort], Cohort]:
    return lambda cohort: replace(cohort, labels=(np.arange(len(cohort)) < positives).astype(np.float32))


@pytest.mark.parametrize(
    ("change", "records", "folds", "expected"),
    [
        (one_class, 30, 5, "0 records of the rarer class"),
        (few(4), 30, 5, "4 records of the rarer class"),
        (few(2), 30, 2, "2 records of the rarer class"),
        (few(4), 8, 2, "4 records to train a fold on"),
        (few(9), 30, 1, "--folds: 1"),
    ],
)
def test_what_cannot_be_split_is_refused_before_training(
    tmp_path: Path, change: Callable[[Cohort], Cohort], records: int, folds: int, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        train_task(change(stays(records)), TINY, tmp_path / "out", tmp_path / "run", folds=folds, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == "cpu"
    with pytest.raises(InputError, match="no CUDA device was found"):
        pick_device("cuda")
    with pytest.raises(InputError, match="'tpu'"):
        pick_device("tpu")


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_modality_dropout_never_takes_the_last_one(share: float) -> None:
    cohort = stays(400)
    for k, name in enumerate(cohort.task.schema.names[1:], start=1):
        cohort.values[name][k * 20 :] = np.nan  # ever fewer modalities; from row 140 on heart rate alone
    cohort.values["heart_rate"][-1] = np.nan
    batch = cohort.batch(cohort.fit_normaliser(np.arange(400)))
    order = SeededOrder(np.arange(400), 8, 0, shuffle=True)
    module = FusionModule(tiny_model(), replace(TINY, modality_dropout=share), batch, torch.zeros(400, 1), order)
    torch.manual_seed(0)
    kept = module._drop(batch).present
    assert not (kept & ~batch.present).any()
    assert torch.equal(kept.any(1), batch.present.any(1))
    assert not kept[-1].any()
    many = batch.present.sum(1) > 4
    dropped = 1 - float(kept[many].sum() / batch.present[many].sum())
    if share == 0:
        assert dropped == 0
    elif share == 1:
        assert (kept[:-1].sum(1) == 1).all()
    else:
        assert dropped == pytest.approx(share, abs=0.05)


def test_modality_dropout_leaves_a_share_of_the_records_alone() -> None:
    cohort = stays(400)
    batch = cohort.batch(cohort.fit_normaliser(np.arange(400)))
    order = SeededOrder(np.arange(400), 8, 0, shuffle=True)
    settings = replace(TINY, modality_dropout=0.9, intact_share=0.6)
    module = FusionModule(tiny_model(), settings, batch, torch.zeros(400, 1), order)
    torch.manual_seed(0)
    whole = (module._drop(batch).present == batch.present).all(1)
    assert float(whole.float().mean()) == pytest.approx(0.6, abs=0.08)


def test_the_order_follows_seed_and_epoch_and_loses_no_row() -> None:
    rows = np.arange(10, 33)
    order = SeededOrder(rows, 5, seed=3, shuffle=True)
    first = list(order)
    assert [len(part) for part in first] == [5, 5, 5, 5, 3]
    assert len(order) == 5
    assert sorted(row for part in first for row in part) == rows.tolist()
    assert list(order) == first
    order.set_epoch(1)
    assert list(order) != first
    order.set_epoch(0)
    assert list(order) == first
    assert [row for part in SeededOrder(rows, 5, 3, shuffle=False) for row in part] == rows.tolist()


def test_validation_rows_shape_neither_normalisation_nor_prior(tmp_path: Path) -> None:
    plain, changed = stays(48), stays(48)
    for values in changed.values.values():
        values[VALIDATE] *= 3
    changed.labels[VALIDATE] = 1 - changed.labels[VALIDATE]
    fits = []
    for name, cohort in (("plain", plain), ("changed", changed)):
        normaliser: Normaliser = cohort.fit_normaliser(TRAIN)
        # One epoch: stopping early is what validation rows are for.
        short = replace(TINY, epochs=1)
        data = cohort.batch(normaliser)
        fits.append(fit(cohort, data, TRAIN, VALIDATE, short, tmp_path / name, progress=False))
    assert plain.fit_normaliser(TRAIN) == changed.fit_normaliser(TRAIN)
    assert fits[0].model.prior == fits[1].model.prior
    for name, value in fits[0].model.state_dict().items():
        assert torch.equal(value, fits[1].model.state_dict()[name]), name


def test_settings_come_from_task_file_and_seed(tmp_path: Path) -> None:
    assert load_settings("icu_alarm").batch_size == 32
    file = tmp_path / "settings.json"
    file.write_text('{"epochs": 2, "loss": {"task": "focal"}, "learning_rate": 1}')
    settings = load_settings("icu_alarm", file, seed=7)
    assert (settings.epochs, settings.batch_size, settings.seed) == (2, 32, 7)
    assert (settings.loss.task, settings.loss.alignment) == ("focal", 0.02)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"epoch": 2}', r"unknown setting\(s\) epoch"),
        ('{"loss": {"task": "hinge"}}', "one of bce, focal"),
        ('{"epochs": 2.5}', "epochs = 2.5"),
        ('{"epochs": 0}', "epochs = 0"),
        ('{"batch_size": 0, "validation_share": 1.0}', "batch_size = 0, validation_share = 1.0"),
        ("[1]", "a JSON list"),
        ("{", "not readable as JSON"),
    ],
)
def test_unusable_settings_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(InputError, match=expected):
        load_settings("icu_mortality", file)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load_settings("icu_mortality", tmp_path / "none.json")
    assert refused.value.source == str(tmp_path / "none.json")


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    """Nested settings too: the task's own encoder settings stay where the file is silent."""
    file = tmp_path / "settings.json"
    file.write_text('{"model": {"dim": 16, "encoder": {"width": 8}}}')
    model = load_settings("icu_mortality", file).model
    own = load_settings("icu_mortality").model
    assert own["encoder"]
    assert model == {**own, "dim": 16, "encoder": {**own["encoder"], "width": 8}}


def test_normalised_embeddings_of_the_kept_weights_have_unit_spread(uninterrupted: tuple[Fit, Path]) -> None:
    """Eq. 7 at inference, over the records it was fitted on: mean 0 and deviation 1, whatever dropout and averaging of
    weights did during training."""
    model = uninterrupted[0].model
    cohort = stays(48)
    encoded = model.encode(cohort.batch(cohort.fit_normaliser(TRAIN), TRAIN))
    assert isinstance(model, AMFN)
    assert model.norm is not None
    h = model.norm(encoded.h, encoded.present).detach()
    for m in range(h.shape[1]):
        seen = h[encoded.present[:, m], m]
        varied = seen.std(0) > 1e-3
        torch.testing.assert_close(seen.mean(0), torch.zeros(h.shape[2]), atol=1e-3, rtol=0)
        torch.testing.assert_close(seen.std(0)[varied], torch.ones(int(varied.sum())), atol=0.02, rtol=0)


def test_the_task_loss_can_be_left_out(tmp_path: Path) -> None:
    """Eq. 5 alone, as self-supervised pretraining: labels then reach no weight."""
    alone = replace(TINY, epochs=1, loss=LossConfig(task_weight=0.0, auxiliary=0.0, reconstruction=1.0, alignment=0.1))
    cohort = stays(48)
    data = cohort.batch(cohort.fit_normaliser(TRAIN))
    fits = []
    for k, labels in enumerate((cohort.labels, 1 - cohort.labels)):
        relabelled = replace(cohort, labels=labels)
        fits.append(fit(relabelled, data, TRAIN, VALIDATE, alone, tmp_path / str(k), progress=False))
    states = [f.model.encoders.state_dict() for f in fits]
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
