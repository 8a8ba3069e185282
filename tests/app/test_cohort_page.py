"""The Cohort page over a real audit of the sample cohort, and over audits that are damaged, foreign or unlabelled."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from app import (
    cohort_card,
    cohort_choose,
    cohort_data,
    cohort_measures,
    cohort_view,
    services,
)
from app import cohort_words as page_words
from app.cohort_data import Filters, Opened
from audit import Manifest, Settings, run_audit
from benchmarks import simulated_audit
from tests.app.screen import charts, go, open_app, words

ROOT = Path(__file__).resolve().parents[2]
STAYS = ROOT / "sample_data" / "icu_mortality"
MODEL = ROOT / "checkpoints" / "icu_mortality"
TASK = "icu_mortality"
DRAWN = {
    "contributions": 2,
    "groups": 2,
    "pairs": 2,
    "channels": 0,
    "routing": 6,
    "performance": 4,
    "removal": 2,
    "subgroups": 0,
    "records": 0,
}


pytestmark = pytest.mark.usefixtures("kept_here")


@pytest.fixture(scope="module")
def sample(kept_here: Path) -> Path:
    """The audit that the page made of the sample cohort."""
    at = open_app("cohort", task=TASK)
    assert not at.exception
    assert not at.error
    (found,) = kept_here.rglob(f"{TASK}-*")
    return found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "audit"
    simulated_audit.write(folder, 600, MODEL)
    return folder


def stored(folder: Path, page: str = "cohort") -> AppTest:
    """The page on the audit in this folder."""
    at = open_app(task=TASK)
    at.session_state["kept"] = {cohort_choose.SOURCE: "folder", cohort_choose.PATH: str(folder)}
    return go(at, page)


def show(at: AppTest, section: str) -> AppTest:
    at.session_state["kept"] = at.session_state["kept"] | {cohort_view.SECTION: section}
    return at.run()


def filtered(at: AppTest, opened: Opened, filters: Filters) -> AppTest:
    key = f"cohort:filters:{opened.digest}"
    at.session_state["kept"] = at.session_state["kept"] | {key: filters}
    return at.run()


def count(folder: Path, condition: str) -> int:
    """Asked of the files themselves."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select count(*) from read_parquet('{folder}/records/*.parquet') where {condition}"
        ).fetchone()
    return 0 if found is None else int(found[0])


def test_the_sample_cohort_is_audited_without_being_asked(sample: Path) -> None:
    manifest = Manifest.read(sample)
    assert manifest.finished
    at = open_app("cohort", task=TASK)
    said = words(at)
    for part in ("48 simulated patients", manifest.model, str(manifest.data), "networks that had not seen them"):
        assert part in said
    assert "not of what is open" not in said
    assert "Research and education only" in said
    assert len(charts(at)) == DRAWN["contributions"]


@pytest.mark.parametrize("section", DRAWN)
def test_every_section_is_drawn(sample: Path, section: str) -> None:
    at = show(stored(sample), section)
    assert not at.exception
    assert not at.error
    found = charts(at)
    assert len(found) == DRAWN[section]
    assert "NaN" not in json.dumps(found)
    assert "could not be drawn" not in words(at)
    assert set(DRAWN) == set(page_words.SECTIONS)


def test_the_numbers_are_those_of_the_audit(sample: Path) -> None:
    opened = cohort_data.opened(str(sample))
    with duckdb.connect() as connection:
        ((mean, have),) = connection.execute(
            f"select avg(abs(shapley_labs)), count(shapley_labs) from read_parquet('{sample}/records/*.parquet')"
        ).fetchall()
    (labs,) = (m for m in cohort_measures.summary(opened, Filters()) if m.name == "labs")
    assert labs.strength is not None
    assert labs.strength.value == pytest.approx(mean, rel=1e-5)
    assert labs.records == have
    bars = charts(stored(sample))[1]["data"][0]
    assert bars["x"][opened.names.index("labs")] == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        (Filters(label=1), "label = 1"),
        (Filters(flagged=True), "disagrees"),
        (Filters(absent=("urine",), present=("labs",)), "not present_urine and present_labs"),
        (Filters(risk=(10.0, 60.0)), "risk >= 0.1 and risk <= 0.6"),
        (Filters(levels=(("by_sex", ("Female",)), ("by_icu_type", ("Medical", "Surgical")))),
         "by_sex = 'Female' and by_icu_type in ('Medical', 'Surgical')"),
    ],
)  # fmt: skip
def test_filters_leave_what_they_say(large: Path, filters: Filters, condition: str) -> None:
    opened = cohort_data.opened(str(large))
    left = count(large, condition)
    assert 0 < left < len(opened)
    assert len(cohort_measures.rows(opened, filters)) == left
    at = filtered(stored(large), opened, filters)
    assert f"{left:,} of {len(opened):,} records" in words(at)
    assert not at.exception


def test_filters_are_kept_across_pages_and_cleared(sample: Path) -> None:
    at = stored(sample)
    died = count(sample, "label = 1")
    box = next(box for box in at.selectbox if box.label == "Outcome")
    box.set_value("positive").run()
    assert f"**{died} of 48 records**" in words(at)
    go(at, "model")
    go(at, "cohort")
    assert f"{died} of 48 records" in words(at)
    at.button(key="cohort_clear").click().run()
    assert "**48 records**" in words(at)


def test_a_filter_that_leaves_nothing_says_so(sample: Path) -> None:
    at = filtered(stored(sample), cohort_data.opened(str(sample)), Filters(absent=("demographics",)))
    assert page_words.NOTHING_LEFT in words(at)
    assert not charts(at)
    assert not at.button(key="cohort_clear").disabled


def test_a_chosen_record_leads_to_its_patient_page(sample: Path) -> None:
    opened = cohort_data.opened(str(sample))
    at = stored(sample)
    row = 5
    at.session_state["kept"] = at.session_state["kept"] | {cohort_card.key(opened): row}
    at.run()
    record_id = str(opened.ids[row])
    said = words(at)
    assert f"Record {record_id}: risk" in said
    assert page_words.SEEN_BY["shipped"] in said, "simulated records were in no training"
    ringed = charts(at)[0]["data"][-1]
    assert ringed["name"] == "chosen record"
    at.button(key="cohort_open").click().run()
    assert f"Record {record_id}" in words(at)
    assert at.session_state["chosen"][f"{TASK}|{services.sample_folder(TASK)}"] == record_id


def test_every_point_leads_to_its_record(sample: Path) -> None:
    opened = cohort_data.opened(str(sample))
    points = charts(stored(sample))[0]["data"][0]
    for x, (row, said) in zip(points["x"], points["customdata"], strict=True):
        assert f"Record {opened.ids[row]}:" in said
        assert min(abs(opened.shapley[row] - x)) < 1e-3


def test_an_audit_of_other_data_is_shown_and_cannot_be_clicked_through(large: Path) -> None:
    opened = cohort_data.opened(str(large))
    at = stored(large)
    said = words(at)
    assert "not of what is open now: the open folder does not hold just the records" in said.replace("*", "")
    assert page_words.CLICK_ROW in said
    assert page_words.CLICK not in said
    assert len(charts(at)) == DRAWN["contributions"]
    at.session_state["kept"] = at.session_state["kept"] | {cohort_card.key(opened): 3}
    at.run()
    assert page_words.NO_REACH in words(at)
    assert "cohort_open" not in {button.key for button in at.button}


def test_an_audit_of_another_question_says_so(sample: Path) -> None:
    at = open_app(task="icu_alarm")
    at.session_state["kept"] = {cohort_choose.SOURCE: "folder", cohort_choose.PATH: str(sample)}
    go(at, "cohort")
    assert "for another question than ICU mortality" in words(at)
    at.button(key="cohort_folder_0").click().run()
    assert "another question" not in words(at)


def test_an_audit_of_another_model_says_so(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = cohort_data.opened(str(sample))
    other = replace(services.checkpoint(TASK), digest="0" * 16)
    at = stored(sample)
    monkeypatch.setattr(services, "checkpoint", lambda task: other)
    at.run()
    assert f"the audit is of model {opened.manifest.model}, and the open one is {other.digest}" in words(at)


def test_without_outcomes_the_rest_works(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    simulated_audit.write(folder, 200, MODEL, labelled=False)
    at = stored(folder)
    assert len(charts(at)) == DRAWN["contributions"]
    for section in ("performance", "removal", "subgroups"):
        show(at, section)
        said = words(at)
        assert "0 of 200 have a known outcome" in said
        assert not at.exception
    show(at, "routing")
    assert len(charts(at)) == DRAWN["routing"]


def test_the_subgroup_table_says_what_it_compared(large: Path) -> None:
    at = show(stored(large), "subgroups")
    table = next(frame.value for frame in at.dataframe if "Subgroup" in frame.value.columns)
    opened = cohort_data.opened(str(large))
    found = cohort_measures.parts(opened, Filters())
    assert len(table) == len(found) == 10
    row = table.set_index("Subgroup").loc["Sex: Female"]
    part = next(p for p in found if p.level == "Female")
    assert row["AUROC"] == str(part.auroc)
    assert row["Records"] == f"{part.records:,}"
    assert "Holm" in words(at)


def test_the_file_holds_the_filtered_rows_and_the_disclaimer(sample: Path) -> None:
    opened = cohort_data.opened(str(sample))
    lines = cohort_view.exported(opened, Filters(label=1)).decode().splitlines()
    assert lines[0] == page_words.FILE_HEAD
    assert lines[1].startswith('"record_id"')
    assert len(lines) - 2 == count(sample, "label = 1")
    died = {str(opened.ids[row]) for row in cohort_measures.rows(opened, Filters(label=1))}
    assert {line.partition(",")[0].strip('"') for line in lines[2:]} == died


def test_an_own_folder_is_audited_when_asked_and_refused_records_are_named(tmp_path: Path, kept_here: Path) -> None:
    for name in ("900001.txt", "900002.txt", "900003.txt"):
        shutil.copy(STAYS / name, tmp_path / name)
    (tmp_path / "900009.txt").write_text("Time,Parameter,Value\n00:00,RecordID,900009\n00:61,HR,x\n")
    at = open_app(task=TASK)
    at.session_state["folder"] = str(tmp_path)
    at.session_state["source"] = "folder"
    go(at, "cohort")
    assert page_words.NOT_AUDITED in words(at)
    assert not charts(at)
    at.button(key="audit_now").click().run()
    said = words(at)
    assert "3 records" in said
    assert "0 of 3 have a known outcome" in words(show(at, "performance"))
    assert any(f"1 {page_words.DEAD}" in box.label for box in at.expander)
    table = next(frame.value for frame in at.dataframe if "What came" in frame.value.columns)
    assert table["Record"].tolist() == ["900009"]
    assert table["What came"].tolist()[0]


def test_an_unfinished_audit_is_shown_as_far_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "audit"
    monkeypatch.setattr(simulated_audit, "PART", 100)
    manifest = simulated_audit.write(folder, 300, MODEL)
    for path in folder.rglob("part-00002.parquet"):
        path.unlink()
    replace(manifest, finished=None, data=None, audited=None).write(folder)
    at = stored(folder)
    said = words(at)
    assert page_words.UNFINISHED.format(missing=1, parts=3) in said
    assert "200 records" in said
    assert len(charts(at)) == DRAWN["contributions"]


def test_a_half_written_part_is_one_message(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    shutil.copytree(sample, folder)
    part = folder / "records" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:2_000])
    at = stored(folder)
    said = words(at)
    assert "damaged, half there or of another audit" in said
    assert "How to mend it" in said
    assert not charts(at)
    assert not at.exception


@pytest.mark.parametrize(
    ("path", "came"),
    [("/nowhere/at/all", "no manifest.json in it"), (str(ROOT / "sample_data"), "not readable as the manifest")],
)
def test_a_folder_that_is_no_audit_is_one_message(path: str, came: str) -> None:
    at = stored(Path(path))
    assert came in words(at)
    assert not at.exception


def test_nothing_named_is_no_error() -> None:
    at = stored(Path())
    at.session_state["kept"] = {cohort_choose.SOURCE: "folder"}
    at.run()
    assert page_words.NO_PATH in words(at)
    assert not at.error


def test_an_audit_comes_as_a_zip_file(sample: Path) -> None:
    at = stored(sample)
    at.session_state["kept"] = {cohort_choose.SOURCE: "upload"}
    at.run()
    assert page_words.NO_ZIP in words(at)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sample.rglob("*"):
            if path.is_file():
                archive.write(path, os.path.join("my audit", path.relative_to(sample)))
    at.file_uploader[0].set_value([("audit.zip", file.getvalue(), "application/zip")]).run()
    assert "48 simulated patients" in words(at)
    assert "not of what is open" not in words(at)
    assert len(charts(at)) == DRAWN["contributions"]


def test_a_zip_that_points_outside_is_refused() -> None:
    at = stored(Path())
    at.session_state["kept"] = {cohort_choose.SOURCE: "upload"}
    at.run()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../manifest.json", "{}")
    at.file_uploader[0].set_value([("audit.zip", file.getvalue(), "application/zip")]).run()
    assert "points outside" in words(at)
    assert not at.exception


def test_networks_that_had_not_seen_a_record_are_named_beside_the_button(sample: Path, tmp_path: Path) -> None:
    """Every record of this audit is answered by one network alone, which the Patient page does not show."""
    folder = tmp_path / "audit"
    run_audit(MODEL, [STAYS], folder, Settings(answered="network-1", part_size=48))
    opened = cohort_data.opened(str(folder))
    at = stored(folder)
    at.session_state["kept"] = at.session_state["kept"] | {cohort_card.key(opened): 0}
    at.run()
    assert page_words.SEEN_BY["network"] in words(at)
    assert page_words.ONE_NETWORK in words(at)


def test_sets_of_outcomes_are_counted_from_the_audit(sample: Path) -> None:
    at = show(stored(sample), "performance")
    table = next(frame.value for frame in at.dataframe if "Set holds the outcome" in frame.value.columns)
    died = table[(table["Recorded"] == "all records") & (table["Outcome"] == "Died in hospital")].iloc[0]
    deaths = "label = 1"
    given = count(sample, f"{deaths} and set_10 is not null")
    held = count(sample, f"{deaths} and set_10 & 2 = 2")
    both = count(sample, f"{deaths} and set_10 = 3")
    refused = count(sample, f"{deaths} and set_10 is null")
    assert died["Records"] == str(given + refused)
    assert died["Set holds the outcome"].startswith(f"{100 * held / given:.1f} % (")
    assert died["Both"].startswith(f"{both} (")
    assert died["No set given"].startswith(f"{refused} (")


def test_an_audit_without_sets_says_so(large: Path) -> None:
    assert page_words.NO_SETS in words(show(stored(large), "performance"))
