"""The debrief: what the room's estimates were worth before and after the model was seen, and whom people followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import services, state, teaching_lessons, teaching_results, teaching_rooms, teaching_steps, text, widgets
from app import teaching_words as words
from app.figures import teaching as class_figures
from app.figures.drawing import percent
from app.teaching_results import Sides
from app.teaching_rooms import Board
from teaching import Commit, Debrief, Lesson, Question, Share, Trial
from teaching.debrief import RELIABLE_FROM, mean_places

NOT_YET = "not yet"


def debrief(lesson: Lesson, board: Board, me: str | None, key: str, large: bool = False) -> None:
    """Everybody's answers, and those of one learner above them. me: None for who leads. Who is alone is "you"."""
    with widgets.boundary():
        alone = teaching_rooms.pace_of(board.room) == "alone"
        sides = teaching_lessons.sides(lesson)
        found = teaching_results.trials(lesson, board, sides)
        if me is not None:
            _own(lesson, board, sides, me)
        st.markdown("#### What your estimates were worth" if alone else "#### The room")
        if not found:
            st.info(words.NOT_ANSWERED if alone else words.NOBODY_YET, icon=":material/hourglass_empty:")
            return
        shown = teaching_results.summary(lesson, board, sides)
        st.caption(text.plain(words.FEW.format(records=len({t.record for t in found}), noun=_noun(lesson))))
        _figures(shown, lesson, alone)
        _left_out(shown, found, lesson)
        _revisions(lesson, found, sides, key, large, alone)
        _rankings(lesson, board, sides, key, large, alone)
        _questions(lesson, board, alone)


def _noun(lesson: Lesson) -> str:
    return "alarms" if any(s.kind == "waveform" for s in services.schema(lesson.task).modalities) else "stays"


def _own(lesson: Lesson, board: Board, sides: Sides, me: str) -> None:
    """One learner's own way, record by record."""
    rows = teaching_results.records(lesson, teaching_results.trials(lesson, board, sides, me), sides)
    given = [row for row in rows if row.before is not None]
    if not given:
        return
    st.markdown("#### Your own answers")
    wording = services.checkpoint(lesson.task).task.wording
    lines = []
    for row in given:
        before, after = (NOT_YET if v is None else percent(v) for v in (row.before, row.after))
        outcome = wording.positive if row.side.outcome else wording.negative
        lines.append(
            f"<tr><th scope='row'>{text.escape(row.title)}</th><td>{before}</td><td>{after}</td>"
            f"<td>{text.percent(row.side.estimate)}</td><td>{text.escape(outcome)}</td></tr>"
        )
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("", "You, before", "You, after", "Model", "Simulated outcome")
    )
    st.html(
        '<div class="fs-table" tabindex="0" role="region" aria-label="Your own answers"><table><thead><tr>'
        f"{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _figures(shown: Debrief, lesson: Lesson, alone: bool) -> None:
    """Brier scores, and whom people followed, each with its counts."""
    who = "Your estimates" if alone else f"People: {shown.learners}. Estimates"
    st.caption(
        text.plain(
            f"{who} before the model was shown: {shown.trials}; of these {shown.paired} "
            "have one after it, and the figures below are of them."
        )
    )
    with st.container(key="debrief_scores"):
        columns = st.columns(4)
        scores = (
            ("Brier score before", shown.before),
            ("Brier score after", shown.after),
            ("Brier score, model", shown.model),
        )
        for column, (name, value) in zip(columns, scores, strict=False):
            column.metric(name, NOT_YET if value is None else f"{value:.3f}", help=words.BRIER)
        change = NOT_YET if shown.change is None else text.signed(shown.change)
        columns[3].metric(
            "Change, after less before",
            change,
            None if alone else _interval(shown),
            delta_color="off",
            delta_arrow="off",
            help=words.HELP_CHANGE_ALONE if alone else words.HELP_CHANGE,
        )
        if shown.low is not None and shown.resampled < RELIABLE_FROM:
            columns[3].markdown(f"**{words.FEW_PEOPLE.format(people=shown.resampled)}**")
    with st.container(key="debrief_reliance"):
        shares = st.columns(3)
        _share(shares[0], "Switched to the model's side", shown.switched, words.HELP_SWITCH.format(side=lesson.side))
        _share(shares[1], "Relied on it when it was right", shown.rair, words.HELP_RAIR)
        _share(shares[2], "Stayed right when it was wrong", shown.rsr, words.HELP_RSR)


def _left_out(shown: Debrief, found: Sequence[Trial], lesson: Lesson) -> None:
    """Answers that the three shares do not count, and why."""
    if shown.undecided:
        records = len({t.record for t in found if t.undecided and t.after is not None})
        st.caption(text.plain(words.UNDECIDED.format(answers=shown.undecided, records=records)))
    if shown.sideless:
        st.caption(
            text.plain(
                f"{shown.sideless} answers with exactly {lesson.side} % take no side: they are not in the three shares."
            )
        )


def _interval(shown: Debrief) -> str:
    if shown.low is None or shown.high is None:
        return shown.no_interval
    return f"95 % interval {text.signed(shown.low)} to {text.signed(shown.high)}"


def _share(column: st.delta_generator.DeltaGenerator, title: str, share: Share, help_text: str) -> None:
    value = "not defined" if share.value is None else percent(share.value)
    below = share.reason if share.value is None else f"{share.count} of {share.of} answers"
    column.metric(title, value, help=help_text)
    column.caption(text.plain(below))


def _revisions(lesson: Lesson, found: Sequence[Trial], sides: Sides, key: str, large: bool, alone: bool) -> None:
    rows = [r for r in teaching_results.records(lesson, found, sides) if r.before is not None]
    if not rows:
        return
    st.markdown("#### From before to after, record by record")
    drawing = class_figures.revisions(
        [row.title for row in rows],
        [row.before or 0.0 for row in rows],
        [row.after for row in rows],
        [row.side.estimate for row in rows],
        [row.side.outcome or 0 for row in rows],
        state.dark(),
        alone,
    )
    teaching_steps.draw(drawing, f"debrief_revisions_{key}", large)


def _rankings(lesson: Lesson, board: Board, sides: Sides, key: str, large: bool, alone: bool) -> None:
    """Orders of modalities beside what moved the model."""
    for k in lesson.commits:
        step = lesson.steps[k]
        given = teaching_results.rankings(lesson, board, k)
        if not isinstance(step, Commit) or not given:
            continue
        side = sides[step.record]
        found = teaching_results.agreement(lesson, board, sides, k)
        st.markdown(f"#### Order of modalities: {text.plain(step.title)}", help=words.HELP_TAU)
        said = "not defined" if found.mean is None else text.signed(found.mean)
        mean = "" if alone else f" (mean of {found.defined} of {found.rankings} orders)"
        st.caption(text.plain(f"{'Your agreement' if alone else 'Agreement'} with the model: {said}{mean}."))
        order = list(side.contributions)
        st.caption(words.ORDER_ALONE if alone else words.ORDERS_TOLD)
        drawing = class_figures.mean_places(
            mean_places(given, order),
            order,
            [side.titles[name] for name in order],
            np.array([side.contributions[name] for name in order]),
            state.dark(),
            alone,
        )
        teaching_steps.draw(drawing, f"debrief_ranking_{key}_{k}", large)


def _questions(lesson: Lesson, board: Board, alone: bool) -> None:
    for k, step in enumerate(lesson.steps):
        if not isinstance(step, Question):
            continue
        counts = teaching_results.chosen(lesson, board, k)
        if not sum(counts):
            continue
        right = sum(n for n, choice in zip(counts, step.choices, strict=True) if choice.correct)
        own = "You chose a right answer." if right else "Your answer was not right."
        st.markdown(
            f"**{text.plain(step.question)}** {own if alone else f'{right} of {sum(counts)} chose a right answer.'}"
        )


def results(lesson: Lesson, board: Board, key: str) -> None:
    """Everything as a table to take along, made when asked for."""
    st.download_button(
        "Results as CSV",
        lambda: teaching_results.table(lesson, board.refreshed(now=True), teaching_lessons.sides(lesson)),
        file_name=f"fusionscope-{lesson.name}-{board.code}.csv",
        mime="text/csv",
        key=f"results_{key}",
        icon=":material/download:",
        on_click="ignore",
    )
