"""The pure parts of the screen, on values small enough to work out by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from amfn.types import Alarm, Channel, Finding, ModalitySpec, Record, RecordMeta, Schema
from app import charted, signals, text
from app.figures import TrendPanel, drawing
from tests.app.screen import ROOT, charts, go, open_app, words

LEAD = Channel("II", "mV", -10, 10)
SCHEMA = Schema("toy", (ModalitySpec("ecg", "waveform", (LEAD,), 2.0, "ECG", 4),), ("yes",))


def record(seconds: np.ndarray, channel: Channel = LEAD) -> Record:
    values = np.zeros((len(seconds), 1), np.float32)
    return Record(
        "r", "r", {"ecg": (channel,)}, {"ecg": values}, {"ecg": ~np.isnan(values)}, {"ecg": seconds / 3600}, {},
        RecordMeta("toy", alarm=Alarm("x", 5 / 3600)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "00:00:00"), (292, "00:04:52"), (3661, "01:01:01"), (299.96, "00:05:00"), (1.5, "00:00:01.5")],
)
def test_elapsed_time(seconds: float, said: str) -> None:
    assert text.clock(seconds) == said


@pytest.mark.parametrize(
    ("risk", "said"),
    [(0.14, "about the base rate"), (0.42, "3.0 times the base rate"), (0.16, "above the base rate"),
     (0.05, "below the base rate")],
)  # fmt: skip
def test_risk_against_the_base_rate(risk: float, said: str) -> None:
    assert text.compared(risk, 0.14) == said


def test_signs_of_markdown_are_shown_as_they_are() -> None:
    assert text.plain("a_b*[c](d) $e$ :red[f] <b>") == r"a\_b\*\[c\]\(d\) \$e\$ \:red\[f\] \<b\>"
    assert text.plain("34 %") == "34\N{NO-BREAK SPACE}%"


def test_attributions_spread_over_samples_keep_their_sum_and_their_place() -> None:
    raw = record(np.arange(20) / 4)
    prepared = record(np.arange(2, 6) / 2)
    effect = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)

    (strip,) = signals.strips(raw, prepared, SCHEMA, {"ecg": effect})

    assert strip.dt_s == pytest.approx(0.25)
    assert strip.attribution is not None
    np.testing.assert_allclose(strip.attribution[4:12], [0.5, 0.5, 1, 1, 1.5, 1.5, 2, 2])
    assert strip.attribution.sum() == pytest.approx(10)


def test_a_lead_that_the_model_does_not_read_has_no_attribution() -> None:
    raw = record(np.arange(20) / 4, replace(LEAD, name="V"))

    (strip,) = signals.strips(raw, record(np.arange(2, 6) / 2), SCHEMA, {"ecg": np.ones((4, 1), np.float32)})

    assert strip.attribution is None


def test_what_was_not_recorded_has_a_strip_of_its_own() -> None:
    """A lead must not vanish from the paper because nothing of it can be drawn."""
    respiration = ModalitySpec("resp", "waveform", (Channel("RESP", "a.u.", -10, 10),), 2.0, "Respiration", 4)
    schema = Schema("toy", (*SCHEMA.modalities, respiration), ("yes",))
    values = np.zeros((20, 2), np.float32)
    values[:, 1] = np.nan
    raw = replace(
        record(np.arange(20) / 4),
        channels={"ecg": (LEAD, replace(LEAD, name="V"))}, values={"ecg": values}, observed={"ecg": ~np.isnan(values)},
    )  # fmt: skip

    beating, dead, absent = signals.strips(raw, record(np.arange(2, 6) / 2), schema)

    assert (beating.title, beating.recorded, beating.remark) == ("ECG II", True, "")
    assert (dead.title, dead.recorded, dead.absence) == ("ECG V", False, "no valid sample")
    assert (absent.title, absent.recorded, absent.absence) == ("Respiration", False, "not recorded")


@pytest.mark.parametrize(
    ("count", "said"), [(20, "flat line"), (8, "flat line for 2 s of the record"), (0, "")]
)  # fmt: skip
def test_a_flat_line_that_the_reader_found_is_said_on_its_lead(count: int, said: str) -> None:
    raw = record(np.arange(20) / 4)
    found = (Finding("II", "flat line for 5 s or longer", count), Finding("V", "flat line for 5 s or longer", 9))

    (strip,) = signals.strips(replace(raw, meta=replace(raw.meta, findings=found)), raw, SCHEMA)

    assert strip.remark == said


def test_a_group_cut_by_a_column_says_that_it_goes_on() -> None:
    groups = ["Heart", "Laboratory", "Laboratory", "Laboratory", "Laboratory", "Urine"]
    panels = [TrendPanel(group, LEAD, np.zeros(1), np.zeros(1), group=group) for group in groups]

    parts = charted.balanced(panels, 3)

    assert [[panel.group for panel in part] for part in parts] == [
        ["Heart", "Laboratory"], ["Laboratory (continued)", "Laboratory"], ["Laboratory (continued)", "Urine"],
    ]  # fmt: skip


def test_the_window_is_the_same_on_patient_and_attribution_and_survives_other_pages() -> None:
    at = open_app("patient", task="icu_alarm", record="sim_v001")
    at.button_group(key="window_length:patient").set_value(5).run()
    at.button_group(key="window_zoom:patient").set_value(0.5).run()
    slider = next(s for s in at.slider if s.label.startswith("Start"))
    slider.set_value(120.0).run()

    go(at, "fusion")
    go(at, "attribution")

    assert "00:02:00 to 00:02:05" in words(at)
    assert "zoom 50 %" in words(at)
    go(at, "patient")
    assert "00:02:00 to 00:02:05" in words(at)
    at.button(key="jump:patient").click().run()
    assert "00:04:55 to 00:05:00" in words(at), "the alarm sounds where this record ends"


def test_trends_are_explained_once() -> None:
    at = open_app("patient", task="icu_mortality")

    assert words(at).count("Hours since the start of the record.") == 1
    assert "Hours since" not in str(charts(at))


def test_small_print_keeps_the_text_colour() -> None:
    """Streamlit fades captions to 60 % and disabled labels to 40 %; both then fail WCAG AA on white."""
    rules = (ROOT / "app" / "style.css").read_text()
    for selector in ('[data-testid="stCaptionContainer"]', "label:has(input:disabled)"):
        assert "color: inherit; opacity: 1" in rules.split(selector, 1)[1].split("}", 1)[0]


def test_columns_are_balanced_and_keep_the_order() -> None:
    panels = [TrendPanel("m", replace(LEAD, name=str(k)), np.zeros(1), np.zeros(1)) for k in range(7)]

    parts = charted.balanced(panels, 3)

    assert [panel.channel.name for part in parts for panel in part] == [str(k) for k in range(7)]
    assert sorted(map(len, parts)) == [2, 2, 3]
    assert charted.balanced([], 3) == []


def test_the_window_before_an_alarm_starts_on_a_whole_second_and_not_before_the_record() -> None:
    assert signals.before(300, 10) == 292
    assert signals.before(3, 10) == 0
    assert signals.before(300, 30) == 272


def test_the_screen_does_not_wait_for_captum_or_shap() -> None:
    code = (
        "import sys; import app.services, app.attribution_view; "
        "print([m for m in ('captum', 'shap', 'lightning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_charts_and_sentences_say_under_one_percent_alike() -> None:
    """The same risk on one screen must not read "under 1 %" in words and "1 %" in a chart."""
    for risk in (0.0001, 0.004, 0.006, 0.0099, 0.01, 0.0149, 0.125, 0.5, 0.985, 0.99, 0.9901, 0.9999):
        in_words = text.percent(risk).replace("under ", "<").replace("over ", ">")
        assert drawing.percent(risk) == in_words


def test_the_strongest_values_say_when_they_were_stated_and_leave_out_what_did_nothing() -> None:
    flags = (Channel("a", "", 0, 1, "Asystole", flag=True), Channel("b", "", 0, 1, "Bradycardia", flag=True))
    schema = Schema("toy", (ModalitySpec("alarm", "static", flags, label="Alarm type"),), ("yes",))
    values = np.array([[1.0, 0.0]], np.float32)
    prepared = Record(
        "r", "r", {"alarm": flags}, {"alarm": values}, {"alarm": ~np.isnan(values)}, {"alarm": np.zeros(1)}, {},
        RecordMeta("toy", alarm=Alarm("Asystole", 300 / 3600)),
    )  # fmt: skip
    found = charted.influences(prepared, schema, {"alarm": np.array([[-1.3, 0.0]], np.float32)}, 12)
    assert [(row.title, row.when, row.value) for row in found] == [("Asystole", "at the alarm", "yes")]
    stay = replace(prepared, meta=RecordMeta("toy"))
    assert (
        charted.influences(stay, schema, {"alarm": np.array([[-1.3, 0.0]], np.float32)}, 12)[0].when == "on admission"
    )
