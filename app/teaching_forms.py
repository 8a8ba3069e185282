"""What a learner fills in: an estimate with an order, its revision, a question. A press sends it once.

Each form is a fragment: sending an answer draws nothing but the form anew. What was typed stays where it could not be
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import streamlit as st

from amfn.types import InputError
from app import teaching_lessons, teaching_rooms, teaching_steps, text, widgets
from app import teaching_words as words
from app.teaching_rooms import AFTER, BEFORE, CHOSEN, Board, names, number
from store import AlreadyAnswered, Answer, Json
from teaching import Commit, Lesson, Question, Reveal

RANKED_FROM = 2


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a form is about: who answers which step of which room; and its words, worked out once for every look at it.

    titles: of the modalities that can be put in order, by name. choices: text, whether right, and why.
    """

    lesson: Lesson
    board: Board
    me: str
    k: int
    question: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[tuple[str, bool, str], ...] = ()

    @classmethod
    def of(cls, lesson: Lesson, board: Board, me: str, k: int) -> Asked:
        step = lesson.steps[k]
        titles = teaching_lessons.rankable(lesson.task, step.record) if isinstance(step, Commit) else {}
        return cls(
            lesson, board, me, k, teaching_steps.question(lesson, k), titles, teaching_steps.explanations(lesson, k)
        )

    @property
    def item(self) -> str:
        return self.lesson.item(self.k)

    def key(self, name: str) -> str:
        return f"{name}:{self.board.code}:{self.me}:{self.k}"


def form(asked: Asked) -> None:
    """The form of this step; nothing where the step asks nothing."""
    step = asked.lesson.steps[asked.k]
    if isinstance(step, Commit):
        _commit(asked)
    elif isinstance(step, Reveal) and step.revise:
        _revise(asked)
    elif isinstance(step, Question):
        _question(asked)


@st.fragment
def _commit(asked: Asked) -> None:
    with widgets.boundary():
        titles = asked.titles
        if _answered(asked, BEFORE, titles):
            return
        step = asked.lesson.steps[asked.k]
        ranking = isinstance(step, Commit) and step.ranking
        with st.form(asked.key("form"), border=True, enter_to_submit=False):
            _number(asked.question, asked.key("estimate"), None, words.HELP_ESTIMATE)
            if ranking:
                st.multiselect(
                    "Your order of modalities: first what counts most",
                    list(titles),
                    format_func=lambda name: titles[name],
                    key=asked.key("ranking"),
                    placeholder="Choose in your order",
                    select_all=False,
                    help=words.HELP_RANKING,
                )
            _send(asked, words.COMMIT, BEFORE, lambda: _estimate_and_order(asked, ranking))


@st.fragment
def _revise(asked: Asked) -> None:
    with widgets.boundary():
        first = asked.board.refreshed().mine(asked.me, asked.item, BEFORE)
        before = number(first, "estimate")
        if before is None or _answered(asked, AFTER, {}):
            return
        st.markdown(f"Before the model was shown you said **{before:g} %**.")
        with st.form(asked.key("form"), border=True, enter_to_submit=False):
            said_now = "Your final estimate, now that you have seen the model's"
            _number(said_now, asked.key("estimate"), before, words.HELP_REVISE)
            _send(asked, words.REVISE, AFTER, lambda: _estimate_and_order(asked, False))


@st.fragment
def _question(asked: Asked) -> None:
    with widgets.boundary():
        choices = asked.choices
        answer = asked.board.refreshed().mine(asked.me, asked.item, CHOSEN)
        said(asked)
        if answer is not None:
            _explained(choices, number(answer, "choice"))
            return
        with st.form(asked.key("form"), border=True):
            st.radio(
                asked.question,
                range(len(choices)),
                index=None,
                format_func=lambda n: choices[n][0],
                key=asked.key("choice"),
            )
            _send(asked, words.ANSWER, CHOSEN, lambda: _choice(asked))


def _explained(choices: tuple[tuple[str, bool, str], ...], chosen: float | None) -> None:
    """Every choice with why it is right or not; which one was taken is said in words."""
    for n, (words_of, correct, why) in enumerate(choices):
        mark = ":material/check_circle:" if correct else ":material/cancel:"
        own = " *(your answer)*" if chosen == n else ""
        st.markdown(f"{mark} **{words_of}**{own}  \n{'Right' if correct else 'Not so'}: {why}")


def _number(label: str, key: str, preset: float | None, help_text: str) -> None:
    if key not in st.session_state:
        st.session_state[key] = preset
    st.number_input(
        f"{label} (0 to 100 %)",
        min_value=0.0,
        max_value=100.0,
        value=None,
        step=1.0,
        format="%g",
        key=key,
        placeholder="0 to 100",
        help=help_text,
    )


def _answered(asked: Asked, stage: str, titles: Mapping[str, str]) -> bool:
    """Say what was kept, or what went wrong. True where there is an answer."""
    answer = asked.board.refreshed().mine(asked.me, asked.item, stage)
    said(asked)
    if answer is None:
        return False
    st.success(_kept(answer, titles), icon=":material/check:")
    return True


def _kept(answer: Answer, titles: Mapping[str, str]) -> str:
    estimate, order = number(answer, "estimate"), [titles.get(name, name) for name in names(answer, "ranking")]
    first = f"Kept: **{estimate:g} %**" if estimate is not None else "Kept"
    return f"{first}, in this order: {text.plain(', '.join(order))}." if order else f"{first}."


def given(asked: Asked) -> bool:
    """True where the answer that this step asks for is kept."""
    step = asked.lesson.steps[asked.k]
    stage = CHOSEN if isinstance(step, Question) else AFTER if isinstance(step, Reveal) else BEFORE
    return asked.board.mine(asked.me, asked.item, stage) is not None


def said(asked: Asked) -> None:
    """What the last press came to, where it was not simply kept."""
    message = st.session_state.get(asked.key("said"))
    if message:
        st.warning(message, icon=":material/warning:")


def _send(asked: Asked, label: str, stage: str, read: Callable[[], Mapping[str, Json] | str]) -> None:
    st.form_submit_button(label, type="primary", on_click=_sent, args=(asked, stage, read))


def _sent(asked: Asked, stage: str, read: Callable[[], Mapping[str, Json] | str]) -> None:
    """A press: what is wrong with it is said in the form, and what is right is kept before anything is drawn."""
    value = read()
    st.session_state[asked.key("said")] = value if isinstance(value, str) else _submitted(asked, stage, value)


def _submitted(asked: Asked, stage: str, value: Mapping[str, Json]) -> str:
    try:
        teaching_rooms.submit(asked.board.code, asked.me, asked.item, stage, value)
    except AlreadyAnswered as error:
        asked.board.refreshed(now=True)
        return f"{words.FIRST_COUNTS} {_kept(error.stored, {})}"
    except InputError as error:
        return f"{words.NOT_KEPT} {text.plain(f'{error.came}. {error.mend}')}"
    return ""


def _estimate_and_order(asked: Asked, ranking: bool) -> Mapping[str, Json] | str:
    estimate = st.session_state.get(asked.key("estimate"))
    if estimate is None:
        return words.NO_ESTIMATE
    value: dict[str, Json] = {"estimate": float(estimate)}
    if ranking:
        order = list(st.session_state.get(asked.key("ranking"), []))
        if len(order) < RANKED_FROM:
            return words.NO_RANKING
        value["ranking"] = [str(name) for name in order]
    return value


def _choice(asked: Asked) -> Mapping[str, Json] | str:
    chosen = st.session_state.get(asked.key("choice"))
    return words.NO_CHOICE if chosen is None else {"choice": int(chosen)}
