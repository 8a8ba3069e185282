"""What would have to be missing, or measured otherwise, for an estimate to cross a threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from app import altering_words, changing, explanations_patient, services, text
from app.change_view import LISTED
from app.figures.drawing import listing
from explain.charted import Change, ChartedSearch, Counterfactual
from explain.counterfactual import removals_across
from explain.reference import Reference
from explain.report import Report
from tests.app.screen import go, ids, open_app, percent, sample, words

TASKS = ("icu_mortality", "icu_alarm")
STAY = "900005"
SEARCH = "search_charted"


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


@pytest.fixture(scope="module")
def report() -> Report:
    """A report whose ranges are those of the simulated stays."""
    model = services.checkpoint("icu_mortality")
    prepared = [sample("icu_mortality", record_id).prepared for record_id in ids("icu_mortality")[::4]]
    reference = Reference.of(model.model.schema, [model.batch(prepared)], "simulated")
    return Report(
        "icu_mortality", model.digest, "simulated", len(prepared), 0, (), reference, {}, None, 0.0, "none"
    )  # fmt: skip


def what_if(task: str, record_id: str) -> AppTest:
    at = open_app("what_if", task=task, record=record_id)
    assert not at.exception
    assert not at.error
    return at


def removals(at: AppTest) -> list[list[str]]:
    return next(frame.value for frame in at.dataframe if "Without" in frame.value).to_numpy().tolist()


@pytest.mark.parametrize("task", TASKS)
def test_the_smallest_sets_that_cross_the_base_rate_are_listed(task: str) -> None:
    for record_id in ids(task)[:2]:
        case = sample(task, record_id)
        a = case.analysis
        start = round(100 * a.base_rate)
        at = what_if(task, record_id)
        said = words(at)
        titles = dict(zip(a.names, a.titles, strict=True))
        found = removals_across(a.game, start / 100)
        everything = {name for name, here in zip(a.names, a.present, strict=True) if here}

        assert at.slider(key="w_threshold").value == start
        assert text.NOT_ADVICE in said
        assert f"{text.SMALLEST_CHANGE} {altering_words.CROSSING_APART}" in said
        side = "at or above" if a.full.risk >= start / 100 else "below"
        assert f"The estimate of **{percent(a.full.risk)}** is **{side}** the threshold of **{start} %**." in said
        if not found.found:
            assert "None found" in said
            continue
        rows = removals(at)
        assert len(rows) == min(len(found.found), LISTED)
        assert f"all {2 ** len(everything) - 1} ways" in said
        for row, removal in zip(rows, found.found, strict=False):
            keep = [name not in removal.modalities for name in a.names]
            assert (a.subset(keep).risk >= start / 100) != (a.full.risk >= start / 100)
            whole = set(removal.modalities) == everything
            assert row[0] == ("all that was recorded" if whole else listing([titles[m] for m in removal.modalities]))
            assert row[1] == f"{percent(a.full.risk)} → {percent(a.subset(keep).risk)}"


def test_a_threshold_that_nothing_crosses_says_so_and_stays_chosen() -> None:
    a = sample("icu_mortality", STAY).analysis
    assert a.risks.max() < 0.99
    at = what_if("icu_mortality", STAY)
    at.slider(key="w_threshold").set_value(99).run()
    said = words(at)

    assert "is **below** the threshold of **99 %**" in said
    assert f"None found: all {len(a.risks) - 1:,} ways to take modalities away leave the estimate on its side." in said
    assert not [frame for frame in at.dataframe if "Without" in frame.value]
    at = go(go(at, "model"), "what_if")
    assert at.slider(key="w_threshold").value == 99
    assert go(open_app(task="icu_alarm"), "what_if").slider(key="w_threshold").value != 99


def test_waveforms_are_not_changed_value_by_value() -> None:
    at = what_if("icu_alarm", ids("icu_alarm")[0])
    assert "What would have to be missing" in words(at)
    assert "What would have to be measured otherwise" not in words(at)
    assert not [button for button in at.button if button.key == SEARCH]


def test_without_a_report_the_ranges_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations_patient, "explanation_report", lambda task: None)
    at = what_if("icu_mortality", STAY)
    assert text.NO_RANGES not in words(at)
    at.button(key=SEARCH).click().run()
    assert text.NO_RANGES in words(at)


def test_changes_are_searched_when_asked_and_stand_as_the_search_found_them(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations_patient, "explanation_report", lambda task: report)
    case = sample("icu_mortality", STAY)
    at = what_if("icu_mortality", STAY)
    assert "Searched:" not in words(at)
    at.button(key=SEARCH).click().run()
    said = words(at)
    found = explanations_patient.charted(case, round(100 * case.analysis.base_rate) / 100, None, True)

    assert found is not None
    assert found.found
    assert changing.searched(found) in said
    for answer in found.found:
        assert (answer.risk >= found.threshold) != (found.risk >= found.threshold)
        assert f"**{percent(found.risk)} → {percent(answer.risk)}**" in said
        for change in answer.changes:
            assert changing.change_text(change) in said
            assert change.before != change.after

    at.segmented_control(key="change_last").set_value(6).run()
    assert "Searched:" not in words(at)
    at.button(key=SEARCH).click().run()
    assert "last 6 h" in words(at)
    at.segmented_control(key="change_last").set_value(0).run()
    assert changing.searched(found) in words(at)


CHANGE = Change("labs", 12, "Lactate", "mmol/L", -2.0, 5, 4.2, 1.9, True)
FOUND = ChartedSearch(
    STAY, "died", 0.2, 0.34, (Counterfactual((CHANGE,), 2.0, 0.19),), ("Lactate", "Temperature"), 1, 0, None, 4.0,
    True, 16,
)  # fmt: skip


def test_an_implausible_answer_is_marked_and_none_found_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for plausible in (True, False):
        answer = Counterfactual((replace(CHANGE, plausible=plausible),), 2.0, 0.19)
        monkeypatch.setattr(explanations_patient, "charted", lambda *_, answer=answer: replace(FOUND, found=(answer,)))
        at = what_if("icu_mortality", STAY)
        at.button(key=SEARCH).click().run()
        assert "Lactate 4.20 → 1.90 mmol/L (median of 5 values)" in words(at)
        assert "**34 % → 19 %**" in words(at)
        assert ("Not plausible" in words(at)) != plausible
        assert changing.BEHAVIOUR in words(at)
        assert "Size: 2.0 times the usual spread among training records." in words(at)
    monkeypatch.setattr(explanations_patient, "charted", lambda *_: replace(FOUND, found=()))
    at = what_if("icu_mortality", STAY)
    at.button(key=SEARCH).click().run()
    assert f"None found. {changing.searched(FOUND)}" in words(at)


def test_what_was_searched_is_said_in_full() -> None:
    assert changing.searched(FOUND) == (
        "Searched: 2 charted quantities one by one, then 1 pair of them, all their values moved by one amount of at "
        "most 4 times its usual spread, within the usual range of training records; 16 changed copies in all. Other "
        "kinds of change may exist."
    )
    wide = replace(FOUND, plausible_only=False, last=6, pairs=28, triples=20)
    assert "then 28 pairs and 20 triples of them, their values of the last 6 h" in changing.searched(wide)
    assert "up to the physiological limits" in changing.searched(wide)
    assert "no charted value that may change" in changing.searched(replace(FOUND, channels=()))


def test_the_size_of_several_changes_is_their_sum() -> None:
    both = Counterfactual((CHANGE, replace(CHANGE, title="Urea")), 0.84, 0.19)
    assert changing.size_text(both) == "Size, all of them added up: 0.8 times the usual spread among training records."


def test_a_change_reads_like_a_chart() -> None:
    warm = replace(CHANGE, title="Temperature", unit="degC", before=36.44, after=34.9, values=1)
    assert changing.change_text(warm) == "Temperature 36.4 → 34.9 °C (the one value)"
    acid = replace(CHANGE, title="Arterial pH", unit="pH", before=7.4, after=7.33)
    assert changing.change_text(acid) == "Arterial pH 7.40 → 7.33 (median of 5 values)"
    assert "24.0 → 3712 " in changing.change_text(replace(CHANGE, before=24.0, after=3711.97))
