"""How an audit's answers rank and match what happened, on the Cohort page: overall, without modalities, by part."""

from __future__ import annotations

import streamlit as st

from amfn.conformal import CoverageRow
from amfn.evaluation import Interval
from app import cohort_measures, figures, state, text, widgets
from app import cohort_words as words
from app.cohort_data import Filters, Opened
from app.cohort_measures import SMALLEST_PATTERN
from app.cohort_sections import heading, signed_interval
from app.figures.cohort_performance import Banded, decision_band, precision_recall_curve, roc_curve, without_one
from app.figures.drawing import percent, signed
from audit.measures import DRAWS, Curve
from audit.measures_groups import ALPHA, Part

Three = tuple[float, float, float]


def performance(opened: Opened, filters: Filters) -> None:
    found = cohort_measures.performance(opened, filters)
    scores, curve = found.scores, found.decision
    if scores is None or curve is None:
        _lacking(opened, filters)
        return
    with st.container(horizontal=True, key="cohort_scores"):
        for name, interval in (("AUROC", scores.auroc), ("AUPRC", scores.auprc), ("Brier score", scores.brier)):
            st.metric(
                name,
                f"{interval.value:.3f}",
                f"{interval.low:.3f} to {interval.high:.3f}",
                delta_color="off",
                delta_arrow="off",
                help=words.HELP_BAND.format(draws=DRAWS),
            )
        share = scores.positives / scores.records
        st.metric(opened.task.wording.positive, f"{scores.positives:,}", f"{percent(share)} of {scores.records:,}",
                  delta_color="off", delta_arrow="off")  # fmt: skip
    if found.unknown:
        st.caption(words.UNKNOWN_LEFT_OUT.format(unknown=found.unknown))
    help_text = words.HELP_BAND.format(draws=DRAWS)
    left, right = widgets.pair("cohort_curves")
    with left:
        heading("Telling events from the rest (ROC)", "roc", help_text)
        widgets.draw(roc_curve(_banded(scores.roc), _three(scores.auroc), state.dark()), "cohort_roc")
    with right:
        heading("Right when raised (precision and recall)", "precision", help_text)
        chart = precision_recall_curve(_banded(scores.precision_recall), _three(scores.auprc), share, state.dark())
        widgets.draw(chart, "cohort_precision")
    left, right = widgets.pair("cohort_calibration")
    with left:
        heading("Estimated and observed", "reliability")
        bins = [(b.count, b.predicted, b.observed, b.low, b.high) for b in found.bins]
        widgets.draw(figures.reliability(bins, opened.task.wording.event, state.dark()), "cohort_reliability")
    with right:
        heading("Worth acting on? (decision curve)", "decision", help_text)
        banded = (curve.thresholds, curve.model, curve.low, curve.high)
        widgets.draw(decision_band(banded, curve.everyone, state.dark()), "cohort_decision")

    _sets(opened, filters)


def _sets(opened: Opened, filters: Filters) -> None:
    """How often the conformal sets hold what came true, and how often they say something."""
    heading("Do the sets of outcomes keep their word?", "sets", words.HELP_SETS.format(least=SMALLEST_PATTERN))
    found = cohort_measures.sets(opened, filters)
    if not found:
        st.info(words.NO_SETS, icon=":material/info:")
        return
    st.dataframe([_set_line(opened, row) for row in found], hide_index=True, height="content", key="cohort_sets")


def _set_line(opened: Opened, row: CoverageRow) -> dict[str, str]:
    wording = opened.task.wording
    both = row.answered - row.single - row.empty
    few = row.answered == 0
    return {
        "Recorded": "all records" if row.pattern is None else cohort_measures.recorded(opened, row.pattern),
        "Outcome": wording.positive if row.label else wording.negative,
        "Records": f"{row.records:,}",
        "Set holds the outcome": text.TOO_FEW
        if few
        else f"{100 * row.share:.1f} % ({100 * row.low:.1f} to {100 * row.high:.1f})",
        "One outcome": _of(row.single, row.answered),
        "Both": _of(both, row.answered),
        "None": _of(row.empty, row.answered),
        "No set given": _of(row.records - row.answered, row.records),
    }


def _of(count: int, whole: int) -> str:
    return f"{count:,} ({percent(count / whole)})" if whole else ""


def removal(opened: Opened, filters: Filters) -> None:
    found = cohort_measures.removed(opened, filters)
    if found is None:
        _lacking(opened, filters)
        return
    left, right = widgets.pair("cohort_removal")
    with left:
        heading("Modalities missing at random", "removal", words.HELP_REMOVED)
        rows = [(rate, *_three(interval)) for rate, interval in found.curve]
        widgets.draw(figures.removal_curve(rows, state.dark()), "cohort_removal_curve")
    with right:
        heading("One modality missing everywhere", "without", words.HELP_REMOVED)
        lost = [change for _, _, change, _ in found.without]
        chart = without_one(
            [change.value for change in lost],
            [change.low for change in lost],
            [change.high for change in lost],
            opened.names,
            opened.titles,
            [records for *_, records in found.without],
            state.dark(),
        )
        widgets.draw(chart, "cohort_without")
    st.dataframe(
        [
            {
                "Without": title,
                "Records that have it": f"{records:,}",
                "AUROC (95 % interval)": str(value),
                "Change": f"{signed(change.value, 3)} ({signed(change.low, 3)} to {signed(change.high, 3)})",
            }
            for title, (_, value, change, records) in zip(opened.titles, found.without, strict=True)
        ],
        hide_index=True,
        height="content",
        key="cohort_without_table",
    )


def subgroups(opened: Opened, filters: Filters) -> None:
    heading("Subgroups", "subgroups", words.HELP_HOLM)
    found = cohort_measures.parts(opened, filters)
    if not found:
        _lacking(opened, filters)
        return
    st.dataframe([_line(opened, part) for part in found], hide_index=True, height="content", key="cohort_subgroups")
    differing = [part for part in found if _differs(part.auroc_adjusted) or _differs(part.intercept_adjusted)]
    said = "; ".join(f"{part.stratum}, {part.level}" for part in differing)
    compared = sum(part.auroc_p is not None for part in found)
    st.markdown(
        text.plain(
            f"Differs from the rest at 5 %, adjusted over the whole table (Holm): {said or 'none'}. Compared: "
            f"{compared} of {len(found)} subgroups."
        )
    )


def _line(opened: Opened, part: Part) -> dict[str, str]:
    return {
        "Subgroup": f"{part.stratum}: {part.level}",
        "Records": f"{part.records:,}",
        opened.task.wording.positive: f"{part.positives:,}",
        "Predicted": f"{100 * part.predicted:.1f} %",
        "Observed": f"{100 * part.observed.value:.1f} % ({100 * part.observed.low:.1f} to "
        f"{100 * part.observed.high:.1f})",
        "AUROC": text.TOO_FEW if part.auroc is None else str(part.auroc),
        "AUROC differs": _verdict(part.auroc_adjusted, part.auroc is None),
        "Calibration": text.TOO_FEW if part.intercept is None else signed_interval(*_three(part.intercept)),
        "Calibration differs": _verdict(part.intercept_adjusted, part.intercept is None),
    }


def _verdict(adjusted: float | None, few: bool) -> str:
    if adjusted is None:
        return text.TOO_FEW if few else "not compared"
    written = "p < 0.001" if adjusted < 0.001 else f"p = {adjusted:.3f}"
    return f"{'yes' if _differs(adjusted) else 'no'} ({written})"


def _differs(adjusted: float | None) -> bool:
    return adjusted is not None and adjusted < ALPHA


def _lacking(opened: Opened, filters: Filters) -> None:
    found = cohort_measures.performance(opened, filters)
    st.info(
        words.NO_OUTCOME.format(
            labelled=found.labelled,
            records=found.labelled + found.unknown,
            positives=found.positives,
            positive=opened.task.wording.positive,
        ),
        icon=":material/help:",
    )


def _banded(curve: Curve) -> Banded:
    return curve.x, curve.y, curve.low, curve.high


def _three(found: Interval) -> Three:
    return found.value, found.low, found.high
