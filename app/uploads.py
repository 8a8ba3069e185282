"""Files that came through the browser: a private folder for each session, gone when the session ends.

The folder is readable by this user alone and named by chance; it goes with the session, at the latest with the program.
What a program that was killed left behind is removed a day later. Nothing is logged.
"""

from __future__ import annotations

import math
import os
import shutil
import stat
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from amfn.examining import Examined, examine
from amfn.intake import MB, Intake, Limits, Upload, unpack
from amfn.readers import Folder, open_folder
from amfn.types import InputError

SETTING = "AMFN_MAX_UPLOAD_MB"
DEFAULT_MB = 200
UNPACKED_TIMES = 5
PREFIX = "fusionscope-upload-"
FOLDER = "uploaded files"
KEPT_S = 24 * 3600
PATIENCE_S = 150.0
"""Streamlit keeps a session for two minutes after its browser left, in case it comes back."""
EXAMINED = 50
"""So many records are read at once to say what is in them; of the rest only the number is told."""


class Shelf:
    """The private folder of one session. It goes with this object, or soon after the browser has left for good."""

    def __init__(self, session: str = "") -> None:
        self.base = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._session = session
        self._gone = weakref.finalize(self, shutil.rmtree, str(self.base), ignore_errors=True)

    def left(self, patience_s: float = PATIENCE_S) -> None:
        """The browser is gone: unless it comes back in time, the files go as well."""
        timer = threading.Timer(patience_s, self._unless_back)
        timer.daemon = True
        timer.start()

    def _unless_back(self) -> None:
        if not (runtime.exists() and runtime.get_instance().is_active_session(self._session)):
            self._gone()

    @property
    def folder(self) -> Path:
        return self.base / FOLDER

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """What came of one upload. token: which files it was made of. intake: None where all of it was refused, with the
    reason in `problem`; folder: None where no record is in it, with the reason in `problem`."""

    token: tuple[str, ...]
    intake: Intake | None
    folder: Folder | None
    problem: InputError | None


def limit_mb() -> int:
    """The largest upload in MB: AMFN_MAX_UPLOAD_MB, else 200. Raises InputError for a setting that is no number."""
    stated = os.environ.get(SETTING, "").strip()
    if not stated:
        return DEFAULT_MB
    try:
        value = float(stated)
    except ValueError:
        value = math.nan
    if not 1 <= value <= 100_000:
        raise InputError(SETTING, f"{stated[:40]!r}", "a number of megabytes from 1 on", "Correct or unset it.")
    return int(value)


def limits() -> Limits:
    size = limit_mb() * MB
    return Limits(upload=size, unpacked=UNPACKED_TIMES * size)


def shelf() -> Shelf:
    """This session's folder, made when it is first needed."""
    if "shelf" not in st.session_state:
        sweep(Path(tempfile.gettempdir()))
        context = get_script_run_ctx()
        st.session_state["shelf"] = Shelf(context.session_id if context else "")
    kept: Shelf = st.session_state["shelf"]
    return _watched(str(kept.base), kept)


@st.cache_resource(scope="session", on_release=Shelf.left, show_spinner=False)
def _watched(base: str, _shelf: Shelf) -> Shelf:
    """Streamlit lets go of this when the browser leaves, and keeps the session a while longer."""
    return _shelf


def sweep(place: Path, older_than_s: float = KEPT_S) -> None:
    """Remove folders that earlier runs of this user left in `place`, if untouched for so long."""
    for path in place.glob(f"{PREFIX}*"):
        try:
            found = path.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and time.time() - found.st_mtime > older_than_s:
            shutil.rmtree(path, ignore_errors=True)


def received() -> Received | None:
    """What this session's last upload came to; None where there is none, or its files are gone."""
    if "shelf" in st.session_state:
        shelf()  # watched again after the browser was away for a moment
    found: Received | None = st.session_state.get("received")
    if found is not None and found.intake is not None and not found.intake.folder.is_dir():
        return None
    return found


def take(files: Sequence[UploadedFile]) -> Received:
    """Bring files into the session's folder, once; a refused upload leaves what was there before."""
    token = tuple(file.file_id for file in files)
    known = received()
    if known is not None and known.token == token:
        return known
    try:
        intake = unpack([Upload(file.name, file) for file in files], shelf().folder, limits())
    except InputError as error:
        found = Received(token, None, None, error)
    else:
        found = _opened(token, intake)
    st.session_state["received"] = found
    return found


def _opened(token: tuple[str, ...], intake: Intake) -> Received:
    try:
        return Received(token, intake, open_folder(intake.folder), None)
    except InputError as error:
        return Received(token, intake, None, error)


def again(found: Received) -> None:
    """Look at the same files anew, after a CSV's columns were named."""
    if found.intake is not None:
        st.session_state["received"] = _opened(found.token, found.intake)


def forget() -> None:
    """Remove the uploaded files now."""
    shelf().clear()
    st.session_state.pop("received", None)


def known(found: Received) -> list[Examined] | None:
    """What was read of the upload before; None where nothing was."""
    of, read = st.session_state.get("examined", (None, None))
    return read if of is found else None


def examined(found: Received, takes: Mapping[str, Sequence[str]], progress: Callable[[float], Any]) -> list[Examined]:
    """The first records of the upload, read one by one, and kept."""
    refs = found.folder.refs[:EXAMINED] if found.folder else ()
    out = []
    for k, ref in enumerate(refs):
        out.append(examine(ref, takes))
        progress((k + 1) / len(refs))
    st.session_state["examined"] = (found, out)
    return out


def unread(folder: Folder, files: Sequence[str]) -> tuple[str, ...]:
    """Files that are neither a record nor part of one, as far as their names tell."""
    stems = {ref.path.stem.partition("_")[0] for ref in folder.refs}
    parts = {ref.path.name for ref in folder.refs}
    labels = set(folder.labels) | set(folder.alarms)
    return tuple(
        name
        for name in files
        if (last := name.rpartition("/")[2]) not in parts
        and not any(last.startswith(stem) for stem in stems)
        and not (labels and (last.startswith("Outcomes") or last == "ALARMS"))
        and not last.endswith((".hea", ".dat", ".mat"))
    )
