"""The 16 seconds before an alarm: what is in them, and what can never be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from amfn.inference import with_alarm
from amfn.tasks import get_task
from amfn.tasks.icu_alarm import ALARMS, RATE_HZ, THRESHOLD, centre_spread, resample
from amfn.types import Alarm, Channel, InputError, Record, RecordMeta

TASK = get_task("icu_alarm")
STEPS = 2000
AT_300_S = Alarm("Asystole", 300 / 3600)
UNITS = {"ecg": "mV", "abp": "mmHg", "ppg": "NU", "resp": "NU"}


def record(
    signals: Mapping[str, np.ndarray],
    rate: float = 250.0,
    leads: Mapping[str, Sequence[str]] | None = None,
    alarm: Alarm | None = AT_300_S,
) -> Record:
    """signals[m]: [T, C] at `rate`, NaN where unobserved."""
    values = {m: np.asarray(v, np.float32) for m, v in signals.items()}
    names = {m: (leads or {}).get(m) or [m.upper()] * v.shape[1] for m, v in values.items()}
    return Record(
        "a1",
        "a1.hea",
        {m: tuple(Channel(n, UNITS[m], -400, 400) for n in names[m]) for m in values},
        values,
        {m: ~np.isnan(v) for m, v in values.items()},
        {m: np.arange(len(v)) / rate / 3600 for m, v in values.items()},
        {},
        RecordMeta("wfdb", alarm=alarm),
    )


def noise(seconds: float = 330, columns: int = 1, rate: float = 250.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(int(seconds * rate), columns)).astype(np.float32)


def assert_same_input(one: Record, other: Record) -> None:
    for name in TASK.schema.names:
        np.testing.assert_array_equal(one.values[name], other.values[name], err_msg=name)
        np.testing.assert_array_equal(one.observed[name], other.observed[name])
        np.testing.assert_array_equal(one.hours[name], other.hours[name])
    for name in ("ecg", "abp", "ppg", "resp"):
        np.testing.assert_array_equal(one.meta.context[name], other.meta.context[name])


@pytest.mark.parametrize("rate", [125.0, 250.0, 360.0, 500.0])
def test_nothing_at_or_after_the_alarm_reaches_the_model(rate: float) -> None:
    """From the sample at 300 s on everything is replaced; the prepared record must stay the same to the last bit."""
    signals = {"ecg": noise(columns=2, rate=rate), "ppg": noise(seed=1, rate=rate)}
    cut = int(300 * rate)
    spoiled = {m: np.concatenate([v[:cut], 1000 + 5 * noise(30, v.shape[1], rate, 7)]) for m, v in signals.items()}
    missing = {m: np.where(np.arange(len(v))[:, None] < cut, v, np.nan) for m, v in signals.items()}
    ended = {m: v[:cut] for m, v in signals.items()}
    expected = TASK.prepare(record(signals, rate))
    for changed in (spoiled, missing, ended):
        assert_same_input(expected, TASK.prepare(record(changed, rate)))
    # The check can fail: the last sample before the alarm does matter.
    signals["ecg"][cut - 1] += 100
    with pytest.raises(AssertionError):
        assert_same_input(expected, TASK.prepare(record(signals, rate)))


def test_the_window_is_the_16_seconds_before_the_alarm() -> None:
    seconds = np.arange(330 * 125)[:, None] / 125
    prepared = TASK.prepare(record({"abp": seconds}, 125.0))
    np.testing.assert_allclose(prepared.values["abp"][:, 0], np.arange(284 * 125, 300 * 125) / 125, rtol=1e-6)
    np.testing.assert_allclose(prepared.hours["abp"] * 3600, np.arange(284 * 125, 300 * 125) / 125)
    assert prepared.values["abp"].shape == (STEPS, 1)
    # Centre and spread are those of the whole 300 s: median 150, 5-95 % range 270.
    np.testing.assert_allclose(prepared.meta.context["abp"][:, 0], [150, 135], rtol=1e-3)


def test_resampling_keeps_a_slow_sine_and_removes_what_125_hz_cannot_carry() -> None:
    time = np.arange(4000)[:, None] / 250
    got = resample(np.sin(2 * np.pi * 5 * time), 250.0)
    assert got.shape == (2000, 1)
    expected = np.sin(2 * np.pi * 5 * np.arange(2000) / 125)
    assert np.abs(got[50:-50, 0] - expected[50:-50]).max() < 0.01
    aliased = resample(np.sin(2 * np.pi * 110 * time), 250.0)
    assert np.abs(aliased[50:-50]).max() < 0.01


@pytest.mark.parametrize(("rate", "steps"), [(250.0, 2000), (500.0, 2000), (360.0, 2000), (62.5, 2000), (125.0, 2000)])
def test_every_rate_gives_the_same_grid(rate: float, steps: int) -> None:
    time = np.arange(int(16 * rate))[:, None] / rate
    got = resample(np.sin(2 * np.pi * 2 * time), rate)
    assert len(got) == steps
    expected = np.sin(2 * np.pi * 2 * np.arange(steps) / RATE_HZ)
    assert np.abs(got[60:-60, 0] - expected[60:-60]).max() < 0.01


def test_gaps_stay_gaps() -> None:
    signal = np.ones((4000, 2), np.float32)
    signal[1000:1500, 0] = np.nan
    signal[:, 1] = np.nan
    got = resample(signal, 250.0)
    gap = np.isnan(got[:, 0])
    assert gap.sum() == 250
    assert gap[500:750].all()
    np.testing.assert_allclose(got[~gap, 0], 1.0, atol=1e-2)
    assert np.isnan(got[:, 1]).all()
    ecg = noise()
    ecg[250 * 290 : 250 * 295] = np.nan
    prepared = TASK.prepare(record({"ecg": ecg}))
    assert int((~prepared.observed["ecg"][:, 0]).sum()) == 5 * 125
    assert not prepared.observed["ecg"][6 * 125 + 2 : 11 * 125 - 2, 0].any()


def test_preferred_leads_come_first_and_the_others_are_named() -> None:
    ecg = noise(columns=4) + np.array([0, 10, 20, 30], np.float32)
    prepared = TASK.prepare(record({"ecg": ecg}, leads={"ecg": ["aVF", "V", "III", "II"]}))
    assert [c.label for c in prepared.channels["ecg"]] == ["II", "V"]
    assert [c.name for c in prepared.channels["ecg"]] == ["lead_1", "lead_2"]
    np.testing.assert_allclose(prepared.values["ecg"].mean(0), [30, 10], atol=0.2)
    assert any("III, aVF" in f.what for f in prepared.meta.findings if f.channel == "ecg")


def test_a_lead_that_holds_nothing_gives_its_place_to_another() -> None:
    ecg = noise(columns=3) + np.array([0, 10, 20], np.float32)
    ecg[:, 0] = np.nan
    prepared = TASK.prepare(record({"ecg": ecg}, leads={"ecg": ["II", "V", "aVR"]}))
    assert [c.label for c in prepared.channels["ecg"]] == ["V", "aVR"]
    single = TASK.prepare(record({"ecg": ecg[:, :2]}, leads={"ecg": ["II", "V"]}))
    assert single.channels["ecg"][0].label == "V"
    assert single.observed["ecg"].any(0).tolist() == [True, False]


def test_missing_modalities_are_unobserved() -> None:
    prepared = TASK.prepare(record({"ecg": noise()}))
    assert [m for m in TASK.schema.names if prepared.present(m)] == ["ecg", "alarm"]
    for name in ("abp", "ppg", "resp"):
        assert prepared.values[name].shape == (STEPS, 1)
        assert np.isnan(prepared.values[name]).all()


def test_a_record_that_begins_late_fills_the_end_of_the_window() -> None:
    ecg = noise(330)
    ecg[: 290 * 250] = np.nan
    prepared = TASK.prepare(record({"ecg": ecg}))
    assert prepared.observed["ecg"][:, 0].sum() == 10 * 125
    assert prepared.observed["ecg"][-1250:, 0].all()
    early = TASK.prepare(record({"ecg": noise(12)}, alarm=Alarm("Asystole", 10 / 3600)))
    assert early.observed["ecg"][:, 0].sum() == 10 * 125
    assert early.observed["ecg"][-1250:, 0].all()


@pytest.mark.parametrize(("kind", "group"), ALARMS.items())
def test_the_alarm_type_is_an_input_and_a_group(kind: str, group: str) -> None:
    prepared = TASK.prepare(record({"ecg": noise()}, alarm=Alarm(kind, 300 / 3600)))
    assert prepared.values["alarm"].tolist() == [[float(k == kind) for k in ALARMS]]
    assert TASK.group(prepared) == group


def test_an_unknown_alarm_type_is_refused() -> None:
    with pytest.raises(InputError, match="'Pacer'"):
        TASK.prepare(record({"ecg": noise()}, alarm=Alarm("Pacer", 300 / 3600)))
    with pytest.raises(InputError, match="--alarm-type: 'Pacer'"):
        with_alarm(record({"ecg": noise()}), "Pacer", 300.0)


@pytest.mark.parametrize("seconds", [7.9, 0.01])
def test_too_little_signal_before_the_alarm_is_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="s of signal before the alarm") as refused:
        TASK.prepare(record({"ecg": noise(60)}, alarm=Alarm("Asystole", seconds / 3600)))
    assert "at least 8 s" in str(refused.value)
    assert refused.value.source == "a1.hea"


def test_a_gap_before_the_alarm_is_refused_even_in_a_long_record() -> None:
    ecg = noise()
    ecg[285 * 250 : 300 * 250] = np.nan
    with pytest.raises(InputError, match=r"only 1\.0 s of signal before the alarm"):
        TASK.prepare(record({"ecg": ecg}))


def test_an_alarm_long_after_the_records_end_is_refused() -> None:
    with pytest.raises(InputError, match="before the alarm"):
        TASK.prepare(record({"ecg": noise(60)}, alarm=Alarm("Asystole", 1.0)))


def test_an_alarm_shortly_after_the_end_does_not_shift_the_signal() -> None:
    """The record ends 4 s before the alarm: the last 4 s of the window are unobserved, not filled from before."""
    seconds = np.arange(296 * 125)[:, None] / 125
    prepared = TASK.prepare(record({"abp": seconds}, 125.0))
    assert not prepared.observed["abp"][-4 * 125 :].any()
    np.testing.assert_allclose(prepared.values["abp"][: 12 * 125, 0], np.arange(284 * 125, 296 * 125) / 125, rtol=1e-6)


def test_no_alarm_is_an_error_that_says_how_to_name_one() -> None:
    with pytest.raises(InputError, match=r"the record names no alarm.*--alarm-type and --alarm-at"):
        TASK.prepare(record({"ecg": noise()}, alarm=None))


def test_a_stay_is_refused() -> None:
    stay = replace(record({"ecg": noise(1)}), values={}, observed={}, hours={}, channels={})
    with pytest.raises(InputError, match="the record holds nothing, none of which icu_alarm reads"):
        TASK.prepare(stay)


def test_an_alarm_named_by_hand() -> None:
    plain = record({"ecg": noise()}, alarm=None)
    assert with_alarm(plain, None, None) is plain
    named = with_alarm(plain, "Tachycardia", 60.0)
    assert named.meta.alarm == Alarm("Tachycardia", 60 / 3600)
    assert TASK.prepare(named).hours["ecg"][-1] * 3600 == pytest.approx(60 - 1 / 125)
    known = record({"ecg": noise()})
    moved, renamed = with_alarm(known, None, 60.0).meta.alarm, with_alarm(known, "Bradycardia", None).meta.alarm
    assert moved == Alarm("Asystole", 60 / 3600)
    assert renamed == Alarm("Bradycardia", 300 / 3600)
    for half in ((None, 60.0), ("Asystole", None)):
        with pytest.raises(InputError, match="half an alarm"):
            with_alarm(plain, *half)
    for seconds in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="an alarm at"):
            with_alarm(plain, "Asystole", seconds)


def test_the_challenge_score_by_hand() -> None:
    """Threshold 1/6. Two true kept, one true missed, one false kept, two false silenced: 4 / (4 + 1 + 5)."""
    labels = np.array([1, 1, 1, 0, 0, 0])
    chances = np.array([0.9, THRESHOLD, 0.16, 0.17, 0.1, 0.0])
    score = TASK.official_score(labels, chances)
    assert score["challenge_score"] == pytest.approx(4 / 10)
    assert score["true_positive_rate"] == pytest.approx(2 / 3)
    assert score["true_negative_rate"] == pytest.approx(2 / 3)
    assert TASK.official_score(labels, labels.astype(float))["challenge_score"] == 1.0
    assert np.isnan(TASK.official_score(np.zeros(2), np.zeros(2))["true_positive_rate"])


def test_centre_and_spread() -> None:
    assert centre_spread(np.array([np.nan, *range(101)], np.float32)) == (50.0, 45.0)
    assert np.isnan(centre_spread(np.full(3, np.nan))).all()


def test_a_lead_seen_only_after_the_alarm_takes_no_place() -> None:
    """Which leads are read must not depend on what comes after the alarm either."""
    leads = {"ecg": ("V", "III", "II")}
    late = noise(columns=3)
    late[: 310 * 250, 2] = np.nan
    never = late.copy()
    never[:, 2] = np.nan
    expected = TASK.prepare(record({"ecg": never}, leads=leads))
    assert_same_input(expected, TASK.prepare(record({"ecg": late}, leads=leads)))
    assert [c.title for c in expected.channels["ecg"]] == ["V", "III"]


def test_a_channel_in_another_unit_than_the_models_is_warned_of() -> None:
    usual = record({"ecg": noise(), "ppg": noise(seed=1)})
    odd = replace(usual, channels={**usual.channels, "ecg": (Channel("II", "NU", -400, 400),)})
    assert not [f for f in TASK.prepare(usual).meta.findings if "trained on" in f.what]
    (said,) = [f for f in TASK.prepare(odd).meta.findings if "trained on" in f.what]
    assert (said.channel, said.severity) == ("II", "warning")
    assert said.what.startswith("is in NU; the model was trained on millivolts")
