"""Records -> batch: scale, pad, mask. Normalisation is a value in the checkpoint, fitted on training records only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch

from amfn.types import Batch, Channel, InputError, Record, Schema

Mode = Literal["zscore", "log", "record", "flag"]
CLIP = 8.0
SKEWED = 1.5
# Amplitudes below these (in the channel's unit) are a flat line, not a signal to be blown up to full scale.
FLAT = {"mV": 0.05, "NU": 0.02}


@dataclass(frozen=True, slots=True)
class Scale:
    """x = (t(v) - mean) / std, clipped to ±8. Modes: zscore t(v) = v; log t(v) = log(1 + v); record: mean and std are
    the record's own (`RecordMeta.context`), std here being their floor; flag: x = v."""

    mode: Mode
    mean: float = 0.0
    std: float = 1.0


@dataclass(frozen=True, slots=True)
class Normaliser:
    """One `Scale` per channel of each modality, in the schema's order."""

    scales: Mapping[str, tuple[Scale, ...]]

    @classmethod
    def fit(cls, schema: Schema, values: Mapping[str, np.ndarray]) -> Normaliser:
        """values[m]: f32[N, T, C] physical units, NaN where unobserved: the training records, no others."""
        scales = {}
        for spec in schema.modalities:
            flat = values[spec.name].reshape(-1, len(spec.channels))
            scales[spec.name] = tuple(
                _fit_channel(channel, spec.kind == "waveform", flat[:, c]) for c, channel in enumerate(spec.channels)
            )
        return cls(scales)

    def apply(self, modality: str, values: np.ndarray, context: np.ndarray | None = None) -> np.ndarray:
        """f32[..., T, C] physical -> normalised, 0 where unobserved. context f32[..., 2, C] for `record` channels."""
        out = np.zeros(values.shape, np.float32)
        for c, scale in enumerate(self.scales[modality]):
            column = values[..., c].astype(np.float64)
            if scale.mode == "log":
                column = np.log1p(column)
            if scale.mode == "record":
                if context is None:
                    raise InputError(modality, "no record context", "centre and spread", "Prepare the record first.")
                centre, spread = context[..., 0, c, None], np.maximum(context[..., 1, c, None], scale.std)
                column = (column - centre) / spread
            elif scale.mode != "flag":
                column = (column - scale.mean) / scale.std
            out[..., c] = np.clip(np.nan_to_num(column, nan=0.0), -CLIP, CLIP)
        return out

    def physical(self, modality: str, channel: int, values: np.ndarray) -> np.ndarray:
        """Normalised values of one channel -> its unit, of any shape: `apply` backwards, as far as it was not clipped.

        Raises InputError for a channel that is scaled by each record's own level, which is not known here.
        """
        scale = self.scales[modality][channel]
        if scale.mode == "record":
            raise InputError(
                modality, f"channel {channel} is scaled by a record's own level", "a channel with a scale of its own",
                "Leave waveforms out.",
            )  # fmt: skip
        found = np.asarray(values, np.float64)
        if scale.mode == "flag":
            return found
        found = found * scale.std + scale.mean
        return np.expm1(found) if scale.mode == "log" else found

    def zero(self, schema: Schema, present: Collection[str]) -> str:
        """What an input of zero stands for, in words: the baseline from which attributions start.

        present: names of the modalities to speak of; the others are in nobody's attribution.
        """
        by_mode: dict[str, list[str]] = {}
        for spec in schema.modalities:
            if spec.name not in present:
                continue
            for mode in dict.fromkeys(
                "mean" if s.mode in ("zscore", "log") else s.mode for s in self.scales[spec.name]
            ):
                by_mode.setdefault(mode, []).append(spec.title)
        words = {
            "mean": "every measured number at its training mean ({})",
            "record": "every trace at this record's own median level ({})",
            "flag": "every yes-or-no entry at no ({})",
        }
        return "; ".join(text.format(", ".join(by_mode[mode])) for mode, text in words.items() if mode in by_mode)

    def require(self, schema: Schema) -> None:
        """Raise InputError unless there is one scale for each channel, of a mode that fits it."""
        for spec in schema.modalities:
            scales = self.scales.get(spec.name, ())
            fits = len(scales) == len(spec.channels) and all(
                (scale.mode == "flag") == channel.flag and (scale.mode != "record" or spec.kind == "waveform")
                for scale, channel in zip(scales, spec.channels, strict=True)
            )
            if not fits or set(self.scales) != set(schema.names):
                came = ", ".join(scale.mode for scale in scales) or "no scale"
                raise InputError(
                    "normalisation", f"{spec.name}: {came}", "a fitting scale for each channel of the schema",
                    "Restore config.json.",
                )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {m: [asdict(s) for s in scales] for m, scales in self.scales.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Normaliser:
        """Raises InputError for anything but what `to_json` gave."""
        try:
            scales = {
                m: tuple(Scale(s["mode"], float(s["mean"]), float(s["std"])) for s in row) for m, row in data.items()
            }
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "normalisation", f"an entry that is no scale ({error!r})", "mode, mean and std of every channel",
                "Restore config.json.",
            ) from error  # fmt: skip
        for scale in (scale for row in scales.values() for scale in row):
            if scale.mode not in get_args(Mode) or not np.isfinite(scale.mean) or not 0 < scale.std < np.inf:
                raise InputError(
                    "normalisation", f"{scale}", f"one of {', '.join(get_args(Mode))}, a finite mean, a positive std",
                    "Restore config.json.",
                )  # fmt: skip
        return cls(scales)


@dataclass(frozen=True, slots=True, eq=False)
class TargetScale:
    """How a regression's targets are learned: as changes from an anchor (the last value known), in units of `std`, the
    spread of that change in training. mean: the target's training mean, the anchor where a record has none. f32[K]

    An output of zero is thus the anchor carried forward, and for a record of which nothing is known the training mean.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, targets: Sequence[str], labels: np.ndarray, anchor: np.ndarray) -> TargetScale:
        """labels, anchor: f32[N, K] physical units of the training records, NaN where not measured.

        Raises InputError where a target was measured fewer than twice or never changed.
        """
        measured = (~np.isnan(labels)).sum(0)
        if len(labels) == 0 or measured.min() < 2:
            worst = targets[int(measured.argmin())]
            raise InputError(
                "labels", f"{worst} measured in {int(measured.min())} of {len(labels)} training records",
                "2 or more measurements of every target", "Name more data.",
            )  # fmt: skip
        mean = np.nanmean(labels, 0, dtype=np.float64)
        change = labels - np.where(np.isnan(anchor), mean, anchor)
        std = np.nanstd(change, 0, dtype=np.float64)
        if std.min() < 1e-6:
            raise InputError(
                "labels", f"{targets[int(std.argmin())]} differs from the last value by the same in every record",
                "targets that vary", "Check the data.",
            )  # fmt: skip
        return cls(np.asarray(mean, np.float32), np.asarray(std, np.float32))

    def anchored(self, anchor: np.ndarray) -> np.ndarray:
        """Where each prediction starts, f32[N, K]: the anchor, or the training mean where there is none."""
        return np.where(np.isnan(anchor), self.mean, anchor)

    def standardise(self, values: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        """Physical units -> what the network learns, f32[N, K]; NaN stays NaN."""
        return ((values - self.anchored(anchor)) / self.std).astype(np.float32)

    def physical(self, outputs: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        """The network's outputs -> physical units, f32[..., N, K]."""
        return (outputs * self.std + self.anchored(anchor)).astype(np.float32)

    def to_json(self) -> dict[str, list[float]]:
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], targets: int) -> TargetScale:
        """Raises InputError for anything but what `to_json` gave for so many targets."""
        try:
            mean, std = (np.array([float(v) for v in data[key]], np.float32) for key in ("mean", "std"))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "target scale", f"an entry that is no scale ({error!r})", "mean and std of every target",
                "Restore config.json.",
            ) from error  # fmt: skip
        if mean.shape != (targets,) or std.shape != (targets,) or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
            raise InputError(
                "target scale", f"{len(mean)} means and {len(std)} spreads, or not all finite and positive",
                f"a finite mean and a positive std of {targets} target(s)", "Restore config.json.",
            )  # fmt: skip
        return cls(mean, std)


def _fit_channel(channel: Channel, waveform: bool, column: np.ndarray) -> Scale:
    if channel.flag:
        return Scale("flag")
    if waveform and channel.unit in FLAT:
        return Scale("record", 0.0, FLAT[channel.unit])
    seen = column[~np.isnan(column)].astype(np.float64)
    if len(seen) < 2:
        return Scale("zscore")
    if float(seen.std()) < 1e-6 * max(abs(float(seen.mean())), 1.0):
        return Scale("zscore", float(seen.mean()), 1e-3)
    # Only fitting needs scipy.stats, which takes half a second to import: the first screen does not wait for it.
    from scipy.stats import skew

    log = not waveform and channel.low >= 0 and float(skew(seen)) > SKEWED
    seen = np.log1p(seen) if log else seen
    return Scale("log" if log else "zscore", float(seen.mean()), max(float(seen.std()), 1e-3))


def stack(schema: Schema, records: Sequence[Record]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Prepared records -> values[m] f32[N, T, C], NaN where unobserved, and context[m] f32[N, 2, C].

    The longest record sets T. Raises InputError where a record does not follow the schema.
    """
    values, context = {}, {}
    for spec in schema.modalities:
        width = len(spec.channels)
        for record in records:
            have = record.values.get(spec.name)
            if have is None or have.shape[1] != width:
                raise InputError(
                    record.source,
                    f"modality {spec.name!r} is {'missing' if have is None else f'{have.shape[1]} channels wide'}",
                    f"a record prepared for {schema.task} ({width} channels)",
                    "Call the task's prepare() first.",
                )
        steps = max(len(record.values[spec.name]) for record in records)
        out = np.full((len(records), steps, width), np.nan, np.float32)
        around = np.full((len(records), 2, width), np.nan, np.float32)
        for row, record in enumerate(records):
            out[row, : len(record.values[spec.name])] = record.values[spec.name]
            if spec.name in record.meta.context:
                around[row] = record.meta.context[spec.name]
        values[spec.name], context[spec.name] = out, around
    return values, context


def to_batch(
    schema: Schema,
    normaliser: Normaliser,
    ids: Sequence[str],
    values: Mapping[str, np.ndarray],
    context: Mapping[str, np.ndarray],
    lengths: Mapping[str, Sequence[int]] | None = None,
) -> Batch:
    """Stacked values -> Batch. lengths[m][row]: steps that are not padding (all of them where None)."""
    x, observed, valid = {}, {}, {}
    present = np.zeros((len(ids), len(schema.modalities)), bool)
    for k, spec in enumerate(schema.modalities):
        name = spec.name
        seen = ~np.isnan(values[name])
        x[name] = torch.from_numpy(normaliser.apply(name, values[name], context.get(name)))
        observed[name] = torch.from_numpy(seen)
        inside = np.ones(seen.shape[:2], bool)
        if lengths is not None:
            inside = np.arange(seen.shape[1])[None] < np.asarray(lengths[name])[:, None]
        valid[name] = torch.from_numpy(inside)
        present[:, k] = seen.any((1, 2))
    return Batch(tuple(ids), x, observed, valid, torch.from_numpy(present))


def collate(schema: Schema, normaliser: Normaliser, records: Sequence[Record]) -> Batch:
    """Prepared records -> Batch, padded at the end to the longest."""
    if not records:
        raise InputError(schema.task, "no record", "at least one", "Choose a record.")
    values, context = stack(schema, records)
    lengths = {spec.name: [len(r.values[spec.name]) for r in records] for spec in schema.modalities}
    return to_batch(schema, normaliser, [r.record_id for r in records], values, context, lengths)
