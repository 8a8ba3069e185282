"""Several processes train the network that one would."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from amfn.dataset import Cohort
from amfn.losses import LossConfig
from amfn.training import Fit, fit
from amfn.training_module import SeededOrder, TrainConfig, shard
from amfn.types import InputError
from tests.cohorts import forecasts, stays

TRAIN, VALIDATE = np.arange(41), np.arange(41, 49)
# Nothing that is drawn, and no loss or norm that sees the records of a batch together.
PLAIN = TrainConfig(
    model={
        "dim": 8, "heads": 2, "graph_layers": 1, "normalise": False, "dropout": 0.0,
        "encoder": {"width": 8, "sequence": "none", "summary": False, "dropout": 0.0},
    },
    loss=LossConfig(auxiliary=0.0, alignment=0.0, reconstruction=0.0),
    epochs=2, batch_size=8, learning_rate=2e-3, average_decay=0.7, modality_dropout=0.0,
)  # fmt: skip


@pytest.fixture(autouse=True)
def plain_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spawned process runs the main module again, and a test of a page leaves that page there as one."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))


def run(cohort: Cohort, folder: Path, config: TrainConfig, devices: int) -> Fit:
    data = cohort.batch(cohort.fit_normaliser(TRAIN))
    return fit(cohort, data, TRAIN, VALIDATE, config, folder, progress=False, devices=devices)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_share_the_rows_of_every_batch_of_one(world: int) -> None:
    for epoch in range(3):
        orders = [SeededOrder(TRAIN, 8, 3, shuffle=True) for _ in range(world)]
        for order in orders:
            order.set_epoch(epoch)
        seen: list[int] = []
        for batches in zip(*orders, strict=True):
            parts = [shard(batch, rank, world) for rank, batch in enumerate(batches)]
            assert sorted(row for part in parts for row in part) == sorted(batches[0])
            assert max(map(len, parts)) - min(map(len, parts)) <= 1
            seen += [row for part in parts for row in part]
        assert sorted(seen) == TRAIN.tolist()


@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    """A forecast is the hardest case: one process has more measurements than the other, and of the last batch, which
    has one record, none at all."""
    cohort = forecasts(49)
    one, two = (run(cohort, tmp_path / str(n), PLAIN, n) for n in (1, 2))
    start = run(cohort, tmp_path / "start", replace(PLAIN, epochs=1, learning_rate=1e-12), 1)
    moved = 0.0
    for name, value in one.model.state_dict().items():
        torch.testing.assert_close(two.model.state_dict()[name], value, rtol=0, atol=1e-5, msg=name)
        moved = max(moved, float((value - start.model.state_dict()[name]).abs().max()))
    assert moved > 1e-3
    assert (two.best_epoch, two.epochs) == (one.best_epoch, one.epochs)
    assert two.best_loss == pytest.approx(one.best_loss, abs=1e-5)
    assert two.records_per_second > 0
    assert {p.name for p in (tmp_path / "2").iterdir()} == {p.name for p in (tmp_path / "1").iterdir()}


def test_throughput_is_of_training_records(tmp_path: Path) -> None:
    result = run(stays(49), tmp_path, PLAIN, 1)
    assert result.records_per_second == pytest.approx(len(TRAIN) * result.epochs / result.seconds)


@pytest.mark.parametrize("devices", [0, 9])
def test_more_devices_than_records_in_a_batch_are_refused(tmp_path: Path, devices: int) -> None:
    with pytest.raises(InputError, match="--devices"):
        run(stays(49), tmp_path, PLAIN, devices)


def test_more_gpus_than_there_are_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    cohort = stays(49)
    data = cohort.batch(cohort.fit_normaliser(TRAIN))
    with pytest.raises(InputError, match=r"2, but 1 CUDA device\(s\) were found"):
        fit(cohort, data, TRAIN, VALIDATE, PLAIN, tmp_path, "cuda", progress=False, devices=2)
