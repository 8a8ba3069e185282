"""A room's answers -> the trials of a debrief, and a table of everything. No streamlit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from amfn.types import InputError
from app.teaching_rooms import AFTER, BEFORE, CHOSEN, Board, names, number
from app.text import DISCLAIMER
from teaching import Commit, Lesson, Question, RankingAgreement, Trial, ranking_agreement
from teaching.debrief import Debrief, debrief
from teaching.lessons import record_of, views_of


@dataclass(frozen=True, slots=True)
class ModelSide:
    """What the model says of a record that was committed to. outcome: 1 where the event came true, None where nobody
    knows; contributions: by modality of the record, in log-odds. undecided: at an error rate of 10 % it rules out
    neither outcome."""

    estimate: float
    outcome: int | None
    contributions: Mapping[str, float]
    titles: Mapping[str, str]
    undecided: bool = False


Sides = Mapping[str, ModelSide]
"""By record."""
HEADS = (
    "room", "lesson", "learner", "step", "record", "simulated", "stage", "estimate_percent", "ranking", "choice",
    "correct", "model_estimate_percent", "outcome", "submitted_utc", "note",
)  # fmt: skip


def trials(lesson: Lesson, board: Board, sides: Sides, me: str | None = None) -> list[Trial]:
    """Everybody's estimates, or those of one learner; of records whose outcome is known."""
    found = []
    for k in lesson.commits:
        record, item = record_of(lesson.steps[k]), lesson.item(k)
        side, after = sides[record], board.of(item, AFTER)
        undecided = side.undecided and _told_certainty(lesson, k)
        for learner, answer in board.of(item, BEFORE).items():
            first, last = number(answer, "estimate"), number(after.get(learner), "estimate")
            if first is None or side.outcome is None or me not in (None, learner):
                continue
            done = None if last is None else last / 100
            found.append(Trial(learner, record, first / 100, done, side.estimate, side.outcome, undecided))
    return found


def _told_certainty(lesson: Lesson, commit: int) -> bool:
    """Whether learners were shown which outcomes cannot be ruled out. Where they were not, the estimate alone is what
    they followed or withstood, however undecided it was."""
    reveal = lesson.reveal_of(commit)
    return reveal is not None and "certainty" in views_of(lesson.steps[reveal])


def owed(lesson: Lesson, board: Board, me: str, step: int) -> list[int]:
    """The commits before this step that this learner has not answered."""
    return [k for k in lesson.commits if k < step and board.mine(me, lesson.item(k), BEFORE) is None]


def summary(lesson: Lesson, board: Board, sides: Sides, me: str | None = None) -> Debrief:
    return debrief(trials(lesson, board, sides, me), side=lesson.side / 100)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record of a debrief: mean estimates in 0..1, None where nobody gave one."""

    record: str
    title: str
    answered: int
    before: float | None
    after: float | None
    side: ModelSide


def records(lesson: Lesson, found: Sequence[Trial], sides: Sides) -> list[RecordRow]:
    """The lesson's commits in their order, with the mean of what was answered."""
    rows = []
    for k in lesson.commits:
        step = lesson.steps[k]
        own = [trial for trial in found if trial.record == record_of(step)]
        rows.append(
            RecordRow(
                record_of(step), step.title, len(own), _mean(t.before for t in own), _mean(t.after for t in own),
                sides[record_of(step)],
            )
        )  # fmt: skip
    return rows


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def rankings(lesson: Lesson, board: Board, k: int, me: str | None = None) -> list[tuple[str, ...]]:
    """The orders given at a commit."""
    given = board.of(lesson.item(k), BEFORE)
    found = [names(answer, "ranking") for learner, answer in given.items() if me in (None, learner)]
    return [ranking for ranking in found if ranking]


def agreement(lesson: Lesson, board: Board, sides: Sides, k: int, me: str | None = None) -> RankingAgreement:
    """The orders given at a commit beside the model's contributions."""
    contributions = sides[record_of(lesson.steps[k])].contributions
    known = [r for r in rankings(lesson, board, k, me) if set(r) <= set(contributions)]
    return ranking_agreement(known, contributions)


def chosen(lesson: Lesson, board: Board, k: int) -> list[int]:
    """How many took each choice of a question."""
    step = lesson.steps[k]
    if not isinstance(step, Question):
        raise InputError(f"step {k + 1}", "no question", "a step of kind question", "Ask for another step.")
    counts = [0] * len(step.choices)
    for answer in board.of(lesson.item(k), CHOSEN).values():
        at = number(answer, "choice")
        if at is not None and 0 <= int(at) < len(counts):
            counts[int(at)] += 1
    return counts


def table(lesson: Lesson, board: Board, sides: Sides) -> str:
    """Every answer of the room as CSV, one row each, in the order in which they came. The note is on every row, so that
    it stays when rows are copied elsewhere."""
    alias = {person.id: person.alias for person in board.people}
    place = {lesson.item(k): k for k, step in enumerate(lesson.steps) if isinstance(step, Commit | Question)}
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(HEADS)
    for answer in board.answers:
        if answer.item not in place:
            continue
        k = place[answer.item]
        step, record = lesson.steps[k], record_of(lesson.steps[k])
        side, choice, estimate = sides.get(record), number(answer, "choice"), number(answer, "estimate")
        correct = ""
        if isinstance(step, Question) and choice is not None and 0 <= int(choice) < len(step.choices):
            correct = "yes" if step.choices[int(choice)].correct else "no"
        shown = side if isinstance(step, Commit) else None
        rows.writerow(
            [
                board.code, lesson.name, alias[answer.participant_id], k + 1, record, "yes" if record else "",
                answer.stage, "" if estimate is None else f"{estimate:g}", " > ".join(names(answer, "ranking")),
                "" if choice is None else int(choice) + 1, correct,
                "" if shown is None else f"{100 * shown.estimate:.1f}",
                "" if shown is None or shown.outcome is None else shown.outcome,
                answer.submitted.isoformat(timespec="seconds"), DISCLAIMER,
            ]
        )  # fmt: skip
    return out.getvalue()
