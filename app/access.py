"""The access log: who looked at which record, opened which audit, took what along. Written after the page is painted.

A record is named by the hash that links use, never by its id. A log that cannot be written is said once and keeps
nobody from working.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress

import streamlit as st

from amfn.types import InputError
from app import rooms, state
from app.links import hashed
from store import Json

OF_ONE_RECORD = ("", "patient", "signals", "fusion", "attribution", "what_if")
"""Addresses of the pages that show one record."""


def actor() -> str:
    """The person who is signed in, where the server asks for that; else a random name of this browser session."""
    with suppress(AttributeError, KeyError):
        if st.user.is_logged_in and st.user.email:
            return str(st.user.email)
    return str(st.session_state.setdefault("visitor", f"session-{secrets.token_hex(4)}"))


def note(action: str, subject: str, detail: Mapping[str, Json] | None = None) -> None:
    """One entry for the same thing a session, at the end of the run that asked for it."""
    st.session_state.setdefault("to_log", {})[action, subject] = dict(detail or {})


def seen(page: str) -> None:
    """Note the record that a page of one record shows."""
    if page not in OF_ONE_RECORD:
        return
    with suppress(InputError):
        listed = state.listing()
        record_id = state.chosen(listed)
        note("opened record", hashed(listed.folder, record_id), {"task": listed.task})


def write() -> None:
    """What was noted since the last time and was not written yet."""
    done: set[tuple[str, str]] = st.session_state.setdefault("logged", set())
    noted: dict[tuple[str, str], dict[str, Json]] = st.session_state.pop("to_log", {})
    new = {what: detail for what, detail in noted.items() if what not in done}
    if not new:
        return
    # Also where the log fails: it is said once, not with every click.
    done.update(new)
    store = rooms.store()
    for (action, subject), detail in new.items():
        store.note(actor(), action, subject, detail)
