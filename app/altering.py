"""What the What-if page says of a record altered by hand: the altered case, and what leaves the training range.

Cached like all of `app.services`: by record hash, model hash and what was altered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import streamlit as st

from amfn.checkpoint import Checkpoint
from amfn.readers.channels import CODES
from amfn.types import Channel, Finding, InputError, ModalitySpec, Record
from app import services
from app.explanations import explanation_report
from app.figures import State, TrendPanel
from app.figures.altered_waves import LeadPair
from app.figures.drawing import unit_text
from app.views import Case
from explain.alterations import ALTERED, Alteration, apply_all, name_of
from explain.alterations_order import out_of_order
from explain.alterations_waves import AddNoise, CutLead, DampLine, FlatLine
from explain.reference import HIGH, LOW, Reference

WAVES = (AddNoise, CutLead, DampLine, FlatLine)
USUAL = (HIGH - LOW) / 100
"""The share of training values between the reference's two percentiles."""
Quantity = tuple[str, Channel]
"""A modality of the record as it was read, and one of its channels."""


def altered(opened: Case, alterations: Sequence[Alteration]) -> Case:
    """The same patient with these changes, in this order. Raises InputError where one cannot be made, or where the task
    cannot use what is left."""
    if not alterations:
        return opened
    model = services.checkpoint(opened.listing.task)
    where = f"{opened.listing.folder}|{opened.listing.stamp}"
    return _altered(opened.digest, model.digest, where, repr(alterations), opened, tuple(alterations))


# A resource, not data: what is looked up on every rerun is then not copied, and a long record is large.
@st.cache_resource(max_entries=6, show_spinner="Asking the model about the altered record …")
def _altered(
    record_digest: str, weights: str, where: str, what: str, _opened: Case, _alterations: tuple[Alteration, ...]
) -> Case:
    return services.altered_case(_opened, apply_all(_opened.record, _alterations))


def wave_names(opened: Case) -> frozenset[str]:
    """The record's modalities that are waveforms."""
    return frozenset(m.name for m in services.schema(opened.listing.task).modalities if m.kind == "waveform")


def leads(opened: Case) -> list[Quantity]:
    """The leads with a sample, in the task's order."""
    waves = wave_names(opened)
    return [found for found in _quantities(opened.record) if found[0] in waves]


def variables(opened: Case) -> list[Quantity]:
    """The charted and stated numbers with a value, in the task's order. Codes are left out: they are no amounts."""
    modalities = services.schema(opened.listing.task).modalities
    waves, order = wave_names(opened), [c.name for m in modalities for c in m.channels]
    found = [q for q in _quantities(opened.record) if q[0] not in waves and q[1].name not in CODES]
    return sorted(found, key=lambda q: order.index(q[1].name) if q[1].name in order else len(order))


def _quantities(record: Record) -> Iterator[Quantity]:
    for modality, channels in record.channels.items():
        for c, channel in enumerate(channels):
            if record.observed[modality][:, c].any():
                yield modality, channel


def points(record: Record, quantity: Quantity) -> tuple[np.ndarray, np.ndarray]:
    """Hours f64[n] and values f32[n] at which a channel was measured."""
    modality, channel = quantity
    c = [own.name for own in record.channels[modality]].index(channel.name)
    seen = record.observed[modality][:, c]
    return record.hours[modality][seen], record.values[modality][seen, c]


def touched(alterations: Sequence[Alteration]) -> list[Quantity]:
    """What was altered, each once, in the order of its first change."""
    return list(dict.fromkeys((item.modality, item.channel) for item in alterations))


def trend_pair(opened: Case, other: Case, quantity: Quantity) -> tuple[TrendPanel, TrendPanel]:
    """One variable as it was charted and as altered."""
    spec = _spec_of(opened, quantity)
    pair = [
        TrendPanel(spec.name, quantity[1], *points(case.record, quantity), group=spec.title) for case in (opened, other)
    ]
    return pair[0], pair[1]


def lead_pair(opened: Case, other: Case, quantity: Quantity) -> LeadPair:
    """One lead as it was recorded and as altered, at its own rate."""
    modality, channel = quantity
    c = [own.name for own in opened.record.channels[modality]].index(channel.name)
    hours = opened.record.hours[modality]
    dt = 3600 * float(hours[-1] - hours[0]) / max(len(hours) - 1, 1)
    before, after = (case.record.values[modality][:, c] for case in (opened, other))
    return LeadPair(name_of(*quantity), channel.unit, 3600 * float(hours[0]), dt, before, after)


def _spec_of(opened: Case, quantity: Quantity) -> ModalitySpec:
    """The task's modality that reads a channel of the record."""
    modalities = services.schema(opened.listing.task).modalities
    named = [m for m in modalities if quantity[1].name in {c.name for c in m.channels}]
    return named[0] if named else next((m for m in modalities if m.name == quantity[0]), modalities[-1])


def states(opened: Case, other: Case) -> tuple[State, ...]:
    """Of the altered record: what was recorded and of which nothing is left counts as taken out."""
    return tuple(
        "missing" if not was else "present" if now else "out"
        for was, now in zip(opened.analysis.present, other.analysis.present, strict=True)
    )


def impossible(opened: Case, other: Case) -> tuple[str, ...]:
    """Where alterations made values that no patient can have together, in sentences."""
    return tuple(found.words() for found in out_of_order(other.record, opened.record))


def beyond_training(opened: Case, other: Case) -> tuple[str, ...] | None:
    """Where the altered record leaves what nearly all training records keep to, or goes further from it than the record
    itself, in sentences; None where no report states that range."""
    report = explanation_report(opened.listing.task)
    if report is None:
        return None
    model = services.checkpoint(opened.listing.task)
    return _beyond(
        opened.digest, other.digest, model.digest, report.data, opened.prepared, other.prepared, model, report.reference
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _beyond(
    record_digest: str,
    altered_digest: str,
    weights: str,
    data: str,
    _record: Record,
    _other: Record,
    _model: Checkpoint,
    _reference: Reference,
) -> tuple[str, ...]:
    was, now = (_model.batch([record]) for record in (_record, _other))
    found: list[str] = []
    for spec in _model.task.schema.modalities:
        for c, channel in enumerate(_other.channels[spec.name]):
            low, high = float(_reference.low[spec.name][c]), float(_reference.high[spec.name][c])
            if channel.flag or low >= high:
                continue
            before, after = (_distance(b.x[spec.name][0, :, c].numpy(), low, high) for b in (was, now))
            before_seen, seen = (b.observed[spec.name][0, :, c].numpy() for b in (was, now))
            if spec.kind == "waveform":
                found += _beyond_wave(channel, before[before_seen] > 0, after[seen] > 0)
                continue
            worse = seen & (after > np.where(before_seen, before, 0.0) + 1e-6)
            if worse.any():
                limits = _model.normaliser.physical(spec.name, c, np.array([low, high]))
                values = _other.values[spec.name][worse, c]
                found.append(_beyond_charted(channel, values[after[worse].argmax()], int(worse.sum()), limits))
    return tuple(found)


def _distance(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """How far each value lies outside a range, 0 inside."""
    return np.maximum(np.maximum(values - high, low - values), 0.0)


def _beyond_wave(channel: Channel, before: np.ndarray, after: np.ndarray) -> Iterator[str]:
    """Some samples of any trace lie outside: it is said where more of them do than in training, and than before."""
    share, was = (float(outside.mean()) if len(outside) else 0.0 for outside in (after, before))
    if share > max(1 - USUAL, was):
        yield (
            f"{channel.title}: {100 * share:.0f} % of its samples lie outside the range of {100 * USUAL:.0f} % of "
            f"training samples, {100 * was:.0f} % before."
        )


def _beyond_charted(channel: Channel, value: float, count: int, limits: np.ndarray) -> str:
    unit = unit_text(channel.unit)
    return (
        f"{channel.title}: {'one value' if count == 1 else f'{count} values'}, the furthest {value:.4g} {unit}".rstrip()
        + f"; {100 * USUAL:.0f} % of training values lie between {limits[0]:.3g} and {limits[1]:.3g} {unit}".rstrip()
        + "."
    )


def stretch(alterations: Sequence[Alteration]) -> tuple[float, float]:
    """First and last second of the waveform change made last. Raises InputError where no waveform was altered."""
    for item in reversed(alterations):
        if isinstance(item, WAVES):
            return item.from_s, item.to_s
    raise InputError("stretch", "no altered waveform", "at least one", "Ask only where one was altered.")


def plain_note(found: Finding) -> str:
    """What was altered, without saying again that it was."""
    return found.what.removeprefix(ALTERED)
