"""Attribution to each value on the page: method and settings, its checks in sight, the signal, the largest values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import (
    charted,
    explanations_methods,
    faithfulness_view,
    figures,
    method_view,
    services,
    signal_view,
    state,
    text,
    trends_view,
)
from app.charted import Influence
from app.views import Case, opposed
from app.widgets import boundary, draw, heading
from explain.methods import METHODS, TEMPORAL_ATTENTION
from explain.types import Attribution

LISTED = 12


def interactions(opened: Case) -> None:
    """What pairs of modalities do together, on demand: most readers ask for each modality first."""
    if opened.analysis.present.sum() < 2:
        return
    with st.expander("What pairs of modalities do together (interactions)"):
        st.caption(text.AIDS["interactions"])
        _, titles, states = opened.rows
        draw(figures.interactions(opened.analysis.game.interactions(), titles, states, state.dark()), "interactions")


@st.fragment
def to_each_value(opened: Case) -> None:
    """Everything that follows from the method and its settings; only this part runs again when they change."""
    with boundary():
        st.markdown("#### Attribution to each value", help=text.HELP_EACH_VALUE)
        if not opened.analysis.present.any():
            st.info("Nothing was recorded: the estimate is the training prevalence, and there is nothing to attribute.")
            return
        report = method_view.stored_report(opened.listing.task)
        choice = method_view.chosen(opened, report)
        method_view.checks(report, choice.method)
        reference = None if report is None else report.reference
        with st.spinner(f"{METHODS[choice.method].title} …", show_time=True):
            found = explanations_methods.attribution(opened, choice, reference)
        method_view.completeness(found)
        if choice.uses_baseline:
            st.caption(text.baseline(explanations_methods.baseline(opened, choice.baseline, reference).title))
        _two_questions(opened, found)
        method_view.cancelling(found)
        _signal(opened, found)
        _totals(opened, found)
        _variables(opened, found)
        _largest(opened, found)
        _not_made(opened, found)
        faithfulness_view.baseline_effect(opened, choice, reference)
        faithfulness_view.faithful(opened, choice, reference)


def _two_questions(opened: Case, found: Attribution) -> None:
    """Why two charts of one page may disagree, and where they do for this record."""
    if not found.in_logits:
        return
    titles = opposed(opened.analysis, found.by_modality())
    here = f" Here they differ in sign for **{text.plain(', '.join(titles))}**." if titles else ""
    st.markdown((text.ONE_AT_A_TIME if _by_stretch(found) else text.TWO_QUESTIONS) + here)


def _by_stretch(found: Attribution) -> bool:
    """True for methods that take one stretch out at a time."""
    return "segments" in found.settings


def _signal(opened: Case, found: Attribution) -> None:
    schema = services.schema(opened.listing.task)
    word = method_view.magnitude(found)
    if any(spec.kind == "waveform" for spec in schema.modalities):
        st.markdown("##### Over the signal")
        what = f"how much {word} each stretch has" if word else "what each stretch adds to the log-odds"
        st.caption(f"The trace is as recorded. Behind it and in the lane below: {what}.")
        signal_view.waveforms(opened, found.measured, "attribution", word)
        return
    st.markdown("##### Over the charted values")
    signs = "" if word else " Triangles up raise the risk, triangles down lower it."
    st.caption(f"One value an hour, as the model reads them.{signs}{_together(found)}")
    trends_view.trend_columns(
        charted.hourly(opened.prepared, schema, found.measured), "ig_trend", schema.reference_source, magnitude=word
    )


def _together(found: Attribution) -> str:
    """Said where a method does not tell a modality's channels apart."""
    whole = all(values.shape[1] == 1 for values in found.values.values())
    return " An hour's weight belongs to the modality as a whole: all its values of that hour show it." if whole else ""


def _totals(opened: Case, found: Attribution) -> None:
    names, titles, states = opened.rows
    sums = found.by_modality()
    totals = np.array([sums.get(name, np.nan) for name in names])
    word = method_view.magnitude(found)
    if not word:
        heading("Added up by modality", "totals_by_stretch" if _by_stretch(found) else "totals")
        unit = text.FROM_SEGMENTS if _by_stretch(found) else text.FROM_BASELINE
        bars = figures.modality_totals(totals, names, titles, states, unit=unit, noun="the risk", dark=state.dark())
        draw(bars, "ig_totals")
        return
    shared = charted.shared_out(totals)
    # Weights over time add up to the same in every modality: there is nothing to share out.
    if found.method != TEMPORAL_ATTENTION.name and shared is not None:
        heading("By modality", "sizes")
        draw(figures.modality_shares(shared, names, titles, states, word, state.dark()), "ig_totals")


def _variables(opened: Case, found: Attribution) -> None:
    """What each variable adds up to: hour by hour its parts may cancel."""
    if method_view.magnitude(found):
        return
    rows = charted.by_variable(opened.prepared, services.schema(opened.listing.task), found.measured)[:LISTED]
    if rows:
        with st.expander("What each charted or stated variable adds up to", expanded=True):
            st.dataframe(
                [
                    {"Variable": name, "Effect, log-odds": text.signed(value), "Values": count, "Modality": modality}
                    for modality, name, count, value in rows
                ],
                hide_index=True,
                height="content",
                key="variables",
            )


def _largest(opened: Case, found: Attribution) -> None:
    schema = services.schema(opened.listing.task)
    rows = charted.influences(opened.prepared, schema, found.measured, LISTED)
    if not rows:
        return
    word = method_view.magnitude(found)
    most = f"with the most {word}" if word else "that moved the risk most"
    which = "The charted or stated value" if len(rows) == 1 else f"The {len(rows)} charted or stated values"
    with st.expander(f"{which} {most}", expanded=True):
        st.dataframe(_table(rows, word), hide_index=True, height="content", key="largest")


def _not_made(opened: Case, found: Attribution) -> None:
    """Attributions to observations that were not made stand apart from those to values."""
    if found.missing is None:
        return
    schema = services.schema(opened.listing.task)
    rows = charted.unmade(opened.prepared, schema, found.values, found.missing, LISTED)
    with st.expander("What was not measured, and what its absence did", expanded=True):
        if not rows:
            st.caption("Everything was measured, or one usual value more would have changed nothing.")
            return
        st.caption(text.NOT_MADE)
        st.dataframe(_table(rows, ""), hide_index=True, height="content", key="not_made")


def _table(rows: Sequence[Influence], word: str) -> list[dict[str, str]]:
    """word: what sizes without a sign are called; empty for parts of the log-odds."""
    column = word.capitalize() if word else "Effect, log-odds"
    return [
        {
            "Value": f"{row.title}: {row.value}",
            column: f"{row.effect:.2g}" if word else text.signed(row.effect),
            "When": row.when,
            "Modality": row.modality,
        }
        for row in rows
    ]
