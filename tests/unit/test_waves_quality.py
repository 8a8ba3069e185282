"""Signal quality: planted faults are found, clean signals left alone, odd input answered."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import neurokit2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from amfn.waves import (
    Lead,
    Samples,
    Stretch,
    clipped,
    open_waves,
    quality,
    quality_overview,
    quality_within,
    usable_share,
)
from benchmarks.long_record import write_long_record
from sample_data.generator import artefacts
from sample_data.generator.scenarios import SCENARIOS

RATE = 250
ECG, ABP, PPG, RESP = (
    Lead(name, name, modality, unit, RATE)
    for name, modality, unit in (
        ("II", "ecg", "mV"),
        ("ABP", "abp", "mmHg"),
        ("PLETH", "ppg", "NU"),
        ("RESP", "resp", "NU"),
    )
)
TIME = np.arange(30 * RATE) / RATE


def heart() -> np.ndarray:
    return np.asarray(neurokit2.ecg_simulate(30, sampling_rate=RATE, heart_rate=78, noise=0.01, random_state=4))


def pulse() -> np.ndarray:
    return np.asarray(
        neurokit2.ppg_simulate(30, RATE, heart_rate=78, random_state=4, motion_amplitude=0, powerline_amplitude=0)
    )


def judged(x: np.ndarray, lead: Lead, begin: float = 0.0) -> tuple[Stretch, ...]:
    return quality(Samples(begin, 1 / lead.rate_hz, x.astype(np.float32)), lead)


CLEAN = [
    (ECG, heart),
    (PPG, pulse),
    (ABP, lambda: 75 + 45 * pulse()),
    (RESP, lambda: np.sin(2 * np.pi * 0.25 * TIME)),
    (replace(ABP, modality="other"), lambda: 20 + 5 * pulse()),
]


@pytest.mark.parametrize(("lead", "make"), CLEAN, ids=[lead.modality for lead, _ in CLEAN])
def test_a_clean_signal_has_no_shade(lead: Lead, make) -> None:  # type: ignore[no-untyped-def]
    assert judged(make(), lead) == ()


@pytest.mark.parametrize(("lead", "make"), CLEAN, ids=[lead.modality for lead, _ in CLEAN])
def test_what_is_absent_or_flat_is_found_where_it_is(lead: Lead, make) -> None:  # type: ignore[no-untyped-def]
    x = make().copy()
    x[5 * RATE : 8 * RATE] = np.nan
    x[15 * RATE : 20 * RATE] = x[15 * RATE]
    found = judged(x, lead, begin=100.0)
    absent, flat = (next(s for s in found if s.kind == kind) for kind in ("absent", "flat"))
    assert (absent.start_s, absent.stop_s) == (105.0, 108.0)
    assert flat.start_s == pytest.approx(115, abs=0.6)
    assert flat.stop_s == pytest.approx(120, abs=0.6)
    assert flat.why
    assert absent.why


def test_a_few_lost_samples_are_not_worth_a_shade() -> None:
    x = heart()
    x[1000:1020] = np.nan
    x[3000] = np.nan
    assert judged(x, ECG) == ()


@pytest.mark.parametrize(("lead", "make"), CLEAN[:3], ids=["ecg", "ppg", "abp"])
def test_clipping_is_found_where_it_is(lead: Lead, make) -> None:  # type: ignore[no-untyped-def]
    x = make()
    middle, spread = x.mean(), np.ptp(x)
    x[10 * RATE : 16 * RATE] = middle + 3 * (x[10 * RATE : 16 * RATE] - middle) + 0.6 * spread
    found = judged(np.minimum(x, middle + 0.7 * spread), lead)
    railed = [s for s in found if s.kind == "saturated"]
    assert railed
    assert min(s.start_s for s in railed) == pytest.approx(10, abs=1.0)
    assert max(s.stop_s for s in railed) == pytest.approx(16, abs=1.0)


def hum(x: np.ndarray) -> np.ndarray:
    return x + 0.4 * np.sin(2 * np.pi * 50 * TIME)


def shiver(x: np.ndarray) -> np.ndarray:
    return x + np.random.default_rng(0).normal(0, 0.6, len(x))


def motion(x: np.ndarray) -> np.ndarray:
    return artefacts.electrode_motion(np.random.default_rng(0), x, 9.5, 20.5, 1.5)


def leaps(x: np.ndarray) -> np.ndarray:
    return artefacts.jumps(np.random.default_rng(0), x, 9.5, 20.5, 1.6)


def swings(x: np.ndarray) -> np.ndarray:
    return x + 5.0 * np.sin(2 * np.pi * 3 * TIME)


@pytest.mark.parametrize("spoil", [hum, shiver, motion, leaps, swings])
def test_noise_on_an_ecg_is_found_where_it_is(spoil) -> None:  # type: ignore[no-untyped-def]
    clean = heart()
    part = slice(10 * RATE, 20 * RATE)
    x = clean.copy()
    x[part] = spoil(clean)[part]
    found = judged(x, ECG)
    assert {s.kind for s in found} == {"noisy"}
    assert 1 - usable_share(found, 10, 20) > 0.85
    assert usable_share(found, 0, 7) == usable_share(found, 23, 30) == 1.0
    assert all(s.why for s in found)


def test_a_swaying_baseline_under_clear_beats_is_no_noise() -> None:
    assert judged(heart() + np.sin(2 * np.pi * 0.3 * TIME), ECG) == ()


def test_a_pacemaker_s_spike_is_no_noise() -> None:
    x = heart()
    x[100 :: RATE // 2] += 3.0
    assert judged(x, ECG) == ()


@pytest.mark.parametrize(
    ("pressure", "says"),
    [
        (lambda p: 95 + 8 * p, "pulse on a high mean"),
        (lambda p: 3 + 3 * p, "open to air"),
        (lambda p: 250 + 80 * p, "300 mmHg"),
        (lambda p: 80 + 40 * p + 60 * np.sin(2 * np.pi * 9 * TIME), "falls faster"),
    ],
)
def test_impossible_pressures_are_said(pressure, says: str) -> None:  # type: ignore[no-untyped-def]
    found = judged(pressure(pulse()), ABP)
    assert usable_share(found, 0, 30) < 0.2
    assert any(says in s.why for s in found)


def test_a_weak_pulse_on_a_low_mean_is_not_put_down_to_the_line() -> None:
    assert judged(38 + 14 * pulse(), ABP) == ()


def test_a_moving_finger_is_found() -> None:
    x = pulse()
    x[10 * RATE : 16 * RATE] += 4 * np.cumsum(np.random.default_rng(3).normal(0, 0.06, 6 * RATE))
    found = judged(x, PPG)
    assert 1 - usable_share(found, 10, 16) > 0.7
    assert usable_share(found, 0, 6) == usable_share(found, 20, 30) == 1.0


def test_shades_do_not_move_with_the_window(tmp_path: Path) -> None:
    path = write_long_record(tmp_path, hours=0.2)
    data = np.fromfile(path.with_suffix(".dat"), np.int16).reshape(-1, 4)
    data[400 * RATE : 410 * RATE, 0] += np.random.default_rng(0).integers(-400, 400, 10 * RATE).astype(np.int16)
    data.tofile(path.with_suffix(".dat"))
    source = open_waves(path)
    whole = quality_overview(source, 0)
    assert "noisy" in {s.kind for s in clipped(whole, 400, 410)}
    for start in (392.7, 397.1, 399.6, 404.2):
        assert quality_within(source, 0, start, start + 9) == clipped(whole, start, start + 9)


def test_the_overview_tells_its_progress_and_joins_its_pieces(tmp_path: Path) -> None:
    path = write_long_record(tmp_path, hours=0.2)
    data = np.fromfile(path.with_suffix(".dat"), np.int16).reshape(-1, 4)
    data[100 * RATE : 400 * RATE, 2] = -(2**15)
    data.tofile(path.with_suffix(".dat"))
    source = open_waves(path)
    shares: list[float] = []
    found = quality_overview(source, 2, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert any(s.kind == "absent" and (s.start_s, s.stop_s) == (100.0, 400.0) for s in found)


@given(
    x=hnp.arrays(np.float32, st.integers(0, 3000), elements=st.floats(-100, 100, width=16) | st.just(np.nan)),
    modality=st.sampled_from(["ecg", "abp", "ppg", "resp", "other"]),
    rate=st.sampled_from([12.0, 62.5, 125.0, 500.0]),
    begin=st.floats(0, 1e5),
)
def test_any_signal_gets_stretches_in_order_within_its_window(
    x: np.ndarray, modality: str, rate: float, begin: float
) -> None:
    found = quality(Samples(begin, 1 / rate, x), Lead("X", "X", modality, "", rate))
    for s in found:
        assert begin <= s.start_s < s.stop_s <= begin + len(x) / rate + 1e-6
    for a, b in pairwise(found):
        assert a.stop_s <= b.start_s + 1e-9
    share = usable_share(found, begin, begin + len(x) / rate)
    assert 0 <= share <= 1
    assert share < 1 or not found


def test_usable_share_counts_what_lies_in_the_window() -> None:
    stretches = (Stretch(1, 3, "flat", ""), Stretch(5, 9, "noisy", ""))
    assert usable_share(stretches, 0, 10) == pytest.approx(0.4)
    assert usable_share(stretches, 2, 6) == pytest.approx(0.5)
    assert usable_share(stretches, 3, 5) == 1.0
    assert usable_share(stretches, 6, 8) == 0.0
    assert usable_share(stretches, 4, 4) == 0.0
    assert usable_share((), 0, 1) == 1.0


# Least share of the faults' seconds that is shaded, mean over the cohort; a little under what was measured.
CAUGHT = {
    "lead_off": 0.85, "jumps": 0.9, "mains": 0.9, "motion": 0.75, "shaking": 0.7, "wander": 0.5, "flush": 0.9,
    "damped": 0.8, "probe_motion": 0.85,
}  # fmt: skip


def test_the_planted_faults_of_the_cohort_are_caught_and_its_clean_seconds_left_alone(repo_root: Path) -> None:
    """What the scenarios plant, and the seconds that are clean by construction: before the first disturbance that the
    generator may draw (15 s; not of the pressure, which it begins with a piece turned round), and between the last
    (259 s) and the scenario's own."""
    caught: dict[str, list[float]] = defaultdict(list)
    false_s: dict[str, float] = defaultdict(float)
    clean_s: dict[str, float] = defaultdict(float)
    for scene in SCENARIOS:
        source = open_waves(repo_root / "sample_data" / "icu_alarm" / f"{scene.record}.hea")
        for k, lead in enumerate(source.leads):
            faults = [fault for fault in scene.faults if fault.channel == lead.name]
            for fault in faults:
                stop = min(fault.stop, source.duration_s)
                caught[fault.kind].append(
                    1 - usable_share(quality_within(source, k, fault.start, stop), fault.start, stop)
                )
            first = min([*(x.start for x in faults), *(x.start for x in scene.events)], default=300.0) - 3
            spans = [(264.0, first)] if lead.modality == "abp" else [(0.0, 11.0), (264.0, first)]
            for start, stop in spans:
                if stop > start:
                    found = [s for s in quality_within(source, k, start, stop) if s.kind != "saturated"]
                    false_s[lead.modality] += (1 - usable_share(found, start, stop)) * (stop - start)
                    clean_s[lead.modality] += stop - start
    assert {
        kind: float(np.mean(shares)) for kind, shares in caught.items() if np.mean(shares) < CAUGHT.get(kind, 0)
    } == {}
    assert set(CAUGHT) <= set(caught)
    assert min(clean_s.values()) > 200
    assert {m: s / clean_s[m] for m, s in false_s.items() if s / clean_s[m] > 0.01} == {}


def test_leads_of_real_false_alarms_are_worse_than_those_of_true_ones(shared_dir: Path) -> None:
    folder = shared_dir / "data" / "challenge2015"
    with (folder / "ALARMS").open() as file:
        rows = [row for row in csv.reader(file) if row][::4]
    spoilt: dict[str, list[float]] = {"0": [], "1": []}
    for record, _, label in rows:
        source = open_waves(folder / f"{record}.hea")
        for k, lead in enumerate(source.leads):
            if lead.modality == "ecg":
                spoilt[label].append(1 - usable_share(quality_within(source, k, 285, 300), 285, 300))
    assert np.mean(spoilt["0"]) > 2 * np.mean(spoilt["1"])
    assert np.mean(spoilt["1"]) < 0.25
