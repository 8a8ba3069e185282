"""Every page shows, on the sample cohort, what the services computed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import services, signals, text
from app.views import Case, opposed
from explain.types import Attribution
from tests.app.screen import BLIND, PAGES, charts, go, ids, open_app, percent, sample, words

TASKS = ("icu_mortality", "icu_alarm")


def lacking(task: str) -> Case:
    """The first sample record with a missing modality."""
    return next(case for case in (sample(task, r) for r in ids(task)) if case.analysis.missing)


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


def in_order(at: AppTest) -> None:
    """No failure on the page; a warning about attributions that do not add up is none."""
    failures = [error.value for error in at.error if "do not add up" not in error.value]
    assert not at.exception
    assert not failures
    assert text.DISCLAIMER in words(at)


@pytest.mark.parametrize("task", TASKS)
def test_patient_shows_the_risk_its_base_rate_and_what_is_missing(task: str) -> None:
    case = lacking(task)
    at = open_app(task=task, record=case.record.record_id)

    in_order(at)
    assert at.metric[0].value == percent(case.analysis.full.risk)
    said = words(at)
    assert f"({percent(case.analysis.base_rate)})" in at.metric[0].delta
    assert case.analysis.sentence in said
    for title in case.analysis.missing:
        assert f'{title}</th><td colspan="4">not recorded</td>' in said
    assert "Simulated patient" in said
    for fact in case.facts:
        assert fact in said


def test_patient_draws_every_lead_of_an_alarm_in_its_unit_around_the_alarm() -> None:
    case = sample("icu_alarm", ids("icu_alarm")[0])
    at = open_app(task="icu_alarm", record=case.record.record_id)

    figure = next(f for f in charts(at) if f["layout"].get("autosize") is False)
    drawn = {trace.get("name") for trace in figure["data"]}
    leads = {
        f"ECG {channel.title}" if modality == "ecg" else channel.title
        for modality, channels in case.record.channels.items()
        for k, channel in enumerate(channels)
        if case.record.observed[modality][:, k].any()
    }
    assert leads <= drawn
    start = min(292.0, signals.last_start(case.record, 10))
    in_sight = f"{text.clock(start)} to {text.clock(start + 10)}; the alarm sounded at 00:05:00"
    assert in_sight in words(at)
    at.slider[0].set_value(10.0).run()
    assert "00:00:10 to 00:00:20" in words(at)
    next(button for button in at.button if button.label == "Jump to the alarm").click().run()
    assert in_sight in words(at)


def test_patient_draws_the_charted_values_of_a_stay_with_units() -> None:
    at = open_app(task="icu_mortality", record=ids("icu_mortality")[0])

    notes = [note["text"] for figure in charts(at) for note in figure["layout"].get("annotations", [])]
    assert any("Heart rate, bpm" in note for note in notes)


def test_the_outcome_is_hidden_until_asked_for() -> None:
    case = sample("icu_mortality", ids("icu_mortality")[0])
    at = open_app(task="icu_mortality", record=case.record.record_id)
    assert case.outcome is not None
    assert case.outcome not in words(at)

    next(toggle for toggle in at.toggle if toggle.label == "Reveal the outcome").set_value(True).run()

    assert f"Simulated outcome: **{case.outcome}**" in words(at)


@pytest.mark.parametrize("task", TASKS)
def test_fusion_shows_the_whole_trace_and_says_what_it_is_not(task: str) -> None:
    case = lacking(task)
    at = open_app("fusion", task=task, record=case.record.record_id)

    in_order(at)
    said = words(at)
    assert "Routing weight, not contribution" in said
    for aid in ("attention", "graph", "gates", "weights", "split"):
        assert text.AIDS[aid] in said
    assert len(charts(at)) == 7
    heat = next(trace for trace in charts(at)[0]["data"] if trace["type"] == "heatmap")
    here = [k for k, present in enumerate(case.analysis.present) if present]
    mean = case.analysis.full.attention_of(None, None)
    assert heat["z"][here[0]][here[0]] == pytest.approx(float(mean[here[0], here[0]]), abs=1e-6)

    at.segmented_control(key="network").set_value(2).run()
    at.segmented_control(key="head").set_value(1).run()

    heat = next(trace for trace in charts(at)[0]["data"] if trace["type"] == "heatmap")
    second = case.analysis.full.attention_of(2, 1)
    assert heat["z"][here[0]][here[0]] == pytest.approx(float(second[here[0], here[0]]), abs=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_attribution_shows_the_gap_before_the_numbers(task: str) -> None:
    case = lacking(task)
    found = services.attribution(case, 32, True)
    at = open_app("attribution", task=task, record=case.record.record_id)

    assert not at.exception
    said = words(at)
    verdict = "These attributions add up" if found.complete else "These attributions do not add up"
    assert verdict in said
    assert f"{found.settings['steps']} steps" in said
    assert text.baseline(services.baseline(case)) in said

    at.segmented_control(key="ig_steps").set_value(64).run()
    at.toggle(key="ig_refine").set_value(False).run()

    assert "64 steps" in words(at)


def test_attributions_that_do_not_add_up_are_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    right = services.attribution

    def wrong(opened: Case, steps: int, refine: bool) -> Attribution:
        return dataclasses.replace(right(opened, steps, refine), gap=0.31, f_x=1.0, f_baseline=0.0)

    monkeypatch.setattr(services, "attribution", wrong)
    at = open_app("attribution", task="icu_mortality")

    assert "These attributions do not add up" in at.error[0].value
    assert "31.0 %" in at.error[0].value


@pytest.mark.parametrize("task", TASKS)
def test_model_shows_the_card_and_the_hash(task: str) -> None:
    facts = services.model_facts(task)
    at = open_app("model", task=task)

    in_order(at)
    assert facts.card.replace("\\", "").strip() in words(at)
    assert facts.digest in words(at)
    assert facts.schema in words(at)


def test_the_selection_survives_page_changes_and_is_in_the_address() -> None:
    record_id = ids("icu_alarm")[3]
    at = open_app(task="icu_alarm", record=record_id)

    for page in PAGES[1:]:
        at = go(at, page)
        if page == BLIND:
            continue
        assert at.selectbox(key="w_record").value == record_id
        assert at.query_params["task"] == "icu_alarm"
        assert at.query_params["record"] == record_id
        in_order(at)


@pytest.mark.parametrize("page", [page for page in PAGES if page != BLIND])
def test_a_link_opens_its_page_with_the_frame_around_it(page: str) -> None:
    at = open_app(page, task="icu_alarm", record=ids("icu_alarm")[1])

    in_order(at)
    assert at.sidebar.selectbox(key="w_record").value == ids("icu_alarm")[1]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_one_heading_of_its_own_also_where_a_record_is_unknown(page: str) -> None:
    name = {"what_if": "What-if"}.get(page, page.title())
    for record_id in (ids("icu_alarm")[0], "nonsense"):
        said = words(open_app(page, task="icu_alarm", record=record_id))
        assert said.count("<h1 ") == 1
        assert f">{name}</h1>" in said


def test_attribution_says_why_its_two_charts_differ_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    case = sample("icu_alarm", ids("icu_alarm")[0])
    shapley = dict(zip(case.analysis.names, case.analysis.shapley.tolist(), strict=True))
    titles = [
        title
        for title, value in zip(case.analysis.titles, case.analysis.shapley, strict=True)
        if abs(round(float(value), 2)) > 0
    ]
    assert titles
    right = services.attribution

    def turned(opened: Case, steps: int, refine: bool) -> Attribution:
        found = right(opened, steps, refine)
        against = {m: np.full_like(v, -np.sign(shapley[m]) / v.size) for m, v in found.values.items()}
        return dataclasses.replace(found, values=against)

    monkeypatch.setattr(services, "attribution", turned)
    at = open_app("attribution", task="icu_alarm", record=case.record.record_id)

    assert text.TWO_QUESTIONS in words(at)
    assert f"differ in sign for **{', '.join(titles)}**" in words(at)
    axes = [figure["layout"]["xaxis"].get("title", {}).get("text", "") for figure in charts(at)]
    assert len({title for title in axes if title.startswith("contribution")}) == 2


def test_signs_are_opposed_only_where_both_sides_show_at_two_digits() -> None:
    a = sample("icu_alarm", ids("icu_alarm")[0]).analysis
    a = dataclasses.replace(a, shapley=np.array([0.5, -0.3, 0.004, 0.2, 0.0][: len(a.names)]))

    assert opposed(a, dict.fromkeys(a.names, -0.2)) == tuple(a.titles[k] for k in (0, 3))
    assert opposed(a, dict.fromkeys(a.names, 0.2)) == (a.titles[1],)
    assert opposed(a, dict.fromkeys(a.names, 0.004)) == ()


def test_settings_and_the_revealed_outcome_survive_a_page_change() -> None:
    case = sample("icu_alarm", ids("icu_alarm")[0])
    at = open_app(task="icu_alarm", record=case.record.record_id)
    next(toggle for toggle in at.toggle if toggle.label == "Reveal the outcome").set_value(True).run()
    at = go(at, "attribution")
    at.segmented_control(key="ig_steps").set_value(64).run()
    at = go(at, "fusion")
    at.segmented_control(key="network").set_value(2).run()
    at.segmented_control(key="head").set_value(1).run()

    at = go(at, "patient")
    assert f"Simulated outcome: **{case.outcome}**" in words(at)
    assert go(at, "attribution").segmented_control(key="ig_steps").value == 64
    at = go(at, "fusion")
    assert (at.segmented_control(key="network").value, at.segmented_control(key="head").value) == (2, 1)


def test_warnings_stand_in_plain_sight_and_notes_in_the_list() -> None:
    case = next(case for case in (sample("icu_alarm", r) for r in ids("icu_alarm")) if case.warnings)
    at = open_app(task="icu_alarm", record=case.record.record_id)
    assert case.warnings[0].what in at.main.warning[0].value.replace("\\", "")
    assert not any(e.label.startswith("What was noticed while reading this record") for e in at.expander)

    noted = next(case for case in (sample("icu_mortality", r) for r in ids("icu_mortality")) if case.notes)
    at = open_app(task="icu_mortality", record=noted.record.record_id)
    assert not at.main.warning
    assert any(e.label.startswith("What was noticed while reading this record") for e in at.expander)


def test_patient_lists_the_static_values_and_what_of_them_is_missing() -> None:
    case = next(
        case
        for case in (sample("icu_mortality", r) for r in ids("icu_mortality"))
        if ("Height", "not recorded") in case.stated and case.facts
    )
    said = words(open_app(task="icu_mortality", record=case.record.record_id))

    assert [name for name, _ in case.stated] == ["Age", "Sex", "Height", "Weight on admission", "ICU type"]
    for name, value in case.stated:
        kind = "missing" if value == "not recorded" else "here"
        assert f'<li class="{kind}"><b>{name}</b> {value}</li>' in said
    row = case.prepared.values["demographics"][0]
    names = [channel.name for channel in case.prepared.channels["demographics"]]
    assert dict(case.stated)["Age"] == f"{row[names.index('Age')]:.0f} years"
    assert not sample("icu_alarm", ids("icu_alarm")[0]).stated


def test_the_largest_values_are_open_from_the_start() -> None:
    at = open_app("attribution", task="icu_mortality", record=ids("icu_mortality")[0])

    listed = next(e for e in at.expander if "moved the risk most" in e.label)
    assert listed.proto.expanded


def test_the_baseline_is_said_for_what_was_recorded_alone() -> None:
    said = text.baseline(services.baseline(lacking("icu_alarm")))
    assert "median level" in said
    missing = lacking("icu_alarm").analysis.missing
    assert missing
    assert not any(title in said for title in missing)
