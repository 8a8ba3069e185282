"""How sure an estimate is, in plain words, below the risk itself."""

from __future__ import annotations

import streamlit as st

from amfn.sentences import share
from app import text, widgets
from app.views import Case, Certainty


def certainty(opened: Case) -> None:
    """Three answers side by side: the networks, similar records, and the outcomes that remain."""
    found = opened.analysis.certainty
    with st.container(key="certainty"):
        networks, similar, remaining = st.columns(3, gap="large")
        with networks:
            _networks(found)
        with similar:
            _similar(found, opened.positive)
        with remaining:
            _remaining(found)


def _networks(found: Certainty) -> None:
    title = f"How far the {found.networks} networks differ"
    if found.spread is None:
        st.metric("How far networks differ", "not known", help=text.HELP_NETWORKS)
        st.caption(text.ONE_NETWORK)
        return
    st.metric(title, f"{100 * found.spread.low:.1f} to {share(found.spread.high)}", help=text.HELP_NETWORKS)
    st.caption("Lowest and highest of their own estimates; not a confidence interval.")


def _similar(found: Certainty, positive: str) -> None:
    title = "Observed at similar estimates"
    if found.similar is None:
        st.metric(title, "not known", help=text.HELP_SIMILAR)
        st.caption(text.NO_CALIBRATION)
        return
    s = found.similar
    st.metric(title, share(s.share), help=text.HELP_SIMILAR)
    st.caption(
        text.unbroken(
            f"{s.events} of {s.count} training records with an estimate of {share(s.from_risk)} to {share(s.to_risk)}: "
            f"“{positive}”. 95 % interval {100 * s.low:.1f} to {100 * s.high:.1f} %."
        )
    )


def _remaining(found: Certainty) -> None:
    st.markdown("Outcomes that cannot be ruled out", help=text.HELP_SETS)
    if not found.sets:
        st.caption(text.NO_CALIBRATION)
        return
    rates = [item.error_rate for item in found.sets]
    chosen = found.sets[rates.index(widgets.error_rate(rates))]
    st.markdown(f"**{text.plain(chosen.heading)}**")
    st.caption(text.plain(chosen.reason))
