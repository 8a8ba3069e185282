"""What `predict` prints: chance, spread of the networks, similar records, and the set, as values and in words."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from amfn.calibration import Calibration
from amfn.checkpoint import Member, load_checkpoint, save_checkpoint
from amfn.cli import app
from amfn.console import answer_lines, as_dict
from amfn.fusion.ensemble import Ensemble
from amfn.inference import Answer, answer
from amfn.readers import read_record
from tests.cohorts import stays, tiny_model

STAY = Path(__file__).resolve().parents[2] / "sample_data" / "icu_mortality" / "900001.txt"


def checkpoint(path: Path, one: int, networks: tuple[float, ...] = (-2.0, 0.0), calibrated: bool = True) -> Path:
    """Constant networks, and 50 records of outcome 0 with `one` records of outcome 1 around and above their answer."""
    normaliser = stays(6).fit_normaliser(range(6))
    member = Member(Ensemble([tiny_model(z) for z in networks]), normaliser)
    save_checkpoint(path, member, {}, "")
    if calibrated:
        own = load_checkpoint(path)
        present = answer(own, read_record(STAY)).batch.present[0].numpy()
        logits = np.concatenate([np.arange(50) - 25, np.arange(one) + 5]).astype(np.float32)
        labels = np.repeat([0, 1], [50, one]).astype(np.uint8)
        pattern = np.full(50 + one, int((present * (1 << np.arange(8))).sum()), np.int32)
        folds = (np.arange(50 + one) % 5).astype(np.uint8)
        found = Calibration(1.0, 0.0, logits, labels, pattern, folds, 8)
        save_checkpoint(path, member, {}, "", calibration=found)
    return path


def answered(path: Path) -> Answer:
    return answer(load_checkpoint(path), read_record(STAY))


def test_values_and_words_agree(tmp_path: Path) -> None:
    found = answered(checkpoint(tmp_path, one=50))
    data, said = as_dict(found), "\n".join(answer_lines(found))
    chances = [1 / (1 + math.exp(2)), 0.5]
    assert data["risk"] == pytest.approx(1 / (1 + math.e))
    assert data["networks"] == pytest.approx({"count": 2, "low": chances[0], "high": 0.5, "sd": np.std(chances)})
    assert "How far the 2 networks differ: 11.9 % to 50.0 %." in said
    assert data["similar"]["count"] == 10
    assert data["similar"]["events"] == 0
    assert "Of the 10 training records with the most similar estimate" in said
    assert data["conformal_set"]["labels"] == (0,)
    assert data["conformal_set"]["outcomes"] == ["Survived to discharge"]
    assert data["conformal_set"]["counts"] == (50, 50)
    assert "At an error rate of 10 %: Only “Survived to discharge” remains. At most 10 % of comparable" in said


def test_a_refusal_is_said_with_its_reason(tmp_path: Path) -> None:
    found = answered(checkpoint(tmp_path, one=20))
    assert as_dict(found, 0.2)["conformal_set"]["refused"] is None
    data = as_dict(found, 0.02)["conformal_set"]
    assert (data["labels"], data["outcomes"], data["error_rate"]) == ((), None, 0.02)
    assert "At an error rate of 2 %: Not answered. Too few records like this: of those" in "\n".join(
        answer_lines(found, 0.02)
    )


def test_what_is_not_known_is_null(tmp_path: Path) -> None:
    found = answered(checkpoint(tmp_path, one=0, networks=(-1.0,), calibrated=False))
    data = as_dict(found)
    assert data["networks"] is data["similar"] is data["conformal_set"] is None
    assert "networks differ" not in "\n".join(answer_lines(found))


def test_the_error_rate_is_an_option_within_bounds(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, one=50)
    command = ["predict", str(STAY), "--checkpoint", str(path), "--error-rate"]
    printed = CliRunner().invoke(app, [*command, "0.2", "--json"])
    assert json.loads(printed.stdout)["conformal_set"]["error_rate"] == 0.2
    assert "At an error rate of 20 %" in CliRunner().invoke(app, [*command, "0.2"]).stdout
    assert CliRunner().invoke(app, [*command, "0"]).exit_code == 2
    assert CliRunner().invoke(app, [*command, "0.9"]).exit_code == 2
