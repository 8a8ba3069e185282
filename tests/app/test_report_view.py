"""The report's button: three files on demand, for what is switched on, without the name of a user's record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import report_view, text
from tests.app.screen import sample, words
from tests.record_files import write_stay

STAY = "900003"


def script(folder: str, task: str, record_id: str, off: tuple[str, ...]) -> None:
    from app import report_view, services, state

    listed = services.listing(folder or services.sample_folder(task), task)
    opened = services.case(listed, record_id)
    if off:
        state.keep(f"on:{opened.digest}", dict.fromkeys(off, False))
    report_view.report(opened)


def view(folder: str = "", record_id: str = STAY, off: tuple[str, ...] = ()) -> AppTest:
    at = AppTest.from_function(script, default_timeout=120, args=(folder, "icu_mortality", record_id, off)).run()
    assert not at.exception
    assert not at.error
    return at


def downloads(at: AppTest) -> list[str]:
    return [button.proto.label for button in at.get("download_button")]


def test_files_are_made_when_asked_for_and_not_before() -> None:
    at = view()
    assert downloads(at) == []
    at.button(key="prepare_report").click().run()
    assert not at.exception
    assert downloads(at) == ["PDF", "HTML", "FHIR JSON"]
    assert text.DISCLAIMER in words(at)
    assert at.button(key="prepare_report").disabled


def test_what_is_off_on_the_what_if_page_is_off_in_the_report() -> None:
    at = view(off=("labs",))
    assert "Switched off on the What-if page, and so in this report: **Laboratory**" in words(at)
    opened = sample("icu_mortality", STAY)
    a = opened.analysis
    (fhir,) = [f for f in report_view.prepared_files(opened, ("labs",)) if f.format == "fhir"]
    expected = a.subset([name != "labs" for name in a.names]).risk
    assert json.loads(fhir.data)["prediction"][0]["probabilityDecimal"] == pytest.approx(expected, abs=1e-6)
    (whole,) = [f for f in report_view.prepared_files(opened, ()) if f.format == "fhir"]
    assert json.loads(whole.data)["prediction"][0]["probabilityDecimal"] == pytest.approx(a.full.risk, abs=1e-6)


def test_an_altered_record_is_reported_beside_the_unaltered_one() -> None:
    from amfn.readers.channels import CHALLENGE2012
    from app import altering
    from explain.alterations import ShiftValues

    opened = sample("icu_mortality", STAY)
    other = altering.altered(opened, (ShiftValues("chart", CHALLENGE2012["Temp"], 1.0, 0.0, 48.0),))
    (page,) = [f for f in report_view.prepared_files(other, (), opened) if f.format == "html"]
    assert f"unaltered: {text.percent(opened.analysis.full.risk)}" in page.data.decode().replace("\xa0", " ")
    (alone,) = [f for f in report_view.prepared_files(other, ()) if f.format == "html"]
    assert "for the unaltered one it is not known" in alone.data.decode()


def test_what_was_never_recorded_is_not_called_switched_off() -> None:
    at = view(off=("blood_pressure",))
    assert "Switched off" not in words(at)


def test_a_users_record_is_named_by_its_hash(tmp_path: Path) -> None:
    write_stay(tmp_path, "140001")
    from app import services

    opened = services.case(services.listing(str(tmp_path), "icu_mortality"), "140001")
    files = report_view.prepared_files(opened, ())
    assert {file.name.split(".")[0] for file in files} == {f"report_{opened.digest}"}
