"""Audits: what a row says is what the model says of the record alone; nothing is lost, doubled or half-written."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

from amfn.checkpoint import load_checkpoint, load_folds
from amfn.cli import app
from amfn.dataset import Cohort
from amfn.tasks import get_task
from amfn.types import InputError
from audit import Manifest, Settings, open_audit, parts, run_audit
from audit.answers import summarised
from audit.plan import MANIFEST
from audit.source import find_records
from explain.coalitions import subsets_of
from explain.reality import reality_check
from explain.shapley import coalition_values, games
from explain.types import Attribution
from tests.audits import RECORDS, audited, write_model_and_data
from tests.cohorts import stays, write_tiny_checkpoint
from tests.record_files import write_stay

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audits")
    write_model_and_data(folder)
    audited(folder)
    return folder


def everything(folder: Path) -> dict[str, list[object]]:
    return open_audit(folder).query("SELECT * FROM records ORDER BY record_id").to_pydict()


def test_a_row_says_what_the_model_says_of_the_record_alone(place: Path) -> None:
    cohort = Cohort.load(place / "stays.npz")
    shipped, folds = load_checkpoint(place / "model"), load_folds(place / "model")
    rows = open_audit(place / "audit").query("SELECT * FROM records ORDER BY record_id").to_pylist()
    logits = open_audit(place / "audit").query("SELECT * FROM subsets ORDER BY record_id").to_pylist()
    names = cohort.task.schema.names
    for k in (0, 1, 5, RECORDS - 1):
        member = shipped if k >= RECORDS - 4 else folds[k % 2]
        batch = cohort.batch(member.normaliser, [k])
        game, check = coalition_values(member.model, batch), reality_check(member.model, batch)
        row = rows[k]
        assert row["answered_by"] == ("shipped" if k >= RECORDS - 4 else f"fold-{k % 2}")
        assert row["logit"] == pytest.approx(game.full, abs=1e-5)
        assert row["risk"] == pytest.approx(1 / (1 + np.exp(-game.full)), abs=1e-6)
        assert row["label"] == cohort.labels[k]
        shapley = [row[f"shapley_{name}"] for name in names]
        assert [v is not None for v in shapley] == game.present.tolist()
        assert np.nan_to_num(np.array(shapley, float)) == pytest.approx(game.shapley(), abs=1e-5)
        assert np.nan_to_num(np.array([row[f"loo_{n}"] for n in names], float)) == pytest.approx(
            game.leave_one_out(), abs=1e-5
        )
        assert np.reshape(row["interactions"], (8, 8)) == pytest.approx(game.interactions(), abs=1e-5)
        beta = check.measures["weight"]
        assert beta is not None
        assert [row[f"weight_{name}"] for name in check.players] == pytest.approx(beta.tolist(), abs=1e-5)
        assert row["favourite"] == check.favourite
        assert row["disagrees"] == check.disagrees
        assert row["pattern"] == sum(1 << i for i, here in enumerate(game.present.tolist()) if here)
        assert logits[k]["logits"] == pytest.approx(game.values.tolist(), abs=1e-5)
        assert len(logits[k]["logits"]) == len(subsets_of(game.present))


def test_every_record_is_there_once_and_shares_add_up(place: Path) -> None:
    manifest, found = Manifest.read(place / "audit"), open_audit(place / "audit")
    assert (manifest.records, manifest.audited, manifest.refused, manifest.parts) == (RECORDS, RECORDS, 0, 3)
    assert found.missing == 0
    rows = everything(place / "audit")
    assert len(set(rows["record_id"])) == RECORDS
    total = np.nansum(np.array([rows[f"shapley_{name}"] for name in manifest.names], float), axis=0)
    change = np.array(rows["logit"], float) - np.array(rows["empty_logit"], float)
    assert total == pytest.approx(change, abs=1e-4)
    assert np.abs(change).max() > 1e-3
    assert manifest.strata == {"by_age": "Age", "by_sex": "Sex", "by_icu_type": "ICU type"}
    assert tuple(rows) == found.columns


def test_a_record_of_the_training_is_compared_with_the_other_folds_only(place: Path) -> None:
    rows = open_audit(place / "audit").query("SELECT * FROM records ORDER BY record_id").to_pylist()
    calibration = load_checkpoint(place / "model").calibration
    assert calibration is not None
    for k in (0, 1, RECORDS - 1):
        fold = k % 2 if k < RECORDS - 4 else None
        alike = calibration.similar(rows[k]["risk"], fold)
        assert rows[k]["similar_share"] == pytest.approx(alike.share)
    assert calibration.similar(0.3, 0).count != calibration.similar(0.3).count


def test_an_interrupted_run_goes_on_and_ends_like_one_that_was_not(place: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    settings, data = Settings(part_size=10), [place / "stays.npz"]
    with pytest.raises(KeyboardInterrupt):
        run_audit(place / "model", data, place / "again", settings, progress=stop)
    begun = open_audit(place / "again")
    assert begun.missing == 2
    assert begun.manifest.finished is None
    first = parts.path_of(place / "again", "records", 0).stat().st_mtime_ns
    said: list[str] = []
    manifest = run_audit(place / "model", data, place / "again", settings, say=said.append)
    assert said == [f"10 of {RECORDS} records were audited before"]
    assert parts.path_of(place / "again", "records", 0).stat().st_mtime_ns == first
    assert manifest.data == Manifest.read(place / "audit").data
    assert everything(place / "again") == everything(place / "audit")


@pytest.mark.slow
def test_a_killed_process_leaves_whole_parts_and_loses_no_record(place: Path) -> None:
    out = place / "killed"
    command = [
        sys.executable, "-m", "amfn", "audit", "--model", str(place / "model"), "--data", str(place / "stays.npz"),
        "--out", str(out), "--part-size", "1", "--threads", "1",
    ]  # fmt: skip
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while len(list(out.glob("records/part-*.parquet"))) < 3 and time.monotonic() < until:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    before = len(list(out.glob("records/part-*.parquet")))
    assert 3 <= before < RECORDS
    manifest = run_audit(place / "model", [place / "stays.npz"], out, Settings(part_size=1))
    assert manifest.audited == RECORDS
    assert not list(out.glob("*/.part-*"))
    assert open_audit(out).query("SELECT count(DISTINCT record_id) AS n FROM records").to_pylist() == [{"n": RECORDS}]


@pytest.mark.parametrize("table", ["records", "subsets"])
def test_a_half_written_part_is_refused_on_reading_and_done_again(place: Path, tmp_path: Path, table: str) -> None:
    out = tmp_path / "audit"
    shutil.copytree(place / "audit", out)
    broken = parts.path_of(out, table, 1)  # type: ignore[arg-type]
    broken.write_bytes(broken.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"1 part\(s\) that are damaged, half there or of another audit: 1"):
        open_audit(out)
    said: list[str] = []
    run_audit(place / "model", [place / "stays.npz"], out, Settings(part_size=10), say=said.append)
    assert "1 damaged or half-written part(s) are done again, the first is part 1" in said
    assert everything(out) == everything(place / "audit")


def test_a_part_of_another_audit_is_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "audit", tmp_path / "audit")
    audited(place, "other", answered="shipped")
    shutil.copy(parts.path_of(place / "other", "records", 0), parts.path_of(tmp_path / "audit", "records", 0))
    with pytest.raises(InputError, match="of another audit: 0"):
        open_audit(tmp_path / "audit")


def test_a_finished_audit_that_lost_a_part_says_so(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "audit", tmp_path / "audit")
    parts.path_of(tmp_path / "audit", "records", 2).unlink()
    with pytest.raises(InputError, match=r"1 part\(s\) of a finished audit are gone"):
        open_audit(tmp_path / "audit")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"answered": "shipped"}, "answered unseen, not shipped"),
        ({"part_size": 5}, "part size 10, not 5"),
        ({"methods": ("saliency",)}, "methods none, not saliency"),
    ],
)
def test_another_audit_is_not_mixed_into_a_folder(place: Path, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match="it holds another audit: ") as caught:
        audited(place, **settings)
    assert named in str(caught.value)


def test_the_folder_of_another_model_or_other_data_is_left_alone(place: Path, tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "model", stays(RECORDS, seed=3))
    with pytest.raises(InputError, match=r"it holds another audit: model \w{16}, not \w{16}"):
        run_audit(tmp_path / "model", [place / "stays.npz"], place / "audit", Settings(part_size=10))
    stays(RECORDS, seed=4).save(tmp_path / "other.npz")
    with pytest.raises(InputError, match=r"it holds another audit: records 24 \(\w{16}\), not 24"):
        run_audit(place / "model", [tmp_path / "other.npz"], place / "audit", Settings(part_size=10))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="it holds other files"):
        run_audit(place / "model", [place / "stays.npz"], tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep me"


def test_two_runs_cannot_write_into_one_folder(place: Path) -> None:
    with parts.claimed(place / "audit"), pytest.raises(InputError, match="another audit is writing into it"):
        audited(place)
    assert audited(place).audited == RECORDS


def test_a_full_disk_keeps_what_is_there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, left = pq.write_table, [6]

    def limited(table: object, path: Path, **options: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            path.write_bytes(b"PAR1")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(table, path, **options)

    monkeypatch.setattr(pq, "write_table", limited)
    with pytest.raises(InputError, match=r"the disk is full at part 1\. .*Free some and run the same command again"):
        audited(place, "full")
    assert not list((place / "full").glob("*/.part-*"))
    assert open_audit(place / "full").numbers == (0,)
    monkeypatch.undo()
    assert audited(place, "full").audited == RECORDS


def test_records_that_fail_are_dead_letters_with_their_reason_and_the_others_go_on(tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "model", stays(RECORDS))
    folder = tmp_path / "data"
    folder.mkdir()
    for number in (140001, 140003):
        write_stay(folder, str(number))
    (folder / "140002.txt").write_text("Time,Parameter,Value\n00:00,RecordID,140002\nnonsense\n")
    manifest = run_audit(tmp_path / "model", [folder], tmp_path / "audit")
    assert (manifest.records, manifest.audited, manifest.refused) == (3, 2, 1)
    found = open_audit(tmp_path / "audit")
    (dead,) = found.query("SELECT * FROM dead_letters").to_pylist()
    assert (dead["record_id"], dead["stage"], dead["source"]) == ("140002", "read", "140002.txt")
    assert dead["came"]
    assert dead["mend"]
    rows = found.query("SELECT record_id, label, folder, warnings, simulated FROM records").to_pylist()
    assert [(r["record_id"], r["label"], r["folder"], r["simulated"]) for r in rows] == [
        ("140001", None, 0, False), ("140003", None, 0, False),
    ]  # fmt: skip


def test_one_record_that_breaks_the_model_is_left_out_alone(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = games

    def fails_on_one(model: object, encoded: object, **more: object) -> object:
        found = real(model, encoded, **more)  # type: ignore[arg-type]
        if any(abs(game.full - poisoned) < 1e-6 for game in found):
            raise RuntimeError("a kernel failed")
        return found

    rows = everything(place / "audit")
    poisoned = coalition_values(
        load_folds(place / "model")[0].model,
        Cohort.load(place / "stays.npz").batch(load_folds(place / "model")[0].normaliser, [2]),
    ).full
    monkeypatch.setattr("audit.answers.games", fails_on_one)
    manifest = run_audit(place / "model", [place / "stays.npz"], tmp_path / "audit", Settings(part_size=10))
    assert manifest.refused == 1
    (dead,) = open_audit(tmp_path / "audit").query("SELECT * FROM dead_letters").to_pylist()
    assert (dead["record_id"], dead["stage"]) == (rows["record_id"][2], "predict")
    assert dead["came"] == "RuntimeError: a kernel failed"


def test_files_and_a_prepared_cohort_give_the_same_digest_of_the_data(tmp_path: Path) -> None:
    folder = ROOT / "sample_data" / "icu_mortality"
    task = get_task("icu_mortality")
    write_tiny_checkpoint(tmp_path / "model", stays(RECORDS))
    from amfn.dataset import read_folders

    read_folders(task, [folder], progress=False).save(tmp_path / "sample.npz")
    ours, theirs = (
        run_audit(tmp_path / "model", [path], tmp_path / name, Settings(part_size=30))
        for path, name in ((folder, "files"), (tmp_path / "sample.npz", "prepared"))
    )
    assert ours.data == theirs.data
    assert ours.audited == theirs.audited == 48
    simulated = "SELECT bool_and(simulated) AS s FROM records"
    assert open_audit(tmp_path / "files").query(simulated).to_pylist() == [{"s": True}]
    assert open_audit(tmp_path / "prepared").query(simulated).to_pylist() == [{"s": None}]


def test_one_network_alone_answers_with_its_own_logits(place: Path) -> None:
    audited(place, "alone", answered="network-1")
    audited(place, "shipped", answered="shipped")
    alone, shipped = everything(place / "alone"), everything(place / "shipped")
    own = [each[1] for each in shipped["network_logits"]]  # type: ignore[index]
    assert alone["logit"] == pytest.approx(own, abs=1e-5)
    assert set(alone["answered_by"]) == {"network-1"}
    assert set(alone["spread"]) == {None}
    assert set(alone["set_10"]) == {None}
    with pytest.raises(InputError, match=r"no network 2\. Expected 0 to 1"):
        audited(place, "none", answered="network-2")


@pytest.mark.parametrize("answered", ["everyone", "network-", "network-x"])
def test_unknown_networks_are_refused(answered: str) -> None:
    with pytest.raises(InputError, match="--answered"):
        Settings(answered)


def test_attributions_are_summed_per_channel_and_stretch_of_time() -> None:
    schema = get_task("icu_mortality").schema
    values = np.zeros((48, 1), np.float32)
    values[0], values[7], values[8], values[47] = 1.0, -3.0, 5.0, 7.0
    static = np.arange(8, dtype=np.float32)[None]
    found = Attribution(
        "saliency", schema.targets[0], "zero", {}, {"heart_rate": values, "demographics": static}, 0.0, 0.0, 0.25
    )
    rows = summarised(schema, found, "140001", 6)
    heart = [row for row in rows if row["modality"] == "heart_rate"]
    assert [(r["from_hour"], r["to_hour"], r["value"], r["size"]) for r in heart] == [
        (0, 8, -2, 4), (8, 16, 5, 5), (16, 24, 0, 0), (24, 32, 0, 0), (32, 40, 0, 0), (40, 48, 7, 7),
    ]  # fmt: skip
    once = [row for row in rows if row["modality"] == "demographics"]
    assert [(r["channel"], r["value"], r["from_hour"]) for r in once][:2] == [("Age", 0, None), ("Height", 1, None)]
    assert {row["gap"] for row in rows} == {0.25}


def test_chosen_attributions_are_written_with_their_gap(place: Path, tmp_path: Path) -> None:
    few = Cohort.load(place / "stays.npz").rows([0, 3])
    few.save(tmp_path / "few.npz")
    run_audit(
        place / "model", [tmp_path / "few.npz"], tmp_path / "audit", Settings(methods=("input_x_gradient",), bins=4)
    )
    rows = open_audit(tmp_path / "audit").query(
        "SELECT record_id, modality, count(DISTINCT channel) AS channels, count(DISTINCT bin) AS bins "
        "FROM attributions GROUP BY ALL ORDER BY ALL"
    )
    first = [row for row in rows.to_pylist() if row["record_id"] == few.ids[1]]
    assert {row["modality"]: (row["channels"], row["bins"]) for row in first}["labs"] == (19, 4)
    assert {row["modality"]: row["bins"] for row in first}["demographics"] == 1


def test_reading_refuses_what_is_no_audit(tmp_path: Path, place: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest\.json in it"):
        open_audit(tmp_path)
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(InputError, match="not readable as the manifest of an audit"):
        open_audit(tmp_path)
    shutil.copy(place / "audit" / MANIFEST, tmp_path / MANIFEST)
    with pytest.raises(InputError, match="an audit without a finished part"):
        open_audit(tmp_path)
    with pytest.raises(InputError, match="a query that fails"):
        open_audit(place / "audit").query("SELECT nothing FROM nowhere")


def test_sources_that_cannot_be_used_are_refused(tmp_path: Path, place: Path) -> None:
    task = get_task("icu_mortality")
    with pytest.raises(InputError, match="no folder"):
        find_records(task, [])
    with pytest.raises(InputError, match=r"a prepared \.npz beside others"):
        find_records(task, [place / "stays.npz", tmp_path])
    with pytest.raises(InputError, match="a cohort of icu_mortality"):
        find_records(get_task("icu_alarm"), [place / "stays.npz"])
    with pytest.raises(InputError, match="no record in it"):
        find_records(task, [tmp_path])


def test_the_command_line_says_what_was_done_and_what_was_refused(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_stay(folder, "140001")
    (folder / "140002.txt").write_text("Time,Parameter,Value\n00:00,RecordID,140002\nnonsense\n")
    arguments = ["audit", "--model", place / "model", "--data", folder, "--out", tmp_path / "out", "--threads", 1]
    threads = torch.get_num_threads()
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    assert "1 records audited, 1 refused" in result.output
    assert "1 refused: " in result.output
    assert "Research and education only; not for diagnosis." in result.output
    (folder / "140001.txt").unlink()
    arguments[6] = tmp_path / "nothing"
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, InputError)
    assert "none of 1 records could be audited" in str(result.exception)
