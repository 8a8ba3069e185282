"""Explanations of the Patient and What-if pages: single inputs, similar patients, changes of charted values.

Cached like all of `app.services`: by record hash, model hash and settings.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
import torch

from amfn.checkpoint import Checkpoint
from amfn.types import Record
from app import services, surveying, text
from app.explanations import explanation_report
from app.surveying import Survey
from app.views import Case
from explain.charted import ChartedSearch, changes_across
from explain.paragraph import InputSplit, split_of
from explain.reference import Reference
from explain.similar import CohortIndex, Neighbours, VoteQuality

STEPS = 64
"""Of Integrated Gradients: with 32 every fourth stay does not add up, and refining would keep a reader waiting."""


def splits(opened: Case) -> bool:
    """True where single inputs have names: what was charted or stated has, a sample of a waveform has none."""
    kinds = {spec.kind for spec in services.schema(opened.listing.task).modalities}
    return "waveform" not in kinds and bool(opened.analysis.present.any())


def input_split(opened: Case) -> InputSplit | None:
    """The estimate shared out among the charted and stated quantities, each summed over time; None without any."""
    if not splits(opened):
        return None
    found = services.attribution(opened, STEPS, False)
    report = explanation_report(opened.listing.task)
    sane = None if report is None else report.sane(found.method)
    return split_of(found, services.schema(opened.listing.task), text.IG, sane, opened.prepared)


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A record's neighbours in its folder, and how well neighbours tell outcomes there. outcomes: in words, None where
    unknown; groups: alarm or ICU type."""

    found: Neighbours
    quality: VoteQuality
    outcomes: tuple[str | None, ...]
    groups: tuple[str, ...]


def alone(opened: Case) -> bool:
    """True where the folder has been read and holds nothing that a record could be compared with."""
    survey = surveying.survey(opened.listing)
    return survey.done and not survey.seen


def similar(opened: Case) -> Likeness | None:
    """The records of the open folder that the model sees most like this one; None until the folder has been read."""
    listed = opened.listing
    survey, model = surveying.survey(listed), services.checkpoint(listed.task)
    if not survey.done:
        return None
    place = (listed.folder, listed.stamp, listed.task, model.digest)
    index, quality = _index(*place, survey, model)
    found = _nearest(*place, opened.digest, opened.prepared, model, index)
    words = (model.task.wording.negative, model.task.wording.positive)
    outcomes = tuple(None if known is None else words[int(known)] for known in found.outcomes)
    return Likeness(found, quality, outcomes, tuple(survey.entries[record_id].group for record_id in found.ids))


@st.cache_resource(max_entries=4, show_spinner=False)
def _index(
    folder: str, stamp: str, task: str, weights: str, _survey: Survey, _model: Checkpoint
) -> tuple[CohortIndex, VoteQuality]:
    index = CohortIndex.of_seen(_model.model, _survey.seen, _survey.outcomes)
    return index, index.vote_quality(index.usual_k)


@st.cache_data(max_entries=64, show_spinner=False)
def _nearest(
    folder: str,
    stamp: str,
    task: str,
    weights: str,
    record_digest: str,
    _prepared: Record,
    _model: Checkpoint,
    _cohort: CohortIndex,
) -> Neighbours:
    batch = _model.batch([_prepared])
    with torch.no_grad():
        prediction = _model.model(batch)
    return _cohort.nearest(batch, prediction, _cohort.usual_k)


def has_charted(opened: Case) -> bool:
    """True where the record's task has charted values: they are what can be changed one by one."""
    return any(spec.kind == "series" for spec in services.schema(opened.listing.task).modalities)


def charted(opened: Case, threshold: float, last: int | None, plausible_only: bool) -> ChartedSearch | None:
    """The smallest changes of charted values that cross the threshold; None where no report states their ranges.

    last: only values of so many last hours, None for all.
    """
    report = explanation_report(opened.listing.task)
    if report is None:
        return None
    model = services.checkpoint(opened.listing.task)
    return _charted(
        opened.digest, model.digest, report.data, threshold, last, plausible_only,
        opened.prepared, model, report.reference,
    )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner=False)
def _charted(
    record_digest: str,
    weights: str,
    data: str,
    threshold: float,
    last: int | None,
    plausible_only: bool,
    _prepared: Record,
    _model: Checkpoint,
    _reference: Reference,
) -> ChartedSearch:
    return changes_across(
        _model.model, _model.batch([_prepared]), threshold, _reference, _model.normaliser.physical,
        last=last, plausible_only=plausible_only,
    )  # fmt: skip
