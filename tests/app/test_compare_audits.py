"""The Compare page over audits that differ in system, records, outcomes, or in what their networks had seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app import compare_parts
from app import compare_words as page_words
from audit import Settings, run_audit
from tests.app.compared import DRAWN, MODEL, STAYS, TASK, beside, of, show, write_small
from tests.app.screen import charts, go, open_app, words
from tests.cohorts import stays

pytestmark = pytest.mark.usefixtures("kept_here")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("small"))


def test_a_system_without_routing_is_named_and_the_rest_goes_on(small: Path) -> None:
    at = show(beside(small / "whole", small / "late", **{"compare:measure": "weight"}), "reasons")
    said = words(at)
    assert "Left out, as the system has no such thing: B" in said
    assert page_words.ONE_HAS in said
    assert len(charts(at)) == 1, "correlations of Shapley values, which both have"
    comparison = of(small / "whole", small / "late")
    kept = {f"{compare_parts.RECORD}:{TASK}": str(comparison.ids[0])}
    at.session_state["kept"] = at.session_state["kept"] | kept
    show(at, "record")
    assert "Without it: B" in words(at)
    assert not at.exception


def test_networks_that_learned_the_records_are_named(small: Path) -> None:
    said = words(beside(small / "whole", small / "one"))
    # Four of the 24 random stays were in no training.
    assert "B answers records that it was trained on (20 of 24)" in said
    assert "not a fair one" in said
    assert "trained on" not in words(beside(small / "whole", small / "late"))


def test_without_outcomes_the_rest_works(tmp_path: Path) -> None:
    for path in sorted(STAYS.glob("9*.txt"))[:12]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for name, answered in (("a", "network-0"), ("b", "network-1")):
        run_audit(MODEL, [tmp_path], tmp_path / name, Settings(answered=answered))
    at = beside(tmp_path / "a", tmp_path / "b")
    assert "0 of 12 have a known outcome" in words(at)
    for section in ("answers", "reasons"):
        assert len(charts(show(at, section))) == DRAWN[section]
        assert not at.exception


def test_only_what_is_in_all_audits_and_the_same_is_compared(small: Path, tmp_path: Path) -> None:
    cohort = stays(24)
    values = {name: array.copy() for name, array in cohort.values.items()}
    values["heart_rate"][5] += 1
    part = replace(cohort, values=values).rows(list(range(2, 24)))
    part.save(tmp_path / "stays.npz")
    run_audit(small / "model", [tmp_path / "stays.npz"], tmp_path / "other", Settings(answered="network-1"))
    found = of(small / "whole", tmp_path / "other")
    assert (len(found), found.changed) == (21, 1)
    assert cohort.ids[5] not in found.ids
    assert [model.alone for model in found.models] == [3, 1]
    for model in found.models:
        assert model.opened.ids[model.rows].tolist() == found.ids.tolist()
    said = words(beside(small / "whole", tmp_path / "other"))
    assert "21 records in common" in said
    assert "of A 3, B 1" in said
    assert page_words.CHANGED.format(count=1) in said


def test_outcomes_that_contradict_each_other_are_not_known(small: Path, tmp_path: Path) -> None:
    cohort = stays(24)
    turned = cohort.labels.copy()
    turned[:3] = 1 - turned[:3]
    replace(cohort, labels=turned).save(tmp_path / "stays.npz")
    run_audit(small / "model", [tmp_path / "stays.npz"], tmp_path / "turned", Settings(answered="network-0"))
    found = of(small / "whole", tmp_path / "turned")
    assert found.contradicted == 3
    assert found.labels[:3].tolist() == [-1, -1, -1]
    assert found.labels[3:].tolist() == cohort.labels[3:].astype(int).tolist()


def test_an_own_folder_waits_to_be_asked(tmp_path: Path) -> None:
    for name in ("900001.txt", "900002.txt", "900003.txt"):
        (tmp_path / name).write_bytes((STAYS / name).read_bytes())
    at = open_app(task=TASK)
    at.session_state["folder"] = str(tmp_path)
    at.session_state["source"] = "folder"
    go(at, "compare")
    assert "about the 3 records of the open folder" in words(at)
    assert not charts(at)
    at.button(key="compare_now").click().run()
    assert "3 records in common" in words(at) or "3 simulated patients in common" in words(at)
    assert "0 of 3 have a known outcome" in words(at)
