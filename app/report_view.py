"""The record's estimate and explanation to take along: PDF, HTML and FHIR, made when asked for."""

from __future__ import annotations

import streamlit as st

from amfn.checkpoint import Checkpoint
from amfn.types import Record
from app import access, explanations, services, state, text
from app.links import hashed
from app.views import Case
from app.widgets import boundary
from explain.report import Report
from report.content import content_of
from report.files import File, rendered

WHAT = (
    "The estimate, why, how sure, what to doubt, the signal and everything that it takes to make this again. The PDF "
    "is A4 with the ECG to scale, the HTML one file that loads nothing, FHIR a RiskAssessment (R4). Files of your own "
    "records are named by a hash; PDF and HTML state the record's name and, where known, age and sex."
)


def report(opened: Case, unaltered: Case | None = None) -> None:
    """A button, then three files. What is switched off on the What-if page is off in them too, and named. unaltered: of
    a record altered by hand, the one that was measured."""
    with boundary():
        st.markdown("#### Report", help=WHAT)
        off = switched_off(opened)
        asked = f"report:{opened.digest}:{','.join(off)}"
        if off:
            titles = dict(zip(opened.analysis.names, opened.analysis.titles, strict=True))
            names = text.plain(", ".join(titles[name] for name in off))
            st.markdown(f"Switched off on the What-if page, and so in this report: **{names}**.")
        st.button(
            "Prepare the report",
            key="prepare_report",
            icon=":material/description:",
            on_click=state.keep,
            args=(asked, True),
            disabled=state.kept(asked, False),
        )
        if not state.kept(asked, False):
            return
        with st.spinner("Preparing the report …"):
            files = prepared_files(opened, off, unaltered)
        access.note("prepared report", hashed(opened.listing.folder, opened.record.record_id))
        with st.container(horizontal=True):
            for file in files:
                st.download_button(
                    file.title,
                    file.data,
                    file.name,
                    file.mime,
                    key=f"download_{file.format}",
                    icon=":material/download:",
                    on_click="ignore",
                )
        st.caption(text.DISCLAIMER)


def switched_off(opened: Case) -> tuple[str, ...]:
    """Names of the recorded modalities that are off on the What-if page."""
    on: dict[str, bool] = state.kept(f"on:{opened.digest}", {})
    a = opened.analysis
    return tuple(name for name, here in zip(a.names, a.present, strict=True) if here and not on.get(name, True))


def prepared_files(opened: Case, off: tuple[str, ...], unaltered: Case | None = None) -> tuple[File, ...]:
    """The documents, from the cache where this record, model and mask were asked for before."""
    model = services.checkpoint(opened.listing.task)
    audited = explanations.explanation_report(opened.listing.task)
    risk = None if unaltered is None else unaltered.analysis.full.risk
    return _files(opened.digest, model.digest, off, opened.simulated, risk, opened.record, model, audited)


@st.cache_data(max_entries=16, show_spinner=False)
def _files(
    record_digest: str,
    weights: str,
    off: tuple[str, ...],
    simulated: bool,
    unaltered: float | None,
    _record: Record,
    _model: Checkpoint,
    _audited: Report | None,
) -> tuple[File, ...]:
    return rendered(content_of(_model, _record, off=off, simulated=simulated, audited=_audited, unaltered=unaltered))
