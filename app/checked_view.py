"""Can this model's explanations be trusted? The stored report, on the Model page."""

from __future__ import annotations

import streamlit as st

from app import checked, state, text, widgets
from explain.report import Report


def trust(report: Report | None) -> None:
    """Every method's checks, then where they come from; nothing is drawn that was not measured."""
    widgets.heading("Can its explanations be trusted?", "trust", text.HELP_CHECKS)
    if report is None:
        st.info(text.NO_REPORT, icon=":material/info:")
        return
    found = checked.findings(report)
    st.dataframe(checked.overview(found), hide_index=True, height="content", key="checks")
    _findings(found)
    _planted(report)
    drawn = checked.cascade(report, state.dark())
    if drawn is not None:
        widgets.heading("Do they depend on what the model learned?", "cascade")
        widgets.draw(drawn, "cascade")
    _routing(report)
    st.caption(
        f"Methods were tried on {report.sampled} of {report.records:,} training records, half with the outcome. "
        "The checks say how a method does on this model, not on this or that record. "
        f"Model {report.model}, code {report.commit}. `python -m amfn audit-explanations` measures it again."
    )


@st.fragment
def _findings(found: tuple[checked.Findings, ...]) -> None:
    with widgets.boundary():
        names = [item.title for item in found]
        picked = st.selectbox("What was found for", names, key="checked_method")
        item = found[names.index(picked)]
        st.caption(text.plain(item.says))
        for title, mark, said in item.checks:
            st.markdown(f"- **{text.plain(title)}** · {mark}: {text.plain(said)}")


@st.fragment
def _planted(report: Report) -> None:
    with widgets.boundary():
        if not report.planted():
            return
        widgets.heading("Do they find a planted cause?", "planted", text.HELP_PLANTED)
        games = list(checked.GAMES)
        game = st.segmented_control(
            "What counts",
            games,
            default=games[0],
            required=True,
            format_func=lambda key: checked.GAMES[key],
            key="planted_game",
        )
        drawn = checked.planted(report, game or games[0], state.dark())
        if drawn is not None:
            widgets.draw(drawn, "planted")
        with st.expander("As a table, with segments and mass"):
            st.dataframe(checked.planted_rows(report, game or games[0]), hide_index=True, key="planted_rows")


def _routing(report: Report) -> None:
    if report.routing is None:
        return
    widgets.heading("Does the routing matter?", "routing_effect")
    st.markdown(text.plain(checked.routing_sentence(report.routing)))
    left, right = widgets.pair("routing_tests")
    with left:
        widgets.draw(checked.routing_effect(report.routing, state.dark()), "routing_effect")
    with right:
        st.caption(text.AIDS["routing_spread"])
        widgets.draw(checked.routing_spread(report.routing, state.dark()), "routing_spread")
