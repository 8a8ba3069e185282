"""A prepared cohort: every record of some folders, windowed for one task, as plain arrays with a digest.

Kept as an .npz without pickles, so that preparing 8,000 stays happens once and a training machine needs no readers.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from amfn.batch import Normaliser, stack, to_batch
from amfn.readers import RecordRef, open_folder, read_record
from amfn.tasks import Task, get_task
from amfn.types import Batch, InputError, Record

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """N labelled records of one task. values[m] f32[N, T, C] physical, NaN unobserved; context[m] f32[N, 2, C];
    labels f32[N]; groups: the task's subgroup of each record; refused: what could not be read, with its reason."""

    task: Task
    ids: tuple[str, ...]
    labels: np.ndarray
    groups: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    context: Mapping[str, np.ndarray]
    refused: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def digest(self) -> str:
        """First 16 hex digits of a SHA-256 over ids, labels and every value, independent of folder names."""
        sha = hashlib.sha256("\n".join(self.ids).encode())
        sha.update(self.labels.astype(np.float32).tobytes())
        for name in sorted(self.values):
            sha.update(np.ascontiguousarray(self.values[name]).tobytes())
            sha.update(np.ascontiguousarray(self.context[name]).tobytes())
        return sha.hexdigest()[:16]

    def fit_normaliser(self, rows: Sequence[int] | np.ndarray) -> Normaliser:
        return Normaliser.fit(self.task.schema, {m: v[np.asarray(rows)] for m, v in self.values.items()})

    def batch(self, normaliser: Normaliser, rows: Sequence[int] | np.ndarray | None = None) -> Batch:
        """These rows (all where None) as one batch."""
        at = np.arange(len(self)) if rows is None else np.asarray(rows)
        return to_batch(
            self.task.schema,
            normaliser,
            [self.ids[i] for i in at],
            {m: v[at] for m, v in self.values.items()},
            {m: v[at] for m, v in self.context.items()},
        )

    def rows(self, index: Sequence[int] | np.ndarray) -> Cohort:
        """The records at these positions."""
        at = np.asarray(index, int)
        return replace(
            self,
            ids=tuple(self.ids[i] for i in at),
            labels=self.labels[at],
            groups=tuple(self.groups[i] for i in at),
            values={m: v[at] for m, v in self.values.items()},
            context={m: v[at] for m, v in self.context.items()},
        )

    def save(self, path: Path) -> None:
        """Write the .npz that `load` reads."""
        arrays = {f"values/{m}": v for m, v in self.values.items()}
        arrays |= {f"context/{m}": v for m, v in self.context.items()}
        head = {"version": VERSION, "task": self.task.name, "schema": self.task.schema.digest(),
                "refused": list(self.refused)}  # fmt: skip
        np.savez_compressed(
            path,
            allow_pickle=False,
            head=np.array(json.dumps(head)),
            ids=np.array(self.ids),
            groups=np.array(self.groups),
            labels=self.labels,
            **arrays,
        )

    @classmethod
    def load(cls, path: Path) -> Cohort:
        """Raises InputError where the file is not a prepared cohort of this version and schema."""
        mend = "Prepare it again with `python -m amfn prepare`."
        try:
            with np.load(path, allow_pickle=False) as store:
                arrays = dict(store)
            head = json.loads(str(arrays["head"]))
            name, version, schema = str(head["task"]), head["version"], head["schema"]
            refused = tuple(str(reason) for reason in head["refused"])
        # Numpy says with many kinds of exception that a file is not one of its own.
        except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile, zlib.error) as error:
            raise InputError(
                path, f"not readable as a prepared cohort ({error})", "an .npz of `prepare`", mend
            ) from error
        task = get_task(name)
        if version != VERSION or schema != task.schema.digest():
            raise InputError(
                path, f"version {version}, schema {schema}", f"version {VERSION}, schema {task.schema.digest()}", mend
            )
        count = len(arrays["ids"]) if "ids" in arrays and arrays["ids"].ndim == 1 else -1
        shapes: dict[str, tuple[int, ...]] = {"ids": (count,), "groups": (count,), "labels": (count,)}
        for spec in task.schema.modalities:
            shapes[f"values/{spec.name}"] = (count, spec.steps, len(spec.channels))
            shapes[f"context/{spec.name}"] = (count, 2, len(spec.channels))
        for key, shape in shapes.items():
            if key not in arrays or arrays[key].shape != shape:
                came = f"{key} of shape {arrays[key].shape}" if key in arrays else f"no {key}"
                raise InputError(path, came, f"{key} of shape {shape}", mend)
        return cls(
            task,
            tuple(arrays["ids"].tolist()),
            arrays["labels"],
            tuple(arrays["groups"].tolist()),
            {m: arrays[f"values/{m}"] for m in task.schema.names},
            {m: arrays[f"context/{m}"] for m in task.schema.names},
            refused,
        )


def read_folders(task: Task, paths: Sequence[Path], progress: bool = True) -> Cohort:
    """Every labelled record of these folders (or one .npz that `prepare` wrote) as a cohort, ids ascending.

    Raises InputError for a missing folder, an id that occurs in two folders, or no usable record.
    """
    if len(paths) == 1 and paths[0].suffix == ".npz":
        cohort = Cohort.load(paths[0])
        if cohort.task.name != task.name:
            raise InputError(paths[0], f"a cohort of {cohort.task.name}", f"one of {task.name}", "Name another file.")
        return cohort
    refs: dict[str, tuple[RecordRef, Mapping[str, float]]] = {}
    for path in paths:
        folder = open_folder(path)
        for ref in folder.refs:
            if ref.record_id in refs:
                raise InputError(
                    path, f"record {ref.record_id} is in {refs[ref.record_id][0].path} as well", "each record once",
                    "Name folders that do not overlap.",
                )  # fmt: skip
            refs[ref.record_id] = (ref, folder.labels.get(ref.record_id, {}))
    kept: list[Record] = []
    refused: list[str] = []
    for record_id in tqdm(sorted(refs), "reading", unit="record", disable=not progress):
        ref, labels = refs[record_id]
        try:
            record = read_record(ref.path)
            prepared = task.prepare(replace(record, labels={**labels, **record.labels}))
        except InputError as error:
            refused.append(str(error))
            continue
        if task.label_of(prepared) is None:
            refused.append(f"{record.source}: no label {task.label!r}")
            continue
        kept.append(prepared)
    if not kept:
        first = f" First reason: {refused[0]}" if refused else ""
        raise InputError(
            task.name, f"none of {len(refused)} records can be used.{first}", "labelled records", "Name their folder."
        )
    values, context = stack(task.schema, kept)
    return Cohort(
        task,
        tuple(r.record_id for r in kept),
        np.array([task.label_of(r) for r in kept], np.float32),
        tuple(task.group(r) for r in kept),
        values,
        context,
        tuple(refused),
    )
