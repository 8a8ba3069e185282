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

from amfn.batch import Normaliser, TargetScale, stack, to_batch
from amfn.readers import RecordRef, open_folder, read_ref
from amfn.readers.labels import is_label_file
from amfn.tasks import Task, get_task
from amfn.types import Batch, InputError, Record

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """N labelled records of one task. values[m] f32[N, T, C] physical, NaN unobserved; context[m] f32[N, 2, C];
    labels f32[N], of a regression f32[N, K] in physical units, NaN where not measured; groups: the task's subgroup of
    each record; refused: what could not be read, with its reason; anchor: what a regression's change is counted from,
    f32[N, K], NaN where a record has none."""

    task: Task
    ids: tuple[str, ...]
    labels: np.ndarray
    groups: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    context: Mapping[str, np.ndarray]
    refused: tuple[str, ...] = ()
    anchor: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def digest(self) -> str:
        """First 16 hex digits of a SHA-256 over ids, labels and every value, independent of folder names."""
        sha = hashlib.sha256("\n".join(self.ids).encode())
        sha.update(self.labels.astype(np.float32).tobytes())
        if self.anchor is not None:
            sha.update(self.anchor.astype(np.float32).tobytes())
        for name in sorted(self.values):
            sha.update(np.ascontiguousarray(self.values[name]).tobytes())
            sha.update(np.ascontiguousarray(self.context[name]).tobytes())
        return sha.hexdigest()[:16]

    def present(self) -> np.ndarray:
        """Which modalities each record has, bool[N, M]."""
        return np.stack([(~np.isnan(self.values[m])).any((1, 2)) for m in self.task.schema.names], 1)

    def fit_normaliser(self, rows: Sequence[int] | np.ndarray) -> Normaliser:
        return Normaliser.fit(self.task.schema, {m: v[np.asarray(rows)] for m, v in self.values.items()})

    def fit_targets(self, rows: Sequence[int] | np.ndarray) -> TargetScale | None:
        """How these rows' targets are scaled; None for a binary task."""
        if self.anchor is None:
            return None
        at = np.asarray(rows)
        return TargetScale.fit(self.task.schema.targets, self.labels[at], self.anchor[at])

    def prior(self, rows: Sequence[int] | np.ndarray) -> tuple[float, ...]:
        """What a model answers for a record with nothing in it, as a chance for each target: the share of these rows;
        for a regression one half, whose logit is a change of zero."""
        if self.task.kind == "regression":
            return (0.5,) * len(self.task.schema.targets)
        share = self.labels[np.asarray(rows)].reshape(len(rows), -1).mean(0)
        return tuple(float(p) for p in np.clip(share, 1e-3, 0.999))

    def strata(self) -> np.ndarray:
        """What folds keep in proportion, int[N]: the class, or for a regression the subgroup."""
        if self.task.kind == "binary":
            return self.labels.astype(int)
        return np.unique(self.groups, return_inverse=True)[1]

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
            anchor=None if self.anchor is None else self.anchor[at],
        )

    def save(self, path: Path) -> None:
        """Write the .npz that `load` reads."""
        arrays = {f"values/{m}": v for m, v in self.values.items()}
        arrays |= {f"context/{m}": v for m, v in self.context.items()}
        arrays |= {} if self.anchor is None else {"anchor": self.anchor}
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
        if task.kind == "regression":
            shapes |= dict.fromkeys(("labels", "anchor"), (count, len(task.schema.targets)))
        for spec in task.schema.modalities:
            shapes[f"values/{spec.name}"] = (count, spec.steps, len(spec.channels))
            shapes[f"context/{spec.name}"] = (count, 2, len(spec.channels))
        for key, shape in shapes.items():
            if key not in arrays or arrays[key].shape != shape:
                came = f"{key} of shape {arrays[key].shape}" if key in arrays else f"no {key}"
                raise InputError(path, came, f"{key} of shape {shape}", mend)
        ids, labels = tuple(map(str, arrays["ids"].tolist())), arrays["labels"]
        if len(set(ids)) < count:
            raise InputError(path, f"{count - len(set(ids))} ids that occur twice", "each record once", mend)
        if task.kind == "binary" and not np.isin(labels, (0, 1)).all():
            raise InputError(path, "a label that is neither 0 nor 1", f"{task.schema.targets[0]}, 0 or 1", mend)
        return cls(
            task,
            ids,
            labels,
            tuple(arrays["groups"].tolist()),
            {m: arrays[f"values/{m}"] for m in task.schema.names},
            {m: arrays[f"context/{m}"] for m in task.schema.names},
            refused,
            arrays["anchor"] if task.kind == "regression" else None,
        )


def read_folders(task: Task, paths: Sequence[Path], progress: bool = True) -> Cohort:
    """Every labelled record of these folders (or one .npz that `prepare` wrote) as a cohort, ids ascending.

    Raises InputError for a missing folder, an id that occurs twice, or no usable record.
    """
    if len(paths) == 1 and paths[0].suffix == ".npz":
        cohort = Cohort.load(paths[0])
        if cohort.task.name != task.name:
            raise InputError(paths[0], f"a cohort of {cohort.task.name}", f"one of {task.name}", "Name another file.")
        return cohort
    refs, problems = labelled_refs(paths)
    kept: list[Record] = []
    outcomes: list[np.ndarray] = []
    refused: list[str] = []
    for record_id in tqdm(sorted(refs), "reading", unit="record", disable=not progress):
        ref, labels = refs[record_id]
        try:
            prepared = read_labelled(task, ref, labels)
        except InputError as error:
            refused.append(str(error))
            continue
        known = task.labels_of(prepared)
        if known is None:
            refused.append(f"{prepared.source}: {_unlabelled(task)}")
            continue
        kept.append(prepared)
        outcomes.append(known)
    if not kept:
        reasons = ". ".join([f"First reason: {refused[0]}", *problems])
        raise InputError(
            task.name, f"none of {len(refused)} records can be used. {reasons}", "labelled records",
            "Name a folder of records with their outcomes beside them.",
        )  # fmt: skip
    values, context = stack(task.schema, kept)
    targets = np.stack(outcomes)
    anchors = [anchor for anchor in map(task.anchor_of, kept) if anchor is not None]
    return Cohort(
        task,
        tuple(r.record_id for r in kept),
        targets[:, 0] if task.kind == "binary" else targets,
        tuple(task.group(r) for r in kept),
        values,
        context,
        tuple(refused),
        np.stack(anchors) if anchors else None,
    )


def labelled_refs(paths: Sequence[Path]) -> tuple[dict[str, tuple[RecordRef, Mapping[str, float]]], list[str]]:
    """Every record of these folders with the labels found beside it, and what is wrong with outcome files.

    Raises InputError for a missing folder or an id that occurs twice.
    """
    refs: dict[str, tuple[RecordRef, Mapping[str, float]]] = {}
    problems: list[str] = []
    for path in paths:
        folder = open_folder(path)
        if folder.repeated:
            raise InputError(
                path, f"{len(folder.repeated)} ids that occur twice, such as {', '.join(folder.repeated[:3])}",
                "one record and one line of outcomes for each id", "Delete the copies, or name another folder.",
            )  # fmt: skip
        problems += [f"{f.channel}: {f.what}" for f in folder.findings if is_label_file(f.channel)]
        for ref in folder.refs:
            if ref.record_id in refs:
                raise InputError(
                    path, f"record {ref.record_id} is in {refs[ref.record_id][0].path} as well", "each record once",
                    "Name folders that do not overlap.",
                )  # fmt: skip
            refs[ref.record_id] = (ref, folder.labels.get(ref.record_id, {}))
    return refs, problems


def read_labelled(task: Task, ref: RecordRef, labels: Mapping[str, float]) -> Record:
    """A record as its task reads it; what it states of its outcome itself counts more than what stands beside it.

    Raises InputError where it cannot be read or the task refuses it.
    """
    record = read_ref(ref)
    return task.prepare(replace(record, labels={**labels, **record.labels}))


def _unlabelled(task: Task) -> str:
    if task.kind == "binary":
        return f"no label {task.schema.targets[0]!r}"
    return f"none of the {len(task.schema.targets)} targets ({task.schema.targets[0]} and so on) was measured"
