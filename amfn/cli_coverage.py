"""`python -m amfn coverage`: what a MEDS file's ICU stays hold of the variables that the mortality model reads."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amfn.cli_answer import Json

if TYPE_CHECKING:
    from amfn.readers.meds_coverage import Coverage


def coverage(
    path: Annotated[Path, typer.Argument(help="A MEDS Parquet file, or the folder of a MEDS data set.")],
    as_json: Json = False,
) -> None:
    """Show which variables the ICU stays of a MEDS file have, from which codes, and what was dropped and why."""
    from tqdm import tqdm

    from amfn.readers.meds_coverage import coverage as measured

    with tqdm(total=100, desc="reading", unit="%", disable=as_json) as bar:
        found = measured(path, lambda share: bar.update(round(100 * share) - bar.n))
    typer.echo(json.dumps(as_dict(found), indent=1, ensure_ascii=False) if as_json else "\n".join(lines(found)))


def as_dict(found: Coverage) -> dict[str, Any]:
    """The coverage as plain values."""
    return {**asdict(found), "path": str(found.path)}


def lines(found: Coverage) -> list[str]:
    """The coverage for people: the table of variables, then what was dropped, left out and not known."""
    from amfn.console import table
    from amfn.readers.channels import CODES

    rows = [
        (
            row.channel.title if row.channel.name in CODES else f"{row.channel.title}, {row.channel.unit}",
            f"{row.stays} ({100 * row.stays / found.stays:.0f} %)",
            "-" if row.per_stay is None else f"{row.per_stay:g}",
            "-" if row.typical is None or row.channel.name in CODES else f"{row.typical:.4g}",
            str(sum(count for _, count in row.dropped) or "-"),
        )
        for row in found.channels
    ]
    said = [
        f"{found.path}: {found.stays} ICU stays of {found.subjects} subjects",
        f"{found.short} ended before 48 h; outcome stated for {found.labelled}, of whom {found.died} died in hospital.",
        "",
        *table(("Variable", "Stays", "Values a stay", "Typical", "Dropped"), rows),
    ]
    read = [
        f"  {row.channel.name}: {source.code} {source.label} ({source.values}), converted: {source.conversion}"
        for row in found.channels
        for source in row.sources
    ]
    dropped = [f"  {row.channel.name}: {why} ({count})" for row in found.channels for why, count in row.dropped]
    reasons: dict[str, list[str]] = {}
    for item, label, why, count in found.left_out:
        reasons.setdefault(why, []).append(f"{item} {label} ({count})")
    left = [f"  {why}: {', '.join(items)}" for why, items in reasons.items()]
    unknown = [f"  {code} {words}".rstrip() + f" ({count})" for code, words, count in found.unknown]
    kinds = f"Kinds of codes that no variable takes: {found.unknown_kinds} ({found.unknown_events} events), most often"
    for heading, block in (("Read from", read), ("Dropped", dropped), ("Left out on purpose", left), (kinds, unknown)):
        if block:
            said += ["", f"{heading}:", *block]
    return said
