"""The store's promises, each kept by SQLite and by PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from amfn.types import InputError
from store import AlreadyAnswered, Json, OpenedRoom, Store
from store.rooms import ALPHABET, EXAMPLE
from tests.store_rows import database


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture
def lesson(store: Store) -> OpenedRoom:
    return store.open_room("lesson", "missing-modality", {"records": ["sim-01", "sim-02"], "large": True})


def refused(call: Callable[..., object], *arguments: object) -> InputError:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return caught.value


def actions(store: Store) -> list[tuple[str, str]]:
    return [(entry.action, entry.subject) for entry in store.log()]


def test_a_room_is_kept_as_it_was_opened(store: Store, lesson: OpenedRoom) -> None:
    room = lesson.room
    assert store.room(room.code) == room
    assert (room.kind, room.subject, room.step, room.closed) == ("lesson", "missing-modality", 0, None)
    assert room.settings == {"records": ["sim-01", "sim-02"], "large": True}
    assert room.opened.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - room.opened) < timedelta(minutes=1)


def test_a_code_is_forgiving_to_type(store: Store, lesson: OpenedRoom) -> None:
    code = lesson.room.code
    assert len(code) == len(EXAMPLE) == 6
    assert set(code + EXAMPLE) <= set(ALPHABET)
    for typed in (code.lower(), f" {code[:3]} {code[3:]} ", f"{code[:3]}-{code[3:]}", "-".join(code)):
        assert store.room(typed) == lesson.room


@pytest.mark.parametrize("code", ["AAAAAA", "", "HKN47", "HKN47RR", "naïve7", "x' OR '1'='1", "HKN\0047R", "²²²²²²"])
def test_a_room_that_does_not_exist_says_what_a_code_looks_like(store: Store, code: str) -> None:
    for ask in (store.room, store.join, store.answers, store.comments, store.participants):
        error = refused(ask, code)
        assert "there is no such room" in str(error)
        assert EXAMPLE in error.expected
    assert store.log() == ()


def test_rooms_come_newest_first(store: Store) -> None:
    first = store.open_room("lesson", "one").room
    second = store.open_room("agreement", "two").room
    third = store.open_room("lesson", "three").room
    assert store.rooms() == (third, second, first)
    assert store.rooms("lesson") == (third, first)
    assert store.rooms("agreement") == (second,)


def test_an_unknown_kind_is_refused(store: Store) -> None:
    assert "lesson, agreement" in str(refused(store.open_room, "party", "x"))
    assert store.rooms() == ()


def test_the_key_alone_leads(store: Store, store_url: str, lesson: OpenedRoom) -> None:
    code, other = lesson.room.code, store.open_room("lesson", "another")
    assert store.may_lead(code, lesson.key)
    for key in (other.key, "", lesson.key[:-1], "é\ud800"):
        assert not store.may_lead(code, key)
        assert "not this room's" in str(refused(store.show_step, code, key, 1))
        assert "not this room's" in str(refused(store.close_room, code, key))
    assert store.room(code) == lesson.room
    with database(store_url) as connection:
        rows = connection.execute(text("SELECT * FROM rooms")).all()
    assert lesson.key not in str(rows)


def test_steps_and_closing(store: Store, lesson: OpenedRoom) -> None:
    code, key = lesson.room.code, lesson.key
    assert store.show_step(code, key, 3).step == store.room(code).step == 3
    for step in (-1, 10_001):
        refused(store.show_step, code, key, step)
    closed = store.close_room(code, key)
    assert closed.closed is not None
    assert store.close_room(code, key) == store.room(code) == closed
    assert store.show_step(code, key, 4).step == 4, "the debrief goes on"
    assert actions(store).count(("room closed", code)) == 1


def test_a_known_id_is_the_same_participant_again(store: Store, lesson: OpenedRoom) -> None:
    code, elsewhere = lesson.room.code, store.open_room("lesson", "elsewhere").room.code
    first, second = store.join(code), store.join(code.lower())
    assert first.id != second.id
    assert first.alias != second.alias
    assert store.join(code, first.id) == first
    assert store.participants(code) == (first, second)
    for unknown in ("nobody", "", "0" * 24, "\0"):
        assert store.join(elsewhere, unknown).id != unknown
    moved = store.join(elsewhere, first.id)
    assert (moved.code, moved.id == first.id) == (elsewhere, False)


def test_a_closed_room_takes_nothing_more(store: Store, lesson: OpenedRoom) -> None:
    code = lesson.room.code
    who = store.join(code)
    kept = store.submit(code, who.id, "sim-01", "before", 0.3)
    store.close_room(code, lesson.key)
    for error in (
        refused(store.join, code),
        refused(store.submit, code, who.id, "sim-02", "before", 0.3),
        refused(store.comment, code, who.id, "sim-01", "late"),
    ):
        assert "it was closed" in str(error)
    assert store.join(code, who.id) == who, "who was there may look"
    assert store.submit(code, who.id, "sim-01", "before", 0.3) == kept, "sent twice is not lost"
    assert store.answers(code) == (kept,)


def test_the_first_answer_counts(store: Store, lesson: OpenedRoom) -> None:
    code, who = lesson.room.code, store.join(lesson.room.code).id
    value: dict[str, Json] = {
        "risk": 0.25,
        "ranking": ["labs", "vitals"],
        "sure": None,
        "name": "Ünal \N{FACE WITH MEDICAL MASK}\0",
    }
    first = store.submit(code, who, "sim-01", "before", value)
    assert first.value == value
    assert store.submit(code, who, "sim-01", "before", dict(sorted(value.items()))) == first
    with pytest.raises(AlreadyAnswered) as caught:
        store.submit(code, who, "sim-01", "before", {**value, "risk": 0.5})
    assert caught.value.stored == first
    after = store.submit(code, who, "sim-01", "after", 0.5)
    assert store.answers(code) == (first, after)
    assert actions(store).count(("submitted", code)) == 2


def test_polling_hands_over_what_is_new(store: Store, lesson: OpenedRoom) -> None:
    code, who = lesson.room.code, store.join(lesson.room.code).id
    given = [store.submit(code, who, f"item {n}", "before", n) for n in range(5)]
    other = store.open_room("lesson", "another").room.code
    store.submit(other, store.join(other).id, "item 0", "before", 99)
    assert store.answers(code) == tuple(given)
    assert store.answers(code, after=given[2].id) == tuple(given[3:])
    assert store.answers(code, after=given[-1].id) == ()


def test_an_answer_needs_somebody_of_this_room(store: Store, lesson: OpenedRoom) -> None:
    code = lesson.room.code
    stranger = store.join(store.open_room("lesson", "another").room.code)
    assert "nobody has this id" in str(refused(store.submit, code, "0" * 24, "i", "s", 1))
    assert "another room" in str(refused(store.submit, code, stranger.id, "i", "s", 1))
    assert "another room" in str(refused(store.comment, code, stranger.id, "i", "text"))
    assert store.answers(code) == ()


@pytest.mark.parametrize(
    ("value", "came"),
    [
        (float("nan"), "cannot hold"),
        (object(), "cannot hold"),
        ({1: 2, "a": 3}, "cannot hold"),
        (int("9" * 4_000) ** 2, "cannot hold"),
        ("x" * 65_535, "65,537 bytes"),
    ],
    ids=["not a number", "an object", "mixed keys", "a number of 8,000 digits", "too long"],
)
def test_a_value_that_cannot_be_kept_is_refused(store: Store, lesson: OpenedRoom, value: object, came: str) -> None:
    who = store.join(lesson.room.code).id
    assert came in refused(store.submit, lesson.room.code, who, "i", "s", value).came
    assert store.answers(lesson.room.code) == ()


def test_a_value_of_64_kilobytes_is_kept(store: Store, lesson: OpenedRoom) -> None:
    who = store.join(lesson.room.code).id
    assert store.submit(lesson.room.code, who, "i", "s", "x" * 65_534).value == "x" * 65_534


def test_comments(store: Store, lesson: OpenedRoom) -> None:
    code, who = lesson.room.code, store.join(lesson.room.code).id
    first = store.comment(code, who, "sim-01", "  The labs are 40 hours old.\n")
    longest = store.comment(code, who, "sim-01", "é" * 4_000)
    assert first.text == "The labs are 40 hours old."
    assert store.comments(code) == (first, longest)
    assert "4,001 characters" in str(refused(store.comment, code, who, "i", "x" * 4_001))
    for wrong in ("", "  \n", "a\0b", "\ud800"):
        refused(store.comment, code, who, "i", wrong)
    assert store.comments(code) == (first, longest)


def test_what_matters_is_logged_without_what_was_said(store: Store) -> None:
    room = store.open_room("agreement", "alarms", {"by": "kappa"})
    code = room.room.code
    who = store.join(code).id
    store.submit(code, who, "sim-01", "before", "my secret ranking")
    store.comment(code, who, "sim-01", "my secret comment")
    store.show_step(code, room.key, 2)
    store.close_room(code, room.key)
    store.export(who, actor=who)
    store.delete(who)
    entries = store.log()
    assert [(e.seq, e.actor, e.action, e.subject) for e in entries] == [
        (1, "leader", "room opened", code),
        (2, who, "joined", code),
        (3, who, "submitted", code),
        (4, who, "commented", code),
        (5, "leader", "step shown", code),
        (6, "leader", "room closed", code),
        (7, who, "exported", who),
        (8, "operator", "erased", who),
    ]
    assert entries[2].detail == {"item": "sim-01", "stage": "before"}
    assert entries[7].detail == {"answers": 1, "comments": 1, "participants": 1}
    assert "secret" not in str(entries)
    assert store.log(limit=2) == entries[-2:]
    assert store.verify().broken is None
    refused(store.log, 0)


def test_reading_leaves_no_entry(store: Store, lesson: OpenedRoom) -> None:
    code = lesson.room.code
    before = store.log()
    store.room(code), store.rooms(), store.participants(code), store.answers(code), store.comments(code)
    store.may_lead(code, lesson.key), store.verify()
    assert store.log() == before


def test_everything_of_a_participant_is_exported(store: Store, lesson: OpenedRoom) -> None:
    code = lesson.room.code
    who, other = store.join(code), store.join(code)
    answer = store.submit(code, who.id, "sim-01", "before", [1, {"a": None}])
    comment = store.comment(code, who.id, "sim-01", "Mine.")
    store.submit(code, other.id, "sim-01", "before", "not mine")
    found = store.export(who.id)
    assert found["disclaimer"] == "Research and education only; not for diagnosis."
    assert found["participant"] == {"id": who.id, "alias": who.alias, "joined": who.joined.isoformat()}
    assert found["room"] == {"code": code, "kind": "lesson", "subject": "missing-modality"}
    assert found["answers"] == [
        {"item": "sim-01", "stage": "before", "value": [1, {"a": None}], "submitted": answer.submitted.isoformat()}
    ]
    assert found["comments"] == [{"item": "sim-01", "text": "Mine.", "written": comment.written.isoformat()}]
    logged = found["log"]
    assert isinstance(logged, list)
    assert [entry["action"] for entry in logged if isinstance(entry, dict)] == [
        "joined", "submitted", "commented", "exported",
    ]  # fmt: skip
    written = json.dumps(found)
    assert other.id not in written
    assert "not mine" not in written


def test_erasing_takes_all_of_one_and_nothing_of_another(store: Store, lesson: OpenedRoom) -> None:
    code = lesson.room.code
    who, other = store.join(code), store.join(code)
    for item in ("a", "b"):
        last = store.submit(code, who.id, item, "before", 1)
        kept = store.submit(code, other.id, item, "before", 2)
    store.comment(code, who.id, "a", "Mine.")
    remark = store.comment(code, other.id, "a", "Theirs.")
    assert store.delete(who.id) == {"answers": 2, "comments": 1, "participants": 1}
    assert store.participants(code) == (other,)
    assert [answer.participant_id for answer in store.answers(code)] == [other.id, other.id]
    assert store.comments(code) == (remark,)
    for gone in (store.export, store.delete):
        assert "nobody has this id" in str(refused(gone, who.id))
    assert store.join(code, who.id).id != who.id
    assert store.delete(other.id)["answers"] == 2
    again = store.submit(code, store.join(code).id, "a", "before", 3)
    assert again.id > max(last.id, kept.id), "an id is never given twice"
    assert store.verify().broken is None


FORBIDDEN = (
    "UPDATE log SET actor = 'somebody else'",
    "UPDATE log SET seq = 100 WHERE seq = 2",
    "DELETE FROM log",
    "DELETE FROM log WHERE seq = 2",
)
FORBIDDEN_IN = {
    "sqlite": "INSERT OR REPLACE INTO log SELECT seq, at, 'x', action, subject, detail, previous, digest FROM log",
    "postgresql": "TRUNCATE log",
}


def test_the_database_itself_keeps_the_log(store: Store, store_url: str, lesson: OpenedRoom) -> None:
    store.join(lesson.room.code)
    before = store.log()
    for statement in (*FORBIDDEN, FORBIDDEN_IN[store_url.partition(":")[0]]):
        with pytest.raises(DBAPIError, match="the access log can only grow"), database(store_url) as connection:
            connection.execute(text(statement))
    assert store.log() == before


def in_threads(count: int, work: Callable[[int], object]) -> list[BaseException]:
    """What was raised by so many threads that begin at the same moment."""
    raised: list[BaseException] = []
    together = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            together.wait()
            work(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.slow
def test_two_hundred_at_once_lose_nothing_and_double_nothing(store: Store, lesson: OpenedRoom) -> None:
    code = lesson.room.code
    seen: list[int] = []
    done = threading.Event()

    def poll() -> None:
        while not done.is_set() or store.answers(code, seen[-1] if seen else 0):
            seen.extend(answer.id for answer in store.answers(code, seen[-1] if seen else 0))

    def learn(number: int) -> None:
        who = store.join(code).id
        first = store.submit(code, who, "sim-01", "before", number)
        assert store.submit(code, who, "sim-01", "before", number) == first
        store.submit(code, who, "sim-01", "after", number)

    presenter = threading.Thread(target=poll)
    presenter.start()
    raised = in_threads(200, learn)
    done.set()
    presenter.join()
    assert raised == []
    people, answers = store.participants(code), store.answers(code)
    assert len({person.alias for person in people}) == len(people) == 200
    assert sorted(answer.value for answer in answers) == sorted([*range(200), *range(200)])  # type: ignore[type-var]
    assert {(a.participant_id, a.stage) for a in answers} == {(p.id, s) for p in people for s in ("before", "after")}
    assert seen == [answer.id for answer in answers], "whoever polls sees each once, in order"
    verified = store.verify()
    assert verified.broken is None
    assert verified.entries == 1 + 200 * 3


@pytest.mark.slow
def test_the_same_answer_sent_two_hundred_times_is_one(store: Store, lesson: OpenedRoom) -> None:
    code, who = lesson.room.code, store.join(lesson.room.code).id
    raised = in_threads(200, lambda number: store.submit(code, who, "sim-01", "before", number % 2))
    (answer,) = store.answers(code)
    assert {type(error) for error in raised} == {AlreadyAnswered}
    assert len(raised) == 100
    assert {error.stored for error in raised if isinstance(error, AlreadyAnswered)} == {answer}
