"""A study of agreement: which records, what raters said of them, and how that compares with the model's measures.

A study is a room of the store. Its settings hold each record's id and digest and the model's hash, so that neither
another folder nor another model can answer for them. A folder's path is not kept in the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
import streamlit as st

from amfn.types import InputError
from app import rooms, services, state
from app.views import Case, Listing, Refusal, refusal
from explain.raters import Ranking, RaterStudy
from explain.raters import study as compared
from explain.reality import RANKED_FROM, RealityCheck

if TYPE_CHECKING:
    from store import Json, OpenedRoom, Room

KIND: Literal["agreement"] = "agreement"
RANKING = "ranking"
MOST_RECORDS = 60
CONFIDENCES = ("low", "medium", "high")
Progress = Callable[[float], object]
Reveal = Literal["each", "all"]


class FolderWanted(InputError):
    """The study is about records of a folder that this program has not been told the path of."""

    def __init__(self) -> None:
        super().__init__("study", "no folder", "the folder with the study's records", "Type its path.")


@dataclass(frozen=True, slots=True)
class Study:
    """What a room says of its study. digests: of each record as its reader reads it; model: the model's hash; sample:
    True for the simulated patients that come with the program; reveal: when a rater sees the model's order, after each
    record or when all are ranked."""

    code: str
    task: str
    digests: Mapping[str, str]
    model: str
    sample: bool
    opened: datetime
    closed: bool
    reveal: Reveal = "each"

    @property
    def records(self) -> tuple[str, ...]:
        return tuple(self.digests)

    def order_for(self, participant: str) -> tuple[str, ...]:
        """The records as one rater sees them: in an order of their own, always the same, so that the first ones are
        not the same for everybody."""
        seed = int.from_bytes(hashlib.sha256(f"{self.code}|{participant}".encode()).digest()[:8], "big")
        return tuple(self.records[k] for k in np.random.default_rng(seed).permutation(len(self.records)))


@dataclass(frozen=True, slots=True)
class Rated:
    """One committed answer. places: by modality, 1 first; estimate in percent, confidence: None where not given."""

    participant: str
    rater: str
    record: str
    places: Mapping[str, int]
    estimate: float | None
    confidence: str | None
    submitted: datetime

    @property
    def ranking(self) -> Ranking:
        return Ranking(self.rater, self.record, self.places)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Records for a study, id and digest, and those that were passed over, with the reason."""

    digests: Mapping[str, str]
    passed_over: tuple[Refusal, ...]


def of_room(room: Room) -> Study:
    """Raises InputError for a room that is no study, or was made by another version of the program."""
    settings = room.settings
    digests, model = settings.get("records"), settings.get("model")
    if room.kind != KIND or not isinstance(digests, dict) or not digests or not isinstance(model, str):
        raise InputError(
            f"room {room.code}",
            "a lesson" if room.kind != KIND else "settings that cannot be read",
            "a study of agreement",
            "Ask for the code of the study; a lesson is joined on the Teaching page.",
        )
    return Study(
        room.code, room.subject, {name: str(digest) for name, digest in digests.items()}, model,
        settings.get("sample") is True, room.opened, room.closed is not None,
        "all" if settings.get("reveal") == "all" else "each",
    )  # fmt: skip


def find(code: str) -> Study:
    """The study with this code. Raises InputError where there is none."""
    return of_room(rooms.store().room(code))


def draw(listed: Listing, count: int, seed: int, progress: Progress) -> Drawn:
    """So many usable records in a random order, the same for the same seed. Raises InputError where there are fewer."""
    ids = [listed.ids[k] for k in np.random.default_rng(seed).permutation(len(listed.ids))]
    return _usable(listed, ids, count, progress)


def pick(listed: Listing, ids: Sequence[str], progress: Progress) -> Drawn:
    """These records. Raises InputError where one of them cannot be ranked, with the reason."""
    return _usable(listed, ids, len(ids), progress)


def _usable(listed: Listing, ids: Sequence[str], count: int, progress: Progress) -> Drawn:
    if not 1 <= count <= MOST_RECORDS:
        raise InputError("study", f"{count} records", f"1 to {MOST_RECORDS}", "Choose another number.")
    digests: dict[str, str] = {}
    passed: list[Refusal] = []
    for record_id in ids:
        if len(digests) == count:
            break
        try:
            digests[record_id] = _rankable(services.case(listed, record_id)).digest
        except InputError as error:
            passed.append(refusal(record_id, error))
        progress(len(digests) / count)
    if len(digests) < count:
        first = "" if not passed else f"; {passed[0].record_id}: {passed[0].came}"
        raise InputError(
            "study", f"{len(digests)} of {count} records that can be ranked{first}",
            f"records that can be read, with {RANKED_FROM} modalities or more", "Choose other records, or fewer.",
        )  # fmt: skip
    return Drawn(digests, tuple(passed))


def _rankable(opened: Case) -> Case:
    here = int(opened.analysis.present.sum())
    if here < RANKED_FROM:
        raise InputError(
            opened.record.record_id, f"{here} of its modalities were recorded", f"{RANKED_FROM} or more",
            "Choose another record.",
        )  # fmt: skip
    return opened


def begin(listed: Listing, drawn: Drawn, reveal: Reveal = "each") -> OpenedRoom:
    """Open a room for these records."""
    settings: dict[str, Json] = {
        "records": dict(drawn.digests),
        "model": services.checkpoint(listed.task).digest,
        "sample": services.is_sample(listed),
        "reveal": reveal,
    }
    opened = rooms.store().open_room(KIND, listed.task, settings)
    if not services.is_sample(listed):
        _folders()[opened.room.code] = listed.folder
    return opened


@st.cache_resource(show_spinner=False)
def _folders() -> dict[str, str]:
    """By code, where the records of a study lie: known for as long as the program runs, and kept nowhere."""
    return {}


def name_folder(study: Study, path: str, leads: bool) -> None:
    """Where this session looks for the records; where its leader says so, all other sessions too."""
    state.keep(f"agreement_folder:{study.code}", path)
    if leads:
        _folders()[study.code] = path


def listing(study: Study) -> Listing:
    """Where the study's records lie. Raises FolderWanted where nobody has said, InputError for a folder without them,
    or where the model is another one."""
    own = services.checkpoint(study.task).digest
    if own != study.model:
        raise InputError(
            f"study {study.code}", f"the model {own[:8]}", f"{study.model[:8]}, with which the study was started",
            "Start a new study, or put the former model back.",
        )  # fmt: skip
    named = state.kept(f"agreement_folder:{study.code}", "") or _folders().get(study.code, "")
    if not study.sample and not named.strip():
        raise FolderWanted()
    listed = services.listing(services.sample_folder(study.task) if study.sample else named, study.task)
    gone = sorted(set(study.records) - set(listed.ids))
    if gone:
        raise InputError(
            "folder", f"{len(gone)} of the study's {len(study.records)} records are not in it, the first {gone[0]}",
            "the folder with which the study was started", "Name that folder.",
        )  # fmt: skip
    return listed


def opened(study: Study, listed: Listing, record_id: str) -> Case:
    """A record of the study. Raises InputError where it is not what it was when the study was started."""
    found = services.case(listed, record_id)
    _same(study, record_id, found.digest)
    return found


def _same(study: Study, record_id: str, digest: str) -> None:
    if digest != study.digests[record_id]:
        raise InputError(
            record_id, "a record of this name with other values", "the record with which the study was started",
            "Name the study's own folder, or put the former file back.",
        )  # fmt: skip


def people(study: Study) -> dict[str, str]:
    """The anonymous names of all who take part, by their ids, in the order in which they came."""
    return {who.id: who.alias for who in rooms.store().participants(study.code)}


def ratings(study: Study) -> tuple[Rated, ...]:
    """Everything that was committed, in the order in which it came."""
    names, found = people(study), []
    for answer in rooms.store().answers(study.code):
        value = answer.value
        if answer.stage == RANKING and answer.participant_id in names and isinstance(value, dict):
            places = value.get("places")
            estimate, confidence = value.get("estimate"), value.get("confidence")
            found.append(
                Rated(
                    answer.participant_id, names[answer.participant_id], answer.item,
                    {m: int(p) for m, p in places.items() if isinstance(p, int)} if isinstance(places, dict) else {},
                    float(estimate) if isinstance(estimate, int | float) else None,
                    confidence if isinstance(confidence, str) else None,
                    answer.submitted,
                )
            )  # fmt: skip
    return tuple(found)


def commit(
    study: Study, participant: str, record_id: str, places: Mapping[str, int],
    estimate: float | None, confidence: str | None,
) -> None:  # fmt: skip
    """Keep a ranking. The first one counts: raises AlreadyAnswered for another one of the same record."""
    value: dict[str, Json] = {"places": dict(places), "estimate": estimate, "confidence": confidence}
    rooms.store().submit(study.code, participant, record_id, RANKING, value)


def comments(study: Study) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """By participant and record, what was remarked, the oldest first."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for each in rooms.store().comments(study.code):
        key = (each.participant_id, each.item)
        found[key] = (*found.get(key, ()), each.text)
    return found


def checks(study: Study, listed: Listing, records: Sequence[str]) -> dict[str, RealityCheck]:
    """What the model says of these records. Raises InputError as `opened` does."""
    found = {}
    for record_id in records:
        ref = services.located(listed, record_id)
        digest, found[record_id] = _check(
            listed.folder, services.modified(ref), study.task, record_id, study.model, listed
        )
        _same(study, record_id, digest)
    return found


@st.cache_resource(max_entries=512, show_spinner=False)
def _check(
    folder: str, modified: tuple[int, ...], task: str, record_id: str, model: str, _listed: Listing
) -> tuple[str, RealityCheck]:
    found = services.case(_listed, record_id)
    return found.digest, found.analysis.reality


def results(study: Study, rated: Sequence[Rated], found: Mapping[str, RealityCheck]) -> RaterStudy:
    """Agreement over everything that was committed. Raises InputError where nothing was."""
    key = hashlib.sha256(
        repr([(r.participant, r.record, sorted(r.places.items())) for r in rated]).encode()
    ).hexdigest()
    return _results(study.code, study.model, key, rated, found)


@st.cache_data(max_entries=16, show_spinner=False)
def _results(
    code: str, model: str, key: str, _rated: Sequence[Rated], _found: Mapping[str, RealityCheck]
) -> RaterStudy:
    return compared([each.ranking for each in _rated], _found)
