"""The smallest changes with which the estimate would stand on the other side of a threshold."""

from __future__ import annotations

import streamlit as st

from app import altering_words, changing, explanations_patient, state, text
from app.figures.drawing import listing
from app.views import Case
from app.widgets import boundary
from explain.charted import ChartedSearch, Counterfactual
from explain.counterfactual import Removals, removals_across

LISTED = 8
LAST: dict[int, str] = {0: "Whole stay", 24: "Last 24 h", 12: "Last 12 h", 6: "Last 6 h"}
CARD_PX = 330
Settings = tuple[float, int, bool]


@st.fragment
def crossing(opened: Case) -> None:
    """A threshold; which modalities would have to be missing, and which values different, to cross it."""
    with boundary():
        st.markdown("#### Smallest change that crosses the threshold")
        st.caption(f"{text.SMALLEST_CHANGE} {altering_words.CROSSING_APART}")
        threshold = _threshold(opened)
        found = removals_across(opened.analysis.game, threshold)
        side = "at or above" if found.above else "below"
        st.markdown(
            f"The estimate of **{text.percent(found.risk)}** is **{side}** the threshold of "
            f"**{text.percent(threshold)}**."
        )
        st.markdown(text.NOT_ADVICE)
        _removals(opened, found)
        if explanations_patient.has_charted(opened):
            _charted(opened, threshold)


def _threshold(opened: Case) -> float:
    kept = f"threshold:{opened.listing.task}"
    start = min(max(round(100 * opened.analysis.base_rate), 1), 99)
    st.session_state["w_threshold"] = state.kept(kept, start)
    picked = st.slider(
        f"Threshold (base rate {text.percent(opened.analysis.base_rate)})",
        1,
        99,
        step=1,
        format="%d %%",
        key="w_threshold",
        on_change=state.keep_widget,
        args=(kept, "w_threshold"),
    )
    return picked / 100


def _removals(opened: Case, found: Removals) -> None:
    st.markdown("##### What would have to be missing")
    if not found.found:
        st.info(
            f"None found: all {found.searched:,} ways to take modalities away leave the estimate on its side.",
            icon=":material/info:",
        )
        return
    titles = dict(zip(opened.analysis.names, opened.analysis.titles, strict=True))
    everything = int(opened.analysis.present.sum())
    st.dataframe(
        [
            {
                "Without": listing([titles[name] for name in removal.modalities])
                if len(removal.modalities) < everything
                else "all that was recorded",
                "Estimate": f"{text.percent(found.risk)} → {text.percent(removal.risk)}",
            }
            for removal in found.found[:LISTED]
        ],
        hide_index=True,
    )
    st.caption(changing.removals_sentence(found, LISTED))


def _charted(opened: Case, threshold: float) -> None:
    st.markdown("##### What would have to be measured otherwise")
    settings = _settings(threshold)
    asked, kept = state.kept(f"charted:{opened.digest}", ()), f"charted:{opened.digest}"
    if settings not in asked:
        st.button(
            "Search for the smallest changes",
            key="search_charted",
            help="Asks the model about some thousand changed copies of this record, which takes a few seconds.",
            on_click=state.keep,
            args=(kept, (*asked, settings)),
        )
        return
    with st.spinner("Asking the model about changed copies of this record …"):
        found = explanations_patient.charted(opened, threshold, settings[1] or None, not settings[2])
    if found is None:
        st.info(text.NO_RANGES, icon=":material/info:")
    elif not found.found:
        st.info(f"None found. {changing.searched(found)}", icon=":material/info:")
    else:
        st.caption(changing.BEHAVIOUR)
        _cards(found)
        st.caption(changing.searched(found))


def _settings(threshold: float) -> Settings:
    """Which values may change and how far, as chosen; with the threshold."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["change_last"] = state.kept("change_last", 0)
        last = st.segmented_control(
            "Values that may change",
            list(LAST),
            required=True,
            format_func=LAST.__getitem__,
            key="change_last",
            on_change=state.keep_widget,
            args=("change_last", "change_last"),
        )
        st.session_state["change_beyond"] = state.kept("change_beyond", False)
        beyond = st.toggle(
            "Also beyond the usual range",
            key="change_beyond",
            help=text.HELP_PLAUSIBLE,
            on_change=state.keep_widget,
            args=("change_beyond", "change_beyond"),
        )
    return threshold, last or 0, beyond


def _cards(found: ChartedSearch) -> None:
    with st.container(horizontal=True, key="changes"):
        for answer in found.found:
            with st.container(border=True, width=CARD_PX):
                _card(found.risk, answer)


def _card(risk: float, answer: Counterfactual) -> None:
    st.markdown(f"**{text.percent(risk)} → {text.percent(answer.risk)}**")
    st.markdown("\n".join(f"- {text.plain(changing.change_text(change))}" for change in answer.changes))
    mark = "" if answer.plausible else " **Not plausible:** it leaves the range that training records keep."
    st.caption(f"{changing.size_text(answer)}{mark}")
