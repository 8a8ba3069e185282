"""A learner's screen: one step at a time, the teacher's or one's own; own answers to take along or to erase."""

from __future__ import annotations

import json
from dataclasses import replace

import streamlit as st

from app import (
    rooms,
    state,
    teaching_debrief,
    teaching_forms,
    teaching_place,
    teaching_results,
    teaching_rooms,
    teaching_steps,
    text,
    widgets,
)
from app import teaching_words as words
from app.components import to_top
from app.teaching_forms import Asked
from app.teaching_links import Place
from app.teaching_rooms import BEFORE, Board
from teaching import Commit, Discussion, Lesson

POLL_S = 4.0
LEFT = "teaching_left"


def learner(lesson: Lesson, board: Board, place: Place) -> None:
    """The step on which this learner stands."""
    person = board.person(place.me)
    led = teaching_rooms.pace_of(board.room) == "led"
    wanted = min(board.room.step if led else place.at or 0, len(lesson.steps) - 1)
    k, why = _shown(lesson, board, place.me, wanted)
    name = person.alias if person is not None else ""
    to_top.to_top(f"{board.code}|{k}")
    with st.container(horizontal=True, vertical_alignment="center", key="lesson_head"):
        st.markdown(
            f"**{text.plain(lesson.title)}** · step {k + 1} of {len(lesson.steps)} · you are **{text.plain(name)}**"
        )
    if board.room.closed is not None:
        st.info(words.CLOSED, icon=":material/lock:")
    if why:
        st.info(why, icon=":material/front_hand:")
    asked = Asked.of(lesson, board, place.me, k)
    if isinstance(lesson.steps[k], Discussion):
        _debrief(lesson, board, place, k)
    else:
        teaching_steps.material(lesson, k)
        _form(asked)
    if led:
        _follow(asked, board.room.closed is None)
    else:
        _moves(lesson, board, place, k)
    _own(lesson, board, place)


def _debrief(lesson: Lesson, board: Board, place: Place, k: int) -> None:
    """The debrief tells the model's answers and outcomes, its text as well: only who has committed to all of the
    records before it sees it. In a closed room nobody can commit any more, and everything can be read."""
    missing = [] if board.room.closed is not None else teaching_results.owed(lesson, board, place.me, k)
    if not missing:
        teaching_steps.material(lesson, k)
        teaching_debrief.debrief(lesson.until(k), board, place.me, "learner")
        return
    st.markdown(f"## {text.plain(lesson.steps[k].title)}")
    steps = "; ".join(f"step {n + 1}, {lesson.steps[n].title}" for n in missing)
    st.info(text.plain(words.OWED.format(steps=steps)), icon=":material/front_hand:")
    st.button(words.GO_COMMIT, key="go_commit", type="primary", on_click=_catch_up, args=(board, place, missing[0]))


def _catch_up(board: Board, place: Place, k: int) -> None:
    """To a commit that was passed by. In a led room, too: `_shown` then goes from one to the next."""
    if teaching_rooms.pace_of(board.room) == "led":
        state.keep(_behind(board, place.me), True)
    else:
        _go(place, k)


def _form(asked: Asked) -> None:
    """What is asked at this step, or what was answered; of a closed room only the latter."""
    if asked.board.room.closed is None or asked.board.mine(asked.me, asked.item, BEFORE) or teaching_forms.given(asked):
        teaching_forms.form(asked)
    else:
        teaching_forms.said(asked)


def _shown(lesson: Lesson, board: Board, me: str, wanted: int) -> tuple[int, str]:
    """The step to show, and why it is another one than the one wanted: nobody sees the model before committing, and
    nobody is torn away from an estimate that was not sent."""
    if board.room.closed is not None:
        return wanted, ""
    told = lesson.told_by(wanted)
    if told is not None and board.mine(me, lesson.item(told), BEFORE) is None:
        return told, words.COMMIT_FIRST if teaching_rooms.pace_of(board.room) == "led" else words.COMMIT_FIRST_OWN
    missing = _owed_now(lesson, board, me, wanted)
    if missing:
        state.keep(_last(board, me), missing[0])
        return missing[0], words.COMMIT_FIRST
    last = state.kept(_last(board, me), wanted)
    drafting = last < wanted and isinstance(lesson.steps[last], Commit)
    if drafting and last not in state.kept(LEFT, ()) and board.mine(me, lesson.item(last), BEFORE) is None:
        return last, ""
    state.keep(_last(board, me), wanted)
    return wanted, ""


def _owed_now(lesson: Lesson, board: Board, me: str, wanted: int) -> list[int]:
    """What a learner who is catching up still has to commit to before the debrief that the room is at."""
    if not isinstance(lesson.steps[wanted], Discussion) or not state.kept(_behind(board, me), False):
        return []
    return teaching_results.owed(lesson, board, me, wanted)


def _behind(board: Board, me: str) -> str:
    return f"teaching_behind:{board.code}:{me}"


def _last(board: Board, me: str) -> str:
    return f"teaching_last:{board.code}:{me}"


@st.fragment(run_every=POLL_S)
def _follow(asked: Asked, opened: bool) -> None:
    """Looks what the teacher shows; an estimate that was not sent is left in peace.

    It says as well that an answer is kept: the form's own word of it can be lost where the two are drawn at once.
    """
    with widgets.boundary():
        lesson, k = asked.lesson, asked.k
        room = asked.board.refreshed().room
        if (room.closed is None) != opened:
            st.rerun()
        wanted = min(room.step, len(lesson.steps) - 1)
        drafting = opened and isinstance(lesson.steps[k], Commit)
        if wanted == k:
            st.caption(words.KEPT_WAITING if teaching_forms.given(asked) else words.WAITING)
        elif drafting and asked.board.mine(asked.me, asked.item, BEFORE) is None:
            if lesson.told_by(wanted) != k and k not in _owed_now(lesson, asked.board, asked.me, wanted):
                st.info(words.MOVED_ON.format(wanted + 1), icon=":material/east:")
                if st.button("Leave this one and go there", key=f"leave_{k}"):
                    state.keep(LEFT, (*state.kept(LEFT, ()), k))
                    st.rerun()
        elif _shown(lesson, asked.board, asked.me, wanted)[0] != k:
            st.rerun()


def _moves(lesson: Lesson, board: Board, place: Place, k: int) -> None:
    """Back and on, at one's own pace."""
    with st.container(horizontal=True, key="lesson_moves"):
        st.button("Back", key="lesson_back", disabled=k == 0, icon=":material/west:", on_click=_go, args=(place, k - 1))
        if k + 1 < len(lesson.steps):
            st.button(
                "Continue",
                key="lesson_on",
                type="primary",
                icon=":material/east:",
                on_click=_go,
                args=(place, k + 1),
            )
        else:
            st.button("All lessons", key="lesson_leave", icon=":material/list:", on_click=_leave)


def _go(place: Place, k: int) -> None:
    teaching_place.go(replace(place, at=k))


def _leave() -> None:
    teaching_place.go(Place())


def _own(lesson: Lesson, board: Board, place: Place) -> None:
    """One's own answers: to keep, and to erase."""
    with st.expander("My answers: take them along, erase them", icon=":material/person:"):
        st.caption(words.STORED)
        with st.container(horizontal=True):
            st.download_button(
                "My answers as JSON",
                lambda: _exported(place.me),
                file_name=f"fusionscope-{lesson.name}-my-answers.json",
                mime="application/json",
                key="own_export",
                icon=":material/download:",
                on_click="ignore",
            )
            with st.popover("Erase my answers", icon=":material/delete:"):
                st.markdown("Everything that you answered here goes, and cannot be brought back.")
                st.button("Erase now", key="own_erase", type="primary", on_click=_erase, args=(board, place))
            st.button("Leave the room", key="own_leave", icon=":material/logout:", on_click=_leave)


def _exported(me: str) -> str:
    found = rooms.store().export(me, actor="the learner")
    return json.dumps(found, indent=1, ensure_ascii=False)


def _erase(board: Board, place: Place) -> None:
    with widgets.boundary():
        counts = teaching_rooms.erase(board.code, place.me)
        state.keep("teaching_said", words.ERASED.format(counts.get("answers", 0), counts.get("comments", 0)))
        teaching_place.go(Place())
