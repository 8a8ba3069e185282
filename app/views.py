"""What pages draw from: plain numbers and words about one record, without torch.

Axes: P subsets of the present modalities, M modalities, H heads: those of every network, one network after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from amfn.calibration import Similar, Spread
from amfn.types import Finding, InputError, Record
from app.figures import State
from explain.coalitions import Coalitions

if TYPE_CHECKING:
    from explain.reality import RealityCheck


class NoFolder(InputError):
    """No folder has been named yet: nothing is wrong, something is still to be typed."""

    def __init__(self) -> None:
        super().__init__("folder", "no folder named", "the path of a folder with records", "Type its path.")


class NoSuchRecord(InputError):
    """A record id, from a link, that the listing does not hold."""

    def __init__(self, record_id: str, listed: Listing) -> None:
        super().__init__("record", f"no record {record_id!r}", "one of the listed records", "Choose one on the left.")
        self.record_id, self.listed = record_id, listed


class NoAlarm(InputError):
    """A recording without an alarm: nothing is wrong with it, but there is nothing that the model could be asked."""

    def __init__(self, record_id: str) -> None:
        super().__init__(
            record_id,
            "a recording without an alarm",
            "an alarm, which is what the model judges",
            "On the Signals page, choose a moment and ask the model about it.",
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record picker once its record has been read. risk: 0..1; missing: modality names."""

    record_id: str
    group: str
    risk: float
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that cannot be used, and why: the parts of its InputError."""

    record_id: str
    came: str
    expected: str
    mend: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The records of one task in one folder. `stamp` changes when a folder's entries change."""

    folder: str
    task: str
    ids: tuple[str, ...]
    stamp: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """How the model fused one subset of a record's modalities. A part that the model does not have is None.

    attention f32[H, M, M]; adjacency f32[M, M]; gates, weights, node_logits f32[M]; logit = bias + sum of node_logits.
    networks: how many of them the model is the mean of.
    """

    networks: int
    risk: float
    logit: float
    states: tuple[State, ...]
    attention: np.ndarray | None
    adjacency: np.ndarray | None
    gates: np.ndarray | None
    weights: np.ndarray | None
    node_logits: np.ndarray | None
    bias: float | None

    def attention_of(self, network: int | None, head: int | None) -> np.ndarray:
        """Attention f32[M, M]: of one head of one network, for head None the mean over its heads, for network None over
        all. Heads of different networks have nothing in common but their number. Raises InputError where there is none.
        """
        if self.attention is None:
            raise InputError("attention", "a model without it", "a model with attention", "Leave this chart out.")
        if network is None:
            return self.attention.mean(axis=0)
        own = np.split(self.attention, self.networks)[network]
        return own.mean(axis=0) if head is None else own[head]


@dataclass(frozen=True, slots=True)
class OutcomeSet:
    """The outcomes that cannot be ruled out at an error rate, in words: the answer, and what it rests on. undecided:
    none is ruled out. refused: too few records are like this one to say."""

    error_rate: float
    heading: str
    reason: str
    undecided: bool
    refused: bool


@dataclass(frozen=True, slots=True)
class Certainty:
    """What stands beside an estimate. spread: of the networks' own answers, None for a single one; similar, sets: None
    and empty for a model without calibration."""

    networks: int
    spread: Spread | None
    similar: Similar | None
    sets: tuple[OutcomeSet, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything one pass over all subsets of a record's modalities gives. The full record is the last row.

    masks bool[P, M]; logits, risks f64[P]; parts: the trace's fields by name, each [P, ...]; shapley f64[M], log-odds;
    empty_logit: the model's output with nothing known. Absent modalities are False in every mask. certainty: of the
    full record. reality: routing beside contribution.
    """

    names: tuple[str, ...]
    titles: tuple[str, ...]
    present: np.ndarray
    masks: np.ndarray
    logits: np.ndarray
    risks: np.ndarray
    parts: Mapping[str, np.ndarray]
    shapley: np.ndarray
    empty_logit: float
    base_rate: float
    sentence: str
    certainty: Certainty
    reality: RealityCheck

    @property
    def full(self) -> Fused:
        return self.subset([True] * len(self.names))

    @property
    def missing(self) -> tuple[str, ...]:
        """Titles of what was not recorded."""
        return tuple(t for t, here in zip(self.titles, self.present, strict=True) if not here)

    @property
    def game(self) -> Coalitions:
        """The logits of all subsets, as explanations take them."""
        return Coalitions(self.names, self.masks, self.logits, self.present, self.reality.target)

    @property
    def heads(self) -> int:
        """Heads of one network; 0 where the model has no attention."""
        return self.parts["attention"].shape[1] // self.certainty.networks if "attention" in self.parts else 0

    def states(self, keep: Sequence[bool]) -> tuple[State, ...]:
        return tuple(
            "missing" if not here else "present" if kept else "off"
            for here, kept in zip(self.present, keep, strict=True)
        )

    def subset(self, keep: Sequence[bool]) -> Fused:
        """The row for these modalities; what the record lacks is ignored. keep: one flag per modality."""
        wanted = np.asarray(keep, dtype=bool) & self.present
        row = int(np.flatnonzero((self.masks == wanted).all(axis=1))[0])
        part = {name: values[row] for name, values in self.parts.items()}
        return Fused(
            networks=self.certainty.networks,
            risk=float(self.risks[row]),
            logit=float(self.logits[row]),
            states=self.states(keep),
            attention=part.get("attention"),
            adjacency=part.get("adjacency"),
            gates=part.get("gates"),
            weights=part.get("weights"),
            node_logits=part.get("node_logits"),
            bias=float(part["bias"]) if "bias" in part else None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One record as a page sees it: the reader's record, the task's view of it, and what the model made of it.

    trained_on: a record of this id was in the model's training data. stated: name and value of what is known once for
    the whole stay, "not recorded" where it is missing; empty where the banner already says everything. assumed: the
    alarm was named by the user.
    """

    listing: Listing
    record: Record
    prepared: Record
    digest: str
    facts: tuple[str, ...]
    stated: tuple[tuple[str, str], ...]
    group: str
    simulated: bool
    trained_on: bool
    noun: str
    positive: str
    outcome: str | None
    analysis: Analysis
    assumed: bool = False

    @property
    def rows(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[State, ...]]:
        """Names, titles and states of the full record, as most figures take them."""
        a = self.analysis
        return a.names, a.titles, a.states([True] * len(a.names))

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What may have spoilt the estimate."""
        return tuple(item for item in self.prepared.meta.findings if item.severity == "warning")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What else was noticed while reading."""
        return tuple(item for item in self.prepared.meta.findings if item.severity != "warning")


@dataclass(frozen=True, slots=True)
class Performance:
    """How the model did on training records, each scored by networks that had not seen it.

    bins: count, mean predicted, observed, low, high. thresholds, by_model, by_everyone: net benefit of acting from that
    chance on. coverage, subgroups: rows of a table, its column names as keys; coverage by error rate. removal: share of
    modalities taken away, AUROC, low, high. Empty where nothing was stored.
    """

    noun: str
    bins: tuple[tuple[int, float, float, float, float], ...]
    thresholds: tuple[float, ...]
    by_model: tuple[float, ...]
    by_everyone: tuple[float, ...]
    coverage: Mapping[float, tuple[Mapping[str, str], ...]]
    subgroups: tuple[Mapping[str, str], ...]
    removal: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the Model page lists beside the card. architecture, provenance: name and value in words."""

    title: str
    digest: str
    schema: str
    base_rate: float
    parameters: int
    networks: int
    megabytes: float
    modalities: tuple[tuple[str, str, str], ...]
    architecture: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    card: str


def opposed(analysis: Analysis, sums: Mapping[str, float]) -> tuple[str, ...]:
    """Titles of the modalities whose Shapley value and summed attribution have opposite signs, both of a size that
    shows at two digits. sums: log-odds by modality name."""
    return tuple(
        title
        for name, title, value in zip(analysis.names, analysis.titles, analysis.shapley, strict=True)
        if round(float(value), 2) * round(sums.get(name, 0.0), 2) < 0
    )


def refusal(record_id: str, error: InputError) -> Refusal:
    return Refusal(record_id, error.came, error.expected, error.mend)
