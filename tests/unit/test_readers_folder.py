"""Finding the records of a folder: levels, segments, duplicates, labels, speed of thousands."""

from __future__ import annotations

from pathlib import Path

import pytest

from amfn.readers import open_folder
from amfn.types import InputError
from tests.record_files import ramp, write_stay, write_wfdb


def ids(path: Path) -> list[str]:
    return [ref.record_id for ref in open_folder(path).refs]


def test_records_are_listed_by_id_over_two_levels(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    (deep / "c").mkdir(parents=True)
    write_stay(tmp_path, "140003")
    write_stay(tmp_path / "a", "140001")
    write_wfdb(deep, "x2", ramp(2))
    write_stay(deep / "c", "149999")
    (tmp_path / "notes.txt").write_text("nothing of interest")
    (tmp_path / "140004.csv").write_text("")
    write_stay(tmp_path, "named-stay")
    folder = open_folder(tmp_path)
    assert [(ref.record_id, ref.format) for ref in folder.refs] == [
        ("140001", "challenge2012"),
        ("140003", "challenge2012"),
        ("named-stay", "challenge2012"),
        ("x2", "wfdb"),
    ]
    assert folder.find("x2").path == deep / "x2.hea"


def test_a_multi_segment_record_is_listed_once_and_trends_are_not(tmp_path: Path) -> None:
    write_wfdb(tmp_path, "seg_1", ramp(2, 100))
    (tmp_path / "seg_layout.hea").write_text("seg_layout 1 250 0\n~ 0 1/mV 0 0 0 0 0 II\n")
    (tmp_path / "whole.hea").write_text("# a comment first\nwhole/3 2 250 200\nseg_layout 0\nseg_1 100\n~ 100\n")
    (tmp_path / "wholen.hea").write_text("wholen 1 0.0167/125 3\nwholen.dat 16 1/bpm 16 0 0 0 0 HR\n")
    (tmp_path / "broken.hea").write_bytes(b"\xff\x00\x12")
    folder = open_folder(tmp_path)
    assert [ref.record_id for ref in folder.refs] == ["broken", "whole"]
    assert [(f.channel, f.severity) for f in folder.findings] == [("wholen", "info")]


def test_a_record_id_that_occurs_twice_is_listed_once_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    first = write_stay(tmp_path, "140001")
    second = write_stay(tmp_path / "b", "140001")
    folder = open_folder(tmp_path)
    assert [ref.path for ref in folder.refs] == [first]
    (finding,) = folder.findings
    assert finding.severity == "warning"
    assert str(second) in finding.what


def test_labels_come_from_outcomes_alarms_and_headers(tmp_path: Path) -> None:
    write_stay(tmp_path, "140001")
    write_stay(tmp_path, "140002")
    write_wfdb(tmp_path, "a1", ramp(2))
    write_wfdb(tmp_path, "a2", ramp(2), comments=["Tachycardia", "True alarm"])
    (tmp_path / "Outcomes-a.txt").write_text(
        "RecordID,SAPS-I,In-hospital_death\n140001,7,1\n140009,7,1\n140002,7,maybe\n"
    )
    (tmp_path / "ALARMS").write_text("a1,Asystole,0\nzz,Asystole,1\n")
    folder = open_folder(tmp_path)
    assert folder.labels == {"140001": {"in_hospital_death": 1}, "a1": {"true_alarm": 0}, "a2": {"true_alarm": 1}}
    assert folder.alarms == {"a1": "Asystole", "a2": "Tachycardia"}
    assert [(f.channel, f.count) for f in folder.findings] == [("Outcomes-a.txt", 1)]


def test_two_outcome_files_that_disagree_are_a_warning(tmp_path: Path) -> None:
    write_stay(tmp_path, "140001")
    for name, death in (("a", 1), ("b", 0)):
        (tmp_path / f"Outcomes-{name}.txt").write_text(f"RecordID,In-hospital_death\n140001,{death}\n")
    folder = open_folder(tmp_path)
    assert folder.labels == {"140001": {"in_hospital_death": 1}}
    assert "disagree" in folder.findings[0].what


def test_an_unknown_id_is_answered_with_the_nearest(tmp_path: Path) -> None:
    write_stay(tmp_path, "140001")
    write_stay(tmp_path, "150002")
    with pytest.raises(InputError, match=r"no record '140011'.*Did you mean 140001"):
        open_folder(tmp_path).find("140011")
    with pytest.raises(InputError, match=r"The first is 140001"):
        open_folder(tmp_path).find("zzz")


def test_stays_are_listed_by_name_without_being_opened(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{140000 + number}.txt").touch()
    assert len(ids(tmp_path)) == 300


@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_a_folder_without_records_is_one_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "folder"
    if kind == "empty":
        path.mkdir()
    elif kind == "file":
        path.touch()
    with pytest.raises(InputError, match="folder"):
        open_folder(path)
