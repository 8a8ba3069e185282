"""The lessons, and what the shipped model says of the simulated records in them, worked out when it is looked at."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from amfn.origin import MANIFEST, SAMPLES
from amfn.tasks import get_task
from amfn.types import Channel, InputError
from app import altering, services, text
from app.figures.drawing import listing
from app.teaching_results import ModelSide
from app.views import Case
from explain.alterations import TakeOut
from explain.reality import Measure
from teaching import PLACEHOLDERS, Lesson, Lessons, Look, Reveal, Step, read_lessons
from teaching.lessons import placeholders_in, record_of, texts_of
from teaching.parsing import Known

FOLDER = SAMPLES / "lessons"
LAST_HOUR = 48.0
CHART = "chart"
ERROR_RATE = 0.10
"""At which the lessons' texts speak of outcomes that cannot be ruled out."""


def folders() -> tuple[Path, ...]:
    """The lessons that come with the program, and those in the folder that AMFN_LESSONS names."""
    own = os.environ.get("AMFN_LESSONS", "")
    return (FOLDER, Path(own).expanduser()) if own else (FOLDER,)


def lessons() -> Lessons:
    """All lessons, read anew when a file changes; those that are broken with their reason."""
    places = folders()
    stamp = tuple((str(path), path.stat().st_mtime_ns) for place in places for path in sorted(place.glob("*.yaml")))
    return _lessons(tuple(str(place) for place in places), stamp)


@st.cache_resource(max_entries=4, show_spinner=False)
def _lessons(places: tuple[str, ...], stamp: tuple[tuple[str, int], ...]) -> Lessons:
    known = {
        task: Known(services.schema(task), services.listing(services.sample_folder(task), task).ids)
        for task in services.task_titles()
    }
    return read_lessons([Path(place) for place in places], known)


def lesson(name: str) -> Lesson:
    """The lesson of this name. Raises InputError where there is none."""
    found = {item.name: item for item in lessons().lessons}
    if name not in found:
        raise InputError(
            f"lesson {name}", "no lesson of this name", f"one of {', '.join(found) or 'none'}",
            "Choose one from the list on the Teaching page.",
        )  # fmt: skip
    return found[name]


def case_of(task: str, record_id: str) -> Case:
    """A record of the simulated sample cohort, read and analysed."""
    return services.case(services.listing(services.sample_folder(task), task), record_id)


def without(opened: Case, step: Step) -> tuple[float, tuple[bool, ...]]:
    """The estimate with the step's modalities switched off, and which ones stay on."""
    off = step.without if isinstance(step, Look | Reveal) else ()
    keep = tuple(name not in off for name in opened.analysis.names)
    return opened.analysis.subset(keep).risk, keep


def unmeasured(opened: Case, step: Step) -> Case:
    """The record as if the step's charted values had never been taken. Raises InputError where none was."""
    names = step.unmeasured if isinstance(step, Look | Reveal) else ()
    charted = {channel.name: channel for channel in opened.record.channels.get(CHART, ())}
    lacking = [name for name in names if name not in charted]
    if lacking:
        raise InputError(
            opened.record.record_id, f"no {', '.join(lacking)} in this record", "values that were charted", "Mend it."
        )
    return altering.altered(opened, [TakeOut(CHART, charted[name], 0.0, LAST_HOUR) for name in names])


def titles_off(opened: Case, step: Step) -> str:
    """What a step switches off or takes out, in words."""
    off = step.without if isinstance(step, Look | Reveal) else ()
    return listing([t for n, t in zip(opened.analysis.names, opened.analysis.titles, strict=True) if n in off])


def facts(opened: Case, step: Step) -> dict[str, str]:
    """What stands for each placeholder in the step's texts."""
    asked = {name for said in texts_of(step) for name in placeholders_in(said)}
    return {name: text.plain(_fact(name, opened, step)) for name in PLACEHOLDERS if name in asked}


def _fact(name: str, opened: Case, step: Step) -> str:
    a = opened.analysis
    match name:
        case "estimate":
            return text.percent(a.full.risk)
        case "base_rate":
            return text.percent(a.base_rate)
        case "outcome":
            return (opened.outcome or "not known").lower()
        case "without":
            return text.percent(without(opened, step)[0])
        case "unmeasured":
            return text.percent(unmeasured(opened, step).analysis.full.risk)
        case "missing":
            return listing(a.missing) or "nothing"
        case "networks":
            spread = a.certainty.spread
            only = text.percent(a.full.risk)
            return f"{text.percent(spread.low)} to {text.percent(spread.high)}" if spread else f"{only} to {only}"
    place, what = name.split("_")
    measure: Measure = "shapley" if what == "contribution" else "attention" if what == "attention" else "weight"
    values = opened.analysis.reality.measures[measure]
    if values is None or not len(values):
        return "no modality"
    sizes = np.abs(values)
    return a.reality.titles[int(sizes.argmin() if place in ("smallest", "least") else sizes.argmax())]


@dataclass(frozen=True, slots=True)
class Planted:
    """What was put into a simulated record: where, from when to when (in `unit`), and what, in plain words.

    role: cause, evidence or transient."""

    role: str
    modality: str
    channels: tuple[str, ...]
    start: float
    end: float
    unit: str
    cause: str


@st.cache_data(max_entries=1, show_spinner=False)
def _truths() -> dict[str, tuple[Planted, ...]]:
    stated = json.loads((SAMPLES / MANIFEST).read_text(encoding="utf-8"))
    found: dict[str, tuple[Planted, ...]] = {}
    for record in stated["records"]:
        rows: dict[tuple[str, str, str, float, float, str], list[str]] = {}
        for part in record["truth"]:
            key = (part["role"], part["modality"], part["unit"], part["start"], part["end"], part["cause"])
            rows.setdefault(key, []).append(part["channel"])
        found[record["id"]] = tuple(
            Planted(role, modality, tuple(channels), start, end, unit, cause)
            for (role, modality, unit, start, end, cause), channels in rows.items()
        )
    return found


def planted(record_id: str) -> tuple[Planted, ...]:
    """What the simulator put into this record; nothing for an uneventful one."""
    return _truths().get(record_id, ())


@dataclass(frozen=True, slots=True)
class Measured:
    """How many simulated stays had a charted value measured at least once, of those with the outcome and without."""

    channel: Channel
    with_outcome: int
    of_with: int
    without_outcome: int
    of_without: int


def measured(task: str, channels: tuple[str, ...]) -> tuple[Measured, ...]:
    """For charted values of the task, by outcome, over the sample cohort. channels: empty for all."""
    listed = services.listing(services.sample_folder(task), task)
    found = _measured(task, listed.folder, listed.stamp)
    return tuple(row for row in found if not channels or row.channel.name in channels)


@st.cache_data(max_entries=4, show_spinner="Counting what was measured …")
def _measured(task: str, folder: str, stamp: str) -> tuple[Measured, ...]:
    listed, schema = services.listing(folder, task), services.schema(task)
    rows = [
        (spec, c, channel)
        for spec in schema.modalities
        if spec.kind == "series"
        for c, channel in enumerate(spec.channels)
    ]
    counts, sizes = np.zeros((len(rows), 2), dtype=int), [0, 0]
    for record_id in listed.ids:
        record = services.prepared(listed, record_id)
        known = get_task(task).label_of(record)
        if known is None:
            continue
        sizes[int(known)] += 1
        for k, (spec, c, _) in enumerate(rows):
            counts[k, int(known)] += bool(record.observed[spec.name][:, c].any())
    return tuple(
        Measured(channel, int(one), sizes[1], int(none), sizes[0])
        for (_, _, channel), (none, one) in zip(rows, counts, strict=True)
    )


def model_side(task: str, record_id: str) -> ModelSide:
    """What the model says of a record, for a debrief."""
    opened = case_of(task, record_id)
    a = opened.analysis
    rows = [(n, t, float(v)) for n, t, v, here in zip(a.names, a.titles, a.shapley, a.present, strict=True) if here]
    known = get_task(task).label_of(opened.record)
    return ModelSide(
        a.full.risk,
        None if known is None else int(known),
        {name: value for name, _, value in rows},
        {name: title for name, title, _ in rows},
        any(found.undecided for found in a.certainty.sets if found.error_rate == ERROR_RATE),
    )


def sides(lesson: Lesson) -> dict[str, ModelSide]:
    """`model_side` of every record that the lesson has learners commit to."""
    return {record: model_side(lesson.task, record) for record in (record_of(lesson.steps[k]) for k in lesson.commits)}


def rankable(task: str, record_id: str) -> dict[str, str]:
    """Title by name of the modalities that were recorded, which a learner puts in order."""
    return dict(model_side(task, record_id).titles)


def opened_for(lesson: Lesson, step: Step) -> Case | None:
    """The record that a step is about, None for none."""
    record_id = record_of(step)
    return case_of(lesson.task, record_id) if record_id else None
