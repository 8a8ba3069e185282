"""What a rater sees: a record without anything of the model, a ranking to commit, and only then the model's order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from amfn.types import InputError
from app import access, agreement_results_view, figures, rooms, signal_view, state, text, widgets
from app import agreement_study as studies
from app import agreement_words as words
from app.agreement_study import Rated, Study
from app.components import to_top
from app.figures.agreement import place_text
from app.links import hashed
from app.theme import modality_colour
from app.views import Case, Listing
from app.widgets import boundary, pressed
from explain.raters import MEASURES, model_order, order, tau
from explain.reality import TITLES, Measure
from store import AlreadyAnswered

RESULTS = ""
"""In place of a record: the results."""
SHOWN: tuple[Measure, ...] = ("shapley", "weight")
"""The measures beside a rater's order: what moved the estimate, and what the model lets in."""


def rating(found: Study, me: str, listed: Listing) -> None:
    """One record after the other, in the rater's own order, and the results after the last."""
    alias = studies.people(found).get(me)
    if alias is None:
        raise InputError(
            f"study {found.code}", "a participant whose answers were erased", "one who takes part",
            "Leave the study, and take part anew.",
        )  # fmt: skip
    own = found.order_for(me)
    mine = {each.record: each for each in studies.ratings(found) if each.participant == me}
    at = _at(found, me, own, mine)
    # What is open stays open, also where it was ranked meanwhile in another tab.
    _go(found, me, at)
    left = [record for record in own if record not in mine]
    st.markdown(f"Study **{found.code}** · you are **{text.plain(alias)}** · {len(mine)} of {len(own)} records ranked")
    st.progress(len(mine) / len(own))
    to_top.to_top(f"{found.code}|{at}")
    lost = st.session_state.pop(f"agreement_lost:{_mine(found, me)}", False)
    if found.closed:
        if left or lost:
            st.warning(words.WAS_CLOSED, icon=":material/lock:")
        else:
            st.info(words.CLOSED, icon=":material/lock:")
    if at == RESULTS:
        if not left:
            st.markdown(words.DONE.format(records=words.counted(len(own), "record")))
        agreement_results_view.results(found, listed)
    else:
        opened = studies.opened(found, listed, at)
        access.note("opened record", hashed(listed.folder, at), {"task": found.task, "study": found.code})
        _record(opened, own.index(at) + 1, len(own))
        if at in mine and (found.reveal == "each" or _may_see(found, own, mine)):
            _reveal(found, me, opened, mine[at])
        elif at in mine:
            _already(opened, at)
            st.info(words.LATER, icon=":material/visibility_off:")
        elif not found.closed:
            _form(found, me, opened)
    _steps(found, me, own, at, mine)
    _own(found, me)


def _at(found: Study, me: str, own: Sequence[str], mine: Mapping[str, Rated]) -> str:
    """The record that is open: where the rater went, else the first that is not ranked yet."""
    first = next((record for record in own if record not in mine), RESULTS)
    went = state.kept(f"agreement_at:{_mine(found, me)}", first)
    return went if went in own or (went == RESULTS and _may_see(found, own, mine)) else first


def _mine(found: Study, me: str) -> str:
    """What is chosen but not committed belongs to one rater: whoever comes next in this session begins anew."""
    return hashlib.sha256(f"{found.code}|{me}".encode()).hexdigest()[:12]


def _may_see(found: Study, own: Sequence[str], mine: Mapping[str, Rated]) -> bool:
    """Results tell what the model says of every record: not before the rater has ranked them all."""
    return found.closed or all(record in mine for record in own)


def _go(found: Study, me: str, to: str) -> None:
    state.keep(f"agreement_at:{_mine(found, me)}", to)


def _steps(found: Study, me: str, own: Sequence[str], at: str, mine: Mapping[str, Rated]) -> None:
    """To the record before, to the next one once this one is ranked, to the results once all are."""
    here = len(own) if at == RESULTS else own.index(at)
    after = own[here + 1] if here + 1 < len(own) else None
    with st.container(horizontal=True):
        before = own[here - 1] if here else at
        st.button(words.BACK, key="agreement_back", disabled=not here, on_click=_go, args=(found, me, before))
        if after is not None:
            ready = at in mine or found.closed
            st.button(
                words.NEXT,
                key="agreement_next",
                type="primary",
                disabled=not ready,
                on_click=_go,
                args=(found, me, after),
            )
        if at != RESULTS and _may_see(found, own, mine):
            st.button(words.RESULTS, key="agreement_results", type="primary", on_click=_go, args=(found, me, RESULTS))
    if at != RESULTS and not _may_see(found, own, mine):
        st.caption(words.NOT_YET)


def _record(opened: Case, number: int, of: int) -> None:
    """The record as a clinician would look at it: nothing here is the model's."""
    widgets.banner(opened)
    st.markdown(f"#### Record {number} of {of}")
    widgets.warnings(opened)
    chips = []
    for name, title, is_state in zip(*opened.rows, strict=True):
        here = is_state == "present"
        mark = f'<i style="background:{modality_colour(name)}"></i>' if here else "<i></i>"
        said = text.escape(title if here else f"{title} not recorded")
        chips.append(f'<li class="{"here" if here else "missing"}">{mark}{said}</li>')
    st.html(f'<ul class="fs-strip" aria-label="What was recorded">{"".join(chips)}</ul>')
    widgets.stated(opened)
    signal_view.signal(opened, "agreement", blind=True)
    widgets.findings(opened.notes, "this record")


def _present(opened: Case) -> dict[str, str]:
    """Titles by name of the modalities that the record has."""
    return {name: title for name, title, is_state in zip(*opened.rows, strict=True) if is_state == "present"}


@st.fragment
def _form(found: Study, me: str, opened: Case) -> None:
    """The ranking: a row of places for each modality, by tap or by keyboard; what it comes to is said at once."""
    with boundary():
        if studies.find(found.code).closed:
            # Closed since this page was drawn: nothing more to commit, whatever stands here.
            _was_closed(found, me)
        here, noun = _present(opened), text.plain(opened.noun)
        base = f"{_mine(found, me)}:{opened.digest}"
        st.markdown(f"#### {words.QUESTION.format(noun=noun)}", help=words.HELP_RANKING)
        st.caption(words.HOW)
        places = {}
        with st.container(key="agreement_places", horizontal=True):
            for name, title in here.items():
                key = _restored(f"w_place:{base}:{name}")
                picked = st.segmented_control(
                    title, list(range(1, len(here) + 1)), key=key, on_change=state.keep_widget, args=(key, key)
                )
                if picked is not None:
                    places[name] = int(picked)
        _said(places, here)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = _restored(f"w_estimate:{base}")
            estimate = st.number_input(
                words.ESTIMATE, 0.0, 100.0, step=1.0, format="%g", key=key, value=None,
                on_change=state.keep_widget, args=(key, key), width=380,
            )  # fmt: skip
            key = _restored(f"w_sure:{base}")
            sure = st.segmented_control(
                words.CONFIDENCE, studies.CONFIDENCES, key=key, on_change=state.keep_widget, args=(key, key)
            )
        if pressed(
            words.COMMIT, _commit_key(opened), type="primary", disabled=not places, help=words.HELP_COMMIT[found.reveal]
        ):
            _commit(found, me, opened, places, estimate, sure)


def _commit_key(opened: Case) -> str:
    """One for each record: a press that is answered late must not count for the next one."""
    return f"agreement_commit_{opened.digest}"


def _restored(key: str) -> str:
    """The widget's key, which holds what was chosen before another page was looked at."""
    kept = state.kept(key, None)
    if st.session_state.get(key) != kept:
        st.session_state[key] = kept
    return key


def _said(places: Mapping[str, int], here: Mapping[str, str]) -> None:
    """The order that the places come to, in words, ties and all."""
    if not places:
        st.info(words.NOTHING_RANKED, icon=":material/format_list_numbered:")
        return
    final = order(places, list(here))
    steps = [
        f"**{place_text(final, int(np.flatnonzero(final == level)[0]))}** "
        f"{text.plain(', '.join(title for title, place in zip(here.values(), final, strict=True) if place == level))}"
        for level in np.unique(final)
    ]
    show = st.info if len(steps) > 1 else st.warning
    show(
        f"Your order: {'; '.join(steps)}." if len(steps) > 1 else words.ALL_EQUAL,
        icon=":material/format_list_numbered:",
    )


def _commit(
    found: Study, me: str, opened: Case, places: Mapping[str, int], estimate: float | None, sure: str | None
) -> None:
    try:
        studies.commit(found, me, opened.record.record_id, places, estimate, sure)
    except AlreadyAnswered:
        st.session_state["agreement_already"] = opened.record.record_id
    except InputError:
        if not studies.find(found.code).closed:
            raise
        _was_closed(found, me)
    # Where the next run starts is this record, which is ranked now.
    _go(found, me, opened.record.record_id)
    st.rerun()


def _was_closed(found: Study, me: str) -> None:
    """The whole page anew, without a form, with the results in reach."""
    st.session_state[f"agreement_lost:{_mine(found, me)}"] = True
    st.rerun()


def _already(opened: Case, record: str) -> None:
    """Said where a second ranking of a record did not count."""
    late = st.session_state.pop(f"pressed:{_commit_key(opened)}", False)
    if st.session_state.pop("agreement_already", None) == record or late:
        st.warning(words.ALREADY, icon=":material/lock:")


def _reveal(found: Study, me: str, opened: Case, own: Rated) -> None:
    """The model's order beside the rater's, which is committed; how far they agree; room for a remark."""
    check, here = opened.analysis.reality, _present(opened)
    _already(opened, own.record)
    st.markdown(f"#### {words.REVEAL}", help=words.HELP_REVEAL)
    st.markdown(_estimates(opened, own))
    orders = {"You": order(own.places, list(here))}
    for measure in SHOWN:
        theirs = model_order(check, measure)
        if theirs is not None:
            orders[f"Model: {TITLES[measure]}, {words.KINDS[measure]}"] = np.array([theirs[name] for name in here])
    left, right = widgets.pair("reveal")
    with left:
        widgets.draw(figures.places(orders, list(here.values()), state.dark()), "agreement_places_chart")
        st.caption(words.NOT_CONTRIBUTION)
    with right:
        st.markdown(f"**{words.TAUS}**", help=words.HELP_TAU)
        rows = []
        for measure in MEASURES:
            if check.measures[measure] is not None:
                found_tau = tau(own.ranking, check, measure)
                said = "not defined" if found_tau is None else text.signed(found_tau)
                rows.append((TITLES[measure], words.KINDS[measure], said))
        agreement_results_view.table(("Measure", "What it is", "Tau"), rows, words.TAUS)
        _remark(found, me, own)


def _estimates(opened: Case, own: Rated) -> str:
    """The model's estimate, and the rater's where there is one."""
    full = opened.analysis.full
    said = f"The model's estimate of the chance of {text.plain(opened.noun)}: **{text.percent(full.risk)}**."
    if own.estimate is not None:
        sure = "" if own.confidence is None else f" ({own.confidence} confidence)"
        said += f" Yours: **{text.percent(own.estimate / 100)}**{sure}."
    return text.unbroken(said)


def _remark(found: Study, me: str, own: Rated) -> None:
    for said in studies.comments(found).get((me, own.record), ()):
        st.markdown(f"You wrote: “{text.plain(said)}”")
    if found.closed:
        return
    key = f"w_comment_{found.code}_{own.record}"
    with st.form(f"agreement_comment_{own.record}", clear_on_submit=True, border=False):
        st.text_area(words.COMMENT, key=key, max_chars=2000, help=words.HELP_COMMENT)
        st.form_submit_button("Keep this comment", on_click=_keep_comment, args=(found, me, own.record, key))


def _keep_comment(found: Study, me: str, record: str, key: str) -> None:
    with boundary():
        said = str(st.session_state[key]).strip()
        if said and studies.find(found.code).closed:
            st.session_state[f"agreement_lost:{_mine(found, me)}"] = True
        elif said:
            rooms.store().comment(found.code, me, record, said)


def _own(found: Study, me: str) -> None:
    """What is kept of the rater: to take along, and to erase."""
    with st.expander(words.OWN, icon=":material/person:"):
        st.caption(words.KEPT)
        with st.container(horizontal=True):
            st.download_button(
                "My answers as JSON",
                lambda: json.dumps(rooms.store().export(me, actor="the rater"), indent=1, ensure_ascii=False),
                file_name=f"agreement-{found.code}-my-answers.json",
                mime="application/json",
                key="agreement_own",
                icon=":material/download:",
                on_click="ignore",
            )
            with st.popover("Erase my answers", icon=":material/delete:"):
                st.markdown(words.ERASE)
                st.button("Erase now", key="agreement_erase", type="primary", on_click=_erase, args=(me,))


def _erase(me: str) -> None:
    with boundary():
        rooms.store().delete(me, actor="the rater")
        rooms.leave(studies.KIND)
