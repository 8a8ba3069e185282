"""Choosing a record: filters, order, the user's own folder, and everything that can be wrong with it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from amfn import origin
from amfn.checkpoint import CONFIG, WEIGHTS
from app import links, services, surveying
from app.views import Entry
from tests.app.screen import go, ids, open_app, percent, sample, words


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


@pytest.fixture
def stays(tmp_path: Path) -> Path:
    """Four stays of the sample cohort, one of them cut to nothing usable."""
    folder = tmp_path / "my_stays"
    folder.mkdir()
    for record_id in ids("icu_mortality")[:4]:
        shutil.copy(origin.SAMPLES / "icu_mortality" / f"{record_id}.txt", folder)
    (folder / f"{ids('icu_mortality')[1]}.txt").write_text("Time,Parameter,Value\n", encoding="utf-8")
    return folder


def entries(task: str) -> dict[str, Entry]:
    return surveying.complete(services.listing(services.sample_folder(task), task), lambda share: None).entries


def test_the_whole_sample_cohort_is_ranked_as_single_records_are() -> None:
    for task in ("icu_mortality", "icu_alarm"):
        found = entries(task)
        assert set(found) == set(ids(task))
        for record_id in ids(task)[:6]:
            a = sample(task, record_id).analysis
            assert found[record_id].risk == pytest.approx(a.full.risk, abs=1e-5)
            assert len(found[record_id].missing) == len(a.missing)


def test_filters_narrow_the_list_and_the_order_follows_the_risk() -> None:
    found = entries("icu_alarm")
    at = open_app(task="icu_alarm")
    lacking = next(e for e in found.values() if e.missing).missing[0]

    at.selectbox(key="w_missing_icu_alarm").set_value(lacking).run()
    assert f"{sum(lacking in e.missing for e in found.values())} of {len(found)} records" in words(at)
    at.button(key="w_next").click().run()
    assert lacking in found[str(at.selectbox(key="w_record").value)].missing

    at.selectbox(key="w_missing_icu_alarm").set_value("any").run()
    at.selectbox(key="w_order_icu_alarm").set_value("high").run()
    highest = max(found.values(), key=lambda e: e.risk)
    assert at.selectbox(key="w_record").options[0].startswith(f"{highest.record_id} · {percent(highest.risk)}")

    group = next(iter(found.values())).group
    at.multiselect(key="w_group_icu_alarm").set_value([group]).run()
    assert f"{sum(e.group == group for e in found.values())} of {len(found)} records" in words(at)

    at.slider(key="w_risk_icu_alarm").set_value((99, 100)).run()
    kept = sum(e.group == group and e.risk >= 0.99 for e in found.values())
    assert f"{kept} of {len(found)} records" in words(at)
    assert not at.exception


def test_next_moves_on_and_keeps_the_page() -> None:
    at = go(open_app(task="icu_mortality"), "fusion")

    at.button(key="w_next").click().run()

    assert at.selectbox(key="w_record").value == ids("icu_mortality")[1]
    assert f"Record {ids('icu_mortality')[1]}" in words(at)


def test_a_folder_that_does_not_exist_is_explained_and_the_sample_still_works(tmp_path: Path) -> None:
    at = open_app()
    at.radio(key="w_source").set_value("folder").run()
    assert "Type the path of a folder" in at.main.info[0].value
    assert not at.error

    at.text_input(key="w_folder").set_value(str(tmp_path / "nowhere")).run()

    assert "nowhere" in at.error[0].value
    assert "How to mend it" in at.error[0].value
    assert not at.exception
    at.radio(key="w_source").set_value("sample").run()
    assert not at.error
    assert at.metric


def test_a_folder_without_records_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMFN_DATA", str(tmp_path))
    at = open_app()

    assert "no record in it" in at.error[0].value.replace("\\", "")


def test_a_broken_record_is_listed_with_its_reason_and_the_others_work(
    stays: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMFN_DATA", str(stays))
    at = open_app()

    assert not at.error
    good = [r for k, r in enumerate(ids("icu_mortality")[:4]) if k != 1]
    assert at.selectbox(key="w_record").value == good[0]
    assert [option.split(" ")[0] for option in at.selectbox(key="w_record").options] == good
    assert [expander.label for expander in at.expander if "cannot be used" in expander.label] == [
        "Records that cannot be used (1)"
    ]
    assert "3 of 3 records" in words(at)
    assert "1 cannot be used: the reason stands at the end of the Patient page" in words(at)
    assert "no usable row" in words(at)
    assert at.query_params["record"] == links.hashed(str(stays), good[0])
    assert good[0] not in str(at.query_params)
    assert str(stays) not in str(at.query_params)
    for record_id in good[1:]:
        at.selectbox(key="w_record").set_value(record_id).run()
        assert at.metric[0].value == percent(sample("icu_mortality", record_id).analysis.full.risk)
        assert not at.error


def test_a_first_record_that_is_broken_does_not_stand_in_the_way(stays: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stays / f"{ids('icu_mortality')[0]}.txt").write_text("not a stay", encoding="utf-8")
    monkeypatch.setenv("AMFN_DATA", str(stays))
    at = open_app()

    assert not at.error
    assert at.selectbox(key="w_record").value == ids("icu_mortality")[2]


@pytest.mark.parametrize("page", ["patient", "fusion", "attribution", "what_if"])
def test_an_unknown_record_in_the_address_is_explained_and_others_can_be_chosen(page: str) -> None:
    at = open_app(page, task="icu_mortality", record="<b>999</b>")

    said = at.error[0].value.replace("\\", "")
    assert "No record '<b>999</b>' in the sample cohort. Choose one on the left." in said
    assert str(origin.SAMPLES) not in said
    assert not at.exception
    at.selectbox(key="w_record").set_value(ids("icu_mortality")[2]).run()
    assert not at.error


def test_from_an_unknown_record_a_button_leads_to_the_first() -> None:
    at = open_app(task="icu_alarm", record="nonsense")

    at.button(key="open_first").click().run()

    assert not at.error
    assert at.selectbox(key="w_record").value == ids("icu_alarm")[0]
    assert f"Record {ids('icu_alarm')[0]}" in words(at)


@pytest.mark.parametrize("order", ["id", "low"])
def test_a_filter_leaves_the_open_record_open_and_says_so(order: str) -> None:
    found = entries("icu_alarm")
    opened = max(found.values(), key=lambda e: e.risk).record_id
    at = open_app(task="icu_alarm", record=opened)
    at.selectbox(key="w_order_icu_alarm").set_value(order).run()

    end = int(100 * min(e.risk for e in found.values())) + 1
    at.slider(key="w_risk_icu_alarm").set_value((0, end)).run()

    assert at.selectbox(key="w_record").value is None
    assert f"The open record {opened} is outside the filter" in words(at)
    assert f"Record {opened}" in words(at)
    assert at.metric[0].value == percent(found[opened].risk)
    assert at.query_params["record"] == opened


def test_filters_stay_when_the_question_changes_and_back() -> None:
    at = open_app(task="icu_alarm")
    group = next(iter(entries("icu_alarm").values())).group
    at.multiselect(key="w_group_icu_alarm").set_value([group]).run()
    at.slider(key="w_risk_icu_alarm").set_value((1, 99)).run()
    at.selectbox(key="w_order_icu_alarm").set_value("low").run()

    at.radio(key="w_task").set_value("icu_mortality").run()
    assert at.slider(key="w_risk_icu_mortality").value == (0, 100)
    at.radio(key="w_task").set_value("icu_alarm").run()

    assert at.multiselect(key="w_group_icu_alarm").value == [group]
    assert at.slider(key="w_risk_icu_alarm").value == (1, 99)
    assert at.selectbox(key="w_order_icu_alarm").value == "low"


def test_a_long_ranking_looks_up_several_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = dataclasses.replace(
        services.listing(services.sample_folder("icu_mortality"), "icu_mortality"), stamp="read anew"
    )
    now = iter(float(k) for k in range(10_000))
    monkeypatch.setattr(surveying, "time", SimpleNamespace(monotonic=lambda: next(now) * 0.05))
    found = surveying.advance(listed)

    assert 1 <= len(found.entries) <= 3
    assert not found.done


def test_an_unknown_task_in_the_address_opens_the_first_one() -> None:
    at = open_app(task="no_such_task", record="1")

    assert at.radio(key="w_task").value == "icu_mortality"
    assert not at.exception


def test_a_large_folder_is_ranked_only_when_asked(stays: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMFN_DATA", str(stays))
    monkeypatch.setattr(surveying, "AUTOMATIC_UP_TO", 2)
    at = open_app()
    assert at.selectbox(key="w_record").options == list(ids("icu_mortality")[:4])

    at.button(key="w_rank").click().run()

    assert len(at.selectbox(key="w_record").options) == 3
    assert all("%" in option for option in at.selectbox(key="w_record").options)


def test_without_a_model_each_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(tmp_path))

    for page in ("patient", "model"):
        at = open_app(page, task="icu_alarm")
        assert "no trained model for ICU alarm" in at.error[0].value
        assert "python" in at.error[0].value
        assert not at.exception


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(services.checkpoint_folder() / "icu_alarm", tmp_path / "icu_alarm")
    weights = tmp_path / "icu_alarm" / WEIGHTS
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(blob)
    (tmp_path / "icu_alarm" / CONFIG).open("a").write(" ")
    monkeypatch.setenv("AMFN_CHECKPOINTS", str(tmp_path))

    at = open_app(task="icu_alarm")

    assert "SHA-256" in at.error[0].value.replace("\\", "")
    assert not at.exception


def test_an_unforeseen_failure_is_said_plainly_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*asked: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(services, "case", broken)
    at = open_app(task="icu_mortality")

    assert "could not be drawn" in at.error[0].value
    assert "secret detail" not in words(at)
    assert not at.exception
    assert "secret detail" in caplog.text
