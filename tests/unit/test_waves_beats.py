"""Beats found by an algorithm, held against beats whose times are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import neurokit2
import numpy as np
import pytest

from amfn.waves import Beats, Lead, Samples, WaveSource, beats, beats_within, next_peak, open_waves, previous_peak
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


FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
PLANTED: list[dict[str, Any]] = [
    {"id": record["id"], **truth}
    for record in json.loads((FOLDER / "manifest.json").read_text("utf-8"))["records"]
    for truth in record["truth"]
    if truth["channel"] == "II" and truth["unit"] == "seconds"
]


def of_record(name: str, start: float = 290.0, stop: float = 300.0, lead: str = "II") -> Beats:
    source = open_waves(FOLDER / "icu_alarm" / f"{name}.hea")
    (index,) = [k for k, one in enumerate(source.leads) if one.name == lead]
    return beats_within(source, index, start, stop)


def planted(name: str, word: str) -> tuple[float, float]:
    (found,) = [truth for truth in PLANTED if truth["id"] == name and word in truth["cause"]]
    return found["start"], found["end"]


def within(times: np.ndarray, start: float, stop: float) -> np.ndarray:
    return times[(times > start) & (times < stop)]


@pytest.mark.parametrize(
    ("name", "word"), [("sim_a001", "no heart beat"), ("sim_a002", "without any ventricular"), ("sim_a003", "asystole")]
)
def test_no_beat_is_invented_in_asystole_and_the_pause_runs_to_the_end(name: str, word: str) -> None:
    start, stop = planted(name, word)
    found = of_record(name)
    every = np.concatenate([found.peaks_s, *found.waves.values()])
    # The T wave of the last beat belongs to it.
    assert not len(within(every, start + 0.4, stop))
    assert len(found.peaks_s)
    (pause,) = found.silent
    assert (pause.start_s, pause.stop_s, pause.moving) == (found.peaks_s[-1], stop, False)
    assert pause.length_s >= stop - start
    assert not found.throughout


def test_a_window_wholly_in_asystole_has_no_beats() -> None:
    found = of_record("sim_a001", 295.0, 300.0)
    assert (len(found.peaks_s), found.rate_bpm) == (0, None)
    assert "no beat stands out" in found.reason
    assert [(s.start_s, s.stop_s) for s in found.silent] == [(295.0, 300.0)]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("sim_f001", "fibrillation"),
        ("sim_f002", "flutter, pulse lost"),
        ("sim_v002", "tachycardia"),
        ("sim_v003", "wide beats"),
    ],
)
def test_a_chaotic_or_wide_rhythm_has_no_marks_and_is_said_to_move(name: str, word: str) -> None:
    start, stop = planted(name, word)
    found = of_record(name)
    assert not len(within(found.peaks_s, start, stop - 0.3))
    (moving,) = found.silent
    assert moving.moving
    assert moving.length_s > 3.0
    assert moving.start_s <= start + 2.0


def test_a_wide_run_that_quality_takes_for_noise_is_said_not_to_be_judged() -> None:
    start, stop = planted("sim_v001", "wide beats")
    found = of_record("sim_v001")
    assert not len(within(found.peaks_s, start, stop))
    assert sum(min(b, stop) - max(a, start) for a, b in found.unjudged if b > start) > 3.0
    assert not found.throughout


@pytest.mark.parametrize("name", ["sim_v005", "sim_a004", "sim_a006", "sim_b004", "sim_f004", "sim_f005", "sim_v007"])
def test_nothing_is_marked_where_the_lead_cannot_be_relied_on(name: str) -> None:
    found = of_record(name)
    assert found.unjudged
    for a, b in found.unjudged:
        assert not len(within(found.peaks_s, a, b))


def test_a_rate_from_part_of_the_window_says_so_and_the_pressure_has_its_own_count() -> None:
    found = of_record("sim_v005")
    assert len(found.peaks_s) < 8
    assert found.rate_bpm == pytest.approx(104, abs=5)
    assert not found.throughout
    assert 16 <= len(of_record("sim_v005", lead="ABP").peaks_s) <= 18


def test_fibrillating_atria_give_r_peaks_without_a_rate_and_without_waves() -> None:
    found = of_record("sim_t002")
    assert len(found.peaks_s) > 20
    assert found.rate_bpm is None
    assert not found.few
    assert dict(found.waves) == {}


@pytest.mark.parametrize("name", ["sim_b003", "sim_v006"])
def test_wide_beats_are_marked_without_p_and_t(name: str) -> None:
    found = of_record(name)
    assert len(found.peaks_s) >= 5
    assert not [wave for wave in found.waves if wave.endswith("peak")]


def test_an_escape_rhythm_has_no_p() -> None:
    found = of_record("sim_b002")
    assert found.rate_bpm == pytest.approx(31, abs=3)
    assert "P peak" not in found.waves


@pytest.mark.parametrize("name", ["sim_t001", "sim_t003", "sim_t005", "sim_b001"])
def test_fast_and_slow_regular_rhythms_keep_all_beats(name: str) -> None:
    found = of_record(name)
    assert found.throughout
    assert found.rr_s.max() < 1.4 * found.rr_s.min()


@pytest.mark.parametrize("size", [0.003, 0.012])
def test_noise_on_a_flat_line_after_beats_is_no_beat(size: float) -> None:
    samples = train(60)
    x = samples.values.copy()
    x[10 * RATE :] = 0
    x = x + np.random.default_rng(1).normal(0, size, len(x)).astype(np.float32)
    found = beats(replace(samples, values=x), ECG)
    assert 9 <= len(found.peaks_s) <= 10
    assert found.peaks_s.max() < 10


def test_the_same_beats_stand_in_every_window_that_holds_them() -> None:
    wide, close = of_record("sim_a001", 270, 300), of_record("sim_a001", 286, 296)
    assert close.peaks_s == pytest.approx(within(wide.peaks_s, 286, 296), abs=0.01)


def test_a_signal_without_a_unit_is_held_against_its_own_beats() -> None:
    samples = train(60)
    arbitrary = replace(ECG, unit="NU")
    for scale in (0.1, 1.0, 3.0):
        found = beats(replace(samples, values=samples.values * np.float32(scale)), arbitrary)
        assert len(found.peaks_s) >= 19
    faint = beats(replace(samples, values=samples.values * np.float32(0.1)), ECG)
    assert len(faint.peaks_s) == 0, "in millivolts a tenth of them is no QRS complex"


def test_what_the_screen_shades_holds_no_beat_either() -> None:
    source = open_waves(FOLDER / "icu_alarm" / "sim_a001.hea")
    found = beats_within(source, 0, 270, 280, [(272.0, 275.0)])
    assert not len(within(found.peaks_s, 272, 275))
    assert found.unjudged == ((272.0, 275.0),)
    assert np.isnan(found.rr_s).sum() == 1


def test_pulses_that_have_stopped_are_not_counted_on() -> None:
    found = of_record("sim_a001", lead="ABP")
    assert found.peaks_s.max() < 295.5
    assert found.silent[-1].stop_s == 300.0


def test_stepping_does_not_land_in_asystole() -> None:
    source = open_waves(FOLDER / "icu_alarm" / "sim_a001.hea")
    assert next_peak(source, 0, 295.0) is None
    assert previous_peak(source, 0, 299.9) == pytest.approx(294.5, abs=0.1)


def test_tall_t_waves_are_not_counted_as_beats() -> None:
    samples = train(60)
    x = samples.values.copy()
    time = np.arange(len(x)) / RATE
    for at in np.arange(0.5, 20, 1.0):
        x += 0.7 * np.exp(-0.5 * ((time - at - 0.3) / 0.025) ** 2).astype(np.float32)
    found = beats(replace(samples, values=x), ECG)
    assert 19 <= len(found.peaks_s) <= 20
    assert found.rate_bpm == pytest.approx(60, rel=0.02)


def test_a_pause_of_three_seconds_is_said_among_slow_beats_too() -> None:
    slow = train(20, 30)
    # Enough drift for the line between the beats not to pass for a lead that is off.
    drift = 0.05 * np.sin(2 * np.pi * 1.3 * slow.seconds).astype(np.float32)
    found = beats(replace(slow, values=slow.values + drift), ECG)
    assert len(found.peaks_s) == 10
    assert found.silent
    assert found.silent[0].length_s == pytest.approx(3.0, abs=0.05)


def test_beats_closer_than_three_tenths_of_a_second_are_all_found() -> None:
    found = beats(train(222), ECG)
    assert len(found.peaks_s) >= 72
    assert found.rate_bpm == pytest.approx(222, rel=0.02)


@pytest.mark.parametrize(("height", "count"), [(3.0, 0), (30.0, 28)])
def test_a_ripple_of_a_few_mmhg_is_no_pulse(height: float, count: int) -> None:
    time = np.arange(24 * RATE) / RATE
    x = 30 + height * (0.5 + 0.5 * np.sin(2 * np.pi * 1.2 * time)) ** 2
    found = beats(Samples(0.0, 1 / RATE, x.astype(np.float32)), Lead("ABP", "ABP", "abp", "mmHg", RATE))
    assert len(found.peaks_s) == pytest.approx(count, abs=1)
