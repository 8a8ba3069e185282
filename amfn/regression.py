"""Measures of a forecast in physical units: RMSE, MAE, R² and MAPE of every vital and horizon, with their intervals.

What was not measured counts nowhere. Intervals are percentile bootstraps over stays (a stay's targets stay together),
and differences between two forecasts are paired: both are measured on the same draws.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amfn.dataset import Cohort
from amfn.evaluation import BOOTSTRAPS, Interval
from amfn.types import InputError

MEASURES = ("rmse", "mae", "r2", "mape")


@dataclass(frozen=True, slots=True)
class Errors:
    """How far off a forecast is over `measured` values. rmse, mae: in the vital's unit; r2: share of the variance of
    the measured values that is explained; mape: percent of the measured value."""

    measured: int
    rmse: Interval
    mae: Interval
    r2: Interval
    mape: Interval


@dataclass(frozen=True, slots=True)
class ForecastReport:
    """vitals: all horizons of each vital together; targets: each vital at each horizon; units by vital."""

    records: int
    units: Mapping[str, str]
    vitals: Mapping[str, Errors]
    targets: Mapping[str, Errors]


def carried_forward(cohort: Cohort, fold: np.ndarray) -> np.ndarray:
    """The baseline, f32[N, K]: the last value known of each vital, or else the mean of the other folds.

    fold: int[N].
    """
    if cohort.anchor is None:
        raise InputError(cohort.task.name, "a cohort without anchors", "one of a regression", "Name another task.")
    carried = np.empty_like(cohort.anchor)
    for k in np.unique(fold):
        scale = cohort.fit_targets(np.flatnonzero(fold != k))
        if scale is not None:
            carried[fold == k] = scale.anchored(cohort.anchor[fold == k])
    return carried


def measure_forecast(cohort: Cohort, predicted: np.ndarray, seed: int = 0, draws: int = BOOTSTRAPS) -> ForecastReport:
    """All measures of a forecast f32[N, K] in physical units against the cohort's labels."""
    sums = _sums(cohort, predicted)
    weights = _weights(len(cohort), seed, draws)
    vitals = vitals_of(cohort.task.schema.targets)
    by_target = _intervals(sums, weights)
    pooled = _intervals(np.stack([sums[:, at].sum(1) for at in vitals.values()], 1), weights)
    units = {c.name: c.unit for spec in cohort.task.schema.modalities for c in spec.channels}
    return ForecastReport(
        len(cohort),
        {name: units.get(name, "") for name in vitals},
        dict(zip(vitals, pooled, strict=True)),
        dict(zip(cohort.task.schema.targets, by_target, strict=True)),
    )


def compare(
    cohort: Cohort, one: np.ndarray, other: np.ndarray, seed: int = 0, draws: int = BOOTSTRAPS
) -> Mapping[str, Mapping[str, Interval]]:
    """Paired differences, one minus the other, by vital and measure, all horizons together: below zero `one` has the
    smaller error (of R²: above zero)."""
    vitals = vitals_of(cohort.task.schema.targets)
    weights = _weights(len(cohort), seed, draws)
    values, sampled = [], []
    for predicted in (one, other):
        sums = _sums(cohort, predicted)
        sums = np.stack([sums[:, at].sum(1) for at in vitals.values()], 1)
        values.append(_measures(sums.sum(0)))
        sampled.append(_measures(np.einsum("bn,nks->bks", weights, sums, optimize=True)))
    value, draw = values[0] - values[1], sampled[0] - sampled[1]
    low, high = _band(draw)
    return {
        name: {m: Interval(*map(float, (value[k, j], low[k, j], high[k, j]))) for j, m in enumerate(MEASURES)}
        for k, name in enumerate(vitals)
    }


def vitals_of(targets: Sequence[str]) -> Mapping[str, list[int]]:
    """The columns of each vital: "HR_1h" and "HR_2h" are HR at two horizons."""
    columns: dict[str, list[int]] = {}
    for k, name in enumerate(targets):
        columns.setdefault(name.rpartition("_")[0], []).append(k)
    return columns


def _sums(cohort: Cohort, predicted: np.ndarray) -> np.ndarray:
    """What all measures are made of, by stay and target, f64[N, K, 6]: count, squared, absolute and relative error,
    value and squared value; zero where nothing was measured."""
    labels = cohort.labels.astype(np.float64)
    seen = ~np.isnan(labels)
    if predicted.shape != labels.shape or not np.isfinite(predicted[seen]).all():
        raise InputError(
            "forecast", f"shape {predicted.shape}, or a value that is no number", f"numbers of shape {labels.shape}",
            "Predict every target of every record.",
        )  # fmt: skip
    # Measured from the middle, so that squares do not swamp the spread of a temperature.
    middle = np.nansum(labels, 0) / np.maximum(seen.sum(0), 1)
    for at in vitals_of(cohort.task.schema.targets).values():
        middle[at] = middle[at].mean()
    error, value = predicted - labels, labels - middle
    parts = (np.ones_like(labels), error**2, np.abs(error), np.abs(error / labels), value, value**2)
    return np.where(seen[..., None], np.stack(parts, -1), 0.0)


def _measures(sums: np.ndarray) -> np.ndarray:
    """f64[..., 6] -> f64[..., 4], the measures; NaN where they are not defined."""
    count, squared, absolute, relative, value, value_squared = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = value_squared - value**2 / count
        r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
        return np.stack([np.sqrt(squared / count), absolute / count, r2, 100 * relative / count], -1)


def _weights(records: int, seed: int, draws: int) -> np.ndarray:
    """How often each draw of a bootstrap takes each record, f64[draws, records]."""
    even = np.full(records, 1 / records)
    return np.random.default_rng(seed).multinomial(records, even, draws).astype(np.float64)


def _band(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with warnings.catch_warnings():
        # A target that was never measured has no band, which is said as NaN.
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        low, high = np.nanpercentile(draws, (2.5, 97.5), axis=0)
    return low, high


def _intervals(sums: np.ndarray, weights: np.ndarray) -> list[Errors]:
    """sums f64[N, K, 6] -> K rows of measures with their intervals."""
    values = _measures(sums.sum(0))
    low, high = _band(_measures(np.einsum("bn,nks->bks", weights, sums, optimize=True)))
    counts = sums[..., 0].sum(0)
    return [
        Errors(int(counts[k]), *(Interval(*map(float, row)) for row in zip(values[k], low[k], high[k], strict=True)))
        for k in range(len(values))
    ]


def as_json(report: ForecastReport) -> dict[str, Any]:
    """Plain values, rounded to what is printed; None where a measure is not defined."""
    return {
        "records": report.records,
        "units": dict(report.units),
        "vitals": {name: _errors_json(errors) for name, errors in report.vitals.items()},
        "targets": {name: _errors_json(errors) for name, errors in report.targets.items()},
    }


def differences_as_json(differences: Mapping[str, Mapping[str, Interval]]) -> dict[str, Any]:
    """Plain values of `compare`."""
    return {vital: {m: _interval_json(v) for m, v in rows.items()} for vital, rows in differences.items()}


def _errors_json(errors: Errors) -> dict[str, Any]:
    return {"measured": errors.measured, **{m: _interval_json(getattr(errors, m)) for m in MEASURES}}


def _interval_json(interval: Interval) -> list[float | None]:
    return [round(x, 4) if np.isfinite(x) else None for x in (interval.value, interval.low, interval.high)]
