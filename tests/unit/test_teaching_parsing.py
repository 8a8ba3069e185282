"""Lesson files: what a good one becomes, and that a broken one is refused with file, line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from amfn.types import Channel, InputError, ModalitySpec, Schema
from teaching import Commit, Discussion, Look, Question, Reveal, filled, parse_lesson, read_lessons
from teaching.lessons import placeholders_in
from teaching.parsing import Known

SCHEMA = Schema(
    "toy",
    (
        ModalitySpec("ecg", "waveform", (Channel("II", "mV", -5, 5),), 250.0),
        ModalitySpec("labs", "series", (Channel("Lactate", "mmol/L", 0, 30), Channel("K", "mmol/L", 1, 9))),
    ),
    ("outcome",),
)
KNOWN = {"toy": Known(SCHEMA, ("a1", "900001"))}
GOOD = """\
title: A lesson
summary: What it is about
learn: [one thing, another]
task: toy
minutes: 10
steps:
  - kind: read
    title: First
    text: Something to read.
  - kind: commit
    title: Your own
    text: Look at it.
    record: a1
    views: [signal]
    question: How likely?
    ranking: true
  - kind: reveal
    title: The model
    text: "It says **{estimate}**."
    views: [estimate, without]
    without: [ecg]
    revise: true
  - kind: look
    title: Another
    text: "Without lactate {unmeasured}."
    record: "900001"
    views: [unmeasured]
    unmeasured: [Lactate]
  - kind: question
    title: Asked
    question: Which?
    choices:
      - text: This
        explanation: No.
      - text: That
        correct: true
        explanation: Yes.
  - kind: debrief
    title: Debrief
    text: Talk.
"""


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_lesson(text, Path("somewhere/mine.yaml"), KNOWN)
    return caught.value


def line_of(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if part in line)


def test_a_good_lesson_is_what_it_says() -> None:
    lesson = parse_lesson(GOOD, Path("mine.yaml"), KNOWN)
    assert (lesson.name, lesson.title, lesson.minutes, lesson.side) == ("mine", "A lesson", 10, 50)
    assert [type(step).__name__ for step in lesson.steps] == [
        "Read", "Commit", "Reveal", "Look", "Question", "Discussion",
    ]  # fmt: skip
    commit, reveal, look, question = lesson.steps[1:5]
    assert isinstance(commit, Commit)
    assert commit.ranking
    assert isinstance(reveal, Reveal)
    assert (reveal.record, reveal.commit, reveal.without, reveal.revise) == ("a1", 1, ("ecg",), True)
    assert isinstance(look, Look)
    assert look.unmeasured == ("Lactate",)
    assert isinstance(question, Question)
    assert [choice.correct for choice in question.choices] == [False, True]
    assert isinstance(lesson.steps[5], Discussion)
    assert lesson.commits == (1,)
    assert lesson.reveal_of(1) == 2
    assert lesson.item(1) == lesson.item(2) == "02 a1"
    assert lesson.item(4) == "05 question"


def test_what_gives_an_answer_away_is_known() -> None:
    lesson = parse_lesson(GOOD, Path("mine.yaml"), KNOWN)
    assert [lesson.told_by(k) for k in range(6)] == [None, None, 1, None, None, None]


def test_the_digest_changes_with_the_text() -> None:
    first, second = (parse_lesson(text, Path("m.yaml"), KNOWN) for text in (GOOD, GOOD + "# a remark\n"))
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("change", "to", "marker", "reason"),
    [
        ("minutes: 10", "minutes: soon", "minutes: soon", "a whole number"),
        ("minutes: 10", "minutes: true", "minutes: true", "a whole number"),
        ("task: toy", "task: other", "task: other", "one of toy"),
        ("record: a1", "record: a2", "record: a2", "simulated records"),
        ("kind: debrief", "kind: talk", "kind: talk", "one of read"),
        ("views: [signal]", "views: [picture]", "views: [picture]", "one of recorded"),
        ("views: [signal]", "views: [signal, signal]", "kind: commit", "every view once"),
        ("views: [signal]", "views: []", "views: []", "a list of one or more"),
        ("without: [ecg]", "without: [eeg]", "without: [eeg]", "one of ecg, labs"),
        ("    without: [ecg]\n", "", "kind: reveal", "the view 'without' and the entry"),
        ("unmeasured: [Lactate]", "unmeasured: [Laktat]", "unmeasured: [Laktat]", "Lactate, K"),
        ("ranking: true", "ranking: perhaps", "ranking: perhaps", "true or false"),
        ("    question: How likely?\n", "", "kind: commit", "an entry 'question: …'"),
        ("title: First", "titel: First", "titel: First", "one of kind, title, text"),
        ("        correct: true\n", "", "choices:", "one at least with 'correct: true'"),
        ("{estimate}", "{risk}", "kind: reveal", "one of estimate, base_rate"),
        ("Something to read.", "It says {estimate}.", "kind: read", "a step with its record"),
        ("text: Look at it.", 'text: "It says {estimate}."', "kind: commit", "only in the reveal"),
        ("views: [signal]", "views: [signal, contributions]", "kind: commit", "only in the reveal"),
        (
            "  - kind: reveal",
            "  - kind: read\n    title: x\n    text: y\n  - kind: nothing",
            "kind: nothing",
            "one of read",
        ),
        ("title: A lesson", "title:", "title:", "a text"),
        ("title: A lesson", "title: a: b", "title: a: b", "entries 'name: value'"),
        ("title: A lesson", "title: A lesson\ntitle: again", "title: again", "every entry once"),
        ("learn: [one thing, another]", "learn: &l [x]\nsources: *l", "&l", "every text written out"),
        ("summary: What it is about", "", "title: A lesson", "an entry 'summary: …'"),
        ("    text: Talk.", "    text: [Talk]", "text: [Talk]", "a text"),
    ],
)
def test_a_broken_lesson_is_refused_with_its_line(change: str, to: str, marker: str, reason: str) -> None:
    assert change in GOOD
    broken = GOOD.replace(change, to, 1)
    error = refused(broken)
    assert error.source == f"mine.yaml, line {line_of(broken, marker)}"
    assert reason in str(error)


def test_a_commit_has_to_be_revealed_and_a_reveal_committed() -> None:
    begin, end = GOOD.index("  - kind: reveal"), GOOD.index("  - kind: look")
    without = GOOD[:begin] + GOOD[end:]
    assert "a commit that is never revealed" in str(refused(without))
    assert f"line {line_of(without, 'kind: commit')}" in refused(without).source
    begin, end = GOOD.index("  - kind: commit"), GOOD.index("  - kind: reveal")
    assert "a reveal with no commit before it" in str(refused(GOOD[:begin] + GOOD[end:]))


def test_the_model_is_not_told_in_a_step_before_the_commit_either() -> None:
    early = GOOD.replace(
        "  - kind: commit",
        "  - kind: look\n    title: x\n    text: y\n    record: a1\n    views: [outcome]\n  - kind: commit",
        1,
    )
    error = refused(early)
    assert error.source == f"mine.yaml, line {line_of(early, 'kind: look')}"
    assert "before the learner has committed" in str(error)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n", "title: [\n", "a: \x00\n", "x" * 300_000])
def test_what_is_no_lesson_at_all_is_refused(text: str) -> None:
    assert refused(text).source.startswith("mine.yaml")


def test_a_broken_file_does_not_touch_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(GOOD.replace("toy", "other"), encoding="utf-8")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "notes.md").write_text("no lesson", encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.yaml").write_text(GOOD, encoding="utf-8")
    found = read_lessons([tmp_path, other, tmp_path / "nowhere"], KNOWN)
    assert [lesson.name for lesson in found.lessons] == ["a"]
    assert [error.came for error in found.refused] == [
        "task 'other'", "a file that cannot be read", "a second lesson named a", "no such folder",
    ]  # fmt: skip
    # Of a file its name, and not where on the server it lies.
    assert [error.source for error in found.refused[1:3]] == ["c.yaml", "a.yaml"]


def test_placeholders_are_filled_and_none_is_left_out() -> None:
    assert placeholders_in("a {b} c {d}") == ("b", "d")
    assert filled("a {b} c {d}", {"b": "1", "d": "2"}) == "a 1 c 2"
    with pytest.raises(KeyError):
        filled("a {b}", {})
