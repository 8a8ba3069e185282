"""The stored report on the Model page: as it was measured, or plainly not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import checked, services, text
from app.explanations import explanation_report
from explain.methods import METHODS
from explain.report import FILE
from tests.app.reports import checkpoints
from tests.app.screen import charts, go, open_app, words

TASK = "icu_mortality"


def test_the_shipped_report_is_shown_method_by_method() -> None:
    report = explanation_report(TASK)
    assert report is not None
    at = open_app("model", task=TASK)
    assert not at.exception
    table = next(frame.value for frame in at.dataframe if "Adds up" in frame.value.columns)
    assert list(table["Method"]) == [method.title for method in METHODS.values()]
    rows = table.set_index("Method")
    for method in report.methods:
        for check in report.checks(method):
            assert rows.loc[METHODS[method].title, check.title] == checked.MARKS[check.passed]
    said = words(at)
    for check in report.checks("integrated_gradients"):
        assert check.said in said
    at.selectbox(key="checked_method").set_value("DeepLIFT").run()
    assert report.checks("deep_lift")[0].said in words(at)
    titles = json.dumps(charts(at), ensure_ascii=False)
    assert "between trained networks" in titles
    assert "fusion weights (β): even" in titles


def test_the_planted_figure_holds_the_reports_numbers() -> None:
    report = explanation_report(TASK)
    assert report is not None
    for game in checked.GAMES:
        drawn = checked.planted(report, game, False)
        assert drawn is not None
        shown = json.loads(drawn.figure.to_json())["data"]
        points = sorted(x for trace in shown if trace.get("mode") == "markers" for x in trace["x"])
        assert points == pytest.approx(sorted(row["modality"]["share"] for row in report.planted(game)), abs=1e-6)
        assert len(checked.planted_rows(report, game)) == len(report.planted(game))


def test_without_a_report_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(checkpoints(tmp_path, False)))
    at = open_app("model", task=TASK)
    assert text.NO_REPORT in words(at)
    assert not at.exception


def test_a_report_of_other_weights_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoints(tmp_path, False)
    stored = json.loads((services.ROOT / "checkpoints" / TASK / FILE).read_text())
    (folder / TASK / FILE).write_text(json.dumps({**stored, "model": "0" * 16}))
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(folder))
    assert explanation_report(TASK) is None


def test_a_damaged_report_is_one_message_and_the_page_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoints(tmp_path, False)
    (folder / TASK / FILE).write_text('{"format": 1')
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(folder))
    at = open_app("model", task=TASK)
    said = words(at)
    assert "a file that cannot be read" in said
    assert "Research and education only" in said
    assert not at.exception


@pytest.mark.parametrize("task", list(services.FORMATS))
def test_every_method_of_the_shipped_reports_can_be_chosen_on_the_attribution_page(task: str) -> None:
    report = explanation_report(task)
    assert report is not None
    at = go(open_app("patient", task=task), "attribution")
    assert not at.exception
    assert "could not be drawn" not in words(at)
    offered = at.selectbox(key="method").options
    assert len(offered) == len(METHODS)
    failed = [method for method in report.methods if report.sane(method) is False]
    for name, shown in zip(METHODS, offered, strict=True):
        assert shown.startswith(METHODS[name].title)
        if name in failed:
            assert "(" in shown
    assert "Names the planted stretch" in words(at)
