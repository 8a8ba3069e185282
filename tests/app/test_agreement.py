"""Ranking on the Agreement page: committed before anything of the model is shown, counted once, compared."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from app import agreement_export, agreement_results_view, agreement_study, agreement_words, text
from explain.raters import model_order
from tests.app.screen import charts, open_app, sample, words
from tests.app.studies import (
    TASK,
    asked_for,
    commit,
    commit_button,
    full_records,
    joined,
    one_study,
    place,
    rank_all,
    record_of,
    started,
)


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/rooms.db")


@pytest.mark.parametrize("task", ["icu_alarm", "icu_mortality"])
def test_before_a_ranking_is_committed_nothing_of_the_model_is_on_the_page(task: str) -> None:
    _, study, _ = started(task=task)
    at = joined(study)
    said, opened = words(at), sample(task, record_of(at))
    assert agreement_words.QUESTION.format(noun=opened.noun) in said
    page = re.sub(r"<style>.*?</style>", "", said, flags=re.S)
    for giveaway in ("Shapley", "estimate of", text.percent(opened.analysis.full.risk), opened.positive, "Weight β"):
        assert giveaway not in page, giveaway
    assert not any(box.key == "w_record" for box in at.selectbox), "the list of records holds risks"
    assert not any("Show what moved" in switch.label for switch in at.toggle)
    drawn = str(charts(at))
    assert drawn
    assert "attribution" not in drawn.lower()
    assert asked_for(at) == [n for n, here in zip(opened.analysis.names, opened.analysis.present, strict=True) if here]
    place(at, {asked_for(at)[0]: 1})
    commit(at)
    assert "Shapley value" in words(at)
    assert f"**{text.percent(opened.analysis.full.risk)}**" in words(at)


def test_the_models_own_order_agrees_in_full_and_the_reverse_not_at_all() -> None:
    study = one_study((full_records()[0],))
    check = sample(TASK, full_records()[0]).analysis.reality
    order = model_order(check, "shapley")
    assert order is not None
    for sign, tau in ((1, "+1.00"), (-1, "\N{MINUS SIGN}1.00")):
        at = joined(study)
        place(at, {name: int(p) if sign > 0 else len(order) + 1 - int(p) for name, p in order.items()})
        commit(at)
        row = re.search(r">Shapley value</th><td>contribution</td><td>([^<]+)</td>", words(at))
        assert row
        assert row[1] == tau


def test_the_order_is_said_while_it_is_made_with_ties_and_what_has_no_place() -> None:
    study = one_study((full_records()[0],))
    at = joined(study)
    assert agreement_words.NOTHING_RANKED in words(at)
    assert commit_button(at).disabled
    place(at, {"abp": 1, "ecg": 4, "ppg": 4})
    assert "Your order: **1** Arterial pressure; **2 to 3** ECG, PPG; **4** Alarm type." in words(at)
    place(at, {"abp": 1, "ecg": 1, "ppg": 1, "alarm": 1})
    assert agreement_words.ALL_EQUAL in words(at)
    place(at, {"abp": None, "ecg": None, "ppg": None, "alarm": None})
    assert commit_button(at).disabled


def test_the_first_answer_counts_and_a_second_one_is_told_so() -> None:
    study = one_study((full_records()[0],))
    first, other = joined(study), open_app("agreement")
    # The same rater in a second tab.
    other.session_state["seat:agreement"] = first.session_state["seat:agreement"]
    other.run()
    place(first, {"ecg": 1, "abp": 2})
    place(other, {"abp": 1, "ecg": 2})
    commit(first)
    commit(other)
    assert agreement_words.ALREADY.replace("**", "") in words(other).replace("**", "")
    kept = agreement_study.ratings(study)
    assert [each.places for each in kept] == [{"ecg": 1, "abp": 2}]
    assert charts(other)[-1]["data"][0]["x"] == [1, 2, 3.5, 3.5]
    assert agreement_words.ALREADY.replace("**", "") not in words(first).replace("**", "")


def test_estimate_and_confidence_are_kept_and_stand_beside_the_models() -> None:
    study = one_study((full_records()[0],))
    at = joined(study)
    place(at, {"ecg": 1})
    at.number_input[0].set_value(35.0).run()
    next(c for c in at.segmented_control if str(c.key).startswith("w_sure:")).set_value("medium").run()
    commit(at)
    assert "Yours: **35 %** (medium confidence)." in words(at)
    (kept,) = agreement_study.ratings(study)
    assert (kept.estimate, kept.confidence) == (35.0, "medium")


def test_results_wait_until_the_rater_has_ranked_all_records() -> None:
    _, study, _ = started(2)
    at = joined(study)
    assert agreement_words.NOT_YET in words(at)
    place(at, {asked_for(at)[0]: 1})
    commit(at)
    assert agreement_words.NOT_YET in words(at)
    assert not any(b.key == "agreement_results" for b in at.button)
    at.button(key="agreement_next").click().run()
    rank_all(at)
    said = words(at)
    assert agreement_words.DONE.format(records="2 records").replace("**", "") in said.replace("**", "")
    assert "Agreement with the model" in said
    assert "A small sample: 1 rater and 2 records." in said
    assert "It takes a record that two raters have ranked." in said


def test_a_study_can_keep_the_models_order_until_all_are_ranked() -> None:
    leader = open_app("agreement", task=TASK)
    assert agreement_words.NOT_BLIND in words(leader)
    leader.number_input(key="w_agreement_count").set_value(2).run()
    leader.radio(key="w_agreement_reveal").set_value("all").run()
    assert agreement_words.NOT_BLIND not in words(leader)
    leader.button(key="agreement_start").click().run()
    study = agreement_study.find(leader.session_state["seat:agreement"].code)
    assert study.reveal == "all"
    at = joined(study)
    place(at, {asked_for(at)[0]: 1})
    commit(at)
    said = words(at)
    assert agreement_words.LATER in said
    assert "Shapley" not in said
    at.button(key="agreement_next").click().run()
    place(at, {asked_for(at)[0]: 1})
    commit(at)
    assert "Shapley value" in words(at)
    at.button(key="agreement_back").click().run()
    assert "Shapley value" in words(at), "all are ranked: the first one is shown as well"
    at.button(key="agreement_results").click().run()
    assert agreement_words.SEEN_AFTER in words(at)
    assert agreement_words.SEEN_BEFORE not in words(at)


def test_from_too_few_raters_no_interval_is_shown() -> None:
    study = one_study(full_records()[:3])
    raters = [joined(study) for _ in range(3)]
    for k, at in enumerate(raters):
        rank_all(at, reverse=k == 1)
        if k < 2:
            said = words(at)
            assert f"<td>{agreement_results_view.TOO_FEW}</td>" in said
            drawn = next(c for c in charts(at) if "Kendall's tau" in str(c["layout"]["xaxis"]))
            pooled = next(trace for trace in drawn["data"] if trace["name"] == "pooled")
            assert not any(pooled.get("error_x", {}).get("array") or ())
    assert f"interval: {agreement_results_view.TOO_FEW}" in words(raters[1])
    said = words(raters[2])
    assert agreement_results_view.TOO_FEW not in said
    assert agreement_words.SEEN_BEFORE in said


def test_two_raters_and_the_leader_see_the_same_results() -> None:
    leader, study, _ = started(2)
    one, two = joined(study), joined(study)
    rank_all(one)
    rank_all(two, reverse=True)
    one.run()
    leader.run()
    said = words(leader)
    assert "**2 participants**, 4 rankings" in said
    assert "from 2 raters and" in said
    for at in (one, leader):
        drawn = next(c for c in charts(at) if "Kendall's tau" in str(c["layout"]["xaxis"]))
        pooled = next(trace for trace in drawn["data"] if trace["name"] == "pooled")
        # Every tau of the one is the other's with its sign changed.
        assert pooled["x"] == pytest.approx([0.0] * len(pooled["x"]), abs=1e-9)
    # Four places in reversed order: alpha by hand is not 1, and the raters do not agree.
    assert re.search(r"\*\*\N{MINUS SIGN}0\.\d\d\*\* \(", said)


def test_comments_and_disagreements_are_listed_and_exported() -> None:
    record = full_records()[0]
    study, check = one_study((record,)), sample(TASK, record).analysis.reality
    order = model_order(check, "shapley")
    assert order is not None
    at = joined(study)
    place(at, {name: len(order) + 1 - int(p) for name, p in order.items()})
    commit(at)
    at.text_area[0].set_value("=damped trace")
    next(b for b in at.button if b.label == "Keep this comment").click().run()
    assert "You wrote: “=damped trace”" in words(at)
    at.button(key="agreement_results").click().run()
    said = words(at)
    top = next(name for name, p in order.items() if p == 1)
    title = dict(zip(check.players, check.titles, strict=True))[top]
    assert f"<td>{title}</td>" in said
    assert said.count("=damped trace") == 1
    rated = agreement_study.ratings(study)
    written = agreement_export.as_csv(study, rated, {record: check}, agreement_study.comments(study))
    lines = written.splitlines()
    assert lines[0] == f"# {text.DISCLAIMER}"
    rows = list(csv.DictReader(io.StringIO("\n".join(lines[2:]))))
    assert [row["modality"] for row in rows] == list(check.players)
    for row in rows:
        assert float(row["place"]) == len(order) + 1 - float(row["place_shapley"])
        assert float(row["tau_shapley"]) == -1.0
        assert row["comment"] == "'=damped trace", "a spreadsheet takes no comment for a formula"
        assert row["rater"] == rated[0].rater
