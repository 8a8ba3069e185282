"""Who sees the debrief of a lesson, and what it counts."""

from __future__ import annotations

from app import teaching_lessons, teaching_results, teaching_rooms
from app import teaching_words as said
from tests.app.screen import words
from tests.app.test_teaching import FOURTH, SECOND, commit, joined, led_room, teaching, withheld


def answered(code: str, name: str, first: float, last: float) -> None:
    """Somebody who has committed to every record of the lesson, and revised."""
    lesson, person = teaching_lessons.lesson(name), teaching_rooms.join(code, None)
    for k in lesson.commits:
        teaching_rooms.submit(code, person.id, lesson.item(k), "before", {"estimate": first})
        teaching_rooms.submit(code, person.id, lesson.item(k), "after", {"estimate": last})


def test_a_debrief_waits_for_ones_own_commits_at_ones_own_pace() -> None:
    lesson = teaching_lessons.lesson(FOURTH)
    end = len(lesson.steps) - 1
    opened = teaching_rooms.open_room(lesson, "own")
    code = opened.room.code
    answered(code, FOURTH, 80.0, 20.0)
    at = joined(code)
    for done, k in enumerate(lesson.commits):
        at.query_params["at"] = str(end)
        at.run()
        assert withheld(at)
        owed = [f"step {n + 1}, {lesson.steps[n].title}" in words(at) for n in lesson.commits]
        assert owed == [n >= k for n in lesson.commits]
        at.button(key="go_commit").click().run()
        assert f"step {k + 1} of {end + 1}" in words(at)
        commit(at, 50.0 + done)
    at.query_params["at"] = str(end)
    at.run()
    assert "Still to be committed" not in words(at)
    assert at.metric
    leader = teaching(room=code, lead=opened.key)
    teaching_rooms.show_step(code, opened.key, end)
    leader.run()
    assert leader.metric


def test_a_late_joiner_of_a_led_room_catches_up_and_then_sees_the_debrief() -> None:
    lesson = teaching_lessons.lesson(SECOND)
    end = len(lesson.steps) - 1
    code, key = led_room(SECOND)
    answered(code, SECOND, 20.0, 90.0)
    teaching_rooms.show_step(code, key, end)
    at = joined(code)
    assert withheld(at)
    at.button(key="go_commit").click().run()
    for k in lesson.commits:
        assert f"step {k + 1} of {end + 1}" in words(at)
        assert not at.metric
        assert "Leave this one and go there" not in [button.label for button in at.button]
        step = lesson.steps[k]
        order = ["ecg", "abp"] if getattr(step, "ranking", False) else None
        at = commit(at, 40.0, order).run()
    assert f"step {end + 1} of {end + 1}" in words(at)
    assert at.metric
    # In a closed room nobody can commit any more: everything can be read.
    late = joined(code)
    assert withheld(late)
    teaching_rooms.close(code, key)
    assert late.run().metric


def test_a_debrief_speaks_of_nothing_that_comes_after_it() -> None:
    lesson = teaching_lessons.lesson(FOURTH)
    first, second = lesson.commits[:2]
    code = teaching_rooms.open_room(lesson, "own").room.code
    answered(code, FOURTH, 80.0, 20.0)
    board, short = teaching_rooms.board(code), lesson.until(second - 1)
    found = teaching_results.trials(short, board, teaching_lessons.sides(short))
    assert [trial.record for trial in found] == [getattr(lesson.steps[first], "record", "")]


def test_an_estimate_that_the_lesson_calls_no_decision_is_on_nobodys_side() -> None:
    code, key = led_room(FOURTH)
    lesson = teaching_lessons.lesson(FOURTH)
    for _ in range(3):
        answered(code, FOURTH, 20.0, 80.0)
    teaching_rooms.show_step(code, key, len(lesson.steps) - 1)
    board, sides = teaching_rooms.board(code), teaching_lessons.sides(lesson)
    found = teaching_results.summary(lesson, board, sides)
    assert (found.paired, found.undecided) == (12, 3)
    leader = teaching(room=code, lead=key)
    assert "Left out of the three shares: 3 of the answers" in words(leader)
    assert said.FEW_PEOPLE.format(people=3) in words(leader)
