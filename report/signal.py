"""From a prepared record and its attribution to what a document draws and lists of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from amfn.types import ModalitySpec, Record, Schema
from report import words
from report.values import Influence, Lead, Picture, Trend

if TYPE_CHECKING:
    from explain.types import Attribution

LISTED, TRENDS = 8, 6


def influences(schema: Schema, prepared: Record, attribution: Attribution | None) -> tuple[Influence, ...]:
    """The measured values with the largest attributions, largest first; of a waveform the sum over its window."""
    if attribution is None:
        return ()
    found = []
    for spec in schema.modalities:
        if spec.name not in attribution.values:
            continue
        effect, seen = attribution.values[spec.name], prepared.observed[spec.name]
        for c in range(len(spec.channels)):
            title = _title(prepared, spec, c)
            if spec.kind == "waveform":
                total = float(effect[:, c].sum(dtype=np.float64))
                found += [Influence(title, "whole window", "its samples in sum", total)] if seen[:, c].any() else []
                continue
            for t in np.flatnonzero(seen[:, c]).tolist():
                written = words.value(spec.channels[c], float(prepared.values[spec.name][t, c]))
                found.append(Influence(title, _when(prepared, spec, t), written, float(effect[t, c])))
    found = [item for item in found if item.effect]
    return tuple(sorted(found, key=lambda item: -abs(item.effect))[:LISTED])


def picture(schema: Schema, prepared: Record, attribution: Attribution | None) -> Picture:
    """Every recorded lead over the model's window, or the charted variables that matter most."""
    waves = [spec for spec in schema.modalities if spec.kind == "waveform"]
    if waves:
        missing = tuple(spec.title for spec in waves if not prepared.present(spec.name))
        return Picture(_leads(waves, prepared, attribution), float(waves[0].rate_hz or 0.0), missing)
    series = [spec for spec in schema.modalities if spec.kind == "series"]
    hours = float(max((spec.steps for spec in series), default=0))
    return Picture(trends=_trends(series, prepared, attribution), hours=hours, reference=schema.reference_source)


def _leads(waves: list[ModalitySpec], prepared: Record, attribution: Attribution | None) -> tuple[Lead, ...]:
    found = []
    for spec in waves:
        effects = None if attribution is None else attribution.values.get(spec.name)
        for c in np.flatnonzero(prepared.observed[spec.name].any(axis=0)).tolist():
            values = prepared.values[spec.name][:, c]
            effect = None if effects is None else effects[:, c]
            found.append(Lead(spec.name, _title(prepared, spec, c), spec.channels[c].unit, values, effect))
    return tuple(found)


def _trends(series: list[ModalitySpec], prepared: Record, attribution: Attribution | None) -> tuple[Trend, ...]:
    if attribution is None:
        return ()
    found = []
    for spec in series:
        if spec.name not in attribution.values:
            continue
        effect = attribution.values[spec.name]
        for c, channel in enumerate(spec.channels):
            seen = prepared.observed[spec.name][:, c]
            if channel.flag or not seen.any():
                continue
            # A value stands for its hour, so in the middle of it.
            hours = prepared.hours[spec.name][seen] + 0.5
            found.append(Trend(spec.name, channel, hours, prepared.values[spec.name][seen, c], effect[seen, c]))
    return tuple(sorted(found, key=lambda trend: -abs(float(trend.effects.sum(dtype=np.float64))))[:TRENDS])


def _title(prepared: Record, spec: ModalitySpec, channel: int) -> str:
    title = prepared.channels[spec.name][channel].title
    return f"ECG {title}" if spec.name == "ecg" and not title.startswith("ECG") else title


def _when(prepared: Record, spec: ModalitySpec, step: int) -> str:
    if spec.kind == "series":
        return f"hour {step}"
    return "on admission" if prepared.meta.alarm is None else "at the alarm"
