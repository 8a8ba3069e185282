"""A link to a view: what it says, read from an address and written into one. No session here.

Of a folder that the user named, a link holds neither the path nor a record's name, but a hash of both: it opens the
record again where the same folder is named, and tells nobody else what it was.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HASHED, AT = "~", "@"
LONGEST = 200
"""Characters of one value that are read: an address is typed by anybody."""


@dataclass(frozen=True, slots=True)
class Link:
    """What an address selects; None and empty where it says nothing.

    record: a record's id, or "~" and a hash of folder and id. alarm: type and seconds of one that the user assumed.
    model: the first digits of its hash. window: start and length in seconds. off: modalities that are switched off.
    unread: parameters that could not be understood.
    """

    task: str | None = None
    record: str | None = None
    alarm: tuple[str, float] | None = None
    model: str | None = None
    window: tuple[float, float] | None = None
    method: str | None = None
    baseline: str | None = None
    off: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def parse(parameters: Mapping[str, str]) -> Link:
    """The link that an address holds. Whatever cannot be understood is named in `unread`, and the rest still counts."""
    said = {name: value[:LONGEST] for name, value in parameters.items() if value}
    window, unread = None, []
    if "start" in said or "length" in said:
        window = _window(said.get("start", ""), said.get("length", ""))
        unread += ["start, length"] if window is None else []
    alarm = _alarm(said.get("alarm", ""))
    unread += ["alarm"] if "alarm" in said and alarm is None else []
    off = tuple(name for name in said.get("off", "").split(",") if name)
    return Link(
        said.get("task"), said.get("record"), alarm, said.get("model"), window, said.get("method"),
        said.get("baseline"), off, tuple(unread),
    )  # fmt: skip


def _alarm(said: str) -> tuple[str, float] | None:
    kind, _, moment = said.partition(AT)
    try:
        seconds = float(moment)
    except ValueError:
        return None
    return (kind, seconds) if kind and math.isfinite(seconds) and seconds > 0 else None


def _window(start: str, length: str) -> tuple[float, float] | None:
    try:
        first, span = float(start), float(length)
    except ValueError:
        return None
    return (first, span) if math.isfinite(first) and math.isfinite(span) and first >= 0 and span > 0 else None


def written(link: Link) -> dict[str, str]:
    """The parameters of an address; `parse` gives the link back."""
    found: dict[str, str | None] = {
        "task": link.task, "record": link.record, "model": link.model, "method": link.method, "baseline": link.baseline,
        "off": ",".join(link.off),
    }  # fmt: skip
    if link.alarm is not None:
        found["alarm"] = f"{link.alarm[0]}{AT}{link.alarm[1]:.12g}"
    if link.window is not None:
        found |= {"start": f"{link.window[0]:.12g}", "length": f"{link.window[1]:.12g}"}
    return {name: value for name, value in found.items() if value}


def hashed(folder: str, record_id: str) -> str:
    """How a record of a user's folder is named in an address."""
    return HASHED + hashlib.sha256(f"{folder}\n{record_id}".encode()).hexdigest()[:16]


def resolve(record: str, folder: str, ids: Iterable[str]) -> str | None:
    """The id that a link's record stands for among these, None where there is none."""
    if not record.startswith(HASHED):
        return record if record in set(ids) else None
    return next((record_id for record_id in ids if hashed(folder, record_id) == record), None)
