"""Rooms of the store as screens need them: opened, joined, answered, and looked at by many sessions at once.

A board is shared by all sessions of a room in this process: however many look, the store is asked twice a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from amfn.types import InputError
from app.rooms import store
from store import Answer, Json, OpenedRoom, Participant, Room
from teaching import Lesson

LESSON: Literal["lesson"] = "lesson"
FRESH_S = 0.5
BEFORE, AFTER, CHOSEN = "before", "after", "answer"
Pace = Literal["led", "own", "alone"]


def open_room(lesson: Lesson, pace: Pace) -> OpenedRoom:
    """A room for this lesson. pace: led by the teacher's steps, everybody at their own, or one learner alone."""
    return store().open_room(LESSON, lesson.name, {"pace": pace, "digest": lesson.digest, "title": lesson.title})


def pace_of(room: Room) -> Pace:
    return "led" if room.settings.get("pace") == "led" else "alone" if room.settings.get("pace") == "alone" else "own"


@dataclass(slots=True, eq=False)
class Board:
    """What a room holds, as of at most FRESH_S ago. sent: answers kept from here since it was read, by their id."""

    code: str
    room: Room
    people: tuple[Participant, ...] = ()
    found: list[Answer] = field(default_factory=list)
    sent: dict[int, Answer] = field(default_factory=dict)
    read: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    keeping: threading.Lock = field(default_factory=threading.Lock)

    def refreshed(self, now: bool = False) -> Board:
        """The same board, read again where it is older than FRESH_S, or at once. While one session reads it the others
        go on with what is there: a slow store holds up nobody's page."""
        if not now and time.monotonic() - self.read <= FRESH_S:
            return self
        if not self.lock.acquire(blocking=now or not self.read):
            return self
        try:
            kept = store()
            self.room = kept.room(self.code)
            self.found += kept.answers(self.code, self.found[-1].id if self.found else 0)
            self.people = kept.participants(self.code)
            read = self.found[-1].id if self.found else 0
            with self.keeping:
                self.sent = {number: answer for number, answer in self.sent.items() if number > read}
            self.read = time.monotonic()
        finally:
            self.lock.release()
        return self

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Of those who are in the room: whoever was erased is gone from here as well."""
        here = {person.id for person in self.people}
        known = {answer.id: answer for answer in (*self.found, *self.sent.values())}
        return tuple(known[number] for number in sorted(known) if known[number].participant_id in here)

    def of(self, item: str, stage: str) -> dict[str, Answer]:
        """By participant the answer to an item at a stage."""
        return {a.participant_id: a for a in self.answers if a.item == item and a.stage == stage}

    def mine(self, me: str, item: str, stage: str) -> Answer | None:
        return self.of(item, stage).get(me)

    def keep(self, answer: Answer) -> None:
        """An answer that the store has just kept: it stands here at once, without asking the store again."""
        with self.keeping:
            if not self.found or answer.id > self.found[-1].id:
                # A new one, not a changed one: other sessions may be going through the old one.
                self.sent = {**self.sent, answer.id: answer}

    def person(self, me: str) -> Participant | None:
        return next((person for person in self.people if person.id == me), None)


def board(code: str) -> Board:
    """The room's board, fresh. Raises InputError for a code that does not exist, or a room for something else."""
    return _board(_code(code)).refreshed()


@st.cache_data(max_entries=256, ttl=600, show_spinner=False)
def _code(code: str) -> str:
    """The code as the store writes it."""
    room = store().room(code)
    if room.kind != LESSON:
        raise InputError(f"room {room.code}", f"a room for {room.kind}", "a lesson", "Open it on its own page.")
    return room.code


@st.cache_resource(max_entries=128, show_spinner=False)
def _board(code: str) -> Board:
    return Board(code, store().room(code))


def submit(code: str, me: str, item: str, stage: str, value: Mapping[str, Json]) -> Answer:
    """Keep an answer; it stands on the board at once. Raises InputError and AlreadyAnswered as the store does."""
    kept = store().submit(code, me, item, stage, dict(value))
    _board(code).keep(kept)
    return kept


def show_step(code: str, key: str, step: int) -> None:
    store().show_step(code, key, step)
    _board(code).refreshed(now=True)


def close(code: str, key: str) -> None:
    store().close_room(code, key)
    _board(code).refreshed(now=True)


def join(code: str, me: str | None) -> Participant:
    person = store().join(code, me)
    _board(code).refreshed(now=True)
    return person


def erase(code: str, me: str) -> Mapping[str, int]:
    """Everything of a learner. The board forgets it as well."""
    counts = store().delete(me, actor="the learner")
    shown = _board(code)
    with shown.lock:
        shown.found = [answer for answer in shown.found if answer.participant_id != me]
        with shown.keeping:
            shown.sent = {number: answer for number, answer in shown.sent.items() if answer.participant_id != me}
    shown.refreshed(now=True)
    return counts


def number(answer: Answer | None, name: str) -> float | None:
    """A number in an answer, None where there is none."""
    value = answer.value.get(name) if answer is not None and isinstance(answer.value, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def names(answer: Answer | None, name: str) -> tuple[str, ...]:
    """A list of names in an answer, empty where there is none."""
    value = answer.value.get(name) if answer is not None and isinstance(answer.value, dict) else None
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
