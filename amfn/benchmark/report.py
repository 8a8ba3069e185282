"""What a benchmark leaves: a Markdown page, one Parquet file of figures by unit and one of answers by record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from amfn.benchmark.compare import Answers, Removal, compare, compare_removal, finished
from amfn.benchmark.figures import samples
from amfn.benchmark.page import page
from amfn.benchmark.plot import removal_svg
from amfn.benchmark.systems import OURS, PEER, System
from amfn.benchmark.units import Bench, Store
from amfn.checkpoint import fingerprint
from amfn.types import InputError

PAGE, UNITS, RECORDS, REMOVAL = "README.md", "results.parquet", "records.parquet", "removal.parquet"
PLOT = "removal.svg"
REFERENCES = ("trees_dropout", PEER)


def write_report(store: Store, systems: Sequence[System], ablations: Sequence[System], out: Path) -> list[Path]:
    """Report every system and ablation of which a seed is finished. Raises InputError where none is."""
    answers = finished(store, systems)
    parts = finished(store, ablations)
    if not answers:
        raise InputError(store.bench.run_dir, "no finished system", "one or more", "Run it without --report-only.")
    ours = [each for each in answers if each.system.name == OURS]
    rows = compare(store, answers)
    ablated = compare(store, [*ours, *parts], (OURS,)) if parts else []
    removal = compare_removal(store, answers, REFERENCES)
    out.mkdir(parents=True, exist_ok=True)
    written = [out / PAGE, out / UNITS]
    units = _units(store, [*answers, *parts])
    written[0].write_text(page(store.bench, rows, ablated, removal, units), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(units), written[1], compression="zstd")
    # A forecast by record would tell what was last measured of a patient: its answers stay in the run directory.
    if store.bench.cohort.task.kind == "binary":
        written.append(out / RECORDS)
        pq.write_table(_records(store.bench, [*answers, *parts]), written[-1], compression="zstd")
    if removal:
        written.append(out / REMOVAL)
        pq.write_table(pa.Table.from_pylist(_removal(removal)), written[-1], compression="zstd")
        written.append(out / PLOT)
        written[-1].write_text(removal_svg(removal, "auroc", "AUROC"), encoding="utf-8")
    return written


def _units(store: Store, answers: Sequence[Answers]) -> list[dict[str, Any]]:
    """One row for each (system, seed, fold): its figures, and what it took."""
    bench = store.bench
    labels = bench.cohort.labels
    found = []
    for each in answers:
        for seed, outputs in zip(each.seeds, each.outputs, strict=True):
            for fold, facts in enumerate(store.facts(each.system, seed)):
                at = bench.fold == fold
                figures = samples(bench.cohort.task, labels[at], outputs[at], np.ones((1, int(at.sum()))))
                found.append(
                    {
                        "system": each.system.name,
                        "title": each.system.title,
                        "seed": seed,
                        "fold": fold,
                        "records": int(at.sum()),
                        "settings": store.digest(each.system),
                        **{name: float(value[0]) for name, value in figures.items()},
                        **{name: _plain(facts, name) for name in FACTS},
                    }
                )
    return found


FACTS = (
    "seconds", "epochs", "best_epoch", "parameters", "size", "peak_memory_gb", "ms_per_record", "device", "threads",
    "commit",
)  # fmt: skip


def _plain(facts: Mapping[str, Any], name: str) -> Any:
    value = facts.get(name)
    return round(value, 3) if isinstance(value, float) else value


def _records(bench: Bench, answers: Sequence[Answers]) -> pa.Table:
    """One row for each record, by its fingerprint: fold, and the logit of every system, "system/seed". Outcomes are not
    repeated here."""
    columns: dict[str, pa.Array] = {
        "record": pa.array([fingerprint(i) for i in bench.cohort.ids]),
        "fold": pa.array(bench.fold.astype(np.int8)),
    }
    for each in answers:
        for seed, outputs in zip(each.seeds, each.outputs, strict=True):
            columns[f"{each.system.name}/{seed}"] = pa.array(outputs[:, 0])
    return pa.table(columns)


def _removal(removal: Sequence[Removal]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for curve in removal:
        about = {"system": curve.system.name, "title": curve.title}
        for rate, figures in curve.by_rate.items():
            for name, figure in figures.items():
                found.append({**about, "removed_percent": rate, "only": None, "records": None, "figure": name,
                              "value": figure.value, "low": figure.low, "high": figure.high})  # fmt: skip
        for modality, (records, figures) in curve.by_modality.items():
            for name, figure in figures.items():
                found.append({**about, "removed_percent": None, "only": modality, "records": records, "figure": name,
                              "value": figure.value, "low": figure.low, "high": figure.high})  # fmt: skip
    return found
