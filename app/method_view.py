"""Which method, from which baseline, and how far it is to be trusted: what stands above every attribution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from app import services, state, text
from app.checked import MARKS
from app.explanations import explanation_report
from app.explanations_methods import ZERO, Choice, offered_baselines
from app.views import Case
from app.widgets import boundary
from explain.gradients import INTEGRATED_GRADIENTS
from explain.methods import METHODS
from explain.perturbation import FEATURE_ABLATION
from explain.report import Report
from explain.types import COMPLETE_WITHIN, Attribution

Option = TypeVar("Option", str, int)
STEPS = (32, 64, 128, 256)
MAGNITUDES = {"saliency": "sensitivity", "temporal_attention": "weight"}
"""What the values of a method without a sign are called."""


def magnitude(found: Attribution) -> str:
    """The word for this method's values where they have no sign; empty where they are parts of a logit."""
    return "" if found.in_logits else MAGNITUDES.get(found.method, "size")


def stored_report(task: str) -> Report | None:
    """The report on this model's explanations; where its file is broken this is said, and the page goes on without."""
    found = None
    with boundary():
        found = explanation_report(task)
    return found


def label(report: Report | None, method: str) -> str:
    """A method's title, marked where it did not pass a check on this model."""
    title = METHODS[method].title
    if report is None or method not in report.methods:
        return title
    # Whether a planted cause is named hangs on the model as much as on the method: it is no mark against the method.
    failed = [
        check.name for check in report.checks(method) if check.passed is False and check.name in text.CHECKS_FAILED
    ]
    if not failed:
        return title
    more = "" if len(failed) == 1 else f", {len(failed) - 1} more check{'s' if len(failed) > 2 else ''} not passed"
    return f"{title} ({text.CHECKS_FAILED[failed[0]]}{more})"


def chosen(opened: Case, report: Report | None) -> Choice:
    """The method and, of the settings, those that it has."""
    name = _method(report)
    method = METHODS[name]
    st.caption(text.plain(method.says))
    start, steps, refine, missing = ZERO, STEPS[0], True, False
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if method.uses_baseline:
            offered = offered_baselines(opened, None if report is None else report.reference)
            start = _segments("Baseline", offered, "baseline", text.HELP_BASELINE, text.BASELINES.__getitem__)
        if name == INTEGRATED_GRADIENTS.name:
            steps = _segments("Steps", STEPS, "ig_steps", text.HELP_STEPS)
            refine = _toggle("Refine until it adds up", "ig_refine", True, text.HELP_REFINE)
        if name == FEATURE_ABLATION.name and _is_charted(opened):
            words = "Also ask about what was not measured"
            missing = _toggle(words, "missing", False, text.HELP_MISSING, disabled=report is None)
    return Choice(name, start, steps, refine, missing and report is not None)


def kept(opened: Case, report: Report | None) -> Choice:
    """The method and settings as last left on the Attribution page, for pages that do not ask."""
    name, missing = state.kept("method", INTEGRATED_GRADIENTS.name), state.kept("missing", False)
    offered = offered_baselines(opened, None if report is None else report.reference)
    start = state.kept("baseline", ZERO)
    return Choice(
        name,
        start if METHODS[name].uses_baseline and start in offered else ZERO,
        state.kept("ig_steps", STEPS[0]) if name == INTEGRATED_GRADIENTS.name else STEPS[0],
        state.kept("ig_refine", True) if name == INTEGRATED_GRADIENTS.name else True,
        missing and name == FEATURE_ABLATION.name and report is not None and _is_charted(opened),
    )


def checks(report: Report | None, method: str) -> None:
    """What was measured of this method on this model, one chip a check, the findings on demand."""
    if report is None:
        st.caption(text.NOT_AUDITED, help=text.HELP_CHECKS)
        return
    if method not in report.methods:
        st.caption("This method is not in the stored report on this model's explanations.", help=text.HELP_CHECKS)
        return
    found = report.checks(method)
    kinds = {True: "here", False: "failed", None: "missing"}
    chips = [
        f'<li class="{kinds[check.passed]}"><b>{text.escape(check.title)}</b> {MARKS[check.passed]}</li>'
        for check in found
    ]
    st.html(f'<ul class="fs-strip" aria-label="Checks of this method on this model">{"".join(chips)}</ul>')
    with st.expander("What each check of this method found on this model"):
        for check in found:
            st.markdown(f"- **{text.plain(check.title)}** · {MARKS[check.passed]}: {text.plain(check.said)}")
        st.caption(text.HELP_CHECKS)


def completeness(found: Attribution) -> None:
    """Whether the attributions add up to the change they explain, before anyone reads them."""
    if not found.in_logits:
        st.info(text.UNSIGNED, icon=":material/info:")
        return
    change = "" if found.f_baseline is None else f"{text.signed(found.f_x - found.f_baseline)} log-odds"
    if found.gap is None:
        total = text.signed(sum(found.by_modality().values()))
        here = f" Here its values sum to {total}; the estimate moved by {change}." if change else ""
        st.info(text.NO_PROMISE + here, icon=":material/info:")
        return
    missed = f"{100 * found.gap:.1f} %" if found.gap_is_relative else f"{found.gap:.3f} log-odds"
    used = f"; {found.settings['steps']} steps" if "steps" in found.settings else ""
    if found.complete:
        st.success(
            f"**These attributions add up** within {missed} of the change from baseline to record ({change}{used}).",
            icon=":material/check:",
        )
        return
    refines = found.method == INTEGRATED_GRADIENTS.name
    way = "take more steps, or refine" if refines else f"take another method, such as {INTEGRATED_GRADIENTS.title}"
    st.error(
        f"**These attributions do not add up.** They miss the change from baseline to record ({change}{used}) by "
        f"{missed}; up to {100 * COMPLETE_WITHIN:.0f} % is accepted. Do not rely on them: {way}.",
        icon=":material/error:",
    )


def cancelling(found: Attribution) -> None:
    """Said where single values are many times as large as all of them together."""
    if found.cancels and found.f_baseline is not None:
        st.warning(
            f"**Large parts cancel each other.** Single values come to {found.size:.2f} log-odds in size and to "
            f"{text.signed(found.f_x - found.f_baseline)} in sum. Read what each variable adds up to before any single "
            "value.",
            icon=":material/warning:",
        )


def _is_charted(opened: Case) -> bool:
    return any(spec.kind == "series" for spec in services.schema(opened.listing.task).modalities)


def _method(report: Report | None) -> str:
    """One of all methods, by its title and its mark."""
    st.session_state["method"] = state.kept("method", INTEGRATED_GRADIENTS.name)
    return st.selectbox(
        "Method",
        tuple(METHODS),
        format_func=lambda method: label(report, method),
        key="method",
        help=text.HELP_METHOD,
        on_change=state.keep_widget,
        args=("method", "method"),
    )


def _segments(
    title: str, options: Sequence[Option], key: str, help_text: str, write: Callable[[Option], str] = str
) -> Option:
    """A row of buttons that remembers its choice; the first option where the remembered one is not offered."""
    kept = state.kept(key, options[0])
    st.session_state[key] = kept if kept in options else options[0]
    picked = st.segmented_control(
        title,
        options,
        required=True,
        format_func=write,
        key=key,
        help=help_text,
        on_change=state.keep_widget,
        args=(key, key),
    )
    return options[0] if picked is None else picked


def _toggle(title: str, key: str, first: bool, help_text: str, disabled: bool = False) -> bool:
    st.session_state[key] = state.kept(key, first) and not disabled
    return st.toggle(title, key=key, help=help_text, disabled=disabled, on_change=state.keep_widget, args=(key, key))
