"""Reading windows of long records, and drawing them with few points without losing an extreme."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st

from amfn.readers import read_record
from amfn.types import Channel, InputError, Record, RecordMeta
from amfn.waves import WaveSource, open_waves
from amfn.waves.pyramid import BLOCKS
from amfn.waves.source import SHORT_S
from benchmarks.long_record import INVALID, write_long_record
from tests.record_files import RATE, ramp, write_wfdb

SLOW = 20.0
HOUR = 3600.0


def record_of(values: np.ndarray, rate: float = SLOW, modality: str = "ppg") -> Record:
    """f32[T, C] in memory as a record of one modality."""
    steps, width = values.shape
    channels = tuple(Channel(f"P{k}", "NU", -1e5, 1e5) for k in range(width))
    return Record(
        "made",
        "made here",
        {modality: channels},
        {modality: values.astype(np.float32)},
        {modality: ~np.isnan(values)},
        {modality: np.arange(steps) / rate / 3600},
        {},
        RecordMeta("made"),
    )


def an_hour(seed: int = 3, gaps: int = 6) -> np.ndarray:
    """f32[72000, 1]: noise with gaps of up to two minutes."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(round(HOUR * SLOW), 1)).astype(np.float32)
    for _ in range(gaps):
        at = draw.integers(len(x))
        x[at : at + draw.integers(1, 2400)] = np.nan
    return x


def as_read(path: Path) -> tuple[WaveSource, dict[str, np.ndarray]]:
    """The opened record, and its whole leads as `read_record` gives them."""
    record = read_record(path)
    whole = {
        channel.name: record.values[m][:, c] for m in record.values for c, channel in enumerate(record.channels[m])
    }
    return open_waves(path), whole


def assert_same_windows(source: WaveSource, whole: dict[str, np.ndarray], seed: int = 0) -> None:
    draw = np.random.default_rng(seed)
    compared = 0
    for k, lead in enumerate(source.leads):
        if lead.modality == "other":
            continue
        expected = whole[lead.name]
        spans = [(0, len(expected)), *(sorted(draw.integers(0, len(expected) + 1, 2)) for _ in range(12))]
        for first, last in spans:
            samples = source.read(k, first / lead.rate_hz, last / lead.rate_hz)
            np.testing.assert_array_equal(samples.values, expected[first:last])
            assert samples.x0_s == pytest.approx(first / lead.rate_hz)
        compared += 1
    assert compared == len(whole)


@pytest.mark.parametrize("fmt", ["16", "24", "32", "80", "212", "508", "516", "524"])
def test_a_window_is_the_same_piece_of_the_whole_record(tmp_path: Path, fmt: str) -> None:
    signals = ramp(2, 1237)
    signals[200:260, 1] = np.nan
    path = write_wfdb(tmp_path, "w", signals, fmt=fmt, gain=100.0 if fmt in {"80", "508"} else 500.0)
    assert_same_windows(*as_read(path))


@pytest.mark.parametrize(("fmt", "size"), [("61", 2.0), ("160", 2.0), ("310", 4 / 3), ("311", 4 / 3), ("212", 1.5)])
def test_formats_that_others_write(tmp_path: Path, fmt: str, size: float) -> None:
    np.random.default_rng(0).integers(0, 256, round(2 * 1200 * size), np.uint8).tofile(tmp_path / "b.dat")
    lines = [f"b.dat {fmt} 4000(5)/mV 16 0 0 0 0 {name}" for name in ("II", "V")]
    (tmp_path / "b.hea").write_text("\n".join(["b 2 250 1200", *lines]) + "\n")
    assert_same_windows(*as_read(tmp_path / "b.hea"))


def test_differences_are_summed_from_the_beginning(tmp_path: Path) -> None:
    steps = np.random.default_rng(1).integers(-3, 4, (500, 1)).astype(np.int8)
    steps.tofile(tmp_path / "d.dat")
    (tmp_path / "d.hea").write_text("d 1 250 500\nd.dat 8 200/mV 12 0 0 0 0 II\n")
    assert_same_windows(*as_read(tmp_path / "d.hea"))


def test_units_limits_skew_frames_and_turned_gains_are_those_of_the_reader(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    draw.integers(-9000, 9000, (600, 3), dtype=np.int16).tofile(tmp_path / "a.dat")
    draw.integers(-900, 900, (600, 5), dtype=np.int16).tofile(tmp_path / "b.dat")
    draw.integers(-900, 900, (600, 2), dtype=np.int16).tofile(tmp_path / "c.dat")
    head = {
        "a": [
            "a.dat 16 -200(7)/uV 16 0 0 0 0 II",
            "a.dat 16 10/kPa 16 0 0 0 0 ABP",
            "a.dat 16 20(3)/mmHg 16 0 0 0 0 ART",
        ],
        "b": ["b.dat 16x4 200/mV 16 0 0 0 0 II", "b.dat 16 200/NU 16 0 0 0 0 RESP"],
        "c": ["c.dat 16:9 200/mV 16 0 0 0 0 II", "c.dat 16 200/NU 16 0 0 0 0 PLETH"],
    }
    for name, lines in head.items():
        (tmp_path / f"{name}.hea").write_text("\n".join([f"{name} {len(lines)} 250 600", *lines]) + "\n")
        source, whole = as_read(tmp_path / f"{name}.hea")
        assert_same_windows(source, whole)
    assert np.isnan(as_read(tmp_path / "a.hea")[1]["ABP"]).any(), "some pressures must lie outside the limits"


def write_segments(folder: Path) -> Path:
    """Ten seconds, four of nothing, six of other leads; a lead of unknown kind in the first."""
    write_wfdb(folder, "s1", ramp(3, 2500), ("II", "ABP", "CVP"), ("mV", "mmHg", "mmHg"))
    write_wfdb(folder, "s2", ramp(2, 1500), ("PLETH", "II"), ("NU", "mV"), gain=500.0)
    master = folder / "multi.hea"
    master.write_text("multi/3 4 250 5000\ns1 2500\n~ 1000\ns2 1500\n")
    return master


def test_segments_lie_on_one_time_axis_and_what_is_absent_is_nan(tmp_path: Path) -> None:
    source, whole = as_read(write_segments(tmp_path))
    assert_same_windows(source, whole)
    assert [lead.modality for lead in source.leads] == ["ecg", "abp", "ppg", "other"]
    assert [lead.title for lead in source.leads] == ["ECG II", "ABP", "PLETH", "CVP"]
    assert source.duration_s == 20.0
    assert np.isnan(source.read(0, 10, 14).values).all()
    assert np.isnan(source.read(1, 9, 20).values[RATE:]).all()
    cvp = source.read(3, 0, 20).values
    np.testing.assert_allclose(cvp[:2500], ramp(3, 2500)[:, 2], atol=1e-6)
    assert source.leads[3].unit == "mmHg"


def test_opening_reads_no_sample(tmp_path: Path) -> None:
    """A record whose samples are damaged opens; reading them is what fails, with one message."""
    path = write_wfdb(tmp_path, "f", ramp(1, 5000), ("II",), ("mV",), fmt="516")
    file = path.with_suffix(".dat")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    source = open_waves(path)
    with pytest.raises(InputError, match="cannot be decoded"):
        source.read(0, 0, 20)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("x 1 250 600\nx.dat 16 200/mV 16 0 0 0 0 II\n", "truncated"),
        ("x 1 250 500\ny.dat 16 200/mV 16 0 0 0 0 II\n", "missing"),
        ("x 1 250 0\nx.dat 16 200/mV 16 0 0 0 0 II\n", "zero samples"),
        ("x 1 250 500\nx.dat 16 200/kg 16 0 0 0 0 II\n", "'kg'"),
        ("x/1 1 250 500\nx2 500\n", "segment header"),
        ("x/1 1 250 500\n~ 500\n", "no signal"),
    ],
)
def test_what_cannot_be_used_is_said_on_opening(tmp_path: Path, header: str, says: str) -> None:
    np.zeros(500, np.int16).tofile(tmp_path / "x.dat")
    (tmp_path / "x.hea").write_text(header)
    with pytest.raises(InputError, match=says):
        open_waves(tmp_path / "x.hea")


def test_a_window_outside_the_record_is_empty_and_one_across_its_ends_is_cut(tmp_path: Path) -> None:
    source = open_waves(write_wfdb(tmp_path, "w", ramp(2, 500)))
    assert len(source.read(0, 5, 9).values) == 0
    assert len(source.read(0, -3, -1).values) == 0
    assert len(source.read(0, 1, 0).values) == 0
    cut = source.read(0, -1, 9)
    assert (cut.x0_s, len(cut.values)) == (0.0, 500)
    assert len(source.view(0, 5, 9, 100).x) == 0


def test_a_few_samples_are_drawn_as_they_are(tmp_path: Path) -> None:
    source = open_waves(write_wfdb(tmp_path, "w", ramp(2, 500)))
    points, samples = source.view(0, 0.4, 1.2, 1000), source.read(0, 0.4, 1.2)
    np.testing.assert_array_equal(points.y, samples.values)
    np.testing.assert_allclose(points.x, samples.seconds)


@given(start=st.floats(0, HOUR), length=st.floats(0.1, HOUR), points=st.integers(4, 400), seed=st.integers(0, 4))
def test_no_extreme_of_a_window_is_lost(start: float, length: float, points: int, seed: int) -> None:
    """Against brute force: the drawn window has the smallest and the largest sample of the window, bit for bit, at no
    other time than the window's."""
    source = SOURCES[seed]
    expected = source.read(0, start, start + length).values
    drawn = source.view(0, start, start + length, points)
    assert len(drawn.x) == len(drawn.y) <= max(points, 4)
    if np.isnan(expected).all():
        assert np.isnan(drawn.y).all()
        return
    assert np.nanmin(drawn.y) == np.nanmin(expected)
    assert np.nanmax(drawn.y) == np.nanmax(expected)
    assert (np.diff(drawn.x) >= 0).all()
    assert drawn.x[0] >= start - 1e-6
    assert drawn.x[-1] < min(start + length, HOUR)


SOURCES = [WaveSource.of(record_of(an_hour(seed, gaps=3 * seed))) for seed in range(5)]


@given(at=st.integers(0, round(HOUR * SLOW) - 1), sign=st.sampled_from([-1.0, 1.0]), points=st.integers(4, 2000))
def test_a_spike_of_one_sample_is_seen_from_afar(at: int, sign: float, points: int) -> None:
    x = np.zeros((round(HOUR * SLOW), 1), np.float32)
    x[at] = 77.0 * sign
    drawn = WaveSource.of(record_of(x)).overview(0, points)
    found = np.flatnonzero(drawn.y)
    assert drawn.y[found].tolist() == [77.0 * sign]
    assert drawn.x[found[0]] == pytest.approx(at / SLOW, abs=max(BLOCKS) / SLOW)


def test_a_gap_is_a_gap_from_afar_and_a_lost_sample_is_not() -> None:
    x = np.sin(np.arange(round(HOUR * SLOW)))[:, None].astype(np.float32)
    x[24000:36000] = np.nan  # from 20 to 30 minutes
    x[5000] = np.nan
    drawn = WaveSource.of(record_of(x)).overview(0, 300)
    block = BLOCKS[0] / SLOW
    inside = (drawn.x > 1200 + block) & (drawn.x < 1800 - block)
    assert np.isnan(drawn.y[inside]).all()
    assert inside.any()
    assert not np.isnan(drawn.y[(drawn.x < 1200 - block) | (drawn.x > 1800 + block)]).any()


def test_a_lead_without_a_sample_is_drawn_as_nothing() -> None:
    x = np.hstack([an_hour(), np.full((round(HOUR * SLOW), 1), np.nan)])
    drawn = WaveSource.of(record_of(x)).overview(1, 300)
    assert len(drawn.y) > 0
    assert np.isnan(drawn.y).all()


def test_building_tells_its_progress_and_is_done_once(tmp_path: Path) -> None:
    source = open_waves(write_long_record(tmp_path, hours=0.5))
    shares: list[float] = []
    assert source.long
    assert not source.built
    source.build(shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert source.built
    source.build(lambda share: pytest.fail("built a second time"))


def test_a_short_record_needs_no_pyramid(tmp_path: Path) -> None:
    source = open_waves(write_wfdb(tmp_path, "w", ramp(2, 500)))
    assert source.built
    source.build(lambda share: pytest.fail("there is nothing to build"))


@pytest.mark.parametrize("hours", [0.3, 0.3001])
def test_extremes_of_stored_integers_are_those_of_the_samples(tmp_path: Path, hours: float) -> None:
    """Format 16 takes a way of its own through integers; with invalid samples, limits and a negative gain it must give
    what the samples give."""
    path = write_long_record(tmp_path, hours=hours)
    text = path.read_text().replace("16 400(0)/mV", "16 -400(11)/mV").replace("16 16(0)/mmHg", "16 4.4(0)/mmHg")
    path.write_text(text)
    source = open_waves(path)
    stored = np.fromfile(path.with_suffix(".dat"), np.int16).reshape(-1, 4)
    assert (stored == INVALID).any()
    source.build()
    pyramid = source._once.pyramid
    assert pyramid is not None
    for lead, levels in enumerate(pyramid):
        x = source.read(lead, 0, source.duration_s).values
        for level in levels:
            starts = np.arange(0, len(x), level.block)
            np.testing.assert_array_equal(level.low, np.fmin.reduceat(x, starts))
            np.testing.assert_array_equal(level.high, np.fmax.reduceat(x, starts))
    pressures = source.read(1, 0, source.duration_s).values
    assert np.isnan(pressures).sum() > (stored[:, 1] == INVALID).sum(), "some must lie outside the limits"


def test_many_threads_share_one_source(tmp_path: Path) -> None:
    source = open_waves(write_long_record(tmp_path, hours=0.5))
    drawn: list[list[np.ndarray]] = [[] for _ in range(8)]

    def look(mine: list[np.ndarray]) -> None:
        mine += [source.view(lead, start, 1800, 400).y for lead in range(4) for start in (0.0, 321.5, 1700.0)]

    threads = [threading.Thread(target=look, args=(mine,)) for mine in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(mine) == 12 for mine in drawn)
    for mine in drawn[1:]:
        for a, b in zip(mine, drawn[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_charted_values_are_no_waveforms() -> None:
    record = record_of(np.zeros((48, 2)), rate=1 / 3600)
    with pytest.raises(InputError, match="no waveform"):
        WaveSource.of(record)
    uneven = record_of(np.zeros((48, 2)))
    hours = uneven.hours["ppg"].copy()
    hours[20:] += 0.01
    with pytest.raises(InputError, match="no waveform"):
        WaveSource.of(replace(uneven, hours={"ppg": hours}))


def test_leads_of_different_rates_and_beginnings_share_one_clock() -> None:
    slow, fast = record_of(np.arange(200.0)[:, None]), record_of(np.arange(1000.0)[:, None], 100.0, "abp")
    both = replace(
        slow,
        channels={**slow.channels, **fast.channels},
        values={**slow.values, **fast.values},
        observed={**slow.observed, **fast.observed},
        hours={**slow.hours, "abp": fast.hours["abp"] + 5 / 3600},
    )
    source = WaveSource.of(both)
    assert [lead.rate_hz for lead in source.leads] == [20.0, 100.0]
    assert source.duration_s == pytest.approx(15.0)
    assert source.read(0, 4.0, 5.0).values[0] == 80.0
    later = source.read(1, 4.0, 5.03)
    assert later.values.tolist() == [0.0, 1.0, 2.0]
    assert later.x0_s == pytest.approx(5.0)


def test_the_sample_cohort_opens_with_its_alarm(repo_root: Path) -> None:
    source = open_waves(repo_root / "sample_data" / "icu_alarm" / "sim_a001.hea")
    assert source.alarm is not None
    assert (source.alarm.kind, source.alarm.hours * 3600) == ("Asystole", 300.0)
    assert source.duration_s == 300.0 < SHORT_S
    assert_same_windows(source, as_read(repo_root / "sample_data" / "icu_alarm" / "sim_a001.hea")[1])


@pytest.mark.parametrize("name", ["03700181", "041s/041s", "s25047/s25047-2704-05-04-10-44"])
def test_real_records_open_as_the_reader_reads_them(shared_dir: Path, name: str) -> None:
    source, whole = as_read(shared_dir / "data" / "wfdb" / name)
    assert_same_windows(source, whole)
    for k in range(len(source.leads)):
        x, seen = source.read(k, 0, source.duration_s).values, source.overview(k, 500).y
        assert (np.nanmin(x), np.nanmax(x)) == (np.nanmin(seen), np.nanmax(seen))


def test_the_long_record_is_read_by_the_wfdb_library_too(tmp_path: Path) -> None:
    path = write_long_record(tmp_path, hours=0.25)
    theirs = wfdb.rdrecord(str(path.with_suffix("")))
    assert (theirs.sig_name, theirs.sig_len) == (["II", "ABP", "PLETH", "RESP"], 225_000)
    assert any("Simulated" in comment for comment in theirs.comments)
    source = open_waves(path)
    np.testing.assert_allclose(source.read(1, 0, 10).values, theirs.p_signal[:2500, 1], rtol=1e-6)
