"""Marks beside a record: beats, rhythm changes, notes, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from amfn.types import InputError
from amfn.waves import annotations_beside
from tests.record_files import RATE, ramp, write_wfdb


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = write_wfdb(tmp_path, "w", ramp(2, 1000))
    wfdb.wrann(
        "w", "atr", np.array([50, 300, 500, 750]), ["N", "+", "V", '"'], aux_note=["", "(AFIB", "", "cable pulled"],
        write_dir=str(tmp_path),
    )  # fmt: skip
    return path


def test_marks_say_what_was_written_and_when(record: Path) -> None:
    marks = annotations_beside(record).marks
    assert [mark.seconds for mark in marks] == [50 / RATE, 300 / RATE, 500 / RATE, 750 / RATE]
    assert [mark.symbol for mark in marks] == ["N", "+", "V", '"']
    assert [mark.words for mark in marks] == [
        "Normal beat",
        "Rhythm change: AFIB",
        "Premature ventricular contraction",
        "cable pulled",
    ]
    assert {mark.source for mark in marks} == {"atr"}


def test_two_annotators_are_joined_in_order_of_time(record: Path) -> None:
    wfdb.wrann("w", "qrs", np.array([51, 400]), ["N", "N"], write_dir=str(record.parent))
    found = annotations_beside(record)
    assert [mark.source for mark in found] == ["atr", "qrs", "atr", "qrs", "atr", "atr"]
    assert len(found) == 6


def test_a_file_at_a_clock_of_its_own_is_put_on_the_record_s(record: Path) -> None:
    wfdb.wrann("w", "own", np.array([500]), ["N"], fs=2 * RATE, write_dir=str(record.parent))
    assert [mark.seconds for mark in annotations_beside(record) if mark.source == "own"] == [1.0]


def test_a_window_has_its_marks_alone(record: Path) -> None:
    found = annotations_beside(record)
    assert [mark.symbol for mark in found.within(1.2, 3.0)] == ["+", "V"]
    assert found.within(0.2, 0.2) == ()
    assert [mark.symbol for mark in found.within(-5, 0.21)] == ["N"]


def test_what_is_no_annotation_file_is_said_and_left_out(record: Path) -> None:
    record.with_suffix(".xyz").write_bytes(bytes(range(256)) * 3)
    record.with_suffix(".txt").write_text("notes that are nobody's annotations")
    (record.parent / "other.atr").write_bytes(record.with_suffix(".atr").read_bytes())
    found = annotations_beside(record)
    assert len(found) == 4
    assert [finding.channel for finding in found.findings] == ["w.xyz"]


def test_a_record_without_marks_and_a_record_of_another_kind(tmp_path: Path) -> None:
    assert len(annotations_beside(write_wfdb(tmp_path, "w", ramp(2, 100)))) == 0
    (tmp_path / "waves.csv").write_text("Time [s],II\n0,1\n")
    assert len(annotations_beside(tmp_path / "waves.csv")) == 0


def test_a_broken_header_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "w.hea").write_text("w 1 nothing\n")
    with pytest.raises(InputError):
        annotations_beside(tmp_path / "w.hea")


def test_real_annotations_lie_on_the_beats(shared_dir: Path) -> None:
    found = annotations_beside(shared_dir / "data" / "wfdb" / "03700181.hea")
    assert found.findings == ()
    sources = {source: [m for m in found if m.source == source] for source in ("gqrsh", "gqrsl", "sqrs")}
    assert all(len(marks) > 1000 for marks in sources.values())
    here, there = (np.array([m.seconds for m in sources[s]]) for s in ("gqrsl", "gqrsh"))
    nearest = np.abs(here[:, None] - there[None, :]).min(axis=1)
    assert np.median(nearest) < 0.05
