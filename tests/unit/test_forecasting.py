"""A forecast from training to the command line: the same path as a yes-or-no question, with numbers at its end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from amfn import regression
from amfn.checkpoint import load_checkpoint, load_folds
from amfn.cli import app
from amfn.dataset import Cohort
from amfn.evaluation import out_of_fold
from amfn.losses import LossConfig
from amfn.pipeline import train_task
from amfn.types import InputError
from tests.cohorts import TINY, forecasts

STAY = Path(__file__).resolve().parents[2] / "sample_data" / "icu_mortality" / "900005.txt"


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return forecasts(48)


@pytest.fixture(scope="module")
def trained(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forecast")
    settings = replace(TINY, epochs=3, loss=LossConfig(reconstruction=0.0, alignment=0.0))
    return train_task(
        cohort, settings, folder / "model", folder / "runs", folds=2, members=2, fold_members=1, progress=False,
        say=lambda _: None,
    )  # fmt: skip


def test_the_card_holds_what_is_measured_again(cohort: Cohort, trained: Path) -> None:
    checkpoint = load_checkpoint(trained)
    found = out_of_fold(checkpoint, load_folds(trained), cohort)
    measured = regression.as_json(regression.measure_forecast(cohort, found))
    assert measured == checkpoint.provenance["out_of_fold"]
    assert checkpoint.calibration is None
    assert [len(fold.model) for fold in load_folds(trained)] == [1, 1]
    assert len(checkpoint.model) == 2
    assert "Root mean squared error" in checkpoint.card


def test_outputs_are_in_physical_units(cohort: Cohort, trained: Path) -> None:
    found = out_of_fold(load_checkpoint(trained), load_folds(trained), cohort)
    known = ~np.isnan(cohort.labels)
    assert np.abs(found[known] - cohort.labels[known]).mean() < 30
    assert found[:, :6].mean() > found[:, 18:].mean() + 20, "heart rates are not temperatures"


def test_predict_prints_each_vital_beside_its_last_value(trained: Path) -> None:
    shown = CliRunner().invoke(app, ["predict", str(STAY), "--checkpoint", str(trained)])
    assert shown.exit_code == 0, shown.output
    assert "HR" in shown.stdout
    assert "6h" in shown.stdout
    answer = json.loads(CliRunner().invoke(app, ["predict", str(STAY), "--checkpoint", str(trained), "--json"]).stdout)
    assert len(answer["forecast"]) == 24
    assert 20 < answer["forecast"]["HR_1h"]["value"] < 250
    assert "risk" not in answer


def test_explain_says_that_it_answers_yes_or_no_questions(trained: Path) -> None:
    refused = CliRunner().invoke(app, ["explain", str(STAY), "--checkpoint", str(trained)])
    assert isinstance(refused.exception, InputError)
    assert "yes-or-no" in str(refused.exception)
