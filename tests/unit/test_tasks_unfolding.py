"""A record as it was known at successive moments: what had come by then is in it, and nothing else can ever be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amfn.readers.channels import ADMISSION, CHALLENGE2012
from amfn.tasks import get_task
from amfn.tasks.icu_alarm import ALARMS, ICUAlarm
from amfn.types import Alarm, Channel, Finding, InputError, Record, RecordMeta

STAYS = ("icu_mortality", "vitals_forecast")
ALARM_TASK = ICUAlarm()
RATE = 125
CHARTED = ("HR", "K", "Lactate", "MechVent", "Temp", "Urine")


def stay(hours: list[float], values: np.ndarray) -> Record:
    """values f32[N, 6] of CHARTED, NaN where not charted; a man of 54 in a surgical ICU."""
    at = np.asarray(hours, np.float64)
    admission = np.array([[54.0, 1.0, 4.0]], np.float32)
    return Record(
        "s1",
        "s1.txt",
        {
            "chart": tuple(CHALLENGE2012[name] for name in CHARTED),
            "admission": tuple(ADMISSION[name] for name in ("Age", "Gender", "ICUType")),
        },
        {"chart": values.astype(np.float32), "admission": admission},
        {"chart": ~np.isnan(values), "admission": np.ones((1, 3), bool)},
        {"chart": at, "admission": np.zeros(1)},
        {"in_hospital_death": 1.0},
        RecordMeta("challenge2012", findings=(Finding("HR", "said of the whole stay"),)),
    )


def charted(seed: int, rows: int = 60) -> Record:
    draw = np.random.default_rng(seed)
    hours = np.sort(np.round(draw.uniform(0, 48, rows), 2))
    # The last minute of the window is an hour of its own, which counts to the last one.
    hours[-1] = 48.0
    values = draw.uniform(1, 14, (rows, len(CHARTED)))
    values[:, CHARTED.index("MechVent")] = draw.integers(0, 2, rows)
    values[draw.random(values.shape) < 0.6] = np.nan
    return stay(hours.tolist(), values)


def cut(record: Record, hour: float) -> Record:
    """What a reader would have found had the stay ended at this hour."""
    keep = record.hours["chart"] < hour
    return replace(
        record,
        values={**record.values, "chart": record.values["chart"][keep]},
        observed={**record.observed, "chart": record.observed["chart"][keep]},
        hours={**record.hours, "chart": record.hours["chart"][keep]},
    )


def assert_same_input(one: Record, other: Record) -> None:
    assert one.values.keys() == other.values.keys()
    for name in one.values:
        np.testing.assert_array_equal(one.values[name], other.values[name], err_msg=name)
        np.testing.assert_array_equal(one.observed[name], other.observed[name])
        np.testing.assert_array_equal(one.hours[name], other.hours[name])
    assert one.meta.context.keys() == other.meta.context.keys()
    for name in one.meta.context:
        np.testing.assert_array_equal(one.meta.context[name], other.meta.context[name])


@pytest.mark.parametrize("name", STAYS)
def test_each_hour_of_a_stay_is_what_prepare_makes_of_a_stay_that_ended_then(name: str) -> None:
    task, record = get_task(name), charted(0)
    times, known = task.unfold(record)
    window = task.schema.modalities[0].steps
    assert times.tolist() == list(range(1, window + 1))
    for hour, one in zip(times, known, strict=True):
        assert_same_input(one, task.prepare(record if hour == window else cut(record, hour)))
    assert_same_input(known[-1], task.prepare(record))


@given(seed=st.integers(0, 10**6), hour=st.integers(1, 47))
@settings(max_examples=25)
def test_nothing_charted_later_reaches_an_earlier_hour(seed: int, hour: int) -> None:
    task, record = get_task("icu_mortality"), charted(seed)
    later = record.hours["chart"] >= hour
    values = np.where(later[:, None], np.float32(99.0), record.values["chart"])
    altered = replace(record, values={**record.values, "chart": values})
    before, after = task.unfold(record)[1], task.unfold(altered)[1]
    for one, other in zip(before[:hour], after[:hour], strict=True):
        assert_same_input(one, other)
    # The check can fail: from then on something did change.
    with pytest.raises(AssertionError):
        assert_same_input(before[-1], after[-1])


def test_admission_is_known_from_the_start_and_findings_speak_of_the_whole() -> None:
    _, known = get_task("icu_mortality").unfold(stay([30.0], np.full((1, 6), 5.0)))
    assert [m for m, v in known[0].values.items() if known[0].present(m)] == ["demographics"]
    assert known[29].present("labs") is False
    assert known[30].present("labs") is True
    assert [bool(one.meta.findings) for one in known] == [False] * 47 + [True]
    assert {one.labels["in_hospital_death"] for one in known} == {1.0}


def test_a_stay_with_nothing_charted_unfolds_too() -> None:
    times, known = get_task("icu_mortality").unfold(stay([], np.zeros((0, 6))))
    assert len(times) == len(known) == 48
    assert not any(one.present("heart_rate") for one in known)


def bedside(signals: dict[str, np.ndarray], alarm: Alarm | None) -> Record:
    """signals[m] f32[T, 1] at 125 Hz."""
    unit = {"ecg": "mV", "abp": "mmHg"}
    return Record(
        "a1",
        "a1.hea",
        {m: (Channel(m, unit[m], -400, 400),) for m in signals},
        signals,
        {m: ~np.isnan(v) for m, v in signals.items()},
        {m: np.arange(len(v)) / RATE / 3600 for m, v in signals.items()},
        {"true_alarm": 1.0},
        RecordMeta("wfdb", alarm=alarm, findings=(Finding("ecg", "said of the whole record"),)),
    )


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(int(seconds * RATE), 1)).astype(np.float32)


def alarmed(seconds: float = 45.0, at: float = 40.0, kind: str = "Tachycardia") -> Record:
    return bedside({"ecg": noise(seconds), "abp": 80 + noise(seconds, 1)}, Alarm(kind, at / 3600))


def ended(record: Record, seconds: float) -> Record:
    """The record cut off there, with an alarm of the same type at that moment."""
    stop = int(seconds * RATE)
    return bedside({m: v[:stop] for m, v in record.values.items()}, Alarm("Tachycardia", seconds / 3600))


def test_each_second_before_an_alarm_is_what_prepare_makes_of_a_record_that_ended_then() -> None:
    record = alarmed()
    times, known = ALARM_TASK.unfold(record, seconds=6, alarm_known=True)
    np.testing.assert_allclose(times * 3600, [34, 35, 36, 37, 38, 39, 40])
    for second, one in zip((34, 35, 36, 37, 38, 39, 40), known, strict=True):
        expected = ALARM_TASK.prepare(ended(record, second))
        for name in ALARM_TASK.schema.names:
            np.testing.assert_array_equal(one.values[name], expected.values[name])
            np.testing.assert_allclose(one.hours[name], expected.hours[name], atol=1e-12)
        for name in ("ecg", "abp"):
            np.testing.assert_array_equal(one.meta.context[name], expected.meta.context[name])
    assert_same_input(known[-1], ALARM_TASK.prepare(record))


def test_the_type_of_an_alarm_is_not_known_before_it_sounds() -> None:
    _, known = ALARM_TASK.unfold(alarmed(), seconds=4)
    assert [one.present("alarm") for one in known] == [False] * 4 + [True]
    assert [ALARM_TASK.group(one) for one in known] == ["unknown"] * 4 + [ALARMS["Tachycardia"]]
    assert [bool(one.meta.findings) for one in known] == [False] * 4 + [True]
    other = ALARM_TASK.unfold(alarmed(kind="Asystole"), seconds=4)[1]
    for one, same in zip(known[:-1], other[:-1], strict=True):
        assert_same_input(one, same)
    asked = ALARM_TASK.unfold(alarmed(), seconds=4, alarm_known=True)[1]
    assert all(one.present("alarm") for one in asked)


@given(second=st.integers(34, 40), level=st.floats(-300, 300, width=32))
@settings(max_examples=10)
def test_nothing_after_a_second_reaches_it(second: int, level: float) -> None:
    record = alarmed()
    stop = second * RATE
    altered = {m: np.concatenate([v[:stop], np.full_like(v[stop:], level)]) for m, v in record.values.items()}
    before = ALARM_TASK.unfold(record, seconds=6)[1]
    after = ALARM_TASK.unfold(replace(record, values=altered), seconds=6)[1]
    for one, other in zip(before[: second - 33], after[: second - 33], strict=True):
        assert_same_input(one, other)
    if second < 40:
        # The check can fail: the next second has seen the change.
        with pytest.raises(AssertionError):
            assert_same_input(before[second - 33], after[second - 33])


def test_moments_with_too_little_signal_are_left_out() -> None:
    """The record begins 10 s before the alarm: from 8 s of signal on there is an answer."""
    times, known = ALARM_TASK.unfold(alarmed(15, 10), seconds=30)
    np.testing.assert_allclose(times * 3600, [8, 9, 10])
    assert len(known) == 3
    assert len(ALARM_TASK.unfold(alarmed(), seconds=0)[1]) == 1


def test_what_prepare_refuses_does_not_unfold() -> None:
    with pytest.raises(InputError, match="no alarm"):
        ALARM_TASK.unfold(bedside({"ecg": noise(40)}, None))
    with pytest.raises(InputError, match="0 or more before the alarm"):
        ALARM_TASK.unfold(alarmed(), seconds=-1)
    with pytest.raises(InputError, match="none of which icu_mortality reads"):
        get_task("icu_mortality").unfold(alarmed())


def test_a_signal_that_begins_late_is_missing_before() -> None:
    record = alarmed()
    record.values["abp"][: 38 * RATE] = np.nan
    late = bedside(dict(record.values), record.meta.alarm)
    _, known = ALARM_TASK.unfold(late, seconds=4)
    assert [one.present("abp") for one in known] == [False, False, False, True, True]
    assert np.isnan(known[2].meta.context["abp"]).all()
