"""What a step of a lesson shows: its text with the numbers of now, and views of a simulated record."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from app import (
    certainty_view,
    charted,
    figures,
    reality,
    services,
    signals,
    state,
    teaching_lessons,
    text,
    trends_view,
    widgets,
    window,
)
from app import teaching_words as words
from app.figures import Drawing, Strip
from app.figures import teaching as class_figures
from app.theme import modality_colour
from app.views import Case
from explain.reality import CONTRIBUTION, ROUTING
from teaching import Lesson, Look, Question, Step, filled
from teaching.lessons import views_of

SECONDS = (10.0, 20.0, 30.0)
WALL_ZOOM = 1.25
SHOWN_S, FITTED = "lesson_seconds", "lesson_fitted"


def material(lesson: Lesson, k: int, large: bool = False) -> None:
    """Title, banner of the record, text and views of a step. large: for a wall, where everything fits the width."""
    step = lesson.steps[k]
    st.markdown(f"## {text.plain(step.title)}")
    opened = teaching_lessons.opened_for(lesson, step)
    if opened is None:
        st.caption(words.SIMULATED)
    else:
        widgets.banner(opened)
    if step.text:
        st.markdown(_said(step.text, opened, step))
    for view in views_of(step):
        with widgets.boundary():
            if view == "measured":
                _measured(lesson, step, large)
            elif opened is not None:
                VIEWS[view](opened, step, f"{k}", large)


def _said(said: str, opened: Case | None, step: Step) -> str:
    return text.unbroken(filled(said, {} if opened is None else teaching_lessons.facts(opened, step)))


def draw(drawing: Drawing, key: str, large: bool) -> None:
    """A chart; large: with type for the back row."""
    widgets.draw(class_figures.enlarged(drawing) if large else drawing, key)


def question(lesson: Lesson, k: int) -> str:
    """What a step asks, in words."""
    step = lesson.steps[k]
    asked = getattr(step, "question", "")
    return _said(asked, teaching_lessons.opened_for(lesson, step), step) if asked else ""


def explanations(lesson: Lesson, k: int) -> tuple[tuple[str, bool, str], ...]:
    """Of every choice of a question its text, whether it is right, and why."""
    step = lesson.steps[k]
    if not isinstance(step, Question):
        return ()
    opened = teaching_lessons.opened_for(lesson, step)
    return tuple((_said(c.text, opened, step), c.correct, _said(c.explanation, opened, step)) for c in step.choices)


def _head(view: str, *more: str) -> None:
    st.markdown(f"#### {text.plain(words.VIEW_TITLES[view].format(*more))}")


def _recorded(opened: Case, step: Step, key: str, large: bool) -> None:
    """What is there and what is missing; nothing of the model's."""
    chips = []
    for name, title, here in zip(opened.analysis.names, opened.analysis.titles, opened.analysis.present, strict=True):
        mark = f'<i style="background:{modality_colour(name)}"></i>' if here else "<i></i>"
        tail = "" if here else " not recorded"
        chips.append(f'<li class="{"here" if here else "missing"}">{mark}<b>{text.escape(title)}</b>{tail}</li>')
    st.html(f'<ul class="fs-strip" aria-label="{words.VIEW_TITLES["recorded"]}">{"".join(chips)}</ul>')


def _signal(opened: Case, step: Step, key: str, large: bool) -> None:
    """The record as it is, without anything that the model makes of it."""
    schema = services.schema(opened.listing.task)
    if not any(spec.kind == "waveform" for spec in schema.modalities):
        panels = charted.charted(opened.record, opened.prepared, schema, trends_view.HOURS)
        trends_view.trend_columns(panels, f"lesson_trend_{key}", schema.reference_source)
        return
    _waves(opened, key, large)


@st.fragment
def _waves(opened: Case, key: str, large: bool) -> None:
    """The seconds before the alarm; only they run again when another length is chosen."""
    with widgets.boundary():
        alarm = opened.prepared.meta.alarm
        if alarm is None:
            st.info("No alarm was recorded.")
            return
        sounded = alarm.hours * 3600
        length, fitted = (SECONDS[0], False) if large else _controls(key)
        strips = _strips(opened.digest, opened)
        end = min(sounded + signals.AFTER_S, max(signals.span_s(opened.record), sounded))
        start = max(end - length, 0.0)
        zoom = window.OVERVIEW if fitted else WALL_ZOOM if large else 1.0
        overview = window.squeezed(length, zoom)
        drawing = _sheet(opened.digest, start, length, zoom or 1.0, overview, state.dark(), opened)
        st.caption(
            f"{text.clock(start)} to {text.clock(start + length)}; {text.sounded(sounded, False)}. "
            f"{figures.waveform_key(strips, length, zoom or 1.0, '', overview)}"
            f"{'' if large or fitted else f' {words.SIDEWAYS}'}"
        )
        widgets.draw(drawing, f"lesson_waves_{key}")


@st.cache_resource(max_entries=24, show_spinner=False)
def _strips(digest: str, _opened: Case) -> list[Strip]:
    return signals.strips(_opened.record, _opened.prepared, services.schema(_opened.listing.task))


@st.cache_resource(max_entries=48, show_spinner=False)
def _sheet(digest: str, start: float, length: float, zoom: float, overview: bool, dark: bool, _opened: Case) -> Drawing:
    """Drawn once for a whole class: when the teacher goes on, everybody asks for it in the same second."""
    alarm, schema = _opened.prepared.meta.alarm, services.schema(_opened.listing.task)
    return figures.waveforms(
        _strips(digest, _opened),
        start,
        length,
        alarm_s=None if alarm is None else alarm.hours * 3600,
        window_s=signals.window_s(_opened.prepared, schema),
        zoom=zoom,
        dark=dark,
        overview=overview,
    )


def _controls(key: str) -> tuple[float, bool]:
    """Seconds shown, and whether they are fitted into the width: the same on every step."""
    seconds, fitted = f"w_{SHOWN_S}_{key}", f"w_{FITTED}_{key}"
    st.session_state[seconds], st.session_state[fitted] = state.kept(SHOWN_S, SECONDS[0]), state.kept(FITTED, False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length = st.segmented_control(
            "Seconds shown",
            SECONDS,
            required=True,
            format_func=lambda value: f"{value:g}",
            key=seconds,
            on_change=state.keep_widget,
            args=(SHOWN_S, seconds),
        )
        fits = st.toggle(
            "Fit to the screen",
            key=fitted,
            help=words.HELP_FITTED,
            on_change=state.keep_widget,
            args=(FITTED, fitted),
        )
    return length or SECONDS[0], fits


def _estimate(opened: Case, step: Step, key: str, large: bool) -> None:
    widgets.risk(opened)


def _certainty(opened: Case, step: Step, key: str, large: bool) -> None:
    certainty_view.certainty(opened)


def _contributions(opened: Case, step: Step, key: str, large: bool) -> None:
    a = opened.analysis
    widgets.heading(words.VIEW_TITLES["contributions"], "shapley", text.HELP_SHAPLEY)
    drawing = figures.contributions(
        a.shapley, *opened.rows, base=a.empty_logit, total=a.full.logit, noun="the risk", dark=state.dark()
    )
    draw(drawing, f"lesson_contributions_{key}", large)


def _attention(opened: Case, step: Step, key: str, large: bool) -> None:
    full = opened.analysis.full
    _, titles, states = opened.rows
    widgets.heading(words.VIEW_TITLES["attention"], "attention", text.HELP_HEADS)
    draw(figures.attention(full.attention_of(None, None), titles, states, state.dark()), f"lesson_alpha_{key}", large)
    st.caption(words.ROUTING)


def _weights(opened: Case, step: Step, key: str, large: bool) -> None:
    full = opened.analysis.full
    if full.weights is None:
        st.info("This model has no fusion weights.")
        return
    widgets.heading(words.VIEW_TITLES["weights"], "weights")
    draw(figures.weights(full.weights, *opened.rows, state.dark()), f"lesson_weights_{key}", large)


def _reality(opened: Case, step: Step, key: str, large: bool) -> None:
    found = opened.analysis.reality
    names, titles, states = opened.rows
    widgets.heading(words.VIEW_TITLES["reality"], "reality", text.HELP_REALITY)
    st.markdown(text.plain(reality.sentence(opened.analysis)))
    routing, contribution = (reality.columns(found, names, group) for group in (ROUTING, CONTRIBUTION))
    flags = reality.flags(found, names)
    drawing = figures.reality_check(routing, contribution, flags, names, titles, states, state.dark())
    draw(drawing, f"lesson_reality_{key}", large)


def _without(opened: Case, step: Step, key: str, large: bool) -> None:
    a = opened.analysis
    altered, _ = teaching_lessons.without(opened, step)
    _head("without", teaching_lessons.titles_off(opened, step))
    drawing = figures.risk_pair(
        a.full.risk, altered, a.base_rate, opened.noun, state.dark(), changed="with modalities off"
    )
    draw(drawing, f"lesson_without_{key}", large)


def _unmeasured(opened: Case, step: Step, key: str, large: bool) -> None:
    other = teaching_lessons.unmeasured(opened, step)
    a = opened.analysis
    _head("unmeasured")
    drawing = figures.risk_pair(
        a.full.risk, other.analysis.full.risk, a.base_rate, opened.noun, state.dark(), changed="without these values"
    )
    draw(drawing, f"lesson_unmeasured_{key}", large)
    taken = step.unmeasured if isinstance(step, Look) else ()
    st.caption(text.plain(f"Taken out, as if never measured: {', '.join(taken)}. {text.NOT_ADVICE}"))


def _outcome(opened: Case, step: Step, key: str, large: bool) -> None:
    """What is known because it was made up."""
    _head("outcome")
    st.markdown(f"Simulated outcome: **{text.plain(opened.outcome or 'not known')}**.")
    titles = dict(zip(opened.analysis.names, opened.analysis.titles, strict=True))
    lines = []
    for part in teaching_lessons.planted(opened.record.record_id):
        unit = "h" if part.unit == "hours" else "s"
        where = f"{titles.get(part.modality, part.modality)} ({', '.join(part.channels)})"
        lines.append(
            f"- **{words.ROLES[part.role]}**, {text.plain(where)}, {part.start:g} to {part.end:g} {unit}: "
            f"{text.plain(part.cause)}"
        )
    st.markdown("\n".join(lines) if lines else "Nothing was planted in this record.")


VIEWS: Mapping[str, Callable[[Case, Step, str, bool], None]] = {
    "recorded": _recorded,
    "signal": _signal,
    "estimate": _estimate,
    "certainty": _certainty,
    "contributions": _contributions,
    "attention": _attention,
    "weights": _weights,
    "reality": _reality,
    "without": _without,
    "unmeasured": _unmeasured,
    "outcome": _outcome,
}


def _measured(lesson: Lesson, step: Step, large: bool) -> None:
    """Over the whole sample cohort; of stays only, which are charted."""
    rows = teaching_lessons.measured(lesson.task, step.channels if isinstance(step, Look) else ())
    if not rows or not rows[0].of_with or not rows[0].of_without:
        st.info("Nothing is charted in these records.")
        return
    task = services.checkpoint(lesson.task).task.wording
    names = (task.positive, task.negative)
    _head("measured")
    first = rows[0]
    st.caption(
        text.plain(
            f"The {first.of_with + first.of_without} simulated stays of the sample cohort: {first.of_with} "
            f"“{names[0]}”, {first.of_without} “{names[1]}”."
        )
    )
    drawing = class_figures.measured_by_outcome(
        [row.channel.title for row in rows],
        [row.with_outcome / row.of_with for row in rows],
        [row.without_outcome / row.of_without for row in rows],
        names,
        state.dark(),
    )
    draw(drawing, "lesson_measured", large)
