"""The sidebar: source, task, filters and the record. Drawn once a run, on every page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from amfn.types import InputError
from app import address, services, state, surveying, text
from app.components import copy_link
from app.views import Entry, Listing, NoFolder

SOURCES = {"sample": "Sample cohort (simulated)", "folder": "My own folder"}
ORDERS = {"id": "Record", "high": "Highest risk first", "low": "Lowest risk first"}
ANYTHING, NOTHING = "any", "nothing"
MISSING = {ANYTHING: "Any", NOTHING: "Nothing missing"}


def sidebar(blind: bool = False) -> None:
    """Everything that selects. A folder that cannot be used is explained by the page; here the rest stays usable.

    blind: nothing to select, as the list says what the model says, and the page asks its reader first.
    """
    state.start()
    with st.sidebar:
        if blind:
            st.info(text.LIST_HIDDEN, icon=":material/visibility_off:")
            st.caption(text.DISCLAIMER)
            return
        _source()
        try:
            listed = _task()
            if listed.ids:
                _records(listed)
                # Now, for a page that takes its time, and once more when it is drawn.
                address.share()
                copy_link.button()
        except NoFolder:
            st.caption("Type the path of a folder above.")
        except InputError:
            st.caption("No records to choose from: see the message on the page.")
        st.caption(text.DISCLAIMER)


def _source() -> None:
    st.session_state["w_source"] = state.source()
    st.radio(
        "Records from",
        list(SOURCES),
        format_func=SOURCES.__getitem__,
        key="w_source",
        on_change=lambda: state.set_source(st.session_state["w_source"]),
    )
    if state.source() == "folder":
        st.session_state["w_folder"] = state.folder()
        st.text_input(
            "Folder",
            key="w_folder",
            placeholder="/path/to/records",
            help="A folder on this computer with WFDB records (.hea with their signal files), Challenge 2012 stays "
            "(.txt), CSV waveforms or MEDS files. It is only read. The Data page says more.",
            on_change=lambda: state.set_folder(st.session_state["w_folder"]),
        )


def _task() -> Listing:
    titles, here = services.task_titles(), state.tasks()
    st.session_state["w_task"] = state.task()
    st.radio(
        "Question",
        here,
        format_func=titles.__getitem__,
        key="w_task",
        horizontal=True,
        on_change=lambda: state.set_task(st.session_state["w_task"]),
    )
    return state.listing()


def _records(listed: Listing) -> None:
    entries = _entries(listed)
    unasked = _unasked(listed) if entries else []
    ids = _filtered(listed, entries) + unasked if entries else list(listed.ids)
    current = state.chosen(listed)
    # A record asked for stays open even where it is unknown or unreadable, so that the page can say why.
    if entries and current not in entries and current not in unasked and not state.is_chosen(listed):
        current = next(record_id for record_id in listed.ids if record_id in entries)
        state.choose(listed, current)
    refused = len(listed.ids) - len(entries) - len(unasked) if entries else 0
    st.caption(f"{len(ids):,} of {len(listed.ids) - refused:,} records")
    if unasked:
        st.caption(f"{len(unasked):,} without an alarm, at the end of the list: see the Signals page.")
    if refused:
        st.caption(f"{refused:,} cannot be used: the reason stands at the end of the Patient page.")
    if current in entries and current not in ids:
        st.info(f"The open record {text.plain(current)} is outside the filter.", icon=":material/filter_alt:")
    if not ids:
        st.warning("No record matches these filters.", icon=":material/filter_alt_off:")
        return
    st.session_state["w_record"] = current if current in ids else None
    st.selectbox(
        "Record",
        ids,
        index=None,
        format_func=lambda record_id: _line(record_id, entries.get(record_id)),
        key="w_record",
        placeholder="Choose a record",
        help="Type to search in what the list shows.",
        on_change=_picked,
        args=(listed,),
    )
    _steps(listed, ids, current)


def _picked(listed: Listing) -> None:
    if st.session_state["w_record"] is not None:
        state.choose(listed, st.session_state["w_record"])


def _steps(listed: Listing, ids: list[str], current: str) -> None:
    at = ids.index(current) if current in ids else -1
    with st.container(horizontal=True):
        for label, to in (("Previous", at - 1), ("Next", at + 1)):
            inside = 0 <= to < len(ids)
            st.button(
                label,
                key=f"w_{label.lower()}",
                disabled=not inside,
                on_click=state.choose,
                args=(listed, ids[to] if inside else current),
            )


def _entries(listed: Listing) -> dict[str, Entry]:
    """What the finished survey says of each record; empty while it is not finished or the model cannot be used."""
    try:
        found = surveying.survey(listed)
    except InputError:
        return {}
    return found.entries if found.done else {}


def _unasked(listed: Listing) -> list[str]:
    """Recordings that the model has nothing to say of: they stay in the list, to be looked at."""
    return list(surveying.survey(listed).unasked)


def _line(record_id: str, entry: Entry | None) -> str:
    return record_id if entry is None else f"{record_id} · {text.percent(entry.risk)} · {entry.group}"


def _filter(listed: Listing, name: str) -> str:
    return f"filter:{name}|{state.place(listed)}"


def _restored(listed: Listing, name: str, value: Any) -> dict[str, Any]:
    """Put a filter back as it was left, and name the arguments that keep what becomes of it."""
    widget = f"w_{name}_{listed.task}"
    st.session_state[widget] = value
    return {"key": widget, "on_change": state.keep_widget, "args": (_filter(listed, name), widget)}


def _filtered(listed: Listing, entries: dict[str, Entry]) -> list[str]:
    schema = services.schema(listed.task)
    titles = {spec.name: spec.title for spec in schema.modalities}
    lacking = sorted({name for e in entries.values() for name in e.missing}, key=schema.names.index)
    groups = sorted({e.group for e in entries.values()})
    absences = [ANYTHING, NOTHING, *lacking]
    with st.expander("Filter and order", expanded=False, icon=":material/filter_alt:"):
        left = [group for group in state.kept(_filter(listed, "group"), []) if group in groups]
        wanted = st.multiselect(services.group_title(listed.task), groups, **_restored(listed, "group", left))
        lack = state.kept(_filter(listed, "missing"), ANYTHING)
        missing = st.selectbox(
            "Missing modality",
            absences,
            format_func=lambda name: MISSING.get(name) or f"{titles[name]} missing",
            **_restored(listed, "missing", lack if lack in absences else ANYTHING),
        )
        span = state.kept(_filter(listed, "risk"), (0, 100))
        low, high = st.slider("Risk", 0, 100, step=1, format="%d %%", **_restored(listed, "risk", span))
        by = state.kept(_filter(listed, "order"), "id")
        order = st.selectbox("Order", list(ORDERS), format_func=ORDERS.__getitem__, **_restored(listed, "order", by))
    kept = [
        e
        for e in entries.values()
        if (not wanted or e.group in wanted)
        and (missing == ANYTHING or missing in e.missing or (missing == NOTHING and not e.missing))
        and low <= 100 * e.risk <= high
    ]
    if order != "id":
        kept.sort(key=lambda e: e.risk, reverse=order == "high")
    ids = [e.record_id for e in kept]
    return ids if order != "id" else sorted(ids)


def ask(listed: Listing) -> None:
    """Have the whole folder read, however large it is."""
    st.session_state[_asked(listed)] = True


def _asked(listed: Listing) -> str:
    return f"rank:{state.place(listed)}"


def survey() -> None:
    """After the page is drawn: read the whole folder, if small or if asked to, so that filters and risks appear."""
    try:
        listed = state.listing()
        found = surveying.survey(listed)
    except InputError:
        return
    if found.done:
        return
    # Streamlit leaves what a run no longer draws in sight until the run ends, and this one is long.
    st.html("<style>.st-key-w_rank[data-stale='true'] { display: none; }</style>")
    small = len(listed.ids) <= surveying.AUTOMATIC_UP_TO
    if not small and not st.session_state.get(_asked(listed)):
        st.sidebar.button(
            "Rank all records by risk",
            help=f"Reads all {len(listed.ids):,} records, which filters need. Choosing a record meanwhile is fine.",
            on_click=ask,
            args=(listed,),
            key="w_rank",
        )
        return
    bar = st.sidebar.progress(found.share, "Reading all records …")
    surveying.complete(listed, lambda share: bar.progress(share, f"Reading all records … {100 * share:.0f} %"))
    st.rerun()
