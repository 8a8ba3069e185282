"""Waveforms as CSV: every way in which such a file is written, and every way in which it can be wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.examining import examine
from amfn.readers import csv_table, csv_waves, open_folder, read_record
from amfn.readers.csv_mapping import CsvColumn, CsvMapping, load_mapping, mapping_path, save_mapping, units_of
from amfn.readers.csv_time import grid_of
from amfn.readers.findings import Findings
from amfn.types import InputError, Record

RATE, ROWS = 250, 500
ECG = np.round(np.sin(np.arange(ROWS) / 20), 3)
ABP = np.round(90 + 20 * np.sin(np.arange(ROWS) / 30), 2)
TIMES = np.arange(ROWS) / RATE
HEAD = "time_s,II (mV),ABP [mmHg]"


def lines(separator: str = ",", decimal: str = ".", head: str = HEAD) -> list[str]:
    body = [separator.join(f"{x:.4f}".replace(".", decimal) for x in row) for row in zip(TIMES, ECG, ABP, strict=True)]
    return [head.replace(",", separator), *body]


def two(head: str, times: Callable[[int], str], separator: str = ",") -> list[str]:
    """A time written in any way, and an ECG."""
    return [head, *(f"{times(k)}{separator}{ECG[k]}" for k in range(ROWS))]


def write(folder: Path, content: list[str] | str | bytes, name: str = "r.csv") -> Path:
    path = folder / name
    text = "\n".join(content) + "\n" if isinstance(content, list) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def said(record: Record) -> list[str]:
    return [f"{item.channel}: {item.what}" for item in record.meta.findings]


def rate_of(record: Record) -> float:
    hours = record.hours["ecg"]
    return (len(hours) - 1) / (hours[-1] * 3600)


def good() -> str:
    return "\n".join(lines()) + "\n"


WRITTEN: dict[str, bytes] = {
    "plain": good().encode(),
    "byte order mark": b"\xef\xbb\xbf" + good().encode(),
    "UTF-16": good().encode("utf-16"),
    "semicolons": "\n".join(lines(";")).encode(),
    "semicolons and decimal commas": "\n".join(lines(";", ",")).encode(),
    "tabs": "\n".join(lines("\t")).encode(),
    "Windows line ends": good().replace("\n", "\r\n").encode(),
    "spaces before names": good().replace(",", ", ", 2).encode(),
    "a line of units": "\n".join(["'time','II','ABP'", "'s','mV','mmHg'", *lines()[1:]]).encode(),
}


@pytest.mark.parametrize("content", WRITTEN.values(), ids=WRITTEN.keys())
def test_the_same_numbers_are_read_however_they_are_written(tmp_path: Path, content: bytes) -> None:
    record = read_record(write(tmp_path, content))
    assert (record.record_id, record.meta.format) == ("r", "csv")
    np.testing.assert_allclose(record.values["ecg"][:, 0], ECG, atol=1e-6)
    np.testing.assert_allclose(record.values["abp"][:, 0], ABP, atol=1e-4)
    np.testing.assert_allclose(record.hours["ecg"], TIMES / 3600, atol=1e-12)
    assert [c.unit for m in ("ecg", "abp") for c in record.channels[m]] == ["mV", "mmHg"]
    assert not record.meta.findings


CLOCKS: dict[str, list[str]] = {
    "milliseconds": two("time [ms],II", lambda k: f"{4 * k}"),
    "since 1970": two("time,II", lambda k: f"{1769860800 + k / RATE:.3f}"),
    "ISO 8601": two("time,II", lambda k: f"2026-01-31T12:00:{k // RATE:02d}.{4 * (k % RATE):03d}Z"),
    "ISO with commas": two("Timestamp;II", lambda k: f"2026-01-31 12:00:{k // RATE:02d},{4 * (k % RATE):03d}", ";"),
    "a clock": two("Elapsed time,II", lambda k: f"0:{k // RATE:02d}.{4 * (k % RATE):03d}"),
    "hundredths only": two("time,II", lambda k: f"{int(k / 2.5) / 100:.2f}"),
    "milliseconds at 360 Hz": two("time,II", lambda k: f"{k / 360:.3f}"),
}


@pytest.mark.parametrize("content", CLOCKS.values(), ids=CLOCKS.keys())
def test_times_in_any_form_give_the_rate(tmp_path: Path, content: list[str]) -> None:
    content = [line.replace(".", ",") if ";" in line and k else line for k, line in enumerate(content)]
    record = read_record(write(tmp_path, content))
    assert rate_of(record) == pytest.approx(360 if "0.003" in content[2] else RATE)
    np.testing.assert_allclose(record.values["ecg"][:, 0], ECG, atol=1e-6)
    starts_at = "2026-01-31T12:00:00" if "2026" in content[1] else None
    assert record.meta.start == starts_at


def test_times_cut_to_five_digits_are_still_a_steady_rate(tmp_path: Path) -> None:
    """As BIDMC writes them: 0.008 s apart, of which hundredths are left after 100 s."""
    rows = [f"{k / 125:.5g},{np.sin(k / 20):.4f}" for k in range(20_000)]
    record = read_record(write(tmp_path, ["Time [s], II", *rows]))
    assert rate_of(record) == pytest.approx(125)
    assert len(record.values["ecg"]) == 20_000
    assert "time: times written too coarsely to tell rows apart: rows taken as evenly spaced" in said(record)


def test_missing_rows_become_a_gap_of_their_length(tmp_path: Path) -> None:
    rows = lines()
    record = read_record(write(tmp_path, rows[:101] + rows[201:]))
    assert record.values["ecg"].shape == (ROWS, 1)
    assert np.isnan(record.values["ecg"][100:200]).all()
    np.testing.assert_allclose(record.values["ecg"][200:, 0], ECG[200:], atol=1e-6)
    assert any("1 gap, the longest of 0.404 s after line 101" in item for item in said(record))


@given(st.lists(st.booleans(), min_size=60, max_size=200), st.sampled_from([100.0, 125.0, 250.0, 360.0, 500.0]))
def test_kept_rows_stand_at_their_own_time(keep: list[bool], rate: float) -> None:
    """Whatever few rows are lacking, the others are where the clock says."""
    at = np.flatnonzero([kept or k % 8 for k, kept in enumerate(keep)])
    grid = grid_of(Path("x.csv"), at / rate, "s", Findings(), 2)
    assert grid.rate_hz == pytest.approx(rate, rel=1e-6)
    np.testing.assert_array_equal(grid.index, at - at[0])


def test_an_ecg_without_a_unit_is_never_called_millivolts(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, two("time,II", lambda k: f"{k / RATE:.3f}")))
    assert record.channels["ecg"][0].unit == "NU"
    assert "II: no unit stated: its shape is shown in arbitrary units (NU), not in mV" in said(record)


@pytest.mark.parametrize(
    ("heading", "written", "factor", "unit"),
    [("II [uV]", 1000 * ECG, 1e-3, "mV"), ("II (V)", ECG / 1000, 1e3, "mV"), ("ABP [kPa]", ABP / 10, 7.50062, "mmHg")],
)
def test_units_are_converted_and_said(
    tmp_path: Path, heading: str, written: np.ndarray, factor: float, unit: str
) -> None:
    rows = [f"{t},{x:.6f}" for t, x in zip(TIMES, written, strict=True)]
    record = read_record(write(tmp_path, [f"time,{heading}", *rows]))
    modality = next(iter(record.values))
    np.testing.assert_allclose(record.values[modality][:, 0], written * factor, rtol=1e-4, atol=2e-3)
    assert record.channels[modality][0].unit == unit
    assert any(f"to {unit}" in item for item in said(record))


def test_a_pressure_without_a_unit_is_mmhg_only_where_it_can_be(tmp_path: Path) -> None:
    for scale, present in ((1.0, True), (0.1, False)):
        rows = [f"{t},{e},{scale * a:.3f}" for t, e, a in zip(TIMES, ECG, ABP, strict=True)]
        record = read_record(write(tmp_path, ["time,II (mV),ABP", *rows]))
        assert ("abp" in record.values) is present
        assert any(item.startswith("ABP: no unit stated") for item in said(record))


def test_text_among_numbers_is_counted_and_unobserved(tmp_path: Path) -> None:
    rows = lines()
    rows[50] = rows[50].replace(rows[50].split(",")[1], "artefact")
    record = read_record(write(tmp_path, rows))
    assert np.isnan(record.values["ecg"][49, 0])
    assert np.isfinite(record.values["ecg"]).sum() == ROWS - 1
    assert any("first in line 51 ('artefact')" in item for item in said(record))


def test_a_column_of_text_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    rows = [f"{time},bad,{pressure}" for time, _, pressure in (line.split(",") for line in lines()[1:])]
    record = read_record(write(tmp_path, [HEAD, *rows]))
    assert set(record.values) == {"abp"}
    assert any("the column is not read" in item for item in said(record))


def test_a_name_used_twice_gives_two_channels(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, lines(head="time_s,II,II")))
    assert [channel.name for channel in record.channels["ecg"]] == ["II", "II#2"]
    assert any("used twice" in item for item in said(record))


def test_the_last_line_may_be_cut_short(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, "\n".join([*lines()[:-1], "1.99"])))
    assert len(record.values["ecg"]) == ROWS - 1
    assert "rows: the last line is cut short: left out" in said(record)


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "an empty file"),
    "blank": (b"\n \n", "an empty file"),
    "heading only": (b"time,II\n", "no row"),
    "no heading": ("\n".join(lines()[1:]).encode(), "the first line is numbers"),
    "binary": (bytes(range(256)) * 9, "not text"),
    "UTF-16 without a mark": (good().encode("utf-16-le"), "not text"),
    "decimal commas between commas": ("\n".join(lines(",", ",")).encode(), "commas both between columns"),
    "both decimal marks": (b"time;II\n0;0,5\n0.004;0,6\n0.008;0,7\n", "decimal points and decimal commas"),
    "mixed separators": ("\n".join([*lines()[:9], *lines(";")[9:]]).encode(), "semicolons in line 10"),
    "separators that change later": ("\n".join([*lines()[:99], *lines(";")[99:]]).encode(), "1 columns in line 100"),
    "a row too long": ("\n".join([*lines()[:60], lines()[60] + ",5", *lines()[61:]]).encode(), "4 columns in line 61"),
    "time goes back": ("\n".join([*lines()[:100], lines()[50], *lines()[100:]]).encode(), "time goes back in line 101"),
    "a row twice": ("\n".join([*lines()[:100], *lines()[99:]]).encode(), "time stands still in line 101"),
    "time stands still throughout": (b"time,II\n" + b"1,0.5\n" * 50, "time stands still in line 3"),
    "no time in a row": (good().replace("0.1160,", ",", 1).encode(), "no time in line 31"),
    "a word for a time": (good().replace("0.1160,", "soon,", 1).encode(), "the time 'soon' in line 31"),
    "uneven times": ("\n".join(two("time,II", lambda k: f"{k**0.5:.4f}")).encode(), "uneven times"),
    "a jump of months": ("\n".join([*lines()[:99], "9999999.0,0.1,90"]).encode(), "jumps in time"),
    "another calendar": ("\n".join(two("time,II", lambda k: "31.01.2026 12:00:00")).encode(), "31.01.2026"),
    "a trend": ("\n".join(two("time,II", lambda k: str(k))).encode(), "1 rows a second"),
    "unknown columns": (b"a,b,c\n1,2,3\n2,3,4\n", "columns a, b, c"),
    "nothing but text": ("\n".join(f"{k / 250},x" for k in range(99)).join(["time,II\n", "\n"]).encode(), "text among"),
}


@pytest.mark.parametrize(("content", "came"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_refused_with_one_message(tmp_path: Path, content: bytes, came: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError) as error:
        read_record(path)
    assert came in error.value.came
    assert error.value.source == str(path)
    assert error.value.mend


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, lines())
    monkeypatch.setattr(csv_table, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="Cut it into shorter files"):
        read_record(path)


MAPPED = CsvMapping(
    (CsvColumn("kanal1", "ecg", "II", "uV"), CsvColumn("kanal2", "abp", "Line", "mmHg")), rate_hz=float(RATE)
)


def foreign(folder: Path) -> Path:
    rows = [f"{1000 * e:.1f},{a:.2f},x" for e, a in zip(ECG, ABP, strict=True)]
    return write(folder, ["kanal1,kanal2,note", *rows], "foreign.csv")


def test_a_mapping_beside_the_file_says_what_its_columns_are(tmp_path: Path) -> None:
    path = foreign(tmp_path)
    with pytest.raises(InputError, match="Data page"):
        read_record(path)
    save_mapping(path, MAPPED)
    assert load_mapping(path) == MAPPED
    record = read_record(path)
    np.testing.assert_allclose(record.values["ecg"][:, 0], ECG, atol=1e-4)
    assert [channel.name for m in ("ecg", "abp") for channel in record.channels[m]] == ["II", "Line"]
    assert rate_of(record) == pytest.approx(RATE)
    assert [ref.record_id for ref in open_folder(tmp_path).refs] == ["foreign"]


WRONG: dict[str, tuple[CsvMapping, str]] = {
    "no column": (replace(MAPPED, columns=()), "no column is a signal"),
    "one name twice": (replace(MAPPED, columns=MAPPED.columns[:1] * 2), "two signals of one name"),
    "unknown kind": (replace(MAPPED, columns=(CsvColumn("a", "eeg", "a"),)), "kind 'eeg'"),
    "unit of another kind": (replace(MAPPED, columns=(CsvColumn("a", "abp", "a", "mV"),)), "'mV'"),
    "pressure in arbitrary units": (replace(MAPPED, columns=(CsvColumn("a", "abp", "a", "NU"),)), "'NU'"),
    "rate and time": (replace(MAPPED, time="t"), "a time column and a rate"),
    "neither": (replace(MAPPED, rate_hz=None), "a time column and a rate"),
    "rate of a trend": (replace(MAPPED, rate_hz=1.0), "1 rows a second"),
    "no number": (replace(MAPPED, rate_hz=float("nan")), "nan rows a second"),
    "time is a signal": (replace(MAPPED, rate_hz=None, time="kanal1"), "as time and as a signal"),
    "time in fortnights": (replace(MAPPED, rate_hz=None, time="t", time_unit="fortnight"), "fortnight"),
}


@pytest.mark.parametrize(("mapping", "came"), WRONG.values(), ids=WRONG.keys())
def test_a_mapping_that_cannot_be_used_is_not_written(tmp_path: Path, mapping: CsvMapping, came: str) -> None:
    path = foreign(tmp_path)
    with pytest.raises(InputError) as error:
        save_mapping(path, mapping)
    assert came in error.value.came
    assert not mapping_path(path).exists()


@pytest.mark.parametrize(
    "stated",
    ["", "[]", "{}", '{"columns": 3}', '{"columns": [{"column": 1}], "rate_hz": 250}', '{"columns": [], "path": "/"}'],
)
def test_a_broken_mapping_is_one_message_and_the_record_stays_listed(tmp_path: Path, stated: str) -> None:
    path = foreign(tmp_path)
    mapping_path(path).write_text(stated)
    with pytest.raises(InputError) as error:
        read_record(path)
    assert error.value.source == str(mapping_path(path))
    assert [ref.record_id for ref in open_folder(tmp_path).refs] == ["foreign"]


def test_a_mapping_for_another_file_names_the_column_that_lacks(tmp_path: Path) -> None:
    path = foreign(tmp_path)
    mapping_path(path).write_text(
        json.dumps({"columns": [{"column": "x", "modality": "ecg", "channel": "II"}], "rate_hz": 250})
    )
    with pytest.raises(InputError, match="no column x"):
        read_record(path)


@pytest.mark.parametrize("modality", ["ecg", "abp", "ppg", "resp", "cvp"])
def test_every_unit_that_is_offered_can_be_used(tmp_path: Path, modality: str) -> None:
    for unit in units_of(modality):
        save_mapping(foreign(tmp_path), replace(MAPPED, columns=(CsvColumn("kanal1", modality, "x", unit),)))


def bidmc_like(folder: Path) -> Path:
    """Names, digits and neighbours as in BIDMC; simulated values."""
    rows = [f"{t:.5g},{e:.3f},{a:.3f}" for t, e, a in zip(TIMES, ECG, ABP, strict=True)]
    write(folder, ["breaths ann1 [signal sample no], breaths ann2 [signal sample no]", "18,17"], "x_01_Breaths.csv")
    write(folder, ["Time [s], HR, PULSE, RESP, SpO2", "-1,80,81,15,99", "0,81,900,NaN,98"], "x_01_Numerics.csv")
    write(folder, "x_01\nAge: 64\nGender: F\nLocation: micu\n", "x_01_Fix.txt")
    return write(folder, ["Time [s], II, ABP", *rows], "x_01_Signals.csv")


def test_what_stands_beside_the_signals_belongs_to_their_record(tmp_path: Path) -> None:
    path = bidmc_like(tmp_path)
    assert [(ref.record_id, ref.path.name) for ref in open_folder(tmp_path).refs] == [("x_01", path.name)]
    record = read_record(path)
    assert [channel.name for channel in record.channels["numerics"]] == ["HR", "PULSE", "RESP", "SpO2"]
    np.testing.assert_array_equal(record.values["numerics"], np.array([[80, 81, 15, 99], [81, np.nan, np.nan, 98]]))
    np.testing.assert_allclose(record.hours["numerics"] * 3600, [-1, 0])
    np.testing.assert_array_equal(record.values["admission"], np.array([[64, 0]]))
    assert any(item.startswith("breaths:") for item in said(record))
    assert any(item.startswith("Pulse rate: outside") for item in said(record))


def test_broken_neighbours_do_not_take_the_signals_with_them(tmp_path: Path) -> None:
    path = bidmc_like(tmp_path)
    write(tmp_path, b"\0\1\2", "x_01_Numerics.csv")
    record = read_record(path)
    assert set(record.values) == {"ecg", "abp", "admission"}
    assert any("numbers beside it cannot be used" in item for item in said(record))


def test_an_alarm_listed_beside_it_can_be_judged(tmp_path: Path) -> None:
    rate = 125
    rows = [f"{k / rate:.3f},{np.sin(k / 9):.3f}" for k in range(rate * 301)]
    write(tmp_path, ["time,II [mV]", *rows], "a1.csv")
    takes = {"icu_alarm": ("csv",)}
    ref = open_folder(tmp_path).find("a1")
    assert "no alarm" in str(examine(ref, takes).answers[0].problem)
    write(tmp_path, "a1,Asystole,1\n", "ALARMS")
    found = examine(open_folder(tmp_path).find("a1"), takes)
    assert found.usable
    assert found.alarm is not None
    assert found.alarm.kind == "Asystole"


def test_files_that_are_no_records_are_told_and_not_listed(tmp_path: Path) -> None:
    write(tmp_path, lines(), "good.csv")
    write(tmp_path, b"a,b\n1,2\n2,3\n", "table.csv")
    write(tmp_path, b"", "empty.csv")
    folder = open_folder(tmp_path)
    assert [ref.record_id for ref in folder.refs] == ["good"]
    assert {item.channel: item.what for item in folder.findings} == {
        "empty.csv": "not listed: an empty file",
        "table.csv": "not listed: name its columns on the Data page (CSV columns)",
    }


def test_a_look_at_a_file_leaves_nothing_that_hinders_the_end(tmp_path: Path) -> None:
    """A reader of blocks that is left half way brings the interpreter down when it ends."""
    path = write(tmp_path, lines() + lines()[1:] * 400)
    code = f"from pathlib import Path; from amfn.readers import csv_waves; csv_waves.look(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_first_rows_alone_can_be_read(tmp_path: Path) -> None:
    record = csv_waves.read(write(tmp_path, lines()), max_rows=100)
    np.testing.assert_allclose(record.values["ecg"][:, 0], ECG[:100], atol=1e-6)


@pytest.mark.parametrize("number", ["01", "06", "23", "41"])
def test_bidmc_opens_without_help(shared_dir: Path, tmp_path: Path, number: str) -> None:
    with tarfile.open(shared_dir / "data" / "bidmc" / "bidmc-4-patients.tar.xz") as packed:
        for member in packed.getmembers():
            if f"bidmc_{number}_" in member.name:
                member.name = Path(member.name).name
                packed.extract(member, tmp_path, filter="data")
    folder = open_folder(tmp_path)
    assert [ref.record_id for ref in folder.refs] == [f"bidmc_{number}"]
    record = read_record(folder.refs[0].path)
    assert rate_of(record) == pytest.approx(125)
    assert record.values["ecg"].shape[0] == 60_001
    assert {channel.unit for channel in record.channels["ecg"]} == {"NU"}
    assert record.values["numerics"].shape == (481, 4)
