"""Challenge 2012 stays: times, units, limits, unknown values, values charted twice, and labels that stay labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amfn.readers import ADMISSION, CHALLENGE2012, REFERENCE_SOURCE, read_record
from amfn.types import Record
from tests.record_files import STAY, write_stay

OUTCOMES = """RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death
140001,61,17,4321,1234,1
140002,12,3,9,-1,0
"""
ANSWERS = (61, 17, 4321, 1234)


def cell(record: Record, name: str, minute: int) -> float:
    column = [channel.name for channel in record.channels["chart"]].index(name)
    (row,) = np.flatnonzero(np.isclose(record.hours["chart"], minute / 60))
    return float(record.values["chart"][row, column])


def remarks(record: Record, name: str) -> dict[str, int]:
    return {finding.what: finding.count for finding in record.meta.findings if finding.channel == name}


def test_a_stay_becomes_a_chart_and_an_admission(tmp_path: Path) -> None:
    record = read_record(write_stay(tmp_path))
    assert record.values["chart"].shape == (2, 37)
    np.testing.assert_allclose(record.hours["chart"], [7 / 60, 97 / 60])
    assert (cell(record, "HR", 7), cell(record, "HR", 97), cell(record, "Urine", 97)) == (73, 88, 60)
    assert record.observed["chart"].sum() == 4
    assert [channel.name for channel in record.channels["admission"]] == [
        "Age",
        "Gender",
        "Height",
        "ICUType",
        "Weight",
    ]
    np.testing.assert_allclose(record.values["admission"], [[54, 1, np.nan, 4, 81.5]])
    assert remarks(record, "Height") == {"unknown (-1)": 1}
    assert record.labels == {}


def test_a_weight_after_admission_is_charted(tmp_path: Path) -> None:
    record = read_record(write_stay(tmp_path, text=STAY + "00:00,Weight,82\n05:00,Weight,83\n"))
    assert record.values["admission"][0, 4] == np.float32(81.5)
    assert (cell(record, "Weight", 0), cell(record, "Weight", 300)) == (82, 83)


@pytest.mark.parametrize(
    ("name", "value"),
    [("pH", "735"), ("Temp", "-17.8"), ("HR", "0"), ("DiasABP", "0"), ("MechVent", "0.5"), ("HR", "-1")],
)
def test_impossible_values_are_unobserved_and_counted(tmp_path: Path, name: str, value: str) -> None:
    record = read_record(write_stay(tmp_path, text=STAY + f"03:00,{name},{value}\n"))
    assert np.isnan(cell(record, name, 180))
    assert list(remarks(record, name).values()) == [1]


@pytest.mark.parametrize(("name", "was", "now"), [("Height", "-1", "4"), ("Gender", "1", "2"), ("ICUType", "4", "2.5")])
def test_impossible_descriptors_are_unobserved_and_counted(tmp_path: Path, name: str, was: str, now: str) -> None:
    record = read_record(write_stay(tmp_path, text=STAY.replace(f"{name},{was}", f"{name},{now}")))
    column = [channel.name for channel in record.channels["admission"]].index(name)
    assert np.isnan(record.values["admission"][0, column])
    assert [f.severity for f in record.meta.findings if f.channel == name] == ["warning"]


def test_values_charted_twice(tmp_path: Path) -> None:
    rows = ("HR,60", "HR,60", "Temp,36", "Temp,37", "Urine,40", "Urine,200", "MAP,80", "MAP,0")
    twice = "".join(f"03:00,{row}\n" for row in rows)
    record = read_record(write_stay(tmp_path, text=STAY + twice))
    assert [cell(record, name, 180) for name in ("HR", "Temp", "Urine", "MAP")] == [60, 36.5, 240, 80]
    assert remarks(record, "HR") == {"charted twice at one time with the same value": 1}
    assert remarks(record, "Temp") == {"charted twice at one time with different values: their mean is kept": 1}
    assert remarks(record, "Urine") == {"several volumes charted at one time: their sum is kept": 1}


def test_both_spellings_of_troponin_are_known(tmp_path: Path) -> None:
    record = read_record(write_stay(tmp_path, text=STAY + "03:00,TropT,0.4\n04:00,TroponinI,2\n"))
    assert cell(record, "TroponinT", 180) == pytest.approx(0.4)
    assert cell(record, "TroponinI", 240) == 2


def test_a_stay_without_charted_values_has_no_chart(tmp_path: Path) -> None:
    record = read_record(write_stay(tmp_path, text="".join(STAY.splitlines(keepends=True)[:7])))
    assert set(record.values) == {"admission"}
    assert not record.present("chart")


@pytest.mark.parametrize("above", [False, True])
def test_the_label_comes_from_an_outcome_file_beside_or_above(tmp_path: Path, above: bool) -> None:
    folder = tmp_path / "set-a"
    folder.mkdir()
    (tmp_path if above else folder).joinpath("Outcomes-a.txt").write_text(OUTCOMES)
    assert read_record(write_stay(folder)).labels == {"in_hospital_death": 1.0}


def test_no_answer_but_the_label_leaves_the_reader(tmp_path: Path) -> None:
    (tmp_path / "Outcomes-a.txt").write_text(OUTCOMES)
    record = read_record(write_stay(tmp_path))
    named = repr((record.labels, record.meta, record.channels))
    for column in ("SAPS", "SOFA", "Length_of_stay", "Survival"):
        assert column not in named
    for values in record.values.values():
        assert not np.isin(values[np.isfinite(values)], ANSWERS).any()


def test_a_changed_outcome_file_is_seen(tmp_path: Path) -> None:
    path = write_stay(tmp_path)
    (tmp_path / "Outcomes-a.txt").write_text(OUTCOMES)
    assert read_record(path).labels == {"in_hospital_death": 1.0}
    (tmp_path / "Outcomes-a.txt").write_text(OUTCOMES.replace("1234,1", "12,0"))
    assert read_record(path).labels == {"in_hospital_death": 0.0}


def test_the_tables_are_complete_and_consistent() -> None:
    assert len(CHALLENGE2012) == 37
    assert len(ADMISSION) == 5
    assert REFERENCE_SOURCE
    for channel in (*CHALLENGE2012.values(), *ADMISSION.values()):
        assert channel.unit
        assert channel.label
        assert channel.low < channel.high
        if channel.normal is not None:
            assert channel.low <= channel.normal[0] < channel.normal[1] <= channel.high
