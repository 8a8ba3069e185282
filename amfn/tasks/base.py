"""What a clinical task is: a schema, a window, a label, an official score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from amfn.types import InputError, Record, Schema


@dataclass(frozen=True, slots=True)
class Wording:
    """How a screen speaks of the task. `event` completes "estimated chance of …"."""

    title: str
    event: str
    positive: str
    negative: str
    group: str


class Task(ABC):
    """One clinical question. Tasks hold no state: the same object serves every record and every thread."""

    name: str
    label: str
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
    def group(self, record: Record) -> str:
        """The subgroup that reports and filters use (alarm type, ICU type); "unknown" where not stated."""

    @abstractmethod
    def official_score(self, labels: np.ndarray, probabilities: np.ndarray) -> Mapping[str, float]:
        """The challenge's own score(s) of `probabilities` f64[N] against `labels` {0, 1}[N]."""

    def label_of(self, record: Record) -> float | None:
        """The known outcome, 0 or 1; None where the record states none."""
        return record.labels.get(self.label)

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
