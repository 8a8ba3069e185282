"""From a record to what the waveform figures draw: strips of leads, and where a window lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from amfn.types import Channel, Finding, Record, Schema
from amfn.waves import seen_s
from app.figures import Strip

AFTER_S = 2.0
STRONG_S = 0.2
NO_SAMPLE, FLAT = "no valid sample", "flat line"
Attributions = Mapping[str, np.ndarray]
"""f32[T, C] by modality, or f32[T, 1] where a step's channels are not told apart."""


def span_s(record: Record) -> float:
    """Length of the record's waveforms in seconds."""
    return max((float(h[-1]) * 3600 for m, h in record.hours.items() if len(h) > 1), default=0.0)


def window_s(prepared: Record, schema: Schema) -> tuple[float, float]:
    """What the model saw: first and last second of the waveforms' grid."""
    return seen_s(prepared, schema)


def unrecorded_s(prepared: Record, schema: Schema) -> float:
    """Of the seconds that the model looks at, those in which no waveform has a known sample."""
    known = [prepared.observed[s.name].any(axis=1) for s in schema.modalities if s.kind == "waveform"]
    start, stop = window_s(prepared, schema)
    return float(1 - np.any(known, axis=0).mean()) * (stop - start)


def before(sounded: float, length: float) -> float:
    """Where a window of this length starts, on a whole second, so that the alarm stands near its end: four fifths
    into a short window, two seconds before the end of a long one, which may have to be scrolled."""
    return max(float(round(sounded - length + min(0.2 * length, AFTER_S))), 0.0)


def resized(length: float, window: tuple[float, float], sounded: float | None) -> tuple[float, float]:
    """Another length from the same start; a window (start, length) that stood at the alarm goes on standing at it."""
    if sounded is not None and window[0] == before(sounded, window[1]):
        return before(sounded, length), length
    return window[0], length


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
    out[inside] = (of_channel(effect, slots[0]) / np.maximum(count, 1))[at[inside]]
    return out


def with_effect(strip: Strip, prepared: Record, attributions: Attributions) -> Strip:
    """The strip with the attributions of its lead on the model's own grid; as it is where the model reads none."""
    names = (strip.title, strip.title.removeprefix("ECG "))
    slots = [k for k, slot in enumerate(prepared.channels.get(strip.modality, ())) if slot.title in names]
    if strip.modality not in attributions or not slots or not prepared.observed[strip.modality][:, slots[0]].any():
        return strip
    grid = prepared.hours[strip.modality] * 3600
    effect = of_channel(attributions[strip.modality], slots[0])
    return replace(strip, attribution=effect, effect_grid=(float(grid[0]), float(grid[1] - grid[0])))


def strongest_s(strips: Sequence[Strip]) -> float | None:
    """The second at which a stretch of STRONG_S has the largest attribution of all leads; None without any."""
    largest, moment = 0.0, None
    for strip in strips:
        if strip.attribution is None:
            continue
        x0, dt = strip.effect_at
        sums = np.abs(np.convolve(np.nan_to_num(strip.attribution), np.ones(max(round(STRONG_S / dt), 1)), "same"))
        if sums.max() > largest:
            largest, moment = float(sums.max()), x0 + dt * int(sums.argmax())
    return moment


def of_channel(effect: np.ndarray, channel: int) -> np.ndarray:
    """f32[T]: the channel's own column, or that of all channels together."""
    return effect[:, channel if effect.shape[1] > 1 else 0]
