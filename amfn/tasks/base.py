"""What a clinical task is: a schema, a window, a label, an official score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from amfn.types import InputError, Record, Schema, TaskKind


@dataclass(frozen=True, slots=True)
class Wording:
    """How a screen speaks of the task. `event` completes "estimated chance of …", or for a regression "forecast of …",
    which has no positive and no negative outcome."""

    title: str
    event: str
    group: str
    positive: str = ""
    negative: str = ""


class Task(ABC):
    """One clinical question. Tasks hold no state: the same object serves every record and every thread.

    kind: a binary task asks for the chance of an outcome, a regression for numbers in the future; what it learns is
    their change from `anchor_of`.
    """

    name: str
    kind: TaskKind = "binary"
    reads: tuple[str, ...]
    """The reader modalities it is made of; a record without any of them is another task's."""
    schema: Schema
    wording: Wording
    citation: str
    preprocessing: str
    """What is done to a record before a network reads it, and what stands in for what is missing: for the card."""

    @abstractmethod
    def prepare(self, record: Record) -> Record:
        """A reader's record -> a record that follows `schema`: windowed, on the task's time grid, physical units.

        Every modality of the schema has its key; one that was not recorded is all NaN and unobserved. Raises
        InputError where the record cannot answer the task's question.
        """

    @abstractmethod
    def unfold(self, record: Record) -> tuple[np.ndarray, tuple[Record, ...]]:
        """A reader's record as it was known at successive moments, the last one being all of it.

        Returns f64[N], hours since the record's start, ascending, and N prepared records, each what `prepare` would
        have made of the record had it ended there: values, masks, times and `meta.context` know nothing of later.
        Labels are the record's own throughout (never an input); findings, which speak of the whole, are with the last.
        Raises InputError where `prepare` does.
        """

    @abstractmethod
    def group(self, record: Record) -> str:
        """The subgroup that reports and filters use (alarm type, ICU type); "unknown" where not stated."""

    def subgroups(self, values: Mapping[str, np.ndarray]) -> Mapping[str, Sequence[str]]:
        """For each way to divide a cohort ("Sex") the part that every record belongs to ("Female", "not stated").

        values[m]: f32[N, T, C], as a cohort holds them.
        """
        return {}

    @abstractmethod
    def official_score(self, labels: np.ndarray, probabilities: np.ndarray) -> Mapping[str, float]:
        """The challenge's own score(s) of `probabilities` f64[N] against `labels` {0, 1}[N]; none where no challenge
        has asked the task's question."""

    def label_of(self, record: Record) -> float | None:
        """The known outcome of the first target, 0 or 1 in a binary task; None where the record states none."""
        return record.labels.get(self.schema.targets[0])

    def labels_of(self, record: Record) -> np.ndarray | None:
        """What is known of a prepared record's targets, f32[K], NaN where unknown; None where all are."""
        known = np.array([record.labels.get(name, np.nan) for name in self.schema.targets], np.float32)
        return None if np.isnan(known).all() else known

    def anchor_of(self, record: Record) -> np.ndarray | None:
        """The values of a prepared record from which a regression predicts the change, f32[K], NaN where there is none;
        None for a binary task."""
        return None

    def require(self, record: Record) -> None:
        """Refuse a record that carries none of the reader modalities this task is made of."""
        if not any(record.present(name) for name in self.reads):
            found = ", ".join(sorted(record.values)) or "nothing"
            raise InputError(
                record.source,
                f"the record holds {found}, none of which {self.name} reads",
                f"at least one of {', '.join(self.reads)} with observed values",
                "Choose a record of this task, or another task for this record.",
            )


def absent(steps: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and mask of a modality that was not recorded: NaN f32[steps, channels] and False."""
    return np.full((steps, channels), np.nan, np.float32), np.zeros((steps, channels), bool)
