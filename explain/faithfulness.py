"""Does the model do what an attribution says? Segments are taken out in the order that it names, and in random orders.

Axes: S observed segments, P points of a curve, R random orders. A segment is taken out in two ways: as if it had never
been measured, and by putting a baseline's values there, since the replacement alone can decide how a method looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from amfn.types import Batch, Explainable, InputError
from explain.baselines import Baseline
from explain.checks import require_frozen, require_one
from explain.infidelity import ROWS, Explainer, infidelity, sensitivity, target_of, values_of
from explain.segments import Segments, segments_of, without
from explain.types import Attribution

Progress = Callable[[float], None]

NOT_MEASURED = "not measured"
BINS = (0.01, 0.05, 0.10, 0.20, 0.50)
"""Shares of the segments of comprehensiveness and sufficiency (DeYoung et al. 2020, section 4)."""

SHARES = (0.0, 0.01, 0.05, 0.10, 0.20, 0.30, 0.40, 0.50)
"""Points of a curve up to its half, the bins among them; the other half mirrors them, so that each way of going through
the segments can be read from both ends."""

LEAST = 4
"""Fewer segments have fewer than 24 orders: a place among random ones says little."""

STILL = 1e-6
"""Logits. Differences below it are rounding: neither a win over a random order nor an answer that moved."""

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "deletion": False, "insertion": True, "comprehensiveness": True, "sufficiency": False, "CPD": True, "CPP": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Score:
    """One measure of the attribution's order beside the same measure of each random order.

    scale: "logit" or "probability", both of the predicted direction. higher: True where more is better.
    """

    name: str
    replacement: str
    scale: str
    value: float
    random: tuple[float, ...]
    higher: bool

    @property
    def mean(self) -> float:
        return float(np.mean(self.random))

    @property
    def spread(self) -> float:
        """Standard deviation over the random orders."""
        return float(np.std(self.random))

    @property
    def beaten(self) -> int:
        """How many random orders it is better than; a tie is no win."""
        sign = 1.0 if self.higher else -1.0
        return sum(sign * (self.value - other) > STILL for other in self.random)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "replacement": self.replacement, "scale": self.scale, "value": round(self.value, 6),
            "random_mean": round(self.mean, 6), "random_spread": round(self.spread, 6), "beaten": self.beaten,
            "orders": len(self.random), "higher_is_better": self.higher,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Logits of the target while segments go or come back. share f64[P], from 0 to 1.

    deletion[p]: without the first share[p] of the order. insertion[p]: with nothing but these. random f64[R, P]: a
    deletion along each random order; `random_insertion` the same passes read backwards, an insertion along its reverse.
    """

    replacement: str
    share: Float[np.ndarray, " p"]
    deletion: Float[np.ndarray, " p"]
    insertion: Float[np.ndarray, " p"]
    random: Float[np.ndarray, "r p"]

    @property
    def random_insertion(self) -> Float[np.ndarray, "r p"]:
        return self.random[:, ::-1]

    @property
    def moves(self) -> bool:
        """False where the answer stays the same whatever is taken out this way."""
        every = np.concatenate([self.deletion, self.insertion, self.random.ravel()])
        return float(np.ptp(every)) > STILL

    def to_json(self) -> dict[str, Any]:
        parts = {"share": self.share, "deletion": self.deletion, "insertion": self.insertion, "random": self.random}
        return {"replacement": self.replacement, **{k: np.round(v, 5).tolist() for k, v in parts.items()}}


@dataclass(frozen=True, slots=True, eq=False)
class Faithfulness:
    """The report of one attribution of one record.

    direction: 1 where the record's logit lies on or above the model's answer with nothing measured, -1 below: the
    predicted direction, towards which segments are ordered and probabilities are meant. untested: why there are no
    curves, empty otherwise. infidelity: logits squared, None without a baseline and for magnitudes. sensitivity: None
    without an explainer.
    """

    record_id: str
    method: str
    target: str
    f_x: float
    direction: int
    segments: int
    curves: tuple[Curves, ...] = ()
    scores: tuple[Score, ...] = ()
    infidelity: float | None = None
    sensitivity: float | None = None
    untested: str = ""

    def score(self, name: str, replacement: str = NOT_MEASURED, scale: str = "logit") -> Score:
        """Raises InputError for a measure that was not taken."""
        for score in self.scores:
            if (score.name, score.replacement, score.scale) == (name, replacement, scale):
                return score
        known = ", ".join(f"{s.name} / {s.replacement} / {s.scale}" for s in self.scores) or "none"
        raise InputError("score", f"{name} / {replacement} / {scale}", f"one of: {known}", "Correct the name.")

    @property
    def judged(self) -> tuple[Score, ...]:
        """The areas on the logit scale, by which the verdict is reached, where the answer moves at all."""
        moving = {curves.replacement for curves in self.curves if curves.moves}
        areas = ("deletion", "insertion")
        return tuple(s for s in self.scores if s.name in areas and s.scale == "logit" and s.replacement in moving)

    @property
    def verdict(self) -> str:
        """ "better than random": better than every random order in each judged area. "no better than random": better
        in half of the comparisons or fewer. "mixed": between. "not tested": nothing to judge by."""
        if not self.judged:
            return "not tested"
        won, all_of = sum(s.beaten for s in self.judged), sum(len(s.random) for s in self.judged)
        return "better than random" if won == all_of else "no better than random" if 2 * won <= all_of else "mixed"

    @property
    def said(self) -> str:
        """The verdict in plain words, with its counts."""
        if not self.judged:
            return f"Not tested: {self.untested or 'the answer stays the same whatever is taken out'}."
        what = {"deletion": "taking away what it names first", "insertion": "giving back what it names first"}
        parts = [f"{what[s.name]} ({s.replacement}) beats {s.beaten} of {len(s.random)}" for s in self.judged]
        return f"{self.verdict.capitalize()}: against random orders, {'; '.join(parts)}."

    def to_json(self) -> dict[str, Any]:
        return {
            "record_id": self.record_id, "method": self.method, "target": self.target, "f_x": round(self.f_x, 6),
            "direction": self.direction, "segments": self.segments, "verdict": self.verdict, "said": self.said,
            "infidelity": self.infidelity, "sensitivity": self.sensitivity,
            "scores": [score.to_json() for score in self.scores], "curves": [c.to_json() for c in self.curves],
        }  # fmt: skip


@dataclass(slots=True, eq=False)
class _Runs:
    """Logits of altered copies of one record, in batches, counting how far along they are. total: rows to come."""

    model: Explainable
    batch: Batch
    segments: Segments
    target: int
    total: int
    progress: Progress | None
    done: int = field(default=0, init=False)

    def logits(self, gone: Bool[np.ndarray, "n s"], baseline: Baseline | None) -> Float[np.ndarray, " n"]:
        """Without what is gone: as if never measured, or the mean over a baseline's rows."""
        rows = [None] if baseline is None else [{m: x[k] for m, x in baseline.x.items()} for k in range(len(baseline))]
        return np.mean([self._logits(gone, fill) for fill in rows], axis=0)

    def _logits(self, gone: Bool[np.ndarray, "n s"], fill: Mapping[str, Tensor] | None) -> Float[np.ndarray, " n"]:
        found = []
        with torch.no_grad():
            for start in range(0, len(gone), ROWS):
                some = gone[start : start + ROWS]
                found.append(self.model(without(self.batch, self.segments, some, fill)).logits[:, self.target])
                self.done += len(some)
                if self.progress is not None:
                    self.progress(min(self.done / self.total, 1.0))
        return torch.cat(found).double().cpu().numpy()


def faithfulness(
    model: Explainable,
    batch: Batch,
    attribution: Attribution,
    baseline: Baseline | None = None,
    *,
    seeds: Sequence[int] = range(5),
    segments: Segments | None = None,
    explainer: Explainer | None = None,
    progress: Progress | None = None,
) -> Faithfulness:
    """Every measure of one attribution of one record.

    baseline: the second replacement beside "not measured"; answers are averaged over its rows, each at the cost of one
    more pass. seeds: one random order each. segments: `segments_of` by default; only those with something measured in
    them are taken out. explainer: what made the attribution, for its sensitivity; it is run six times.

    Deletion and insertion (Petsiuk et al. 2018, RISE) follow the attribution's sum over each segment, most towards the
    predicted direction first, or the largest where a method gives magnitudes without a sign; the area is the mean
    height, of logit and of probability, over the share taken out or given back. Comprehensiveness and sufficiency:
    DeYoung et al. 2020 (ERASER), mean over `BINS`, of the predicted direction's probability. CPD and CPP: Jang et al.
    2025 (TIMING), summed |change of probability| between successive points while the half of the segments with the
    most, or the least, |attribution| goes. Random orders: seeded.
    An attribution that is zero, or fewer than `LEAST` segments: an answer that says so, without curves.
    Raises InputError for what does not belong to the record, values that are not finite, no seed.
    """
    require_frozen(model)
    require_one(batch)
    target, cut = target_of(model, attribution), segments or segments_of(model.schema, batch)
    values, there = values_of(model.schema, batch, attribution), np.flatnonzero(cut.observed)
    if baseline is not None:
        baseline.require(model.schema, batch)
    ways: dict[str, Baseline | None] = {NOT_MEASURED: None, **({} if baseline is None else {baseline.name: baseline})}
    if not len(seeds):
        raise InputError("seeds", "none", "at least one random order to compare with", "Pass a seed.")
    summed, count = cut.sums(values)[there], len(there)
    untested = ""
    if count < LEAST:
        untested = f"{count} segments with something measured, at least {LEAST} are needed"
    elif not summed.any():
        untested = "the attribution is zero in every segment and names no order"

    counts = _counts(count)
    orders = 0 if untested else len(counts) * (len(seeds) + 4)
    runs = _Runs(model, batch, cut, target, 2 + orders * (1 if baseline is None else 1 + len(baseline)), progress)
    ends = np.zeros((2, len(cut)), bool)
    ends[1, there] = True
    f_x, f_nothing = runs.logits(ends, None)
    direction = 1 if f_x >= f_nothing else -1
    report = Faithfulness(
        batch.ids[0], attribution.method, attribution.target, float(f_x), direction, count, untested=untested
    )
    if untested:
        return report

    support = direction * summed if attribution.in_logits else np.abs(summed)
    signed, least = np.argsort(-support, kind="stable"), np.argsort(np.abs(summed), kind="stable")
    ordered = [signed, signed[::-1], least[::-1], least]
    ordered += [np.random.default_rng(seed).permutation(count) for seed in seeds]
    rank = np.argsort(np.stack(ordered), axis=1)  # orders s
    gone = np.zeros((len(ordered), len(counts), len(cut)), bool)
    gone[:, :, there] = rank[:, None, :] < counts[None, :, None]
    curves, scores = [], []
    for name, way in ways.items():
        logits = runs.logits(gone.reshape(-1, len(cut)), way).reshape(len(ordered), len(counts))
        # Insertion along the order is a deletion along its reverse, read from the end.
        curves.append(Curves(name, counts / count, logits[0], logits[1, ::-1], logits[4:]))
        scores += _scores(curves[-1], logits[2], logits[3], direction)
    return replace(
        report,
        curves=tuple(curves),
        scores=tuple(scores),
        infidelity=None
        if baseline is None or not attribution.in_logits
        else infidelity(model, batch, attribution, baseline, segments=cut),
        sensitivity=None if explainer is None else sensitivity(model, batch, explainer),
    )


def _counts(segments: int) -> Int[np.ndarray, " p"]:
    """How many segments are gone at each point: the shares up to the half, and what these leave over."""
    upper = [int(np.ceil(share * segments - 1e-9)) for share in SHARES]
    return np.array(sorted({*upper, *(segments - count for count in upper)}))


def _scores(
    curves: Curves, most_first: Float[np.ndarray, " p"], least_first: Float[np.ndarray, " p"], direction: int
) -> list[Score]:
    """Every measure of the order and of each random one, which stands for all four orders at once."""
    given = _measures(curves.share, curves.deletion, curves.insertion, most_first, least_first, direction)
    drawn = [_measures(curves.share, row, row[::-1], row, row, direction) for row in curves.random]
    return [
        Score(name, curves.replacement, scale, value, tuple(row[name, scale] for row in drawn), HIGHER_IS_BETTER[name])
        for (name, scale), value in given.items()
    ]


def _measures(
    share: Float[np.ndarray, " p"],
    deletion: Float[np.ndarray, " p"],
    insertion: Float[np.ndarray, " p"],
    most_first: Float[np.ndarray, " p"],
    least_first: Float[np.ndarray, " p"],
    direction: int,
) -> dict[tuple[str, str], float]:
    """Measure by name and scale, from logits along the order's four ways."""

    def chance(logits: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        return 1 / (1 + np.exp(-direction * logits))

    bins = np.searchsorted(share, np.array(BINS) - 1e-9)
    half = share <= 0.5 + 1e-9
    full = chance(deletion)[0]
    found = {
        ("deletion", "logit"): np.trapezoid(direction * deletion, share),
        ("deletion", "probability"): np.trapezoid(chance(deletion), share),
        ("insertion", "logit"): np.trapezoid(direction * insertion, share),
        ("insertion", "probability"): np.trapezoid(chance(insertion), share),
        ("comprehensiveness", "probability"): np.mean(full - chance(deletion)[bins]),
        ("sufficiency", "probability"): np.mean(full - chance(insertion)[bins]),
        ("CPD", "probability"): np.abs(np.diff(chance(most_first)[half])).sum(),
        ("CPP", "probability"): np.abs(np.diff(chance(least_first)[half])).sum(),
    }
    return {key: float(value) for key, value in found.items()}
