"""Studies of the Agreement page: drawn, joined, led, kept to their records and their model, left and erased."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from amfn.types import InputError
from app import agreement_study, agreement_words, rooms, services
from app.components import tab_memory
from app.rooms import Seat
from store import Room
from tests.app.screen import go, open_app, sample, words
from tests.app.studies import (
    TASK,
    asked_for,
    commit,
    full_records,
    joined,
    me,
    one_study,
    place,
    rank_all,
    record_of,
    started,
)


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/rooms.db")


def test_each_rater_has_an_order_of_their_own_and_keeps_it() -> None:
    study = one_study(full_records()[:8])
    orders = {study.order_for(f"rater {k}") for k in range(6)}
    assert len(orders) > 1
    assert all(sorted(order) == sorted(study.records) for order in orders)
    assert study.order_for("rater 1") == study.order_for("rater 1")


def test_the_same_seed_draws_the_same_records() -> None:
    listed = services.listing(services.sample_folder(TASK), TASK)
    draws = [tuple(agreement_study.draw(listed, 5, seed, lambda _: None).digests) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_records_with_too_little_to_rank_are_passed_over_or_refused() -> None:
    listed = services.listing(services.sample_folder(TASK), TASK)
    few = next(i for i in listed.ids if sample(TASK, i).analysis.present.sum() < 3)
    drawn = agreement_study._usable(listed, (few, listed.ids[0]), 1, lambda _: None)
    assert tuple(drawn.digests) == (listed.ids[0],)
    assert [item.record_id for item in drawn.passed_over] == [few]
    with pytest.raises(InputError, match="2 of its modalities"):
        agreement_study.pick(listed, (few,), lambda _: None)
    with pytest.raises(InputError, match="0 records"):
        agreement_study.pick(listed, (), lambda _: None)


def test_a_code_that_does_not_exist_is_said_with_the_way_back() -> None:
    at = open_app("patient")
    at.query_params["room"] = "ZZZZZZ"
    at = go(at, "agreement")
    assert "ZZZZZZ" in words(at)
    at.button(key="agreement_lobby").click().run()
    assert "Start a study" in words(at)


def test_the_code_of_a_lesson_is_refused_here() -> None:
    room: Room = rooms.store().open_room("lesson", "any", {}).room
    at = open_app("agreement")
    at.text_input(key="w_agreement_code").set_value(room.code).run()
    at.button(key="agreement_join").click().run()
    assert "a lesson is joined on the Teaching page" in words(at)
    assert "seat:agreement" not in at.session_state


def test_only_the_leaders_key_leads_and_closing_takes_no_more_answers() -> None:
    leader, study, key = started(1)
    other = open_app("agreement")
    other.text_input(key="w_agreement_lead_code").set_value(study.code).run()
    other.text_input(key="w_agreement_key").set_value("wrong").run()
    other.button(key="agreement_lead").click().run()
    assert "the key that was given when it was started" in words(other)
    other.text_input(key="w_agreement_key").set_value(key).run()
    other.button(key="agreement_lead").click().run()
    assert study.code in words(other)

    rater = joined(study)
    place(rater, {asked_for(rater)[0]: 1})
    leader.button(key="agreement_close").click().run()
    assert agreement_words.CLOSED in words(leader)
    commit(rater)
    assert agreement_study.ratings(study) == ()
    assert agreement_words.WAS_CLOSED in words(rater)
    assert not rater.error, "a message about a room"
    assert not any(b.label == agreement_words.COMMIT for b in rater.button)
    rater.button(key="agreement_results").click().run()
    assert agreement_words.NOBODY_YET in words(rater)
    late = open_app("patient")
    late.query_params["room"] = study.code
    late = go(late, "agreement")
    assert agreement_words.CLOSED in words(late)
    assert not any(b.key == "agreement_enter" for b in late.button)
    lobby = open_app("agreement")
    lobby.text_input(key="w_agreement_code").set_value(study.code).run()
    lobby.button(key="agreement_join").click().run()
    assert "a study that is closed" in words(lobby)


def test_closing_asks_first_and_a_rater_who_only_chooses_a_place_is_told() -> None:
    leader, study, _ = started(1)
    assert agreement_words.CLOSING in words(leader)
    assert leader.button(key="agreement_close").label == "Close it now"
    rater = joined(study)
    leader.button(key="agreement_close").click().run()
    place(rater, {asked_for(rater)[0]: 1})
    assert agreement_words.WAS_CLOSED in words(rater)
    assert not any(b.label == agreement_words.COMMIT for b in rater.button)
    assert any(b.key == "agreement_results" for b in rater.button)


def test_another_model_cannot_answer_for_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    study = one_study((full_records()[0],))
    room = rooms.store().room(study.code)
    changed = {**room.settings, "model": "0" * 16}
    other = rooms.store().open_room("agreement", TASK, changed).room
    said = words(joined(agreement_study.of_room(other)))
    assert "with which the study was started" in said
    assert "Record 1 of" not in said


def own_folder(path: Path, names: tuple[str, ...]) -> Path:
    path.mkdir()
    for name in names:
        for source in Path(services.sample_folder(TASK)).glob(f"{name}.*"):
            shutil.copy(source, path)
    return path


def test_a_folder_is_asked_for_and_another_one_is_refused(tmp_path: Path) -> None:
    names = full_records()[:2]
    folder = own_folder(tmp_path / "ward", names)
    listed = services.listing(str(folder), TASK)
    study = agreement_study.find(
        agreement_study.begin(listed, agreement_study.pick(listed, names[:1], lambda _: None)).room.code
    )
    assert "ward" not in str(rooms.store().room(study.code)), "a path is nobody's business"
    at = joined(study)
    assert record_of(at) == names[0], "raters see the leader's folder while the program runs"

    agreement_study._folders().clear()
    at = joined(study)
    assert agreement_words.FOLDER_WANTED in words(at)
    key = f"w_agreement_folder_{study.code}"
    lacking = own_folder(tmp_path / "lacking", names[1:])
    at.text_input(key=key).set_value(str(lacking)).run()
    assert "1 of the study's 1 records are not in it" in words(at)
    other = own_folder(tmp_path / "other", ())
    for source in folder.glob(f"{names[1]}.*"):
        target = other / f"{names[0]}{source.suffix}"
        data = source.read_bytes()
        target.write_bytes(data.replace(names[1].encode(), names[0].encode()) if source.suffix == ".hea" else data)
    at.text_input(key=key).set_value(str(other)).run()
    assert "a record of this name with other values" in words(at)
    at.text_input(key=key).set_value(str(folder)).run()
    assert record_of(at) == names[0]


def test_erasing_takes_the_answers_out_of_the_results_and_the_rater_out_of_the_room() -> None:
    study = one_study((full_records()[0],))
    at, other = joined(study), joined(study)
    rank_all(at)
    rank_all(other)
    stale: Any = at.session_state["seat:agreement"]
    at.button(key="agreement_erase").click().run()
    assert "Start a study" in words(at)
    assert len(agreement_study.ratings(study)) == 1
    at.session_state["seat:agreement"] = stale
    assert "a participant whose answers were erased" in words(at.run())


def test_another_page_and_back_keeps_the_seat_and_what_was_chosen() -> None:
    _, study, _ = started(1)
    at = joined(study)
    name = asked_for(at)[1]
    place(at, {name: 2})
    who = me(at)
    go(at, "model")
    go(at, "agreement")
    assert me(at) == who
    assert next(c for c in at.segmented_control if str(c.key).endswith(f":{name}")).value == 2
    at.button(key="agreement_leave").click().run()
    assert "Start a study" in words(at)
    assert any(box.key == "w_record" for box in at.selectbox), "the list is back"


def test_what_a_tab_remembers_counts_only_where_it_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seat comes back to its participant, to a leader with the key, and to nobody else."""
    opened = rooms.store().open_room("agreement", TASK, {})
    code, who = opened.room.code, rooms.store().join(opened.room.code)

    def back(said: dict[str, Any], asked: str | None = None) -> Seat | None:
        monkeypatch.setattr(tab_memory, "found", lambda _: said)
        monkeypatch.setattr(rooms, "asked", lambda: asked)
        taken: list[Seat] = []
        monkeypatch.setattr(rooms, "sit", lambda _, seat: taken.append(seat))
        monkeypatch.setattr(rooms, "seat", lambda _: None)
        rooms._return("agreement", "tab")
        return taken[0] if taken else None

    assert back({"code": code, "participant": who.id, "key": None}) == Seat(code, who.id)
    assert back({"code": code, "participant": None, "key": opened.key}, code) == Seat(code, key=opened.key)
    assert back({"code": code, "participant": "somebody", "key": "anything"}) is None
    assert back({"code": code, "participant": who.id}, "ANOTHR") is None
    assert back({"code": 7, "participant": ["x"]}) is None
    assert back({}) is None
