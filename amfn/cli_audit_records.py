"""`python -m amfn audit`: what a model says of every record of a cohort and why, as partitioned Parquet."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from amfn.types import InputError


def audit(
    model: Annotated[Path, typer.Option(help="Checkpoint folder.")],
    data: Annotated[list[Path], typer.Option(help="Folder of records, or one prepared .npz; repeatable.")],
    out: Annotated[Path, typer.Option(help="New folder, or one that an earlier run of the same audit has begun.")],
    answered: Annotated[
        str,
        typer.Option(
            help="unseen: records of the training by networks that have not seen them; shipped; network-0, network-1 …"
        ),
    ] = "unseen",
    attributions: Annotated[
        str, typer.Option(help="Comma-separated attribution methods over raw inputs; none takes least time.")
    ] = "",
    bins: Annotated[int, typer.Option(help="Stretches of time that attributions are summed over.")] = 6,
    part_size: Annotated[int, typer.Option(help="Records a part: what a killed run repeats at most.")] = 200,
    engine: Annotated[
        Literal["embedded", "ray"], typer.Option(help="ray: several processes or machines (RAY_ADDRESS).")
    ] = "embedded",
    workers: Annotated[int | None, typer.Option(help="Of Ray; default one a core or GPU.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the embedded engine.")] = 2,
) -> None:
    """Predict and explain every record of a cohort: exact Shapley values of modalities with their interactions,
    leave-one-out, routing, uncertainty. Killed, it goes on where it was; the Cohort page and DuckDB read the result."""
    from tqdm import tqdm

    from amfn.card_words import DISCLAIMER
    from audit import Settings, open_audit, run_audit

    methods = tuple(name.strip() for name in attributions.split(",") if name.strip())
    chosen = Settings(answered, methods, bins, part_size)
    with ExitStack() as open_bars:
        bars: list[tqdm[NoReturn]] = []

        def show(done: int, total: int) -> None:
            # Not before there is something to show: what cannot begin says why and nothing else.
            if not bars:
                bars.append(open_bars.enter_context(tqdm(desc="auditing", unit="record", total=total, initial=done)))
            bars[0].update(done - bars[0].n)

        found = run_audit(
            model, data, out, chosen, engine=engine, workers=workers, device=device, threads=threads, progress=show,
            say=lambda words: typer.echo(words, err=True),
        )  # fmt: skip
    typer.echo(f"{found.audited} records audited, {found.refused} refused · model {found.model} · data {found.data}")
    if found.refused:
        reasons = open_audit(out).query(
            "SELECT came, count(*) AS n FROM dead_letters WHERE stage IN ('read', 'predict') GROUP BY came "
            "ORDER BY n DESC, came LIMIT 5"
        )
        for row in reasons.to_pylist():
            typer.echo(f"  {row['n']} refused: {row['came']}", err=True)
        typer.echo(f"  all reasons: {out / 'dead-letters'}", err=True)
    typer.echo(f"Written: {out}\n{DISCLAIMER}")
    if not found.audited:
        raise InputError(
            out, f"none of {found.records} records could be audited", f"records that {found.task} can use",
            "See the reasons above; name other --data, or another --model for these.",
        )  # fmt: skip
