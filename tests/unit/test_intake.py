"""Uploads: what is let in, what is refused with one message, and that a refused one leaves nothing behind."""

from __future__ import annotations

import io
import stat
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.examining import examine
from amfn.intake import Intake, Limits, Upload, count_members, safe_name, unpack
from amfn.readers import open_folder
from amfn.types import InputError
from tests.record_files import STAY, write_stay, write_wfdb

MB = 1_000_000


def upload(name: str, content: bytes) -> Upload:
    return Upload(name, io.BytesIO(content))


def packed(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def names(intake: Intake) -> list[str]:
    return sorted(path.relative_to(intake.folder).as_posix() for path in intake.folder.rglob("*") if path.is_file())


def test_files_and_zips_come_into_one_folder_of_the_user_alone(tmp_path: Path) -> None:
    zipped = packed(("ward/day/a.hea", b"1"), ("ward/day/a.dat", b"2"), ("ward/b.txt", b"3"))
    intake = unpack([upload("c.csv", b"4"), upload("some.zip", zipped)], tmp_path / "in")
    assert list(intake.files) == names(intake) == ["b.txt", "c.csv", "day/a.dat", "day/a.hea"]
    assert (intake.folder / "day" / "a.dat").read_bytes() == b"2"
    assert intake.size == 4
    assert stat.S_IMODE(intake.folder.stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_second_upload_takes_the_place_of_the_first(tmp_path: Path) -> None:
    unpack([upload("a.txt", b"1")], tmp_path / "in")
    assert names(unpack([upload("b.txt", b"2")], tmp_path / "in")) == ["b.txt"]


def special(kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


def encrypted() -> bytes:
    content = bytearray(packed(("a.txt", b"secret"), method=zipfile.ZIP_STORED))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def overlapping() -> bytes:
    """A directory of many members that all stand on the same packed bytes."""
    single = packed(("a", np.random.default_rng(0).integers(0, 64, 900_000, np.uint8).tobytes()))
    end = single.rindex(b"PK\x05\x06")
    directory = single[single.rindex(b"PK\x01\x02") : end]
    many = b"".join(directory[:-1] + bytes([97 + k % 26]) for k in range(26))
    many = many * 4
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 104, 104, len(many), end - len(directory), 0)
    return single[: end - len(directory)] + many + tail


BAD: dict[str, tuple[bytes, str]] = {
    "parent folder": (packed(("../evil.txt", b"x"), ("a.hea", b"y")), "outside the archive's own folder"),
    "parent folder further in": (packed(("a/../../evil.txt", b"x")), "outside the archive's own folder"),
    "parent folder the other way": (packed(("..\\evil.txt", b"x")), "outside the archive's own folder"),
    "absolute path": (packed(("/etc/evil.txt", b"x")), "outside the archive's own folder"),
    "drive letter": (packed(("C:\\evil.txt", b"x")), "outside the archive's own folder"),
    "symbolic link": (packed((special(stat.S_IFLNK), b"/etc/passwd")), "a symbolic link"),
    "device": (packed((special(stat.S_IFCHR), b"")), "a special file"),
    "pipe": (packed((special(stat.S_IFIFO), b"")), "a special file"),
    "encrypted": (encrypted(), "an encrypted archive"),
    "bomb": (packed(("a.dat", b"\0" * 20 * MB)), "packed more tightly than 100 to 1"),
    "cut off": (packed(("a.dat", bytes(9999)))[:-30], "a damaged archive"),
    "spoilt inside": (packed(("a.txt", b"spoil me"), method=0).replace(b"spoil", b"spilt", 1), "a damaged archive"),
    "a zip by name only": (b"no zip at all", "a damaged archive"),
    "too large once unpacked": (packed(("a", bytes(range(256)) * 40_000), method=0), "more than 5 MB once unpacked"),
}


@pytest.mark.parametrize(("content", "came"), BAD.values(), ids=BAD.keys())
def test_a_bad_archive_is_refused_and_leaves_nothing_behind(tmp_path: Path, content: bytes, came: str) -> None:
    limits = Limits(upload=50 * MB, unpacked=5 * MB) if "once" in came else Limits()
    before = unpack([upload("kept.txt", b"1")], tmp_path / "in")
    with pytest.raises(InputError) as error:
        unpack([upload("good.txt", b"2"), upload("bad.zip", content)], tmp_path / "in", limits)
    assert came in error.value.came
    assert error.value.mend
    assert str(tmp_path) not in str(error.value)
    assert names(before) == ["kept.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert not (tmp_path / "evil.txt").exists()


def test_an_archive_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file in it"):
        unpack([upload("empty.zip", packed())], tmp_path / "in")
    assert not list(tmp_path.iterdir())


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """Fifield 2019: each member is harmless by itself, and all together fill the disk."""
    with pytest.raises(InputError, match="a damaged archive"):
        unpack([upload("shared.zip", overlapping())], tmp_path / "in")
    assert not list(tmp_path.iterdir())


def test_too_many_files_are_refused_without_walking_through_them(tmp_path: Path) -> None:
    """A directory of a million entries, which claims to hold one."""
    entry = packed(("a", b""), method=0)
    directory = entry[entry.index(b"PK\x01\x02") : entry.index(b"PK\x05\x06")]
    many = directory * 1_000_000
    for claimed in (1, 0xFFFF):
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, claimed, claimed, len(many), 0, 0)
        started = time.process_time()
        with pytest.raises(InputError, match="more than 10,000 files"):
            unpack([upload("million.zip", many + end)], tmp_path / "in")
        assert time.process_time() - started < 1.5, "zipfile alone takes several seconds for such a directory"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 9, 10, 11])
def test_the_count_is_what_zipfile_finds(count: int) -> None:
    content = packed(*[(f"{k}.txt", b"x") for k in range(count)]) + b""
    if count > 10:
        with pytest.raises(InputError, match="at most 10"):
            count_members(upload("x.zip", content), 10)
    else:
        assert count_members(upload("x.zip", content), 10) == count


def test_the_upload_itself_has_a_limit(tmp_path: Path) -> None:
    files = [upload("a.txt", bytes(600)), upload("b.txt", bytes(600))]
    with pytest.raises(InputError, match="Bring fewer records"):
        unpack(files, tmp_path / "in", Limits(upload=1000))
    assert not list(tmp_path.iterdir())


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    zipped = packed(
        ("a.txt", b"1"),
        ("inner.zip", packed(("b.txt", b"2"))),
        ("photo.docx", packed(("c.txt", b"3"))),
        ("__MACOSX/a.txt", b"4"),
        (".hidden", b"5"),
        ("1/2/3/deep.txt", b"6"),
        ("twice.txt", b"7"),
    )
    intake = unpack([upload("x.zip", zipped), upload("twice.txt", b"8")], tmp_path / "in")
    assert names(intake) == ["1/2/3/deep.txt", "a.txt", "twice.txt"]
    assert (intake.folder / "twice.txt").read_bytes() == b"7"
    said = {item.channel: (item.what, item.count) for item in intake.findings}
    assert said["inner.zip"] == said["photo.docx"] == ("a zip inside the zip: not opened", 1)
    assert said["archive"][1] == 2
    assert "not looked for" in said["deep.txt"][0]
    assert "the first is kept" in said["twice.txt"][0]


@given(st.text(max_size=300))
def test_any_name_becomes_the_name_of_a_file_in_the_folder(name: str) -> None:
    safe = safe_name(name)
    assert safe not in {"", ".", ".."}
    assert not safe.startswith(".")
    assert len(safe) <= 120
    assert Path("/in", safe).parent == Path("/in")
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    ("given_name", "kept"), [("../../a1.hea", "a1.hea"), ("C:\\x\\a1.dat", "a1.dat"), ("a:b?.csv", "a_b_.csv")]
)
def test_a_name_keeps_what_a_header_needs(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


TAKES = {"icu_mortality": ("challenge2012",), "icu_alarm": ("wfdb",)}


def alarm_record(folder: Path, seconds: int = 301, comments: tuple[str, ...] = ("Asystole",)) -> Path:
    t = np.arange(250 * seconds) / 250
    signals = np.column_stack([np.round(np.sin(7 * t), 3), np.round(90 + 20 * np.sin(7 * t), 2)])
    return write_wfdb(folder, "r1", signals, comments=comments, gain=100.0)


def test_an_examined_record_says_what_it_is_and_what_it_can_answer(tmp_path: Path) -> None:
    alarm_record(tmp_path)
    write_stay(tmp_path, text=STAY)
    waves, stay = (examine(open_folder(tmp_path).find(name), TAKES) for name in ("r1", "140001"))
    assert [(part.name, part.channels, part.units) for part in waves.parts] == [
        ("ecg", ("II",), ("mV",)),
        ("abp", ("ABP",), ("mmHg",)),
    ]
    assert waves.parts[0].rate_hz == pytest.approx(250)
    assert waves.seconds == pytest.approx(301, abs=0.01)
    assert (waves.usable, waves.has_signals) == (True, True)
    assert [(answer.task, answer.problem) for answer in stay.answers] == [("icu_mortality", None)]
    assert not stay.has_signals
    assert {part.name: part.rate_hz for part in stay.parts} == {"admission": None, "chart": None}


def without_alarm(folder: Path) -> None:
    alarm_record(folder, comments=())


def too_short(folder: Path) -> None:
    alarm_record(folder, seconds=2)


def truncated(folder: Path) -> None:
    alarm_record(folder).with_suffix(".dat").write_bytes(b"\0" * 9)


@pytest.mark.parametrize(
    ("make", "why"), [(without_alarm, "no alarm"), (too_short, "0.0 s of signal"), (truncated, "truncated")]
)
def test_an_examined_record_says_why_it_cannot(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path)
    found = examine(open_folder(tmp_path).find("r1"), TAKES)
    problem = found.problem or found.answers[0].problem
    assert problem is not None
    assert why in problem.came
    assert not found.usable
