"""`python -m amfn audit-explanations`: the stored report on how far a checkpoint's explanations can be trusted."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from amfn.types import InputError

if TYPE_CHECKING:
    from amfn.checkpoint import Checkpoint
    from amfn.dataset import Cohort
    from amfn.types import Batch
    from explain.audit import Material, Plan
    from explain.planted import Planted
    from explain.report import Report

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"
CHUNK = 256
ROUTED = 1000
"""Records whose routing is exchanged: forty random ones each."""


def audit_explanations(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint folder; the report is written into it.")],
    data: Annotated[
        list[Path], typer.Option("--data", help="Folder of the model's training records, or one prepared .npz.")
    ],
    records: Annotated[int, typer.Option(min=2, help="Records on which each method is tried.")] = 24,
    sanity_records: Annotated[int, typer.Option(min=2, help="Of them, for the checks with random weights.")] = 12,
    orders: Annotated[int, typer.Option(min=1, help="Random orders that each attribution is compared with.")] = 5,
    methods: Annotated[str, typer.Option(help="Comma-separated names; default: all.")] = "",
    labels: Annotated[bool, typer.Option(help="Train a network on shuffled labels, for the label check.")] = True,
    simulated: Annotated[Path, typer.Option(help="Simulated cohort with its manifest.json.")] = SAMPLES,
    run_dir: Annotated[
        Path | None, typer.Option(help="Finished parts; default runs/audit-TASK. Same arguments resume.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Fixes which records are drawn and all that is random.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads for torch.")] = 1,
) -> None:
    """Measure every attribution method on a checkpoint: does it add up, match what the model does, depend on what was
    learned, find a planted cause; and does routing matter. Writes explanations.json beside the weights."""
    import torch

    from amfn.benchmark.run import commit
    from amfn.checkpoint import load_checkpoint
    from amfn.dataset import read_folders
    from amfn.training import quiet_lightning
    from explain.audit import Plan
    from explain.methods import METHODS
    from explain.report import FILE, Report

    torch.set_num_threads(threads)
    quiet_lightning()
    loaded = load_checkpoint(checkpoint)
    if loaded.task.kind != "binary":
        raise InputError(checkpoint, f"a model of {loaded.task.name}", "one with a yes-or-no answer", "Name another.")
    cohort = read_folders(loaded.task, data)
    plan = Plan(
        tuple(name for name in methods.split(",") if name) or tuple(METHODS), min(sanity_records, records), orders,
        seed=seed,
    )  # fmt: skip
    folder = run_dir or Path("runs") / f"audit-{loaded.task.name}"
    _claim(folder, loaded.digest, cohort.digest(), records, plan, simulated)
    material, shuffled = _material(loaded, cohort, records, simulated, folder / "shuffled" if labels else None, seed)
    units, seconds = _measured(material, plan, folder)
    report = Report(
        loaded.task.name, loaded.digest, cohort.digest(), len(cohort), len(material.records), plan.methods,
        material.reference, units, shuffled, seconds, commit(),
    )  # fmt: skip
    (checkpoint / FILE).write_text(json.dumps(report.to_json(), separators=(",", ":")) + "\n", encoding="utf-8")
    typer.echo("\n".join([*report_lines(report), "", *planted_lines(report)]))
    typer.echo(f"Written: {checkpoint / FILE}")


def report_lines(report: Report) -> list[str]:
    """The checks of every method, one line each."""
    lines = [f"Explanations of model {report.model}, {report.sampled} of {report.records} training records"]
    for method in report.methods:
        lines.append(method)
        for check in report.checks(method):
            mark = {True: "passed", False: "FAILED", None: "-"}[check.passed]
            lines.append(f"  {check.title:32} {mark:7} {check.said}")
    return lines


def planted_lines(report: Report) -> list[str]:
    """The planted-truth table in Markdown: hits of the strongest modality and segment, mass; what chance gives last."""
    rows = report.planted()
    if not rows:
        return []
    head = (
        "Method",
        "Planted modality is the strongest",
        "95 % interval",
        "Strongest segment lies in it",
        "Mass in it",
    )
    shown = [f"| {' | '.join(head)} |", "|---|---|---|---|---|"]
    for row in rows:
        found, piece = row["modality"], row["segment"]
        interval = f"{100 * found['low']:.0f} to {100 * found['high']:.0f} %"
        segment = "" if piece is None else f"{piece['hits']} of {piece['records']}"
        mass = "" if row["mass"] is None else f"{100 * row['mass']:.0f} %"
        shown.append(f"| {row['method']} | {found['hits']} of {found['records']} | {interval} | {segment} | {mass} |")
    told = next((row for row in rows if row["segment"] is not None), None)
    chance = "" if told is None else f"{100 * told['segment']['chance']:.0f} %"
    mass = "" if told is None else f"{100 * told['chance_mass']:.0f} %"
    return [*shown, f"| by chance | {100 * rows[0]['modality']['chance']:.0f} % | | {chance} | {mass} |"]


def _claim(folder: Path, model: str, data: str, records: int, plan: Plan, simulated: Path) -> None:
    """Bind the folder of finished parts to one model, its data, the simulated cohort and a plan: parts of two audits
    must not be mixed."""
    mark = folder / "audit.json"
    now = {"model": model, "data": data, "records": records, "sanity": plan.sanity, "orders": plan.orders}
    now |= {"seed": plan.seed, "simulated": sha256(_manifest(simulated)).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        mark.write_text(json.dumps(now), encoding="utf-8")
        return
    try:
        then = json.loads(mark.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        then = None
    if then != now:
        raise InputError(
            folder, "it holds an audit of another model, data or settings", "the same, or an empty folder",
            "Name another --run-dir, or delete this one.",
        )  # fmt: skip


def _material(
    loaded: Checkpoint, cohort: Cohort, records: int, simulated: Path, shuffled: Path | None, seed: int
) -> tuple[Material, dict[str, float] | None]:
    from explain.audit import Material
    from explain.reference import Reference

    every = np.arange(len(cohort))
    chunks = [cohort.batch(loaded.normaliser, part) for part in _parts(every)]
    routed = np.sort(np.random.default_rng(seed).permutation(every)[:ROUTED])
    drawn = _drawn(cohort, records, seed)
    told: dict[str, float] | None = None
    network = None
    if shuffled is not None:
        from amfn.settings import load_settings
        from amfn.shuffled import fit_shuffled

        typer.echo("Training a network on shuffled labels ...")
        found = fit_shuffled(cohort, loaded.normaliser, load_settings(loaded.task.name, None, seed), shuffled)
        network = found.model
        told = {"auroc": round(found.auroc, 4), "agreement": round(found.agreement, 4), "epochs": float(found.epochs)}
    material = Material(
        model=loaded.model,
        reference=Reference.of(loaded.model.schema, chunks, cohort.digest()),
        records=[cohort.batch(loaded.normaliser, np.array([row])) for row in drawn],
        routed=[cohort.batch(loaded.normaliser, part) for part in _parts(routed)],
        simulated=_simulated(loaded, simulated),
        shuffled=network,
    )
    return material, told


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[k : k + CHUNK] for k in range(0, len(rows), CHUNK)]


def _drawn(cohort: Cohort, records: int, seed: int) -> np.ndarray:
    """As many of either outcome, as far as there are, in an order that mixes them: a part of them is mixed as well."""
    draw = np.random.default_rng(seed)
    classes = [draw.permutation(np.flatnonzero(cohort.labels == k)).tolist() for k in (1, 0)]
    mixed = [row for pair in zip(*classes, strict=False) for row in pair]
    return np.array(mixed[:records])


def _simulated(loaded: Checkpoint, folder: Path) -> list[tuple[Batch, tuple[Planted, ...]]]:
    from amfn.readers import open_folder, read_ref
    from explain.planted import planted

    try:
        manifest = json.loads(_manifest(folder))
        truths = {str(r["id"]): r["truth"] for r in manifest["records"] if r["task"] == loaded.task.name}
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise _no_manifest(folder, error) from error
    found = []
    for ref in open_folder(folder / loaded.task.name).refs:
        if ref.record_id in truths:
            record = loaded.task.prepare(read_ref(ref))
            found.append((loaded.batch([record]), planted(truths[ref.record_id], record)))
    return found


def _manifest(folder: Path) -> bytes:
    try:
        return (folder / "manifest.json").read_bytes()
    except OSError as error:
        raise _no_manifest(folder, error) from error


def _no_manifest(folder: Path, error: Exception) -> InputError:
    return InputError(
        folder, f"no manifest of a simulated cohort ({error!r})", "a folder that `simulate` wrote",
        "Simulate one, or restore sample_data.",
    )  # fmt: skip


def _measured(material: Material, plan: Plan, folder: Path) -> tuple[dict[str, dict[str, Any]], float]:
    """Every unit, those that are finished read back; and how long all of them took together."""
    from tqdm import tqdm

    from explain.audit import run_unit

    units: dict[str, dict[str, Any]] = {}
    seconds = 0.0
    for unit in plan.units(material):
        kept = folder / f"{unit.name}.json"
        if kept.exists():
            stored = json.loads(kept.read_text(encoding="utf-8"))
        else:
            started = time.monotonic()
            with tqdm(total=100, desc=unit.name, leave=False, bar_format="{desc} {percentage:3.0f} % {elapsed}") as bar:

                def show(share: float, bar: Any = bar) -> None:
                    bar.update(round(100 * share) - bar.n)

                stored = {"unit": run_unit(unit, material, plan, show), "seconds": 0.0}
            stored["seconds"] = time.monotonic() - started
            part = kept.with_suffix(".part")
            part.write_text(json.dumps(stored), encoding="utf-8")
            part.replace(kept)
        units[unit.name] = stored["unit"]
        seconds += stored["seconds"]
    return units, seconds
