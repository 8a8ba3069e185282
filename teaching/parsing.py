"""Lesson files -> lessons; a mistake is refused with file, line and reason. Format: sample_data/lessons/README.md."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from amfn.types import InputError, Schema
from teaching.lessons import (
    PLACEHOLDERS,
    VIEWS,
    Choice,
    Commit,
    Discussion,
    Lesson,
    Look,
    Question,
    Read,
    Reveal,
    Step,
    placeholders_in,
    record_of,
    tells,
    texts_of,
    views_of,
)
from teaching.marked import Marked, read_marked

SUFFIX = ".yaml"
LESSON = ("title", "summary", "learn", "task", "minutes", "side", "sources", "steps")
SHOWN = ("kind", "title", "text", "record", "views")
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "read": (("kind", "title", "text"), ("title", "text")),
    "look": ((*SHOWN, "without", "unmeasured", "channels"), ("title", "text", "views")),
    "commit": ((*SHOWN, "question", "ranking"), ("title", "text", "record", "views", "question")),
    "reveal": ((*SHOWN, "revise", "without", "unmeasured"), ("title", "text", "views")),
    "question": ((*SHOWN, "question", "choices"), ("title", "question", "choices")),
    "debrief": (("kind", "title", "text"), ("title", "text")),
}
"""Of every kind of step the entries that it may have, and those that it needs."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a lesson may speak of: of a task its schema and the records of the sample cohort."""

    schema: Schema
    records: Collection[str]


@dataclass(frozen=True, slots=True)
class Lessons:
    """The lessons of one or more folders in the order of their file names, and the files that were refused."""

    lessons: tuple[Lesson, ...]
    refused: tuple[InputError, ...]


def read_lessons(folders: Iterable[Path], known: Mapping[str, Known]) -> Lessons:
    """Every *.yaml file in these folders. One that is broken is refused and does not touch the others; so is a second
    one of the same name. A folder that is not there is refused too."""
    found: dict[str, Lesson] = {}
    refused: list[InputError] = []
    for folder in folders:
        if not folder.is_dir():
            refused.append(InputError(folder, "no such folder", "a folder with lessons", "Correct its path."))
            continue
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                if path.stem in found:
                    raise InputError(
                        path.name, f"a second lesson named {path.stem}", "one of each name", "Rename the file."
                    )
                found[path.stem] = parse_lesson(_text(path), path, known)
            except InputError as error:
                refused.append(error)
    return Lessons(tuple(found.values()), tuple(refused))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path.name, "a file that cannot be read", "a text in UTF-8", "Save it as UTF-8.") from error


def parse_lesson(text: str, path: Path, known: Mapping[str, Known]) -> Lesson:
    """One lesson. known: by task. Raises InputError with file, line and reason."""
    said = read_marked(text, path.name)
    top = said.mapping("a lesson", LESSON, ("title", "summary", "learn", "task", "minutes", "steps"))
    task = top["task"].one_of("task", known)
    steps: list[Step] = []
    marked = top["steps"].items("steps")
    for item in marked:
        steps.append(_step(item, steps, known[task]))
    _require_commits_first(steps, marked)
    return Lesson(
        name=path.stem,
        title=top["title"].text("title"),
        summary=top["summary"].text("summary"),
        learn=top["learn"].texts("learn"),
        task=task,
        minutes=top["minutes"].whole("minutes", 1, 600),
        steps=tuple(steps),
        sources=top["sources"].texts("sources") if "sources" in top else (),
        side=top["side"].whole("side", 1, 99) if "side" in top else 50,
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _step(item: Marked, before: list[Step], known: Known) -> Step:
    if not isinstance(item.value, dict) or "kind" not in item.value:
        raise item.wrong("a step without a kind", f"'kind: …', one of {', '.join(KINDS)}", "Begin the step with it.")
    kind = item.value["kind"]
    allowed, needed = KINDS[kind.one_of("kind", KINDS)]
    part = item.mapping(f"a step of kind {kind.value}", allowed, needed)
    title, text = part["title"].text("title"), part["text"].text("text") if "text" in part else ""
    record = _record(part["record"], known) if "record" in part else ""
    views = tuple(v.one_of("view", VIEWS) for v in part["views"].items("views")) if "views" in part else ()
    step: Step
    match kind.value:
        case "read":
            step = Read(title, text)
        case "look":
            step = Look(title, text, record, views, *_taken_away(part, known), _channels(part, "channels", known))
        case "commit":
            ranking = part["ranking"].truth("ranking") if "ranking" in part else False
            step = Commit(title, text, record, views, part["question"].text("question"), ranking)
        case "reveal":
            commit = _committed(item, part, before)
            revise = part["revise"].truth("revise") if "revise" in part else False
            step = Reveal(title, text, record_of(before[commit]), views, commit, revise, *_taken_away(part, known))
        case "question":
            choices = tuple(_choice(choice) for choice in part["choices"].items("choices"))
            _require_answer(part["choices"], choices)
            step = Question(title, text, part["question"].text("question"), choices, record, views)
        case _:
            step = Discussion(title, text)
    _require_shown(item, step)
    return step


def _record(said: Marked, known: Known) -> str:
    record = said.text("record")
    if record not in known.records:
        raise said.wrong(
            f"the record '{record}'", f"one of the {len(known.records)} simulated records of {known.schema.task}",
            "Take its name from the Patient page.",
        )  # fmt: skip
    return record


def _taken_away(part: Mapping[str, Marked], known: Known) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Modalities and charted values that a step takes away."""
    without: tuple[str, ...] = ()
    if "without" in part:
        without = tuple(v.one_of("modality", known.schema.names) for v in part["without"].items("without"))
    return without, _channels(part, "unmeasured", known)


def _channels(part: Mapping[str, Marked], entry: str, known: Known) -> tuple[str, ...]:
    if entry not in part:
        return ()
    names = [c.name for spec in known.schema.modalities if spec.kind == "series" for c in spec.channels]
    return tuple(v.one_of("charted value", names) for v in part[entry].items(entry))


def _committed(item: Marked, part: Mapping[str, Marked], before: list[Step]) -> int:
    """The last commit that was not revealed yet; of this record where the step names one."""
    named = part["record"].value if "record" in part else None
    shown = {step.commit for step in before if isinstance(step, Reveal)}
    for k in reversed(range(len(before))):
        step = before[k]
        if isinstance(step, Commit) and k not in shown and (named is None or step.record == str(named)):
            return k
    raise item.wrong(
        "a reveal with no commit before it", "a step of kind commit of the same record above", "Add the commit first."
    )


def _choice(said: Marked) -> Choice:
    part = said.mapping("a choice", ("text", "correct", "explanation"), ("text", "explanation"))
    correct = part["correct"].truth("correct") if "correct" in part else False
    return Choice(part["text"].text("text"), correct, part["explanation"].text("explanation"))


def _require_answer(said: Marked, choices: tuple[Choice, ...]) -> None:
    if len(choices) < 2 or not any(choice.correct for choice in choices):
        raise said.wrong(
            f"{len(choices)} choices, {sum(c.correct for c in choices)} of them correct",
            "two or more, one at least with 'correct: true'", "Add what is missing.",
        )  # fmt: skip


def _require_shown(item: Marked, step: Step) -> None:
    """Views have a record, what they take away, and texts only placeholders that can be worked out."""
    views, record = views_of(step), record_of(step)
    if views and not record and set(views) != {"measured"}:
        raise item.wrong("views without a record", "'record: …', which they are of", "Name the record.")
    if len(set(views)) != len(views):
        raise item.wrong("a view twice", "every view once", "Take one of them out.")
    for entry in ("without", "unmeasured"):
        if (entry in views) != bool(getattr(step, entry, ())):
            raise item.wrong(
                f"'{entry}' as a view or an entry alone",
                f"the view '{entry}' and the entry '{entry}: [ … ]'",
                "Add it.",
            )
    for text in texts_of(step):
        for name in placeholders_in(text):
            if name not in PLACEHOLDERS:
                raise item.wrong(f"the placeholder {{{name}}}", f"one of {', '.join(PLACEHOLDERS)}", "Correct it.")
            if not record or (name in ("without", "unmeasured") and name not in views):
                raise item.wrong(
                    f"{{{name}}} in a step that does not show it", "a step with its record and view", "Add these."
                )


def _require_commits_first(steps: list[Step], marked: tuple[Marked, ...]) -> None:
    """Nothing tells the model's answer to a record before its reveal, and every commit is revealed."""
    revealed = {step.commit: k for k, step in enumerate(steps) if isinstance(step, Reveal)}
    for k, step in enumerate(steps):
        if isinstance(step, Commit) and k not in revealed:
            raise marked[k].wrong("a commit that is never revealed", "a step of kind reveal below", "Add it.")
    for commit, reveal in revealed.items():
        record = record_of(steps[commit])
        for k, step in enumerate(steps[:reveal]):
            if record_of(step) != record:
                continue
            if shown := tells(step):
                raise marked[k].wrong(
                    f"{', '.join(shown)} of {record} before the learner has committed",
                    "the model's answer only in the reveal", "Move it into the reveal, or take another record.",
                )  # fmt: skip
