"""The Fusion page as a funnel: steps in order, one modality followed through all of them, also over page changes."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import following, fusion_view, fusion_words, text
from app.figures.emphasis import FADED
from tests.app.screen import charts, go, ids, open_app, sample, words

TASKS = ("icu_mortality", "icu_alarm")
ORDER = ["attention", "modality_graph", "gates", "weights", "logit_split", "reality_check"]


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


def follow(at: AppTest, name: str) -> AppTest:
    return at.segmented_control(key=fusion_view.WIDGET).set_value(name).run()


def funnel(at: AppTest) -> list[dict[str, Any]]:
    """The charts of the steps, in the order of the page."""
    return [chart for chart in charts(at) if chart["layout"]["uirevision"] in ORDER]


def standing_out(at: AppTest) -> list[str | None]:
    """The first words of each step's text alternative where a modality stands out, else None."""
    alts = [chart.proto.alt for chart in at.get("plotly_chart")][: len(ORDER)]
    return [alt.split(" stands out.")[0] if " stands out." in alt else None for alt in alts]


@pytest.mark.parametrize("task", TASKS)
def test_the_steps_are_numbered_from_top_to_bottom_each_with_a_sentence_and_help(task: str) -> None:
    at = open_app("fusion", task=task, record=ids(task)[0])
    assert not at.exception
    assert not at.error
    assert [chart["layout"]["uirevision"] for chart in funnel(at)] == ORDER
    heads = [mark for mark in at.markdown if mark.value.startswith("#### ")]
    titles = [f"#### {k}. {title}" for k, title in enumerate(fusion_words.TITLES.values(), start=1)]
    assert [mark.value for mark in heads[: len(titles)]] == titles
    assert all(mark.help for mark in heads[: len(titles)]), "what is this?"
    for step in fusion_words.TITLES:
        assert text.AIDS[step] in words(at)


@pytest.mark.parametrize("task", TASKS)
def test_nobody_is_followed_at_first_and_who_comes_first_is_said(task: str) -> None:
    case = sample(task, ids(task)[0])
    at = open_app("fusion", task=task, record=case.record.record_id)
    assert standing_out(at) == [None] * len(ORDER)
    said = words(at)
    assert fusion_words.LEADING in said
    for line in following.leaders(case.analysis, case.analysis.full.attention_of(None, None)).values():
        assert text.escape(line) in said


@pytest.mark.parametrize("task", TASKS)
def test_one_modality_stands_out_in_every_chart_and_every_step_says_what_it_did(task: str) -> None:
    case = sample(task, ids(task)[0])
    names = following.choices(case.analysis)
    name, title = list(names.items())[1]
    at = follow(open_app("fusion", task=task, record=case.record.record_id), name)
    assert not at.exception
    assert standing_out(at) == [title] * len(ORDER)
    found = following.followed(case.analysis, case.analysis.full.attention_of(None, None), name)
    assert following.sentence(title, found) in words(at)
    for step in ("attention", "graph", "gates", "weights", "split"):
        assert f"**{title}:** {found[step]}." in words(at)
    bars = next(t for t in funnel(at)[2]["data"] if "ids" in t)
    assert [o for t, o in zip(bars["ids"], bars["marker"]["opacity"], strict=True) if t == title] == [1.0]
    assert {o for t, o in zip(bars["ids"], bars["marker"]["opacity"], strict=True) if t != title} == {FADED}

    follow(at, fusion_view.NOBODY)

    assert standing_out(at) == [None] * len(ORDER)


def test_the_sentence_speaks_of_the_head_that_is_shown() -> None:
    case = sample("icu_alarm", ids("icu_alarm")[0])
    at = follow(open_app("fusion", task="icu_alarm", record=case.record.record_id), "ecg")
    at.segmented_control(key="network").set_value(2).run()
    at.segmented_control(key="head").set_value(1).run()
    own = following.followed(case.analysis, case.analysis.full.attention_of(2, 1), "ecg")
    mean = following.followed(case.analysis, case.analysis.full.attention_of(None, None), "ecg")
    assert own["attention"] != mean["attention"], "a record on which they differ"
    assert own["attention"] in words(at)
    assert mean["attention"] not in words(at)


def test_the_choice_survives_other_pages_and_waits_for_a_record_that_has_it() -> None:
    everyone = [sample("icu_alarm", record_id) for record_id in ids("icu_alarm")]
    has = next(case for case in everyone if "ppg" in following.choices(case.analysis))
    lacks = next(case for case in everyone if "ppg" not in following.choices(case.analysis))
    title = following.choices(has.analysis)["ppg"]
    at = follow(open_app("fusion", task="icu_alarm", record=has.record.record_id), "ppg")
    go(go(at, "attribution"), "fusion")
    assert standing_out(at) == [title] * len(ORDER)

    at.selectbox(key="w_record").set_value(lacks.record.record_id).run()

    assert not at.exception
    assert standing_out(at) == [None] * len(ORDER)
    assert fusion_words.ABSENT.format(title) in words(at)

    at.selectbox(key="w_record").set_value(has.record.record_id).run()

    assert standing_out(at) == [title] * len(ORDER)
    assert fusion_words.ABSENT.format(title) not in words(at)
