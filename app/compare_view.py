"""The Compare page: which models, what they share, and one section at a time."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import compare_answers_view as answers
from app import compare_choose, compare_data, compare_figures_view, compare_reasons_view, state, text
from app import compare_record_view as record
from app import compare_words as words
from app.cohort_data import simulated
from app.cohort_sections import choice
from app.compare_data import Comparison
from app.widgets import boundary

SECTION = "compare:section"
SHOW: dict[str, Callable[[Comparison], None]] = {
    "figures": compare_figures_view.figures,
    "answers": answers.answers,
    "reasons": compare_reasons_view.reasons,
    "record": record.one,
}


def page() -> None:
    state.framed()
    st.caption(words.WHAT)
    found = None
    with boundary():
        paths = compare_choose.chosen()
        found = None if paths is None else compare_data.compared(paths)
    if found is None:
        return
    with boundary():
        banner(found)
    looked_at(found)


def banner(comparison: Comparison) -> None:
    """How many records are shared, which letter is which model, and what spoils the comparison."""
    opened, count = comparison.first, len(comparison)
    kind = "simulated patients" if simulated(opened) else "records"
    parts = [
        f"<strong>{count:,} {kind} in common</strong>",
        f"<span>{text.escape(comparison.task.wording.title)}</span>",
        *(f"<span><strong>{m.letter}</strong> {text.escape(m.title)}</span>" for m in comparison.models),
    ]
    st.html(f'<div class="fs-banner" role="region" aria-label="Comparison">{"".join(parts)}</div>')
    alone = [f"{m.letter} {m.alone:,}" for m in comparison.models if m.alone]
    if alone:
        st.caption(f"Records that are not in all of the audits are left out: of {', '.join(alone)}.")
    if comparison.changed:
        st.warning(words.CHANGED.format(count=comparison.changed), icon=":material/difference:")
    if comparison.contradicted:
        st.warning(words.CONTRADICTED.format(count=comparison.contradicted), icon=":material/rule:")
    unfinished = [m.letter for m in comparison.models if m.opened.audit.missing]
    if unfinished:
        st.warning(f"{words.UNFINISHED} {', '.join(unfinished)}.", icon=":material/hourglass_top:")
    _learned(comparison)
    if len({m.opened.manifest.model for m in comparison.models}) == 1:
        st.caption(words.ONE_MODEL)


def _learned(comparison: Comparison) -> None:
    """Models that answer what they were trained on."""
    counts = compare_data.taught(comparison)
    letters = [m.letter for m, count in zip(comparison.models, counts, strict=True) if count]
    if not letters:
        return
    said = words.TAUGHT.format(
        letters=" and ".join([", ".join(letters[:-1]), letters[-1]]) if len(letters) > 1 else letters[0],
        verb="answers" if len(letters) == 1 else "answer",
        they="it was" if len(letters) == 1 else "they were",
        count=max(counts),
        records=len(comparison),
        unfair=words.UNFAIR if len(letters) < len(counts) else "",
    )
    st.warning(said, icon=":material/balance:")


@st.fragment
def looked_at(comparison: Comparison) -> None:
    """One section; what is changed in it draws only this anew."""
    with boundary():
        section = choice("Show", words.SECTIONS, SECTION, "figures")
        with boundary():
            SHOW[section](comparison)
