"""Beats found by an algorithm, held against beats whose times are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import neurokit2
import numpy as np
import pytest

from amfn.waves import Lead, Samples, WaveSource, beats, next_peak, open_waves, previous_peak
from benchmarks.long_record import write_long_record

RATE = 250
ECG = Lead("II", "ECG II", "ecg", "mV", RATE)


def train(bpm: float = 60, seconds: float = 20, begin: float = 0.0) -> Samples:
    """A bell of 1 mV and 20 ms every beat, the first after half an interval, on a little P and T."""
    time = np.arange(round(seconds * RATE)) / RATE
    x = np.zeros(len(time))
    for at in np.arange(30 / bpm, seconds, 60 / bpm):
        for height, shift, width in ((0.12, -0.17, 0.022), (1.0, 0.0, 0.012), (-0.2, 0.03, 0.01), (0.3, 0.27, 0.045)):
            x += height * np.exp(-0.5 * ((time - at - shift) / width) ** 2)
    return Samples(begin, 1 / RATE, x.astype(np.float32))


@pytest.mark.parametrize("bpm", [48, 60, 90, 130])
def test_every_beat_is_found_where_it_was_put(bpm: float) -> None:
    found = beats(train(bpm, begin=100.0), ECG)
    expected = 100 + np.arange(30 / bpm, 20, 60 / bpm)
    inner = expected[(expected > 100.5) & (expected < 119.5)]
    nearest = np.abs(inner[:, None] - found.peaks_s[None, :]).min(axis=1)
    assert nearest.max() < 0.02
    assert len(found.peaks_s) <= len(expected)
    assert found.rate_bpm == pytest.approx(bpm, rel=0.02)
    assert (found.reason, "R peaks" in found.method) == ("", True)


def test_waves_lie_in_order_around_each_r_peak() -> None:
    found = beats(train(60), ECG)
    for peak in found.peaks_s[1:-1]:
        near = {name: times[np.abs(times - peak).argmin()] for name, times in found.waves.items()}
        order = ["P onset", "P peak", "P offset", "QRS onset"]
        assert [near[n] for n in order] == sorted(near[n] for n in order)
        assert near["QRS onset"] < peak < near["QRS offset"] <= near["T onset"] < near["T peak"] < near["T offset"]
        assert near["P peak"] - peak == pytest.approx(-0.17, abs=0.03)
        assert near["T peak"] - peak == pytest.approx(0.27, abs=0.03)


def test_a_gap_holds_no_beat_and_its_interval_is_unknown() -> None:
    samples = train(60)
    values = samples.values.copy()
    values[round(7.9 * RATE) : round(11.1 * RATE)] = np.nan
    values[round(15.0 * RATE)] = np.nan
    found = beats(replace(samples, values=values), ECG)
    assert not ((found.peaks_s > 7.9) & (found.peaks_s < 11.1)).any()
    across = np.flatnonzero((found.peaks_s[:-1] < 7.9) & (found.peaks_s[1:] > 11.1))
    assert np.isnan(found.rr_s[across]).all()
    assert np.isfinite(np.delete(found.rr_s, across)).all()
    assert found.rate_bpm == pytest.approx(60, rel=0.02)


@pytest.mark.parametrize("modality", ["abp", "ppg"])
def test_pulse_peaks_are_the_tops_of_the_pulses(modality: str) -> None:
    clean = neurokit2.ppg_simulate(20, RATE, heart_rate=72, random_state=1, motion_amplitude=0, powerline_amplitude=0)
    x = 80 + 40 * np.asarray(clean, np.float32)
    found = beats(Samples(3.0, 1 / RATE, x), Lead("P", "P", modality, "", RATE))
    assert 20 <= len(found.peaks_s) <= 26
    for at in np.round((found.peaks_s - 3) * RATE).astype(int):
        assert x[at] == x[max(at - 20, 0) : at + 21].max()
    assert found.rate_bpm == pytest.approx(72, rel=0.05)
    assert (dict(found.waves), found.method) == ({}, "NeuroKit2 pulse peaks (Elgendi)")


@pytest.mark.parametrize(
    ("values", "lead", "says"),
    [
        (np.full(5000, np.nan), ECG, "less than 3 s"),
        (np.zeros(0), ECG, "less than 3 s"),
        (np.zeros(400), ECG, "less than 3 s"),
        (np.ones(5000), ECG, "does not change"),
        (np.sin(np.arange(5000.0)), Lead("RESP", "RESP", "resp", "NU", RATE), "not looked for in RESP"),
    ],
)
def test_nothing_found_is_an_answer_with_its_reason(values: np.ndarray, lead: Lead, says: str) -> None:
    found = beats(Samples(0.0, 1 / RATE, values.astype(np.float32)), lead)
    assert len(found.peaks_s) == len(found.rr_s) == 0
    assert says in found.reason
    assert found.rate_bpm is None


@pytest.mark.parametrize("modality", ["ecg", "abp", "ppg"])
@pytest.mark.parametrize("rate", [62.5, 125.0, 500.0])
def test_no_signal_brings_the_detector_down(modality: str, rate: float) -> None:
    draw = np.random.default_rng(0)
    step = np.r_[np.zeros(1000), np.ones(1000)]
    for x in (draw.normal(size=2000), step, np.eye(1, 2000, 999)[0], np.tile([0.0, 1.0], 1000), np.arange(2000.0)):
        found = beats(Samples(0.0, 1 / rate, x.astype(np.float32)), Lead("X", "X", modality, "", rate))
        assert len(found.peaks_s) or found.reason
        assert np.isfinite(found.peaks_s).all()


def test_a_long_window_has_its_rhythm_but_no_waves() -> None:
    found = beats(train(60, 150), ECG)
    assert len(found.peaks_s) > 140
    assert dict(found.waves) == {}


@pytest.fixture(scope="module")
def long_source(tmp_path_factory: pytest.TempPathFactory) -> WaveSource:
    return open_waves(write_long_record(tmp_path_factory.mktemp("long"), hours=0.4))


def test_stepping_from_peak_to_peak_misses_none(long_source: WaveSource) -> None:
    lead, at, seen = 0, 300.0, []
    for _ in range(20):
        step = next_peak(long_source, lead, at)
        assert step is not None
        assert step > at
        seen.append(step)
        at = step
    back = []
    for _ in range(19):
        step = previous_peak(long_source, lead, at)
        assert step is not None
        back.append(step)
        at = step
    assert back[::-1] == pytest.approx(seen[:-1], abs=0.01)
    assert np.diff(seen).max() < 1.5 * np.median(np.diff(seen))


def test_there_is_no_peak_beyond_the_ends(long_source: WaveSource) -> None:
    end = long_source.duration_s
    assert next_peak(long_source, 0, end - 0.05) is None
    assert previous_peak(long_source, 0, 0.05) is None
    assert next_peak(long_source, 3, 10.0) is None


def test_the_simulated_rhythms_have_the_rates_that_were_planted(repo_root: Path) -> None:
    for name, start, stop, bpm in (
        ("sim_t001", 290.5, 299.5, 172),
        ("sim_b001", 284, 300, 36),
        ("sim_a001", 50, 80, 92),
    ):
        source = open_waves(repo_root / "sample_data" / "icu_alarm" / f"{name}.hea")
        found = beats(source.read(0, start, stop), source.leads[0])
        assert found.rate_bpm == pytest.approx(bpm, rel=0.1), name
