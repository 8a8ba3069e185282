"""The Data page: folders, uploads, columns of a CSV, and what each record can answer."""

from __future__ import annotations

import gc
import io
import os
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from amfn.readers.csv_mapping import mapping_path
from amfn.readers.meds_coverage import coverage
from amfn.types import InputError
from app import uploads
from tests.app.screen import charts, go, ids, open_app, words
from tests.meds_files import many, write_meds

ROOT = Path(__file__).resolve().parents[2]
ALARMS, STAYS = ROOT / "sample_data" / "icu_alarm", ROOT / "sample_data" / "icu_mortality"
PAIR = [
    ("sim_a001.hea", (ALARMS / "sim_a001.hea").read_bytes()),
    ("sim_a001.dat", (ALARMS / "sim_a001.dat").read_bytes()),
]


def data_page() -> AppTest:
    return open_app("data")


def bring(at: AppTest, *files: tuple[str, bytes]) -> AppTest:
    at.file_uploader[0].set_value([(name, content, "application/octet-stream") for name, content in files])
    return at.run()


def zipped(*files: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return file.getvalue()


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


def shelf(at: AppTest) -> uploads.Shelf:
    return at.session_state["shelf"]


def foreign(rows: int = 2_000) -> bytes:
    beat = np.sin(np.arange(rows) / 20)
    return "\n".join(["kanal1,note", *(f"{1000 * x:.1f},x" for x in beat)]).encode()


def test_a_new_user_is_told_what_to_do() -> None:
    at = data_page()
    said = words(at)
    for part in (
        "New here?",
        "Drag in one record or many",
        "There is no CSV file",
        "48 Challenge 2012 stays",
        "Modality",
    ):
        assert part in said
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize(("folder", "kind"), [(ALARMS, "WFDB records"), (STAYS, "Challenge 2012 stays")])
def test_a_folder_is_opened_for_all_pages(folder: Path, kind: str) -> None:
    at = data_page()
    next(field for field in at.text_input if field.label == "Path of the folder").set_value(str(folder))
    press(at, "Open this folder")
    assert at.session_state["folder"] == str(folder)
    assert at.session_state["source"] == "folder"
    assert f"{len(ids(folder.name))} {kind}" in words(at)
    assert str(folder) not in str(dict(at.query_params))


def test_a_folder_that_cannot_be_used_is_said_and_not_opened(tmp_path: Path) -> None:
    at = data_page()
    next(field for field in at.text_input if field.label == "Path of the folder").set_value(str(tmp_path / "none"))
    press(at, "Open this folder")
    assert "How to mend it" in words(at)
    assert at.session_state["source"] == "sample"


def test_an_uploaded_pair_is_recognised_and_opened() -> None:
    at = bring(data_page(), *PAIR)
    said = words(at)
    for part in ("1 record recognised.", "Ready for the model.", "sim_a001", "WFDB record", "5 min 0 s",
                 "Asystole alarm at 00:05:00", "ECG: II, V · mV · 250 Hz", "Can answer: ICU alarm"):  # fmt: skip
        assert part in said.replace("**", "")
    press(at, "Open these records")
    assert at.session_state["source"] == "folder"
    assert at.session_state["folder"] == str(shelf(at).folder)
    go(at, "patient")
    assert "Record sim_a001" in words(at)
    assert "Chance of the alarm being true" in words(at)
    assert "sim_a001" not in str(dict(at.query_params))
    assert "fusionscope-upload" not in str(dict(at.query_params))


def test_a_zip_of_both_kinds_says_what_each_record_can_answer() -> None:
    stay = next(STAYS.glob("9*.txt"))
    archive = zipped(*((f"ward/{name}", content) for name, content in PAIR), (f"ward/{stay.name}", stay.read_bytes()))
    said = words(bring(data_page(), ("all.zip", archive))).replace("**", "")
    for part in (
        "2 records recognised.",
        "2 ready for the model.",
        "Can answer: ICU mortality",
        "Can answer: ICU alarm",
    ):
        assert part in said


def test_a_record_without_an_alarm_is_for_the_signals_page() -> None:
    rows = "\n".join(["Time [s], II, PLETH", *(f"{k / 125:.5g},{k % 50},{k % 70}" for k in range(4_000))])
    at = bring(data_page(), ("x_01_Signals.csv", rows.encode()))
    said = words(at)
    assert "choose a moment on the Signals page" in said
    assert "II: no unit stated: its shape is shown in arbitrary units (NU), not in mV" in said.replace("**", "")


REFUSED = {
    "evil.zip": (zipped(("../evil.txt", b"x")), "outside the archive's own folder"),
    "bomb.zip": (b"PK\x05\x06" + bytes(18), "no file in it"),
    "broken.zip": (zipped(*PAIR)[:500], "a damaged archive"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_upload_is_one_message_and_everything_else_as_before(name: str) -> None:
    content, came = REFUSED[name]
    at = bring(data_page(), (name, content))
    assert [came in error.value.replace("\\", "") for error in at.error] == [True]
    assert "Nothing of this upload was kept" in words(at)
    assert not list(shelf(at).base.iterdir())
    assert not at.exception
    go(at, "patient")
    assert "Simulated patient" in words(at)


@pytest.mark.parametrize(
    ("file", "hint"), [(PAIR[1], "bring the .hea file"), (("notes.md", b"# hello"), "Expected files in one of")]
)
def test_files_without_a_record_get_a_hint(file: tuple[str, bytes], hint: str) -> None:
    at = bring(data_page(), file)
    assert "No record in these files." in words(at)
    assert hint in words(at)


def test_a_limit_that_the_user_set_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(uploads.SETTING, "1")
    at = data_page()
    assert "up to 1 MB" in at.file_uploader[0].label
    assert "Bring fewer records" in words(bring(at, ("a.txt", bytes(600_000)), ("b.txt", bytes(600_000))))


@pytest.mark.parametrize("stated", ["many", "0", "-5", "nan", "1e99"])
def test_a_limit_that_is_no_number_is_said(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    monkeypatch.setenv(uploads.SETTING, stated)
    with pytest.raises(InputError, match=uploads.SETTING):
        uploads.limit_mb()
    assert uploads.SETTING in words(data_page())


def test_columns_are_named_drawn_kept_and_then_understood() -> None:
    at = bring(data_page(), ("foreign.csv", foreign()))
    assert "foreign.csv: the columns are not understood yet" in words(at).replace("**", "")
    next(box for box in at.selectbox if box.label.startswith("Column kanal1")).set_value("ecg").run()
    next(box for box in at.selectbox if box.label == "Unit of kanal1").set_value("uV").run()
    next(field for field in at.text_input if field.label == "Name of kanal1").set_value("II").run()
    assert at.number_input[0].label == "Rows a second (Hz)"
    at.number_input[0].set_value(250.0).run()
    assert "at 250 Hz" in words(at)
    drawn = [trace for trace in charts(at)[0]["data"] if "II" in str(trace.get("hovertemplate"))]
    assert drawn
    press(at, "Keep these columns")
    assert mapping_path(shelf(at).folder / "foreign.csv").is_file()
    said = words(at).replace("**", "")
    assert "1 record recognised." in said
    assert "ECG: II · mV · 250 Hz" in said
    assert "II: converted from uV to mV" in said
    assert not at.exception


def test_columns_that_cannot_be_read_are_not_kept() -> None:
    at = bring(data_page(), ("foreign.csv", foreign()))
    next(box for box in at.selectbox if box.label.startswith("Column note")).set_value("resp").run()
    assert "the column is not read" in words(at)
    assert not any(button.label == "Keep these columns" for button in at.button)


def test_a_folder_with_nothing_but_a_foreign_csv_is_opened_to_describe_it(tmp_path: Path) -> None:
    (tmp_path / "foreign.csv").write_bytes(foreign())
    at = data_page()
    next(field for field in at.text_input if field.label == "Path of the folder").set_value(str(tmp_path))
    press(at, "Open this folder")
    assert at.session_state["folder"] == str(tmp_path)
    assert any(box.label.startswith("Column kanal1") for box in at.selectbox)


def test_uploaded_files_can_be_removed() -> None:
    at = press(bring(data_page(), *PAIR), "Open these records")
    go(at, "data")
    press(at, "Remove the uploaded files")
    assert not shelf(at).folder.exists()
    assert at.session_state["source"] == "sample"
    assert "recognised" not in words(at)


def test_the_private_folder_goes_with_its_session() -> None:
    found = uploads.Shelf()
    base = found.base
    (base / "x").write_text("private")
    assert base.stat().st_mode & 0o077 == 0
    del found
    gc.collect()
    assert not base.exists()


def test_the_private_folder_goes_soon_after_the_browser() -> None:
    found = uploads.Shelf("a session that is not there")
    found.left(0.01)
    deadline = time.monotonic() + 10
    while found.base.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not found.base.exists()


def test_what_a_killed_program_left_is_removed_a_day_later(tmp_path: Path) -> None:
    old, young, other = (tmp_path / f"{name}x" for name in (uploads.PREFIX + "old", uploads.PREFIX + "new", "other"))
    for folder in (old, young, other):
        folder.mkdir()
    for folder in (old, other):
        os.utime(folder, (time.time() - uploads.KEPT_S - 60,) * 2)
    (tmp_path / f"{uploads.PREFIX}link").symlink_to(other)
    uploads.sweep(tmp_path)
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_files_that_were_removed_behind_the_back_are_forgotten() -> None:
    at = bring(data_page(), *PAIR)
    shutil.rmtree(shelf(at).folder)
    go(at, "patient")
    go(at, "data")
    assert "recognised" not in words(at)
    assert not at.exception


def test_the_codes_of_a_meds_file_are_counted_when_asked(tmp_path: Path) -> None:
    write_meds(tmp_path / "events.parquet", many())
    found = coverage(tmp_path)
    at = data_page()
    next(field for field in at.text_input if field.label == "Path of the folder").set_value(str(tmp_path))
    press(at, "Open this folder")
    assert "MEDS" in words(at)
    assert "ICU stays of" not in words(at)

    press(at, "Count codes and values")
    said = words(at)
    assert f"{found.stays} ICU stays of {found.subjects} subjects" in said
    row = next(row for row in found.channels if row.stays)
    assert f"{row.sources[0].code} {row.sources[0].label} ({row.sources[0].values:,})" in said
    assert "no stay has it" in said
    assert not at.exception
