"""Records altered by hand: known answers, limits, and what must stay as it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from amfn.types import Channel, InputError, Record, RecordMeta
from explain.alterations import (
    ALTERED,
    Alteration,
    SetValue,
    ShiftValues,
    TakeOut,
    altered_findings,
    apply_all,
)
from explain.alterations_waves import NOISE, AddNoise, CutLead, DampLine, FlatLine, NoiseKind
from tests import toys

HR = Channel("HR", "bpm", 10, 300, "Heart rate")
TEMP = Channel("Temp", "degC", 25, 45, "Temperature")
VENT = Channel("MechVent", "0/1", 0, 1, "Mechanical ventilation", flag=True)
ECG, V = Channel("II", "mV", -20, 20), Channel("V", "mV", -20, 20)
ABP = Channel("ABP", "mmHg", -50, 350)
RATE, SECONDS = 250.0, 40.0


def stay() -> Record:
    """Five charting times; heart rate at four of them, temperature at two, the ventilator at one."""
    nan = math.nan
    chart = np.array([[80, 36.5, nan], [92, nan, nan], [nan, nan, 1], [120, 38.25, nan], [100, nan, nan]], np.float32)
    return Record(
        "s1", "s1.txt", {"chart": (HR, TEMP, VENT)}, {"chart": chart}, {"chart": ~np.isnan(chart)},
        {"chart": np.array([0.5, 5.5, 10.0, 12.0, 47.5])}, {"in_hospital_death": 1.0}, RecordMeta("toy"),
    )  # fmt: skip


def waves() -> Record:
    """Two ECG leads and a pressure of 120 over 80 at 75 beats a minute, 40 s at 250 Hz; lead V has a gap."""
    t = np.arange(round(SECONDS * RATE)) / RATE
    beat = np.sin(2 * np.pi * 1.25 * t) + 0.4 * np.sin(2 * np.pi * 2.5 * t + 0.6)
    ecg = np.stack([np.exp(-200 * ((t * 1.25) % 1 - 0.5) ** 2), 0.5 * np.cos(7 * t)], 1).astype(np.float32)
    ecg[500:900, 1] = np.nan
    abp = (95 + 40 * (beat - beat.min()) / (beat.max() - beat.min()) - 15).astype(np.float32)[:, None]
    values = {"ecg": ecg, "abp": abp}
    return Record(
        "w1", "w1.hea", {"ecg": (ECG, V), "abp": (ABP,)}, values, {m: ~np.isnan(v) for m, v in values.items()},
        dict.fromkeys(values, t / 3600), {}, RecordMeta("toy"),
    )  # fmt: skip


def column(record: Record, modality: str, c: int, start: float = 0, stop: float = SECONDS) -> np.ndarray:
    seconds = record.hours[modality] * 3600
    return record.values[modality][(seconds >= start - 1e-6) & (seconds < stop - 1e-6), c].astype(np.float64)


def test_a_shift_changes_the_logit_by_weight_times_change() -> None:
    """A linear model with weight 0.25 on the sum of heart rates: three values by 8 bpm are 0.25 · 3 · 8 = 6."""
    schema = toys.schema({"chart": 3})
    model = toys.Toy(toys.additive, schema, scale=[0.25])

    def logit(record: Record) -> float:
        seen = torch.from_numpy(record.observed["chart"])[None]
        x = torch.from_numpy(np.nan_to_num(record.values["chart"]))[None]
        batch = replace(toys.batch({"chart": x}), observed={"chart": seen})
        with torch.no_grad():
            return float(model(batch).logits[0, 0])

    before = stay()
    after = ShiftValues("chart", HR, 8, 5, 48).apply(before)
    assert logit(after) - logit(before) == pytest.approx(6, abs=1e-5)
    assert logit(SetValue("chart", HR, 5.5, 100).apply(before)) - logit(before) == pytest.approx(2, abs=1e-5)
    assert logit(TakeOut("chart", HR, 12, 12).apply(before)) - logit(before) == pytest.approx(-30, abs=1e-5)


def test_a_set_value_is_named_with_what_stood_there() -> None:
    change = SetValue("chart", HR, 5.5, 140)
    after = change.apply(stay())
    assert after.values["chart"][:, 0].tolist() == [80, 140, pytest.approx(math.nan, nan_ok=True), 120, 100]
    assert change.words() == "Heart rate: set to 140 bpm at 05:30"
    (found,) = altered_findings(after)
    assert (found.channel, found.count, found.severity) == ("Heart rate", 1, "warning")
    assert found.what == f"{ALTERED}set to 140 bpm at 05:30 (was 92 bpm)"
    assert altered_findings(stay()) == ()


def test_a_stretch_of_hours_holds_both_its_ends() -> None:
    after = ShiftValues("chart", HR, -10, 5.5, 12).apply(stay())
    assert after.values["chart"][[0, 1, 3, 4], 0].tolist() == [80, 82, 110, 100]
    assert ShiftValues("chart", HR, -10, 5.5, 12).words() == "Heart rate: −10 bpm from 05:30 to 12:00"
    gone = TakeOut("chart", TEMP, 0, 48).apply(stay())
    assert np.isnan(gone.values["chart"][:, 1]).all()
    assert not gone.observed["chart"][:, 1].any()
    assert gone.observed["chart"][:, 0].sum() == 4
    assert TakeOut("chart", TEMP, 0, 48).words() == "Temperature: taken out from 00:00 to 48:00"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (SetValue("chart", HR, 5.5, 301), "10 to 300 bpm"),
        (SetValue("chart", HR, 5.5, math.inf), "10 to 300 bpm"),
        (SetValue("chart", HR, 5.5, math.nan), "no number"),
        (SetValue("chart", HR, 5.5, 92), "what stands there"),
        (SetValue("chart", HR, 10.0, 90), "nothing measured at 10:00"),
        (SetValue("chart", HR, 6.0, 90), "nothing measured at 06:00"),
        (SetValue("chart", VENT, 10.0, 0.5), "0 (no) or 1 (yes)"),
        (SetValue("chart", ABP, 10.0, 90), "no ABP in chart"),
        (SetValue("labs", HR, 10.0, 90), "no Heart rate in labs"),
        (ShiftValues("chart", HR, 200, 0, 48), "1 of 4 values outside the limits, the furthest 320 bpm"),
        (ShiftValues("chart", HR, 0, 0, 48), "a shift by 0"),
        (ShiftValues("chart", HR, 1e-9, 0, 48), "what stands there"),
        (ShiftValues("chart", HR, math.nan, 0, 48), "a shift by nan"),
        (ShiftValues("chart", VENT, 1, 0, 48), "yes or no"),
        (ShiftValues("chart", HR, 5, 20, 10), "a start before the end"),
        (TakeOut("chart", TEMP, 13, 48), "nothing measured from 13:00 to 48:00"),
        (TakeOut("chart", TEMP, math.nan, 48), "a start before the end"),
    ],
)
def test_what_cannot_be_done_to_a_chart_is_said_and_not_done(change: Alteration, said: str) -> None:
    record = stay()
    digest = record.digest()
    with pytest.raises(InputError) as error:
        change.apply(record)
    assert said in str(error.value)
    assert record.digest() == digest


@pytest.mark.parametrize("kind", sorted(NOISE))
@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 6.0, 20.0])
def test_noise_is_as_strong_as_stated(kind: NoiseKind, snr_db: float) -> None:
    before = waves()
    after = AddNoise("ecg", ECG, kind, snr_db, 5, 25, seed=3).apply(before)
    signal = column(before, "ecg", 0, 5, 25)
    noise = column(after, "ecg", 0, 5, 25) - signal
    measured = 10 * math.log10(signal.var() / np.square(noise).mean())
    assert measured == pytest.approx(snr_db, abs=0.5)
    assert abs(noise.mean()) < 1e-3
    again = AddNoise("ecg", ECG, kind, snr_db, 5, 25, seed=3).apply(before)
    other = AddNoise("ecg", ECG, kind, snr_db, 5, 25, seed=4).apply(before)
    assert again.digest() == after.digest() != other.digest()


def peak_hz(noise: np.ndarray) -> float:
    return float(np.fft.rfftfreq(len(noise), 1 / RATE)[np.abs(np.fft.rfft(noise)).argmax()])


def test_each_noise_stands_where_its_name_says() -> None:
    before = waves()

    def noise(kind: NoiseKind, mains: float = 50.0) -> np.ndarray:
        after = AddNoise("ecg", ECG, kind, 0, 0, SECONDS, seed=1, mains_hz=mains).apply(before)
        return column(after, "ecg", 0) - column(before, "ecg", 0)

    assert peak_hz(noise("mains")) == pytest.approx(50, abs=0.05)
    assert peak_hz(noise("mains", 60)) == pytest.approx(60, abs=0.05)
    assert peak_hz(noise("wander")) < 0.6
    spectrum = np.square(np.abs(np.fft.rfft(noise("white"))))
    assert spectrum[: len(spectrum) // 2].sum() == pytest.approx(spectrum[len(spectrum) // 2 :].sum(), rel=0.15)
    motion = noise("motion")
    hz = np.fft.rfftfreq(len(motion), 1 / RATE)
    power = np.square(np.abs(np.fft.rfft(motion)))
    assert power[(hz > 0.3) & (hz < 11)].sum() / power.sum() > 0.95
    by_second = np.square(motion).reshape(round(SECONDS), -1).mean(1)
    assert by_second.max() > 10 * np.median(by_second), "motion comes in bursts"


@pytest.mark.parametrize("strength", [0.2, 0.6, 1.0])
def test_damping_keeps_the_mean_and_takes_the_stated_share_of_the_pulse_pressure(strength: float) -> None:
    before = waves()
    change = DampLine("abp", ABP, strength, 4, 36)
    after = change.apply(before)
    was, now = (column(record, "abp", 0, 4, 36) for record in (before, after))

    def pulse(values: np.ndarray) -> float:
        """Median over beats of 0.8 s, without the first and last two."""
        beats = values.reshape(-1, round(0.8 * RATE))[2:-2]
        return float(np.median(beats.max(1) - beats.min(1)))

    assert pulse(was) == pytest.approx(40, rel=0.02)
    assert now.mean() == pytest.approx(was.mean(), abs=0.01)
    assert pulse(now) == pytest.approx(40 * (1 - strength), abs=0.8)
    assert f"pulse pressure {100 * strength:.0f} % smaller around its mean" in change.words()
    assert f"{change.cutoff_hz:.1f} Hz" in change.words()


def test_damping_rounds_the_beats_and_follows_a_slow_fall() -> None:
    before = waves()
    fall = np.linspace(0, -20, len(before.values["abp"]), dtype=np.float32)[:, None]
    sharp = np.where(np.arange(len(fall))[:, None] % 200 < 20, 40, 0).astype(np.float32)
    record = replace(before, values={**before.values, "abp": 90 + fall + sharp})
    now = column(DampLine("abp", ABP, 0.5, 0, SECONDS).apply(record), "abp", 0)
    steepest = np.abs(np.diff(column(record, "abp", 0))).max()
    assert np.abs(np.diff(now)).max() < 0.25 * steepest
    assert now[:2500].mean() - now[-2500:].mean() == pytest.approx(15, abs=1.0)


def test_a_cut_lead_is_absent_and_no_zero() -> None:
    before = waves()
    after = CutLead("ecg", ECG, 0, SECONDS).apply(before)
    assert np.isnan(after.values["ecg"][:, 0]).all()
    assert not after.observed["ecg"][:, 0].any()
    both = CutLead("ecg", V, 0, SECONDS).apply(after)
    assert not both.present("ecg")
    assert both.present("abp")
    assert CutLead("ecg", V, 2, 8.5).words() == "ECG V: cut, no signal from 2 s to 8.5 s"


def test_a_stretch_of_seconds_holds_its_first_sample_and_not_its_last() -> None:
    after = CutLead("abp", ABP, 10, 20).apply(waves())
    gone = np.flatnonzero(~after.observed["abp"][:, 0])
    assert (gone[0], gone[-1]) == (2500, 4999)


def test_a_flat_line_keeps_gaps() -> None:
    before = waves()
    after = FlatLine("ecg", V, 0, 5, level=0.25).apply(before)
    seen = before.observed["ecg"][:1250, 1]
    assert np.array_equal(after.observed["ecg"], before.observed["ecg"])
    assert (after.values["ecg"][:1250, 1][seen] == 0.25).all()
    assert "flat line at 0.25 mV" in FlatLine("ecg", V, 0, 5, level=0.25).words()
    level = np.median(column(before, "abp", 0, 0, 5))
    assert (column(FlatLine("abp", ABP, 0, 5).apply(before), "abp", 0, 0, 5) == np.float32(level)).all()
    assert f"flat line at {level:.5g} mmHg" in altered_findings(FlatLine("abp", ABP, 0, 5).apply(before))[0].what


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (AddNoise("abp", ABP, "white", -40, 0, 20), "-50 to 350 mmHg"),
        (AddNoise("abp", ABP, "white", math.nan, 0, 20), "nan dB"),
        (AddNoise("abp", ABP, "white", 99, 0, 20), "at most 60 dB"),
        (AddNoise("abp", ABP, "white", 6, 0, 20, seed=-1), "seed -1"),
        (AddNoise("abp", ABP, "brown", 6, 0, 20), "brown noise"),  # type: ignore[arg-type]
        (AddNoise("abp", ABP, "mains", 6, 0, 20, mains_hz=55), "55 Hz"),
        (AddNoise("abp", ABP, "motion", 6, 0, 0.05), "a longer stretch"),
        (AddNoise("ecg", V, "white", 6, 2.4, 3.2), "nothing measured from 2.4 s to 3.2 s"),
        (CutLead("abp", ABP, 20, 10), "a start before the end"),
        (CutLead("abp", ABP, 50, 60), "nothing measured from 50 s to 60 s"),
        (CutLead("resp", ABP, 0, 10), "no ABP in resp"),
        (DampLine("ecg", ECG, 0.5, 0, 20), "a lead in mV"),
        (DampLine("abp", ABP, 0, 0, 20), "strength 0"),
        (DampLine("abp", ABP, 1.5, 0, 20), "strength 1.5"),
        (DampLine("abp", ABP, 0.5, 0, 1), "2 s or more"),
        (FlatLine("abp", ABP, 0, 5, level=900), "-50 to 350 mmHg"),
        (FlatLine("abp", ABP, 0, 5, level=math.nan), "no number"),
    ],
)
def test_what_cannot_be_done_to_a_waveform_is_said_and_not_done(change: Alteration, said: str) -> None:
    record = waves()
    digest = record.digest()
    with pytest.raises(InputError) as error:
        change.apply(record)
    assert said in str(error.value)
    assert record.digest() == digest


def test_a_flat_stretch_has_no_ratio_and_no_pulse() -> None:
    flat = FlatLine("abp", ABP, 0, SECONDS).apply(waves())
    for change in (AddNoise("abp", ABP, "white", 6, 0, 20), DampLine("abp", ABP, 0.5, 0, 20)):
        with pytest.raises(InputError, match="flat"):
            change.apply(flat)


def test_mains_hum_needs_the_samples_for_it() -> None:
    record = waves()
    slow = replace(record, hours={m: h * 4 for m, h in record.hours.items()})
    with pytest.raises(InputError, match=r"62\.5 samples a second"):
        AddNoise("abp", ABP, "mains", 6, 0, 20).apply(slow)


def test_alterations_follow_one_another_and_none_gives_the_record_back() -> None:
    record = stay()
    first, second = ShiftValues("chart", HR, 50, 0, 48), ShiftValues("chart", HR, 120, 5.5, 5.5)
    after = apply_all(record, (first, second))
    assert after.values["chart"][1, 0] == 262
    assert [f.what for f in altered_findings(after)] == [
        f"{ALTERED}{c.words().partition(': ')[2]}" for c in (first, second)
    ]
    assert apply_all(record, ()) is record
    with pytest.raises(InputError):
        apply_all(record, (second, second))


def check(change: Alteration, build: Callable[[], Record], c: int, rows: np.ndarray) -> None:
    """Whatever was done: within limits, nowhere else, masks as values, the original untouched."""
    record, pristine = build(), build()
    try:
        after = change.apply(record)
    except InputError:
        assume(False)
    m = change.modality
    values, seen = after.values[m], after.observed[m]
    assert record.digest() == pristine.digest() != after.digest()
    assert np.array_equal(seen, ~np.isnan(values))
    assert not (seen & ~pristine.observed[m]).any(), "nothing is measured that was not"
    mine = values[:, c][seen[:, c]]
    assert ((mine >= change.channel.low) & (mine <= change.channel.high)).all()
    elsewhere = np.ones(values.shape, bool)
    elsewhere[rows, c] = False
    assert np.array_equal(values[elsewhere], pristine.values[m][elsewhere], equal_nan=True)
    for name in set(record.values) - {m}:
        assert after.values[name] is record.values[name]
    assert after.hours is record.hours
    assert after.labels == pristine.labels
    assert len(after.meta.findings) == len(pristine.meta.findings) + 1
    assert change.words().startswith(altered_findings(after)[0].channel)
    assert apply_all(record, ()).digest() == pristine.digest()


def into_the_original(record: Record, after: Record) -> None:
    record.values["chart"][:] = after.values["chart"]


def into_another_channel(record: Record, after: Record) -> None:
    after.values["chart"][0, 1] += 1


def beyond_the_limits(record: Record, after: Record) -> None:
    after.values["chart"][0, 0] = 301


@pytest.mark.parametrize("reach", [into_the_original, into_another_channel, beyond_the_limits])
def test_the_check_objects_to_what_reaches_further(reach: Callable[[Record, Record], None]) -> None:
    class Broken(ShiftValues):
        def apply(self, record: Record) -> Record:
            after = ShiftValues.apply(self, record)
            reach(record, after)
            return after

    check(ShiftValues("chart", HR, 5, 0, 48), stay, 0, np.arange(5))
    with pytest.raises(AssertionError):
        check(Broken("chart", HR, 5, 0, 48), stay, 0, np.arange(5))


HOUR = st.floats(0, 48, allow_nan=False)


@given(
    st.sampled_from([0.5, 5.5, 12.0, 47.5]), st.floats(-50, 400, width=32), st.floats(-300, 300, width=32), HOUR, HOUR
)
@settings(max_examples=60, deadline=None)
def test_charted_changes_stay_in_their_place(hour: float, value: float, amount: float, a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    hours = stay().hours["chart"]
    between = np.flatnonzero((hours >= low - 1e-6) & (hours <= high + 1e-6))
    changes: list[tuple[Alteration, np.ndarray]] = [
        (SetValue("chart", HR, hour, value), np.flatnonzero(hours == hour)),
        (ShiftValues("chart", HR, amount, low, high), between),
        (TakeOut("chart", HR, low, high), between),
    ]
    done = 0
    for change, rows in changes:
        try:
            change.apply(stay())
        except InputError:
            continue
        done += 1
        check(change, stay, 0, rows)
    assume(done)


@given(
    st.sampled_from(sorted(NOISE)), st.floats(-20, 40), st.floats(0.05, 1), st.integers(0, 2**31),
    st.floats(0, SECONDS), st.floats(0, SECONDS), st.floats(-60, 360, width=32),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_waveform_changes_stay_in_their_place(
    kind: NoiseKind, snr: float, strength: float, seed: int, a: float, b: float, level: float
) -> None:
    start, stop = min(a, b), max(a, b)
    seconds = np.arange(round(SECONDS * RATE)) / RATE
    rows = np.flatnonzero((seconds >= start - 2e-6) & (seconds < stop + 2e-6))
    changes: list[Alteration] = [
        AddNoise("abp", ABP, kind, snr, start, stop, seed),
        CutLead("abp", ABP, start, stop),
        DampLine("abp", ABP, strength, start, stop),
        FlatLine("abp", ABP, start, stop, level),
    ]
    done = 0
    for change in changes:
        try:
            change.apply(waves())
        except InputError:
            continue
        done += 1
        check(change, waves, 0, rows)
    assume(done)
