"""`python -m benchmarks`: one Markdown table of speed and memory beside their targets.

The figures are those of this machine, now: what else runs on it slows them. The model's part runs with one torch
thread and with two, because on a machine that serves several people one is what each gets.
"""

from __future__ import annotations

import argparse
import os
import platform

import torch

from benchmarks import browser, explanations, inference
from benchmarks.rows import table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--no-browser", action="store_true", help="leave the dashboard out")
    chosen = parser.parse_args()
    print(
        f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} at the start, "
        f"Python {platform.python_version()}, torch {torch.__version__}. "
        "Simulated records sim_a001 and 900002. Medians; torch threads as stated.\n"
    )
    # The models first: their peak memory must not count what the browser's driver needs.
    rows = inference.rows() + explanations.rows()
    if not chosen.no_browser:
        rows += browser.rows()
    print(table(rows))


if __name__ == "__main__":
    main()
