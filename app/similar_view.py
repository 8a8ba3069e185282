"""Which records of the open folder the model sees most like this one, what became of them, how far to trust that."""

from __future__ import annotations

import streamlit as st

from app import explanations_patient, neighbourhood, picker, services, state, surveying, text
from app.explanations_patient import Likeness
from app.views import Case
from app.widgets import boundary


def similar(opened: Case) -> None:
    """The nearest records with their outcomes; before the folder has been read, how to have it read."""
    with boundary():
        st.markdown("#### Similar patients", help=text.HELP_DISTANCE)
        st.caption(text.OPEN_FOLDER)
        if explanations_patient.alone(opened):
            st.info(neighbourhood.ALONE, icon=":material/info:")
            return
        with st.spinner("Comparing with the other records …"):
            likeness = explanations_patient.similar(opened)
        if likeness is None:
            _unread(opened)
        elif not likeness.found.ids:
            st.info(neighbourhood.nobody(likeness.found), icon=":material/info:")
        else:
            _table(opened, likeness)


def _unread(opened: Case) -> None:
    listed = opened.listing
    if len(listed.ids) <= surveying.AUTOMATIC_UP_TO:
        st.info("The other records are still being read; this part appears when they are.", icon=":material/info:")
        return
    st.button(
        f"Read all {len(listed.ids):,} records to find similar ones",
        key="read_all",
        help="The sidebar shows how far it has come, and ranks the records by their risk when it is done.",
        on_click=picker.ask,
        args=(listed,),
    )


def _table(opened: Case, likeness: Likeness) -> None:
    found = likeness.found
    st.markdown(text.plain(neighbourhood.outcome_sentence(found, opened.positive, opened.simulated)))
    st.markdown(text.plain(neighbourhood.distance_sentence(found)))
    st.dataframe(
        [
            {
                "Record": record,
                services.group_title(opened.listing.task): group,
                "Outcome": outcome or services.UNKNOWN,
                "Estimate": text.percent(risk),
                "Distance": neighbourhood.nearness(distance, found.typical),
            }
            for record, distance, risk, outcome, group in zip(
                found.ids,
                found.distances.tolist(),
                found.risks.tolist(),
                likeness.outcomes,
                likeness.groups,
                strict=True,
            )
        ],
        hide_index=True,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Open")
        for record in found.ids:
            st.button(record, key=f"open_like:{record}", on_click=state.choose, args=(opened.listing, record))
    st.markdown("**How far to trust this**")
    st.caption("  \n".join(text.plain(line) for line in neighbourhood.trust(likeness.quality, found)))
