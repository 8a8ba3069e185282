"""The command line on the shipped models: sound answers, documented JSON, and errors without a traceback."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from amfn import evaluation
from amfn.card import PLOT, bins_table, calibration_svg, coverage_table, decision_table, figures_table, subgroups_table
from amfn.card_words import DISCLAIMER
from amfn.checkpoint import load_checkpoint
from amfn.cli import app
from amfn.types import InputError
from tests.cohorts import stays, write_tiny_checkpoint

ROOT = Path(__file__).resolve().parents[2]
ALARMS, STAYS = ROOT / "sample_data" / "icu_alarm", ROOT / "sample_data" / "icu_mortality"
MODELS = ROOT / "checkpoints"
ANSWER_KEYS = {
    "record", "record_digest", "task", "event", "checkpoint_digest", "risk", "base_rate", "logit", "bias", "modalities",
    "networks", "similar", "conformal_set", "findings", "disclaimer",
}  # fmt: skip
MODALITY_KEYS = {"name", "present", "gate", "weight", "logit_part"}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Commands set torch's threads for their process, which here is everybody's."""
    yield
    torch.set_num_threads(1)


@pytest.fixture
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at no interval: 1,000 bootstrap samples take most of an evaluation's time."""
    monkeypatch.setattr(evaluation, "BOOTSTRAPS", 20)


def run(*arguments: object) -> str:
    """stdout of a command that succeeds."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(*arguments: object) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json"))


def refusal(*arguments: object) -> InputError:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert isinstance(result.exception, InputError), result.output
    return result.exception


def process(arguments: Sequence[object], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "amfn", *(str(a) for a in arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def assert_sound(answer: dict[str, Any]) -> None:
    """What holds for every answer: probabilities, an exact split of the logit, null where there is nothing."""
    assert answer.keys() >= ANSWER_KEYS
    assert 0 < answer["risk"] < 1
    assert answer["risk"] == pytest.approx(1 / (1 + math.exp(-answer["logit"])), abs=1e-6)
    present = [m for m in answer["modalities"] if m["present"]]
    assert present
    assert sum(m["weight"] for m in present) == pytest.approx(1, abs=1e-5)
    assert answer["bias"] + sum(m["logit_part"] for m in present) == pytest.approx(answer["logit"], abs=1e-4)
    for modality in answer["modalities"]:
        assert modality.keys() == MODALITY_KEYS
        if modality["present"]:
            assert 0 < modality["gate"] < 1
        else:
            assert modality["gate"] is modality["weight"] is modality["logit_part"] is None
    assert answer["disclaimer"] == DISCLAIMER


def assert_explained(data: dict[str, Any]) -> None:
    assert_sound(data)
    shapley = data["shapley"]
    parts = [m["value"] for m in shapley["modalities"] if m["present"]]
    assert all(m["value"] is None for m in shapley["modalities"] if not m["present"])
    assert shapley["full"] == pytest.approx(data["logit"], abs=1e-4)
    assert shapley["empty"] == pytest.approx(math.log(data["base_rate"] / (1 - data["base_rate"])), abs=1e-4)
    assert sum(parts) == pytest.approx(shapley["full"] - shapley["empty"], abs=1e-4)
    assert abs(shapley["gap"]) < 1e-4
    gradients = data["attribution"]
    assert {"settings", "baseline", "gap", "gap_is_relative", "flagged", "by_modality", "strongest"} <= gradients.keys()
    assert gradients["by_modality"].keys() == {m["name"] for m in data["modalities"] if m["present"]}
    values = [abs(row["value"]) for row in gradients["strongest"]]
    assert values == sorted(values, reverse=True)
    assert data["sentence"].startswith("Estimated chance of")


@pytest.mark.parametrize("record", [ALARMS / "sim_a001.hea", ALARMS / "sim_v003", STAYS / "900001.txt"])
def test_predict(record: Path) -> None:
    answer = run_json("predict", record)
    assert_sound(answer)
    assert answer["record"] == record.stem
    assert answer["task"] == record.parent.name
    assert answer["checkpoint_digest"] == load_checkpoint(MODELS / answer["task"]).digest
    text = run("predict", record)
    assert f"Record {record.stem} · " in text
    assert f"{100 * answer['risk']:.0f} %" in text
    assert text.count("not recorded") == sum(not m["present"] for m in answer["modalities"])
    assert text.rstrip().endswith(DISCLAIMER)


@pytest.mark.parametrize("record", [ALARMS / "sim_a001.hea", STAYS / "900001.txt"])
def test_explain(record: Path) -> None:
    data = run_json("explain", record, "--steps", 16, "--top", 3)
    assert_explained(data)
    assert len(data["attribution"]["strongest"]) == 3
    text = run("explain", record, "--steps", 16, "--top", 3)
    assert data["sentence"] in text
    assert "Completeness gap" in text
    assert DISCLAIMER in text


def test_a_checkpoint_can_be_named() -> None:
    answer = run_json("predict", STAYS / "900002.txt", "--checkpoint", MODELS / "icu_mortality")
    assert answer == run_json("predict", STAYS / "900002.txt")
    wrong = refusal("predict", STAYS / "900002.txt", "--checkpoint", MODELS / "icu_alarm")
    assert "none of which icu_alarm reads" in str(wrong)


def test_the_alarm_can_be_named_by_hand() -> None:
    record = ALARMS / "sim_a001.hea"
    plain = run_json("predict", record)
    assert run_json("predict", record, "--alarm-type", "Asystole", "--alarm-at", 300) == plain
    assert run_json("predict", record, "--alarm-at", 120)["logit"] != plain["logit"]
    assert "--alarm-type" in str(refusal("predict", record, "--alarm-type", "Headache"))
    assert "a time within the record" in str(refusal("predict", record, "--alarm-at", "nan"))


def test_an_answer_of_a_process_of_its_own_is_the_same() -> None:
    done = process(["predict", ALARMS / "sim_a001.hea", "--json"])
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == run_json("predict", ALARMS / "sim_a001.hea")


@pytest.mark.parametrize(
    "arguments",
    [("predict", "no/such/record.hea"), ("evaluate", "no/such/model", "--data", "nowhere", "--json")],
)
def test_bad_input_ends_with_one_message_and_no_traceback(arguments: Sequence[str]) -> None:
    done = process(arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: no/such/")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_usage_errors_are_typers() -> None:
    assert CliRunner().invoke(app, ["predict"]).exit_code == 2
    assert CliRunner().invoke(app, ["explain", "x", "--steps", "0"]).exit_code == 2
    assert "simulate" in CliRunner().invoke(app, ["--help"]).stdout


@pytest.mark.usefixtures("few_samples")
def test_prepare_writes_what_train_and_evaluate_read(tmp_path: Path) -> None:
    said = run("prepare", "icu_mortality", "--data", STAYS, "--out", tmp_path / "stays.npz")
    assert said.startswith("48 records, data digest ")
    digest = said.split("data digest ")[1][:16]
    measured = run_json("evaluate", MODELS / "icu_mortality", "--data", tmp_path / "stays.npz", "--threads", 1)
    assert measured["data"] == digest
    assert (measured["records"], measured["new"], measured["out_of_fold"]) == (48, 48, 0)


@pytest.mark.usefixtures("few_samples")
@pytest.mark.parametrize(("task", "records"), [("icu_alarm", 32), ("icu_mortality", 48)])
def test_the_shipped_models_rank_the_simulated_cohort(task: str, records: int) -> None:
    measured = run_json("evaluate", MODELS / task, "--data", ROOT / "sample_data" / task, "--threads", 1)
    assert (measured["records"], measured["new"]) == (records, records)
    assert measured["figures"]["auroc"][0] > 0.7


@pytest.mark.usefixtures("few_samples")
def test_evaluate_prints_a_table() -> None:
    text = run("evaluate", MODELS / "icu_mortality", "--data", STAYS, "--threads", 1)
    assert "0 scored out of fold, 48 by the shipped model, 0 refused" in text
    assert "AUROC" in text
    assert text.rstrip().endswith(DISCLAIMER)


def test_training_refuses_before_it_trains(tmp_path: Path) -> None:
    stays(6).save(tmp_path / "few.npz")
    train = ["train", "icu_mortality", "--data", tmp_path / "few.npz", "--out", tmp_path / "out"]
    train += ["--run-dir", tmp_path / "run", "--device", "cpu", "--threads", 1]
    assert "2 records of the rarer class" in str(refusal(*train))
    assert "--folds" in str(refusal(*train, "--folds", 1))
    assert "'tpu'" in str(refusal(*train[:-4], "--device", "tpu"))
    assert "'icu_flying' is not a task" in str(refusal("train", "icu_flying", *train[2:]))
    assert "a cohort of icu_mortality" in str(refusal("train", "icu_alarm", *train[2:]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["few.npz"]


def assert_card_says(task: str, measured: dict[str, Any]) -> None:
    """The figures, and every table made of them, stand in the shipped card as they were measured now."""
    loaded = load_checkpoint(MODELS / task)
    assert measured["data"] == loaded.provenance["data_digest"]
    assert (measured["out_of_fold"], measured["new"]) == (loaded.provenance["records"], 0)
    tables = [figures_table(measured), subgroups_table(loaded.task, measured), bins_table(measured)]
    assert loaded.calibration is not None
    tables += [decision_table(measured), coverage_table(loaded.task, loaded.calibration.facts()["coverage"])]
    for part in tables:
        assert part in loaded.card
    assert (loaded.path / PLOT).read_text() == calibration_svg(loaded.task, measured)
    stored = loaded.provenance["out_of_fold"]
    assert measured["subgroups"].keys() == stored["subgroups"].keys()
    for name, figure in stored["figures"].items():
        assert measured["figures"][name] == pytest.approx(figure, abs=2e-4), name


@pytest.mark.slow
def test_the_alarm_models_figures_are_reproduced(shared_dir: Path) -> None:
    assert_card_says(
        "icu_alarm", run_json("evaluate", MODELS / "icu_alarm", "--data", shared_dir / "data/challenge2015")
    )


@pytest.mark.slow
def test_the_mortality_models_figures_are_reproduced(shared_dir: Path, tmp_path: Path) -> None:
    for name in ("set-a", "set-b"):
        with tarfile.open(shared_dir / "data" / "challenge2012" / f"{name}.tar.xz") as archive:
            archive.extractall(tmp_path, filter="data")
    folders = ["--data", tmp_path / "set-a", "--data", tmp_path / "set-b"]
    assert_card_says("icu_mortality", run_json("evaluate", MODELS / "icu_mortality", *folders))


def test_a_real_alarm_record_is_answered(shared_dir: Path) -> None:
    data = run_json("explain", shared_dir / "data" / "challenge2015" / "a103l.hea", "--steps", 32)
    assert_explained(data)
    assert data["task"] == "icu_alarm"


def test_a_real_stay_is_answered(shared_dir: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_dir / "data" / "challenge2012" / "set-a.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith(".txt") and "Outcomes" not in m.name)
        archive.extract(member, tmp_path, filter="data")
    data = run_json("explain", tmp_path / member.name, "--steps", 32)
    assert_explained(data)
    assert data["task"] == "icu_mortality"


@pytest.mark.parametrize(
    ("path", "alarm_at"),
    [("03700181.hea", 300), ("041s/041s.hea", 14), ("s25047/s25047-2704-05-04-10-44.hea", 4000)],
)
def test_multi_segment_records_say_what_they_lack_and_answer_with_an_alarm(
    shared_dir: Path, path: str, alarm_at: float
) -> None:
    record = shared_dir / "data" / "wfdb" / path
    message = str(refusal("predict", record))
    assert "names no alarm" in message
    assert "--alarm-type" in message
    assert_sound(run_json("predict", record, "--alarm-type", "Tachycardia", "--alarm-at", alarm_at))


@pytest.mark.parametrize("seconds", ["1e308", "-5", "nan", "4000"])
def test_an_alarm_outside_the_record_is_refused(seconds: str) -> None:
    assert "a time within the record" in str(refusal("predict", ALARMS / "sim_a001.hea", "--alarm-at", seconds))


def test_a_place_that_cannot_be_written_is_said_before_training(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    stays(60).save(tmp_path / "stays.npz")
    for arguments in (
        [
            "train",
            "icu_mortality",
            "--data",
            tmp_path / "stays.npz",
            "--out",
            blocked / "out",
            "--run-dir",
            tmp_path / "r",
        ],
        ["prepare", "icu_mortality", "--data", tmp_path / "stays.npz", "--out", blocked / "x.npz"],
    ):
        done = process(arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ")
        assert "Traceback" not in done.stderr
        assert "fold 1" not in done.stdout


@pytest.mark.usefixtures("few_samples")
def test_records_that_were_not_in_training_can_be_left_out(tmp_path: Path) -> None:
    cohort = stays(40)
    seen, unseen = cohort.rows(range(30)), cohort.rows(range(30, 40))
    path = write_tiny_checkpoint(tmp_path / "model", seen, folds=2, fold_of={i: k % 2 for k, i in enumerate(seen.ids)})
    cohort.save(tmp_path / "all.npz")
    unseen.save(tmp_path / "new.npz")
    measured = run_json("evaluate", path, "--data", tmp_path / "all.npz", "--trained-only")
    assert (measured["records"], measured["out_of_fold"], measured["new"]) == (30, 30, 0)
    assert measured["data"] == seen.digest()
    assert "no record of its training" in str(
        refusal("evaluate", path, "--data", tmp_path / "new.npz", "--trained-only")
    )


def test_explain_on_demand_parts() -> None:
    stays = STAYS / "900005.txt"
    arguments = ("explain", stays, "--method", "feature_ablation", "--over-time", "--threshold", 0.5, "--cohort", STAYS,
                 "--faithfulness")  # fmt: skip
    data = run_json(*arguments)
    assert len(data["over_time"]["moments"]) == 48
    assert data["over_time"]["moments"][-1]["risk"] == pytest.approx(data["risk"], abs=1e-6)
    for answer in data["changes"]["without_modalities"]:
        assert answer["risk"] >= 0.5
    assert data["faithfulness"]["verdict"] == "better than random"
    assert data["record"] not in [r["record"] for r in data["similar_records"]["records"]]
    assert data["attribution"]["promises_completeness"] is False
    text = run(*arguments)
    assert data["paragraph"] in text
    for part in ("As the record unfolds", "across 50 %", "against random orders", "does not promise to add up"):
        assert part in text


def test_explain_refuses_what_it_cannot_do() -> None:
    stay = STAYS / "900005.txt"
    assert "one of integrated_gradients" in str(refusal("explain", stay, "--method", "tea_leaves"))
    assert "sample with --cohort" in str(refusal("explain", stay, "--baseline", "sample"))
    assert "between 0 and 1" in str(refusal("explain", stay, "--threshold", "2"))
    assert "deep_lift: DeepLIFT" in run("explain", stay, "--method", "list")


def test_magnitudes_are_not_called_contributions() -> None:
    data = run_json("explain", ALARMS / "sim_a001.hea", "--method", "temporal_attention")
    assert data["attribution"]["gap"] is None
    assert data["attribution"]["in_logits"] is False
    assert "magnitudes, not parts" in run("explain", ALARMS / "sim_a001.hea", "--method", "temporal_attention")
