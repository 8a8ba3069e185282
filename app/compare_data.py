"""Several audits of the same records, put side by side: what they share, in one order, and what does not belong.

Axes: S models, N records that all of them have, M modalities.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import streamlit as st
from scipy.special import expit

from amfn.checkpoint import fingerprint
from amfn.tasks import Task
from amfn.types import InputError
from app import cohort_data, services
from app import compare_words as words
from app.cohort_data import Opened
from audit import Manifest
from audit.plan import UNSEEN

MOST = 6
LETTERS = "ABCDEF"
DIGITS = 8
"""Of a model's hash, as links and lists state it."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One of the models compared. letter: how figures name it; title: its name, hash and how it answered; short: letter
    and what tells it from the others, for places with little room; rows: where the shared records stand in its audit,
    int[N]; alone: how many of its records are not shared."""

    letter: str
    title: str
    short: str
    opened: Opened
    rows: np.ndarray
    alone: int

    def column(self, name: str) -> np.ndarray:
        return self.opened.columns[name][self.rows]

    def each(self, lead: str) -> np.ndarray | None:
        """f32[N, M] of "shapley", "weight" or "attention"; None where the system has no such thing."""
        found = self.opened.each(lead)
        return None if found is None else found[self.rows]


@dataclass(eq=False)
class Comparison:
    """digest: of all audits in their order, a key for what is cached. changed: records of the same id that are not the
    same in all audits; they are left out. contradicted: records whose outcome differs between audits; it counts as not
    known."""

    models: tuple[Model, ...]
    ids: np.ndarray
    labels: np.ndarray
    changed: int
    contradicted: int
    digest: str

    @property
    def first(self) -> Opened:
        """The audit that records are described by: what is said of them is the same in all."""
        return self.models[0].opened

    @property
    def task(self) -> Task:
        return self.first.task

    @property
    def titles(self) -> tuple[str, ...]:
        return self.first.titles

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def logits(self) -> np.ndarray:
        """f64[S, N]."""
        return np.stack([model.column("logit").astype(float) for model in self.models])

    @cached_property
    def risks(self) -> np.ndarray:
        """f64[S, N], chances in 0..1."""
        return expit(self.logits)

    @cached_property
    def present(self) -> np.ndarray:
        """bool[N, M]."""
        return self.first.present[self.models[0].rows]

    @cached_property
    def strata(self) -> Mapping[str, np.ndarray]:
        """Title -> level of each record."""
        rows = self.models[0].rows
        return {title: self.first.words[column][rows] for column, title in self.first.strata.items()}

    @property
    def base_rate(self) -> float:
        return float(self.first.manifest.base_rate)

    @property
    def known(self) -> np.ndarray:
        """Records whose outcome is known, int[n]."""
        return np.flatnonzero(self.labels >= 0)

    def outcome(self, row: int) -> str:
        wording = self.task.wording
        return (wording.negative, wording.positive, "not known")[self.labels[row]]

    def at(self, record_id: str) -> int | None:
        found = np.flatnonzero(self.ids == record_id.strip())
        return int(found[0]) if len(found) else None


def answered(manifest: Manifest) -> str:
    """Which networks answered, in words."""
    return words.ANSWERED.get(manifest.answered, f"{manifest.answered} alone")


def title(manifest: Manifest) -> str:
    return f"{manifest.model_name} {manifest.model[:DIGITS]} · {answered(manifest)}"


def compared(paths: Sequence[str]) -> Comparison:
    """The audits in these folders, the first one for reference.

    Raises InputError for fewer than two or more than six, the same audit twice, audits of different tasks or
    modalities, or without a record in common.
    """
    if not 2 <= len(paths) <= MOST:
        raise InputError("models", f"{len(paths)} chosen", f"2 to {MOST}", "Choose more, or leave some out.")
    folders = [Path(path).expanduser().absolute() for path in paths]
    return _compared(tuple(map(str, folders)), tuple(cohort_data.stamp(folder) for folder in folders))


@st.cache_resource(max_entries=2, show_spinner="Reading the audits …")
def _compared(paths: tuple[str, ...], stamps: tuple[tuple[int, ...], ...]) -> Comparison:
    audits = [cohort_data.opened(path) for path in paths]
    first = audits[0].manifest
    for path, other in zip(paths[1:], audits[1:], strict=True):
        if other.manifest.task != first.task:
            raise InputError(
                path,
                f"an audit of {other.task.wording.title}",
                f"one of {audits[0].task.wording.title}, as the first one is",
                "Compare models that were asked the same question.",
            )
        if other.manifest.modalities != first.modalities:
            raise InputError(
                path,
                f"an audit of the modalities {', '.join(other.names)}",
                f"{', '.join(audits[0].names)}, as the first one has",
                "Audit both models with the same version of this program.",
            )
    twice = [path for path, one in zip(paths, audits, strict=True) if sum(_same(one, two) for two in audits) > 1]
    if twice:
        raise InputError(
            twice[-1],
            f"{title(audits[paths.index(twice[-1])].manifest)}, twice on the same records",
            "each model once",
            "Leave one of the two out.",
        )
    digests = [_digests(one) for one in audits]
    common = set(digests[0]).intersection(*digests[1:])
    same = [name for name in audits[0].ids.tolist() if name in common and len({d[name] for d in digests}) == 1]
    if not same:
        raise InputError(
            "these audits",
            f"{len(common):,} record names in common, none with the same values" if common else "no record in common",
            "audits of the same records",
            "Audit the models over the same folder.",
        )
    labels, contradicted = _labels(audits, same)
    titles = _unambiguous([title(one.manifest) for one in audits], paths)
    models = tuple(
        Model(letter, name, f"{letter} · {short}", one, _rows(one, same), len(one) - len(same))
        for letter, name, short, one in zip(LETTERS, titles, _telling(audits), audits, strict=False)
    )
    sha = hashlib.sha256("|".join(one.digest for one in audits).encode())
    return Comparison(
        models, np.array(same, dtype=object), labels, len(common) - len(same), contradicted, sha.hexdigest()[:16]
    )


def _same(one: Opened, two: Opened) -> bool:
    """The same model, asked in the same way about the same records."""
    parts = [(o.manifest.model, o.manifest.answered, o.manifest.data, o.manifest.listing) for o in (one, two)]
    return parts[0] == parts[1]


def _digests(opened: Opened) -> dict[str, str]:
    """Record -> digest of its values."""
    table = opened.audit.query("select record_id, record_digest from records")
    return dict(zip(*(table.column(name).to_pylist() for name in ("record_id", "record_digest")), strict=True))


def _rows(opened: Opened, ids: Sequence[str]) -> np.ndarray:
    at = {name: row for row, name in enumerate(opened.ids.tolist())}
    return np.array([at[name] for name in ids])


def _labels(audits: Sequence[Opened], ids: Sequence[str]) -> tuple[np.ndarray, int]:
    """The outcome of each record where an audit knows it, and how many it is contradictory of, which count as not
    known."""
    each = np.stack([one.labels[_rows(one, ids)] for one in audits])
    highest = each.max(0)
    lowest = np.where(each < 0, highest, each).min(0)
    return np.where(lowest == highest, highest, -1), int((lowest != highest).sum())


def _unambiguous(titles: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Titles that occur once; where two are alike, with the name of the audit's folder."""
    return [
        f"{name}, {Path(path).name}" if list(titles).count(name) > 1 else name
        for name, path in zip(titles, paths, strict=True)
    ]


def taught(comparison: Comparison) -> tuple[int, ...]:
    """For each model, how many of the shared records its networks answer although they were trained on them; 0 where
    that cannot be told, as the checkpoint is not at hand."""
    return _taught(comparison.digest, comparison)


@st.cache_data(max_entries=4, show_spinner=False)
def _taught(digest: str, _comparison: Comparison) -> tuple[int, ...]:
    return tuple(_learned(model.opened.manifest, _comparison.ids) for model in _comparison.models)


def _learned(manifest: Manifest, ids: np.ndarray) -> int:
    if manifest.answered == UNSEEN:
        return 0
    try:
        checkpoint = services.checkpoint_at(Path(manifest.model_path))
    except (OSError, InputError):
        return 0
    if checkpoint.digest != manifest.model:
        return 0
    return sum(fingerprint(record_id) in checkpoint.fold_of for record_id in ids.tolist())


def _telling(audits: Sequence[Opened]) -> list[str]:
    """What tells each from the others: the model's name where there are several, its hash where names are shared, how
    it answered where that differs."""
    all_ = [one.manifest for one in audits]
    several = len({m.model for m in all_}) > 1
    found = []
    for m in all_:
        shared = any(other.model_name == m.model_name and other.model != m.model for other in all_)
        name = f"{m.model_name} {m.model[:DIGITS]}" if shared else m.model_name
        how = [answered(m)] if len({answered(other) for other in all_}) > 1 or not several else []
        found.append(", ".join([*([name] if several else []), *how]))
    return found


def attention(model: Model, record_id: str) -> np.ndarray | None:
    """α of one record, f32[M, M], mean of heads and networks; None where the system has none."""
    return _attention(model.opened.digest, record_id, model.opened)


@st.cache_data(max_entries=64, show_spinner=False)
def _attention(digest: str, record_id: str, _opened: Opened) -> np.ndarray | None:
    sql = "select attention_matrix::float[] as found from records where record_id = ?"
    cells = _opened.audit.query(sql, [record_id]).column("found").to_pylist()
    if not cells or cells[0] is None:
        return None
    size = len(_opened.names)
    return np.array(cells[0], np.float32).reshape(size, size)
