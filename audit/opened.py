"""Reading an audit: checked when it is opened, queried with DuckDB."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from amfn.types import InputError
from audit import parts
from audit.columns import schema
from audit.plan import TABLES, Manifest


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """An audit that can be asked. numbers: the parts that are there; missing: how many parts are still to come, 0 of a
    finished one; digest: of the manifest and of every part's time and size, a key for what is cached of it."""

    path: Path
    manifest: Manifest
    numbers: tuple[int, ...]
    missing: int
    digest: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table `records`."""
        return tuple(schema("records", self.manifest.names, tuple(self.manifest.strata)).names)

    def query(self, sql: str, params: Sequence[object] = ()) -> pa.Table:
        """The answer of DuckDB over the views records, subsets, attributions and dead_letters. Raises InputError with
        its words for a query that it does not take."""
        with duckdb.connect() as connection:
            for table in TABLES:
                files = [str(parts.path_of(self.path, table, number)) for number in self.numbers]
                connection.from_parquet(files, hive_partitioning=False).create_view(table.replace("-", "_"))
            try:
                return connection.sql(sql, params=list(params)).to_arrow_table()
            except duckdb.Error as error:
                raise InputError(
                    self.path, f"a query that fails ({error})", "SQL over its tables and columns", "Correct it."
                ) from error


def open_audit(path: str | Path) -> Audit:
    """An audit that `run_audit` wrote, finished or not; one that is being written can be read as far as it is.

    Raises InputError for a folder without a manifest, none finished part, or a part that is damaged, half there or of
    another audit.
    """
    folder = Path(path).expanduser().absolute()
    manifest = Manifest.read(folder)
    numbers = tuple(n for n in range(manifest.parts) if parts.path_of(folder, "records", n).exists())
    if not numbers:
        raise InputError(
            folder, "an audit without a finished part", "at least one", "Run the command that began it again."
        )
    strange = [n for n in numbers if not _whole(folder, n, manifest)]
    if strange:
        named = ", ".join(map(str, strange[:5]))
        raise InputError(
            folder, f"{len(strange)} part(s) that are damaged, half there or of another audit: {named}",
            f"parts of audit {manifest.identity}", "Run the command that wrote it again: it does these parts anew.",
        )  # fmt: skip
    missing = manifest.parts - len(numbers)
    if manifest.finished and missing:
        raise InputError(
            folder, f"{missing} part(s) of a finished audit are gone", f"all {manifest.parts}",
            "Restore them, or run the command that wrote it again.",
        )  # fmt: skip
    return Audit(folder, manifest, numbers, missing, _digest(folder, manifest, numbers))


def _whole(folder: Path, number: int, manifest: Manifest) -> bool:
    if not parts.sound(folder, number, manifest.identity):
        return False
    there = pq.read_schema(parts.path_of(folder, "records", number))
    return there.names == schema("records", manifest.names, tuple(manifest.strata)).names


def _digest(folder: Path, manifest: Manifest, numbers: Sequence[int]) -> str:
    sha = hashlib.sha256(f"{manifest.identity}|{manifest.data}".encode())
    for number in numbers:
        found = parts.path_of(folder, "records", number).stat()
        sha.update(f"{number}|{found.st_size}|{found.st_mtime_ns}\n".encode())
    return sha.hexdigest()[:16]
