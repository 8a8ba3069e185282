"""Records as rows of a table: what a tree or a linear model reads. Axes: n records, t steps, c channels, f features.

A feature of a modality that a record does not have is NaN, counts included, so that taking a modality away
(`SummaryTable.keeping`) leaves exactly what a record that never had it would show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from amfn.classical.waveforms import waveform_features
from amfn.types import InputError, ModalitySpec, Schema

STATISTICS = ("mean", "min", "max", "deviation", "count")
Columns = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class SummaryTable:
    """x f32[N, F] in physical units, NaN where nothing was observed. names[f] is "channel:statistic", modality_of[f]
    the modality it was taken from."""

    x: Float[np.ndarray, "n f"]
    names: tuple[str, ...]
    modality_of: tuple[str, ...]

    def keeping(self, keep: Bool[np.ndarray, "n m"], modalities: tuple[str, ...]) -> Float[np.ndarray, "n f"]:
        """A copy of x with NaN in the columns of every modality that `keep` takes from a record."""
        column = np.array([modalities.index(name) for name in self.modality_of])
        return np.where(keep[:, column], self.x, np.float32(np.nan))


def summary_features(
    schema: Schema,
    values: Mapping[str, Float[np.ndarray, "n t c"]],
    context: Mapping[str, Float[np.ndarray, "n 2 c"]] | None = None,
) -> SummaryTable:
    """Summary statistics of each record.

    values[m]: f32[N, T, C] physical units, NaN where unobserved. context[m]: f32[N, 2, C], centre and spread of a
    waveform before its window (`Cohort.context`); without it a waveform is scaled by its own. Nothing is fitted, so
    that no record can learn of another. Raises InputError where a modality is missing or has another width.
    """
    blocks: list[np.ndarray] = []
    names: list[str] = []
    modality_of: list[str] = []
    for spec in schema.modalities:
        have = values.get(spec.name)
        if have is None or have.ndim != 3 or have.shape[2] != len(spec.channels):
            raise InputError(
                schema.task,
                f"modality {spec.name!r} is {'missing' if have is None else f'of shape {have.shape}'}",
                f"f32[N, T, {len(spec.channels)}]",
                "Take the values of a prepared cohort.",
            )
        columns = _columns(spec, have, None if context is None else context.get(spec.name))
        here = ~np.isnan(have).all((1, 2))
        for statistic, block in columns.items():
            blocks.append(np.where(here[:, None], block, np.nan))
            names += [f"{channel.name}:{statistic}" for channel in spec.channels]
            modality_of += [spec.name] * len(spec.channels)
    return SummaryTable(np.concatenate(blocks, 1).astype(np.float32), tuple(names), tuple(modality_of))


def _columns(spec: ModalitySpec, values: np.ndarray, context: np.ndarray | None) -> Columns:
    """Statistic -> f64[N, C]."""
    if spec.kind == "static":
        return {"value": values[:, 0]}
    if spec.kind == "waveform":
        return waveform_features(spec, values, context)
    return _series(values.astype(np.float64))


def _series(values: Float[np.ndarray, "n t c"]) -> Columns:
    """Over all steps and each third of them the five statistics; first, last, change, and steps since the last."""
    steps = values.shape[1]
    seen = ~np.isnan(values)
    columns = _statistics(values, seen, "")
    at_first = seen.argmax(1)[:, None]
    at_last = (steps - 1 - seen[:, ::-1].argmax(1))[:, None]
    first = np.take_along_axis(values, at_first, 1)[:, 0]
    last = np.take_along_axis(values, at_last, 1)[:, 0]
    columns |= {"first": first, "last": last, "change": last - first}
    columns["since_last"] = np.where(seen.any(1), steps - 1.0 - at_last[:, 0], np.nan)
    third = np.arange(steps) * 3 // steps
    for k in range(3):
        columns |= _statistics(values[:, third == k], seen[:, third == k], f"_{k + 1}")
    return columns


def _statistics(values: np.ndarray, seen: np.ndarray, suffix: str) -> Columns:
    count = seen.sum(1)
    filled = np.where(seen, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(1) / count
        deviation = np.sqrt((np.where(seen, values - mean[:, None], 0.0) ** 2).sum(1) / count)
    none = count == 0
    low = np.where(none, np.nan, np.where(seen, values, np.inf).min(1, initial=np.inf))
    high = np.where(none, np.nan, np.where(seen, values, -np.inf).max(1, initial=-np.inf))
    found = (mean, low, high, deviation, count.astype(np.float64))
    return {f"{name}{suffix}": column for name, column in zip(STATISTICS, found, strict=True)}
