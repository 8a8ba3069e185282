"""The Agreement page: where a study is started, joined and led; ranking and results stand in views of their own."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from amfn.types import InputError
from app import agreement_rating_view, agreement_results_view, rooms, services, state, text, widgets
from app import agreement_study as studies
from app import agreement_words as words
from app.agreement_study import FolderWanted, Study
from app.components import copy_link
from app.rooms import Seat
from app.views import Listing
from app.widgets import boundary, pressed

FIRST_COUNT = 10


def page() -> None:
    state.framed()
    rooms.remember(studies.KIND)
    with boundary():
        taken, asked = rooms.seat(studies.KIND), rooms.asked()
        if taken is not None:
            _inside(taken)
        elif asked is not None:
            _at_the_door(asked)
        else:
            _lobby()


def _lobby() -> None:
    st.markdown(words.INTRO, help=words.HELP_INTRO)
    left, right = widgets.pair("lobby")
    with left, boundary():
        st.markdown(f"#### {words.JOIN}")
        st.caption("With the code of a study, or the link that holds it.")
        code = st.text_input("Code of the study", key="w_agreement_code", max_chars=20, help=words.CODE_HELP)
        if pressed(words.JOIN, "agreement_join", type="primary"):
            _join(code)
        with st.expander(words.LEAD):
            _lead()
    with right, boundary():
        _start()


def _join(code: str) -> None:
    found = studies.find(code)
    if found.closed:
        raise InputError(
            f"study {found.code}", "a study that is closed", "one that is open",
            "Ask whoever leads it; its link still shows the results.",
        )  # fmt: skip
    who = rooms.store().join(found.code)
    rooms.sit(studies.KIND, Seat(found.code, who.id))
    st.rerun()


def _lead() -> None:
    code = st.text_input("Code", key="w_agreement_lead_code", max_chars=20, help=words.CODE_HELP)
    key = st.text_input("Key", key="w_agreement_key", type="password", max_chars=100, help="Given when it was started.")
    if pressed("Lead this study", "agreement_lead"):
        found = studies.find(code)
        if not rooms.store().may_lead(found.code, key):
            raise InputError(
                f"study {found.code}", "another key", "the key that was given when it was started",
                "Type it as it was noted.",
            )  # fmt: skip
        rooms.sit(studies.KIND, Seat(found.code, key=key))
        st.rerun()


def _start() -> None:
    st.markdown(f"#### {words.START}")
    listed = state.listing()
    place = "the sample cohort (simulated)" if services.is_sample(listed) else f"folder {Path(listed.folder).name}"
    question = services.task_titles()[listed.task]
    st.caption(words.START_FROM.format(place=text.plain(place), question=question, count=f"{len(listed.ids):,}"))
    if not listed.ids:
        return
    way = st.radio(
        "Records", ["Draw them at random", "Choose them"], key="w_agreement_way", horizontal=True, help=words.HELP_DRAW
    )
    if way == "Choose them":
        ids = st.multiselect(
            "Which", listed.ids, key=f"w_agreement_ids_{listed.task}", max_selections=studies.MOST_RECORDS
        )
        count, seed = len(ids), 0
    else:
        ids, most = [], min(len(listed.ids), studies.MOST_RECORDS)
        with st.container(horizontal=True):
            count = st.number_input("How many", 1, most, min(FIRST_COUNT, most), key="w_agreement_count", width=150)
            seed = st.number_input("Seed", 0, 10**6, 1, key="w_agreement_seed", width=150, help=words.HELP_SEED)
    reveal: studies.Reveal = st.radio(
        words.REVEAL_WHEN,
        list(words.REVEALS),
        format_func=words.REVEALS.__getitem__,
        key="w_agreement_reveal",
        horizontal=True,
        help=words.HELP_REVEAL_WHEN,
    )
    if reveal == "each":
        st.caption(words.NOT_BLIND)
    st.caption(words.WHO_SEES)
    if pressed("Start the study", "agreement_start", type="primary", disabled=not count):
        bar = st.progress(0.0, "Reading the records …")

        def told(share: float) -> None:
            bar.progress(share, "Reading the records …")

        drawn = studies.pick(listed, ids, told) if ids else studies.draw(listed, count, seed, told)
        begun = studies.begin(listed, drawn, reveal)
        rooms.sit(studies.KIND, Seat(begun.room.code, key=begun.key))
        state.keep("agreement_passed", drawn.passed_over)
        st.rerun()


def _at_the_door(code: str) -> None:
    """Someone came by a link: what the study is, before they are in it."""
    try:
        found = studies.find(code)
    except InputError as error:
        widgets.input_error(error)
        st.button("To the Agreement page", key="agreement_lobby", on_click=rooms.leave, args=(studies.KIND,))
        return
    st.markdown(words.INTRO, help=words.HELP_INTRO)
    kind = "simulated patients" if found.sample else "patients' records"
    st.markdown(
        f"**Study {found.code}** · {services.task_titles().get(found.task, found.task)} · "
        f"{words.counted(len(found.records), 'record')} of {kind}"
    )
    if found.closed:
        st.info(words.CLOSED, icon=":material/lock:")
        listed = _listing(found)
        if listed is not None:
            agreement_results_view.results(found, listed)
        _folder(found, leads=False)
    else:
        st.caption(words.ANONYMOUS)
        if pressed(words.JOIN, "agreement_enter", type="primary"):
            _join(found.code)
    st.button("Not this study", key="agreement_away", on_click=rooms.leave, args=(studies.KIND,))


def _inside(taken: Seat) -> None:
    found = studies.find(taken.code)
    with boundary():
        listed = _listing(found)
        if listed is not None and taken.participant is None:
            _led(found, taken, listed)
        elif listed is not None and taken.participant is not None:
            agreement_rating_view.rating(found, taken.participant, listed)
    _folder(found, leads=taken.key is not None)
    st.divider()
    st.button(
        "Leave the study",
        key="agreement_leave",
        icon=":material/logout:",
        on_click=rooms.leave,
        args=(studies.KIND,),
        help=words.HELP_LEAVE,
    )


def _listing(found: Study) -> Listing | None:
    """Where the records lie; None where nobody has said so or they are not there, which is said."""
    try:
        return studies.listing(found)
    except FolderWanted:
        st.info(words.FOLDER_WANTED, icon=":material/folder_open:")
    except InputError as error:
        widgets.input_error(error)
    return None


def _folder(found: Study, leads: bool) -> None:
    """Where the records of somebody's own folder lie, to be said anew at any time."""
    if found.sample:
        return
    key = f"w_agreement_folder_{found.code}"
    st.text_input(
        "Folder of the study's records",
        key=key,
        placeholder="/path/to/records",
        help=words.FOLDER_HELP,
        on_change=lambda: studies.name_folder(found, st.session_state[key], leads),
    )


def _close(found: Study, taken: Seat) -> None:
    with boundary():
        rooms.store().close_room(found.code, taken.key or "")


def _led(found: Study, taken: Seat, listed: Listing) -> None:
    """The leader's view: the code, who takes part, the results as they come in."""
    with st.container(key="agreement_head"):
        st.html(f'<p class="fs-code"><span>Code of the study</span> <strong>{text.escape(found.code)}</strong></p>')
        copy_link.button()
        st.caption(words.LINK)
    st.markdown(
        f"{services.task_titles()[found.task]} · {words.counted(len(found.records), 'record')}: "
        f"{text.plain(', '.join(found.records))}"
    )
    widgets.refusals(state.kept("agreement_passed", ()))
    if found.closed:
        st.info(words.CLOSED, icon=":material/lock:")
    else:
        with st.expander(words.KEY_TITLE):
            st.markdown(words.KEY.format(key=taken.key))
        with st.popover("Close the study", icon=":material/lock:"):
            st.markdown(words.CLOSING)
            st.button("Close it now", key="agreement_close", type="primary", on_click=_close, args=(found, taken))
    agreement_results_view.live(found, listed)
