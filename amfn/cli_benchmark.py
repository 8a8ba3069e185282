"""`python -m amfn benchmark`: AMFN, trees, linear models and neural peers on the same folds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

QUICK_RECORDS = 240


def benchmark(
    task: Annotated[str, typer.Argument(help="icu_mortality, icu_alarm or vitals_forecast.")],
    data: Annotated[
        list[Path], typer.Option("--data", help="Folder of labelled records, or one prepared .npz; repeatable.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables and Parquet; default benchmarks/results/TASK.")
    ] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(help="Finished units and trainings, shared with `train`; default runs/TASK. It resumes and adds."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="JSON with training settings that differ from the task's, for all networks.")
    ] = None,
    systems: Annotated[str, typer.Option(help="Comma-separated names; default: all.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Train each system with seeds 0 to N - 1.")] = 1,
    folds: Annotated[int, typer.Option(help="Folds, stratified by outcome; seed 0.")] = 5,
    ablation: Annotated[bool, typer.Option(help="AMFN and its ablations instead of the systems.")] = False,
    report_only: Annotated[bool, typer.Option(help="Fit nothing: report what is finished.")] = False,
    report: Annotated[bool, typer.Option(help="Without it, fit only: another call reports.")] = True,
    quick: Annotated[
        bool, typer.Option(help="A trial: few records, 2 folds, 2 epochs; in folders of its own.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda (mixed precision).")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads for torch and trees.")] = 1,
) -> None:
    """Compare all systems on the same folds, resuming what was begun; write tables and Parquet.

    Several processes may work on one --run-dir, with different --systems and --no-report; --report-only then writes the
    whole report.
    """
    import torch

    from amfn.benchmark.report import write_report
    from amfn.benchmark.run import open_bench, run_units
    from amfn.benchmark.systems import ablations_of, chosen, shortened, systems_of
    from amfn.benchmark.units import Store, sampled
    from amfn.dataset import read_folders
    from amfn.settings import load_settings
    from amfn.tasks import get_task
    from amfn.training import pick_device, quiet_lightning

    known = get_task(task)
    base = load_settings(known.name, config)
    if quick:
        base = shortened(base)
    everyone = systems_of(known.kind)
    ablations = ablations_of(known.schema, base)
    pool = (everyone[0], *ablations) if ablation else everyone
    selected = chosen(pool, systems.split(","))
    where = pick_device(device)
    torch.set_num_threads(threads)
    quiet_lightning()
    cohort = read_folders(known, data)
    name = f"{known.name}-quick" if quick else known.name
    if quick:
        cohort, folds = sampled(cohort, QUICK_RECORDS), 2
    bench, table = open_bench(cohort, base, run_dir or Path("runs") / name, folds, where, threads)
    typer.echo(f"{len(cohort)} records, data digest {cohort.digest()}, {bench.folds} folds, on {where}")
    store = Store(bench) if report_only else run_units(bench, table, selected, range(seeds))
    place = out or (bench.run_dir / "results" if quick else Path("benchmarks") / "results" / known.name)
    if not report:
        return
    for path in write_report(store, everyone, ablations, place):
        typer.echo(f"Written: {path}")
