"""Why the model says what it says of one record, in a few sentences, each with its numbers within reach."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from amfn.conformal import ERROR_RATE
from amfn.types import InputError
from app import explanations_patient, narrative, state, text
from app.views import Case
from app.widgets import boundary
from explain.paragraph import InputSplit, written


def narrative_of(opened: Case) -> DeltaGenerator:
    """The paragraph with what is known at once; `complete` adds the single values later, in the place that this
    returns."""
    place = st.empty()
    known = bool(state.kept(_known(opened), False))
    _draw(place, opened, explanations_patient.input_split(opened) if known else None, pending=not known)
    return place


def complete(opened: Case, place: DeltaGenerator) -> None:
    """The paragraph again, with the single values that moved the estimate most."""
    if state.kept(_known(opened), False):
        return
    with boundary():
        try:
            split = explanations_patient.input_split(opened)
        except InputError:
            _draw(place, opened, None, pending=False)
            raise
        state.keep(_known(opened), True)
        _draw(place, opened, split, pending=False)


def _known(opened: Case) -> str:
    """In the session: that the split of this record is in the cache, and need not wait."""
    return f"split:{opened.digest}"


def _draw(place: DeltaGenerator, opened: Case, split: InputSplit | None, pending: bool) -> None:
    said = narrative.claims(opened, state.kept("error_rate", ERROR_RATE), split)
    estimate = [claim for claim in said if claim.part == "estimate"]
    with place.container():
        st.markdown(f"##### {text.plain(written(estimate))}")
        lines = []
        for part, heading in narrative.HEADINGS.items():
            sentences = text.plain(written([claim for claim in said if claim.part == part]))
            if part == "drivers" and pending and explanations_patient.splits(opened):
                sentences = f"{sentences} {text.SPLIT_PENDING}".strip()
            if sentences:
                lines.append(f"**{heading}.** {sentences}")
        if lines:
            st.markdown("\n\n".join(lines))
        with st.expander("Where each number comes from"):
            for claim in said:
                found = narrative.traced(claim, opened)
                st.markdown(f"**{text.plain(found.sentence)}**")
                st.caption(f"{text.plain('; '.join(found.numbers))}. {text.plain(found.origin)}")
