"""Which audit and which colour the Cohort page shows: kept over a reload, and said where it is not what was chosen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cohort_choose, state
from app import cohort_words as page_words
from app.components import tab_memory
from tests.app.screen import charts, open_app, words
from tests.app.test_cohort_page import TASK, stored

pytestmark = pytest.mark.usefixtures("kept_here")


def test_a_stored_audit_stays_chosen_over_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[tuple[object, ...]] = []
    monkeypatch.setattr(tab_memory, "tab_memory", lambda name, said, *, forget, key, found: held.append((said, forget)))
    at = stored(Path("/an/audit"))
    assert held.pop() == ({"source": "folder", "path": "/an/audit"}, False)
    at.session_state["kept"] = {cohort_choose.SOURCE: "open"}
    at.run()
    assert held.pop() == (None, True), "another choice is not undone by a reload"

    def after(said: object, chosen: dict[str, str]) -> dict[str, str]:
        kept = dict(chosen)
        monkeypatch.setattr(tab_memory, "found", lambda _: said)
        monkeypatch.setattr(state, "kept", kept.get)
        monkeypatch.setattr(state, "keep", kept.__setitem__)
        cohort_choose._return()
        return kept

    there = {"source": "folder", "path": "/an/audit"}
    assert after(there, {}) == {cohort_choose.SOURCE: "folder", cohort_choose.PATH: "/an/audit"}
    assert after(there, {cohort_choose.SOURCE: "open"}) == {cohort_choose.SOURCE: "open"}
    assert after({"source": "folder", "path": 7}, {}) == {}
    assert after({}, {}) == {}


def test_where_all_was_measured_alike_colours_show_the_direction() -> None:
    at = open_app("cohort", task="icu_alarm")
    said = words(at)
    assert page_words.EVEN.partition("(")[0] in said
    points = charts(at)[0]["data"][0]
    assert "how much" not in json.dumps(points)
    assert page_words.EVEN.partition("(")[0] not in words(open_app("cohort", task=TASK))
