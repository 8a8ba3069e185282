"""Where a browser stands on the Teaching page: in its address, and kept for when one comes back from another page.

Who it is, a learner's id and the leader's key, is the seat of its session, which the tab remembers (`app.rooms`). An
address that brings them along is taken at its word once and then loses them: a teacher's screen is on the wall.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import rooms, state, teaching_links
from app.rooms import Seat
from app.teaching_links import Place
from app.teaching_rooms import LESSON

KEPT = "teaching_place"


def current() -> Place:
    """The address, or where one stood before another page was shown."""
    said = st.query_params.to_dict()
    kept: dict[str, str] = state.kept(KEPT, {})
    if kept and not teaching_links.written(teaching_links.parse(said)):
        st.query_params.from_dict(kept)
        said = kept
    return teaching_links.parse(said)


def seated(place: Place) -> Place:
    """The place with who the session is in its room, where the address does not say it."""
    seat = rooms.seat(LESSON)
    if seat is None or seat.code != place.room:
        return place
    return replace(place, me=place.me or seat.participant or "", lead=place.lead or seat.key or "")


def go(place: Place) -> None:
    """Stand there from the next run on; the address says so at once, but not who one is."""
    if place.room and (place.me or place.lead):
        rooms.sit(LESSON, Seat(place.room, place.me or None, place.lead or None))
    elif not place.room:
        rooms.leave(LESSON)
    written = teaching_links.written(replace(place, me="", lead=""))
    state.keep(KEPT, written)
    if st.query_params.to_dict() != written:
        st.query_params.from_dict(written)


def page() -> str:
    """The address of this page, without parameters."""
    return (st.context.url or "").partition("?")[0]
