"""The debrief: what the room's estimates were worth before and after the model was seen, and whom people followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import services, state, teaching_lessons, teaching_results, teaching_steps, text, widgets
from app import teaching_words as words
from app.figures import teaching as class_figures
from app.figures.drawing import percent
from app.teaching_results import Sides
from app.teaching_rooms import Board
from teaching import Commit, Debrief, Lesson, Question, Share, Trial
from teaching.debrief import mean_places

NOT_YET = "not yet"


def debrief(lesson: Lesson, board: Board, me: str | None, key: str, large: bool = False) -> None:
    """Everybody's answers, and those of one learner above them. me: None for who leads."""
    with widgets.boundary():
        sides = teaching_lessons.sides(lesson)
        found = teaching_results.trials(lesson, board, sides)
        if me is not None:
            _own(lesson, board, sides, me)
        st.markdown("#### The room")
        if not found:
            st.info(words.NOBODY_YET, icon=":material/hourglass_empty:")
            return
        shown = teaching_results.summary(lesson, board, sides)
        st.caption(text.plain(words.FEW.format(records=len({t.record for t in found}), noun=_noun(lesson))))
        _figures(shown, lesson)
        _revisions(lesson, found, sides, key, large)
        _rankings(lesson, board, sides, key, large)
        _questions(lesson, board)


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


def _figures(shown: Debrief, lesson: Lesson) -> None:
    """Brier scores, and whom people followed, each with its counts."""
    st.caption(
        text.plain(
            f"People: {shown.learners}. Estimates before the model was shown: {shown.trials}; of these {shown.paired} "
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
            _interval(shown),
            delta_color="off",
            delta_arrow="off",
            help=words.HELP_CHANGE,
        )
    with st.container(key="debrief_reliance"):
        shares = st.columns(3)
        _share(shares[0], "Switched to the model's side", shown.switched, words.HELP_SWITCH.format(side=lesson.side))
        _share(shares[1], "Relied on it when it was right", shown.rair, words.HELP_RAIR)
        _share(shares[2], "Stayed right when it was wrong", shown.rsr, words.HELP_RSR)
    if shown.sideless:
        st.caption(
            text.plain(
                f"{shown.sideless} answers with exactly {lesson.side} % take no side: they are not in the three shares."
            )
        )


def _interval(shown: Debrief) -> str:
    if shown.low is None or shown.high is None:
        return "no interval: fewer than two people"
    return f"95 % interval {text.signed(shown.low)} to {text.signed(shown.high)}"


def _share(column: st.delta_generator.DeltaGenerator, title: str, share: Share, help_text: str) -> None:
    value = "not defined" if share.value is None else percent(share.value)
    below = share.reason if share.value is None else f"{share.count} of {share.of} answers"
    column.metric(title, value, help=help_text)
    column.caption(text.plain(below))


def _revisions(lesson: Lesson, found: Sequence[Trial], sides: Sides, key: str, large: bool) -> None:
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
    )
    teaching_steps.draw(drawing, f"debrief_revisions_{key}", large)


def _rankings(lesson: Lesson, board: Board, sides: Sides, key: str, large: bool) -> None:
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
        st.caption(
            text.plain(f"Agreement with the model: {said} (mean of {found.defined} of {found.rankings} orders).")
        )
        order = list(side.contributions)
        st.caption(words.ORDERS_TOLD)
        drawing = class_figures.mean_places(
            mean_places(given, order),
            order,
            [side.titles[name] for name in order],
            np.array([side.contributions[name] for name in order]),
            state.dark(),
        )
        teaching_steps.draw(drawing, f"debrief_ranking_{key}_{k}", large)


def _questions(lesson: Lesson, board: Board) -> None:
    for k, step in enumerate(lesson.steps):
        if not isinstance(step, Question):
            continue
        counts = teaching_results.chosen(lesson, board, k)
        if not sum(counts):
            continue
        right = sum(n for n, choice in zip(counts, step.choices, strict=True) if choice.correct)
        st.markdown(f"**{text.plain(step.question)}** {right} of {sum(counts)} chose a right answer.")


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
