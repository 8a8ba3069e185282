"""Integrated Gradients on the page: settings, the completeness gap in sight, the signal, the largest values."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import figures, services, signal_view, signals, state, text
from app.views import Case, opposed
from app.widgets import boundary, draw, heading
from explain.types import COMPLETE_WITHIN, Attribution

STEPS = (32, 64, 128, 256)
LISTED = 12


@st.fragment
def gradients(opened: Case) -> None:
    """Everything that follows from the settings; only this part runs again when they change."""
    with boundary():
        st.markdown("#### Attribution to each value (Integrated Gradients)", help=text.HELP_IG)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.session_state["ig_steps"] = state.kept("ig_steps", STEPS[0])
            steps = st.segmented_control(
                "Steps",
                STEPS,
                required=True,
                key="ig_steps",
                help=text.HELP_STEPS,
                on_change=state.keep_widget,
                args=("ig_steps", "ig_steps"),
            )
            st.session_state["ig_refine"] = state.kept("ig_refine", True)
            refine = st.toggle(
                "Refine until it adds up",
                key="ig_refine",
                help=text.HELP_REFINE,
                on_change=state.keep_widget,
                args=("ig_refine", "ig_refine"),
            )
        if not opened.analysis.present.any():
            st.info("Nothing was recorded: the estimate is the training prevalence, and there is nothing to attribute.")
            return
        with st.spinner("Following the path from the baseline to this record …"):
            found = services.attribution(opened, steps or STEPS[0], refine)
        completeness(found)
        st.caption(text.baseline(services.baseline(opened)))
        _two_questions(opened, found)
        _signal(opened, found)
        _totals(opened, found)
        _largest(opened, found)


def completeness(found: Attribution) -> None:
    """Whether the attributions add up to the change they explain, before anyone reads them."""
    if found.gap is None or found.f_baseline is None:
        st.info("This method does not promise to add up to the change of the log-odds.")
        return
    missed = f"{100 * found.gap:.1f} %" if found.gap_is_relative else f"{found.gap:.3f} log-odds"
    change = f"{text.signed(found.f_x - found.f_baseline)} log-odds"
    used = f"{found.settings['steps']} steps"
    if found.complete:
        st.success(
            f"**These attributions add up** within {missed} of the change from baseline to record ({change}; {used}).",
            icon=":material/check:",
        )
    else:
        st.error(
            f"**These attributions do not add up.** They miss the change from baseline to record ({change}; {used}) by "
            f"{missed}; up to {100 * COMPLETE_WITHIN:.0f} % is accepted. Do not rely on them: take more steps, or "
            "refine.",
            icon=":material/error:",
        )


def _two_questions(opened: Case, found: Attribution) -> None:
    """Why two charts of one page may disagree, and where they do for this record."""
    titles = opposed(opened.analysis, found.by_modality())
    here = f" Here they differ in sign for **{text.plain(', '.join(titles))}**." if titles else ""
    st.markdown(text.TWO_QUESTIONS + here)


def _signal(opened: Case, found: Attribution) -> None:
    schema = services.schema(opened.listing.task)
    if any(spec.kind == "waveform" for spec in schema.modalities):
        st.markdown("##### Over the signal")
        st.caption("The trace is as recorded. Behind it and in the lane below: what each stretch adds to the log-odds.")
        signal_view.waveforms(opened, found.values, "attribution")
        return
    st.markdown("##### Over the charted values")
    st.caption("One value an hour, as the model reads them. Triangles up raise the risk, triangles down lower it.")
    signal_view.trend_columns(signals.hourly(opened.prepared, schema, found.values), "ig_trend")


def _totals(opened: Case, found: Attribution) -> None:
    names, titles, states = opened.rows
    sums = found.by_modality()
    heading("Added up by modality", "totals")
    totals = np.array([sums.get(name, np.nan) for name in names])
    bars = figures.modality_totals(
        totals, names, titles, states, unit=text.FROM_BASELINE, noun="the risk", dark=state.dark()
    )
    draw(bars, "ig_totals")


def _largest(opened: Case, found: Attribution) -> None:
    schema = services.schema(opened.listing.task)
    rows = signals.influences(opened.prepared, schema, found.values, LISTED)
    if not rows:
        return
    with st.expander(f"The {len(rows)} charted or stated values that moved the risk most", expanded=True):
        st.dataframe(
            [
                {
                    "Modality": row.modality,
                    "Value": f"{row.title}: {row.value}",
                    "When": row.when,
                    "Effect, log-odds": text.signed(row.effect),
                }
                for row in rows
            ],
            hide_index=True,
        )
