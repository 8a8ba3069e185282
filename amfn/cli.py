"""The command line: simulate, fetch, prepare, train, evaluate, predict, explain, report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from amfn.cli_answer import AlarmAt, AlarmType, CheckpointOption, Json, RecordArgument, answered
from amfn.cli_audit import audit_explanations
from amfn.cli_audit_records import audit
from amfn.cli_benchmark import benchmark
from amfn.cli_coverage import coverage
from amfn.cli_explain import explain
from amfn.cli_report import report
from amfn.cli_store import log_app, participant_app
from amfn.types import InputError

app = typer.Typer(
    help="Adaptive Multimodal Fusion Network: from ICU records to predictions that show how they came about. "
    "Research and education only; not for diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Data = Annotated[
    list[Path], typer.Option("--data", help="Folder of labelled records, or one prepared .npz; repeatable.")
]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads for torch.")]


def main() -> None:
    """Run the command line. Bad input ends with one message on stderr and exit code 1, never with a traceback."""
    try:
        app()
    except InputError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # Every reader says itself what is wrong with its file; what is left are places that cannot be written.
        where = error.filename or "a file"
        typer.echo(
            f"Error: {where}: {error.strerror or error}. Expected a place that can be used. Name another.", err=True
        )
        sys.exit(1)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="New or empty folder, or one that holds a simulated cohort.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 2026,
    stays: Annotated[int | None, typer.Option(help="So many stays and no alarms: a cohort to train on.")] = None,
    isolated: Annotated[
        bool, typer.Option(help="With --stays: nothing but the planted cause tells which of them die.")
    ] = False,
) -> None:
    """Write the simulated sample cohort: 48 stays and 32 alarm records in the real file formats."""
    from sample_data.generator import build_cohort

    build_cohort(out, seed, progress=typer.echo, stays_only=stays, isolated=isolated)


@app.command()
def fetch(
    challenge: Annotated[
        Literal["challenge-2012", "challenge-2015"], typer.Argument(help="Which PhysioNet challenge.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to download and unpack into.")] = Path("data"),
) -> None:
    """Download a PhysioNet challenge, resuming what was begun, every file checked against its published checksum."""
    from amfn.fetch import fetch as download

    for path in download(challenge, out):
        typer.echo(str(path))


@app.command()
def prepare(
    task: Annotated[str, typer.Argument(help="icu_mortality, icu_alarm or vitals_forecast.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="The .npz to write.")],
) -> None:
    """Read and window all records once, for training on this or another machine."""
    from amfn.dataset import read_folders
    from amfn.tasks import get_task

    cohort = read_folders(get_task(task), data)
    cohort.save(out)
    typer.echo(f"{len(cohort)} records, data digest {cohort.digest()}, {len(cohort.refused)} refused")
    for reason in cohort.refused:
        typer.echo(f"  {reason}", err=True)


@app.command()
def train(
    task: Annotated[str, typer.Argument(help="icu_mortality, icu_alarm or vitals_forecast.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="Checkpoint folder to write.")],
    run_dir: Annotated[
        Path | None, typer.Option(help="State and logs; default runs/TASK. Same arguments resume.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="JSON with training settings that differ from the task's.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Stratified folds for the figures of the model card.")] = 5,
    members: Annotated[int, typer.Option(help="Networks of each ensemble; their seeds count up from --seed.")] = 5,
    fold_members: Annotated[
        int | None, typer.Option(help="Networks of a fold's ensemble, if fewer: it saves most of the time.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Fixes stopping rows, order, initialisation and dropout.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda (mixed precision).")] = "auto",
    devices: Annotated[int, typer.Option(help="GPUs, or CPU processes, that share every batch of one training.")] = 1,
    threads: Threads = 1,
) -> None:
    """Train a task: an ensemble for each fold and the one to ship, calibration, model card. Run again to resume."""
    import torch

    from amfn.dataset import read_folders
    from amfn.fusion import build_fusion
    from amfn.pipeline import train_task
    from amfn.settings import load_settings
    from amfn.tasks import get_task
    from amfn.training import pick_device, quiet_lightning

    chosen = get_task(task)
    settings = load_settings(chosen.name, config, seed)
    where = pick_device(device)
    build_fusion(settings.fusion, chosen.schema, settings.model, (0.5,) * len(chosen.schema.targets))
    torch.set_num_threads(threads)
    quiet_lightning()
    cohort = read_folders(chosen, data)
    typer.echo(f"{len(cohort)} records, data digest {cohort.digest()}, {len(cohort.refused)} refused, on {where}")
    path = train_task(
        cohort, settings, out, run_dir or Path("runs") / chosen.name, folds=folds, members=members,
        fold_members=fold_members, device=where, devices=devices,
        data_arguments=" ".join(f"--data {p.name}" for p in data), say=typer.echo,
    )  # fmt: skip
    typer.echo(f"Written: {path}")


app.command()(benchmark)
app.command()(coverage)
app.command()(audit_explanations)
app.command()(audit)


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint folder.")],
    data: Data,
    trained_only: Annotated[bool, typer.Option(help="Leave out records that were not in training.")] = False,
    as_json: Json = False,
    threads: Threads = 1,
) -> None:
    """Measure a checkpoint. Records it was trained on are scored by the fold member that has not seen them."""
    import torch

    from amfn import evaluation
    from amfn.checkpoint import load_checkpoint, load_folds
    from amfn.console import report_lines
    from amfn.dataset import read_folders
    from amfn.pipeline import figures_of

    torch.set_num_threads(threads)
    loaded = load_checkpoint(checkpoint)
    cohort = read_folders(loaded.task, data, progress=not as_json)
    if trained_only:
        cohort = evaluation.trained_on(loaded, cohort)
    found = evaluation.out_of_fold(loaded, load_folds(checkpoint), cohort)
    seen = int((evaluation.fold_of(loaded, cohort) >= 0).sum())
    measured = figures_of(cohort, found)
    if as_json:
        typer.echo(json.dumps({**measured, "out_of_fold": seen, "new": len(cohort) - seen, "data": cohort.digest()}))
        return
    title = f"{loaded.task.wording.title} · model {loaded.digest} · data {cohort.digest()}"
    scored = f"{seen} scored out of fold, {len(cohort) - seen} by the shipped model, {len(cohort.refused)} refused"
    typer.echo("\n".join(report_lines(f"{title}\n{scored}", measured)))
    if cohort.digest() != loaded.provenance.get("data_digest"):
        typer.echo("These are not the data of the model card: its figures need not come out again.", err=True)


@app.command()
def predict(
    record: RecordArgument,
    checkpoint: CheckpointOption = None,
    alarm_type: AlarmType = None,
    alarm_at: AlarmAt = None,
    error_rate: Annotated[
        float, typer.Option(min=0.01, max=0.5, help="How often the set of outcomes may miss the true one.")
    ] = 0.1,
    as_json: Json = False,
) -> None:
    """Predict one record: chance, how far the networks differ, similar records, outcomes not ruled out, fusion."""
    from amfn.console import answer_lines, as_dict, forecast_dict, forecast_lines

    _, found = answered(record, checkpoint, alarm_type, alarm_at)
    if found.forecast is not None:
        lines = [json.dumps(forecast_dict(found), indent=1)] if as_json else forecast_lines(found)
    else:
        lines = [json.dumps(as_dict(found, error_rate), indent=1)] if as_json else answer_lines(found, error_rate)
    typer.echo("\n".join(lines))


app.command()(explain)
app.command()(report)
app.add_typer(log_app, name="log")
app.add_typer(participant_app, name="participant")
