"""Programs from Debian's packages, for tests that need one beside Python's: is it there, does it run, can it be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def answers(program: str | Path) -> bool:
    """True where the program can be started."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def run(*command: str) -> bool:
    """Run with all output on stderr: stdout is for what a script prints."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print("+", *command, file=sys.stderr, flush=True)
    return subprocess.run(command, stdout=sys.stderr, env=environment, check=False).returncode == 0


def install(package: str) -> bool:
    """Debian's package, where there is apt-get and the rights to use it."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    run("apt-get", "update")
    return run("apt-get", "install", "--yes", "--no-install-recommends", package)
