"""One record of an audit: what the audit holds of it, and the way to its Patient page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from amfn.origin import SAMPLES
from amfn.types import InputError
from app import auditing, cohort_measures, services, state, text
from app import cohort_words as words
from app.cohort_data import Opened
from app.figures.drawing import percent
from app.views import Listing
from app.widgets import pressed

COLUMNS = {
    "observed": "Measured",
    "shapley": "Shapley value",
    "loo": "Leave-one-out",
    "part": "Part of the logit",
    "gate": "Gate (γ)",
    "weight": "Fusion weight (β)",
    "attention": "Attention received (α)",
}
FOLDERS = 4
SHARES = ("observed", "weight", "attention")


def key(opened: Opened) -> str:
    return f"cohort:record:{opened.digest}"


def picked(opened: Opened) -> int | None:
    """The row of the record that is looked at."""
    found: int | None = state.kept(key(opened), None)
    return found


def pick(opened: Opened, row: int | None) -> None:
    state.keep(key(opened), row)


def describe(opened: Opened, row: int) -> str:
    """'Record 132539: risk 34 %, Died in hospital'."""
    outcomes = (opened.task.wording.negative, opened.task.wording.positive, "outcome not known")
    risk = text.percent(float(opened.columns["risk"][row]))
    return f"Record {opened.ids[row]}: risk {risk}, {outcomes[opened.labels[row]]}"


def card(opened: Opened) -> None:
    """The record that was clicked, if one was."""
    row = picked(opened)
    if row is None or row >= len(opened):
        return
    with st.container(border=True, key="cohort_card"):
        st.markdown(f"#### {text.plain(describe(opened, row))}")
        stated = [f"{title}: {opened.words[column][row]}" for column, title in opened.strata.items()]
        recorded = cohort_measures.recorded(opened, int(opened.columns["pattern"][row]))
        st.markdown(text.plain(" · ".join([*stated, f"recorded: {recorded}"])))
        st.dataframe(_table(opened, row), hide_index=True, height="content", key="cohort_card_table")
        listed = _way(opened, row)
        with st.container(horizontal=True):
            if listed is not None and pressed(
                "Open on the Patient page", "cohort_open", icon=":material/monitor_heart:", type="primary"
            ):
                state.choose(listed, str(opened.ids[row]))
                st.switch_page("pages/patient.py")
            st.button("Close", key="cohort_close", icon=":material/close:", on_click=pick, args=(opened, None))


def _table(opened: Opened, row: int) -> list[dict[str, str]]:
    measures = cohort_measures.measures_of(opened, row)
    there = [lead for lead in COLUMNS if any(lead in values for _, values in measures)]
    return [
        {"Modality": title} | {COLUMNS[lead]: _cell(lead, values.get(lead)) for lead in there}
        for title, values in measures
    ]


def _cell(lead: str, value: float | None) -> str:
    if value is None:
        return "not recorded"
    if lead in SHARES:
        return percent(value)
    return f"{value:.2f}" if lead == "gate" else text.signed(value)


def _way(opened: Opened, row: int) -> Listing | None:
    """The folder in which the record can be opened, with what its page then shows; None where it cannot, with why."""
    who = opened.words["answered_by"][row]
    listed = reach(opened)
    if isinstance(listed, str):
        st.caption(f"{words.NO_REACH} {text.plain(listed)}")
        return None
    if str(opened.ids[row]) not in listed.ids:
        st.caption(f"{words.NO_REACH} it lies in another one of the audited folders.")
        return None
    st.caption(words.SEEN_BY[next((kind for kind in ("fold", "network") if who.startswith(kind)), "shipped")])
    return listed


def reach(opened: Opened) -> Listing | str:
    """The open folder, if it is what was audited with the open model; else why it is not, in words."""
    manifest = opened.manifest
    try:
        listed = state.listing()
        if listed.task != manifest.task:
            return f"the open records are for another question than {opened.task.wording.title}."
        model = services.checkpoint(listed.task).digest
    except InputError as error:
        return f"{error.came}."
    if model != manifest.model:
        return f"the audit is of model {manifest.model}, and the open one is {model}."
    if manifest.prepared is not None:
        return "the audit was made of a prepared file, not of a folder of records."
    here = str(Path(listed.folder).absolute())
    folders = manifest.folders if here in manifest.folders else (listed.folder,)
    try:
        same = auditing.records_digest(listed.task, tuple(folders)) == manifest.listing
    except InputError:
        same = False
    return listed if same else "the open folder does not hold just the records that were audited."


def mismatch(opened: Opened) -> None:
    """Above everything else: that this audit is not of what is open, and the way to open what it is of."""
    found = reach(opened)
    if not isinstance(found, str):
        return
    st.warning(
        f"**This audit is not of what is open now:** {text.plain(found)} The figures below are the audit's own and "
        "hold; a point leads to its row of the audit, not to the Patient page.",
        icon=":material/link_off:",
    )
    with st.container(horizontal=True):
        for k, folder in enumerate(opened.manifest.folders[:FOLDERS]):
            if Path(folder).is_dir() and not _is_open(folder, opened):
                st.button(
                    f"Open {text.plain(Path(folder).name)}",
                    key=f"cohort_folder_{k}",
                    icon=":material/folder_open:",
                    help=words.HELP_OPEN,
                    on_click=_open,
                    args=(folder, opened.manifest.task),
                )


def _is_open(folder: str, opened: Opened) -> bool:
    try:
        listed = state.listing()
    except InputError:
        return False
    return str(Path(listed.folder).absolute()) == folder and listed.task == opened.manifest.task


def _open(folder: str, task: str) -> None:
    if Path(folder).is_relative_to(SAMPLES):
        state.set_source("sample")
    else:
        state.set_folder(folder)
        state.set_source("folder")
    state.set_task(task)


def found(opened: Opened, record_id: str) -> int | None:
    """The row of a record by its id; None where the audit has none of it."""
    rows = np.flatnonzero(opened.ids == record_id.strip())
    return int(rows[0]) if len(rows) else None
