"""An audit on Ray's workers: `pip install -r requirements-ray.txt`. RAY_ADDRESS names a cluster; else this machine.

A worker is a process that has loaded the networks and writes each part itself, so every machine of a cluster has to see
the model, the records and the folder of the audit under the same paths. Ray tells nobody outside of its usage.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amfn.types import InputError

if TYPE_CHECKING:
    from audit.engine import Job
    from audit.source import Piece


KNOCK_S = 10.0


class PieceWorker:
    """What Ray Data keeps in each of its workers."""

    def __init__(self, job: Job) -> None:
        from audit.engine import Worker

        self.worker = Worker(job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"number": self.worker.work(row["piece"])}


def worked(job: Job, pieces: Sequence[Piece], workers: int | None) -> Iterator[int]:
    """Audit the pieces on Ray's workers; yields the number of each as it is finished, in no particular order.

    Raises InputError where Ray is not installed, the cluster cannot be reached, or it has not room for a worker.
    """
    try:
        # Before ray is imported: it decides then.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        from ray import data
    except ImportError as error:
        raise InputError(
            "--engine ray", f"Ray is not installed ({error.name})", "Ray Data beside the other requirements",
            "pip install -r requirements-ray.txt, or leave --engine out.",
        ) from error  # fmt: skip
    if workers is not None and workers < 1:
        raise InputError("--workers", str(workers), "1 or more", "Leave it out for one a core or GPU.")
    started = not ray.is_initialized()
    if started:
        _connect(workers)
    try:
        found = ray.cluster_resources()
        gpus = int(found.get("GPU", 0)) if job.device != "cpu" else 0
        count = workers or max(1, gpus or int(found.get("CPU", 1)))
        # The caller shows the progress, in records.
        data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        job = replace(job, device="cuda" if gpus else "cpu", threads=1)
        done = data.from_items([{"piece": piece} for piece in pieces], override_num_blocks=len(pieces)).map(
            PieceWorker,  # type: ignore[arg-type]  # its stubs know functions, not classes
            fn_constructor_args=(job,), compute=data.ActorPoolStrategy(size=count),
            num_cpus=0 if gpus else 1, num_gpus=min(1.0, gpus / count) if gpus else 0,
        )  # fmt: skip
        for row in done.iter_rows():
            yield int(row["number"])
    finally:
        if started:
            ray.shutdown()


def _connect(workers: int | None) -> None:
    import ray

    address = os.environ.get("RAY_ADDRESS")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address:
            _knock(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers, include_dashboard=False, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            "RAY_ADDRESS", f"{address or 'a local cluster'} cannot be reached ({error})",
            "the address of a running cluster",
            "Start it with `ray start --head`, correct the address, or leave --engine out.",
        ) from error  # fmt: skip


def _knock(address: str) -> None:
    """Raises OSError where nobody answers at host:port: Ray itself would try for minutes."""
    host, mark, port = address.rpartition("://")[2].rpartition(":")
    if mark and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()
