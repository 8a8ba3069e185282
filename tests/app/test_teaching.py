"""The Teaching page without a browser: alone, in a class, and with whatever goes wrong."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from amfn.types import InputError
from app import rooms, teaching_lessons, teaching_results, teaching_rooms
from app import teaching_words as said
from store.rooms import EXAMPLE
from tests.app.screen import charts, go, open_app, words
from tests.unit.test_teaching_parsing import GOOD

FIRST, SECOND, FOURTH = "1-what-the-model-sees", "2-attention-is-not-contribution", "4-false-alarm-or-not"


def teaching(**query: str) -> AppTest:
    """The page as a link opens it. (AppTest forgets the address on its way to another page.)"""
    at = go(open_app(), "teaching")
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def keys(at: AppTest) -> list[str]:
    return [button.key or "" for button in at.button]


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


def place(at: AppTest, name: str) -> str:
    found = at.query_params[name]
    return found[0] if isinstance(found, list) else found


def learner(at: AppTest) -> str:
    """Who the session is in its room. The address does not say so."""
    assert not {"me", "lead"} & set(at.query_params)
    seat = at.session_state["seat:lesson"]
    assert seat.participant
    return str(seat.participant)


def led_room(name: str = SECOND) -> tuple[str, str]:
    """A room's code and its leader's key."""
    opened = teaching_rooms.open_room(teaching_lessons.lesson(name), "led")
    return opened.room.code, opened.key


def joined(code: str) -> AppTest:
    at = teaching(room=code)
    return press(at, "Join this room")


def commit(at: AppTest, estimate: float | None, ranking: list[str] | None = None) -> AppTest:
    at.number_input[0].set_value(estimate)
    if ranking:
        at.multiselect[0].set_value(ranking)
    return press(at, said.COMMIT)


def withheld(at: AppTest) -> bool:
    assert not at.exception
    tells = at.metric or charts(at) or "Your own answers" in words(at) or "To talk about" in words(at)
    return "Still to be committed" in words(at) and not tells


def test_the_list_starts_every_lesson_and_says_simulated() -> None:
    at = teaching()
    for name in (FIRST, SECOND):
        assert {f"start_alone_{name}", f"start_led_{name}", f"start_own_{name}"} <= set(keys(at))
    assert words(at).count("simulated patients") == 6
    assert "Research and education only; not for diagnosis." in words(at)
    assert not at.exception


def test_a_link_to_a_lesson_shows_that_one() -> None:
    at = teaching(lesson=SECOND)
    assert f"start_alone_{SECOND}" in keys(at)
    assert f"start_alone_{FIRST}" not in keys(at)
    at = teaching(lesson="nothing")
    assert "There is no lesson called nothing" in words(at)
    assert f"start_alone_{FIRST}" in keys(at)


def test_alone_from_the_first_step_to_the_debrief() -> None:
    at = teaching()
    at.button(key=f"start_alone_{FIRST}").click().run()
    lesson = teaching_lessons.lesson(FIRST)
    for k, step in enumerate(lesson.steps):
        assert f"step {k + 1} of {len(lesson.steps)}" in words(at)
        assert step.title in words(at)
        assert "imulated" in words(at)
        if k == 3:
            assert "estimate is" not in words(at)
            at = commit(at, 60.0, ["neuro_temperature", "labs"])
            assert "Kept: **60 %**, in this order: Neuro and temperature, Laboratory." in words(at)
        if k == 4:
            at.number_input[0].set_value(70.0)
            at = press(at, said.REVISE)
            assert "Kept: **70 %**." in words(at)
        assert not at.exception
        if k + 1 < len(lesson.steps):
            at.button(key="lesson_on").click().run()
    shown = {metric.label: metric.value for metric in at.metric}
    # It happened: (1 - 0.6)^2 before, (1 - 0.7)^2 after.
    assert shown["Brier score before"] == "0.160"
    assert shown["Brier score after"] == "0.090"
    assert "no interval" not in words(at)
    assert "The room" not in words(at)
    assert "Your estimates before the model was shown: 1" in words(at)
    assert {"mean", "room"}.isdisjoint(" ".join(str(chart["layout"]) for chart in charts(at)).lower().split())
    assert "There was no answer in which a learner was wrong at first and the model right." in words(at)


def test_nobody_gets_past_a_commit_to_the_models_answer() -> None:
    at = teaching()
    at.button(key=f"start_alone_{FIRST}").click().run()
    at.query_params["at"] = "4"
    at.run()
    assert said.COMMIT_FIRST_OWN in words(at)
    assert "Your own estimate first" in words(at)
    assert "What the model says" not in words(at)
    assert not at.metric
    at.query_params["at"] = "5"
    at.run()
    assert said.COMMIT_FIRST_OWN in words(at)
    assert "died in hospital**" not in words(at)


def test_a_room_for_one_is_not_joined_by_another() -> None:
    at = teaching()
    at.button(key=f"start_alone_{FIRST}").click().run()
    code, me = place(at, "room"), learner(at)
    other = teaching(room=code)
    assert said.ONE_PERSON in words(other)
    assert "join_room" not in keys(other)
    assert "step 1 of" in words(teaching(room=code, me=me))
    assert len(rooms.store().participants(code)) == 1


def test_the_revised_estimate_has_its_own_help() -> None:
    code, key = led_room(FOURTH)
    teaching_rooms.show_step(code, key, 1)
    at = joined(code)
    assert at.number_input[0].help == said.HELP_ESTIMATE
    commit(at, 30.0)
    teaching_rooms.show_step(code, key, 2)
    at.run()
    assert (at.number_input[0].help, at.number_input[0].value) == (said.HELP_REVISE, 30.0)


def test_an_empty_or_half_filled_form_is_not_sent_and_keeps_what_was_typed() -> None:
    code, key = led_room()
    teaching_rooms.show_step(code, key, 1)
    at = commit(joined(code), None)
    assert said.NO_ESTIMATE in words(at)
    at = commit(at, 40.0)
    assert said.NO_RANKING in words(at)
    assert at.number_input[0].value == 40.0
    at = commit(at, 40.0, ["ecg", "abp"])
    assert "Kept: **40 %**" in words(at)
    assert said.NO_RANKING not in words(at)


def test_a_second_window_cannot_answer_again() -> None:
    code, key = led_room()
    teaching_rooms.show_step(code, key, 1)
    one = joined(code)
    other = teaching(room=code, me=learner(one))
    commit(one, 40.0, ["ecg", "abp"])
    at = commit(other, 90.0, ["abp", "ecg"])
    assert f"{said.FIRST_COUNTS} Kept: **40 %**" in words(at)
    assert len(rooms.store().answers(code)) == 1


def test_a_learner_who_returns_is_the_same_and_sees_what_was_kept() -> None:
    code, key = led_room()
    teaching_rooms.show_step(code, key, 1)
    at = commit(joined(code), 40.0, ["ecg", "abp"])
    me = learner(at)
    again = teaching(room=code, me=me)
    assert "Kept: **40 %**" in words(again)
    assert len(rooms.store().participants(code)) == 1
    elsewhere = go(again, "model")
    assert "Kept: **40 %**" in words(go(elsewhere, "teaching"))


def test_a_class_is_followed_pooled_and_debriefed() -> None:
    code, key = led_room()
    lesson = teaching_lessons.lesson(SECOND)
    leader = teaching(room=code, lead=key)
    assert f">{code}<" in words(leader)
    assert "**0** in the room." in words(leader)
    leader.button(key="step_next").click().run()
    learners = [joined(code), joined(code)]
    for at, estimate, order in zip(learners, (20.0, 90.0), (["ecg", "abp"], ["alarm", "ecg"]), strict=True):
        assert lesson.steps[1].title in words(at)
        commit(at, estimate, order)
    leader.run()
    assert "**2 of 2** in the room have committed." in words(leader)
    live = charts(leader)
    assert not any("model" in json.dumps(chart["layout"].get("annotations", [])) for chart in live[:2])
    wall = teaching(room=code, lead=key, view="presenter")
    assert said.HIDDEN_UNTIL in words(wall)
    leader.button(key="step_next").click().run()
    assert "model" in json.dumps(charts(leader)[0]["layout"]["annotations"])
    # The order of contributions is the next step's answer: it is not told by the room's order.
    assert "model" not in json.dumps(charts(leader)[1]["layout"]["annotations"])
    for at in learners:
        at.run()
        assert "over 99 %" in words(at)
        press(at, said.REVISE)
    teaching_rooms.show_step(code, key, len(lesson.steps) - 1)
    leader.run()
    assert "People: 2." in words(leader)
    shown = {metric.label: metric.value for metric in leader.metric}
    assert shown["Brier score before"] == "0.325"
    assert shown["Switched to the model's side"] == "0 %"
    # The second record was passed by: it is committed to first.
    learners[0].run()
    assert withheld(learners[0])
    me = learner(learners[0])
    teaching_rooms.submit(code, me, lesson.item(lesson.commits[1]), "before", {"estimate": 40.0})
    learners[0].run()
    assert "Your own answers" in words(learners[0])


def test_the_table_holds_every_answer_and_the_disclaimer() -> None:
    code, key = led_room()
    lesson = teaching_lessons.lesson(SECOND)
    teaching_rooms.show_step(code, key, 1)
    commit(joined(code), 20.0, ["ecg", "abp"])
    person = teaching_rooms.join(code, None)
    teaching_rooms.submit(code, person.id, lesson.item(7), "answer", {"choice": 2})
    table = teaching_results.table(lesson, teaching_rooms.board(code), teaching_lessons.sides(lesson))
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 2
    assert {row["note"] for row in rows} == {"Research and education only; not for diagnosis."}
    assert rows[0] | {"learner": "", "submitted_utc": "", "model_estimate_percent": ""} == {
        "room": code, "lesson": SECOND, "learner": "", "step": "2", "record": "sim_t001", "simulated": "yes",
        "stage": "before", "estimate_percent": "20", "ranking": "ecg > abp", "choice": "", "correct": "",
        "model_estimate_percent": "", "outcome": "1", "submitted_utc": "",
        "note": "Research and education only; not for diagnosis.",
    }  # fmt: skip
    assert float(rows[0]["model_estimate_percent"]) > 99
    assert (rows[1]["choice"], rows[1]["correct"], rows[1]["learner"]) == ("3", "yes", person.alias)


def test_a_closed_room_takes_no_answers_and_still_shows_everything() -> None:
    code, key = led_room()
    teaching_rooms.show_step(code, key, 1)
    at = joined(code)
    leader = teaching(room=code, lead=key)
    leader.button(key="close_room").click().run()
    assert "The room is closed." in words(leader)
    at = commit(at, 40.0, ["ecg", "abp"])
    assert "was not kept" in words(at)
    assert rooms.store().answers(code) == ()
    assert said.CLOSED in words(at)
    assert said.CLOSED_TO_NEW in words(teaching(room=code))


def test_a_code_that_does_not_exist_and_a_key_that_does_not_fit() -> None:
    at = teaching(room="ZZZZZZ")
    assert "This room cannot be opened" in words(at)
    assert not at.exception
    assert EXAMPLE in words(at)
    good, _ = led_room()
    at.text_input(key="room_code").set_value(good)
    assert "join_room" in keys(press(at, "Join a room"))
    code, _ = led_room()
    at = teaching(room=code.lower(), lead="wrong")
    assert said.NOT_LEADER in words(at)
    assert "step_next" not in keys(at)
    agreement = rooms.store().open_room("agreement", "icu_alarm")
    assert "a room for agreement" in words(teaching(room=agreement.room.code))


def test_a_code_is_typed_and_leads_into_the_room() -> None:
    code, _ = led_room()
    at = teaching()
    at.text_input(key="room_code").set_value(f" {code[:3].lower()}-{code[3:]} ")
    at = press(at, "Join a room")
    assert "join_room" in keys(at)
    at = press(at, "Join this room")
    assert "step 1 of 9" in words(at)
    assert place(at, "room") == code


def test_what_one_answered_can_be_taken_along_and_erased() -> None:
    code, key = led_room()
    teaching_rooms.show_step(code, key, 1)
    at = commit(joined(code), 40.0, ["ecg", "abp"])
    me = learner(at)
    exported = rooms.store().export(me)
    assert "40" in json.dumps(exported["answers"])
    at.button(key="own_erase").click().run()
    assert "Erased: 1 answers" in words(at)
    assert rooms.store().answers(code) == ()
    assert teaching_rooms.board(code).answers == ()
    assert "join_room" in keys(teaching(room=code, me=me))


def test_a_store_that_cannot_be_written_is_said_and_the_form_keeps_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, key = led_room()
    teaching_rooms.show_step(code, key, 1)
    at = joined(code)
    good = rooms.store()
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}")
        at = commit(at, 40.0, ["ecg", "abp"])
        assert "was not kept" in words(at) or "cannot be used" in words(at)
        assert not at.exception
    at = commit(at, 40.0, ["ecg", "abp"])
    assert "Kept: **40 %**" in words(at)
    assert len(good.answers(code)) == 1


def test_a_broken_lesson_is_refused_with_file_and_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AMFN_LESSONS", str(tmp_path))
    (tmp_path / "mine.yaml").write_text(GOOD, encoding="utf-8")
    at = teaching()
    assert "mine.yaml, line 4" in words(at)
    assert next(each for each in at.expander if "cannot be used" in each.label).proto.expanded
    assert "task 'toy'" in words(at)
    assert f"start_alone_{FIRST}" in keys(at)
    own = (
        (teaching_lessons.FOLDER / f"{FIRST}.yaml")
        .read_text(encoding="utf-8")
        .replace("What the model sees", "Mine", 1)
    )
    (tmp_path / "mine.yaml").write_text(own, encoding="utf-8")
    at = teaching()
    assert "start_alone_mine" in keys(at)
    at.button(key="start_led_mine").click().run()
    (tmp_path / "mine.yaml").write_text(own + "# changed\n", encoding="utf-8")
    at.run()
    assert said.CHANGED in words(at)


def test_a_lesson_that_is_gone_is_said() -> None:
    opened = rooms.store().open_room("lesson", "gone", {"pace": "led"})
    at = teaching(room=opened.room.code)
    assert "no lesson of this name" in words(at)
    with pytest.raises(InputError):
        teaching_lessons.lesson("gone")
