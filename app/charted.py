"""From a record to what charted values are drawn and listed from: panels of trends, and the values that counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from amfn.readers.channels import VOLUMES
from amfn.types import Channel, Finding, ModalitySpec, Record, Schema
from app.figures import TrendPanel
from app.figures.drawing import unit_text
from app.signals import Attributions, of_channel

NOT_MEASURED = "not measured"
OUTSIDE = "outside "
"""How a reader's remark on values outside their limits begins."""


@dataclass(frozen=True, slots=True)
class Influence:
    """A charted or static value and its attribution: what it added to the log-odds, or a size without a sign. when:
    "hour 12", "on admission" or the like; value: "not measured" for an observation that was not made."""

    modality: str
    title: str
    when: str
    value: str
    effect: float


def charted(record: Record, prepared: Record, schema: Schema, hours: float) -> list[TrendPanel]:
    """Every variable at the times it was charted, an empty panel where it never was; of flags (0 or 1) only those that
    were charted. Between them what the model carries forward."""
    names = [channel.name for channel in record.channels.get("chart", ())]
    panels = []
    for spec in schema.modalities:
        if spec.kind != "series":
            continue
        for c, channel in enumerate(spec.channels):
            times, values = np.zeros(0), np.zeros(0, np.float32)
            if channel.name in names:
                column = record.values["chart"][:, names.index(channel.name)]
                seen = ~np.isnan(column) & (record.hours["chart"] <= hours)
                order = np.argsort(record.hours["chart"][seen], kind="stable")
                times, values = record.hours["chart"][seen][order], column[seen][order]
            if len(times) or not channel.flag:
                held = carried(prepared, spec.name, c)
                panels.append(TrendPanel(spec.name, channel, times, values, group=spec.title, carried=held))
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
                held, own = carried(prepared, spec.name, c), of_channel(effect, c)[seen]
                panels.append(TrendPanel(spec.name, channel, times, values, own, spec.title, held, _hourly(channel)))
    return panels


def _hourly(channel: Channel) -> str:
    """What the value of an hour is made of, in words: as tasks make it."""
    return "total" if channel.name in VOLUMES else "maximum" if channel.flag else "average"


def carried(prepared: Record, modality: str, channel: int) -> np.ndarray:
    """f64[K, 3]: from hour, to hour and value of each stretch over which the model goes on with the last value, as
    `amfn.encoders.SeriesEncoder.carry` does: to the next hour with a measurement, or to the end. Before the first there
    is nothing to carry."""
    seen = np.flatnonzero(prepared.observed[modality][:, channel])
    grid, values = prepared.hours[modality], prepared.values[modality][:, channel]
    if len(grid) < 2:
        return np.zeros((0, 3))
    edges = np.append(grid, 2 * grid[-1] - grid[-2])
    nexts = np.append(seen, len(grid))[1:]
    found = [(edges[at + 1], edges[to], values[at]) for at, to in zip(seen, nexts, strict=True) if to > at + 1]
    return np.array(found, dtype=float).reshape(-1, 3)


def never_charted(panels: Sequence[TrendPanel]) -> tuple[list[str], dict[str, list[str]]]:
    """Titles of modalities without any value, and of single variables without one by the title of their modality."""
    groups: dict[str, list[TrendPanel]] = {}
    for panel in panels:
        groups.setdefault(panel.group, []).append(panel)
    gone = [group for group, parts in groups.items() if not any(len(part.values) for part in parts)]
    single = {
        group: [part.channel.title for part in parts if not len(part.values)]
        for group, parts in groups.items()
        if group not in gone
    }
    return gone, {group: titles for group, titles in single.items() if titles}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is known of one variable besides its values, in words; empty where there is nothing to say.

    accepted: its physiological limits; dropped: how many values lay outside them.
    """

    modality: str
    title: str
    unit: str
    reference: str
    accepted: str
    measured: int
    dropped: int


def limits(panels: Sequence[TrendPanel], findings: Sequence[Finding]) -> list[Limits]:
    """Unit, limits and counts of every variable. findings: what the reader noticed, with what it dropped."""
    rows = []
    for panel in panels:
        channel, called = panel.channel, {panel.channel.name, panel.channel.title}
        dropped = sum(f.count for f in findings if f.channel in called and f.what.startswith(OUTSIDE))
        reference = "" if channel.normal is None else f"{channel.normal[0]:g} to {channel.normal[1]:g}"
        accepted = "0 or 1" if channel.flag else f"{channel.low:g} to {channel.high:g}"
        unit = unit_text(channel.unit)
        rows.append(Limits(panel.group, channel.title, unit, reference, accepted, len(panel.values), dropped))
    return rows


def dropped_text(rows: Sequence[Limits]) -> str:
    """How many values lay outside their limits and are not drawn."""
    parts = [
        f"{row.title} {row.dropped} (accepted {row.accepted} {row.unit}".rstrip() + ")" for row in rows if row.dropped
    ]
    if not parts:
        return "No charted value was dropped as implausible; values outside the reference range are drawn."
    count = sum(row.dropped for row in rows)
    subject = "1 value lay outside its" if count == 1 else f"{count} values lay outside their"
    return f"{subject} accepted limits and {'is' if count == 1 else 'are'} not drawn: {', '.join(parts)}."


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
    """Panels in reading order, cut into columns of about equal height.

    A column that begins within a group says so in its heading.
    """
    sizes = np.array([len(part) for part in np.array_split(np.arange(len(panels)), columns)])
    ends = np.cumsum(sizes)
    parts = [list(panels[end - size : end]) for end, size in zip(ends, sizes, strict=True) if size]
    for above, part in pairwise(parts):
        if above[-1].modality == part[0].modality:
            part[0] = replace(part[0], group=f"{part[0].group} (continued)")
    return parts
