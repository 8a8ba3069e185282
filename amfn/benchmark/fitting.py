"""Fit one unit and ask it: about the records it has not seen, and about the same records with modalities taken away.

Axes: n records left out, m modalities, k targets.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from threadpoolctl import threadpool_limits

from amfn.batch import Normaliser, TargetScale
from amfn.benchmark.systems import System, config_of
from amfn.benchmark.units import Bench, Result
from amfn.classical import (
    SummaryTable,
    gradient_boosted_trees,
    linear_model,
    summary_features,
    with_removed_copies,
)
from amfn.fusion import FusionModel
from amfn.removal import MEAN, ZERO, imputed, removed
from amfn.runs import fit_once, run_folder
from amfn.teacher import teach
from amfn.types import Batch, Encoded

Keep = Bool[np.ndarray, "n m"]
TIMED = 20
CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """ask: outputs f32[n, K] of the records left out, each with the modalities that it keeps (None: all it has), and
    for a network with what takes the place of the others. one: the answer to one record, to be timed."""

    ask: Callable[[Keep | None, str | None], Float[np.ndarray, "n k"]]
    one: Callable[[int], object]
    facts: Mapping[str, Any]


def fit_unit(
    bench: Bench, table: SummaryTable, masks: Mapping[str, Keep], system: System, seed: int, fold: int
) -> Result:
    """Train `system` without the records of `fold` and ask it about them. masks: variant -> bool[N, M], what every
    record of the cohort keeps."""
    rows = np.flatnonzero(bench.fold == fold)
    _forget_peak()
    if system.trained == "network":
        fitted = _network(bench, system, seed, fold, rows)
    else:
        fitted = _classical(bench, table, system, seed, fold, rows)
    outputs = fitted.ask(None, None)
    variants = {name: fitted.ask(keep[rows], None) for name, keep in masks.items()}
    if system.imputed and masks:
        for filling in (ZERO, MEAN):
            variants[imputed(filling, removed(0, 0))] = fitted.ask(None, filling)
            variants |= {
                imputed(filling, name): fitted.ask(keep[rows], filling)
                for name, keep in masks.items()
                if name.startswith("removed")
            }
    facts = {"peak_memory_gb": _peak_memory_gb(), **fitted.facts, "ms_per_record": _milliseconds(fitted.one, rows)}
    return Result(rows, outputs, variants, facts)


def _network(bench: Bench, system: System, seed: int, fold: int, rows: np.ndarray) -> Fitted:
    cohort, config = bench.cohort, config_of(system, bench.base, seed)
    train = np.flatnonzero(bench.fold != fold)
    soft = teach(cohort, train, config, bench.run_dir, fold)
    where = run_folder(bench.run_dir, config, fold)
    fitted = fit_once(cohort, config, train, where, bench.device, progress=False, say=_say_nothing, soft=soft)
    model, normaliser = fitted.model, fitted.normaliser

    @torch.inference_mode()
    def encoded() -> list[Encoded]:
        parts = [rows[k : k + CHUNK] for k in range(0, len(rows), CHUNK)]
        return [replace(model.encode(cohort.batch(normaliser, part)), temporal=None) for part in parts]

    known = encoded()  # once: fusing a subset equals masking the batch (the fusion contract)
    fillings = {name: _filled_embedding(model, normaliser, name) for name in (ZERO, MEAN)} if system.imputed else {}

    @torch.inference_mode()
    def ask(keep: Keep | None, filling: str | None) -> np.ndarray:
        found, start = [], 0
        for part in known:
            present = part.present
            if keep is not None:
                present = present & torch.from_numpy(keep[start : start + len(present)])
            start += len(present)
            if filling is None:
                shown = replace(part, present=present)
            else:
                h = torch.where(present[..., None], part.h, fillings[filling])
                shown = replace(part, h=h, present=torch.ones_like(present))
            found.append(model.fuse(shown).logits.float().numpy())
        return _physical(bench, rows, np.concatenate(found), fitted.targets if cohort.anchor is not None else None)

    @torch.inference_mode()
    def one(row: int) -> object:
        return model(cohort.batch(normaliser, [row]))

    return Fitted(ask, one, fitted.facts)


@torch.inference_mode()
def _filled_embedding(model: FusionModel, normaliser: Normaliser, filling: str) -> torch.Tensor:
    """h f32[1, M, D] of a record whose every value is the imputed one: physical zeros, or the mean that normalised
    values have by construction. A flag's mean would be no level; it stands at 0 in both."""
    x, observed, valid = {}, {}, {}
    for spec in model.schema.modalities:
        shape = (1, spec.steps, len(spec.channels))
        around = np.stack([np.zeros((1, shape[2])), np.ones((1, shape[2]))], 1)
        zeros = normaliser.apply(spec.name, np.zeros(shape, np.float32), around)
        x[spec.name] = torch.from_numpy(zeros if filling == ZERO else np.zeros_like(zeros))
        observed[spec.name] = torch.ones(shape, dtype=torch.bool)
        valid[spec.name] = torch.ones(shape[:2], dtype=torch.bool)
    present = torch.ones(1, len(model.schema.modalities), dtype=torch.bool)
    return model.encode(Batch(("imputed",), x, observed, valid, present)).h


def _classical(bench: Bench, table: SummaryTable, system: System, seed: int, fold: int, rows: np.ndarray) -> Fitted:
    cohort, schema = bench.cohort, bench.cohort.task.schema
    train = bench.fold != fold
    targets = cohort.fit_targets(np.flatnonzero(train))
    labels = cohort.labels.reshape(len(cohort), -1)
    if targets is not None and cohort.anchor is not None:
        labels = targets.standardise(labels, cohort.anchor)
    kind = cohort.task.kind
    fit = gradient_boosted_trees if system.trained == "trees" else linear_model
    start = time.perf_counter()
    models = []
    with threadpool_limits(bench.threads):
        for y in labels.T if system.trained != "carry" else ():
            known = train & ~np.isnan(y)
            x, y = table.x[known], y[known]
            if system.dropout:
                x, y = with_removed_copies(x, y, table.modality_of, seed)
            models.append(fit(x, y, kind, seed))
    seconds = time.perf_counter() - start

    def outputs(x: np.ndarray) -> np.ndarray:
        if not models:
            return np.zeros((len(x), labels.shape[1]), np.float32)
        with threadpool_limits(bench.threads):
            each = [m.decision_function(x) if kind == "binary" else m.predict(x) for m in models]
        return np.stack(each, 1).astype(np.float32)

    def ask(keep: Keep | None, _: str | None) -> np.ndarray:
        at = SummaryTable(table.x[rows], table.names, table.modality_of)
        return _physical(bench, rows, outputs(at.x if keep is None else at.keeping(keep, schema.names)), targets)

    def one(row: int) -> object:
        alone = cohort.rows([row])
        return outputs(summary_features(schema, alone.values, alone.context).x)

    facts: dict[str, Any] = {"seconds": seconds, "parameters": None}
    if system.trained == "trees":
        facts["size"] = f"{sum(m.n_iter_ for m in models)} trees"
    elif system.trained == "linear":
        facts["parameters"] = sum(m[-1].coef_.size + 1 for m in models)
    return Fitted(ask, one, facts)


def _physical(bench: Bench, rows: np.ndarray, outputs: np.ndarray, targets: TargetScale | None) -> np.ndarray:
    anchor = bench.cohort.anchor
    return outputs if targets is None or anchor is None else targets.physical(outputs, anchor[rows])


def _milliseconds(one: Callable[[int], object], rows: np.ndarray) -> float:
    """Median time of an answer to one prepared record alone, from its arrays to its logit."""
    one(int(rows[0]))
    taken = []
    for row in rows[:TIMED]:
        start = time.perf_counter()
        one(int(row))
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def _forget_peak() -> None:
    """Let the kernel count peak memory afresh, where it can: a unit's peak is not that of the units before it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_gb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def _say_nothing(_: str) -> None:
    """The benchmark's own progress bar speaks."""
