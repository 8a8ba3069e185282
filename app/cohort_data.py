"""An audit in memory: its columns as arrays, read once; filters are answered from them.

Axes: N records, M modalities. Rows keep the order of the audit's parts; NaN stands where a record has no number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import streamlit as st

from amfn.tasks import Task, get_task
from amfn.types import InputError
from audit import Audit, Manifest, open_audit
from audit.plan import MANIFEST, TABLES

UNKNOWN = "not stated"
PERCENT = (0.0, 100.0)
CLOSE = 1e-7
"""Limits of a risk are whole percentages: a chance that is one of them up to its rounding to f32 is within."""
LISTS = ("interactions", "attention_matrix", "adjacency", "network_logits")
OPENED = 3
"""Audits that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records are looked at. Empty and None: all. label: 0, 1, or -1 for records without a known outcome; levels:
    column and the levels of it that are kept; present, absent: modalities; risk: percent, both ends within."""

    label: int | None = None
    levels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    risk: tuple[float, float] = PERCENT
    flagged: bool = False


@dataclass(eq=False)
class Opened:
    """One audit. columns: f64 or f32[N] by name, of every number of `records`; words: the columns of text, str[N];
    levels, codes: the words of each stratum that occur, in order, and which of them each record has, int[N]."""

    audit: Audit
    task: Task
    ids: np.ndarray
    columns: Mapping[str, np.ndarray]
    words: Mapping[str, np.ndarray]
    levels: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, np.ndarray]

    @property
    def manifest(self) -> Manifest:
        return self.audit.manifest

    @property
    def digest(self) -> str:
        return self.audit.digest

    @property
    def names(self) -> tuple[str, ...]:
        return self.manifest.names

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(title for _, title in self.manifest.modalities)

    def __len__(self) -> int:
        return len(self.ids)

    def each(self, lead: str) -> np.ndarray | None:
        """f32[N, M]: one column a modality ("shapley", "gate" …); None where the system has no such thing."""
        found = np.column_stack([self.columns[f"{lead}_{name}"] for name in self.names])
        return found if np.isfinite(found).any() else None

    @cached_property
    def shapley(self) -> np.ndarray:
        found = self.each("shapley")
        return np.full((len(self), len(self.names)), np.nan, np.float32) if found is None else found

    @cached_property
    def present(self) -> np.ndarray:
        """bool[N, M]."""
        pattern = self.columns["pattern"].astype(int)
        return (pattern[:, None] >> np.arange(len(self.names)) & 1).astype(bool)

    @cached_property
    def labels(self) -> np.ndarray:
        """0, 1, or -1 where the outcome is not known."""
        return np.nan_to_num(self.columns["label"], nan=-1).astype(int)

    @cached_property
    def strata(self) -> Mapping[str, str]:
        """Title by column of the ways to divide the records; the task's own groups first if not among them."""
        named = dict(self.manifest.strata)
        twin = any(
            self.levels["group"] == self.levels[column] and np.array_equal(self.codes["group"], self.codes[column])
            for column in named
        )
        return named if twin else {"group": self.task.wording.group, **named}

    def rows(self, filters: Filters) -> np.ndarray:
        """The records that pass, int[n], ascending."""
        passed = np.ones(len(self), dtype=bool)
        if filters.label is not None:
            passed &= self.labels == filters.label
        for column, levels in filters.levels:
            passed &= np.isin(self.levels[column], levels)[self.codes[column]]
        for names, there in ((filters.present, True), (filters.absent, False)):
            for name in names:
                passed &= self.present[:, self.names.index(name)] == there
        if filters.risk != PERCENT:
            low, high = (share / 100 for share in filters.risk)
            passed &= (self.columns["risk"] >= low - CLOSE) & (self.columns["risk"] <= high + CLOSE)
        if filters.flagged:
            passed &= self.columns["disagrees"] == 1
        return np.flatnonzero(passed)

    def matrices(self, column: str) -> np.ndarray | None:
        """f32[N, M, M] of "interactions", "attention_matrix" or "adjacency"; None where the system has none."""
        return _matrices(self.digest, column, self)

    def subsets(self) -> tuple[np.ndarray, np.ndarray]:
        """The logits of all subsets of all records, one after the other, and where each record's begin: int[N]."""
        return _subsets(self.digest, self)


def stamp(path: Path) -> tuple[int, ...]:
    """Times of a manifest and of the folders of its parts: they change when a part comes, goes or is replaced."""
    return tuple(_modified(path / name) for name in (MANIFEST, *TABLES))


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def opened(path: str) -> Opened:
    """The audit in this folder. Raises InputError as `open_audit` does, and for one without a record."""
    folder = Path(path).expanduser().absolute()
    return _opened(str(folder), stamp(folder))


@st.cache_resource(max_entries=OPENED, show_spinner="Reading the audit …")
def _opened(path: str, stamped: tuple[int, ...]) -> Opened:
    found = open_audit(path)
    table = found.query(f"select {', '.join(_wanted(found))} from records")
    if not len(table):
        raise InputError(path, "an audit without a record", "one or more", "See its dead letters, or audit again.")
    text = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
    said = {name: _worded(table.column(name)) for name in text if name != "record_id"}
    numbers = {
        name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names if name not in text
    }
    return Opened(
        audit=found,
        task=get_task(found.manifest.task),
        ids=table.column("record_id").to_numpy(),
        columns=numbers,
        words={name: np.asarray(levels)[codes] for name, (levels, codes) in said.items()},
        levels={name: levels for name, (levels, _) in said.items()},
        codes={name: codes for name, (_, codes) in said.items()},
    )


def _worded(column: pa.ChunkedArray) -> tuple[tuple[str, ...], np.ndarray]:
    """The words that occur, in order, and which of them each record has, int[N]."""
    encoded = column.fill_null(UNKNOWN).combine_chunks().dictionary_encode()
    levels = encoded.dictionary.to_pylist()
    order = np.argsort(levels)
    return tuple(levels[k] for k in order), np.argsort(order)[np.asarray(encoded.indices)]


def _wanted(found: Audit) -> list[str]:
    """Everything that is one number or word; what is true or false as 1 and 0, so that NULL stays apart."""
    wide = {*LISTS, "record_digest", "source"}
    flags = {"simulated", "disagrees", *(f"present_{name}" for name in found.manifest.names)}
    named = [column for column in found.columns if column not in wide]
    return [f'"{c}"::float as "{c}"' if c in flags or c in ("label", "folder") else f'"{c}"' for c in named]


@st.cache_resource(max_entries=3 * OPENED, show_spinner="Reading the audit …")
def _matrices(digest: str, column: str, _opened: Opened) -> np.ndarray | None:
    table = _opened.audit.query(f'select record_id, "{column}"::float[] as found from records')
    cells = table.column("found").combine_chunks()
    if cells.null_count == len(cells):
        return None
    size = len(_opened.names)
    flat = np.zeros((len(cells), size * size), np.float32)
    known = np.asarray(cells.is_valid())
    flat[known] = np.asarray(cells.flatten(), np.float32).reshape(-1, size * size)
    return flat[_order(_opened, table)].reshape(-1, size, size)


@st.cache_resource(max_entries=OPENED, show_spinner="Reading the audit …")
def _subsets(digest: str, _opened: Opened) -> tuple[np.ndarray, np.ndarray]:
    table = _opened.audit.query("select record_id, logits from subsets")
    lists = table.column("logits").combine_chunks()
    starts = np.asarray(lists.offsets)[:-1][_order(_opened, table)]
    return np.asarray(lists.values, np.float32), starts


def _order(opened_: Opened, table: pa.Table) -> np.ndarray:
    """Where each record of the audit stands in another of its tables. Raises InputError where one is missing."""
    there = table.column("record_id").to_numpy()
    if np.array_equal(there, opened_.ids):
        return np.arange(len(there))
    at = {record_id: k for k, record_id in enumerate(there.tolist())}
    try:
        return np.array([at[record_id] for record_id in opened_.ids.tolist()])
    except KeyError as error:
        raise InputError(
            opened_.audit.path, f"record {error} without its row in every table", "one row a record in each",
            "Run the command that wrote it again.",
        ) from error  # fmt: skip


def simulated(opened_: Opened) -> bool:
    """True where every record says that it was simulated."""
    return bool((opened_.columns["simulated"] == 1).all())


def dead_letters(opened_: Opened) -> list[dict[str, str]]:
    """What could not be audited, and why."""
    found = opened_.audit.query("select * from dead_letters order by record_id, stage")
    return [dict(row) for row in found.to_pylist()]


def exported(opened_: Opened, rows: Sequence[int] | np.ndarray) -> pa.Table:
    """Every column of one number or word of these records, for a file."""
    wanted = ", ".join(f'"{column}"' for column in opened_.audit.columns if column not in LISTS)
    table = opened_.audit.query(f"select {wanted} from records")
    return table.take(pa.array(_order(opened_, table)[np.asarray(rows, dtype=int)]))
