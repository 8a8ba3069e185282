"""What a document says, as plain values: the renderers take these and work nothing out.

Axes: T steps. Contributions are log-odds, chances 0 to 1. What is None is not known or does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from amfn.calibration import Similar, Spread
from amfn.conformal import ConformalSet
from amfn.types import Channel, Finding
from amfn.waves import Stretch
from explain.alterations import ALTERED
from explain.paragraph import Claim
from explain.report import Check

State = Literal["recorded", "not recorded", "switched off"]


@dataclass(frozen=True, slots=True)
class Modality:
    """One row of the table. gate: γ; weight: β; without: the estimate had this one been missing. signal: of a waveform
    that the model read, how much of it can be used, in words."""

    name: str
    title: str
    state: State
    signal: str = ""
    gate: float | None = None
    weight: float | None = None
    shapley: float | None = None
    without: float | None = None


@dataclass(frozen=True, slots=True)
class Single:
    """A measured value and its attribution. when: "hour 12", "on admission", …"""

    value: str
    when: str
    effect: float


@dataclass(frozen=True, slots=True)
class Influence:
    """A variable, or a whole lead, and its attributions in sum. count: how many values, or samples, it has; strongest:
    the single value with the largest one, None for a lead, whose samples mean nothing one by one."""

    title: str
    effect: float
    count: int
    strongest: Single | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """One charted variable as the model read it. hours f64[T] since the start, values and effects f32[T]."""

    modality: str
    channel: Channel
    hours: np.ndarray
    values: np.ndarray
    effects: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Lead:
    """One waveform over the model's window, f32[T], NaN where there was no sample; effects f32[T], None where it
    was switched off. spoilt: stretches that cannot be relied on, in seconds from the window's start."""

    modality: str
    title: str
    unit: str
    values: np.ndarray
    effects: np.ndarray | None
    spoilt: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The signal: leads of a window that ends at the alarm (rate_hz samples a second), or trends over `hours`.
    missing: titles of waveforms that were not recorded. reference: where reference intervals come from."""

    leads: tuple[Lead, ...] = ()
    rate_hz: float = 0.0
    missing: tuple[str, ...] = ()
    trends: tuple[Trend, ...] = ()
    hours: float = 0.0
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Attributed:
    """The method behind single values, and its errors. gap: what the values miss of the change that they should add up
    to: a share of it, or log-odds where it is not relative. size: what they come to if none may cancel another;
    cancels: that is many times their sum. checks: what was found on this model; none: not audited.
    """

    title: str
    says: str
    source: str
    steps: int
    baseline: str
    f_x: float
    f_baseline: float
    gap: float
    gap_is_relative: bool
    flagged: bool
    size: float
    cancels: bool
    checks: tuple[Check, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """One record's document.

    subject: what stands for the patient outside: the record's id for simulated ones, else its hash. facts: age, sex and
    ICU type, or the alarm. mask: one flag per modality, True where the model read it. attributed: None where nothing
    was read. similar, outcomes: None without calibration. shapley_gap: what the Shapley values miss of their sum.
    unaltered: the estimate for the record as it was measured, where this one is altered and that one is known.
    """

    made: datetime
    version: str
    task: str
    title: str
    event: str
    labels: tuple[str, str]
    record_id: str
    record_digest: str
    subject: str
    format: str
    simulated: bool
    trained_on: bool
    facts: tuple[str, ...]
    model: str
    model_digest: str
    schema_digest: str
    training_seed: int | None
    networks: int
    risk: float
    base_rate: float
    spread: Spread | None
    similar: Similar | None
    outcomes: ConformalSet | None
    claims: tuple[Claim, ...]
    modalities: tuple[Modality, ...]
    mask: tuple[bool, ...]
    empty_risk: float
    shapley_gap: float
    routing: str
    disagrees: bool
    influences: tuple[Influence, ...]
    attributed: Attributed | None
    picture: Picture
    findings: tuple[Finding, ...]
    unaltered: float | None = None

    @property
    def off(self) -> tuple[str, ...]:
        """Titles of the modalities that were switched off."""
        return tuple(m.title for m in self.modalities if m.state == "switched off")

    @property
    def altered(self) -> tuple[Finding, ...]:
        """What was done to the record's values before it was read."""
        return tuple(f for f in self.findings if is_alteration(f))

    @property
    def is_altered(self) -> bool:
        return bool(self.off or self.altered)

    @property
    def stem(self) -> str:
        """The files' name without its ending: that of the record as it was is never overwritten by another, and nothing
        of a user's folder is in it."""
        return f"report_{self.subject}{'_altered' if self.is_altered else ''}"


def is_alteration(finding: Finding) -> bool:
    """True where the finding says that the record is not as it was measured."""
    return finding.what.startswith(ALTERED)
