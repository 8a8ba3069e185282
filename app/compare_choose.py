"""Which models are compared: those that can be asked about the open folder now, and audits that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from amfn.checkpoint import CONFIG, Checkpoint, find_checkpoints
from amfn.intake import Upload, unpack
from amfn.types import InputError
from app import auditing, compare_data, services, state, text, uploads
from app import compare_words as words
from app.compare_data import DIGITS, MOST
from app.views import Listing
from app.widgets import boundary, input_error, pressed
from audit import Manifest, open_audit
from audit.plan import MANIFEST, NETWORK, UNSEEN

ADDED, CHOSEN = "compare:added", "compare:models"
ZIPPED, NAMED, DAMAGED = "compare_zips", "compare_named", "compare_damaged"
NEW, TOLD = "compare_new", "compare_told"
FIRST = 3
"""Models that are chosen at first: the whole one and two of its networks. Room is left for what is added."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that can be chosen. key: names it in the session; audit: the folder of its audit, which may still have to
    be made; model: the checkpoint to make it with, None where the audit is given; task: what it was asked."""

    key: str
    title: str
    audit: Path
    model: Path | None = None
    answered: str = UNSEEN
    task: str = ""

    @property
    def missing(self) -> bool:
        return self.model is not None and not auditing.finished(self.audit)


def chosen() -> tuple[str, ...] | None:
    """Folders of the chosen audits, the reference first; None where something is still to be chosen or made, which is
    then said."""
    listed = _open_folder()
    candidates = _candidates(listed)
    picked = _picked(listed, candidates)
    _adding()
    if len(picked) < 2:
        st.info(words.TOO_FEW, icon=":material/compare:")
        return None
    missing = [one for one in picked if one.missing]
    if missing and listed is not None:
        if not services.is_sample(listed):
            have = "has" if len(missing) == 1 else "have"
            said = words.MAKING.format(count=len(missing), have=have, records=len(listed.ids))
            st.info(said, icon=":material/groups:")
            if not pressed("Ask them now", "compare_now", icon=":material/play_arrow:"):
                return None
        _make(listed, missing)
    return tuple(str(one.audit) for one in picked)


def _open_folder() -> Listing | None:
    try:
        listed = state.listing()
    except InputError:
        st.caption(words.NO_FOLDER)
        return None
    return listed if listed.ids else None


def _candidates(listed: Listing | None) -> dict[str, Candidate]:
    """The task's own model first, whole and network by network, then what else lies beside it, then what was added."""
    found: list[Candidate] = []
    audits: list[Path] = []
    models: list[Path] = []
    for path in map(Path, state.kept(ADDED, ())):
        (audits if (path / MANIFEST).exists() else models).append(path)
    if listed is not None:
        own = services.checkpoint_folder() / listed.task
        others = [path for path in find_checkpoints(services.checkpoint_folder()).values() if path != own]
        for path in (own, *others, *models):
            found += _asked(listed, path, path in models)
    for path in audits:
        try:
            manifest = Manifest.read(path)
            named = f"{compare_data.title(manifest)} · audit {path.name}"
            found.append(Candidate(f"audit:{path}", named, path, task=manifest.task))
        except InputError as error:
            input_error(error)
    return {one.key: one for one in found}


def _asked(listed: Listing, path: Path, named: bool) -> list[Candidate]:
    """What one checkpoint can be asked as. named: by the user, who is then told why it cannot be asked."""
    try:
        model = services.checkpoint_at(path)
    except (OSError, InputError) as error:
        input_error(error if isinstance(error, InputError) else _gone(path))
        return []
    if model.task.name != listed.task:
        if named:
            st.caption(f"{text.plain(path.name)} answers another question: {text.plain(model.task.wording.title)}.")
        return []
    networks = [f"{NETWORK}{k}" for k in range(len(model.model))] if len(model.model) > 1 else []
    return [
        Candidate(f"{path}:{how}", _title(model, how), auditing.place(listed, model, how), path, how, listed.task)
        for how in (UNSEEN, *networks, "shipped")
    ]


def _gone(path: Path) -> InputError:
    return InputError(path, f"no {CONFIG} in it", "a finished checkpoint folder", "Restore it, or name another.")


def _title(model: Checkpoint, how: str) -> str:
    said = words.ANSWERED.get(how, f"{how} alone")
    return f"{model.path.resolve().name} {model.digest[:DIGITS]} · {said}"


def _picked(listed: Listing | None, candidates: dict[str, Candidate]) -> list[Candidate]:
    kept = f"{CHOSEN}:{listed.task if listed else ''}"
    first = [key for key, one in candidates.items() if one.answered != "shipped" and one.model is not None]
    wanted = [key for key in state.kept(kept, first[:FIRST]) if key in candidates]
    wanted = _with_new(listed, candidates, wanted, kept)
    if st.session_state.get("w_compare_models") != wanted:
        st.session_state["w_compare_models"] = wanted
    keys = st.multiselect(
        "Models, the reference first",
        list(candidates),
        format_func=lambda key: candidates[key].title,
        key="w_compare_models",
        max_selections=MOST,
        placeholder="Choose two models or more",
        help=words.HELP_MODELS,
        on_change=_changed,
        args=(kept,),
    )
    for said in st.session_state.get(TOLD, ()):
        st.success(text.plain(said), icon=":material/add_circle:")
    return [candidates[key] for key in keys]


def _changed(kept: str) -> None:
    """Once the choice is changed by hand, what was said of it may not hold any more."""
    st.session_state.pop(TOLD, None)
    state.keep_widget(kept, "w_compare_models")


def _with_new(listed: Listing | None, candidates: dict[str, Candidate], wanted: list[str], kept: str) -> list[str]:
    """The choice with what was just added, where it can stand beside the others and there is room; either is said."""
    for path in st.session_state.pop(NEW, ()):
        one = candidates.get(f"audit:{path}") or candidates.get(f"{path}:{UNSEEN}")
        if one is None:
            said = words.ADDED_ELSEWHERE.format(title=Path(path).name)
        elif one.key in wanted:
            said = words.ADDED.format(title=one.title)
        elif listed is not None and one.task != listed.task:
            said = words.ADDED_ASKED.format(title=one.title)
        elif len(wanted) >= MOST:
            said = words.ADDED_FULL.format(title=one.title, most=MOST)
        else:
            wanted = [*wanted, one.key]
            state.keep(kept, wanted)
            said = words.ADDED.format(title=one.title)
        st.session_state[TOLD] = (*st.session_state.get(TOLD, ()), said)
    return wanted


def _adding() -> None:
    with st.expander(words.ADD, icon=":material/add:"):
        with st.form("compare_add", clear_on_submit=True, border=False):
            st.text_input("Folder", key="w_compare_path", placeholder="/path/to/folder", help=words.HELP_ADD)
            st.form_submit_button("Add", key="compare_add_now", on_click=_named)
        said = st.session_state.pop(NAMED, None)
        if said is not None:
            with boundary():
                _add(said)
        files = st.file_uploader(
            f"Zip files of audits, up to {uploads.limit_mb():,} MB",
            key="w_compare_zip",
            type="zip",
            accept_multiple_files=True,
            max_upload_size=uploads.limit_mb(),
            help=words.HELP_ZIP,
        )
        with boundary():
            _unpacked([file for file in files if file.file_id not in st.session_state.get(ZIPPED, ())])
        for file in files:
            if file.file_id in st.session_state.get(DAMAGED, {}):
                input_error(st.session_state[DAMAGED][file.file_id])
        if state.kept(ADDED, ()):
            st.button("Forget what was added", key="compare_forget", on_click=_forget)


def _forget() -> None:
    st.session_state.pop(TOLD, None)
    state.keep(ADDED, ())


def _named() -> None:
    """Keep what was typed: a run that is begun anew must not lose it."""
    st.session_state[NAMED] = st.session_state["w_compare_path"].strip()


def _add(said: str) -> None:
    """One folder more among the models; a damaged audit is refused here, before it can spoil a comparison."""
    path = Path(said).expanduser().absolute()
    if not said or not ((path / MANIFEST).is_file() or (path / CONFIG).is_file()):
        raise InputError(
            said or "Folder", "neither a checkpoint nor an audit", f"a folder with {CONFIG} or {MANIFEST}",
            "Name the folder itself, with its whole path.",
        )  # fmt: skip
    if (path / MANIFEST).is_file():
        open_audit(path)
    _remember(path)


def _remember(path: Path) -> None:
    known: Sequence[str] = state.kept(ADDED, ())
    state.keep(ADDED, (*(p for p in known if p != str(path)), str(path)))
    st.session_state[NEW] = (*st.session_state.get(NEW, ()), str(path))
    st.session_state.pop(TOLD, None)
    st.rerun()


def _unpacked(files: Sequence[st.runtime.uploaded_file_manager.UploadedFile]) -> None:
    for file in files:
        st.session_state[ZIPPED] = (*st.session_state.get(ZIPPED, ()), file.file_id)
        folder = uploads.shelf().base / f"audit-{file.file_id}"
        try:
            with st.spinner(f"Checking {text.plain(file.name)} …"):
                unpack([Upload(file.name, file)], folder, uploads.limits())
                open_audit(folder)
        except InputError as error:
            # The file still lies in the field: what is wrong with it is said for as long as it does.
            st.session_state[DAMAGED] = {**st.session_state.get(DAMAGED, {}), file.file_id: error}
            continue
        _remember(folder)


def _make(listed: Listing, missing: Sequence[Candidate]) -> None:
    """Ask each about the open folder, with a bar; stopped by a change of page, it goes on next time."""
    bar = st.progress(0.0, "Loading the model …")
    for k, one in enumerate(missing):

        def progress(done: int, total: int, k: int = k, one: Candidate = one) -> None:
            share = (k + done / max(total, 1)) / len(missing)
            bar.progress(share, f"Asking {one.title}: {done:,} of {total:,} records …")

        if one.model is not None:
            auditing.make(listed, one.model, one.audit, progress, one.answered)
    bar.empty()
