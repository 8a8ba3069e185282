"""The address in the browser: a link to what is on the screen, restored when it is opened.

Written at the end of every run of a page and of its fragments, so that the address can be copied at any time. What a
link asks for and this program does not have is said once, and everything else of the link still counts.
"""

from __future__ import annotations

import streamlit as st

from amfn.types import InputError
from app import links, services, state
from app.explanations_methods import ZERO
from app.links import Link
from app.text import BASELINES
from app.views import Case, Listing
from explain.gradients import INTEGRATED_GRADIENTS
from explain.methods import METHODS

MODEL_DIGITS = 8
_SEEN, _APPLIED, _PROBLEMS = "address_seen", "address_applied", "address_problems"


def switched_off(digest: str) -> tuple[str, ...]:
    """Modalities that are switched off in this record, by name."""
    kept: dict[str, bool] = state.kept(f"on:{digest}", {})
    return tuple(name for name, on in kept.items() if not on)


def window_key(digest: str) -> str:
    """Where the signal's window of a record is kept: (start, length) in seconds. digest: the record's, or
    `unanswered` of one that the model was not asked about."""
    return f"window:{digest}"


def unanswered(listed: Listing, record_id: str) -> str:
    """What stands for the digest of a record that the model was not asked about."""
    return f"{state.place(listed)}|{record_id}"


def begin(listed: Listing, record_id: str) -> None:
    """Before a record is opened; once per session, for the first one: what a link says of it without its answer."""
    st.session_state[_SEEN] = (record_id, unanswered(listed, record_id))
    if _APPLIED in st.session_state:
        return
    asked = state.link()
    st.session_state[_APPLIED] = record_id
    st.session_state[_PROBLEMS] = [f"its {name} could not be read" for name in asked.unread]
    if asked.task and asked.task not in services.task_titles():
        st.session_state[_PROBLEMS].append(f"there is no question called {asked.task}")
    if asked.alarm is not None:
        state.assume(listed, record_id, asked.alarm)
    if asked.window is not None:
        state.keep(window_key(unanswered(listed, record_id)), asked.window)
    for value, known, key in ((asked.method, METHODS, "method"), (asked.baseline, BASELINES, "baseline")):
        if value and value in known:
            state.keep(key, value)
        elif value:
            st.session_state[_PROBLEMS].append(f"there is no {key} called {value}")


def apply(opened: Case) -> None:
    """When it is open; once per session, for the first one: its window and switched-off modalities."""
    record_id, asked = opened.record.record_id, state.link()
    st.session_state[_SEEN] = (record_id, opened.digest)
    if st.session_state.get(_APPLIED) != record_id:
        return
    st.session_state[_APPLIED] = None
    model = services.checkpoint(opened.listing.task).digest
    problems = list(st.session_state[_PROBLEMS])
    if asked.model and not model.startswith(asked.model):
        problems.append(f"it was made with the model {asked.model}, and these are answers of {model[:MODEL_DIGITS]}")
    names = set(opened.analysis.names)
    if unknown := [name for name in asked.off if name not in names]:
        problems.append(f"there is no modality called {', '.join(unknown)}")
    if off := [name for name in asked.off if name in names]:
        state.keep(f"on:{opened.digest}", dict.fromkeys(off, False))
    if asked.window is not None:
        state.keep(window_key(opened.digest), asked.window)
    st.session_state[_PROBLEMS] = (opened.digest, problems)


def problems(opened: Case) -> tuple[str, ...]:
    """What the link asked for in vain, as long as its record is open."""
    found = st.session_state.get(_PROBLEMS)
    return tuple(found[1]) if isinstance(found, tuple) and found[0] == opened.digest else ()


def share() -> None:
    """Put what is on the screen into the address. Where no record can be listed the address stays as it is."""
    try:
        listed = state.listing()
    except InputError:
        return
    if not listed.ids:
        return
    wanted = links.written(_current(listed))
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def _current(listed: Listing) -> Link:
    record_id = state.chosen(listed)
    sample = state.source() == "sample"
    named = record_id if sample or record_id.startswith(links.HASHED) else links.hashed(listed.folder, record_id)
    method, baseline = state.kept("method", INTEGRATED_GRADIENTS.name), state.kept("baseline", ZERO)
    seen, digest = st.session_state.get(_SEEN, ("", ""))
    if seen != record_id:
        # A page without a record stands open since another one was chosen: nothing is known of that one's views.
        digest = ""
    return Link(
        task=listed.task,
        record=named,
        alarm=state.assumed(listed, record_id),
        model=_model(listed.task),
        window=state.kept(window_key(digest), None),
        method=None if method == INTEGRATED_GRADIENTS.name else method,
        baseline=None if baseline == ZERO else baseline,
        off=switched_off(digest),
    )


def _model(task: str) -> str | None:
    try:
        return services.checkpoint(task).digest[:MODEL_DIGITS]
    except InputError:
        return None
