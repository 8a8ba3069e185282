"""The Compare page over real audits of the sample cohort, and over audits that do not belong together."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr
from streamlit.testing.v1 import AppTest

from amfn.types import InputError
from app import (
    compare_answers_view,
    compare_choose,
    compare_data,
    compare_file,
    compare_measures,
    compare_parts,
    services,
)
from app import compare_words as page_words
from audit import Manifest, Settings, run_audit
from audit.pairs import FIGURES
from tests.app.compared import DRAWN, MODEL, STAYS, TASK, beside, of, show, write_small
from tests.app.screen import ROOT, charts, go, open_app, words

pytestmark = pytest.mark.usefixtures("kept_here")
ASKED_FIRST = ("unseen", "network-0", "network-1")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def sample(kept_here: Path) -> list[Path]:
    """What the page made of the sample cohort for six chosen models: the whole model, then each network."""
    at = every_network()
    assert not at.exception
    assert not at.error
    return sorted(path.parent for path in kept_here.rglob("manifest.json"))


def every_network() -> AppTest:
    """The page with the whole model and its five networks chosen, which is the most."""
    at = open_app(task=TASK)
    asked = ("unseen", *(f"network-{k}" for k in range(5)))
    at.session_state["kept"] = {f"{compare_choose.CHOSEN}:{TASK}": [f"{MODEL}:{how}" for how in asked]}
    return go(at, "compare")


def add(at: AppTest, path: Path) -> AppTest:
    at.text_input(key="w_compare_path").set_value(str(path))
    return next(button for button in at.button if button.label == "Add").click().run()


# A fresh clone


def test_three_models_are_chosen_at_first_and_leave_room() -> None:
    at = open_app("compare", task=TASK)
    assert at.multiselect(key="w_compare_models").value == [f"{MODEL}:{how}" for how in ASKED_FIRST]
    assert "48 simulated patients in common" in words(at)


def test_the_sample_cohort_has_six_models_at_once(sample: list[Path]) -> None:
    assert len(sample) == 6
    manifests = [Manifest.read(path) for path in sample]
    assert {m.answered for m in manifests} == {"unseen", *(f"network-{k}" for k in range(5))}
    assert all(m.finished for m in manifests)
    at = every_network()
    said = words(at)
    assert "48 simulated patients in common" in said
    for k, letter in enumerate("BCDEF"):
        assert f"<strong>{letter}</strong> icu_mortality {manifests[0].model[:8]} · network-{k} alone" in said
    assert page_words.ONE_MODEL in said
    assert "trained on" not in said, "simulated patients were in no training"
    assert "Research and education only" in said


@pytest.mark.parametrize("section", DRAWN)
def test_every_section_is_drawn(sample: list[Path], section: str) -> None:
    at = show(beside(*sample[:3]), section)
    assert not at.exception
    assert not at.error
    found = charts(at)
    assert len(found) == DRAWN[section]
    assert "NaN" not in json.dumps(found)
    assert "could not be drawn" not in words(at)
    assert set(DRAWN) == set(page_words.SECTIONS)


def test_the_whole_model_is_the_mean_of_its_networks(sample: list[Path]) -> None:
    """The audits are of what they say: the networks' logits average to the whole model's, but for its temperature."""
    found = of(*sample)
    networks = found.logits[1:].mean(0)
    assert np.corrcoef(networks, found.logits[0])[0, 1] > 0.999


# Numbers


def test_the_table_holds_the_figures_and_their_differences(sample: list[Path]) -> None:
    comparison = of(*sample[:3])
    found = compare_measures.figures(comparison)
    assert found is not None
    table = next(b.proto.body for b in beside(*sample[:3]).get("html") if "fs-table" in b.proto.body)
    for model in found.models:
        for name in FIGURES:
            value = model.figures[name]
            assert f"<b>{value.value:.3f}</b> ({value.low:.3f} to {value.high:.3f})" in table
    assert table.count("no difference shown") + table.count("differs") == 2 * len(FIGURES)


def test_differences_are_those_of_the_two_audits(sample: list[Path]) -> None:
    comparison = of(sample[0], sample[2])
    a, b = (dict(zip(m.opened.ids, m.opened.columns["risk"], strict=True)) for m in comparison.models)
    apart = {name: abs(a[name] - b[name]) for name in a}
    worst = max(apart, key=lambda name: apart[name])
    at = show(beside(sample[0], sample[2]), "answers")
    table = next(frame.value for frame in at.dataframe if "Record" in frame.value.columns)
    assert table["Record"][0] == worst
    assert table["A"][0] == f"{100 * a[worst]:.1f} %"
    assert float(np.mean(list(apart.values()))) == pytest.approx(
        compare_measures.answers(comparison, 1, 0.14).size.value, rel=1e-5
    )


def test_orders_and_correlations_are_those_of_scipy(sample: list[Path]) -> None:
    comparison = of(sample[0], sample[1])
    one, two = (m.opened.shapley[m.rows] for m in comparison.models)
    taus = compare_measures.orders(comparison, 0, 1, "shapley")
    assert taus is not None
    for row in range(0, len(comparison), 7):
        here = np.isfinite(one[row])
        expected = kendalltau(np.abs(one[row, here]), np.abs(two[row, here])).statistic
        assert taus[row] == pytest.approx(expected)
    rho, _ = compare_measures.together(comparison)
    labs = comparison.first.names.index("labs")
    here = np.isfinite(one[:, labs])
    assert rho[labs, 0] == pytest.approx(spearmanr(one[here, labs], two[here, labs]).statistic)


def test_what_chance_of_the_training_does_is_stated(sample: list[Path]) -> None:
    """Networks beside each other say it, a whole model beside one of its networks does not."""
    at = show(beside(*sample[:3]), "reasons")
    taus = compare_measures.orders(of(*sample[:3]), 1, 2, "shapley")
    assert taus is not None
    assert f"agree at a median of {np.nanmedian(taus):+.2f}" in words(at)
    assert "alike but for their random start, agree" not in words(show(beside(*sample[:2]), "reasons"))


def test_short_names_tell_models_apart(sample: list[Path], small: Path) -> None:
    assert [m.short for m in of(*sample[:2]).models] == ["A · whole model, unseen records", "B · network-0 alone"]
    assert [m.short for m in of(small / "whole", small / "late").models] == ["A · model", "B · late_model"]
    shorts = [m.short for m in of(small / "whole", small / "late", small / "one").models]
    assert shorts[2] == "C · model, network-0 alone"
    assert len(set(shorts)) == 3


def test_the_threshold_moves_the_sides(sample: list[Path]) -> None:
    at = show(beside(sample[0], sample[1]), "answers")
    assert f"{100 * services.checkpoint(TASK).base_rate:.1f} %" in words(at)
    at.number_input(key="w_compare_threshold").set_value(60.0).run()
    comparison = of(sample[0], sample[1])
    expected = compare_measures.answers(comparison, 1, 0.6).opposite.value
    assert f"On opposite sides of 60.0 % {100 * expected:.1f} %" in words(at)
    go(at, "model")
    go(at, "compare")
    assert at.number_input(key="w_compare_threshold").value == 60.0


# One record


def test_a_record_stands_side_by_side_and_leads_to_its_patient_page(sample: list[Path]) -> None:
    at = show(beside(*sample[:3]), "record")
    assert page_words.ASK in words(at)
    at.text_input(key="w_compare_record").set_value("900005").run()
    comparison = of(*sample[:3])
    row = comparison.at("900005")
    assert row is not None
    risks, bars, weights, _ = charts(at)
    assert next(t for t in risks["data"] if t["name"] == "risk")["x"] == comparison.risks[:, row].tolist()
    shapley = compare_measures.of_record(comparison, row, "shapley")
    assert sorted(bars["data"][0]["x"]) == pytest.approx(sorted(shapley[np.isfinite(shapley)]))
    assert len(weights["data"][0]["x"]) == len(bars["data"][0]["x"])
    at.button(key="compare_open").click().run()
    assert "Record 900005" in words(at)


def test_an_unknown_record_is_said_to_be_unknown(sample: list[Path]) -> None:
    at = show(beside(*sample[:2]), "record")
    at.text_input(key="w_compare_record").set_value("nobody").run()
    assert "No record nobody among those in common" in words(at)


def test_a_click_leads_to_the_record_below(sample: list[Path]) -> None:
    comparison = of(*sample[:2])
    at = show(beside(*sample[:2]), "answers")
    points = [t for t in charts(at)[0]["data"] if t.get("customdata")]
    for trace in points:
        for x, (row, said) in zip(trace["x"], trace["customdata"], strict=True):
            assert f"Record {comparison.ids[row]}:" in said
            assert comparison.risks[0, row] == pytest.approx(x, abs=1e-4)
    kept = {f"{compare_parts.RECORD}:{TASK}": str(comparison.ids[3])}
    at.session_state["kept"] = at.session_state["kept"] | kept
    at.run()
    assert f"Record {comparison.ids[3]} in all models" in words(at)
    ring = next(t for t in charts(at)[0]["data"] if t["name"] == "chosen record")
    assert ring["x"][0] == pytest.approx(comparison.risks[0, 3])


def test_many_records_are_drawn_in_part_with_the_furthest_and_the_chosen_one(
    sample: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_answers_view, "DRAWN", 20)
    monkeypatch.setattr(compare_answers_view, "LISTED", 5)
    at = show(beside(*sample[:2]), "answers")
    comparison = of(*sample[:2])
    drawn = {row for t in charts(at)[0]["data"] for row, _ in t.get("customdata", ())}
    assert set(compare_measures.furthest(comparison, 1, 5).tolist()) <= drawn
    assert 15 <= len(drawn) <= 20
    assert f"{len(drawn)} of the 48 records are drawn" in words(at)


# Audits that do not belong together


def test_nothing_in_common_is_one_message(sample: list[Path], small: Path) -> None:
    with pytest.raises(InputError, match="no record in common"):
        of(sample[0], small / "whole")
    at = beside(sample[0], small / "whole")
    assert "no record in common" in words(at)
    assert "How to mend it" in words(at)
    assert not charts(at)


def test_audits_of_two_questions_are_refused(sample: list[Path], tmp_path: Path) -> None:
    alarms = ROOT / "sample_data" / "icu_alarm"
    manifest = run_audit(ROOT / "checkpoints" / "icu_alarm", [alarms], tmp_path / "alarms", Settings("network-0"))
    assert manifest.audited
    with pytest.raises(InputError, match="asked the same question"):
        of(sample[0], tmp_path / "alarms")


def test_the_same_answers_twice_and_too_many_are_refused(sample: list[Path]) -> None:
    with pytest.raises(InputError, match="twice on the same records"):
        of(sample[0], sample[0])
    with pytest.raises(InputError, match="2 to 6"):
        of(sample[0])
    with pytest.raises(InputError, match="2 to 6"):
        of(*sample, sample[0])


def test_one_model_is_no_comparison(sample: list[Path]) -> None:
    at = beside(sample[0])
    assert page_words.TOO_FEW in words(at)
    assert not at.error


def test_titles_that_are_alike_are_told_apart_by_their_folders(sample: list[Path], tmp_path: Path) -> None:
    run_audit(MODEL, [STAYS], tmp_path / "again", Settings("network-0", part_size=48))
    names = compare_data._unambiguous(["x 1 · whole", "x 1 · whole", "y 2 · whole"], ["/a/one", "/a/two", "/b"])
    assert names == ["x 1 · whole, one", "x 1 · whole, two", "y 2 · whole"]
    with pytest.raises(InputError, match="twice on the same records"):
        of(next(path for path in sample if path.name.endswith("network-0")), tmp_path / "again")


# Adding


def test_a_folder_is_added_by_its_path(sample: list[Path], small: Path) -> None:
    at = add(beside(*sample[:2]), sample[2])
    assert str(sample[2]) in at.session_state["kept"][compare_choose.ADDED]
    assert at.multiselect(key="w_compare_models").value == [f"audit:{path}" for path in sample[:3]]
    assert "Added: " in words(at)
    assert "It is among the chosen models." in words(at)
    add(at, Path("/nowhere/at/all"))
    assert "neither a checkpoint nor an audit" in words(at)
    assert charts(at), "the rest of the page stays"
    at.multiselect(key="w_compare_models").set_value([f"audit:{path}" for path in sample[:2]]).run()
    assert "Added: " not in words(at), "what was said of the choice goes once it is changed"


def test_beside_six_chosen_models_what_is_added_waits_and_says_so(sample: list[Path], small: Path) -> None:
    at = every_network()
    before = at.multiselect(key="w_compare_models").value
    assert len(before) == 6
    add(at, small / "late")
    assert at.multiselect(key="w_compare_models").value == before
    assert "It is not compared yet: 6 models are chosen" in words(at)
    assert any("late_model" in option for option in at.multiselect(key="w_compare_models").options)


def test_an_audit_of_another_question_is_added_but_not_chosen(sample: list[Path], tmp_path: Path) -> None:
    run_audit(
        ROOT / "checkpoints" / "icu_alarm", [ROOT / "sample_data" / "icu_alarm"], tmp_path / "a", Settings("network-0")
    )
    at = add(beside(*sample[:2]), tmp_path / "a")
    assert "answers another question" in words(at)
    assert len(at.multiselect(key="w_compare_models").value) == 2
    assert charts(at)


def test_a_damaged_audit_is_refused_and_not_remembered(sample: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(sample[2], folder)
    part = next((folder / "records").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:2_000])
    at = add(beside(*sample[:2]), folder)
    assert "damaged, half there or of another audit" in words(at)
    assert str(folder) not in at.session_state["kept"][compare_choose.ADDED]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, os.path.join("my audit", path.relative_to(folder)))
    at.file_uploader[0].set_value([("audit.zip", file.getvalue(), "application/zip")]).run()
    for _ in range(2):
        assert "damaged, half there or of another audit" in words(at)
        assert len(at.session_state["kept"][compare_choose.ADDED]) == 2
        at.run()


def test_another_checkpoint_is_asked_about_the_open_folder(sample: list[Path], small: Path) -> None:
    at = open_app(task=TASK)
    model = small / "late_model"
    at.session_state["kept"] = {
        compare_choose.ADDED: (str(model),),
        f"{compare_choose.CHOSEN}:{TASK}": [f"{MODEL}:unseen", f"{model}:unseen"],
    }
    go(at, "compare")
    said = words(at)
    assert "48 simulated patients in common" in said
    assert "late_model" in said
    assert page_words.ONE_MODEL not in said


def test_an_audit_comes_as_a_zip_file(sample: list[Path], small: Path) -> None:
    at = beside(*sample[:2])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in (small / "late").rglob("*"):
            if path.is_file():
                archive.write(path, os.path.join("my audit", path.relative_to(small / "late")))
    at.file_uploader[0].set_value([("audit.zip", file.getvalue(), "application/zip")]).run()
    assert any("late_model" in option for option in at.multiselect(key="w_compare_models").options)
    assert "Added: " in words(at)
    assert "no record in common" in words(at), "it is compared at once, and these are other records"


# The file


def test_the_file_names_its_models_and_holds_every_record(sample: list[Path]) -> None:
    comparison = of(*sample[:2])
    lines = compare_file.exported(comparison).decode().splitlines()
    assert lines[0] == page_words.FILE_HEAD
    assert lines[1:3] == [f"# {model.letter}: {model.title}" for model in comparison.models]
    head = lines[3].replace('"', "").split(",")
    assert {"record_id", "A_risk", "B_risk", "tau_A_B", "A_shapley_labs"} <= set(head)
    assert len(lines) == 4 + len(comparison)
    first = lines[4].replace('"', "").split(",")
    assert float(first[head.index("B_risk")]) == pytest.approx(comparison.risks[1, 0])
    assert "nan" not in "\n".join(lines).lower()
