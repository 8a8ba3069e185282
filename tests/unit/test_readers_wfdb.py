"""WFDB records with known physical values: every format, several segments, several samples a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amfn.readers import read_record
from amfn.readers.channels import waveform_rule
from amfn.types import Finding, Record
from tests.record_files import RATE, ramp, write_wfdb


def findings(record: Record, channel: str) -> list[Finding]:
    return [finding for finding in record.meta.findings if finding.channel == channel]


@pytest.mark.parametrize("fmt", ["16", "212", "80", "24", "32", "516", "524"])
def test_every_format_gives_the_physical_values_that_were_written(tmp_path: Path, fmt: str) -> None:
    signals, gain = ramp(2), 100.0 if fmt == "80" else 1000.0
    signals = np.round(signals * gain) / gain
    record = read_record(write_wfdb(tmp_path, "r1", signals, fmt=fmt, gain=gain))
    assert (record.record_id, record.meta.format) == ("r1", "wfdb")
    assert record.values["ecg"].dtype == np.float32
    np.testing.assert_allclose(record.values["ecg"][:, 0], signals[:, 0], atol=1e-6)
    np.testing.assert_allclose(record.values["abp"][:, 0], signals[:, 1], atol=1e-6)
    np.testing.assert_array_equal(record.hours["ecg"], np.arange(500) / RATE / 3600)
    assert record.observed["ecg"].all()
    assert not record.meta.findings


@pytest.mark.parametrize("ask", ["r1.hea", "r1", "r1.dat"])
def test_a_record_is_found_by_header_stem_or_signal_file(tmp_path: Path, ask: str) -> None:
    write_wfdb(tmp_path, "r1", ramp(2))
    assert read_record(tmp_path / ask).record_id == "r1"


def test_a_mat_file_beside_its_header_is_read_from_its_offset(tmp_path: Path) -> None:
    (tmp_path / "m1.mat").write_bytes(b"\0" * 24 + np.array([100, -200, 300], "<i2").tobytes())
    (tmp_path / "m1.hea").write_text("m1 1 250 3\nm1.mat 16+24 1000(0)/mV 16 0 100 0 0 II\n")
    np.testing.assert_allclose(read_record(tmp_path / "m1.mat").values["ecg"][:, 0], [0.1, -0.2, 0.3], atol=1e-7)


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("II", "ecg"),
        ("V", "ecg"),
        ("MCL1", "ecg"),
        ("aVR", "ecg"),
        ("MLII", "ecg"),
        ("ECG lead II", "ecg"),
        ("ABP", "abp"),
        ("ART", "abp"),
        ("PLETH", "ppg"),
        ("Pleth R", "ppg"),
        ("PPG", "ppg"),
        ("RESP", "resp"),
    ],
)
def test_channel_names_map_to_modalities(name: str, modality: str) -> None:
    rule = waveform_rule(name)
    assert rule is not None
    assert rule.modality == modality


@pytest.mark.parametrize("name", ["PAP", "CVP", "ICP", "CO2", "VI2", "", "SpO2"])
def test_unknown_channel_names_map_to_none(name: str) -> None:
    assert waveform_rule(name) is None


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [("II", "uV", 1e-3), ("II", "V", 1e3), ("ABP", "kPa", 7.50062), ("ABP", "cmH2O", 0.735559), ("RESP", "Ohm", 1.0)],
)
def test_units_are_converted_in_the_reader(tmp_path: Path, name: str, unit: str, factor: float) -> None:
    scale = 0.01
    signals = ramp(1) * scale
    record = read_record(write_wfdb(tmp_path, "u", signals, [name], [unit], fmt="32", gain=1e5))
    (values,) = record.values.values()
    np.testing.assert_allclose(values[:, 0], signals[:, 0] * factor, rtol=1e-5, atol=1e-7)


def test_absent_channels_leave_no_modality_and_unknown_ones_a_finding(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path, "r", ramp(3), ["II", "PAP", "III"], ["mV", "mmHg", "mV"])
    path.write_text(path.read_text().replace("III", "II"))  # the library refuses to write a name twice
    record = read_record(path)
    assert set(record.values) == {"ecg"}
    assert [channel.name for channel in record.channels["ecg"]] == ["II", "II#2"]
    (finding,) = findings(record, "PAP")
    assert finding.severity == "warning"


def test_values_outside_the_limits_are_unobserved_and_counted(tmp_path: Path) -> None:
    signals = 80 + 10 * ramp(1)
    signals[10:14] = 900.0
    record = read_record(write_wfdb(tmp_path, "r", signals, ["ABP"], ["mmHg"], gain=10))
    assert np.isnan(record.values["abp"][10:14]).all()
    assert (~record.observed["abp"]).sum() == 4
    assert [(f.count, f.severity) for f in findings(record, "ABP")] == [(4, "warning")]


def test_an_empty_channel_stays_unobserved_beside_a_usable_one(tmp_path: Path) -> None:
    signals = ramp(2)
    signals[:, 1] = np.nan
    record = read_record(write_wfdb(tmp_path, "r", signals))
    assert record.present("ecg")
    assert not record.present("abp")
    assert any("no valid sample" in f.what and f.severity == "warning" for f in findings(record, "ABP"))


def test_a_flat_line_is_observed_and_remarked_on(tmp_path: Path) -> None:
    signals = ramp(2, 3000)
    signals[1000:2500, 0] = 0.25
    record = read_record(write_wfdb(tmp_path, "r", signals))
    assert record.observed["ecg"].all()
    (finding,) = findings(record, "II")
    assert "flat line" in finding.what
    assert 1500 <= finding.count <= 1501
    assert not findings(record, "ABP")


def test_missing_units_follow_the_standard_for_ecg_only(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path, "r", ramp(3), ["II", "PLETH", "RESP"], ["mV", "NU", "NU"])
    path.write_text(path.read_text().replace("/mV", "").replace("/NU", ""))
    record = read_record(path)
    assert [record.channels[m][0].unit for m in ("ecg", "ppg", "resp")] == ["mV", "NU", "NU"]
    assert all("no unit stated" in findings(record, name)[0].what for name in ("II", "PLETH", "RESP"))


def test_a_missing_gain_is_the_standard_200_and_remarked_on(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path, "r", ramp(1), ["II"], ["mV"])
    path.write_text(path.read_text().replace("1000.0(0)/mV", "0(0)/mV"))
    record = read_record(path)
    np.testing.assert_allclose(record.values["ecg"], ramp(1) * 1000 / 200, atol=1e-5)
    assert "uncalibrated" in findings(record, "II")[0].what


def test_frames_of_several_samples_are_averaged_without_their_invalid_ones(tmp_path: Path) -> None:
    samples = np.array([[1000, 3000, 50], [-32768, 500, 60], [-32768, -32768, 70]], "<i2")
    (tmp_path / "f.dat").write_bytes(samples.tobytes())
    (tmp_path / "f.hea").write_text(
        "f 2 125 3\nf.dat 16x2 1000(0)/mV 16 0 0 0 0 II\nf.dat 16 1(0)/mmHg 16 0 0 0 0 ABP\n"
    )
    record = read_record(tmp_path / "f")
    np.testing.assert_allclose(record.values["ecg"][:, 0], [2.0, 0.5, np.nan])
    np.testing.assert_allclose(record.values["abp"][:, 0], [50, 60, 70])
    assert record.hours["ecg"][1] == pytest.approx(1 / 125 / 3600)


def test_skewed_signals_are_aligned(tmp_path: Path) -> None:
    samples = np.stack([np.arange(6), np.arange(6) * 10, np.arange(6) * 10], axis=1).astype("<i2")
    (tmp_path / "s.dat").write_bytes(samples.tobytes())
    lines = ["s 3 125 6", "s.dat 16 1000(0)/mV 16 0 0 0 0 II"]
    lines += [f"s.dat 16:{skew} 1(0)/mmHg 16 0 0 0 0 ABP" for skew in (1, 4)]
    (tmp_path / "s.hea").write_text("\n".join(lines))
    values = read_record(tmp_path / "s").values["abp"]
    np.testing.assert_allclose(values[:, 0], [10, 20, 30, 40, 50, np.nan])
    np.testing.assert_allclose(values[:, 1], [40, 50, np.nan, np.nan, np.nan, np.nan])


def test_segments_join_on_one_time_axis_with_gaps_unobserved(tmp_path: Path) -> None:
    first, second = ramp(2, 300), ramp(1, 200)
    write_wfdb(tmp_path, "m_0001", first)
    write_wfdb(tmp_path, "m_0002", second, ["II"], ["mV"])
    (tmp_path / "m_layout.hea").write_text("m_layout 2 250 0\n~ 0 1/mV 0 0 0 0 0 II\n~ 0 1/mmHg 0 0 0 0 0 ABP\n")
    (tmp_path / "m.hea").write_text("m/4 2 250 600 10:44:18.5 04/05/2104\nm_layout 0\nm_0001 300\n~ 100\nm_0002 200\n")
    record = read_record(tmp_path / "m.hea")
    expected = np.concatenate([first[:, 0], np.full(100, np.nan), second[:, 0]])
    np.testing.assert_allclose(record.values["ecg"][:, 0], expected, atol=1e-6)
    np.testing.assert_allclose(record.values["abp"][:300, 0], first[:, 1], atol=1e-6)
    assert not record.observed["abp"][300:].any()
    assert record.meta.start == "2104-05-04T10:44:18.500000"
    assert findings(record, "record")[0].count == 100


def test_a_fixed_layout_of_two_segments(tmp_path: Path) -> None:
    whole = ramp(2, 400)
    write_wfdb(tmp_path, "a1", whole[:150])
    write_wfdb(tmp_path, "a2", whole[150:])
    (tmp_path / "a.hea").write_text("a/2 2 250 400\na1 150\na2 250\n")
    np.testing.assert_allclose(read_record(tmp_path / "a").values["ecg"][:, 0], whole[:, 0], atol=1e-6)


def test_header_comments_give_alarm_and_label(tmp_path: Path) -> None:
    long = ramp(2, 300 * RATE)
    path = write_wfdb(tmp_path, "a103l", long, comments=["Asystole", "False alarm"])
    record = read_record(path)
    assert record.meta.alarm is not None
    assert record.meta.alarm.kind == "Asystole"
    assert record.meta.alarm.hours * 3600 == pytest.approx(300)
    assert record.labels == {"true_alarm": 0.0}
    assert not record.meta.findings


def test_an_alarms_file_speaks_where_the_header_does_not(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path, "b1", ramp(2))
    assert read_record(path).meta.alarm is None
    (tmp_path / "ALARMS").write_text("b1,Bradycardia,1\n")
    record = read_record(path)
    assert record.meta.alarm is not None
    assert record.meta.alarm.kind == "Bradycardia"
    assert record.labels == {"true_alarm": 1.0}
    assert any("ends before its alarm" in f.what for f in findings(record, "alarm"))


def test_header_and_alarms_that_disagree_are_remarked_on(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path, "b1", ramp(2), comments=["Asystole", "True alarm"])
    (tmp_path / "ALARMS").write_text("b1,Bradycardia,0\n")
    record = read_record(path)
    assert record.labels == {"true_alarm": 1.0}
    assert any("disagree" in f.what for f in findings(record, "alarm"))
