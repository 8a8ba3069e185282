"""`python -m amfn log` and `python -m amfn participant`: what the store's keeper is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amfn.types import InputError

if TYPE_CHECKING:
    from store import Store

log_app = typer.Typer(help="The access log: who did what, and that nothing in it was changed.", no_args_is_help=True)
participant_app = typer.Typer(help="What is kept of one participant: hand it out, or erase it.", no_args_is_help=True)
ParticipantId = Annotated[str, typer.Argument(metavar="ID", help="The participant's random id.")]


@log_app.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(help="A head digest noted earlier: entries cut off since then show only against it."),
    ] = None,
) -> None:
    """Prove that no entry was changed, removed or put in between; print how many there are, and the head digest."""
    store = _store()
    found = store.verify(head)
    if found.broken is not None:
        seq, wrong = found.broken
        raise InputError(
            f"access log of {store.place}",
            f"entry {seq}: {wrong}",
            "every entry as it was written",
            f"{found.entries:,} entries before it are sound. Compare with a copy of the store made earlier.",
        )
    typer.echo(f"{store.place}\n{found.entries:,} entries, none changed, removed or put in between\nHead {found.head}")
    if head is None:
        typer.echo("Note the head: with --head it shows later whether entries were cut off at the end.")


@log_app.command()
def show(limit: Annotated[int, typer.Option(min=1, help="So many entries, the last ones.")] = 20) -> None:
    """Print the last entries, the oldest first: number, time in UTC, who, did what, to what, and what else is known."""
    for entry in _store().log(limit):
        detail = " ".join(f"{name}={json.dumps(value)}" for name, value in entry.detail.items())
        line = f"{entry.seq:>6}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.actor}  {entry.action}  {entry.subject}  {detail}"
        typer.echo(line.rstrip())


@participant_app.command()
def export(
    participant_id: ParticipantId,
    out: Annotated[Path | None, typer.Option(help="JSON file to write; without it the terminal.")] = None,
) -> None:
    """Write all that is kept of a participant as JSON: answers, comments, entries of the access log."""
    text = json.dumps(_store().export(participant_id), indent=1)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")
        typer.echo(str(out))


@participant_app.command()
def delete(
    participant_id: ParticipantId,
    yes: Annotated[bool, typer.Option("--yes", help="Really erase: it cannot be undone.")] = False,
) -> None:
    """Erase a participant with all answers and comments. The access log keeps the random id and that it was erased."""
    if not yes:
        raise InputError(
            f"participant {participant_id}",
            "no --yes",
            "a confirmation: what is erased cannot be brought back",
            "Export it first if it is wanted, then add --yes.",
        )
    counts = _store().delete(participant_id)
    typer.echo(f"Erased: {counts['answers']} answers, {counts['comments']} comments, and the participant")


def _store() -> Store:
    """The store that is there. Looking at one must not make an empty one where an address is mistyped."""
    from store import Store

    return Store.open(create=False)
