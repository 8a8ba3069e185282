"""Opening one prediction in explainerdashboard, beside opening one here, in Chromium and in the same run.

The model there: gradient-boosted trees on the summary features of simulated stays, which the AMFN is compared with on
the quality pages too. It runs in an environment of its own, which `make bench` prepares; without it the row says so.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from amfn.classical.features import summary_features
from amfn.dataset import read_folders
from amfn.tasks import get_task
from benchmarks.rows import Row, shown

ROOT = Path(__file__).resolve().parent.parent
STAYS, RUNS = 200, 20
STATISTICS = ("mean", "last")
"""Of each variable: with all of them its first page takes minutes to prepare."""
PATIENCE_MS = 120_000
PREDICTION, CONTRIBUTIONS = "clas-prediction-graph", "contributions-graph"


def rows(page: Page, ours: float | None) -> list[Row]:
    """ours: seconds in which the Patient page is painted after another record was chosen."""
    python = os.environ.get("COMPARISON_PYTHON", "")
    what = "explainerdashboard: open another prediction of gradient-boosted trees, painted"
    if not python or not Path(python).exists():
        return [Row(what, "not measured: COMPARISON_PYTHON names no environment with it", runs=0)]
    with tempfile.TemporaryDirectory() as folder:
        theirs = _measured(page, python, _table(Path(folder)))
    beside = "" if ours is None else f" ({theirs / ours:.1f} times the Patient page's time)"
    return [Row(f"{what}{beside}", shown(theirs), runs=RUNS)]


def _table(folder: Path) -> Path:
    """Simulated stays as the table that a tabular model takes."""
    command = [sys.executable, "-m", "amfn", "simulate", "--out", str(folder / "cohort"), "--seed", "5"]
    subprocess.run([*command, "--stays", str(STAYS)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    task = get_task("icu_mortality")
    cohort = read_folders(task, [folder / "cohort" / task.name])
    found = summary_features(task.schema, cohort.values)
    # Its trees cannot be fitted to a column without two different values.
    varied = [np.unique(column[~np.isnan(column)]).size > 1 for column in found.x.T]
    varied = [varies and name.split(":")[1] in STATISTICS for varies, name in zip(varied, found.names, strict=True)]
    path = folder / "table.npz"
    x, names = found.x[:, varied].astype(np.float64), np.array(found.names)[varied]
    np.savez(path, x=x, y=cohort.labels.astype(np.int64), names=names)
    return path


def _measured(page: Page, python: str, table: Path) -> float:
    """Median seconds from the click on its "Random Index" until both pictures of the new prediction are drawn."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [python, str(ROOT / "benchmarks" / "comparison_server.py"), str(table), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _open(page, f"http://127.0.0.1:{port}", server)
        chart = page.locator(f"[id^={CONTRIBUTIONS}] .main-svg").first
        chart.wait_for(timeout=PATIENCE_MS)
        page.wait_for_timeout(2000)
        return statistics.median([_another(page) for _ in range(RUNS)])
    finally:
        server.terminate()
        server.wait(20)


def _open(page: Page, address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_MS / 1000
    host, _, port = address.removeprefix("http://").partition(":")
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                page.goto(address, timeout=PATIENCE_MS)
                return
        time.sleep(0.2)
    raise RuntimeError(f"the server for the comparison did not start (exit status {server.poll()})")


def _another(page: Page) -> float:
    pictures = ", ".join(f"[id^={name}] .main-svg" for name in (PREDICTION, CONTRIBUTIONS))
    state = f"() => [...document.querySelectorAll('{pictures}')].map(svg => svg.textContent).join('|')"
    before = page.evaluate(state)
    began = time.perf_counter()
    page.get_by_role("button", name="Random Index").click()
    page.wait_for_function(f"before => ({state})() !== before", arg=before, timeout=PATIENCE_MS)
    # Both pictures answer by themselves: the last one counts.
    page.wait_for_function("() => !document.querySelector('[data-dash-is-loading]')", timeout=PATIENCE_MS)
    return time.perf_counter() - began
