"""The Teaching page: the lessons, a room to join, and what a learner, a teacher and a wall see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import streamlit as st

from amfn.types import InputError
from app import (
    rooms,
    services,
    state,
    teaching_class,
    teaching_learner,
    teaching_lessons,
    teaching_place,
    teaching_rooms,
    text,
    widgets,
)
from app import teaching_words as words
from app.components import to_top
from app.teaching_links import Place
from app.teaching_rooms import Board, Pace
from teaching import Lesson

ButtonKind = Literal["primary", "secondary", "tertiary"]
STYLE, WALL = (Path(__file__).with_name(name) for name in ("teaching.css", "teaching_wall.css"))
SAID = "teaching_said"
COLUMNS = 2


def page() -> None:
    """Whatever the address says."""
    state.framed()
    st.html(STYLE)
    place = teaching_place.current()
    with widgets.boundary():
        if place.room:
            _room(place)
        else:
            _lessons(place)
        rooms.remember(teaching_rooms.LESSON)


def _lessons(place: Place) -> None:
    """The way into a room, and a card for each lesson."""
    said = state.kept(SAID, "")
    if said:
        st.success(text.plain(said), icon=":material/check:")
        state.keep(SAID, "")
    to_top.to_top("lessons")
    st.markdown(words.INTRO)
    _join_by_code()
    found = teaching_lessons.lessons()
    named = [lesson for lesson in found.lessons if lesson.name == place.lesson]
    if place.lesson and not named:
        st.warning(f"There is no lesson called {text.plain(place.lesson)}. These are the lessons:")
    cards = list(named or found.lessons)
    with st.container(key="lesson_cards"):
        for first in range(0, len(cards), COLUMNS):
            for column, lesson in zip(st.columns(COLUMNS), cards[first : first + COLUMNS], strict=False):
                with column:
                    _card(lesson)
    if named:
        st.button("All lessons", key="all_lessons", on_click=teaching_place.go, args=(Place(),))
    if found.refused:
        # Open, as it stands below all cards: whoever wrote a lesson looks for it and does not find it.
        refused = f"Lessons that cannot be used ({len(found.refused)})"
        with st.expander(refused, expanded=True, icon=":material/warning:"):
            for error in found.refused:
                widgets.input_error(error)


def _join_by_code() -> None:
    with st.form("join", border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Room code", key="room_code", placeholder=f"for example {words.EXAMPLE}", max_chars=12, help=words.HELP_CODE
        )
        st.form_submit_button("Join a room", icon=":material/login:", on_click=_go_to_code)


def _go_to_code() -> None:
    code = st.session_state["room_code"].strip()
    if code:
        teaching_place.go(Place(room=code))


def _card(lesson: Lesson) -> None:
    with st.container(border=True, key=f"card_{lesson.name}"):
        st.markdown(f"### {text.plain(lesson.title)}")
        task = services.task_titles()[lesson.task]
        st.caption(text.plain(f"{lesson.minutes} minutes · {len(lesson.steps)} steps · {task} · simulated patients"))
        st.markdown(text.plain(lesson.summary))
        st.markdown("\n".join(f"- {text.plain(item)}" for item in lesson.learn))
        with st.container(horizontal=True, vertical_alignment="center"):
            _start(lesson, "Start alone", "alone", ":material/person:", "primary")
            _start(lesson, "Lead a class", "led", ":material/groups:", "secondary")
            _start(lesson, "Class at its own pace", "own", ":material/directions_walk:", "tertiary")
        with st.expander("Sources"):
            st.markdown("\n".join(f"- {text.plain(item)}" for item in lesson.sources) or "None named.")


def _start(lesson: Lesson, label: str, pace: Pace, icon: str, kind: ButtonKind) -> None:
    st.button(
        label, key=f"start_{pace}_{lesson.name}", icon=icon, type=kind, on_click=_started, args=(lesson, pace),
        help=words.HELP_START[pace],
    )  # fmt: skip


def _started(lesson: Lesson, pace: Pace) -> None:
    """One click: a room is there; who learns alone is in it at once."""
    with widgets.boundary():
        opened = teaching_rooms.open_room(lesson, pace)
        code = opened.room.code
        if pace == "alone":
            teaching_place.go(Place(room=code, me=teaching_rooms.join(code, None).id))
        else:
            teaching_place.go(Place(room=code, lead=opened.key))


def _room(place: Place) -> None:
    try:
        board = teaching_rooms.board(place.room)
    except InputError as error:
        st.error(
            f"**This room cannot be opened:** {text.plain(error.came)}. {text.plain(error.mend)}",
            icon=":material/meeting_room:",
        )
        st.markdown(words.WRONG_CODE)
        _join_by_code()
        st.button("All lessons", key="no_room", on_click=teaching_place.go, args=(Place(),))
        return
    place = teaching_place.seated(replace(place, room=board.code))
    lesson = teaching_lessons.lesson(board.room.subject)
    if board.room.settings.get("digest") != lesson.digest:
        st.warning(words.CHANGED, icon=":material/edit_note:")
    if place.lead and rooms.store().may_lead(board.code, place.lead):
        _lead(lesson, board, place)
        return
    if place.lead:
        st.warning(words.NOT_LEADER, icon=":material/key_off:")
    if place.me and board.person(place.me) is not None:
        teaching_place.go(place)
        teaching_learner.learner(lesson, board, place)
        return
    _door(lesson, board)


def _lead(lesson: Lesson, board: Board, place: Place) -> None:
    teaching_place.go(place)
    if place.presenter:
        st.html(WALL)
        teaching_class.presenter(lesson, board, place)
    else:
        teaching_class.leader(lesson, board, place)


def _door(lesson: Lesson, board: Board) -> None:
    """Before a learner is in: what the room is about and what will be kept."""
    with st.container(border=True):
        st.markdown(f"### {text.plain(lesson.title)}")
        st.caption(text.plain(f"Room {board.code} · {lesson.minutes} minutes · simulated patients"))
        st.markdown(text.plain(lesson.summary))
        if board.room.closed is not None:
            st.info(words.CLOSED_TO_NEW, icon=":material/lock:")
            return
        if teaching_rooms.pace_of(board.room) == "alone":
            st.info(words.ONE_PERSON, icon=":material/person:")
            st.button("All lessons", key="not_my_room", on_click=teaching_place.go, args=(Place(),))
            return
        st.caption(words.STORED)
        st.button(
            "Join this room", key="join_room", type="primary", icon=":material/login:", on_click=_join, args=(board,)
        )


def _join(board: Board) -> None:
    with widgets.boundary():
        person = teaching_rooms.join(board.code, None)
        teaching_place.go(Place(room=board.code, me=person.id))
