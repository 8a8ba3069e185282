"""From a prepared record and its attribution to what a document draws and lists of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from amfn.types import ModalitySpec, Record, Schema
from amfn.waves import Seen, Stretch, lead_title
from report import words
from report.values import Influence, Lead, Picture, Single, Trend

if TYPE_CHECKING:
    from explain.types import Attribution

LISTED, TRENDS = 8, 6
ALWAYS = (("HR",), ("MAP", "SysABP", "NIMAP", "NISysABP"))
"""What no course may lack where it was charted: of each group the first that was."""


def influences(schema: Schema, prepared: Record, attribution: Attribution | None) -> tuple[Influence, ...]:
    """The variables and leads with the largest attributions in sum, largest first."""
    if attribution is None:
        return ()
    found = []
    for spec in schema.modalities:
        if spec.name not in attribution.values:
            continue
        effect, seen = attribution.values[spec.name], prepared.observed[spec.name]
        for c in np.flatnonzero(seen.any(axis=0)).tolist():
            title, total = _title(prepared, spec, c), float(effect[:, c].sum(dtype=np.float64))
            at = np.flatnonzero(seen[:, c])
            strongest = None
            if spec.kind != "waveform":
                t = int(at[np.abs(effect[at, c]).argmax()])
                written = words.value(spec.channels[c], float(prepared.values[spec.name][t, c]))
                strongest = Single(written, _when(prepared, spec, t), float(effect[t, c]))
            found.append(Influence(title, total, len(at), strongest))
    return tuple(sorted((item for item in found if item.effect), key=lambda item: -abs(item.effect))[:LISTED])


def picture(schema: Schema, prepared: Record, attribution: Attribution | None, seen: Seen) -> Picture:
    """Every recorded lead over the model's window with what cannot be relied on, or the charted variables that matter
    most."""
    waves = [spec for spec in schema.modalities if spec.kind == "waveform"]
    if waves:
        missing = tuple(spec.title for spec in waves if not prepared.present(spec.name))
        return Picture(_leads(waves, prepared, attribution, seen), float(waves[0].rate_hz or 0.0), missing)
    series = [spec for spec in schema.modalities if spec.kind == "series"]
    hours = float(max((spec.steps for spec in series), default=0))
    return Picture(trends=_trends(series, prepared, attribution), hours=hours, reference=schema.reference_source)


def _leads(
    waves: list[ModalitySpec], prepared: Record, attribution: Attribution | None, seen: Seen
) -> tuple[Lead, ...]:
    found = []
    for spec in waves:
        effects = None if attribution is None else attribution.values.get(spec.name)
        for c in np.flatnonzero(prepared.observed[spec.name].any(axis=0)).tolist():
            values = prepared.values[spec.name][:, c]
            effect = None if effects is None else effects[:, c]
            title = _title(prepared, spec, c)
            spoilt = _spoilt(seen, spec.name, title)
            found.append(Lead(spec.name, title, spec.channels[c].unit, values, effect, spoilt))
    return tuple(found)


def _spoilt(seen: Seen, modality: str, title: str) -> tuple[Stretch, ...]:
    """In seconds from the window's start."""
    usable = seen.usable.get(modality)
    stretches = () if usable is None else usable.stretches.get(title, ())
    return tuple(replace(s, start_s=s.start_s - seen.start_s, stop_s=s.stop_s - seen.start_s) for s in stretches)


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
    found.sort(key=lambda trend: -abs(float(trend.effects.sum(dtype=np.float64))))
    first = [trend for group in ALWAYS for trend in _first_of(group, found)]
    return (*first, *(trend for trend in found if trend not in first))[:TRENDS]


def _first_of(names: tuple[str, ...], found: list[Trend]) -> list[Trend]:
    """One trend or none."""
    charted = [trend for name in names for trend in found if trend.channel.name == name]
    return charted[:1]


def _title(prepared: Record, spec: ModalitySpec, channel: int) -> str:
    return lead_title(spec.name, prepared.channels[spec.name][channel].title)


def _when(prepared: Record, spec: ModalitySpec, step: int) -> str:
    if spec.kind == "series":
        return f"hour {step}"
    return "on admission" if prepared.meta.alarm is None else "at the alarm"
