"""Contributions on the Cohort page: of every record, by group, and of pairs of modalities."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import cohort_card, cohort_measures, state, text, widgets
from app import cohort_words as words
from app.cohort_data import Filters, Opened
from app.figures.cohort_beeswarm import Swarm, beeswarm, strength
from app.figures.cohort_groups import group_cells, group_spread
from app.figures.cohort_pairs import mean_interactions
from app.figures.drawing import percent

DRAWN = 200
"""Records whose points are drawn, the same ones whatever else changes: a browser takes its time over more."""
COLOUR, BY, OF = "cohort:colour", "cohort:by", "cohort:of"
SWARM = "cohort_beeswarm"
EVEN_WITHIN = 0.005
"""Shares that differ by less than half a per cent cannot be told apart by their shade."""
NAN3 = (np.nan, np.nan, np.nan)


def heading(title: str, aid: str, help_text: str | None = None) -> None:
    st.markdown(f"#### {title}", help=help_text)
    st.caption(words.AIDS[aid])


def choice(label: str, options: dict[str, str], kept: str, default: str, help_text: str | None = None) -> str:
    """One of a few, as last left."""
    widget = f"w_{kept}"
    wanted = state.kept(kept, default)
    st.session_state[widget] = wanted if wanted in options else default
    picked = st.segmented_control(
        label,
        list(options),
        required=True,
        format_func=options.__getitem__,
        key=widget,
        help=help_text,
        on_change=state.keep_widget,
        args=(kept, widget),
    )
    return default if picked is None else picked


def contributions(opened: Opened, filters: Filters) -> None:
    left, right = widgets.pair("cohort_contributions")
    with left:
        heading("Contribution in each record", "beeswarm")
        colour = choice("Colour", words.COLOURS, COLOUR, "observed")
        rows = cohort_measures.rows(opened, filters)
        drawn = sampled(opened, rows)
        even = level(opened, drawn) if colour == "observed" else None
        if even is not None:
            # One shade for every point would look like a finding.
            colour = "sign"
            st.caption(words.EVEN.format(share=percent(even)))
        chart = beeswarm(
            _swarm(opened, drawn, colour), opened.titles, len(rows), cohort_card.picked(opened), state.dark()
        )
        widgets.draw(chart, SWARM, picked=lambda: _clicked(opened))
        part = (
            f"{len(drawn):,} of the {len(rows):,} records are drawn, chosen by chance. "
            if len(drawn) < len(rows)
            else ""
        )
        st.caption(f"{part}{words.CLICK_ROW if isinstance(cohort_card.reach(opened), str) else words.CLICK}")
    with right:
        # Beside the points: above them it would push the one that was clicked out of sight.
        cohort_card.card(opened)
        heading("Mean size of contribution", "strength", words.HELP_STRENGTH)
        found = cohort_measures.summary(opened, filters)
        value, low, high = zip(
            *(NAN3 if m.strength is None else (m.strength.value, m.strength.low, m.strength.high) for m in found),
            strict=True,
        )
        records = [m.records for m in found]
        widgets.draw(strength(value, low, high, opened.names, opened.titles, records, state.dark()), "cohort_strength")
        st.dataframe(
            [
                {
                    "Modality": title,
                    "Records that have it": f"{m.records:,} ({percent(m.present)})",
                    "Mean (95 % interval)": text.TOO_FEW if m.mean is None else signed_interval(*_three(m.mean)),
                }
                for title, m in zip(opened.titles, found, strict=True)
            ],
            hide_index=True,
            height="content",
            key="cohort_modalities",
        )


def sampled(opened: Opened, rows: np.ndarray) -> np.ndarray:
    """Up to DRAWN of these records, by a lot that each drew once: a filter changes nothing about those that it keeps.
    The record that is looked at is among them."""
    lots = np.random.default_rng(0).permutation(len(opened))[rows]
    drawn = rows if len(rows) <= DRAWN else np.sort(rows[np.argpartition(lots, DRAWN)[:DRAWN]])
    own = cohort_card.picked(opened)
    return np.union1d(drawn, [own]).astype(int) if own is not None and own in rows else drawn


def level(opened: Opened, drawn: np.ndarray) -> float | None:
    """The share that was measured, where it is the same for every drawn record and modality; None where it differs."""
    found = opened.each("observed")
    if found is None:
        return None
    shares = found[drawn][opened.present[drawn]]
    return float(shares[0]) if len(shares) and float(np.ptp(shares)) < EVEN_WITHIN else None


def _swarm(opened: Opened, drawn: np.ndarray, colour: str) -> Swarm:
    wording = opened.task.wording
    shares = outcomes = None
    if colour == "observed":
        found = opened.each("observed")
        shares = None if found is None else np.where(opened.present[drawn], found[drawn], np.nan)
    if colour == "outcome":
        drawn = drawn[opened.labels[drawn] >= 0]
        outcomes = opened.labels[drawn] == 1
    return Swarm(
        keys=drawn.tolist(),
        words=[cohort_card.describe(opened, row) for row in drawn],
        values=opened.shapley[drawn],
        shares=shares,
        outcomes=outcomes,
        outcome_names=(wording.negative, wording.positive),
    )


def _clicked(opened: Opened) -> None:
    """A click on a point; where nothing is selected any more the card stays."""
    points: list[dict[str, Any]] = st.session_state[SWARM].selection.points
    if points and points[0].get("customdata"):
        cohort_card.pick(opened, int(points[0]["customdata"][0]))


def groups(opened: Opened, filters: Filters) -> None:
    options = {**opened.strata, cohort_measures.OUTCOME: "Outcome", cohort_measures.PATTERN: "What was recorded"}
    by = choice("Group by", options, f"{BY}:{opened.manifest.task}", next(iter(options)))
    found = cohort_measures.grouped(opened, filters, by)
    left, right = widgets.pair("cohort_groups")
    with left:
        heading(f"Mean contribution by {options[by][:1].lower()}{options[by][1:]}", "groups")
        means = np.array([[np.nan if c.mean is None else c.mean.value for c in row] for row in found.rows])
        records = np.array([[c.records for c in row] for row in found.rows])
        widgets.draw(group_cells(means, records, found.groups, opened.titles, state.dark()), "cohort_group_cells")
    with right:
        heading("One modality", "one_modality")
        titles = dict(opened.manifest.modalities)
        kept = f"{OF}:{opened.manifest.task}"
        widget = f"w_{kept}"
        wanted = state.kept(kept, _strongest(opened, filters))
        st.session_state[widget] = wanted if wanted in titles else opened.names[0]
        name = st.selectbox(
            "Modality",
            list(titles),
            format_func=titles.__getitem__,
            key=widget,
            on_change=state.keep_widget,
            args=(kept, widget),
        )
        own = [row[opened.names.index(name)] for row in found.rows]
        chart = group_spread(
            [None if c.mean is None else _three(c.mean) for c in own],
            [c.quantiles for c in own],
            found.groups,
            [c.records for c in own],
            name,
            titles[name],
            state.dark(),
        )
        widgets.draw(chart, "cohort_group_spread")


def _strongest(opened: Opened, filters: Filters) -> str:
    """The modality that contributes most."""
    found = [m for m in cohort_measures.summary(opened, filters) if m.strength is not None]
    return max(found, key=lambda m: m.strength.value if m.strength else 0.0).name if found else opened.names[0]


def pairs(opened: Opened, filters: Filters) -> None:
    found = cohort_measures.matrix(opened, filters, "interactions")
    if found is None:
        st.info("This audit holds no interactions.")
        return
    left, right = widgets.pair("cohort_interactions")
    for place, title, aid, values, sizes in (
        (left, "Pairs of modalities, mean", "pairs", found.mean, False),
        (right, "Pairs of modalities, mean size", "pair_sizes", found.size, True),
    ):
        with place:
            heading(title, aid)
            chart = mean_interactions(values, found.records, opened.titles, sizes, state.dark())
            widgets.draw(chart, f"cohort_{aid}")


def signed_interval(value: float, low: float, high: float) -> str:
    return f"{text.signed(value)} ({text.signed(low)} to {text.signed(high)})"


def _three(found: Any) -> tuple[float, float, float]:
    return found.value, found.low, found.high
