"""Charted values of a record on the page: small multiples in columns, what is missing in words, limits on demand."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import charted, explanations_methods, figures, method_view, services, state, text, trend_words
from app.charted import Limits
from app.figures import TrendPanel
from app.views import Case
from app.widgets import boundary, draw
from explain.methods import METHODS

COLUMNS = 3
HOURS = 48.0
MOVED = "trend_moved"


@st.fragment
def trends(opened: Case, blind: bool = False) -> None:
    """All charted values at the times they were charted; on demand what the model read, with its attributions.

    blind: without anything that the model says.
    """
    with boundary():
        schema = services.schema(opened.listing.task)
        panels = charted.charted(opened.record, opened.prepared, schema, HOURS)
        st.markdown(f"#### {trend_words.TITLE}", help=trend_words.HELP)
        if not any(len(panel.values) for panel in panels):
            st.info(trend_words.NOT_CHARTED, icon=":material/info:")
            return
        if not blind and _moved():
            _attributed(opened)
        else:
            trend_columns(panels, "trend", schema.reference_source)
        rows = charted.limits(panels, (*opened.warnings, *opened.notes))
        st.caption(text.plain(charted.dropped_text(rows)))
        _limits(rows, schema.reference_source)


def trend_columns(panels: Sequence[TrendPanel], key: str, reference: str = "", magnitude: str = "") -> None:
    """Panels in columns that stack on a phone, each column one chart, attributions on one scale, explained once. What
    was never charted is named below."""
    # Before they are parted into columns: line and cuff may come to stand in two of them.
    seen = figures.on_shared_scales([panel for panel in panels if len(panel.values)])
    scale = figures.largest_attribution(seen)
    st.caption(text.plain(figures.trend_key(seen, scale, reference, magnitude)))
    parts = charted.balanced(seen, COLUMNS)
    for k, (column, part) in enumerate(zip(st.columns(max(len(parts), 1)), parts, strict=False)):
        with column:
            drawing = figures.trends(
                part, hours=HOURS, columns=1, dark=state.dark(), scale=scale, with_key=False, magnitude=magnitude
            )
            draw(drawing, f"{key}_{k}")
    _never_charted(panels)


def _moved() -> bool:
    """A switch that remembers: an attribution takes longer than the page may."""
    widget = f"w_{MOVED}"
    st.session_state[widget] = state.kept(MOVED, False)
    return st.toggle(
        trend_words.MOVED,
        key=widget,
        help=trend_words.HELP_MOVED,
        on_change=state.keep_widget,
        args=(MOVED, widget),
    )


def _attributed(opened: Case) -> None:
    """What the model read, hour by hour, by the method that is chosen on the Attribution page."""
    report = method_view.stored_report(opened.listing.task)
    choice = method_view.kept(opened, report)
    title = METHODS[choice.method].title
    with st.spinner(f"{title} …", show_time=True):
        found = explanations_methods.attribution(opened, choice, None if report is None else report.reference)
    method_view.completeness(found)
    method_view.cancelling(found)
    st.caption(text.plain(trend_words.BY_METHOD.format(title)))
    schema = services.schema(opened.listing.task)
    panels = charted.hourly(opened.prepared, schema, found.measured)
    trend_columns(panels, "trend", schema.reference_source, method_view.magnitude(found))


def _never_charted(panels: Sequence[TrendPanel]) -> None:
    """Whole modalities look missing; single variables are named."""
    gone, single = charted.never_charted(panels)
    if gone:
        chips = "".join(f'<li class="missing"><i></i><b>{text.escape(title)}</b> not recorded</li>' for title in gone)
        st.html(f'<ul class="fs-strip" aria-label="Modalities that were not recorded">{chips}</ul>')
    if single:
        named = "; ".join(f"{group}: {', '.join(titles)}" for group, titles in single.items())
        st.caption(text.plain(f"Never charted in these 48 h: {named}."))


def _limits(rows: Sequence[Limits], reference: str) -> None:
    """A plain table: it is at hand on every record and has to cost nothing."""
    with st.expander(trend_words.LIMITS):
        st.caption(text.plain(trend_words.SOURCES.format(reference)))
        heads = "".join(f'<th scope="col">{head}</th>' for head in trend_words.HEADS)
        body = "".join(_row(row) for row in rows)
        st.html(
            f'<div class="fs-table" tabindex="0" role="region" aria-label="{trend_words.LIMITS}"><table><thead><tr>'
            f"{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def _row(row: Limits) -> str:
    cells = (row.unit or "no unit", row.reference or "none given", row.accepted, str(row.measured), str(row.dropped))
    return (
        f'<tr><th scope="row">{text.escape(row.title)}</th>{"".join(f"<td>{text.escape(c)}</td>" for c in cells)}</tr>'
    )
