"""Where Chromium is. `python -m tests.browser.chromium --install` prints its path, fetching it first where needed.

Order: the CHROMIUM variable, PATH, the Debian package (as root only), Playwright's own download. A found file counts
only when it answers `--version`: some systems ship a launcher that merely points to another package manager.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of a Chromium that starts, or None. Installs nothing."""
    return next((path for path in _candidates() if debian.answers(path)), None)


def install() -> str | None:
    """The path of a Chromium that starts, installed now where there was none; None where that was not possible."""
    path = find()
    if path is None and debian.install("chromium"):
        path = find()
    if path is None and debian.run(sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"):
        path = find()
    return path


def _candidates() -> Iterator[str]:
    named = os.environ.get("CHROMIUM")
    if named:
        yield named
    for name in NAMES:
        on_path = shutil.which(name)
        if on_path:
            yield on_path
    own = _playwright_path()
    if own:
        yield own


def _playwright_path() -> str | None:
    """Where Playwright keeps its own Chromium, downloaded or not. Asked in a process of its own: the driver starts
    an event loop, which a test run must not inherit."""
    ask = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if answer.returncode == 0 and Path(path).is_file() else None


if __name__ == "__main__":
    found = install() if "--install" in sys.argv[1:] else find()
    if found is None:
        print("No Chromium: the browser tests will be skipped. Set CHROMIUM to its path to run them.", file=sys.stderr)
    print(found or "")
