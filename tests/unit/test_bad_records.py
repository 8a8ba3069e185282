"""Bad input: each is one InputError that names the file, what came, what was expected and how to mend it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from amfn.readers import read_record
from amfn.types import InputError
from tests.record_files import STAY, ramp, write_stay, write_wfdb

Spoil = Callable[[Path], object]


def edit(old: str, new: str) -> Spoil:
    def change(header: Path) -> None:
        text = header.read_text()
        assert old in text
        header.write_text(text.replace(old, new))

    return change


def put(content: bytes, suffix: str = ".hea") -> Spoil:
    return lambda header: header.with_suffix(suffix).write_bytes(content)


SPOILT_WFDB: dict[str, tuple[Spoil, str]] = {
    "truncated": (put(b"\0" * 99, ".dat"), "truncated: 99 bytes"),
    "empty signal file": (put(b"", ".dat"), "truncated: 0 bytes"),
    "missing signal file": (lambda header: header.with_suffix(".dat").unlink(), "r.dat is missing"),
    "parent folder": (edit("r.dat 16 1000.0(0)/mV", "../r.dat 16 1000.0(0)/mV"), "outside its folder"),
    "absolute path": (edit("r.dat 16 1000.0(0)/mV", "/etc/passwd 16 1000.0(0)/mV"), "outside its folder"),
    "remote path": (edit("r.dat 16 1000.0(0)/mV", "http://x/r.dat 16 1000.0(0)/mV"), "outside its folder"),
    "segment in parent folder": (put(b"r/1 2 250 500\n../r1 500\n"), "outside its folder"),
    "missing segment": (put(b"r/1 2 250 500\nr1 500\n"), "segment header r1.hea is missing"),
    "segments of another length": (put(b"r/2 2 250 500\n~ 300\n~ 100\n"), "segments of 400 samples"),
    "a segment of itself": (put(b"r/1 2 250 500\nr 500\n"), "segments"),
    "wrong unit": (edit("/mmHg", "/mV"), "channel ABP is in 'mV'"),
    "wrong unit of an ECG": (edit("/mV", "/mmHg"), "channel II is in 'mmHg'"),
    "missing unit of a pressure": (edit("/mmHg", ""), "channel ABP states no unit"),
    "zero length": (edit(" 250 500", " 250 0"), "zero samples"),
    "rate of zero": (edit(" 250 500", " 0 500"), "sampling rate of '0'"),
    "rate below zero": (edit(" 250 500", " -250 500"), "sampling rate of '-250'"),
    "rate not a number": (edit(" 250 500", " nan 500"), "sampling rate of 'nan'"),
    "rate beyond reason": (edit(" 250 500", " 1e5 500"), "sampling rate of '1e5'"),
    "rate of a trend": (edit(" 250 500", " 1 500"), "sampling rate of '1'"),
    "no rate": (edit(" 250 500", ""), "no sampling rate"),
    "no known channel": (
        lambda h: h.write_text(h.read_text().replace(" II", " CVP").replace(" ABP", " ICP")),
        "CVP, ICP",
    ),
    "unknown format": (edit(" 16 1000.0", " 99 1000.0"), "signal format 99"),
    "absurd gain": (edit("1000.0(0)/mV", "1e300(0)/mV"), "a gain of"),
    "too many samples": (edit(" 250 500", " 250 999999999999"), "at most 200,000,000"),
    "fewer signals than stated": (edit("r 2 250", "r 3 250"), "2 lines"),
    "binary garbage": (put(bytes(range(256)) * 4), "binary content"),
    "empty header": (put(b""), "no record line"),
    "another encoding": (edit("mV", "µV"), "non-ASCII"),
    "UTF-16": (lambda header: header.write_bytes(header.read_text().encode("utf-16")), "binary content|first line"),
    "not FLAC": (edit(" 16 1000.0", " 516 1000.0"), "cannot be decoded"),
}


@pytest.mark.parametrize("case", sorted(SPOILT_WFDB))
def test_a_spoilt_wfdb_record_is_one_clear_error(tmp_path: Path, case: str) -> None:
    spoil, message = SPOILT_WFDB[case]
    header = write_wfdb(tmp_path, "r", ramp(2))
    read_record(header)
    spoil(header)
    with pytest.raises(InputError, match=message) as caught:
        read_record(header)
    assert "r." in Path(caught.value.source).name
    assert caught.value.expected
    assert caught.value.mend.endswith((".", "?"))


def test_a_record_whose_channels_are_all_empty_is_an_error(tmp_path: Path) -> None:
    signals = np.full((500, 2), np.nan)
    path = write_wfdb(tmp_path, "r", signals)
    with pytest.raises(InputError, match="every channel is empty"):
        read_record(path)


def test_a_truncated_flac_file_is_an_error(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path, "r", np.random.default_rng(0).uniform(-1, 1, (5000, 2)), fmt="516")
    data = path.with_suffix(".dat").read_bytes()
    path.with_suffix(".dat").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"r\.dat: truncated or damaged") as said:
        read_record(path)
    assert "Error" not in str(said.value)  # plain words, not the library's


def test_nothing_is_opened_where_a_header_points_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wfdb(tmp_path, "r", ramp(2))
    edit("r.dat", "../r.dat")(path)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"opened {args}")

    monkeypatch.setattr("fsspec.open", refuse)
    with pytest.raises(InputError, match="outside its folder"):
        read_record(path)


def test_a_path_that_reads_as_a_remote_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "x::http:"
    folder.mkdir()
    with pytest.raises(InputError, match="plain local path"):
        read_record(write_wfdb(folder, "r", ramp(2)))


def test_a_link_that_leads_outside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    path = write_wfdb(tmp_path / "real", "r", ramp(2))
    for suffix in (".hea", ".dat"):
        os.symlink(path.with_suffix(suffix), tmp_path / "links" / f"r{suffix}")
    assert read_record(tmp_path / "links" / "r").present("ecg")


BAD_ROWS = {
    "three columns only": "02:00,HR\n",
    "no time": "later,HR,70\n",
    "a negative time": "-02:00,HR,70\n",
    "75 minutes": "02:75,HR,70\n",
    "words": "02:00,HR,high\n",
    "nan": "02:00,HR,nan\n",
    "infinity": "02:00,HR,1e999\n",
    "an unknown parameter": "02:00,Mood,3\n",
}


@pytest.mark.parametrize("row", BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_dropped_and_counted_with_its_line(tmp_path: Path, row: str) -> None:
    clean = read_record(write_stay(tmp_path))
    record = read_record(write_stay(tmp_path, text=STAY + row + row))
    np.testing.assert_array_equal(record.values["chart"], clean.values["chart"])
    (finding,) = [f for f in record.meta.findings if "dropped" in f.what]
    assert (finding.count, finding.severity) == (2, "warning")
    assert "line 12" in finding.what


def test_a_descriptor_stated_twice_and_a_name_that_disagrees_are_remarked_on(tmp_path: Path) -> None:
    record = read_record(write_stay(tmp_path, "140009", STAY + "00:00,Age,99\n"))
    assert record.record_id == "140009"
    assert record.values["admission"][0, 0] == 54
    assert {finding.channel for finding in record.meta.findings} >= {"Age", "RecordID"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"time;name;value\n", "first line"),
        (b"Time,Parameter,Value\n", "no usable row"),
        (b"Time,Parameter,Value\nx,y,z\n", "no usable row"),
        (b"Time,Parameter,Value\n00:00,Age,\xff\xfe\n", "not text"),
        (bytes(range(256)), "not text"),
        (STAY.encode("utf-16"), "not text"),
    ],
)
def test_a_text_file_that_is_no_stay_is_one_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "140001.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_record(path)
    assert caught.value.source == str(path)


def test_paths_that_are_no_record(tmp_path: Path) -> None:
    write_stay(tmp_path, "140001")
    (tmp_path / "image.png").touch()
    for path, message in (
        (tmp_path, "a folder"),
        (tmp_path / "image.png", "unknown format .png"),
        (tmp_path / "14001.txt", "Did you mean 140001.txt"),
        (tmp_path / "no" / "way.hea", "nothing there"),
        (tmp_path / ("x" * 5000), "Expected"),
        (tmp_path / "a\0b", "Expected"),
        (Path("/"), "a folder"),
        (Path(""), "a folder"),
    ):
        with pytest.raises(InputError, match=message):
            read_record(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file: a refusal cannot be provoked")
def test_a_signal_file_without_permission_says_so(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path, "r", ramp(2))
    path.with_suffix(".dat").chmod(0)
    with pytest.raises(InputError, match="no permission"):
        read_record(path)
