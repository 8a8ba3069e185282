"""Thirty-six hours in, six hours ahead: window, targets and anchors by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amfn.dataset import read_folders
from amfn.readers import read_record
from amfn.tasks import get_task
from amfn.tasks.vitals_forecast import HORIZONS, TARGETS, VITALS, WINDOW
from amfn.types import InputError, Record
from tests.record_files import ramp, write_stay, write_wfdb

TASK = get_task("vitals_forecast")
HEAD = "Time,Parameter,Value\n00:00,RecordID,140001\n00:00,Age,54\n00:00,ICUType,4\n"


def prepared(folder: Path, rows: str) -> Record:
    return TASK.prepare(read_record(write_stay(folder, "140001", HEAD + rows)))


def by_name(values: np.ndarray | None) -> dict[str, float]:
    """What is known of f32[K], by the target's name."""
    assert values is not None
    return {name: float(v) for name, v in zip(TARGETS, values, strict=True) if not np.isnan(v)}


def test_targets_are_the_hourly_means_of_the_six_hours_after_the_window(tmp_path: Path) -> None:
    rows = "35:59,HR,50\n36:00,HR,60\n36:59,HR,70\n37:00,HR,90\n41:30,Temp,38\n42:00,HR,200\n47:00,HR,200\n"
    record = prepared(tmp_path, rows)
    assert by_name(TASK.labels_of(record)) == {"HR_1h": 65.0, "HR_2h": 90.0, "Temp_6h": 38.0}
    assert record.labels["HR_1h"] == 65.0


def test_no_target_reaches_the_window(tmp_path: Path) -> None:
    """Hour 36 is the first that is predicted: its entries, and all later ones, change labels and no input."""
    seen = "00:10,HR,80\n35:59,HR,88\n35:00,Urine,40\n"
    ahead = "36:00,HR,120\n36:00,Urine,90\n36:30,MAP,70\n40:00,Lactate,9\n48:00,Temp,39\n"
    early, late = prepared(tmp_path, seen), prepared(tmp_path, seen + ahead)
    for name in early.values:
        np.testing.assert_array_equal(early.values[name], late.values[name])
    np.testing.assert_array_equal(TASK.anchor_of(early), TASK.anchor_of(late))
    assert early.values["heart_rate"].shape == (WINDOW, 1)
    assert early.values["heart_rate"][35, 0] == 88.0
    assert [f.count for f in late.meta.findings if f"after hour {WINDOW}" in f.what] == [5]


def test_the_grid_is_that_of_the_mortality_task(tmp_path: Path) -> None:
    stay = read_record(write_stay(tmp_path, "140001", HEAD + "05:00,HR,80\n20:10,Urine,60\n20:40,Urine,30\n"))
    other = get_task("icu_mortality").prepare(stay)
    here = TASK.prepare(stay)
    assert list(here.values) == list(other.values)
    for name, values in here.values.items():
        np.testing.assert_array_equal(values, other.values[name][: len(values)])


def test_the_anchor_is_the_last_hourly_mean_of_each_vital(tmp_path: Path) -> None:
    rows = "01:00,HR,60\n30:00,HR,90\n30:30,HR,100\n02:00,Temp,36.5\n36:00,RespRate,20\n"
    anchor = TASK.anchor_of(prepared(tmp_path, rows))
    assert anchor is not None
    expected = {"HR": 95.0, "MAP": np.nan, "RespRate": np.nan, "Temp": 36.5}
    np.testing.assert_array_equal(anchor, np.repeat(list(expected.values()), len(HORIZONS)))


def test_mean_pressure_is_the_lines_and_the_cuffs_only_in_hours_without_a_line(tmp_path: Path) -> None:
    rows = "10:00,MAP,70\n10:30,NIMAP,90\n12:00,NIMAP,80\n36:00,MAP,75\n36:10,NIMAP,99\n38:00,NIMAP,85\n"
    record = prepared(tmp_path, rows)
    assert by_name(TASK.labels_of(record)) == {"MAP_1h": 75.0, "MAP_3h": 85.0}
    assert by_name(TASK.anchor_of(record)) == {f"MAP_{h}h": 80.0 for h in HORIZONS}


def test_targets_are_four_vitals_at_six_horizons() -> None:
    assert TASK.kind == "regression"
    assert TASK.schema.targets == TARGETS
    assert len(TARGETS) == len(VITALS) * len(HORIZONS) == 24
    assert TARGETS[:7] == ("HR_1h", "HR_2h", "HR_3h", "HR_4h", "HR_5h", "HR_6h", "MAP_1h")
    assert {spec.steps for spec in TASK.schema.modalities if spec.kind == "series"} == {36}
    assert get_task("icu_mortality").schema.digest() == "6336094f46cc8e29"


def test_a_stay_without_a_measured_target_is_read_and_not_learned_from(tmp_path: Path) -> None:
    for k, rows in enumerate(("05:00,HR,80\n", "05:00,HR,80\n37:00,HR,90\n", "37:00,Temp,37\n")):
        name = f"14000{k + 1}"
        write_stay(tmp_path, name, HEAD.replace("140001", name) + rows)
    cohort = read_folders(TASK, [tmp_path], progress=False)
    assert cohort.ids == ("140002", "140003")
    assert len(cohort.refused) == 1
    assert "140001.txt: none of the 24 targets" in cohort.refused[0]
    assert cohort.labels.shape == (2, 24)
    assert cohort.anchor is not None
    assert by_name(cohort.labels[0]) == {"HR_2h": 90.0}
    assert by_name(cohort.anchor[0]) == {f"HR_{h}h": 80.0 for h in HORIZONS}
    assert by_name(cohort.anchor[1]) == {}


def test_a_waveform_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of which vitals_forecast reads"):
        TASK.prepare(read_record(write_wfdb(tmp_path, "w", ramp(2))))
