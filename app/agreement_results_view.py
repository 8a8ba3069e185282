"""Results of a study: agreement with every measure, of the raters with each other, and where they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from app import access, figures, state, text, widgets
from app import agreement_study as studies
from app import agreement_words as words
from app.agreement_export import as_csv
from app.agreement_study import Rated, Study
from app.figures import TauRow
from app.figures.agreement import place_text
from app.views import Listing
from app.widgets import boundary
from explain.raters import FEW_RATERS, FEW_RECORDS, Estimate, RaterStudy, disagreements, model_order, order, strength
from explain.reality import TITLES, Measure, RealityCheck

LIVE_S = 4.0
LEAST = 3
"""Raters, and records, below which no interval is shown: drawing two of anything anew says nothing of a third."""
TOO_FEW = "too few to say"
MOST_ROWS = 20
DISAGREE_BY = "agreement_disagree_by"


def live(found: Study, listed: Listing) -> None:
    """The results as they come in, looked for every few seconds while the study is open."""
    st.fragment(_live, run_every=None if found.closed else LIVE_S)(found, listed)


def _live(found: Study, listed: Listing) -> None:
    with boundary():
        rated = studies.ratings(found)
        people = studies.people(found)
        st.markdown(f"**{words.counted(len(people), 'participant')}**, {words.counted(len(rated), 'ranking')}")
        if people:
            rows = [
                (alias, f"{sum(each.participant == who for each in rated)} of {len(found.records)}")
                for who, alias in people.items()
            ]
            with st.expander("Who has ranked how many records"):
                table(("Rater", "Ranked"), rows, "Progress of each rater")
        _results(found, listed, rated)


def results(found: Study, listed: Listing) -> None:
    """The results as they are now."""
    with boundary():
        _results(found, listed, studies.ratings(found))


def _results(found: Study, listed: Listing, rated: Sequence[Rated]) -> None:
    if not rated:
        st.info(words.NOBODY_YET, icon=":material/hourglass_empty:")
        return
    records = tuple(dict.fromkeys(each.record for each in rated))
    with st.spinner("Comparing with the model …", show_time=True):
        checks = studies.checks(found, listed, records)
        outcome = studies.results(found, rated, checks)
    if outcome.small:
        st.warning(
            words.SMALL.format(
                raters=words.counted(len(outcome.raters), "rater"),
                records=words.counted(len(outcome.records), "record"),
                few_raters=FEW_RATERS,
                few_records=FEW_RECORDS,
                least=LEAST,
            ),
            icon=":material/groups:",
        )
    st.caption(words.SEEN_BEFORE if found.reveal == "each" else words.SEEN_AFTER)
    _measures(outcome, _enough(outcome, rated, checks))
    _alpha(outcome, _shared(rated))
    remarks = studies.comments(found)
    _disagreements(rated, checks, remarks)
    st.download_button(
        "All rankings as CSV",
        lambda: as_csv(found, rated, checks, remarks).encode(),
        file_name=f"agreement-{found.code}.csv",
        mime="text/csv",
        key="agreement_csv",
        icon=":material/download:",
        on_click=access.note,
        args=("exported rankings", found.code),
        help=f"One row a modality of each ranking. {text.DISCLAIMER}",
    )


def _enough(outcome: RaterStudy, rated: Sequence[Rated], checks: Mapping[str, RealityCheck]) -> frozenset[Measure]:
    """Measures whose taus come from enough raters and enough records for an interval."""
    told = [each for each in rated if np.ptp(order(each.places, checks[each.record].players)) > 0]
    enough = set()
    for item in outcome.measures:
        known = {r for r in outcome.records if strength(checks[r], item.measure) is not None}
        raters = {each.participant for each in told if each.record in known}
        if len(raters) >= LEAST and len(known & {each.record for each in told}) >= LEAST:
            enough.add(item.measure)
    return frozenset(enough)


def _shared(rated: Sequence[Rated]) -> int:
    """How many records two raters or more have ranked."""
    counts = Counter(each.record for each in rated)
    return sum(count > 1 for count in counts.values())


def _measures(outcome: RaterStudy, enough: frozenset[Measure]) -> None:
    st.markdown("#### Agreement with the model", help=words.HELP_POOLED)
    st.caption(
        f"{words.counted(len(outcome.raters), 'rater')}, {words.counted(len(outcome.records), 'record')}. Diamond: all "
        f"rankings, with its 95 % interval where there are {LEAST} raters and {LEAST} records or more. Circles: single "
        f"raters. Grey: what chance gives. {words.NOT_CONTRIBUTION}"
    )
    rows = []
    for item in outcome.measures:
        pooled, chance = item.pooled, item.chance
        spread = pooled if item.measure in enough else None
        rows.append(
            TauRow(
                TITLES[item.measure],
                words.KINDS[item.measure],
                None if pooled is None else pooled.value,
                None if spread is None else spread.low,
                None if spread is None else spread.high,
                None if chance is None else (chance.low, chance.high),
                tuple(each.value for each in item.by_rater.values() if each is not None),
            )
        )
    widgets.draw(figures.rater_agreement(rows, state.dark()), "agreement_taus")
    with st.expander("The same in numbers, and by rater"):
        st.markdown("**All rankings**", help=words.HELP_P)
        table(
            ("Measure", "What it is", "Tau", "95 % interval", "Chance gives", "p (Holm)", "Undefined"),
            [
                (
                    TITLES[item.measure], words.KINDS[item.measure], _value(item.pooled),
                    _interval(item.pooled) if item.measure in enough or item.pooled is None else TOO_FEW,
                    "" if item.chance is None else f"{text.signed(item.chance.low)} to {text.signed(item.chance.high)}",
                    "" if item.chance is None else _p(item.chance.adjusted), f"{item.undefined} of {item.asked}",
                )
                for item in outcome.measures
            ],
            "Agreement with each measure",
        )  # fmt: skip
        st.caption(f"{_drawn(outcome, enough)} {words.UNDEFINED}")
        st.markdown("**By rater** (mean tau over their records)")
        table(
            ("Rater", *(TITLES[item.measure] for item in outcome.measures)),
            [(rater, *(_value(item.by_rater[rater]) for item in outcome.measures)) for rater in outcome.raters],
            "Agreement of each rater with each measure",
        )


def _drawn(outcome: RaterStudy, enough: frozenset[Measure]) -> str:
    """Which clusters the intervals draw anew."""
    of = {item.pooled.resampled for item in outcome.measures if item.pooled is not None and item.measure in enough}
    least = f"An interval takes {LEAST} raters and {LEAST} records."
    return f"Intervals draw anew: {'; '.join(sorted(of))}. {least}" if of else least


def _alpha(outcome: RaterStudy, shared: int) -> None:
    st.markdown(f"#### {words.ALPHA}", help=words.HELP_ALPHA)
    found = outcome.alpha
    if found.estimate is None:
        st.info(f"Cannot be worked out yet. {words.NO_ALPHA[found.missing]}", icon=":material/info:")
        return
    few = found.raters < LEAST or shared < LEAST
    between = f"interval: {TOO_FEW}" if few else _interval(found.estimate)
    st.markdown(
        f"**{text.signed(found.estimate.value)}** ({between}), from {words.counted(found.raters, 'rater')} and "
        f"{words.counted(found.units, 'modality') if found.units == 1 else f'{found.units:,} modalities'} of records "
        "that two or more of them ranked."
    )


def _disagreements(
    rated: Sequence[Rated],
    checks: Mapping[str, RealityCheck],
    remarks: Mapping[tuple[str, str], Sequence[str]],
) -> None:
    st.markdown(f"#### {words.DISAGREEMENTS}", help=words.HELP_DISAGREEMENTS)
    measures = [m for m in TITLES if any(check.measures[m] is not None for check in checks.values())]
    key = f"w_{DISAGREE_BY}"
    kept = state.kept(DISAGREE_BY, "shapley")
    st.session_state[key] = kept if kept in measures else measures[-1]
    measure: Measure = st.selectbox(
        "By",
        measures,
        format_func=lambda name: f"{TITLES[name]} ({words.KINDS[name]})",
        key=key,
        width=340,
        on_change=state.keep_widget,
        args=(DISAGREE_BY, key),
    )
    found = disagreements([each.ranking for each in rated], checks, measure)
    if not found:
        st.caption("Nobody puts a modality at another place than this measure does.")
        return
    by = {(each.rater, each.record): each for each in rated}
    rows, told = [], set()
    for item in found[:MOST_ROWS]:
        each, check = by[item.rater, item.record], checks[item.record]
        at = check.players.index(item.modality)
        theirs = model_order(check, measure) or {}
        # A comment is on a record: it stands with the first of its rows.
        said = "" if (each.rater, each.record) in told else " / ".join(remarks.get((each.participant, each.record), ()))
        told.add((each.rater, each.record))
        rows.append(
            (
                item.record, check.titles[at], item.rater, place_text(order(each.places, check.players), at),
                place_text(np.array([theirs[name] for name in check.players]), at), said,
            )
        )  # fmt: skip
    table(("Record", "Modality", "Rater", "Rater's place", "Model's place", "Comment"), rows, words.DISAGREEMENTS, True)
    if len(found) > MOST_ROWS:
        st.caption(f"The {MOST_ROWS} largest of {len(found):,}; all rankings are in the CSV file below.")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], label: str, prose: bool = False) -> None:
    """A plain table that scrolls in its own frame; the first column names the row. prose: the last column holds
    sentences, and may break into lines."""
    head = "".join(f'<th scope="col">{text.escape(each)}</th>' for each in heads)
    body = "".join(
        f'<tr><th scope="row">{text.escape(first)}</th>{"".join(f"<td>{text.escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    kind = "fs-table fs-unbroken fs-prose" if prose else "fs-table fs-unbroken"
    st.html(
        f'<div class="{kind}" tabindex="0" role="region" aria-label="{text.escape(label)}"><table><thead><tr>{head}'
        f"</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _value(found: Estimate | None) -> str:
    return "not defined" if found is None else text.signed(found.value)


def _interval(found: Estimate | None) -> str:
    if found is None or found.low is None or found.high is None:
        return ""
    return f"{text.signed(found.low)} to {text.signed(found.high)}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
