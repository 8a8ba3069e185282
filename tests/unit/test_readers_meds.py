"""MEDS stays: what is read, from when to when, in which unit; what is dropped; outcomes; how one of many is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amfn.readers import ADMISSION, CHALLENGE2012, open_folder, read_record
from amfn.readers.meds_codes import ADMITTED, CONVERSIONS, ITEMS, LEFT_OUT, item_of
from amfn.tasks import get_task
from amfn.types import Record
from tests.meds_files import CHART, FRAME, START, Event, write_meds
from tests.record_files import write_stay

COMA = ("LAB//220739//UNK", "LAB//223900//UNK", "LAB//223901//UNK")


def read(folder: Path, *events: Event, **options: Any) -> Record:
    return read_record(write_meds(folder / "events.parquet", [*FRAME, *events], **options))


def value(record: Record, channel: str, hour: float | None = None) -> float:
    """The only value of a channel, or the one at this hour; an admission value where the chart has no such channel."""
    modality = "admission" if hour is None and channel in ADMISSION else "chart"
    names = [c.name for c in record.channels[modality]]
    column = record.values[modality][:, names.index(channel)]
    if hour is not None:
        column = column[record.hours["chart"] == hour]
    (only,) = column[~np.isnan(column)]
    return float(only)


def count(record: Record, channel: str, words: str) -> int:
    return sum(f.count for f in record.meta.findings if f.channel == channel and words in f.what)


def charted(record: Record) -> int:
    """How many values the chart has."""
    return int(record.observed["chart"].sum()) if "chart" in record.observed else 0


@pytest.mark.parametrize("number", ["numeric_value", "value"])
def test_a_stay_is_the_record_that_the_same_stay_as_challenge_text_gives(tmp_path: Path, number: str) -> None:
    events: list[Event] = [
        *CHART,
        (1, 1.25, "SUBJECT_FLUID_OUTPUT//226559//ml", 60.0), (1, 1.25, "SUBJECT_FLUID_OUTPUT//226560//ml", 30.0),
        (1, 2.0, COMA[0], 4.0), (1, 2.0, COMA[1], 5.0), (1, 2.0, COMA[2], 6.0), (1, 2.0, "LAB//220339//cmH2O", 5.0),
        (1, -1.0, "LAB//226531//UNK", 180.0), (1, 0.1, "LAB//226707//Inch", 70.0),
    ]  # fmt: skip
    record = read(tmp_path, *events, number=number)
    text = (
        "Time,Parameter,Value\n00:00,RecordID,1\n00:00,Age,60\n00:00,Gender,1\n00:00,Height,177.8\n00:00,ICUType,3\n"
        "00:00,Weight,81.6466\n00:30,HR,88\n00:30,Temp,37\n00:30,FiO2,0.4\n01:15,Creatinine,1.5\n01:15,Urine,60\n"
        "01:15,Urine,30\n02:00,GCS,15\n02:00,MechVent,1\n"
    )
    known = read_record(write_stay(tmp_path, "1", text))
    assert record.record_id == "1_1"
    assert record.channels == known.channels
    for name in known.values:
        np.testing.assert_allclose(record.values[name], known.values[name], rtol=1e-5)
        np.testing.assert_array_equal(record.hours[name], known.hours[name])
    assert record.labels == {"in_hospital_death": 0.0}
    assert (record.meta.format, record.meta.start) == ("meds", "2150-03-01 12:00:00")


@pytest.mark.parametrize(
    ("code", "number", "channel", "expected"),
    [
        ("LAB//223762//°C", 38.5, "Temp", 38.5),
        ("LAB//223835//UNK", 0.55, "FiO2", 0.55),
        ("LAB//RESULT//51301//K/uL", 9.5, "WBC", 9.5),
        ("LAB//50971//mEq/L", 4.25, "K", 4.25),
        ("LAB//224639//kg", 81.5, "Weight", 81.5),
    ],
)
def test_a_value_in_its_units(tmp_path: Path, code: str, number: float, channel: str, expected: float) -> None:
    record = read(tmp_path, (1, 3.0, code, number))
    assert value(record, channel, 3.0) == pytest.approx(expected)
    assert charted(record) == 1


@pytest.mark.parametrize(
    ("code", "number", "channel", "why"),
    [
        ("LAB//220045//bpm", 0.0, "HR", "outside 10 to 300 bpm"),
        ("LAB//223762//°C", 99.0, "Temp", "outside 25 to 45 degC"),
        ("LAB//223835//UNK", 8.0, "FiO2", "outside 0.15 to 1 fraction"),
        ("LAB//50912//umol/L", 90.0, "Creatinine", "in umol/L, a unit not known for Creatinine"),
        ("LAB//51003//ng/mL", None, "TroponinT", "no number"),
        ("LAB//220339//cmH2O", 0.0, "MechVent", "a ventilator setting of 0"),
        (COMA[0], 4.0, "GCS", "not all three parts"),
        (COMA[0], 7.0, "GCS", "a part of it outside 1 to 4"),
        ("LAB//226730//cm", 61.0, "Height", "outside 100 to 250 cm"),
    ],
)
def test_a_value_that_cannot_be_used_is_dropped_and_counted(
    tmp_path: Path, code: str, number: float | None, channel: str, why: str
) -> None:
    record = read(tmp_path, (1, 3.0, code, number))
    assert charted(record) == 0
    assert not record.observed["admission"][0, list(ADMISSION).index("Height")]
    assert count(record, channel, why) == 1


def test_only_the_first_48_hours_of_the_stay_itself_are_read(tmp_path: Path) -> None:
    beats = tuple((1, hour, "LAB//220045//bpm", 80.0 + hour) for hour in (-0.5, 0.0, 20.0, 48.0, 48.01))
    record = read(tmp_path, *beats)
    np.testing.assert_array_equal(record.hours["chart"], [0.0, 20.0, 48.0])
    short = [*(event for event in FRAME if "ICU_DISCHARGE" not in event[2]), (1, 10.0, "ICU_DISCHARGE//X", None)]
    record = read_record(write_meds(tmp_path / "short.parquet", [*short, *beats]))
    np.testing.assert_array_equal(record.hours["chart"], [0.0])
    assert count(record, "stay", "it ended after 10.0 h") == 1
    open_end = [event for event in FRAME if "ICU_DISCHARGE" not in event[2]]
    record = read_record(write_meds(tmp_path / "open.parquet", [*open_end, *beats]))
    np.testing.assert_array_equal(record.hours["chart"], [0.0, 20.0, 48.0])
    assert count(record, "stay", "no discharge from the ICU is stated") == 1


def test_height_and_weight_may_be_a_day_older_and_the_weight_in_kg_is_preferred(tmp_path: Path) -> None:
    record = read(
        tmp_path, (1, -23.0, "LAB//226531//UNK", 180.0), (1, -1.0, "LAB//226512//kg", 80.0),
        (1, 5.0, "LAB//226512//kg", 85.0), (1, -25.0, "LAB//226730//cm", 170.0),
    )  # fmt: skip
    assert value(record, "Weight") == 80.0
    assert not record.observed["admission"][0, list(ADMISSION).index("Height")]


def test_an_event_that_occurs_twice_counts_once_and_two_outputs_add_up(tmp_path: Path) -> None:
    foley = (1, 3.0, "SUBJECT_FLUID_OUTPUT//226559//ml", 60.0)
    record = read(tmp_path, foley, foley, (1, 3.0, "SUBJECT_FLUID_OUTPUT//226560//ml", 60.0), *CHART, *CHART)
    assert value(record, "Urine", 3.0) == 120.0
    assert count(record, "Urine", "the same event twice") == 1
    assert count(record, "HR", "the same event twice") == 1
    two = read(tmp_path, (1, 3.0, "LAB//220050//mmHg", 120.0), (1, 3.0, "LAB//225309//mmHg", 110.0))
    assert value(two, "SysABP", 3.0) == 115.0
    assert count(two, "SysABP", "their mean is kept") == 1


def test_codes_that_no_variable_takes_are_named_and_never_an_error(tmp_path: Path) -> None:
    unknown = [(1, 2.0 + k / 10, "LAB//999999//furlong", 1.0) for k in range(4)]
    others: list[Event] = [(1, 2.0, "MEDICATION//Heparin//Administered", None), (1, 2.0, "free text", 7.0)]
    left = [(1, 2.0, "LAB//220277//%", 97.0)]
    record = read(tmp_path, *CHART, *unknown, *others, *left)
    assert charted(record) == 4
    assert count(record, "codes", "kinds of codes that no variable takes: 3, most often LAB//999999//furlong (4)") == 6
    assert count(record, "codes", "kinds of codes that are left out on purpose: 1") == 1


@pytest.mark.parametrize(
    ("place", "death", "expected"),
    [
        ("DIED", None, 1.0),
        ("HOME", None, 0.0),
        ("HOSPICE", 95.0, 0.0),
        ("UNK", 90.0, 1.0),
        ("UNK", 500.0, 0.0),
        ("UNK", None, None),
        ("UNK", 84.0, None),  # midnight of the day of discharge: a day, not a time
        (None, 60.0, 1.0),
        (None, 61.0, None),
        (None, None, None),
    ],
)
def test_the_outcome_is_what_the_discharge_or_else_the_death_states(
    tmp_path: Path, place: str | None, death: float | None, expected: float | None
) -> None:
    frame = [event for event in FRAME if "HOSPITAL_DISCHARGE" not in event[2]]
    if place is not None:
        # An earlier stay in hospital that ended well says nothing of this one.
        frame += [(1, -500.0, "HOSPITAL_DISCHARGE//HOME", None), (1, 90.0, f"HOSPITAL_DISCHARGE//{place}", None)]
    if death is not None:
        frame.append((1, death, "MEDS_DEATH", None))
    path = write_meds(tmp_path / "events.parquet", [*frame, *CHART])
    assert read_record(path).labels.get("in_hospital_death") == expected
    assert open_folder(tmp_path).labels.get("1_1", {}).get("in_hospital_death") == expected


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("Coronary Care Unit (CCU)", 1.0),
        ("Cardiac Vascular Intensive Care Unit (CVICU)", 2.0),
        ("Trauma SICU (TSICU)", 4.0),
        ("Medical/Surgical Intensive Care Unit (MICU/SICU)", None),
        ("", None),
    ],
)
def test_a_careunit_without_a_counterpart_is_an_unknown_icu_type(
    tmp_path: Path, unit: str, expected: float | None
) -> None:
    events = [event for event in FRAME if "ICU_ADMISSION" not in event[2]]
    record = read_record(
        write_meds(tmp_path / "e.parquet", [*events, (1, 0.0, f"ICU_ADMISSION//{unit}".rstrip("/"), None)])
    )
    if expected is not None:
        assert value(record, "ICUType") == expected
    else:
        assert count(record, "ICUType", "no such type, unknown") == 1


def test_unknown_sex_and_birth_stay_unknown_and_a_hidden_age_says_so(tmp_path: Path) -> None:
    bare = [event for event in FRAME if event[2] not in {"GENDER//M", "MEDS_BIRTH"}]
    record = read_record(write_meds(tmp_path / "bare.parquet", [*bare, *CHART]))
    names = list(ADMISSION)
    assert [bool(record.observed["admission"][0, names.index(name)]) for name in ("Age", "Gender")] == [False, False]
    old = read_record(write_meds(tmp_path / "old.parquet", [*bare, (1, -92 * 8766.0, "MEDS_BIRTH", None), *CHART]))
    assert value(old, "Age") == 92.0
    assert count(old, "Age", "exact ages above 89 are hidden") == 1
    child = read_record(write_meds(tmp_path / "child.parquet", [*bare, (1, -3 * 8766.0, "MEDS_BIRTH", None), *CHART]))
    assert count(child, "Age", "outside 15 to 120 years: dropped") == 1


def test_a_stay_in_which_nothing_was_charted_is_still_answered(tmp_path: Path) -> None:
    record = read(tmp_path)
    assert "chart" not in record.values
    assert [f.what for f in record.meta.findings] == ["nothing was charted in this stay"]
    prepared = get_task("icu_mortality").prepare(record)
    assert [name for name in prepared.values if prepared.present(name)] == ["demographics"]


def test_the_table_of_codes_is_sound() -> None:
    fed = {item.channel for item in ITEMS.values()}
    assert fed == set(CHALLENGE2012)
    assert {item.channel for item in ADMITTED.values()} == {"Height", "Weight"}
    assert not LEFT_OUT.keys() & (ITEMS.keys() | ADMITTED.keys())
    for item in (*ITEMS.values(), *ADMITTED.values()):
        assert item.convert in CONVERSIONS
        assert item.source
        assert all(unit == unit.lower() for unit in item.units)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("LAB//220045//bpm", (220045, "bpm")),
        ("LAB//RESULT//50912//mg/dL", (50912, "mg/dL")),
        ("LAB//50912", (50912, "UNK")),
        ("LAB//SPECIMEN_COLLECTED//50912", None),
        ("LAB//x//y", None),
        ("INFUSION_START//220949", None),
        ("LAB", None),
        ("", None),
    ],
)
def test_a_code_names_its_item_and_unit(code: str, expected: tuple[int, str] | None) -> None:
    assert item_of(code) == expected


def test_times_are_kept_to_the_second(tmp_path: Path) -> None:
    record = read(tmp_path, (1, 1 / 3600, "LAB//220045//bpm", 80.0))
    assert record.hours["chart"][0] * 3600 == pytest.approx(1.0)
    assert record.meta.start == START.isoformat(sep=" ")
