"""One unit of the benchmark, (system, seed, fold), as one file: written whole or not at all, never fitted twice."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from amfn.benchmark.systems import System, config_of
from amfn.classical import models
from amfn.dataset import Cohort
from amfn.training_module import TrainConfig
from amfn.types import InputError

VERSION = 1
FOLDER = "benchmark"


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """The protocol that all units share. fold i64[N]: which fold leaves a record out. base: the task's own training
    settings. features: names of the summary features, which are part of what trees are. device, threads: of this
    process."""

    cohort: Cohort
    fold: np.ndarray
    base: TrainConfig
    run_dir: Path
    features: tuple[str, ...]
    device: str = "cpu"
    threads: int = 1

    @property
    def folds(self) -> int:
        return int(self.fold.max()) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a unit left. rows i64[n]: the records left out of its training; outputs f32[n, K]: their logits, of a
    regression their values in physical units. variants[name] f32[n, K]: the same with modalities taken away. facts:
    seconds, parameters and so on."""

    rows: np.ndarray
    outputs: np.ndarray
    variants: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]


def digest_of(bench: Bench, system: System) -> str:
    """First 8 hex digits of a SHA-256 over data, folds and all settings of the system but the seed."""
    if system.trained == "network":
        settings: object = asdict(config_of(system, bench.base, 0))
    elif system.trained == "trees":
        settings = [models.TREES, models.FASTER, models.SMALLER, system.dropout, bench.features]
    else:
        settings = [models.STRENGTHS.tolist(), models.PENALTIES.tolist(), bench.features]
    what = [VERSION, bench.cohort.task.name, bench.cohort.digest(), bench.folds, system.trained, settings]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:8]


class Store:
    """The finished units of one run directory."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._digests: dict[str, str] = {}

    def digest(self, system: System) -> str:
        """`digest_of`, worked out once."""
        if system.name not in self._digests:
            self._digests[system.name] = digest_of(self.bench, system)
        return self._digests[system.name]

    def path(self, system: System, seed: int, fold: int) -> Path:
        folder = f"{system.name.replace(':', '-')}-{self.digest(system)}"
        return self.bench.run_dir / FOLDER / folder / f"fold{fold}-seed{seed}.npz"

    def has(self, system: System, seed: int, fold: int) -> bool:
        return self.path(system, seed, fold).exists()

    def seeds(self, system: System) -> tuple[int, ...]:
        """The seeds of which every fold is finished, ascending."""
        found = {int(p.stem.split("seed")[1]) for p in self.path(system, 0, 0).parent.glob("fold*-seed*.npz")}
        return tuple(s for s in sorted(found) if all(self.has(system, s, k) for k in range(self.bench.folds)))

    def save(self, system: System, seed: int, fold: int, result: Result) -> None:
        """Renamed into place: another process sees a whole unit or none."""
        path = self.path(system, seed, fold)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        variants = {f"variant/{name}": outputs for name, outputs in result.variants.items()}
        with part.open("wb") as stream:
            np.savez_compressed(
                stream,
                allow_pickle=False,
                facts=np.array(json.dumps(dict(result.facts))),
                rows=result.rows,
                outputs=result.outputs,
                **variants,
            )
        part.replace(path)

    def load(self, system: System, seed: int, fold: int) -> Result:
        """Raises InputError where the file is not what `save` wrote."""
        path = self.path(system, seed, fold)
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = dict(stored)
            facts = json.loads(str(arrays.pop("facts")))
            rows, outputs = arrays.pop("rows"), arrays.pop("outputs")
        except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile, zlib.error) as error:
            raise InputError(
                path, f"not readable as a finished unit ({error})", "a file of `benchmark`",
                "Delete it: it is fitted again.",
            ) from error  # fmt: skip
        return Result(rows, outputs, {name.removeprefix("variant/"): v for name, v in arrays.items()}, facts)

    def outputs(self, system: System, seed: int) -> np.ndarray:
        """Out-of-fold outputs of all records, f32[N, K], in the cohort's order."""
        parts = [self.load(system, seed, k) for k in range(self.bench.folds)]
        return self._together([(p.rows, p.outputs) for p in parts])

    def variants(self, system: System, seed: int) -> dict[str, np.ndarray]:
        """The same for every variant with modalities taken away."""
        parts = [self.load(system, seed, k) for k in range(self.bench.folds)]
        return {name: self._together([(p.rows, p.variants[name]) for p in parts]) for name in parts[0].variants}

    def facts(self, system: System, seed: int) -> list[Mapping[str, Any]]:
        return [self.load(system, seed, k).facts for k in range(self.bench.folds)]

    def _together(self, parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        out = np.full((len(self.bench.cohort), parts[0][1].shape[1]), np.nan, np.float32)
        for rows, outputs in parts:
            out[rows] = outputs
        return out


def sampled(cohort: Cohort, records: int, seed: int = 0) -> Cohort:
    """So many records of the cohort, in its order; of a binary task with about its share of each class."""
    if records >= len(cohort):
        return cohort
    draw = np.random.default_rng(seed)
    if cohort.labels.ndim > 1:
        return cohort.rows(np.sort(draw.choice(len(cohort), records, replace=False)))
    rows = []
    for value in np.unique(cohort.labels):
        at = np.flatnonzero(cohort.labels == value)
        rows.append(draw.choice(at, max(2, round(records * len(at) / len(cohort))), replace=False))
    return cohort.rows(np.sort(np.concatenate(rows)))
