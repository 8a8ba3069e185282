"""What an attribution hangs on: its baseline, and whether the model does what it says. Both take seconds: on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import explanations_methods, figures, state, text
from app.explanations_methods import ZERO, Choice
from app.views import Case
from app.widgets import boundary, draw
from explain.baseline_effect import BaselineEffect
from explain.faithfulness import Faithfulness, Score
from explain.methods import METHODS
from explain.reference import Reference

TESTING = "Taking stretches out …"
SIGNS = {
    "better than random": ":material/check:",
    "mixed": ":material/info:",
    "no better than random": ":material/error:",
    "not tested": ":material/info:",
}


@st.fragment
def baseline_effect(opened: Case, choice: Choice, reference: Reference | None) -> None:
    """How much the order of stretches hangs on the baseline, for a method that has one."""
    # All baselines are compared, whichever is chosen above.
    choice = replace(choice, baseline=ZERO)
    names = explanations_methods.offered_baselines(opened, reference)
    if not choice.uses_baseline or len(names) < 2:
        return
    with boundary(), st.expander("How much does this hang on the baseline?", expanded=True):
        st.caption(text.BASELINE_EFFECT)
        slot = explanations_methods.baseline_effect(opened, choice, reference)
        place = st.empty()
        if slot.result is None:
            if not _asked(place, f"Compare {len(names)} baselines", "compare_baselines", opened, choice):
                return
            with place, st.spinner(f"{METHODS[choice.method].title} from {len(names)} baselines …", show_time=True):
                slot.fill(lambda: explanations_methods.compare_baselines(opened, choice, reference, names))
            place.empty()
        if slot.result is not None:
            _compared(slot.result)


def _asked(place: DeltaGenerator, title: str, key: str, opened: Case, choice: Choice) -> bool:
    """A button until it was pressed. That is kept: a rerun that comes from elsewhere must not stop what it began."""
    kept = f"{key}:{opened.digest}:{choice}"
    if state.kept(kept, False):
        return True
    place.button(title, key=key, on_click=state.keep, args=(kept, True))
    return False


def _compared(found: BaselineEffect) -> None:
    titles = [text.BASELINES[name] for name in found.names]
    taus = explanations_methods.between(found.segment_tau)
    st.markdown(explanations_methods.baselines_said(found, titles))
    st.caption(text.AIDS["baselines"])
    draw(figures.baseline_agreement(taus, titles, state.dark()), "baselines")


@st.fragment
def faithful(opened: Case, choice: Choice, reference: Reference | None) -> None:
    """Taking out first what the attribution names first: run on demand, kept once it was."""
    with boundary():
        st.markdown("#### How faithful is this to the model?", help=text.HELP_FAITHFUL)
        st.caption(text.AIDS["faithful"])
        slot = explanations_methods.faithfulness(opened, choice, reference)
        place = st.empty()
        if slot.result is None:
            if not _asked(place, "Test it on this record", "test_faithfulness", opened, choice):
                return
            bar = place.progress(0.0, TESTING)

            def progress(share: float) -> None:
                bar.progress(share, f"{TESTING} {100 * share:.0f} %")

            slot.fill(lambda: explanations_methods.measure_faithfulness(opened, choice, reference, progress))
            place.empty()
        if slot.result is not None:
            _tested(slot.result)


def _tested(found: Faithfulness) -> None:
    show = {"better than random": st.success, "no better than random": st.error}.get(found.verdict, st.info)
    verdict, _, counts = found.said.partition(":")
    show(f"**{verdict}:**{text.plain(counts)}", icon=SIGNS[found.verdict])
    if not found.curves:
        return
    ways = [curves.replacement for curves in found.curves]
    way = st.segmented_control(
        "How stretches are taken out",
        ways,
        default=ways[0],
        required=True,
        format_func=lambda name: text.REPLACEMENTS[name],
        key=f"replacement_{'_'.join(ways)}",
    )
    curves = found.curves[ways.index(way or ways[0])]
    title = METHODS[found.method].title
    lines = explanations_methods.chances(curves)
    draw(figures.deletion_insertion(curves.share, *lines, title, state.dark()), "deletion_insertion")
    _measures(found, [score for score in found.scores if score.replacement == curves.replacement])


def _measures(found: Faithfulness, scores: Sequence[Score]) -> None:
    rows = [
        {
            "Measure": title,
            "Here": text.points(score.value),
            "At random": text.points(score.mean),
            "": way,
            "Better than": f"{score.beaten} of {len(score.random)}",
        }
        for score in scores
        if score.name in text.MEASURES
        for title, way in (text.MEASURES[score.name],)
    ]
    with st.expander("Other measures"):
        st.dataframe(rows, hide_index=True, key="measures")
        st.caption(text.HELP_MEASURES)
        if found.infidelity is not None:
            st.caption(text.infidelity(found.infidelity))
