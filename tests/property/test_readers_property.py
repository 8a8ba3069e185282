"""Whatever happens to a record's files: it is read, or there is one InputError. Nothing else comes out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amfn.readers import open_folder, read_record, wfdb_format
from amfn.types import InputError, Record
from tests.record_files import STAY, ramp, write_stay, write_wfdb

Mutation = Callable[[bytes], bytes]

WORDS = b"0 -1 nan inf 1e9 99999999999 / ../ ~ ( ) : +7 x4 , - # /mV /mmHg 212 516 80 II ABP 00:00 Age"
TOKENS = st.sampled_from([*WORDS.split(), b" ", b"\n", b"\r", b"\0", b"\xff", b"\xc2\x85"])


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """A few deletions, insertions and replacements at random places (as fractions of the file's length)."""
    places = st.floats(0, 1)
    edits = draw(st.lists(st.tuples(places, st.integers(0, 6), TOKENS | st.binary(max_size=4)), min_size=1, max_size=4))

    def apply(content: bytes) -> bytes:
        for place, length, new in edits:
            at = int(place * len(content))
            content = content[:at] + new + content[at + length :]
        return content

    return apply


def read_or_refuse(path: Path) -> None:
    with contextlib.suppress(InputError):
        check(read_record(path))


def check(record: Record) -> None:
    assert record.values
    for name, values in record.values.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(values), ~record.observed[name])
        assert (np.diff(record.hours[name]) > 0).all()
        for column, channel in enumerate(record.channels[name]):
            seen = values[record.observed[name][:, column], column]
            assert ((seen >= np.float32(channel.low)) & (seen <= np.float32(channel.high))).all()


relaxed = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutated length must not cost the memory that a day of signals may."""
    monkeypatch.setattr(wfdb_format, "MAX_VALUES", 1_000_000)


@relaxed
@given(mutate=mutations())
def test_a_mutated_header(tmp_path: Path, mutate: Mutation) -> None:
    path = write_wfdb(tmp_path, "r", ramp(3, 60), ["II", "ABP", "PAP"], ["mV", "mmHg", "mmHg"], comments=["Asystole"])
    path.write_bytes(mutate(path.read_bytes()))
    read_or_refuse(path)
    write_stay(tmp_path)
    assert {ref.record_id for ref in open_folder(tmp_path).refs} >= {"140001"}


@relaxed
@given(mutate=mutations(), fmt=st.sampled_from(["212", "516"]))
def test_a_mutated_signal_file(tmp_path: Path, mutate: Mutation, fmt: str) -> None:
    path = write_wfdb(tmp_path, "r", ramp(2, 60), fmt=fmt)
    path.with_suffix(".dat").write_bytes(mutate(path.with_suffix(".dat").read_bytes()))
    read_or_refuse(path)


@relaxed
@given(mutate=mutations(), which=st.sampled_from(["m", "m1"]))
def test_a_mutated_multi_segment_record(tmp_path: Path, mutate: Mutation, which: str) -> None:
    write_wfdb(tmp_path, "m1", ramp(2, 60))
    write_wfdb(tmp_path, "m2", ramp(2, 40))
    (tmp_path / "m.hea").write_text("m/3 2 250 130\nm1 60\n~ 30\nm2 40\n")
    path = tmp_path / f"{which}.hea"
    path.write_bytes(mutate(path.read_bytes()))
    read_or_refuse(tmp_path / "m.hea")


@relaxed
@given(mutate=mutations())
def test_a_mutated_stay(tmp_path: Path, mutate: Mutation) -> None:
    path = write_stay(tmp_path)
    path.write_bytes(mutate(STAY.encode()))
    read_or_refuse(path)


@relaxed
@given(content=st.binary(max_size=300), name=st.sampled_from(["r.hea", "140001.txt", "ALARMS", "Outcomes-a.txt"]))
def test_garbage_in_any_file(tmp_path: Path, content: bytes, name: str) -> None:
    write_stay(tmp_path)
    write_wfdb(tmp_path, "r", ramp(2, 60))
    (tmp_path / name).write_bytes(content)
    for ref in open_folder(tmp_path).refs:
        read_or_refuse(ref.path)
    (tmp_path / name).unlink()
