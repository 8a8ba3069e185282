"""MEDS files: many stays in one, data sets in folders, any order of rows, and files that are no such thing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amfn.dataset import read_folders
from amfn.readers import ADMISSION, open_folder, read_record, read_ref
from amfn.tasks import get_task
from amfn.types import InputError, Record
from tests.meds_files import CHART, FRAME, START, Event, many, moved, write_meds
from tests.record_files import write_stay


def admitted(record: Record, name: str) -> float:
    return float(record.values["admission"][0, list(ADMISSION).index(name)])


def test_a_file_of_many_stays_lists_each_and_one_is_named_after_the_file(tmp_path: Path) -> None:
    path = write_meds(tmp_path / "events.parquet", many())
    folder = open_folder(tmp_path)
    assert [(ref.record_id, ref.part, ref.format) for ref in folder.refs] == [
        ("1_1", "1_1", "meds"), ("1_2", "1_2", "meds"), ("2_1", "2_1", "meds"),
    ]  # fmt: skip
    assert [folder.labels[ref.record_id]["in_hospital_death"] for ref in folder.refs] == [0.0, 0.0, 1.0]
    assert [admitted(read_ref(ref), "Age") for ref in folder.refs] == [60.0, 60.0, 60.0]
    later = read_record(f"{path}::1_2")
    assert later.digest() == read_ref(folder.find("1_2")).digest()
    assert later.source == f"{path}::1_2"
    np.testing.assert_array_equal(later.hours["chart"], [1.5, 2.25])
    with pytest.raises(InputError, match=r"no stay named; it holds 3: 1_1, 1_2, 2_1.*events.parquet::1_1"):
        read_record(path)
    with pytest.raises(InputError, match=r"no stay '9_9'; it holds 3"):
        read_record(f"{path}::9_9")
    with pytest.raises(InputError, match="::x after a file that is one record"):
        read_record(f"{write_stay(tmp_path)}::x")


def test_without_icu_admissions_a_run_of_transfers_into_intensive_care_is_a_stay(tmp_path: Path) -> None:
    frame = [event for event in FRAME if not event[2].startswith("ICU_")]
    moves: list[Event] = [
        (1, -5.0, "TRANSFER_TO//ED//Emergency Department", None),
        (1, 0.0, "TRANSFER_TO//admit//Coronary Care Unit (CCU)", None),
        (1, 4.0, "TRANSFER_TO//transfer//Medical Intensive Care Unit (MICU)", None),
        (1, 9.0, "TRANSFER_TO//transfer//Medicine", None),
        (1, 50.0, "TRANSFER_TO//transfer//Trauma SICU (TSICU)", None),
    ]
    path = write_meds(tmp_path / "moves.parquet", [*frame, *moves, *CHART, (1, 10.0, "LAB//220045//bpm", 99.0)])
    assert [ref.record_id for ref in open_folder(tmp_path).refs] == ["1_1", "1_2"]
    record = read_record(f"{path}::1_1")
    assert admitted(record, "ICUType") == 1.0
    assert int(record.observed["chart"].sum()) == 4
    assert any("a run of transfers into intensive care" in finding.what for finding in record.meta.findings)
    # Where the file says ICU_ADMISSION, transfers are not counted a second time.
    write_meds(tmp_path / "moves.parquet", [*FRAME, *moves, *CHART])
    assert [ref.record_id for ref in open_folder(tmp_path).refs] == ["1_1"]


def _table(**columns: pa.Array) -> Callable[[Path], object]:
    known = {
        "subject_id": pa.array([1], pa.int64()),
        "time": pa.array([START], pa.timestamp("us")),
        "code": pa.array(["ICU_ADMISSION//X"]),
        "numeric_value": pa.array([1.0]),
    }
    kept = {name: column for name, column in {**known, **columns}.items() if column is not None}
    return lambda path: pq.write_table(pa.table(kept), path)


def _cut(path: Path) -> None:
    write_meds(path, many())
    path.write_bytes(path.read_bytes()[:-40])


def _spoilt(path: Path) -> None:
    """The footer stands, the data pages do not."""
    write_meds(path, many() * 20)
    whole = bytearray(path.read_bytes())
    whole[4 : len(whole) // 3] = bytes(len(whole) // 3 - 4)
    path.write_bytes(bytes(whole))


@pytest.mark.parametrize(
    ("write", "came"),
    [
        (lambda path: path.write_bytes(b"subject_id,time,code"), "it cannot be read as Parquet"),
        (lambda path: path.write_bytes(b""), "it cannot be read as Parquet"),
        (_cut, "it cannot be read as Parquet"),
        (_spoilt, "it cannot be read as Parquet"),
        (_table(code=None), "no column code; its columns: subject_id, time, numeric_value"),
        (_table(numeric_value=None), "no column numeric_value"),
        (_table(time=pa.array(["2150-03-01"])), "columns of another type: time is string"),
        (_table(subject_id=pa.array(["p1"]), numeric_value=pa.array(["1"])), "subject_id is string, numeric_value is"),
        (_table(subject_id=pa.array([None], pa.int64())), "rows without a subject_id"),
        (_table(code=pa.array(["LAB//220045//bpm"])), r"no ICU stay in it \(1 subjects\)"),
        (_table(code=pa.array([None], pa.string())), "no ICU stay in it"),
        (_table(time=pa.array([None], pa.timestamp("us"))), "no ICU stay in it"),
        (lambda path: write_meds(path, []), r"no ICU stay in it \(0 subjects\)"),
    ],
)
def test_a_file_that_is_no_meds_or_has_no_stay_is_one_clear_error(
    tmp_path: Path, write: Callable[[Path], object], came: str
) -> None:
    path = tmp_path / "events.parquet"
    write(path)
    with pytest.raises(InputError, match=came):
        read_record(path)
    with pytest.raises(InputError, match=r"no record in it or two levels below; events\.parquet not listed"):
        open_folder(tmp_path)
    write_stay(tmp_path)
    folder = open_folder(tmp_path)
    assert [ref.record_id for ref in folder.refs] == ["140001"]
    assert [finding.channel for finding in folder.findings] == ["events.parquet"]


def test_a_data_set_as_the_standard_lays_it_out(tmp_path: Path) -> None:
    write_meds(tmp_path / "data" / "train" / "0.parquet", [*FRAME, *CHART])
    write_meds(tmp_path / "data" / "held_out" / "0.parquet", [*moved(FRAME, 2), *moved(CHART, 2)])
    (tmp_path / "metadata").mkdir()
    pq.write_table(pa.table({"code": ["A"], "description": ["b"]}), tmp_path / "metadata" / "codes.parquet")
    folder = open_folder(tmp_path)
    assert [ref.record_id for ref in folder.refs] == ["1_1", "2_1"]
    assert folder.findings == ()
    cohort = read_folders(get_task("icu_mortality"), [tmp_path], progress=False)
    assert (cohort.ids, cohort.labels.tolist()) == (("1_1", "2_1"), [0.0, 0.0])
    write_meds(tmp_path / "data" / "train" / "1.parquet", [*FRAME, *CHART])
    assert open_folder(tmp_path).repeated == ("1_1",)


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = write_meds(tmp_path / "events.parquet", [*FRAME, *CHART])
    assert [ref.record_id for ref in open_folder(tmp_path).refs] == ["1_1"]
    time.sleep(0.02)
    write_meds(path, many())
    assert len(open_folder(tmp_path).refs) == 3


@pytest.mark.parametrize(
    "columns",
    [
        {"time": pa.timestamp("ns")},
        {"time": pa.timestamp("ms", tz="UTC")},
        {"code": pa.large_string()},
        {"code": pa.dictionary(pa.int32(), pa.string())},
        {"subject_id": pa.int32()},
        {"numeric_value": pa.float32()},
    ],
)
def test_columns_may_be_of_any_width(tmp_path: Path, columns: dict[str, pa.DataType]) -> None:
    plain = write_meds(tmp_path / "plain.parquet", [*FRAME, *CHART])
    table = pq.read_table(plain)
    for name, kind in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
    pq.write_table(table, tmp_path / "other.parquet")
    assert read_record(tmp_path / "other.parquet").digest() == read_record(plain).digest()


@settings(max_examples=25)
@given(order=st.permutations(range(len(many()))), group=st.integers(1, 30))
def test_neither_the_order_of_rows_nor_the_row_groups_change_a_stay(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], group: int
) -> None:
    events = many()
    sorted_file = write_meds(tmp_path_factory.mktemp("meds") / "a.parquet", events)
    mixed = write_meds(tmp_path_factory.mktemp("meds") / "b.parquet", [events[k] for k in order], group=group)
    for part in ("1_1", "1_2", "2_1"):
        first, second = read_record(f"{sorted_file}::{part}"), read_record(f"{mixed}::{part}")
        assert first.digest() == second.digest()
        assert first.labels == second.labels


@settings(max_examples=150)
@given(spoilt=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5))
def test_spoilt_bytes_are_an_input_error_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, spoilt: list[tuple[float, int]]
) -> None:
    path = write_meds(tmp_path_factory.mktemp("meds") / "events.parquet", many() * 3)
    whole = bytearray(path.read_bytes())
    for place, byte in spoilt:
        whole[int(place * len(whole))] = byte
    path.write_bytes(bytes(whole))
    try:
        record = read_record(f"{path}::1_1")
    except InputError:
        return
    for name, values in record.values.items():
        assert (np.isnan(values) == ~record.observed[name]).all()
