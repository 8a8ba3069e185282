"""The 48-hour window of a stay, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amfn.readers import read_record
from amfn.tasks import get_task
from amfn.tasks.stay import HOURS
from amfn.types import InputError, Record
from tests.record_files import ramp, write_stay, write_wfdb

TASK = get_task("icu_mortality")
ADMISSION = "Time,Parameter,Value\n00:00,RecordID,140001\n00:00,Age,54\n00:00,Gender,1\n00:00,ICUType,4\n"


def prepared(folder: Path, rows: str, head: str = ADMISSION) -> Record:
    return TASK.prepare(read_record(write_stay(folder, "140001", head + rows)))


def column(record: Record, modality: str, channel: str) -> np.ndarray:
    """f32[48]"""
    names = [c.name for c in record.channels[modality]]
    return record.values[modality][:, names.index(channel)]


def at(values: np.ndarray) -> dict[int, float]:
    """What is observed, by hour."""
    return {int(hour): float(values[hour]) for hour in np.flatnonzero(~np.isnan(values))}


def test_values_of_one_hour_are_averaged(tmp_path: Path) -> None:
    record = prepared(tmp_path, "00:00,HR,60\n00:59,HR,70\n01:00,HR,90\n30:15,HR,100\n30:30,HR,103\n")
    assert at(column(record, "heart_rate", "HR")) == {0: 65.0, 1: 90.0, 30: 101.5}
    assert record.values["heart_rate"].shape == (HOURS, 1)
    np.testing.assert_array_equal(record.hours["heart_rate"], np.arange(48))


def test_volumes_add_up_and_other_columns_do_not(tmp_path: Path) -> None:
    record = prepared(tmp_path, "05:00,Urine,60\n05:00,Temp,36\n05:30,Urine,40\n05:40,Temp,38\n07:00,Urine,0\n")
    assert at(column(record, "urine", "Urine")) == {5: 100.0, 7: 0.0}
    assert at(column(record, "neuro_temperature", "Temp")) == {5: 37.0}


def test_ventilation_holds_for_its_hour_if_it_was_ever_set(tmp_path: Path) -> None:
    record = prepared(tmp_path, "02:00,MechVent,0\n02:10,MechVent,1\n02:20,MechVent,0\n03:00,MechVent,0\n")
    assert at(column(record, "respiration", "MechVent")) == {2: 1.0, 3: 0.0}


def test_the_48th_hour_ends_the_window(tmp_path: Path) -> None:
    rows = "47:00,HR,80\n48:00,HR,90\n48:01,HR,200\n60:00,HR,200\n60:00,K,4\n"
    record = prepared(tmp_path, rows)
    assert at(column(record, "heart_rate", "HR")) == {47: 85.0}
    assert at(column(record, "labs", "K")) == {}
    late = [f for f in record.meta.findings if "after hour 48" in f.what]
    assert [f.count for f in late] == [3]
    assert not [f for f in prepared(tmp_path, "48:00,HR,90\n").meta.findings if "after hour" in f.what]


def test_what_comes_after_48_hours_cannot_change_the_window(tmp_path: Path) -> None:
    rows = "10:00,HR,80\n47:59,Lactate,2\n"
    early, late = prepared(tmp_path, rows), prepared(tmp_path, rows + "48:01,Lactate,9\n50:00,HR,20\n")
    for name in early.values:
        np.testing.assert_array_equal(early.values[name], late.values[name])


def test_what_was_not_charted_is_missing_and_not_zero(tmp_path: Path) -> None:
    record = prepared(tmp_path, "01:00,HR,60\n")
    assert set(record.values) == set(TASK.schema.names)
    for name in ("blood_pressure", "oxygenation", "respiration", "labs", "neuro_temperature", "urine"):
        assert np.isnan(record.values[name]).all()
        assert not record.present(name)
    assert (record.observed["heart_rate"] == ~np.isnan(record.values["heart_rate"])).all()


def test_every_charted_variable_but_weight_has_one_place(tmp_path: Path) -> None:
    from amfn.readers.channels import CHALLENGE2012

    placed = [c.name for spec in TASK.schema.modalities[:-1] for c in spec.channels]
    assert len(placed) == len(set(placed))
    assert set(CHALLENGE2012) - set(placed) == {"Weight"}


def test_a_stay_with_its_admission_alone_is_still_a_stay(tmp_path: Path) -> None:
    record = prepared(tmp_path, "00:00,Height,170.5\n00:00,Weight,-1\n")
    names = [c.name for c in record.channels["demographics"]]
    row = dict(zip(names, record.values["demographics"][0].tolist(), strict=True))
    assert {k: v for k, v in row.items() if v == v} == {
        "Age": 54, "Height": 170.5, "male": 1, "icu_1": 0, "icu_2": 0, "icu_3": 0, "icu_4": 1,
    }  # fmt: skip
    assert [name for name in TASK.schema.names if record.present(name)] == ["demographics"]
    assert record.values["heart_rate"].shape == (48, 1)
    assert TASK.group(record) == "Surgical"


def test_an_unknown_icu_type_is_missing_in_every_flag(tmp_path: Path) -> None:
    record = prepared(tmp_path, "01:00,HR,60\n", "Time,Parameter,Value\n00:00,Gender,0\n00:00,ICUType,7\n")
    assert at(record.values["demographics"][0]) == {3: 0.0}
    assert TASK.group(record) == "unknown"


def test_a_waveform_record_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    record = read_record(write_wfdb(tmp_path, "w", ramp(2)))
    with pytest.raises(InputError, match="the record holds abp, ecg, none of which icu_mortality reads"):
        TASK.prepare(record)


def test_event_1_by_hand() -> None:
    """Ranked 0.9+ 0.8- 0.7+ 0.6+ 0.1-: calling three gives 2/3 and 2/3; calling four 3/4 precision, 3/3 sensitivity."""
    labels, chances = np.array([1, 0, 1, 1, 0]), np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    assert TASK.official_score(labels, chances) == {"event_1": pytest.approx(0.75)}
    assert TASK.official_score(labels, labels.astype(float)) == {"event_1": 1.0}
    assert TASK.official_score(labels, np.full(5, 0.3)) == {"event_1": pytest.approx(0.6)}
    # Only the order matters.
    assert TASK.official_score(labels, chances**3) == TASK.official_score(labels, chances)
