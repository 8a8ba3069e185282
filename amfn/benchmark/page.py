"""The Markdown page of a benchmark: tables for people, every figure with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from amfn.benchmark import figures
from amfn.benchmark.compare import REMOVAL_BOOTSTRAPS, Removal, Row
from amfn.benchmark.systems import OURS, PEER
from amfn.benchmark.units import Bench
from amfn.card_words import DISCLAIMER, FIGURES
from amfn.evaluation import Interval
from amfn.regression import vitals_of
from amfn.removal import RATES, REPEATS
from amfn.tasks import Task

NONE = "–"
REGRESSION = {"rmse": "RMSE", "mae": "MAE", "r2": "R²", "mape": "MAPE"}


def page(
    bench: Bench,
    rows: Sequence[Row],
    ablated: Sequence[Row],
    removal: Sequence[Removal],
    units: Sequence[Mapping[str, Any]],
) -> str:
    """units: one mapping for each (system, seed, fold), as in the Parquet file."""
    task = bench.cohort.task
    parts = [f"# {task.wording.title}: all systems on the same folds", f"**{DISCLAIMER}**", _protocol(bench, units)]
    names = list(rows[0].figures)
    if task.kind == "binary":
        parts += ["## Discrimination and calibration", _main(task, names, rows)]
        parts += [
            "## Differences on the same records",
            DIFFERENCES,
            _against(task, rows, [n for n in names if n in MAIN]),
        ]
    else:
        for quantity in vitals_of(task.schema.targets):
            own = [f"{measure}_{quantity}" for measure in REGRESSION]
            parts += [f"## {quantity}", _main(task, own, rows)]
        compared = [f"rmse_{quantity}" for quantity in vitals_of(task.schema.targets)]
        parts += ["## Differences in RMSE on the same records", DIFFERENCES, _against(task, rows, compared)]
    parts += ["## What it takes", _costs(rows, units)]
    if removal:
        parts += ["## Missing modalities", _removed(task, removal)]
    if ablated:
        parts += ["## Ablation of AMFN", _ablation(task, ablated)]
    return "\n\n".join(parts) + "\n"


MAIN = ("auroc", "auprc", "event_1", "challenge_score")
DIFFERENCES = (
    "This row minus the other, on the same bootstrap samples (single models against single models, several seeds "
    "together against several together where there are). **Bold**: the interval leaves zero out."
)


ABLATED = (
    "One part or a pair of parts taken out or exchanged; all else as the task has it. Something has to turn a series "
    'into an embedding: "without feature extraction" has neither summary statistics or spectra nor a layer over time, '
    "but a linear layer for each step (a waveform's convolutions) and attention pooling."
)


def title_of(task: Task, name: str, with_quantity: bool = False) -> str:
    """What a figure is called; of a forecast with its unit, and `with_quantity` with what is predicted."""
    if name in FIGURES:
        return FIGURES[name][0]
    measure, _, quantity = name.partition("_")
    channel = next(c for spec in task.schema.modalities for c in spec.channels if c.name == quantity)
    unit = {"rmse": channel.unit, "mae": channel.unit, "mape": "%"}.get(measure)
    words = f"{REGRESSION[measure]}, {unit}" if unit else REGRESSION[measure]
    return f"{quantity} {words}" if with_quantity else words


def _protocol(bench: Bench, units: Sequence[Mapping[str, Any]]) -> str:
    cohort = bench.cohort
    if cohort.task.kind == "binary":
        positives = int((cohort.labels > 0.5).sum())
        what = f"{len(cohort):,} records, {positives:,} positive ({100 * positives / len(cohort):.1f} %)"
    else:
        measured = int((~np.isnan(cohort.labels)).sum())
        what = f"{len(cohort):,} records, {measured:,} measured values of {cohort.labels.shape[1]} targets"
    told_by_record = ", the answers by record in `records.parquet`" if cohort.task.kind == "binary" else ""
    hours = sum(unit["seconds"] for unit in units) / 3600
    told = {name: ", ".join(sorted({str(unit[name]) for unit in units})) for name in ("commit", "device", "threads")}
    return (
        f"{what}; data digest `{cohort.digest()}`; {bench.folds} folds (seed 0), every record answered by models that "
        f"have not seen it. Intervals: 95 %, {figures.BOOTSTRAPS:,} bootstrap samples of the records. All networks "
        f"share one recipe: the task's own training settings, the same records that decide when to stop. Commit "
        f"{told['commit']}; {told['device']}, {told['threads']} thread(s); {hours:.1f} h of training in all. Every "
        f"unit's figures are in `results.parquet`{told_by_record}."
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _named(row: Row) -> str:
    if row.members > 1:
        return f"{row.system.title}, {row.members} seeds together"
    return row.system.title


def _shown(figure: Interval) -> str:
    return f"{_number(figure.value)} ({_number(figure.low)} to {_number(figure.high)})"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def _gap(figure: Interval | None) -> str:
    if figure is None:
        return NONE
    words = f"{figure.value:+.3f} ({figure.low:+.3f} to {figure.high:+.3f})"
    return f"**{words}**" if figure.low > 0 or figure.high < 0 else words


def _main(task: Task, names: Sequence[str], rows: Sequence[Row]) -> str:
    header = ["System", "Seeds", *(title_of(task, name) for name in names)]
    binary = task.kind == "binary"
    first = names[0]
    if binary:
        header.append("ECE")
    header.append(f"{title_of(task, first)} by fold, mean ± SD")
    found = []
    for row in rows:
        mean, deviation = row.spread[first]
        cells = [_named(row), str(len(row.seeds)), *(_shown(row.figures[name]) for name in names)]
        if binary:
            cells.append(NONE if row.calibration_error is None else f"{row.calibration_error:.3f}")
        found.append([*cells, f"{_number(mean)} ± {_number(deviation)}"])
    return table(header, found)


def _against(task: Task, rows: Sequence[Row], names: Sequence[str]) -> str:
    references = [name for name in (PEER, OURS) if any(name in row.against for row in rows)]
    titles = {PEER: "trees", OURS: "AMFN"}
    header = ["System", *(f"{title_of(task, name, True)} − {titles[r]}" for r in references for name in names)]
    found = []
    for row in rows:
        gaps = [row.against[r].get(name) if r in row.against else None for r in references for name in names]
        if any(gap is not None for gap in gaps):
            found.append([_named(row), *map(_gap, gaps)])
    return table(header, found) if found else "Neither the trees nor AMFN are finished."


def _costs(rows: Sequence[Row], units: Sequence[Mapping[str, Any]]) -> str:
    header = ["System", "Parameters", "Training, s a fold", "Peak memory, GB", "One record alone, ms"]
    found = []
    for row in rows:
        own = [unit for unit in units if unit["system"] == row.system.name]
        if row.members > 1:
            continue
        size = own[0]["size"] or (f"{own[0]['parameters']:,}" if own[0]["parameters"] else NONE)
        seconds = float(np.mean([unit["seconds"] for unit in own]))
        memory = max(unit["peak_memory_gb"] for unit in own)
        alone = float(np.median([unit["ms_per_record"] for unit in own]))
        found.append([row.system.title, size, f"{seconds:.0f}", f"{memory:.1f}", f"{alone:.1f}"])
    return table(header, found)


def _removed(task: Task, removal: Sequence[Removal]) -> str:
    rates = [f"{rate} %" for rate in RATES]
    parts = [
        f"Every modality of a record is taken away with this chance, the same ones for every system; a record keeps at "
        f"least one. Means of {REPEATS} draws; all seeds of a system together; intervals from "
        f"{min(REMOVAL_BOOTSTRAPS, figures.BOOTSTRAPS)} bootstrap samples. Rows of imputed values hand AMFN these "
        "values as if they had been measured, also for what the record never had."
    ]
    for name in ("auroc", "auprc"):
        rows = [[c.title, *(_shown(c.by_rate[rate][name]) for rate in RATES)] for c in removal]
        parts += [f"### {title_of(task, name)} by share removed", table(["System", *rates], rows)]
    ours = next((c for c in removal if c.system.name == OURS), None)
    if ours is not None and ours.against:
        rows = [
            [f"AMFN − {other}, {title_of(task, name)}", *(_gap(by_rate[rate][name]) for rate in RATES)]
            for other, by_rate in ours.against.items()
            for name in ("auroc", "auprc")
        ]
        parts += ["### Differences on the same records", table(["", *rates], rows)]
    with_alone = [c for c in removal if c.by_modality]
    if with_alone:
        rows = []
        for spec in task.schema.modalities:
            known = [c.by_modality.get(spec.name) for c in with_alone]
            count = next((each[0] for each in known if each is not None), None)
            if count is not None:
                shown = [NONE if each is None else _shown(each[1]["auroc"]) for each in known]
                rows.append([spec.title, f"{count:,}", *shown])
        parts += [
            "### AUROC with one modality alone, of the records that have it",
            table(["Modality", "Records", *(c.title for c in with_alone)], rows),
        ]
    parts.append("![AUROC by share of modalities removed](removal.svg)")
    return "\n\n".join(parts)


def _ablation(task: Task, rows: Sequence[Row]) -> str:
    names = [n for n in rows[0].figures if n in MAIN] or [n for n in rows[0].figures if n.startswith("rmse")]
    header = [
        "System",
        "Seeds",
        *(title_of(task, n, True) for n in names),
        *(f"{title_of(task, n, True)} − AMFN" for n in names),
    ]
    found = []
    for row in rows:
        gaps = row.against.get(OURS, {})
        figures_of = [_shown(row.figures[name]) for name in names]
        found.append([_named(row), str(len(row.seeds)), *figures_of, *(_gap(gaps.get(name)) for name in names)])
    return f"{ABLATED}\n\n{table(header, found)}"
