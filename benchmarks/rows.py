"""One row of the table, and the median of repeated runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A measured figure with its target. runs: how often it was measured; `measured` is their median, and seconds the
    same as a number where another row is compared with it."""

    what: str
    measured: str
    target: str = ""
    runs: int = 1
    seconds: float | None = None


def seconds(work: Callable[[], object], runs: int, warm: int = 1) -> float:
    """Median wall time of one call, after `warm` calls that are not counted."""
    for _ in range(warm):
        work()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def shown(duration: float) -> str:
    """A duration in the unit that suits it."""
    return f"{duration:.2f} s" if duration >= 1 else f"{1000 * duration:.1f} ms"


def table(rows: list[Row]) -> str:
    lines = ["| What | Median | Target | Runs |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.target} | {row.runs} |" for row in rows]
    return "\n".join(lines)
