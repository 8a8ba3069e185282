"""The parts that every page is composed of: frame, messages, banner, charts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from amfn.conformal import ERROR_RATE
from amfn.origin import simulated as is_simulated
from amfn.types import Finding, InputError
from app import address, figures, services, state, surveying, text
from app.components import plotly_host, scrolling
from app.figures import Drawing
from app.links import HASHED
from app.theme import BACKGROUND, TEXT
from app.views import Case, Listing, ModelFacts, NoAlarm, NoFolder, NoSuchRecord, Refusal

log = logging.getLogger("fusionscope")
STYLE = Path(__file__).with_name("style.css")
# A file of our own: Streamlit fetches named icons and emoji for the tab from another host.
ICON = Path(__file__).with_name("icon.svg")
MEAN = -1
CHART = {"displaylogo": False, "scrollZoom": False, "displayModeBar": False, "responsive": True}


def style() -> None:
    """Style sheet, and what of the theme it needs that Streamlit does not hand to it."""
    st.html(STYLE)
    st.html(f"<style>:root {{ --fs-text: {TEXT[state.dark()]}; }}</style>")


def title(name: str) -> None:
    """The page's own heading: modest to the eye, and first in the outline that a screen reader gives."""
    st.html(f'<h1 style="font-size:1.15rem;font-weight:600;margin:0;padding:0">{text.escape(name)}</h1>')


@contextmanager
def boundary() -> Iterator[None]:
    """Nothing raw reaches the screen: bad input is said in three parts, anything else plainly, and logged."""
    try:
        yield
    except NoFolder:
        linked = (state.link().record or "").startswith(HASHED)
        st.info(
            f"{text.LINK_TO_FOLDER} {text.NAME_A_FOLDER}" if linked else text.NAME_A_FOLDER,
            icon=":material/folder_open:",
        )
    except NoSuchRecord as error:
        no_such_record(error)
    except NoAlarm as error:
        no_alarm(error)
    except InputError as error:
        input_error(error)
    except Exception:
        log.exception("a page failed")
        st.error(
            "**This view could not be drawn.** The reason is in the program's log. Other records and pages keep "
            "working: choose another record, or reload the page.",
            icon=":material/error:",
        )


def input_error(error: InputError) -> None:
    """What came, what was expected, how to mend it."""
    st.error(
        f"**This cannot be used:** {text.plain(error.source)}\n\n"
        f"- **What came:** {text.plain(error.came)}\n"
        f"- **What was expected:** {text.plain(error.expected)}\n"
        f"- **How to mend it:** {text.plain(error.mend)}",
        icon=":material/error:",
    )


def no_such_record(error: NoSuchRecord) -> None:
    """A link led nowhere: where one looked, and the way on."""
    listed = error.listed
    if error.record_id.startswith(HASHED):
        st.error(text.LINK_ELSEWHERE, icon=":material/link_off:")
        return
    where = "the sample cohort" if services.is_sample(listed) else f"the folder {Path(listed.folder).name}"
    st.error(
        f"No record '{text.plain(error.record_id)}' in {text.plain(where)}. Choose one on the left.",
        icon=":material/error:",
    )
    if listed.ids:
        first = listed.ids[0]
        st.button(f"Open record {first}", key="open_first", on_click=state.choose, args=(listed, first))


def no_alarm(error: NoAlarm) -> None:
    """A recording that nothing was asked about yet: where to look at it and ask."""
    st.info(
        f"**{text.plain(error.source)} holds no alarm**, and the model judges alarms. Look at the recording on the "
        "Signals page; there you can also choose a moment and ask the model about it. All pages then answer for that "
        "moment.",
        icon=":material/notifications_off:",
    )
    st.page_link("pages/signals.py", label="Open on the Signals page", icon=":material/ecg_heart:")


def footer() -> None:
    scrolling.by_keyboard()
    plotly_host.ahead()
    st.divider()
    st.caption(f"**{text.DISCLAIMER}** Estimates can be wrong, and a number on a screen is easily trusted too much.")


def open_case() -> Case:
    """The selected record with its banner on top. Raises InputError where folder, record or model cannot be used."""
    state.framed()
    listed = state.listing()
    chosen = state.chosen(listed)
    address.begin(listed, chosen)
    opened = services.case(listed, chosen, state.assumed(listed, chosen))
    address.apply(opened)
    banner(opened)
    said = address.problems(opened)
    if said:
        st.info(f"{text.LINK_PROBLEMS} {text.plain('; '.join(said))}.", icon=":material/link_off:")
    return opened


def banner(opened: Case) -> None:
    """Who this is: it stays in sight while the page scrolls."""
    banner_of(opened.listing, opened.record.record_id, opened.facts, opened.simulated)


def banner_of(listed: Listing, record_id: str, facts: Sequence[str], simulated: bool | None = None) -> None:
    """The banner of a record, whether or not the model has an answer to it. simulated: looked up where it is None."""
    if simulated is None:
        simulated = is_simulated(services.located(listed, record_id))
    place = "sample cohort" if services.is_sample(listed) else f"folder {Path(listed.folder).name}"
    origin = f"Simulated patient, {place}" if simulated else f"{place[:1].upper()}{place[1:]}"
    parts = [f"<strong>Record {text.escape(record_id)}</strong>"]
    parts += [f"<span>{text.escape(fact)}</span>" for fact in facts]
    kind = "simulated" if simulated else "origin"
    parts.append(f'<span class="fs-{kind}">{text.escape(origin)}</span>')
    with st.container(key="banner"):
        # The page's own colour, so that what scrolls under the banner does not show through.
        colour = BACKGROUND[state.dark()]
        st.html(
            f'<div class="fs-banner" style="background:{colour}" role="region" aria-label="Patient">'
            f"{''.join(parts)}</div>"
        )


def risk(opened: Case) -> None:
    """The number first, its base rate beside it."""
    a = opened.analysis
    number, bar = st.columns([1, 2], vertical_alignment="center")
    with number:
        st.metric(
            f"Chance of {opened.noun}",
            text.percent(a.full.risk),
            f"{text.compared(a.full.risk, a.base_rate)} ({text.percent(a.base_rate)})",
            delta_color="off",
            delta_arrow="off",
            help=text.HELP_RISK,
        )
    with bar:
        spread, similar = a.certainty.spread, a.certainty.similar
        networks = (spread.low, spread.high) if spread else None
        observed = (similar.share, similar.low, similar.high) if similar else None
        draw(figures.risk_bar(a.full.risk, a.base_rate, opened.noun, networks, observed, state.dark()), "risk_bar")


def headline(opened: Case) -> None:
    """The risk and its sentence in two lines, for the pages that explain it."""
    a = opened.analysis
    number = text.percent(a.full.risk)
    st.markdown(f"### {number[0].upper()}{number[1:]} chance of {text.plain(opened.noun)}")
    st.markdown(text.plain(a.sentence))


def head_selector(networks: int, heads: int) -> tuple[int | None, int | None]:
    """One network and one of its heads; None for the mean over all."""
    network: int | None = 0
    if networks > 1:
        network = _one_of("Network", networks, f"network:{networks}", text.HELP_NETWORKS)
    if network is None:
        return None, None
    return network, _one_of("Head", heads, f"head:{heads}", text.HELP_HEADS)


def _one_of(what: str, count: int, kept: str, help_text: str) -> int | None:
    """A row of buttons: the mean, then each by its number."""
    key = what.lower()
    st.session_state[key] = state.kept(kept, MEAN)
    picked = st.segmented_control(
        what,
        [MEAN, *range(count)],
        required=True,
        format_func=lambda k: "Mean" if k == MEAN else str(k + 1),
        key=key,
        help=help_text,
        on_change=state.keep_widget,
        args=(kept, key),
    )
    return None if picked == MEAN else picked


def error_rate(rates: Sequence[float]) -> float:
    """The chosen error rate of conformal sets, the same on every page."""
    st.session_state["error_rate"] = state.kept("error_rate", ERROR_RATE)
    picked = st.segmented_control(
        "Error rate",
        rates,
        required=True,
        format_func=lambda rate: f"{100 * rate:g} %",
        key="error_rate",
        help=text.HELP_ERROR_RATE,
        on_change=state.keep_widget,
        args=("error_rate", "error_rate"),
    )
    return ERROR_RATE if picked is None else picked


def warnings(opened: Case) -> None:
    """What may have spoilt the estimate, in plain sight."""
    if opened.warnings:
        st.warning("\n\n".join(_finding(item) for item in opened.warnings), icon=":material/warning:")


def stated(opened: Case) -> None:
    """The values that are known once for the whole stay."""
    if not opened.stated:
        return
    chips = []
    for name, value in opened.stated:
        kind = "missing" if value == services.UNKNOWN else "here"
        chips.append(f'<li class="{kind}"><b>{text.escape(name)}</b> {text.escape(value)}</li>')
    st.html(f'<ul class="fs-strip" aria-label="Stated on admission">{"".join(chips)}</ul>')


def outcome(opened: Case) -> None:
    """The known outcome, only when asked for: seen first, it would colour the reading of everything else."""
    if opened.outcome is None:
        st.caption("The outcome of this record is not known.")
        return
    kept, widget = f"outcome:{opened.digest}", f"w_outcome:{opened.digest}"
    st.session_state[widget] = state.kept(kept, False)
    if st.toggle(
        "Reveal the outcome",
        key=widget,
        help="Form your own view first.",
        on_change=state.keep_widget,
        args=(kept, widget),
    ):
        word = "Simulated outcome" if opened.simulated else "Known outcome"
        st.info(f"{word}: **{opened.outcome}**", icon=":material/visibility:")


def findings(found: Sequence[Finding], what: str) -> None:
    """What the reader did to the data or noticed in it."""
    if not found:
        return
    with st.expander(f"What was noticed while reading {what} ({len(found)})"):
        for item in found:
            sign = ":material/warning:" if item.severity == "warning" else ":material/info:"
            st.markdown(f"{sign} {_finding(item)}")


def _finding(item: Finding) -> str:
    count = f" ({item.count:,})" if item.count else ""
    return f"**{text.plain(item.channel)}**: {text.plain(item.what)}{count}"


def refusals(refused: Sequence[Refusal]) -> None:
    """Records that could not be used, each with its reason; the others are not touched by them."""
    if not refused:
        return
    with st.expander(f"Records that cannot be used ({len(refused)})", icon=":material/warning:"):
        for item in refused:
            st.markdown(
                f"**{text.plain(item.record_id)}**: {text.plain(item.came)}. Expected {text.plain(item.expected)}. "
                f"{text.plain(item.mend)}"
            )


def folder_report() -> None:
    """What was noticed in the folder as a whole, and the records in it that cannot be used."""
    try:
        listed = state.listing()
        refused = surveying.survey(listed).refused
    except InputError:
        # The page has already said what is wrong with the folder or the model.
        return
    findings(listed.findings, "the folder")
    refusals(sorted(refused.values(), key=lambda item: item.record_id))


def model_facts(facts: ModelFacts) -> None:
    """Identity and size in numbers, the rest in tables."""
    with st.container(horizontal=True):
        st.metric("Base rate in training", text.percent(facts.base_rate), help=text.HELP_RISK)
        st.metric("Networks", facts.networks, help=text.HELP_NETWORKS)
        st.metric("Parameters", f"{facts.parameters:,}")
        st.metric("Weights", f"{facts.megabytes:.1f} MB")
    st.markdown(f"Model hash `{facts.digest}` · Schema `{facts.schema}`")
    with st.expander("What it reads"):
        st.dataframe(
            [{"Modality": m, "Kind": k, "Channels": c} for m, k, c in facts.modalities], hide_index=True, key="reads"
        )
    for title, rows in (("Architecture", facts.architecture), ("Provenance", facts.provenance)):
        with st.expander(title):
            st.dataframe([{"Setting": n, "Value": v} for n, v in rows], hide_index=True, key=title.lower())


def draw(drawing: Drawing, key: str, picked: Callable[[], None] | None = None) -> None:
    """A chart with its text alternative. A figure with a width of its own keeps it and scrolls: it is to scale.

    picked: what a click on a point does; it reads the points from the session's state under this key.
    """
    width = drawing.figure.layout.width
    if width is None and picked is not None:
        st.plotly_chart(
            drawing.figure,
            key=key,
            theme=None,
            config=CHART,
            alt=drawing.alt,
            on_select=picked,
            selection_mode="points",
        )
        return
    if width is None:
        st.plotly_chart(drawing.figure, key=key, theme=None, config=CHART, alt=drawing.alt)
        return
    with st.container(key=f"paper_{key}"), st.container(key=f"sheet_{key}", width=int(width)):
        st.plotly_chart(drawing.figure, key=key, width="content", theme=None, config=CHART, alt=drawing.alt)


def pressed(label: str, key: str, **looks: Any) -> bool:
    """A button whose press outlives a run that is begun anew before it is answered."""
    name = f"pressed:{key}"
    st.button(label, key=key, on_click=lambda: st.session_state.update({name: True}), **looks)
    return bool(st.session_state.pop(name, False))


def pair(name: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two charts side by side; one below the other where there is no room for both (`app/style.css`)."""
    with st.container(key=f"pair_{name}"):
        left, right = st.columns(2, gap="large")
    return left, right


def heading(title: str, aid: str, help_text: str | None = None) -> None:
    """A chart's title and its reading aid, one line in plain words."""
    st.markdown(f"#### {title}", help=help_text)
    st.caption(text.AIDS[aid])
