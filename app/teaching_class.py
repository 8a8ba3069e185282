"""Who leads: the room's code and link, the steps, and the room's answers as they come. The same for a wall."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import streamlit as st

from app import (
    state,
    teaching_debrief,
    teaching_lessons,
    teaching_links,
    teaching_place,
    teaching_results,
    teaching_rooms,
    teaching_steps,
    text,
    widgets,
)
from app import teaching_words as words
from app.components import copy_link
from app.figures import teaching as class_figures
from app.teaching_links import Place
from app.teaching_rooms import AFTER, BEFORE, CHOSEN, Board, number
from teaching import Commit, Discussion, Lesson, Question, Reveal
from teaching.debrief import mean_places
from teaching.lessons import record_of

POLL_S = 2.0


def leader(lesson: Lesson, board: Board, place: Place) -> None:
    """The teacher's own screen."""
    k = min(board.room.step, len(lesson.steps) - 1)
    _invitation(lesson, board, place)
    _steps(lesson, board, place, k)
    _live(lesson, board, k, for_wall=False)
    teaching_steps.material(lesson, k)
    _asked(lesson, k)
    if isinstance(lesson.steps[k], Discussion):
        teaching_debrief.debrief(lesson, board, None, "leader")
    st.divider()
    with st.container(horizontal=True):
        teaching_debrief.results(lesson, board, "leader")
        if board.room.closed is None:
            with st.popover("Close the room", icon=":material/lock:"):
                st.markdown("No more answers are taken then. Everything can still be read.")
                st.button("Close it now", key="close_room", type="primary", on_click=_close, args=(board, place))
        else:
            st.markdown("**The room is closed.**")
        st.button("All lessons", key="leave_room", icon=":material/list:", on_click=teaching_place.go, args=(Place(),))


def presenter(lesson: Lesson, board: Board, place: Place) -> None:
    """For the wall: large, with nothing to press but the steps."""
    k = min(board.room.step, len(lesson.steps) - 1)
    invitation = teaching_links.invitation(teaching_place.page(), board.code)
    st.html(
        f'<div class="fs-wall"><strong>{text.escape(lesson.title)}</strong><span>Step {k + 1} of {len(lesson.steps)}'
        f'</span><span>Join: {text.escape(_short(invitation))}</span><b class="fs-code">{board.code}</b></div>'
    )
    _live(lesson, board, k, for_wall=True)
    teaching_steps.material(lesson, k, large=True)
    _asked(lesson, k)
    if isinstance(lesson.steps[k], Discussion):
        teaching_debrief.debrief(lesson, board, None, "wall", large=True)
    with st.container(horizontal=True, key="wall_steps"):
        _step_button("Previous", ":material/west:", board, place, k - 1, k > 0)
        _step_button("Next", ":material/east:", board, place, k + 1, k + 1 < len(lesson.steps))
        back = replace(place, presenter=False)
        st.button("Leave the presenter view", key="wall_leave", on_click=teaching_place.go, args=(back,))


def _short(link: str) -> str:
    return link.partition("://")[2] or link


def _invitation(lesson: Lesson, board: Board, place: Place) -> None:
    """Code and link to share; the leader's own link is not among them."""
    invitation = teaching_links.invitation(teaching_place.page(), board.code)
    with st.container(border=True, key="invitation"):
        code, link = st.columns([1, 2], vertical_alignment="center")
        with code:
            st.html(f'<p class="fs-code" aria-label="Room code">{board.code}</p>')
        with link:
            st.markdown(f"**{text.plain(lesson.title)}**  \n{words.ROOM_OF_LEADER}")
            st.code(invitation, language=None, wrap_lines=True)
            with st.container(horizontal=True, vertical_alignment="center"):
                copy_link.button("Copy link for learners", invitation, "copy_invitation")
                own = Place(room=board.code, lead=place.lead)
                copy_link.button("Copy my own link", teaching_links.link(teaching_place.page(), own), "copy_own")
                st.button(
                    "Presenter view",
                    key="present",
                    icon=":material/present_to_all:",
                    on_click=teaching_place.go,
                    args=(replace(place, presenter=True),),
                )
        st.caption(words.KEEP_LINK)
        if urlsplit(invitation).hostname in ("127.0.0.1", "localhost"):
            st.caption(words.THIS_COMPUTER)


def _steps(lesson: Lesson, board: Board, place: Place, k: int) -> None:
    """Where the room stands, and the buttons that move it."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="leader_steps"):
        _step_button("Previous", ":material/west:", board, place, k - 1, k > 0)
        _step_button("Next", ":material/east:", board, place, k + 1, k + 1 < len(lesson.steps))
        st.session_state["leader_step"] = k
        st.selectbox(
            "Step that the room sees"
            if teaching_rooms.pace_of(board.room) == "led"
            else "Step (learners go their own)",
            range(len(lesson.steps)),
            format_func=lambda n: f"{n + 1}. {lesson.steps[n].title}",
            key="leader_step",
            on_change=lambda: _move(board, place, st.session_state["leader_step"]),
        )


def _step_button(label: str, icon: str, board: Board, place: Place, to: int, possible: bool) -> None:
    st.button(
        label, key=f"step_{label.lower()}", icon=icon, disabled=not possible, on_click=_move, args=(board, place, to),
        type="primary" if label == "Next" else "secondary",
    )  # fmt: skip


def _move(board: Board, place: Place, to: int) -> None:
    with widgets.boundary():
        teaching_rooms.show_step(board.code, place.lead, to)


def _close(board: Board, place: Place) -> None:
    with widgets.boundary():
        teaching_rooms.close(board.code, place.lead)


def _asked(lesson: Lesson, k: int) -> None:
    """What learners are asked at this step, in words."""
    step = lesson.steps[k]
    asked = teaching_steps.question(lesson, k)
    if asked:
        st.markdown(f"**{text.plain(asked)}**")
    if isinstance(step, Question):
        st.markdown("\n".join(f"- {said}" for said, _, _ in teaching_steps.explanations(lesson, k)))


@st.fragment(run_every=POLL_S)
def _live(lesson: Lesson, board: Board, k: int, for_wall: bool) -> None:
    """Who is there and who has answered; on the wall estimates come up only when the model does."""
    with widgets.boundary():
        found = board.refreshed()
        if min(found.room.step, len(lesson.steps) - 1) != k:
            # Moved from another window of who leads.
            st.rerun()
        step = lesson.steps[k]
        there = len(found.people)
        with st.container(border=True, key="live"):
            if isinstance(step, Commit):
                _counted("have committed", len(found.of(lesson.item(k), BEFORE)), there)
                if for_wall:
                    st.caption(words.HIDDEN_UNTIL)
                else:
                    _pooled(lesson, found, k, shown=False, large=for_wall)
            elif isinstance(step, Reveal):
                asked = AFTER if step.revise else BEFORE
                _counted(
                    "have revised" if step.revise else "had committed", len(found.of(lesson.item(k), asked)), there
                )
                _pooled(lesson, found, k, shown=True, large=for_wall)
            elif isinstance(step, Question):
                _counted("have answered", len(found.of(lesson.item(k), CHOSEN)), there)
                _choices(lesson, found, k, for_wall)
            else:
                st.markdown(f"**{there}** in the room.")


def _counted(what: str, count: int, there: int) -> None:
    st.markdown(f"**{count} of {there}** in the room {what}.")


def _pooled(lesson: Lesson, board: Board, k: int, shown: bool, large: bool) -> None:
    """Estimates and orders of the room; with the model's only where it is shown."""
    item = lesson.item(k)
    before, after = (
        [v / 100 for v in (number(a, "estimate") for a in board.of(item, stage).values()) if v is not None]
        for stage in (BEFORE, AFTER)
    )
    if not before:
        st.caption(words.NOBODY_YET)
        return
    step = lesson.steps[k]
    commit = step.commit if isinstance(step, Reveal) else k
    side = teaching_lessons.model_side(lesson.task, record_of(step))
    drawing = class_figures.estimates(before, after, side.estimate if shown else None, state.dark())
    orders = teaching_results.rankings(lesson, board, commit)
    left, right = widgets.pair("live") if orders else (st.container(), None)
    with left:
        teaching_steps.draw(drawing, f"live_estimates_{k}", large)
    if right is not None:
        names = list(side.contributions)
        told = isinstance(step, Reveal) and "contributions" in step.views
        sizes = np.array([side.contributions[name] for name in names]) if told else None
        titles = [side.titles[name] for name in names]
        with right:
            places = class_figures.mean_places(mean_places(orders, names), names, titles, sizes, state.dark())
            teaching_steps.draw(places, f"live_orders_{k}", large)
            st.caption(words.ORDERS_TOLD if told else words.ORDERS)


def _choices(lesson: Lesson, board: Board, k: int, for_wall: bool) -> None:
    """How many took which choice; on the wall only when all have answered, so that nobody follows the crowd."""
    counts = teaching_results.chosen(lesson, board, k)
    if for_wall and sum(counts) < len(board.people):
        return
    for (said, _, _), count in zip(teaching_steps.explanations(lesson, k), counts, strict=True):
        st.markdown(f"- **{count}**: {said}")
