"""The Signals page: a window to move, marks and shades on demand, long recordings, a moment to ask the model about."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from streamlit.testing.v1 import AppTest

from amfn.types import InputError
from app import services, waves
from app.reading import AFTER_S, BEFORE_S, task_record
from app.views import NoAlarm
from tests.app.screen import charts, go, open_app, sample, words

RATE = 125


def opened(record: str = "sim_v001") -> AppTest:
    at = open_app("signals", task="icu_alarm", record=record)
    assert not at.exception
    return at


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


def typed(at: AppTest, alarm: str) -> AppTest:
    """The type of the alarm to ask about, chosen."""
    return next(box for box in at.selectbox if box.label == "Type of alarm").set_value(alarm).run()


def window(at: AppTest) -> str:
    said = words(at).replace("**", "").splitlines()
    return next(line for line in said if "zoom 100 %" in line or "Overview scale" in line)


def trace(at: AppTest, name: str) -> dict[str, Any]:
    return next(item for item in charts(at)[0]["data"] if item.get("name") == name)


@pytest.fixture
def long_record(tmp_path: Path) -> Path:
    """20 minutes of one ECG lead and a pressure, a beat a second, without an alarm; the lead is off for ten seconds."""
    t = np.arange(20 * 60 * RATE) / RATE
    ecg = np.exp(-(((t % 1) - 0.5) ** 2) / 0.0004) + 0.01 * np.sin(40 * t)
    ecg[600 * RATE : 610 * RATE] = np.nan
    pressure = 80 + 40 * np.abs(np.sin(np.pi * t))
    wfdb.wrsamp(
        "quiet", fs=RATE, units=["mV", "mmHg"], sig_name=["II", "ABP"], p_signal=np.column_stack([ecg, pressure]),
        fmt=["16", "16"], write_dir=str(tmp_path),
    )  # fmt: skip
    return tmp_path


def of_folder(monkeypatch: pytest.MonkeyPatch, folder: Path, page: str = "signals") -> AppTest:
    monkeypatch.setenv("AMFN_DATA", str(folder))
    at = open_app(page)
    assert not at.exception
    return at


def test_it_opens_at_the_alarm_with_every_lead_and_the_scale() -> None:
    at = opened()
    case = sample("icu_alarm", "sim_v001")
    names = {item.get("name") for item in charts(at)[0]["data"]}

    assert "Record sim_v001" in words(at)
    assert "00:04:50 to 00:05:00 of 00:05:00; the alarm sounded at 00:05:00" in window(at)
    assert "25 mm/s · 10 mm/mV · zoom 100 %" in window(at)
    titles = [f"ECG {c.title}" if m == "ecg" else c.title for m, cs in case.record.channels.items() for c in cs]
    assert set(titles) <= names


def test_steps_typing_and_the_alarm_move_the_window() -> None:
    at = press(opened(), "Back")
    assert "00:04:40 to 00:04:50" in window(at)
    assert "00:04:50 to 00:05:00" in window(press(at, "Forward"))
    start = next(box for box in at.text_input if box.label == "Start")
    assert "00:01:05 to 00:01:15" in window(start.set_value("1:05").run())
    assert "00:04:50 to 00:05:00" in window(press(at, "Alarm"))


def test_what_is_no_time_or_outside_is_said_and_moves_nothing() -> None:
    at = opened()
    start = next(box for box in at.text_input if box.label == "Start")
    start.set_value("noon").run()
    assert "“noon” is no time" in words(at)
    assert "00:04:50 to 00:05:00" in window(at)
    next(box for box in at.text_input if box.label == "Start").set_value("9:00:00").run()
    assert "The recording runs from 00:00:00 to 00:05:00" in words(at)
    assert "00:04:50 to 00:05:00" in window(at)


def test_beats_come_to_the_middle_and_their_marks_below_the_lead() -> None:
    at = press(press(opened("sim_a001"), "Back"), "Next beat")
    at.toggle(key="w_signals_beats").set_value(True).run()
    low, high = charts(at)[0]["layout"]["xaxis"]["range"]
    row = next(item for item in charts(at)[0]["data"] if str(item.get("name")).startswith("marks of"))

    assert len(row["x"]) > 2
    assert any(abs(x - (low + 0.4 + high - 0.04) / 2) < 0.06 for x in row["x"]), "a beat stands in the middle"
    assert "not confirmed" in words(at)


def test_a_long_window_is_drawn_at_a_stated_overview_scale_and_survives_other_pages() -> None:
    at = opened()
    next(box for box in at.selectbox if box.label == "Length").set_value(60.0).run()
    assert "Overview scale, time compressed" in window(at)
    go(go(at, "fusion"), "signals")
    assert "Overview scale, time compressed" in window(at)
    go(at, "patient")
    assert "Overview scale, time compressed" in words(at), "the same window on the Patient page"


def test_the_highest_attribution_is_shown_behind_an_untouched_trace() -> None:
    at = press(opened(), "Back")
    before = trace(at, "ECG II")
    press(at, "Highest attribution")
    tints = [item for item in charts(at)[0]["data"] if item.get("name") == "attribution"]

    assert tints
    assert at.toggle(key="w_signals_attribution").value
    assert {**trace(at, "ECG II"), "x0": 0, "y": 0} == {**before, "x0": 0, "y": 0}
    low, high = charts(at)[0]["layout"]["xaxis"]["range"]
    seen = sample("icu_alarm", "sim_v001").prepared.hours["ecg"] * 3600
    assert low < seen[-1] and high > seen[0]  # noqa: PT018


def test_a_stay_without_waveforms_says_where_its_values_are() -> None:
    at = open_app("signals", task="icu_mortality")

    assert "charted values and no waveform" in words(at)
    assert not at.exception
    assert not at.error


def test_a_recording_without_an_alarm_is_shown_and_other_pages_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, long_record: Path
) -> None:
    at = of_folder(monkeypatch, long_record)
    assert "No alarm in this recording" in words(at)
    assert "00:00:00 to 00:00:10 of 00:20:00" in window(at)
    assert trace(at, "ABP")["y"]

    for page in ("patient", "fusion", "attribution", "what_if"):
        go(at, page)
        assert "quiet holds no alarm" in words(at)
        assert not at.exception
        assert not at.error


def test_the_model_is_asked_about_a_moment_on_every_page_and_forgets_it(
    monkeypatch: pytest.MonkeyPatch, long_record: Path
) -> None:
    at = of_folder(monkeypatch, long_record)
    moment = next(box for box in at.text_input if box.label.startswith("Moment"))
    moment.set_value("10:00").run()
    press(at, "Ask the model")
    assert "Choose the type of the alarm" in words(at), "no type is taken for granted"
    typed(at, "Asystole")
    press(at, "Ask the model")
    assert "Asystole alarm at 00:10:00, assumed by the user" in words(at)
    assert "00:09:52 to 00:10:02" in window(at)
    assert "assumed alarm at 00:10:00" in window(at)
    assert "<b>assumed alarm</b>" in [note["text"] for note in charts(at)[0]["layout"]["annotations"]]
    assert "are missing" not in words(at)
    go(at, "patient")
    assert "assumed by the user" in words(at)
    assert "assumed alarm at 00:10:00" in words(at)
    assert "the alarm sounded" not in words(at)
    assert "chance of the alarm being true" in words(at)
    press(go(at, "signals"), "Forget this alarm")
    assert "No alarm in this recording" in words(at)


@pytest.mark.parametrize(
    ("moment", "said"), [("noon", "is no time"), ("3:00:00", "choose a moment within it"), ("2", "only 2.0 s")]
)
def test_a_moment_that_cannot_be_judged_is_said_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, long_record: Path, moment: str, said: str
) -> None:
    at = of_folder(monkeypatch, long_record)
    next(box for box in at.text_input if box.label.startswith("Moment")).set_value(moment).run()
    typed(at, "Asystole")
    press(at, "Ask the model")

    assert said in words(at)
    go(at, "patient")
    assert "quiet holds no alarm" in words(at)


def test_of_a_long_recording_only_the_stretch_around_the_alarm_is_read(long_record: Path) -> None:
    listed = services.listing(str(long_record), "icu_alarm")
    ref = services.located(listed, "quiet")
    with pytest.raises(NoAlarm):
        task_record(ref, "icu_alarm")

    record = task_record(ref, "icu_alarm", ("Asystole", 900.0))

    seconds = record.hours["ecg"] * 3600
    assert (seconds[0], round(seconds[-1])) == (pytest.approx(900 - BEFORE_S), 900 + AFTER_S)
    whole = wfdb.rdrecord(str(long_record / "quiet")).p_signal
    first = round(seconds[0] * RATE)
    assert np.allclose(record.values["abp"][:, 0], whole[first : first + len(seconds), 1], atol=1e-4)
    with pytest.raises(InputError, match="a time within the record"):
        task_record(ref, "icu_alarm", ("Asystole", 5000.0))


def test_what_takes_long_is_done_once_in_the_background_and_finds_the_lead_that_was_off(long_record: Path) -> None:
    ref = services.located(services.listing(str(long_record), "icu_alarm"), "quiet")
    found = waves.opened(ref.path, services.modified(ref))
    assert not found.complete
    waves.begin(found, 5.0)
    assert found.source.built
    until = time.monotonic() + 60
    while not found.complete and time.monotonic() < until:
        time.sleep(0.05)

    assert not found.failure
    assert found.flaws is not None
    (off,) = [flaw for flaw in found.flaws[0] if flaw.kind == "absent"]
    assert (off.start_s, off.stop_s) == pytest.approx((600, 610), abs=1)
    assert waves.opened(ref.path, services.modified(ref)) is found
    shown = waves.strips(found, 0, 1200)
    assert max(len(strip.values) for strip in shown) <= waves.LONG_POINTS
    assert np.nanmax(shown[0].values) == pytest.approx(np.nanmax(found.source.read(0, 0, 1200).values))


def test_beats_stop_with_the_heart_and_the_pause_and_the_pulses_are_said() -> None:
    at = opened("sim_a001")
    at.toggle(key="w_signals_beats").set_value(True).run()
    row = next(item for item in charts(at)[0]["data"] if str(item.get("name")).startswith("marks of"))

    assert "Beats in ECG II: 7, 93 bpm where regular; longest pause 5.5 s" in window(at)
    assert "pulses in ABP" in window(at)
    assert max(row["x"]) < 295.0


def test_beats_are_refused_in_words_where_the_lead_is_noisy() -> None:
    at = opened("sim_v005")
    at.toggle(key="w_signals_beats").set_value(True).run()
    assert "not judged from 00:04:53 to 00:05:00" in window(at)


def test_what_lies_wholly_outside_of_what_the_model_saw_is_grey_and_says_so() -> None:
    at = opened()
    start = next(box for box in at.text_input if box.label == "Start")
    start.set_value("1:05").run()
    notes = [note["text"] for note in charts(at)[0]["layout"]["annotations"]]
    grey = [s for s in charts(at)[0]["layout"]["shapes"] if s["type"] == "rect"]
    assert notes.count("not seen by the model (grey)") == 1
    assert [(s["x0"], s["x1"]) for s in grey] == [(65, 75)]
    assert "seen by the model" not in notes


def test_an_early_assumed_alarm_says_how_much_was_not_recorded(
    monkeypatch: pytest.MonkeyPatch, long_record: Path
) -> None:
    at = of_folder(monkeypatch, long_record)
    next(box for box in at.text_input if box.label.startswith("Moment")).set_value("10").run()
    press(typed(at, "Asystole"), "Ask the model")
    assert "6 of 16 s before it are missing" in words(at)


def test_an_ecg_without_millivolts_has_no_scale_and_a_warning_on_both_pages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    t = np.arange(60 * RATE) / RATE
    columns = np.column_stack([t, np.exp(-(((t % 1) - 0.5) ** 2) / 0.0004), np.sin(2 * np.pi * t)])
    np.savetxt(tmp_path / "odd.csv", columns, fmt="%.4f", delimiter=",", header="Time [s],II,PLETH", comments="")
    at = of_folder(monkeypatch, tmp_path)
    assert "amplitude not calibrated (NU)" in words(at)
    assert "The model was trained on millivolts" in words(at)
    assert "10 mm/mV" not in words(at)
    assert "calibration" not in {item.get("name") for item in charts(at)[0]["data"]}

    next(box for box in at.text_input if box.label.startswith("Moment")).set_value("40").run()
    go(press(typed(at, "Asystole"), "Ask the model"), "patient")
    assert "the model was trained on millivolts" in words(at)
    assert "amplitude not calibrated (NU)" in words(at)
    assert "10 mm/mV" not in words(at)
