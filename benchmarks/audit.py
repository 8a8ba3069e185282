"""What an audit takes: a record, as records grow more, in time and memory, and how Ray's workers share it.

Each run is a process of its own, from its start to its end, as a user starts it; peak memory is the largest of all its
processes. The stays are the simulated sample repeated under other numbers: the same mixture, however many there are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inference import SAMPLES
from benchmarks.rows import Row, shown, table

ROOT = Path(__file__).resolve().parents[1]
RECORDS = (1_000, 8_000)
GROWING = (1_000, 10_000)
"""Records of the runs that compare the cost of one: stays of which four modalities were recorded, 16 subsets each."""
LIGHT = frozenset({"RecordID", "Age", "Gender", "Height", "ICUType", "Weight", "HR", "GCS", "Temp", "Urine"})
SHARED = 3_000
"""Records of the runs that compare workers: enough that starting, a quarter of a minute, counts little."""
FIRST_ID = 1_000_001
TARGETS = {8_000: "10 min"}


def write_simulated_stays(folder: Path, records: int, light: bool = False) -> Path:
    """`folder` filled with so many simulated stays: the sample over and over, each under a number of its own. light:
    with the variables of four modalities only."""
    folder.mkdir(parents=True)
    texts = []
    for path in sorted((SAMPLES / "icu_mortality").glob("9*.txt")):
        head, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not light or line.split(",")[1] in LIGHT]
        texts.append((path.stem, "".join([head, *kept])))
    for k in range(records):
        stem, text = texts[k % len(texts)]
        number = str(FIRST_ID + k)
        (folder / f"{number}.txt").write_text(text.replace(stem, number, 1), encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and CPU seconds and peak GB of one audit in a process of its own."""

    wall: float
    cpu: float
    memory: float


def audited(data: Path, out: Path, *more: str) -> Cost:
    command = [
        sys.executable, "-m", "amfn", "audit", "--model", str(ROOT / "checkpoints" / "icu_mortality"),
        "--data", str(data), "--out", str(out), *more,
    ]  # fmt: skip
    watched = [sys.executable, "-c", _WATCH, *command]
    started = time.perf_counter()
    done = subprocess.run(watched, cwd=ROOT, check=True, capture_output=True, text=True)
    cpu, peak = map(float, done.stdout.split()[-2:])
    return Cost(time.perf_counter() - started, cpu, peak / 2**20)


_WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(spent.ru_utime + spent.ru_stime, spent.ru_maxrss)
"""


def rows(
    records: Sequence[int] = RECORDS, growing: Sequence[int] = GROWING, workers: Sequence[int] = (1, 2)
) -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found = [_alone(folder, count) for count in records]
        if growing:
            found += _growing(folder, growing)
        if workers:
            found += _shared(folder, workers)
    return found


def _alone(folder: Path, count: int) -> Row:
    data = write_simulated_stays(folder / f"data-{count}", count)
    cost = audited(data, folder / f"audit-{count}", "--threads", str(os.cpu_count() or 1))
    return Row(
        f"Audit of {count:,} simulated stays in one process, exact Shapley values and interactions",
        f"{cost.wall:.0f} s, {shown(cost.wall / count)} a record, peak {cost.memory:.2f} GB",
        f"{TARGETS[count]}, 2 GB" if count in TARGETS else "2 GB",
    )


def _growing(folder: Path, counts: Sequence[int]) -> list[Row]:
    """CPU time a record without what starting takes, which an audit of one record shows: a busy machine does not change
    it much."""
    data = write_simulated_stays(folder / "light-1", 1, light=True)
    start = audited(data, folder / "audit-light-1", "--threads", "1").cpu
    found, first = [], None
    for count in counts:
        data = write_simulated_stays(folder / f"light-{count}", count, light=True)
        cost = audited(data, folder / f"audit-light-{count}", "--threads", "1")
        each = (cost.cpu - start) / count
        first = first or each
        found.append(
            Row(
                f"Audit of {count:,} simulated stays with four modalities: CPU time a record",
                f"{shown(each)}, {each / first:.2f} times that of {counts[0]:,}; peak {cost.memory:.2f} GB",
                "as much a record however many",
            )
        )
    return found


def _shared(folder: Path, workers: Sequence[int]) -> list[Row]:
    """Ray with these numbers of workers on the same records, one thread each; its own start is in the time."""
    data = write_simulated_stays(folder / "shared", SHARED)
    taken = {}
    for count in workers:
        engine = ("--engine", "ray", "--workers", str(count), "--part-size", "50", "--device", "cpu")
        taken[count] = audited(data, folder / f"ray-{count}", *engine).wall
    first = workers[0]
    return [
        Row(
            f"Audit of {SHARED:,} simulated stays on Ray, {count} local worker(s)",
            f"{seconds:.0f} s" + ("" if count == first else f", {taken[first] / seconds:.2f} times {first} worker"),
            "" if count == first else "1.6 times one worker",
        )
        for count, seconds in taken.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--records", type=int, nargs="*", default=list(RECORDS))
    parser.add_argument("--growing", type=int, nargs="*", default=list(GROWING))
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    chosen = parser.parse_args()
    print(table(rows(chosen.records, chosen.growing, chosen.workers)))


if __name__ == "__main__":
    main()
