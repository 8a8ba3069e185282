"""`audit-explanations`: it writes a report that loads, goes on where it was, and refuses what it cannot measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from amfn.checkpoint import load_checkpoint
from amfn.cli import app
from amfn.types import InputError
from explain.methods import METHODS
from explain.report import FILE, Report
from tests.cohorts import stays, write_tiny_checkpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    cohort = stays(24)
    write_tiny_checkpoint(folder / "model", cohort)
    cohort.save(folder / "stays.npz")
    return folder


def audit(place: Path, *more: object, run: str = "run") -> Any:
    arguments = ["audit-explanations", place / "model", "--data", place / "stays.npz", "--run-dir", place / run,
                 "--records", 2, "--sanity-records", 2, "--orders", 2, "--methods", "saliency,temporal_attention",
                 *more]  # fmt: skip
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_report_is_written_and_a_second_run_measures_nothing_anew(place: Path) -> None:
    result = audit(place, "--no-labels")
    assert result.exit_code == 0, result.output
    stored = json.loads((place / "model" / FILE).read_text())
    report = Report.from_json(place, stored)
    assert report.methods == ("saliency", "temporal_attention")
    assert {
        "adds_up-saliency",
        "faithful-temporal_attention",
        "weights-saliency",
        "planted-modalities",
    } <= report.units.keys()
    assert "labels-saliency" not in report.units
    assert report.sampled == 2
    assert "| saliency | " in result.output
    assert "| by chance | 13 % |" in result.output
    assert report.units["planted-modalities"]["cause"][0]["modality"]["records"] == 15
    unit = place / "run" / "adds_up-saliency.json"
    kept = json.loads(unit.read_text())
    kept["unit"]["none"]["records"] = 99
    unit.write_text(json.dumps(kept))
    again = audit(place, "--no-labels")
    assert again.exit_code == 0, again.output
    assert json.loads((place / "model" / FILE).read_text())["units"]["adds_up-saliency"]["none"]["records"] == 99


def test_a_run_of_other_settings_is_not_mixed_in(place: Path) -> None:
    (place / "other").mkdir()
    (place / "other" / "audit.json").write_text("{}")
    refused = audit(place, "--no-labels", run="other")
    assert isinstance(refused.exception, InputError)
    assert "another model, data or settings" in str(refused.exception)


def test_without_a_manifest_nothing_is_measured(place: Path) -> None:
    refused = audit(place, "--no-labels", "--simulated", place, run="bare")
    assert isinstance(refused.exception, InputError)
    assert "no manifest" in str(refused.exception)


def test_an_unknown_method_is_named(place: Path) -> None:
    refused = audit(place, "--no-labels", "--methods", "tea_leaves", run="wrong")
    assert isinstance(refused.exception, InputError)
    assert "tea_leaves" in str(refused.exception)


@pytest.mark.parametrize("task", ["icu_mortality", "icu_alarm"])
def test_shipped_models_carry_a_report_of_their_own_weights(task: str) -> None:
    folder = ROOT / "checkpoints" / task
    report = Report.from_json(folder, json.loads((folder / FILE).read_text()))
    loaded = load_checkpoint(folder)
    assert report.model == loaded.digest
    assert report.data == loaded.provenance["data_digest"]
    assert report.methods == tuple(METHODS)
    report.reference.require(loaded.model.schema)
    names = {f"{part}-{m}" for part in ("adds_up", "faithful", "weights", "labels", "planted") for m in METHODS}
    assert names <= report.units.keys()
    assert not np.isnan([v for values in report.reference.median.values() for v in values]).any()
    # The gates tell methods apart: a sound one passes, and at least one does not.
    sound = {check.name: check.passed for check in report.checks("integrated_gradients")}
    assert [sound[name] for name in ("adds_up", "faithful", "weights", "labels")] == [True] * 4
    assert any(check.passed is False for method in report.methods for check in report.checks(method))
