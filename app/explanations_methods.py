"""Attributions by every method on demand, what their baseline does to them, and whether the model does what they say.

Part of `app.explanations`; cached by record hash, model hash and settings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import streamlit as st

from amfn.checkpoint import Checkpoint
from amfn.types import Batch, InputError
from app import services
from app.text import signed
from app.views import Case
from explain import baselines
from explain.agreement import Taus
from explain.baseline_effect import BaselineEffect
from explain.baseline_effect import baseline_effect as _baseline_effect
from explain.baselines import Baseline
from explain.faithfulness import Curves, Faithfulness, Progress
from explain.faithfulness import faithfulness as _faithfulness
from explain.gradients import INTEGRATED_GRADIENTS, STEPS
from explain.methods import METHODS, attribute
from explain.perturbation import FEATURE_ABLATION
from explain.reference import Reference
from explain.types import Attribution

ZERO, MEDIAN, SAMPLE = "zero", "median", "sample"
SAMPLE_ROWS = 4
"""Other records that stand in as a baseline: each costs the time of a baseline of its own."""

AGREE, PARTLY = 0.7, 0.4
"""Rank correlations from which two orders are called alike, or alike in part: 85 and 70 % of all pairs in one order."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Choice:
    """A method and its settings. steps, refine: of Integrated Gradients; missing: of feature ablation, what was not
    measured too. Others ignore them. baseline: zero, median or sample, ignored by a method that starts nowhere."""

    method: str = INTEGRATED_GRADIENTS.name
    baseline: str = ZERO
    steps: int = STEPS
    refine: bool = True
    missing: bool = False

    @property
    def uses_baseline(self) -> bool:
        return METHODS[self.method].uses_baseline

    def settings(self, reference: Reference | None) -> Mapping[str, Any]:
        if self.method == INTEGRATED_GRADIENTS.name:
            return {"steps": self.steps, "refine": self.refine}
        if self.method == FEATURE_ABLATION.name and self.missing:
            return {"missing": True, "reference": reference}
        return {}


@dataclass(slots=True, eq=False)
class Slot(Generic[Result]):
    """A result that takes seconds: computed when it is asked for, once, and shared between sessions."""

    result: Result | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, compute: Callable[[], Result]) -> Result:
        with self.lock:
            if self.result is None:
                self.result = compute()
            return self.result


def offered_baselines(opened: Case, reference: Reference | None) -> tuple[str, ...]:
    """The baselines that can be made here: medians take the stored report, a sample takes other records."""
    others = len(opened.listing.ids) > 1
    return (ZERO, *([] if reference is None else [MEDIAN]), *([SAMPLE] if others else []))


def baseline(opened: Case, name: str, reference: Reference | None) -> Baseline:
    """Raises InputError for a median without a reference, or a sample where no other record can be read."""
    model = services.checkpoint(opened.listing.task)
    return _baseline(opened, name, reference, model, model.batch([opened.prepared]))


def _baseline(opened: Case, name: str, reference: Reference | None, model: Checkpoint, batch: Batch) -> Baseline:
    if name == SAMPLE:
        return baselines.sample(model.task.schema, batch, _others(opened, model), rows=SAMPLE_ROWS)
    if name == MEDIAN:
        if reference is None:
            raise InputError(
                "baseline", "training medians without the stored report", "the report on this model's explanations",
                "Take another baseline, or write it: python -m amfn audit-explanations.",
            )  # fmt: skip
        return baselines.median(model.task.schema, batch, reference)
    return baselines.zero(batch, services.baseline(opened))


def _others(opened: Case, model: Checkpoint) -> Batch:
    """The first few other records in a seeded order that can be read."""
    own = opened.record.record_id
    ids = [record_id for record_id in opened.listing.ids if record_id != own]
    found = []
    for k in np.random.default_rng(0).permutation(len(ids)).tolist():
        try:
            found.append(services.prepared(opened.listing, ids[k]))
        except InputError:
            # The sidebar already names the records that cannot be used.
            continue
        if len(found) == SAMPLE_ROWS:
            break
    if not found:
        raise InputError(
            "baseline", "no other record of this folder can be read", "one or more", "Take another baseline."
        )
    return model.batch(found)


def attribution(opened: Case, choice: Choice, reference: Reference | None) -> Attribution:
    """One record's attribution on the model's own grid. Raises InputError as `explain.methods.attribute` does."""
    if choice.method == INTEGRATED_GRADIENTS.name and choice.baseline == ZERO:
        # Several views ask for this one: with equal settings it is computed once.
        return services.attribution(opened, choice.steps, choice.refine)
    model = services.checkpoint(opened.listing.task)
    return _attribute(opened.digest, model.digest, choice, _origin(opened, reference), opened, reference, model)


@st.cache_data(max_entries=64, show_spinner=False)
def _attribute(
    record_digest: str,
    weights: str,
    choice: Choice,
    origin: tuple[str, ...],
    _opened: Case,
    _reference: Reference | None,
    _model: Checkpoint,
) -> Attribution:
    batch = _model.batch([_opened.prepared])
    start = _baseline(_opened, choice.baseline, _reference, _model, batch) if choice.uses_baseline else None
    return attribute(_model.model, batch, choice.method, baseline=start, **choice.settings(_reference))


def _origin(opened: Case, reference: Reference | None) -> tuple[str, ...]:
    """What baselines are made from, as part of a cache key."""
    return opened.listing.folder, opened.listing.stamp, "" if reference is None else reference.data


@st.cache_resource(max_entries=256, show_spinner=False)
def _slot(what: str, record_digest: str, weights: str, choice: Choice, origin: tuple[str, ...]) -> Slot:
    return Slot()


def faithfulness(opened: Case, choice: Choice, reference: Reference | None) -> Slot[Faithfulness]:
    """Where `measure_faithfulness` of this attribution is kept."""
    weights = services.checkpoint(opened.listing.task).digest
    return _slot("faithfulness", opened.digest, weights, choice, _origin(opened, reference))


def measure_faithfulness(
    opened: Case, choice: Choice, reference: Reference | None, progress: Progress | None = None
) -> Faithfulness:
    """Taking segments out in the order of the attribution; the baseline replaced by zero where a method has none."""
    model = services.checkpoint(opened.listing.task)
    found = attribution(opened, choice, reference)
    start = baseline(opened, choice.baseline if choice.uses_baseline else ZERO, reference)
    return _faithfulness(model.model, model.batch([opened.prepared]), found, start, progress=progress)


def chances(curves: Curves) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The outcome's probability along deletion and insertion, then mean, lowest and highest of the random orders."""
    deletion, insertion, drawn = (
        1 / (1 + np.exp(-logits)) for logits in (curves.deletion, curves.insertion, curves.random)
    )
    return deletion, insertion, drawn.mean(axis=0), drawn.min(axis=0), drawn.max(axis=0)


def baseline_effect(opened: Case, choice: Choice, reference: Reference | None) -> Slot[BaselineEffect]:
    """Where `compare_baselines` of this method is kept."""
    weights = services.checkpoint(opened.listing.task).digest
    return _slot("baselines", opened.digest, weights, choice, _origin(opened, reference))


def compare_baselines(
    opened: Case, choice: Choice, reference: Reference | None, names: Sequence[str]
) -> BaselineEffect:
    """The same method from each of these baselines. Raises InputError for fewer than two."""
    model = services.checkpoint(opened.listing.task)
    batch = model.batch([opened.prepared])
    starts = [_baseline(opened, name, reference, model, batch) for name in names]
    return _baseline_effect(model.model, batch, choice.method, starts, **choice.settings(reference))


def between(taus: Taus) -> np.ndarray:
    """A matrix of rank correlations for a chart, NaN where one is not defined."""
    return np.array(taus, dtype=float)


def baselines_said(found: BaselineEffect, titles: Sequence[str]) -> str:
    """The pair of baselines that agrees least on the order of stretches, in one sentence."""
    pairs = [
        (tau, titles[i], titles[j])
        for i, row in enumerate(found.segment_tau)
        for j, tau in enumerate(row)
        if i < j and tau is not None
    ]
    if not pairs:
        return "No two baselines can be compared: the attribution is the same in every stretch."
    tau, one, other = min(pairs)
    verdict = (
        "The choice of a baseline hardly changes the order"
        if tau >= AGREE
        else "The choice of a baseline changes the order in part"
        if tau >= PARTLY
        else "The order hangs on the baseline: do not rely on it"
    )
    return f"**{verdict}.** “{one}” and “{other}” agree least: Kendall's rank correlation {signed(tau)}."
