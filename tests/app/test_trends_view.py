"""Charted values on the Patient page: what is missing in words, limits with their source, attributions on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import charted, explanations_methods, method_view, services, state, trend_words, trends_view
from app.explanations_methods import Choice
from app.figures import largest_attribution
from app.views import Case
from tests.app.screen import charts, go, ids, open_app, sample, words

TASK = "icu_mortality"


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


def moved(at: AppTest, on: bool = True) -> AppTest:
    return at.toggle(key=f"w_{trends_view.MOVED}").set_value(on).run()


def trend_traces(at: AppTest) -> list[dict[str, Any]]:
    return [t for chart in charts(at) if chart["layout"]["uirevision"] == "trends" for t in chart["data"]]


def symbols(at: AppTest) -> set[str]:
    return {symbol for t in trend_traces(at) if "marker" in t for symbol in t["marker"]["symbol"]}


def test_every_charted_variable_is_drawn_once_and_the_others_are_named() -> None:
    case = sample(TASK, ids(TASK)[0])
    at = open_app(task=TASK, record=case.record.record_id)
    assert not at.exception
    assert not at.error
    panels = charted.charted(case.record, case.prepared, services.schema(TASK), trends_view.HOURS)
    drawn = [t["name"] for t in trend_traces(at) if t["mode"] == "lines+markers"]
    assert drawn == [panel.channel.title for panel in panels if len(panel.values)]
    gone, single = charted.never_charted(panels)
    assert gone, "a record on which a modality is missing"
    assert single, "and single variables of others"
    for title in gone:
        assert f"<b>{title}</b> not recorded" in words(at)
    for titles in single.values():
        assert ", ".join(titles) in words(at)
    held = [t for t in trend_traces(at) if str(t["name"]).endswith("carried forward")]
    assert held
    assert all(t["mode"] == "lines" for t in held)


def test_line_and_cuff_stand_on_one_scale_over_all_columns() -> None:
    titles = {"SysABP": "Systolic pressure (arterial line)", "NISysABP": "Systolic pressure (cuff)"}
    case = next(c for c in (sample(TASK, i) for i in ids(TASK)) if _both(c, set(titles)))
    at = open_app(task=TASK, record=case.record.record_id)
    ranges = [
        chart["layout"][f"yaxis{trace['yaxis'][1:]}"]["range"]
        for chart in charts(at)
        if chart["layout"]["uirevision"] == "trends"
        for trace in chart["data"]
        if trace["name"] in titles.values()
    ]
    assert len(ranges) == 2
    assert ranges[0] == ranges[1]


def _both(case: Case, names: set[str]) -> bool:
    panels = charted.charted(case.record, case.prepared, services.schema(TASK), trends_view.HOURS)
    return names <= {panel.channel.name for panel in panels if len(panel.values)}


def test_limits_stand_with_their_unit_and_source() -> None:
    at = open_app(task=TASK, record=ids(TASK)[0])
    said = words(at)
    assert trend_words.SOURCES.format(services.schema(TASK).reference_source) in said
    assert '<th scope="row">Creatinine</th><td>mg/dL</td><td>0.5 to 1.3</td><td>0.05 to 50</td>' in said
    assert "No charted value was dropped as implausible; values outside the reference range are drawn." in said


def test_what_lay_outside_its_limits_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stay = next((Path(services.sample_folder(TASK))).glob("*.txt")).read_text(encoding="utf-8")
    (tmp_path / "900001.txt").write_text(stay.rstrip() + "\n47:10,HR,999\n47:20,HR,998\n", encoding="utf-8")
    monkeypatch.setenv("AMFN_DATA", str(tmp_path))
    said = words(open_app())
    assert (
        "2 values lay outside their accepted limits and are not drawn: Heart rate 2 (accepted 10 to 300 bpm)." in said
    )


def test_a_stay_without_a_chart_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "900001.txt").write_text(
        "Time,Parameter,Value\n00:00,RecordID,900001\n00:00,Age,70\n00:00,Gender,1\n00:00,ICUType,3\n", encoding="utf-8"
    )
    monkeypatch.setenv("AMFN_DATA", str(tmp_path))
    at = open_app()
    assert not at.exception
    assert trend_words.NOT_CHARTED in words(at)
    assert not trend_traces(at)


def test_what_moved_the_estimate_is_marked_on_demand_by_the_attribution_page_s_method() -> None:
    case = sample(TASK, ids(TASK)[0])
    at = open_app(task=TASK, record=case.record.record_id)
    assert symbols(at) == {"circle"}
    go(at, "attribution")
    at.selectbox(key="method").set_value("saliency").run()
    go(at, "patient")
    moved(at)
    assert not at.exception
    found = explanations_methods.attribution(case, Choice("saliency"), None)
    scale = largest_attribution(charted.hourly(case.prepared, services.schema(TASK), found.measured))
    assert scale > 0
    assert "Points are hourly averages" in words(at)
    assert "Points were measured" not in words(at)
    assert f"the more sensitivity; it has no direction (largest {scale:.2g})" in words(at)
    go(at, "attribution")
    at.selectbox(key="method").set_value("integrated_gradients").run()
    go(at, "patient")
    assert {"triangle-up", "triangle-down"} <= symbols(at)
    assert "These attributions add up" in words(at)
    moved(at, on=False)
    assert symbols(at) == {"circle"}
    assert "Points were measured" in words(at)
    assert "hourly averages of what" not in words(at)


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        ({}, Choice("integrated_gradients", "zero", 32, True, False)),
        ({"ig_steps": 128, "ig_refine": False}, Choice("integrated_gradients", "zero", 128, False, False)),
        ({"method": "saliency", "ig_steps": 128, "ig_refine": False}, Choice("saliency")),
        ({"baseline": "gone"}, Choice()),
        ({"baseline": "sample"}, Choice(baseline="sample")),
        ({"method": "feature_ablation", "missing": True}, Choice("feature_ablation")),
    ],
)
def test_the_kept_choice_is_the_one_that_the_attribution_page_would_make(
    kept: dict[str, object], wanted: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a stored report nothing can be asked about what was not measured."""
    monkeypatch.setattr(state, "kept", lambda key, default: kept.get(key, default))
    assert method_view.kept(sample(TASK, ids(TASK)[0]), None) == wanted
