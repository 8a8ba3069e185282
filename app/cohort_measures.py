"""What is measured over the filtered records of an audit, block by block, each worked out when it is first shown.

Cached by the audit's own digest and the filters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from scipy.special import expit

from amfn.conformal import CoverageRow, coverage_row
from amfn.reliability import CalibrationBin, calibration_bins
from app.cohort_data import Filters, Opened
from audit.columns import MEASURES, TAUS
from audit.measures import Decision, Discrimination, decision, discrimination
from audit.measures_areas import Removal, removal, removal_keeps, subset_rows
from audit.measures_channels import Channels, channels, methods
from audit.measures_groups import Contribution, Part, contributions, subgroups
from audit.measures_modalities import (
    Disagreement,
    Modality,
    Pairs,
    RankAgreement,
    disagreement,
    modalities,
    pairs,
    rank_agreement,
)

KEPT = 24
PATTERNS = 7
"""Missingness patterns with a group of their own; what is rarer is one more group."""
OUTCOME, PATTERN = "outcome", "pattern"
OTHER = "any other combination"
SMALLEST_PATTERN = 20
"""Combinations of what was recorded that fewer records with a known outcome share have no line in the table of sets."""


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """None where nothing can be ranked: no known outcome, or one outcome only. unknown: records without an outcome."""

    labelled: int
    positives: int
    unknown: int
    scores: Discrimination | None
    bins: tuple[CalibrationBin, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Contributions in each group: names of the G groups, their records, and a row of M modalities each."""

    groups: tuple[str, ...]
    records: tuple[int, ...]
    rows: tuple[tuple[Contribution, ...], ...]


def rows(opened: Opened, filters: Filters) -> np.ndarray:
    """The records that pass the filters, int[n]."""
    return _rows(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _rows(digest: str, filters: Filters, _opened: Opened) -> np.ndarray:
    return _opened.rows(filters)


def summary(opened: Opened, filters: Filters) -> tuple[Modality, ...]:
    """What each modality contributes, without routing."""
    return _summary(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _summary(digest: str, filters: Filters, _opened: Opened) -> tuple[Modality, ...]:
    return modalities(_opened.names, _opened.shapley[rows(_opened, filters)])


def routed(opened: Opened, filters: Filters) -> tuple[Modality, ...]:
    """What each modality contributes and how it is routed."""
    return _routed(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _routed(digest: str, filters: Filters, _opened: Opened) -> tuple[Modality, ...]:
    here = rows(_opened, filters)
    gates, weights = (_opened.each(lead) for lead in ("gate", "weight"))
    parts = (None if found is None else found[here] for found in (gates, weights))
    return modalities(_opened.names, _opened.shapley[here], *parts)


def matrix(opened: Opened, filters: Filters, column: str) -> Pairs | None:
    """Over pairs of modalities: "interactions", "attention_matrix" or "adjacency"; None where there is none."""
    return _matrix(opened.digest, filters, column, opened)


@st.cache_resource(max_entries=KEPT, show_spinner="Averaging over records …")
def _matrix(digest: str, filters: Filters, column: str, _opened: Opened) -> Pairs | None:
    found = _opened.matrices(column)
    here = rows(_opened, filters)
    return None if found is None else pairs(found[here], _opened.present[here])


def agreement(opened: Opened, filters: Filters) -> tuple[tuple[RankAgreement, ...], Disagreement]:
    """Whether routing and contribution rank alike, record by record; measures that the system has no trace of are left
    out."""
    return _agreement(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _agreement(digest: str, filters: Filters, _opened: Opened) -> tuple[tuple[RankAgreement, ...], Disagreement]:
    here = rows(_opened, filters)
    columns = {pair: _opened.columns[column] for pair, column in TAUS.items()}
    taus = {pair: column[here] for pair, column in columns.items() if np.isfinite(column).any()}
    said = _opened.columns["disagrees"][here]
    return rank_agreement(taus), disagreement(np.isfinite(said), said == 1, _opened.words["favourite"][here])


def performance(opened: Opened, filters: Filters) -> Performance:
    return _performance(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner="Measuring …")
def _performance(digest: str, filters: Filters, _opened: Opened) -> Performance:
    here = rows(_opened, filters)
    known = here[_opened.labels[here] >= 0]
    labels, chances = _opened.labels[known], expit(_opened.columns["logit"][known].astype(float))
    positives = int(labels.sum())
    ranked = 0 < positives < len(labels)
    return Performance(
        len(labels),
        positives,
        len(here) - len(known),
        discrimination(labels, chances) if ranked else None,
        calibration_bins(labels, chances) if ranked else (),
        decision(labels, chances) if ranked else None,
    )


def sets(opened: Opened, filters: Filters) -> tuple[CoverageRow, ...]:
    """How often the sets at 10 % hold what came true: each outcome over all records, then by what was recorded, most
    frequent first. Empty where the audit has no sets."""
    return _sets(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _sets(digest: str, filters: Filters, _opened: Opened) -> tuple[CoverageRow, ...]:
    here = rows(_opened, filters)
    known = here[_opened.labels[here] >= 0]
    given = _opened.columns["set_10"]
    if not np.isfinite(given).any():
        return ()
    answered = np.isfinite(given[known])
    bits = np.nan_to_num(given[known]).astype(int)
    held = (bits[:, None] >> np.arange(2) & 1).astype(bool)
    labels, patterns = _opened.labels[known], _opened.columns["pattern"][known].astype(int)
    codes, counts = np.unique(patterns, return_counts=True)
    frequent = [int(codes[k]) for k in np.argsort(-counts, kind="stable") if counts[k] >= SMALLEST_PATTERN]
    found = [
        coverage_row(pattern, label, labels, patterns, answered, held)
        for pattern in (None, *frequent)
        for label in (0, 1)
    ]
    return tuple(row for row in found if row.records)


def attributed(opened: Opened) -> tuple[str, ...]:
    """The methods of which the audit holds attributions of single channels."""
    return _attributed(opened.digest, opened)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _attributed(digest: str, _opened: Opened) -> tuple[str, ...]:
    return methods(_opened.audit)


def over_time(opened: Opened, filters: Filters, method: str) -> Channels | None:
    """Single channels over stretches of time; None where the method has nothing of these records."""
    return _over_time(opened.digest, filters, method, opened)


@st.cache_resource(max_entries=KEPT, show_spinner="Adding up the attributions …")
def _over_time(digest: str, filters: Filters, method: str, _opened: Opened) -> Channels | None:
    here = rows(_opened, filters)
    return channels(_opened.audit, method, None if len(here) == len(_opened) else _opened.ids[here].tolist())


def removed(opened: Opened, filters: Filters) -> Removal | None:
    """AUROC with modalities taken away, from the stored answers to all subsets; None where nothing can be ranked."""
    return _removed(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner="Ranking records without some of their modalities …")
def _removed(digest: str, filters: Filters, _opened: Opened) -> Removal | None:
    here = rows(_opened, filters)
    known = here[_opened.labels[here] >= 0]
    labels = _opened.labels[known]
    if not 0 < labels.sum() < len(labels):
        return None
    logits, starts = _opened.subsets()
    at = _variants(digest, _opened)
    variants = {name: logits[starts[known] + rows_[known]] for name, rows_ in at.items()}
    full = _opened.columns["logit"][known]
    return removal(labels, full, variants, _opened.present[known], _opened.names)


@st.cache_resource(max_entries=3, show_spinner=False)
def _variants(digest: str, _opened: Opened) -> Mapping[str, np.ndarray]:
    """Which subset of each record stands for each variant: drawn once for the whole audit, whatever the filter."""
    keeps = removal_keeps(_opened.task.schema, _opened.present)
    return {name: subset_rows(_opened.present, keep).astype(np.int16) for name, keep in keeps.items()}


def parts(opened: Opened, filters: Filters) -> tuple[Part, ...]:
    """The subgroup table, over records whose outcome is known; empty where there is none."""
    return _parts(opened.digest, filters, opened)


@st.cache_resource(max_entries=KEPT, show_spinner="Comparing subgroups …")
def _parts(digest: str, filters: Filters, _opened: Opened) -> tuple[Part, ...]:
    here = rows(_opened, filters)
    known = here[_opened.labels[here] >= 0]
    if not len(known):
        return ()
    strata = {title: _opened.words[column][known] for column, title in _opened.strata.items()}
    return subgroups(strata, _opened.labels[known], _opened.columns["logit"][known].astype(float))


def grouped(opened: Opened, filters: Filters, by: str) -> Grouped:
    """Contributions by "outcome", "pattern" (what was recorded), or a stratum's column; groups without a record are
    left out."""
    return _grouped(opened.digest, filters, by, opened)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _grouped(digest: str, filters: Filters, by: str, _opened: Opened) -> Grouped:
    here = rows(_opened, filters)
    names, level = _levels(_opened, here, by)
    counts = np.bincount(level, minlength=len(names))
    found = contributions(_opened.shapley[here], level, len(names))
    kept = [k for k, count in enumerate(counts) if count]
    return Grouped(tuple(names[k] for k in kept), tuple(int(counts[k]) for k in kept), tuple(found[k] for k in kept))


def _levels(opened: Opened, here: np.ndarray, by: str) -> tuple[Sequence[str], np.ndarray]:
    wording = opened.task.wording
    if by == OUTCOME:
        labels = opened.labels[here]
        return (wording.negative, wording.positive, "outcome not known"), np.where(labels < 0, 2, labels)
    if by == PATTERN:
        return _patterns(opened, here)
    return opened.levels[by], opened.codes[by][here]


def _patterns(opened: Opened, here: np.ndarray) -> tuple[Sequence[str], np.ndarray]:
    """The most frequent combinations of what was recorded, most frequent first, and one group of all others."""
    codes, place, counts = np.unique(
        opened.columns["pattern"][here].astype(int), return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:PATTERNS]
    rank = np.full(len(codes), len(order))
    rank[order] = np.arange(len(order))
    return [*(recorded(opened, int(codes[k])) for k in order), OTHER], rank[place]


def recorded(opened: Opened, pattern: int) -> str:
    """A combination of modalities in words: by what is missing where that is shorter."""
    missing = [title for k, title in enumerate(opened.titles) if not pattern >> k & 1]
    if not missing:
        return "everything"
    if 2 * len(missing) <= len(opened.titles):
        return f"without {', '.join(missing)}"
    here = [title for k, title in enumerate(opened.titles) if pattern >> k & 1]
    return f"only {', '.join(here)}" if here else "nothing"


def measures_of(opened: Opened, row: int) -> list[tuple[str, dict[str, float]]]:
    """Modality by modality, what the audit holds of one record: title, and each measure that is not NULL."""
    found = []
    for name, title in opened.manifest.modalities:
        values = {lead: float(opened.columns[f"{lead}_{name}"][row]) for lead in ("observed", *MEASURES.values())}
        found.append((title, {lead: value for lead, value in values.items() if np.isfinite(value)}))
    return found
