"""What is selected: kept in the session across pages. `app.address` puts it into the address."""

from __future__ import annotations

import os
from typing import Any, Literal

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from amfn.types import InputError
from app import links, services
from app.links import Link
from app.views import Listing

Source = Literal["sample", "folder"]


def framed() -> None:
    """Run the entry script first where Streamlit ran a page file alone.

    It does so when the first address ever opened is a page's, because their folder is called `pages`; st.navigation
    would switch that off, but has not run yet.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def start() -> None:
    """Once per session: take the selection from the address, or the folder from AMFN_DATA."""
    if "source" in st.session_state:
        return
    asked = links.parse(st.query_params.to_dict())
    named = os.environ.get("AMFN_DATA", "")
    hashed = asked.record is not None and asked.record.startswith(links.HASHED)
    st.session_state["link"] = asked
    st.session_state["source"] = "folder" if hashed or (named and asked.record is None) else "sample"
    st.session_state["folder"] = named
    st.session_state["chosen"] = {}
    known = asked.task if asked.task in services.task_titles() else _sample_task(asked.record)
    st.session_state["task"] = known
    if asked.record is not None and known is not None and not hashed:
        st.session_state["chosen"][_place(services.sample_folder(known), known)] = asked.record


def _sample_task(record_id: str | None) -> str | None:
    """Where a link names no question that there is: the one whose sample cohort holds its record."""
    tasks = services.task_titles()
    return next((name for name in tasks if record_id in services.listing(services.sample_folder(name), name).ids), None)


def source() -> Source:
    return st.session_state["source"]


def set_source(value: Source) -> None:
    st.session_state["source"] = value


def folder() -> str:
    """The folder that the user named, which may be empty."""
    return st.session_state["folder"]


def set_folder(path: str) -> None:
    st.session_state["folder"] = path


def tasks() -> tuple[str, ...]:
    """The tasks of the selected source. Raises InputError where the user's folder cannot be used."""
    return tuple(services.task_titles()) if source() == "sample" else services.tasks_in(folder())


def task() -> str:
    """The selected task; one that the source holds records of. Raises InputError as `tasks` does."""
    here = tasks()
    wanted = st.session_state["task"]
    return wanted if wanted in here else here[0]


def selected_task() -> str:
    """The selected task, whether or not a folder can be used: the Model page needs no record."""
    framed()
    try:
        return task()
    except InputError:
        return st.session_state["task"] or next(iter(services.task_titles()))


def set_task(value: str) -> None:
    st.session_state["task"] = value


def listing() -> Listing:
    """The records of the selected source and task. Raises InputError where the folder cannot be used."""
    selected = task()
    return services.listing(services.sample_folder(selected) if source() == "sample" else folder(), selected)


def link() -> Link:
    """What the address said when this session began."""
    return st.session_state["link"]


def chosen(listed: Listing) -> str:
    """The selected record's id, which a link may have got wrong; the first record where none was selected."""
    picked = st.session_state["chosen"].get(_place(listed.folder, listed.task))
    return picked or _linked(listed) or listed.ids[0]


def _linked(listed: Listing) -> str | None:
    """The record of the user's folder that the session's link names: its id, or the link's own word where no record of
    this folder is meant."""
    asked = link().record
    if asked is None or not asked.startswith(links.HASHED) or source() == "sample":
        return None
    if link().task not in (None, listed.task):
        return None
    return links.resolve(asked, listed.folder, listed.ids) or asked


def is_chosen(listed: Listing) -> bool:
    """True where a record was asked for, by hand or by a link."""
    return _place(listed.folder, listed.task) in st.session_state["chosen"] or _linked(listed) is not None


def choose(listed: Listing, record_id: str) -> None:
    st.session_state["chosen"][_place(listed.folder, listed.task)] = record_id


def kept(key: str, default: Any) -> Any:
    """A view setting as last left: Streamlit forgets a widget's own value once a page without it is shown."""
    return st.session_state.get("kept", {}).get(key, default)


def keep(key: str, value: Any) -> None:
    st.session_state.setdefault("kept", {})[key] = value


def keep_widget(key: str, widget: str) -> None:
    """For `on_change`: keep what the widget with this key now holds."""
    keep(key, st.session_state[widget])


def assumed(listed: Listing, record_id: str) -> tuple[str, float] | None:
    """The alarm that the user has this record judged for: its type, and when in seconds; None for the record's own."""
    return kept(_alarm(listed, record_id), None)


def assume(listed: Listing, record_id: str, alarm: tuple[str, float] | None) -> None:
    keep(_alarm(listed, record_id), alarm)


def _alarm(listed: Listing, record_id: str) -> str:
    return f"alarm:{place(listed)}:{record_id}"


def dark() -> bool:
    """True where the browser shows the dark theme."""
    return st.context.theme.type == "dark"


def place(listed: Listing) -> str:
    """The folder and task together: what a filter or a chosen record belongs to."""
    return _place(listed.folder, listed.task)


def _place(where: str, selected: str | None) -> str:
    return f"{selected}|{where}"
