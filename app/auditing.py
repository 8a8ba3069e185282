"""Audits that pages make themselves, of the open folder: where they are kept, and each made once.

They lie in the user's cache, under the digests of model and records: other records have an audit of their own.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path

import streamlit as st
from platformdirs import user_cache_path

from amfn.checkpoint import Checkpoint
from amfn.tasks import get_task
from amfn.types import InputError
from app import services
from app.views import Listing
from audit import Manifest, Settings, run_audit
from audit.engine import Progress
from audit.plan import UNSEEN
from audit.source import find_records

PART = 16
"""Records between two steps of a progress bar, and what a stopped audit repeats at most."""
_running: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


def place(listed: Listing, model: Checkpoint, answered: str = UNSEEN) -> Path:
    """Where the audit of a folder by a model is kept."""
    asked = "" if answered == UNSEEN else f"-{answered}"
    records = records_digest(listed.task, (listed.folder,))
    return user_cache_path("fusionscope") / "audits" / f"{listed.task}-{model.digest}-{records}{asked}"


def records_digest(task: str, folders: tuple[str, ...]) -> str:
    """The digest of what lies in these folders, as a manifest states it (`Manifest.listing`)."""
    stamps = tuple(services.listing(folder, task).stamp for folder in folders)
    return _records_digest(task, folders, stamps)


@st.cache_data(max_entries=16, show_spinner="Looking into the folder …")
def _records_digest(task: str, folders: tuple[str, ...], stamps: tuple[str, ...]) -> str:
    return find_records(get_task(task), [Path(folder) for folder in folders]).digest


def finished(out: Path) -> bool:
    """True where a whole audit lies in the folder."""
    try:
        return Manifest.read(out).finished is not None
    except InputError:
        return False


def make(listed: Listing, model: Path, out: Path, progress: Progress, answered: str = UNSEEN) -> None:
    """Audit the folder, going on where an earlier run was stopped. Of two browsers that ask at once the second waits
    and finds the audit made."""
    with _running[out]:
        if not finished(out):
            settings = Settings(answered=answered, part_size=PART)
            run_audit(model, [Path(listed.folder)], out, settings, progress=progress)
