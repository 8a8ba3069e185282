"""Stated chances made honest: temperature and shift, what happened to similar records, conformal sets.

Everything rests on out-of-fold logits: of each training record, the logit of networks that have not seen it.

Temperature and shift (Platt 1999; Guo et al. 2017): logits over one number, plus another, which together minimise the
negative log-likelihood. The order of records and the exact split of a logit stay; how sure the model sounds, and how
high its estimates are on the whole, changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from amfn.conformal import ERROR_RATE, ERROR_RATES, Comparable, ConformalSet, CoverageRow, comparable, coverage_row
from amfn.reliability import calibration_error, clopper_pearson
from amfn.types import InputError

NEIGHBOURS = 300
NEIGHBOUR_SHARE = 0.1
"""Similar records: this many, but never more than this share of all, or they would no longer be similar."""
TEMPERATURES = (0.1, 10.0)
SHIFTS = (-5.0, 5.0)
TENSORS: Mapping[str, torch.dtype] = {
    "temperature": torch.float64, "shift": torch.float64, "modalities": torch.int32, "logits": torch.float32,
    "labels": torch.uint8, "patterns": torch.int32, "folds": torch.uint8,
}  # fmt: skip
MEND = "Restore the checkpoint's files, or train again."


@dataclass(frozen=True, slots=True)
class Similar:
    """What happened to the records with the nearest estimates: share is events / count, low and high its exact 95 %
    interval; from_risk and to_risk: their lowest and highest estimate, out of fold."""

    count: int
    events: int
    share: float
    low: float
    high: float
    from_risk: float
    to_risk: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the networks of an ensemble differ on one record, as chances: lowest, highest, standard deviation."""

    low: float
    high: float
    sd: float


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Out-of-fold logits over the temperature plus the shift f32[N], outcomes u8[N], which modalities were there i32[N]
    (bit m for modality m of the schema), and the fold that left the record out u8[N]."""

    temperature: float
    shift: float
    logits: np.ndarray
    labels: np.ndarray
    patterns: np.ndarray
    folds: np.ndarray
    modalities: int

    def __post_init__(self) -> None:
        count = len(self.logits)
        rules = (
            ("temperature", self.temperature, 0 < self.temperature < math.inf),
            ("shift", self.shift, math.isfinite(self.shift)),
            ("modalities", self.modalities, 0 < self.modalities < 31),
            ("shapes", [a.shape for a in (self.logits, self.labels, self.patterns, self.folds)],
             all(a.shape == (count,) for a in (self.logits, self.labels, self.patterns, self.folds))),
            ("logits", "not finite", bool(np.isfinite(self.logits).all())),
            ("folds", "fewer than two", len(np.unique(self.folds)) > 1),
            ("labels", np.unique(self.labels)[:5].tolist(), set(np.unique(self.labels).tolist()) == {0, 1}),
            ("patterns", "of other modalities",
             bool(((self.patterns >= 0) & (self.patterns < 1 << max(self.modalities, 0))).all())),
        )  # fmt: skip
        wrong = [f"{name} {value}" for name, value, fits in rules if not fits]
        if wrong:
            raise InputError(
                "calibration",
                ", ".join(wrong),
                "out-of-fold logits of records with both outcomes",
                MEND,
            )

    def to_tensors(self) -> dict[str, Tensor]:
        """What `calibration.safetensors` holds."""
        return {
            "temperature": torch.tensor([self.temperature], dtype=torch.float64),
            "shift": torch.tensor([self.shift], dtype=torch.float64),
            "modalities": torch.tensor([self.modalities], dtype=torch.int32),
            **{
                name: torch.from_numpy(getattr(self, name).copy()) for name in ("logits", "labels", "patterns", "folds")
            },
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Calibration:
        """Raises InputError where a tensor is missing, unknown, of another type or shape, or out of range."""
        if {name: tensor.dtype for name, tensor in tensors.items()} != dict(TENSORS):
            came = ", ".join(f"{name} {str(tensor.dtype).removeprefix('torch.')}" for name, tensor in tensors.items())
            expected = ", ".join(f"{name} {str(kind).removeprefix('torch.')}" for name, kind in TENSORS.items())
            raise InputError("calibration", came or "nothing", expected, MEND)
        if any(tensors[name].shape != (1,) for name in ("temperature", "shift", "modalities")):
            raise InputError("calibration", "several temperatures, shifts or counts", "one of each", MEND)
        return cls(
            temperature=float(tensors["temperature"]),
            shift=float(tensors["shift"]),
            modalities=int(tensors["modalities"]),
            **{name: tensors[name].numpy() for name in ("logits", "labels", "patterns", "folds")},
        )

    @property
    def risks(self) -> np.ndarray:
        """Calibrated chances out of fold, f64[N]."""
        return expit(self.logits.astype(np.float64))

    def conformal_set(self, logit: float, present: Sequence[bool], error_rate: float = ERROR_RATE) -> ConformalSet:
        """The outcomes that cannot be ruled out for a record with this calibrated logit and these modalities.

        Raises InputError for an error rate outside 0 to 1 or another number of modalities.
        """
        pattern = self._pattern(present)
        found = self._comparable(pattern, error_rate)
        same = self.patterns == pattern
        counts = int((same & (self.labels == 0)).sum()), int((same & (self.labels == 1)).sum())
        if isinstance(found, str):
            return ConformalSet((), error_rate, sum(counts), counts, None, found)
        values = found.p_values(np.array([logit], np.float32))[0]
        labels = tuple(label for label in (0, 1) if values[label] > error_rate)
        return ConformalSet(labels, error_rate, sum(counts), counts, found.scope)

    def p_values(
        self, logit: float, present: Sequence[bool], error_rate: float = ERROR_RATE
    ) -> tuple[float, float] | None:
        """For outcome 0 and 1 the share of comparable records, this one included, that speak as little for it; None
        where the set is refused. The error rate decides how many comparable records are enough."""
        zero, one = self.p_values_of(np.array([logit]), np.array([present], bool), error_rate)[0].tolist()
        return None if math.isnan(zero) else (zero, one)

    def p_values_of(
        self,
        logits: np.ndarray,
        present: np.ndarray,
        error_rate: float = ERROR_RATE,
        without_fold: int | None = None,
    ) -> np.ndarray:
        """`p_values` of many records, f64[N, 2], NaN where the set is refused. logits f64[N], present bool[N, M].

        without_fold: the fold that these records are of, whose records, they among them, are not compared with.
        """
        allowed = None if without_fold is None else self.folds != without_fold
        patterns = np.array([self._pattern(row) for row in present.tolist()])
        found = np.full((len(logits), 2), np.nan)
        for pattern in np.unique(patterns):
            alike = self._comparable(int(pattern), error_rate, allowed)
            if not isinstance(alike, str):
                rows = patterns == pattern
                found[rows] = alike.p_values(logits[rows].astype(np.float32))
        return found

    def similar(self, risk: float, without_fold: int | None = None) -> Similar:
        """What happened to the records whose calibrated chance, out of fold, is nearest to this one; without_fold: as
        in `p_values_of`."""
        rows = slice(None) if without_fold is None else self.folds != without_fold
        risks, labels = self.risks[rows], self.labels[rows]
        count = max(1, min(NEIGHBOURS, int(NEIGHBOUR_SHARE * len(risks))))
        nearest = np.argsort(np.abs(risks - risk), kind="stable")[:count]
        events = int(labels[nearest].sum())
        low, high = clopper_pearson(events, count)
        return Similar(
            count, events, events / count, low, high, float(risks[nearest].min()), float(risks[nearest].max())
        )

    def coverage(self, error_rate: float = ERROR_RATE) -> tuple[CoverageRow, ...]:
        """Each fold's records against the records of all other folds: both outcomes over all patterns, then the same
        for every pattern, most frequent first."""
        answered = np.zeros(len(self.logits), bool)
        held = np.zeros((len(self.logits), 2), bool)
        for fold in np.unique(self.folds):
            for pattern in np.unique(self.patterns[self.folds == fold]):
                rows = (self.folds == fold) & (self.patterns == pattern)
                found = self._comparable(int(pattern), error_rate, self.folds != fold)
                if not isinstance(found, str):
                    answered[rows] = True
                    held[rows] = found.p_values(self.logits[rows]) > error_rate
        patterns, counts = np.unique(self.patterns, return_counts=True)
        groups = [None, *patterns[np.argsort(-counts, kind="stable")].tolist()]
        return tuple(
            coverage_row(group, label, self.labels, self.patterns, answered, held)
            for group in groups
            for label in (0, 1)
        )

    def _comparable(self, pattern: int, error_rate: float, allowed: np.ndarray | None = None) -> Comparable | str:
        rows = slice(None) if allowed is None else allowed
        return comparable(self.logits[rows], self.labels[rows], self.patterns[rows], pattern, error_rate)

    def facts(self) -> dict[str, Any]:
        """What a card and a screen report, as plain values: calibration error before, after, and after with each fold's
        temperature and shift fitted on the other folds; coverage as rows of (error rate, outcome, records, answered,
        covered)."""
        labels = self.labels.astype(int)
        raw = (self.logits.astype(np.float64) - self.shift) * self.temperature
        crossed = np.empty(len(raw))
        for fold in np.unique(self.folds):
            here = self.folds == fold
            temperature, shift = best_scale(raw[~here], labels[~here])
            crossed[here] = expit(raw[here] / temperature + shift)
        return {
            "temperature": round(self.temperature, 4),
            "shift": round(self.shift, 4),
            "error_before": round(calibration_error(labels, expit(raw)), 4),
            "error_after": round(calibration_error(labels, self.risks), 4),
            "error_crossed": round(calibration_error(labels, crossed), 4),
            "coverage": [
                [rate, row.label, row.records, row.answered, row.covered]
                for rate in ERROR_RATES
                for row in self.coverage(rate)[:2]
            ],
        }

    def _pattern(self, present: Sequence[bool]) -> int:
        if len(present) != self.modalities:
            raise InputError(
                "present",
                f"{len(present)} modalities",
                f"{self.modalities}, in the order of the schema",
                "Pass them all.",
            )
        return sum(1 << k for k, here in enumerate(present) if here)


def best_scale(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Temperature T and shift s: logits f64[N] / T + s has the smallest negative log-likelihood of labels {0, 1}[N].

    Both are bounded: where the logits separate the outcomes without error, T would go to zero.
    """
    # Imported where it is used: only training needs it, and the first screen should not wait for it.
    from scipy.optimize import minimize

    sign = np.where(labels > 0.5, 1.0, -1.0)

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        slope, shift = at
        margin = sign * (slope * logits + shift)
        pull = -sign * expit(-margin) / len(logits)
        return float(np.logaddexp(0, -margin).mean()), np.array([pull @ logits, pull.sum()])

    bounds = [(1 / TEMPERATURES[1], 1 / TEMPERATURES[0]), SHIFTS]
    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds, options={"gtol": 1e-10, "ftol": 1e-15}
    )
    return 1 / float(found.x[0]), float(found.x[1])


def fit_calibration(logits: np.ndarray, labels: np.ndarray, present: np.ndarray, folds: np.ndarray) -> Calibration:
    """Fit on out-of-fold logits f64[N] at temperature 1, labels {0, 1}[N], present bool[N, M], folds int[N].

    Records with nothing recorded are left out: their answer is the prior, which stays as it is. Raises InputError where
    the arrays do not belong together, a logit is not finite, a record is of no fold, or only one outcome is there.
    """
    if present.ndim != 2 or len({len(logits), len(labels), len(present), len(folds)}) > 1 or not present.any():
        raise InputError(
            "calibration", f"{len(logits)} logits, {len(labels)} labels, present {present.shape}, {len(folds)} folds",
            "one of each a record", "Pass all records in one order.",
        )  # fmt: skip
    if folds.min() < 0 or folds.max() > np.iinfo(np.uint8).max:
        raise InputError(
            "calibration", f"folds {folds.min()} to {folds.max()}", "0 to 255", "Pass trained records only."
        )
    rows = present.any(1)
    # By logit: what is stored does not keep the order of the records it was fitted on.
    order = np.flatnonzero(rows)[np.argsort(logits[rows], kind="stable")]
    logits, labels, present, folds = logits[order], labels[order], present[order], folds[order]
    temperature, shift = best_scale(logits, labels) if np.isfinite(logits).all() else (1.0, 0.0)
    return Calibration(
        temperature=temperature,
        shift=shift,
        logits=(logits / temperature + shift).astype(np.float32),
        labels=labels.astype(np.uint8),
        patterns=(present.astype(np.int64) @ (1 << np.arange(present.shape[1]))).astype(np.int32),
        folds=folds.astype(np.uint8),
        modalities=present.shape[1],
    )


def disagreement(logits: Sequence[float]) -> Spread:
    """The spread of the members' calibrated logits [E] of one record, on the scale of chances."""
    if not len(logits):
        raise InputError("members", "no logits", "one a member", "Pass those of the prediction.")
    chances = expit(np.asarray(logits, np.float64))
    return Spread(float(chances.min()), float(chances.max()), float(chances.std()))
