"""The folder of an audit: claimed by one run at a time, filled part by part, never half."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from amfn.types import InputError
from audit.plan import TABLES, Table

LOCK = ".lock"
IDENTITY, SECONDS = b"audit", b"seconds"


def path_of(folder: Path, table: Table, number: int) -> Path:
    return folder / table / f"part-{number:05d}.parquet"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder, made where it is not, for this run alone. Raises InputError where another run has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                folder, "another audit is writing into it", "a folder of its own for every run",
                "Wait until that one is finished, or name another --out.",
            ) from error  # fmt: skip
        yield


def write_part(folder: Path, number: int, tables: Mapping[Table, pa.Table], identity: str, seconds: float) -> None:
    """All tables of one part, its records last: where they are, all of it is. Raises InputError where the disk is full,
    with nothing of the part left and all others as they were."""
    written: list[tuple[Path, Path]] = []
    try:
        for table in TABLES:
            final = path_of(folder, table, number)
            final.parent.mkdir(exist_ok=True)
            draft = final.with_name(f".{final.name}.{os.getpid()}")
            written.append((draft, final))
            facts = {IDENTITY: identity.encode(), SECONDS: f"{seconds:.3f}".encode()}
            pq.write_table(tables[table].replace_schema_metadata(facts), draft, compression="zstd")
        for draft, final in written:
            draft.replace(final)
    except OSError as error:
        for draft, _ in written:
            draft.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                folder, f"the disk is full at part {number}", "room for the parts that are still to come",
                "Free some and run the same command again: it goes on with this part.",
            ) from error  # fmt: skip
        raise


def sound(folder: Path, number: int, identity: str) -> bool:
    """True where every table of the part is there, can be read to its end and belongs to this audit."""
    try:
        return all(
            pq.read_schema(path_of(folder, table, number)).metadata.get(IDENTITY) == identity.encode()
            for table in TABLES
        )
    except (OSError, AttributeError, pa.ArrowException):
        return False


def seconds_of(folder: Path, number: int) -> float:
    """How long the part took."""
    return float(pq.read_schema(path_of(folder, "records", number)).metadata[SECONDS])


def discard(folder: Path, number: int) -> bool:
    """Remove what there is of a part; True where there was something."""
    found = [path_of(folder, table, number) for table in TABLES if path_of(folder, table, number).exists()]
    for path in found:
        path.unlink()
    return bool(found)


def sweep(folder: Path) -> None:
    """Remove what a killed run left half-written."""
    for table in TABLES:
        for draft in (folder / table).glob(".part-*"):
            draft.unlink(missing_ok=True)
