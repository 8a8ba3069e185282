"""What the address of the Teaching page says: a lesson, a room, who opens it. No session here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from app.links import LONGEST

PRESENTER = "presenter"


@dataclass(frozen=True, slots=True)
class Place:
    """lesson: named by a link that starts nothing yet. room: its code; me: the learner's random id; lead: the leader's
    key: in links to one's own seat only, never in the address that is shown; presenter: for the wall. at: the step of a
    learner who goes their own pace, None for the room's first."""

    lesson: str = ""
    room: str = ""
    me: str = ""
    lead: str = ""
    presenter: bool = False
    at: int | None = None


def parse(parameters: Mapping[str, str]) -> Place:
    """The place that an address holds; what cannot be understood counts as not said."""
    said = {name: value[:LONGEST] for name, value in parameters.items() if value}
    at = said.get("at", "")
    return Place(
        lesson=said.get("lesson", ""),
        room=said.get("room", ""),
        me=said.get("me", ""),
        lead=said.get("lead", ""),
        presenter=said.get("view") == PRESENTER,
        at=int(at) if at.isdecimal() and len(at) < 4 else None,
    )


def written(place: Place) -> dict[str, str]:
    """The parameters of an address; `parse` gives the place back."""
    found = {
        "lesson": place.lesson,
        "room": place.room,
        "me": place.me,
        "lead": place.lead,
        "view": PRESENTER if place.presenter else "",
        "at": "" if place.at is None else str(place.at),
    }
    return {name: value for name, value in found.items() if value}


def link(page: str, place: Place) -> str:
    """The whole address. page: that of the Teaching page, without parameters."""
    return f"{page.partition('?')[0]}?{urlencode(written(place))}"


def invitation(page: str, code: str) -> str:
    """The address that learners get: it holds the room's code and nothing of the leader's."""
    return link(page, Place(room=code))
