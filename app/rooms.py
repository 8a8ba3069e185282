"""Rooms of the Teaching and the Agreement page: the store, the seat that a session has in one, and its address.

Who sits in a room is to say something before the model does: on these pages the list of records, which holds the
model's risks, is out of sight then (`blind`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app.components import tab_memory
from app.links import LONGEST
from store import RoomKind, Store

TEACHING = "teaching"
PAGES: Mapping[str, RoomKind] = {TEACHING: "lesson", "agreement": "agreement"}
"""The pages of rooms by their address."""
ROOM = "room"


@dataclass(frozen=True, slots=True)
class Seat:
    """What a session is in a room. participant: a random id, None for one who only leads; key: the leader's, None for
    anyone else. Both are secrets of this session."""

    code: str
    participant: str | None = None
    key: str | None = None


def store() -> Store:
    """The store of this program. Raises InputError where it cannot be opened."""
    return _store(os.environ.get("DATABASE_URL"))


@st.cache_resource(show_spinner=False)
def _store(url: str | None) -> Store:
    return Store.open(url)


def blind(page: str) -> bool:
    """True for the Teaching page, where the list is of no use, and where the page with this address belongs to a room
    that the session sits in or was sent to by a link."""
    return page == TEACHING or (page in PAGES and (seat(PAGES[page]) is not None or asked() is not None))


def asked() -> str | None:
    """The code of the room that the address names."""
    return st.query_params.get(ROOM, "")[:LONGEST] or None


def seat(kind: RoomKind) -> Seat | None:
    return st.session_state.get(_key(kind))


def sit(kind: RoomKind, taken: Seat) -> None:
    """Take a seat, and have the address name its room, so that it can be shared."""
    st.session_state[_key(kind)] = taken
    _named(taken.code)


def leave(kind: RoomKind) -> None:
    """Give the seat up: the session, the address and the browser's tab know nothing of it any more."""
    st.session_state.pop(_key(kind), None)
    st.session_state[_left(kind)] = True
    st.query_params.clear()


def remember(kind: RoomKind) -> None:
    """Once a run of a room's page: a seat outlives a reload of the page, as long as its tab is open.

    It is kept in the tab and nowhere else, so that on a shared computer whoever comes next is somebody else.
    """
    taken, key = seat(kind), f"tab_{kind}"
    if taken is not None:
        _named(taken.code)
        st.session_state.pop(_left(kind), None)
    held = None if taken is None else {"code": taken.code, "participant": taken.participant, "key": taken.key}
    tab_memory.tab_memory(
        kind, held, forget=bool(st.session_state.get(_left(kind))), key=key, found=lambda: _return(kind, key)
    )


def _return(kind: RoomKind, key: str) -> None:
    """What the tab remembers counts where the address means the same room and the store still knows the participant."""
    said = tab_memory.found(key)
    code, who, secret = (said.get(name) for name in ("code", "participant", "key"))
    if not isinstance(code, str) or seat(kind) is not None or asked() not in (None, code):
        return
    known = isinstance(who, str) and any(each.id == who for each in store().participants(code))
    leads = isinstance(secret, str) and store().may_lead(code, secret)
    if known or leads:
        sit(kind, Seat(code, who if known else None, secret if leads else None))


def _named(code: str) -> None:
    """The address names the room; what else it says of the view of this room stays."""
    if asked() != code:
        st.query_params.from_dict({ROOM: code})


def _key(kind: RoomKind) -> str:
    return f"seat:{kind}"


def _left(kind: RoomKind) -> str:
    return f"left:{kind}"
