"""From a record to what the signal figures draw: strips of waveforms, panels of charted values, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from amfn.types import Channel, Finding, ModalitySpec, Record, Schema
from app.figures import Strip, TrendPanel

EMPTY_HEIGHT = 0.1
AFTER_S = 2.0
NO_SAMPLE, FLAT = "no valid sample", "flat line"
NOT_MEASURED = "not measured"
Attributions = Mapping[str, np.ndarray]
"""f32[T, C] by modality, or f32[T, 1] where a step's channels are not told apart."""


@dataclass(frozen=True, slots=True)
class Influence:
    """A charted or static value and its attribution: what it added to the log-odds, or a size without a sign. when:
    "hour 12", "on admission" or the like; value: "not measured" for an observation that was not made."""

    modality: str
    title: str
    when: str
    value: str
    effect: float


def span_s(record: Record) -> float:
    """Length of the record's waveforms in seconds."""
    return max((float(h[-1]) * 3600 for m, h in record.hours.items() if len(h) > 1), default=0.0)


def window_s(prepared: Record, schema: Schema) -> tuple[float, float]:
    """What the model saw: first and last second of the waveforms' grid."""
    grids = [prepared.hours[m.name] * 3600 for m in schema.modalities if m.kind == "waveform"]
    return float(grids[0][0]), float(2 * grids[0][-1] - grids[0][-2])


def before(sounded: float, length: float) -> float:
    """Where a window of this length starts, on a whole second, so that the alarm stands near its end: four fifths
    into a short window, two seconds before the end of a long one, which may have to be scrolled."""
    return max(float(round(sounded - length + min(0.2 * length, AFTER_S))), 0.0)


def last_start(record: Record, length: float) -> float:
    """The last whole second at which a window of this length still lies in the record; at least 1."""
    return max(float(np.floor(span_s(record) - length + 0.5)), 1.0)


def strips(record: Record, prepared: Record, schema: Schema, attributions: Attributions | None = None) -> list[Strip]:
    """Every lead at its own rate, and a strip without values for each modality that was not recorded.

    Attributions on the model's grid are spread over the samples that each of its steps covers, so that their sum stays
    the same, a step's own where its channels are not told apart; a lead that the model does not read has none. What the
    reader found flat or without a valid sample is said in the strip's remark.
    """
    out = []
    for spec in schema.modalities:
        if spec.kind != "waveform":
            continue
        if not record.channels.get(spec.name):
            out.append(Strip(spec.name, spec.title, "", 0.0, 1.0, np.zeros(0, np.float32)))
            continue
        seconds = record.hours[spec.name] * 3600
        dt = float(seconds[-1] - seconds[0]) / max(len(seconds) - 1, 1)
        for c, channel in enumerate(record.channels[spec.name]):
            known = bool(record.observed[spec.name][:, c].any())
            effect = None
            if known and attributions is not None and spec.name in attributions:
                effect = _spread(prepared, spec.name, channel, attributions[spec.name], seconds)
            values = record.values[spec.name][:, c]
            title = channel.title if spec.name != "ecg" else f"ECG {channel.title}"
            remark = flat_text(record.meta.findings, channel.name, len(seconds), dt) if known else NO_SAMPLE
            out.append(Strip(spec.name, title, channel.unit, float(seconds[0]), dt, values, effect, remark))
    return out


def flat_text(findings: Sequence[Finding], lead: str, samples: int, dt: float) -> str:
    """What the reader found of flat stretches in a lead of so many samples, `dt` seconds apart; empty for nothing."""
    count = sum(f.count for f in findings if f.channel == lead and FLAT in f.what)
    if not count:
        return ""
    return FLAT if count >= samples else f"{FLAT} for {count * dt:.0f} s of the record"


def _spread(
    prepared: Record, modality: str, channel: Channel, effect: np.ndarray, seconds: np.ndarray
) -> np.ndarray | None:
    slots = [k for k, slot in enumerate(prepared.channels[modality]) if slot.title == channel.title]
    if not slots or not prepared.observed[modality][:, slots[0]].any():
        return None
    grid = prepared.hours[modality] * 3600
    step = float(grid[1] - grid[0])
    at = np.floor((seconds - grid[0]) / step + 1e-6).astype(int)
    inside = (at >= 0) & (at < len(grid))
    count = np.bincount(at[inside], minlength=len(grid))
    out = np.zeros(len(seconds), np.float32)
    out[inside] = (_of_channel(effect, slots[0]) / np.maximum(count, 1))[at[inside]]
    return out


def _of_channel(effect: np.ndarray, channel: int) -> np.ndarray:
    """f32[T]: the channel's own column, or that of all channels together."""
    return effect[:, channel if effect.shape[1] > 1 else 0]


def charted(record: Record, schema: Schema, hours: float) -> list[TrendPanel]:
    """Every variable at the times it was charted, an empty panel where it never was; of flags (0 or 1) only those that
    were charted."""
    names = [channel.name for channel in record.channels.get("chart", ())]
    panels = []
    for spec in schema.modalities:
        for channel in spec.channels:
            if spec.kind != "series":
                continue
            times, values = np.zeros(0), np.zeros(0, np.float32)
            if channel.name in names:
                column = record.values["chart"][:, names.index(channel.name)]
                seen = ~np.isnan(column) & (record.hours["chart"] <= hours)
                times, values = record.hours["chart"][seen], column[seen]
            if len(times) or not channel.flag:
                panels.append(TrendPanel(spec.name, channel, times, values, group=spec.title))
    return panels


def hourly(prepared: Record, schema: Schema, attributions: Attributions) -> list[TrendPanel]:
    """What the model read: one value an hour, with its attribution; an empty panel where there is none."""
    panels = []
    for spec in schema.modalities:
        if spec.kind != "series":
            continue
        effect = attributions.get(spec.name, np.zeros_like(prepared.values[spec.name]))
        for c, channel in enumerate(spec.channels):
            seen = prepared.observed[spec.name][:, c]
            if seen.any() or not channel.flag:
                times, values = prepared.hours[spec.name][seen] + 0.5, prepared.values[spec.name][seen, c]
                panels.append(TrendPanel(spec.name, channel, times, values, _of_channel(effect, c)[seen], spec.title))
    return panels


def influences(prepared: Record, schema: Schema, attributions: Attributions, count: int) -> list[Influence]:
    """The measured charted and static values with the largest attributions, largest first; zeros are left out. Waveform
    samples are not listed, nor a modality whose channels are not told apart."""
    found = []
    for spec in schema.modalities:
        if spec.kind == "waveform" or spec.name not in attributions:
            continue
        effect, seen = attributions[spec.name], prepared.observed[spec.name]
        if effect.shape != seen.shape:
            continue
        for t, c in zip(*np.nonzero(seen), strict=True):
            value = value_text(spec.channels[c], float(prepared.values[spec.name][t, c]))
            if effect[t, c]:
                when = _when(prepared, spec, int(t))
                found.append(Influence(spec.title, spec.channels[c].title, when, value, float(effect[t, c])))
    return _largest(found, count)


def by_variable(prepared: Record, schema: Schema, attributions: Attributions) -> list[tuple[str, str, int, float]]:
    """Each charted or stated variable with its modality, how many values it has and what they add up to, largest first;
    zeros are left out."""
    rows = []
    for spec in schema.modalities:
        if spec.kind == "waveform" or spec.name not in attributions:
            continue
        effect, seen = attributions[spec.name], prepared.observed[spec.name]
        if effect.shape != seen.shape:
            continue
        for c, channel in enumerate(spec.channels):
            total = float(effect[seen[:, c], c].sum(dtype=np.float64))
            if total:
                rows.append((spec.title, channel.title, int(seen[:, c].sum()), total))
    return sorted(rows, key=lambda row: -abs(row[3]))


def total_size(attributions: Attributions) -> float:
    """What single values come to if none may cancel another."""
    return sum(float(np.abs(values).sum(dtype=np.float64)) for values in attributions.values())


def unmade(
    prepared: Record, schema: Schema, attributions: Attributions, missing: Mapping[str, np.ndarray], count: int
) -> list[Influence]:
    """What was not measured and would have changed the logit most had it been: each variable once, where its effect is
    largest. missing[m]: bool[T, C], True where an attribution belongs to an observation that was not made."""
    found = []
    for spec in schema.modalities:
        if spec.name not in missing:
            continue
        effect = np.where(missing[spec.name], attributions[spec.name], 0.0)
        for c, t in enumerate(np.abs(effect).argmax(axis=0).tolist()):
            if effect[t, c]:
                when = _when(prepared, spec, t, "around ")
                found.append(Influence(spec.title, spec.channels[c].title, when, NOT_MEASURED, float(effect[t, c])))
    return _largest(found, count)


def _when(prepared: Record, spec: ModalitySpec, step: int, about: str = "") -> str:
    if spec.kind == "series":
        return f"{about}hour {step}"
    return "on admission" if prepared.meta.alarm is None else "at the alarm"


def _largest(found: Sequence[Influence], count: int) -> list[Influence]:
    return sorted(found, key=lambda item: -abs(item.effect))[:count]


def shared_out(sizes: np.ndarray) -> np.ndarray | None:
    """Sizes as shares of their sum, NaN where there is none; None where nothing has a size."""
    whole = float(np.nansum(sizes))
    return sizes / whole if whole > 0 else None


def value_text(channel: Channel, value: float) -> str:
    """A value with its unit; a flag in words."""
    if channel.flag:
        return "yes" if value >= 0.5 else "no"
    return f"{value:.3g} {channel.unit}".strip()


def balanced(panels: Sequence[TrendPanel], columns: int) -> list[list[TrendPanel]]:
    """Panels in reading order, cut into columns of about equal height; an empty panel is only a line in a strip.

    A column that begins within a group says so in its heading.
    """
    heights = np.array([1.0 if len(panel.values) else EMPTY_HEIGHT for panel in panels])
    middle = np.cumsum(heights) - heights / 2
    column = np.minimum((middle / heights.sum() * columns).astype(int), columns - 1)
    parts = [[panel for panel, at in zip(panels, column, strict=True) if at == k] for k in range(columns)]
    parts = [part for part in parts if part]
    for above, part in pairwise(parts):
        if above[-1].modality == part[0].modality:
            part[0] = replace(part[0], group=f"{part[0].group} (continued)")
    return parts
