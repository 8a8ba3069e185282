"""The readers on real data, where it lies beside the repository: a sample of each source."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
import wfdb

from amfn.readers import open_folder, read_record


def test_a_sample_of_the_alarm_records(shared_dir: Path) -> None:
    folder = open_folder(shared_dir / "data" / "challenge2015")
    assert len(folder.refs) == len(folder.labels) == len(folder.alarms) == 501
    for ref in folder.refs[::25]:
        record = read_record(ref.path)
        assert record.labels == folder.labels[ref.record_id]
        assert record.meta.alarm is not None
        assert record.present("ecg")
        original = wfdb.rdrecord(str(ref.path.with_suffix("")))
        for name, channels in record.channels.items():
            for column, channel in enumerate(channels):
                expected = original.p_signal[:, original.sig_name.index(channel.name)]
                inside = (expected >= channel.low) & (expected <= channel.high)
                np.testing.assert_array_equal(record.observed[name][:, column], inside)
                np.testing.assert_allclose(record.values[name][inside, column], expected[inside], rtol=1e-5, atol=1e-5)


def test_a_sample_of_the_icu_stays(shared_dir: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_dir / "data" / "challenge2012" / "set-a.tar.xz") as archive:
        members = []
        for member in archive:
            members.append(member)
            if sum(m.name.endswith(".txt") for m in members) == 21:
                break
        archive.extractall(tmp_path, members, filter="data")
    folder = open_folder(tmp_path)
    assert len(folder.refs) >= 20
    for ref in folder.refs:
        record = read_record(ref.path)
        assert record.values["admission"].shape == (1, 5)
        if "chart" in record.values:
            assert (np.diff(record.hours["chart"]) > 0).all()
        assert not any("unknown parameter" in finding.what for finding in record.meta.findings)


@pytest.mark.parametrize(
    ("path", "modalities", "seconds"),
    [
        ("03700181.hea", {"ecg", "abp", "resp"}, 600),
        ("041s/041s.hea", {"ecg", "abp", "ppg", "resp"}, 16),
        ("s25047/s25047-2704-05-04-10-44.hea", {"ecg", "abp"}, 4345.92),
    ],
)
def test_the_bedside_monitor_records(shared_dir: Path, path: str, modalities: set[str], seconds: float) -> None:
    record = read_record(shared_dir / "data" / "wfdb" / path)
    assert {name for name in record.values if record.present(name)} == modalities
    assert record.hours["ecg"][-1] * 3600 == pytest.approx(seconds - 1 / 125)
    assert record.meta.alarm is None


def test_a_folder_of_multi_segment_records_lists_masters_only(shared_dir: Path) -> None:
    refs = open_folder(shared_dir / "data" / "wfdb").refs
    assert [ref.record_id for ref in refs] == ["03700181", "041s", "s25047-2704-05-04-10-44"]
