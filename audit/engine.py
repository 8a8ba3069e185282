"""An audit from its first record to its last: one process and batches by default, Ray's workers where asked for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
import torch

from amfn.benchmark.run import commit
from amfn.training import pick_device
from amfn.types import InputError
from audit import parts
from audit.answers import Answering, answer
from audit.columns import stratum_column
from audit.plan import MANIFEST, Manifest, Settings
from audit.source import Piece, Source, find_records, load, strata_of

Engine = Literal["embedded", "ray"]
Progress = Callable[[int, int], None]
"""How many records are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to work on any piece: it may stand on another machine that sees the same folders."""

    out: Path
    model: Path
    digest: str
    settings: Settings
    identity: str
    device: str
    threads: int


class Worker:
    """Loads the networks once and turns pieces into parts, each written before the next is begun."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        self.job = job
        self.answering = Answering.load(job.model, job.settings, pick_device(job.device))
        if self.answering.checkpoint.digest != job.digest:
            raise InputError(
                job.model, f"model {self.answering.checkpoint.digest}", f"{job.digest}, which this audit is of",
                "Restore it, or audit into a new folder.",
            )  # fmt: skip

    def work(self, piece: Piece) -> int:
        """Audit one piece and write its part; returns the piece's number."""
        started = time.monotonic()
        tables = answer(self.answering, load(piece))
        parts.write_part(self.job.out, piece.number, tables, self.job.identity, time.monotonic() - started)
        return piece.number


def run_audit(
    model: Path,
    data: Sequence[Path],
    out: Path,
    settings: Settings | None = None,
    *,
    engine: Engine = "embedded",
    workers: int | None = None,
    device: str = "auto",
    threads: int = 1,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Audit every record under `data` with the checkpoint `model`, into the folder `out`; returns its manifest.

    A folder that an earlier run of the same audit has begun is gone on with: whole parts stay, no record is left out or
    there twice. engine "ray": on the local machine, or on the cluster that RAY_ADDRESS names; workers: so many, default
    one a core or GPU. Raises InputError where the model or data cannot be used, `out` holds another audit or another
    run is writing into it, or the disk is full.
    """
    settings = settings or Settings()
    out = Path(out).absolute()
    answering = Answering.load(model, settings, "cpu")
    source = find_records(answering.checkpoint.task, data)
    pieces = source.pieces(settings.part_size)
    planned = _manifest(model, answering, source, len(pieces), settings)
    with parts.claimed(out):
        manifest = _taken_up(out, planned)
        parts.sweep(out)
        missing = [piece for piece in pieces if not parts.sound(out, piece.number, manifest.identity)]
        done = source.records - sum(map(len, missing))
        broken = [piece.number for piece in missing if parts.discard(out, piece.number)]
        if broken:
            say(f"{len(broken)} damaged or half-written part(s) are done again, the first is part {broken[0]}")
        if done:
            say(f"{done} of {source.records} records were audited before")
        job = Job(out, Path(model).absolute(), manifest.model, settings, manifest.identity, device, threads)
        sizes = {piece.number: len(piece) for piece in missing}
        if progress:
            progress(done, source.records)
        for number in _worked(job, missing, engine, workers):
            done += sizes[number]
            if progress:
                progress(done, source.records)
        return _finished(out, manifest, source, device)


def _worked(job: Job, pieces: Sequence[Piece], engine: Engine, workers: int | None) -> Iterator[int]:
    if not pieces:
        return iter(())
    if engine == "ray":
        from audit.with_ray import worked

        return worked(job, pieces, workers)
    return map(Worker(job).work, pieces)


def _manifest(model: Path, answering: Answering, source: Source, count: int, settings: Settings) -> Manifest:
    checkpoint = answering.checkpoint
    return Manifest(
        task=source.task.name,
        model=checkpoint.digest,
        model_name=checkpoint.path.resolve().name,
        model_path=str(checkpoint.path.absolute()),
        networks=max(len(member.model) for member in answering.members.values()),
        base_rate=checkpoint.base_rate,
        folders=source.folders,
        prepared=None if source.prepared is None else str(source.prepared),
        listing=source.digest,
        records=source.records,
        parts=count,
        modalities=tuple((spec.name, spec.title) for spec in source.task.schema.modalities),
        strata={stratum_column(title): title for title in strata_of(answering.checkpoint.task, {})},
        settings=settings,
        commit=commit(),
        started=_now(),
    )


def _taken_up(out: Path, planned: Manifest) -> Manifest:
    """The manifest that is there, if it is of the same audit; else the new one, written."""
    if (out / MANIFEST).exists():
        there = Manifest.read(out)
        if there.identity != planned.identity:
            raise InputError(
                out, f"it holds another audit: {'; '.join(planned.differs(there))}", "the same audit, or a new folder",
                "Name another --out, or delete this one.",
            )  # fmt: skip
        return there
    if any(path.name != parts.LOCK for path in out.iterdir()):
        raise InputError(
            out, "it holds other files", f"a new or empty folder, or one with a {MANIFEST}", "Name another --out."
        )
    planned.write(out)
    return planned


def _finished(out: Path, manifest: Manifest, source: Source, device: str) -> Manifest:
    sha, audited = hashlib.sha256(), 0
    for number in range(manifest.parts):
        columns = ["record_id", "record_digest"]
        table = pq.read_table(parts.path_of(out, "records", number), columns=columns, partitioning=None)
        audited += len(table)
        for record_id, digest in zip(*(table.column(name).to_pylist() for name in columns), strict=True):
            sha.update(f"{record_id} {digest}\n".encode())
    found = replace(
        manifest,
        finished=manifest.finished or _now(),
        data=sha.hexdigest()[:16],
        audited=audited,
        refused=source.records - audited,
        seconds=round(sum(parts.seconds_of(out, number) for number in range(manifest.parts)), 1),
        device=pick_device(device),
    )
    found.write(out)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
