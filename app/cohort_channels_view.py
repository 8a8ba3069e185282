"""Single measurements over time on the Cohort page, from the attributions that an audit was asked to keep."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import streamlit as st

from app import cohort_measures, state, text, widgets
from app import cohort_words as words
from app.cohort_data import Filters, Opened
from app.cohort_sections import choice, heading
from app.figures.cohort_channels import channel_cells, gap_bars
from app.figures.drawing import percent
from audit.measures_channels import GAP_EDGES, Channels, Gaps, Stretch
from explain.methods import METHODS
from explain.types import COMPLETE_WITHIN

LISTED = 15
METHOD, WHAT = "cohort:method", "cohort:channels"
SECONDS_UP_TO = 1 / 30
"""Windows up to so many hours are told in seconds."""


def channels(opened: Opened, filters: Filters) -> None:
    offered = cohort_measures.attributed(opened)
    if not offered:
        st.info(words.NO_ATTRIBUTIONS, icon=":material/info:")
        return
    titles = {name: METHODS[name].title if name in METHODS else name for name in offered}
    method = choice("Method", titles, METHOD, offered[0]) if len(offered) > 1 else offered[0]
    found = cohort_measures.over_time(opened, filters, method)
    if found is None:
        st.info(words.NONE_ATTRIBUTED, icon=":material/info:")
        return
    _said(opened, filters, found, titles[method])
    left, right = widgets.pair("cohort_channels")
    with left:
        _cells(opened, found)
    with right:
        if found.gaps is not None:
            heading("Do they add up?", "gaps", words.HELP_GAPS)
            widgets.draw(gap_bars(found.gaps.counts, _classes(), _beyond(), state.dark()), "cohort_gaps")


def _said(opened: Opened, filters: Filters, found: Channels, title: str) -> None:
    """Which method, of how many records, and how far it is to be trusted: before anything is drawn."""
    looked = len(cohort_measures.rows(opened, filters))
    st.markdown(f"{text.plain(title)}, {found.records:,} of {looked:,} records.")
    if found.gaps is None:
        signed_ = found.method not in METHODS or METHODS[found.method].in_logits
        st.info(text.NO_PROMISE if signed_ else text.UNSIGNED, icon=":material/info:")
        return
    said = completeness(found.gaps)
    if found.gaps.above:
        st.warning(said, icon=":material/warning:")
    else:
        st.success(said, icon=":material/check:")


def completeness(gaps: Gaps) -> str:
    """How many records have attributions that do not add up, and how far they are off."""
    low, high = 100 * gaps.over.low, 100 * gaps.over.high
    middle, most, worst = (100 * gap for gap in gaps.quantiles)
    return (
        f"**In {gaps.above:,} of {gaps.records:,} records the attributions miss what they should add up to by more "
        f"than {100 * COMPLETE_WITHIN:.0f} %** ({100 * gaps.over.value:.1f} %, 95 % interval {low:.1f} to {high:.1f}). "
        f"Half of the records are within {middle:.1f} %, nine in ten within {most:.1f} %; the largest is {worst:.0f} %."
    )


def _cells(opened: Opened, found: Channels) -> None:
    heading("Measurements over time", "channels", words.HELP_CHANNELS)
    in_logits = found.method not in METHODS or METHODS[found.method].in_logits
    what = choice("Cells", words.CHANNELS, WHAT, "size") if in_logits else "size"
    rows = slice(0, LISTED)
    sign = what == "value"
    chart = channel_cells(
        (found.value if sign else found.size)[rows],
        found.having[rows],
        titles_of(opened, found)[rows],
        [stretch_words(stretch, found.stretches) for stretch in found.stretches],
        "log-odds" if in_logits else "the method's own units",
        sign,
        state.dark(),
    )
    widgets.draw(chart, "cohort_channel_cells")
    rest = len(found.named) - LISTED
    if rest > 0:
        st.caption(words.REST.format(listed=LISTED, rest=rest, share=percent(float(np.sum(found.share[LISTED:])))))


def titles_of(opened: Opened, found: Channels) -> list[str]:
    """The titles of the channels; with their modality where two are called the same."""
    specs = {spec.name: spec for spec in opened.task.schema.modalities}
    titles = []
    for modality, channel in found.named:
        own = {c.name: c.title for c in specs[modality].channels} if modality in specs else {}
        titles.append(own.get(channel, specs[modality].title if modality in specs and channel == "all" else channel))
    named = dict(opened.manifest.modalities)
    return [
        f"{title} ({named.get(modality, modality)})" if titles.count(title) > 1 else title
        for title, (modality, _) in zip(titles, found.named, strict=True)
    ]


def stretch_words(stretch: Stretch, among: tuple[Stretch, ...]) -> str:
    """'0–8 h', '2.7–5.3 s', 'stated once'."""
    if stretch is None:
        return "stated once"
    last = max(until for _, until in (other for other in among if other is not None))
    scale, unit = (3600, "s") if last <= SECONDS_UP_TO else (1, "h")
    return "{}\N{EN DASH}{} {}".format(*(f"{round(scale * end, 1):g}" for end in stretch), unit)


def _classes() -> list[str]:
    ends = [f"{100 * edge:g}" for edge in GAP_EDGES]
    within = [f"up to {ends[1]} %", *(f"{low} to {high} %" for low, high in pairwise(ends[1:]))]
    return [*within, f"over {ends[-1]} %"]


def _beyond() -> list[bool]:
    return [edge >= COMPLETE_WITHIN for edge in GAP_EDGES]
