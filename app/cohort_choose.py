"""Which audit is looked at: of the open folder, made here where there is none; one in a folder; or an upload."""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st

from amfn.intake import Upload, unpack
from app import auditing, cohort_data, services, state, uploads
from app import cohort_words as words
from app.cohort_data import Opened
from app.components import tab_memory
from app.views import Listing
from app.widgets import pressed
from audit.plan import MANIFEST

SOURCE, PATH = "cohort:source", "cohort:path"
UPLOADED = "audit"
MEMORY, TAB = "cohort", "tab_cohort"


def chosen() -> Opened | None:
    """The audit that was chosen; None where something is still to be named, which is then said."""
    _remember()
    with st.container(horizontal=True, vertical_alignment="bottom", key="cohort_choose"):
        source = _source()
        path = _path() if source == "folder" else ""
    if source == "folder":
        if not path:
            st.info(words.NO_PATH, icon=":material/folder_open:")
            return None
        return cohort_data.opened(path)
    return _uploaded() if source == "upload" else _of_the_open_folder()


def _remember() -> None:
    """Once a run: a stored audit stays chosen over a reload of the page, as long as its tab is open. Without that the
    open folder's audit would take its place, and nothing would say so."""
    source, path = state.kept(SOURCE, None), state.kept(PATH, "").strip()
    held = {"source": source, "path": path} if source == "folder" and path else None
    tab_memory.tab_memory(MEMORY, held, forget=held is None and source is not None, key=TAB, found=_return)


def _return() -> None:
    """What the tab remembers counts where nothing was chosen since; whether it is an audit is looked at as ever."""
    said = tab_memory.found(TAB)
    path = said.get("path")
    if said.get("source") == "folder" and isinstance(path, str) and path and state.kept(SOURCE, None) is None:
        state.keep(SOURCE, "folder")
        state.keep(PATH, path)


def _source() -> str:
    st.session_state["w_cohort_source"] = state.kept(SOURCE, "open")
    source = st.segmented_control(
        "Audit of",
        list(words.SOURCES),
        required=True,
        format_func=words.SOURCES.__getitem__,
        key="w_cohort_source",
        help=words.HELP_SOURCE,
        on_change=state.keep_widget,
        args=(SOURCE, "w_cohort_source"),
    )
    return source or "open"


def _path() -> str:
    st.session_state["w_cohort_path"] = state.kept(PATH, "")
    return st.text_input(
        "Folder of the audit",
        key="w_cohort_path",
        placeholder="/path/to/audit",
        help=words.HELP_PATH,
        on_change=state.keep_widget,
        args=(PATH, "w_cohort_path"),
    ).strip()


def _uploaded() -> Opened | None:
    file = st.file_uploader(
        f"Zip file of an audit, up to {uploads.limit_mb():,} MB",
        key="w_cohort_zip",
        type="zip",
        max_upload_size=uploads.limit_mb(),
        help=words.HELP_ZIP,
    )
    folder = uploads.shelf().base / UPLOADED
    if file is not None and st.session_state.get("cohort_zip") != file.file_id:
        with st.spinner("Checking the file …"):
            unpack([Upload(file.name, file)], folder, uploads.limits())
        st.session_state["cohort_zip"] = file.file_id
    if not folder.is_dir():
        st.info(words.NO_ZIP, icon=":material/folder_zip:")
        return None
    return cohort_data.opened(str(folder))


def _of_the_open_folder() -> Opened | None:
    listed = state.listing()
    out = auditing.place(listed, services.checkpoint(listed.task))
    finished = auditing.finished(out)
    if not finished and not services.is_sample(listed):
        begun = (out / MANIFEST).exists()
        st.info(words.STOPPED if begun else words.NOT_AUDITED, icon=":material/groups:")
        label = "Go on with the audit" if begun else f"Audit these {len(listed.ids):,} records now"
        if not pressed(label, "audit_now", icon=":material/play_arrow:"):
            return None
    if not finished:
        _audit(listed, out)
    return cohort_data.opened(str(out))


def _audit(listed: Listing, out: Path) -> None:
    """Audit the folder here, with a bar; stopped by a change of page, it goes on next time."""
    bar = st.progress(0.0, "Loading the model …")
    began: list[tuple[float, int]] = []

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        began.append((now, done))
        first, before = began[0]
        left = (now - first) * (total - done) / (done - before) if done > before else None
        remaining = "" if left is None or done == total else f", about {_roughly(left)} left"
        bar.progress(done / max(total, 1), f"Auditing: {done:,} of {total:,} records{remaining} …")

    auditing.make(listed, services.checkpoint(listed.task).path, out, progress)
    bar.empty()


def _roughly(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 1):.0f} s"
