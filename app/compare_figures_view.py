"""Figures on the Compare page: how good each model's answers are, and its paired differences to the first one."""

from __future__ import annotations

import streamlit as st

from amfn.evaluation import Interval
from app import compare_file, compare_measures, state, text, widgets
from app import compare_words as words
from app.cohort_sections import choice
from app.compare_data import Comparison, Model
from app.compare_parts import heading
from app.figures.compare_models import figure_differences
from app.text import MINUS
from audit.pairs import FIGURES, Difference, Scores, Standing

FIGURE = "compare:figure"
DIFFERS = 0.05


def figures(comparison: Comparison) -> None:
    labelled = len(comparison.known)
    wording = comparison.task.wording
    found = compare_measures.figures(comparison)
    if found is None:
        said = words.NO_OUTCOME.format(
            labelled=labelled,
            records=len(comparison),
            positives=int((comparison.labels == 1).sum()),
            positive=wording.positive,
        )
        st.info(text.plain(said), icon=":material/help:")
        compare_file.button(comparison)
        return
    heading("How good the answers are", "figures", words.HELP_FIGURES)
    left_out = len(comparison) - labelled
    said = words.DRAWS.format(
        records=found.records, positives=found.positives, noun=f"“{wording.positive}”", draws=found.draws
    )
    st.caption(f"{said} {words.LEFT_OUT.format(count=left_out) if left_out else ''}")
    st.html(table(comparison, found))
    name = choice("Figure", words.FIGURES, FIGURE, "auroc")
    heading(f"{words.FIGURES[name]}: difference to A", "difference")
    st.caption(words.FIGURE_WORDS[name])
    against = [each.against[name].value for each in found.models[1:]]
    chart = figure_differences(
        [d.value for d in against],
        [d.low for d in against],
        [d.high for d in against],
        [model.short for model in comparison.models[1:]],
        "A",
        words.FIGURES[name],
        FIGURES[name],
        state.dark(),
    )
    widgets.draw(chart, "compare_differences")
    compare_file.button(comparison)


def table(comparison: Comparison, found: Scores) -> str:
    """Rows of models, one column a figure: value with its interval, and below it the difference to the first one."""
    head = "".join(f'<th scope="col">{title}</th>' for title in words.FIGURES.values())
    rows = "".join(
        f'<tr><th scope="row">{_named(model)}</th>'
        + "".join(f"<td>{_cell(each, name)}</td>" for name in words.FIGURES)
        + "</tr>"
        for model, each in zip(comparison.models, found.models, strict=True)
    )
    return (
        '<div class="fs-table" tabindex="0" role="region" aria-label="Figures of each model"><table>'
        f'<thead><tr><th scope="col">Model</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _named(model: Model) -> str:
    return f"{text.escape(model.short)}{'<br>reference' if model.letter == 'A' else ''}"


def _cell(model: Standing, name: str) -> str:
    lines = [_interval(model.figures[name])]
    if model.against:
        difference = model.against[name]
        lines += [_interval(difference.value, signed=True), verdict(difference)]
    return "<br>".join(f'<span style="white-space:nowrap">{line}</span>' for line in lines)


def verdict(difference: Difference) -> str:
    """Whether the adjusted p-value speaks of a difference."""
    p = "p < 0.001" if difference.adjusted < 0.001 else f"p = {difference.adjusted:.3f}"
    return f"<strong>differs</strong>, {p}" if difference.adjusted < DIFFERS else f"no difference shown, {p}"


def _interval(found: Interval, signed: bool = False) -> str:
    value, low, high = (_number(v, signed) for v in (found.value, found.low, found.high))
    return f"<b>{value}</b> ({low} to {high})"


def _number(value: float, signed: bool) -> str:
    said = f"{abs(value):.3f}"
    sign = MINUS if value < 0 else "+" if signed else ""
    return said if float(said) == 0 else f"{sign}{said}"
