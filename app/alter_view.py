"""Altering a record by hand: choose a change, see it named, and see the model's answer beside the unaltered one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, cast

import numpy as np
import streamlit as st

from amfn.types import Channel, InputError
from app import altering, figures, report_view, services, signals, state, text, widgets
from app import altering_words as words
from app.altering import Quantity
from app.figures.altered import VALUES_ALTERED, charted_pair, paired_contributions
from app.figures.altered_waves import waveform_pair
from app.figures.drawing import State, unit_text
from app.views import Analysis, Case
from app.widgets import boundary, draw
from explain.alterations import (
    Alteration,
    SetValue,
    ShiftValues,
    TakeOut,
    altered_findings,
    hour_text,
    name_of,
    quantity,
)
from explain.alterations_waves import AddNoise, CutLead, DampLine, FlatLine, NoiseKind

HOURS = 48.0
SHOWN_S, ROOM_S = 10.0, 1.0
Alterations = tuple[Alteration, ...]


@st.fragment
def alterations(opened: Case) -> None:
    """The form, the list of what is altered, and the altered record beside the unaltered one."""
    with boundary():
        st.markdown("#### Alter the record", help=words.HELP_ALTER)
        st.caption(words.ALTER)
        _form(opened)
        done = _kept(opened)
        other = _altered(opened, done)
        _listed(opened, done, other)
        if done and other is not None:
            _estimate(opened, other)
            _impossible(opened, other)
            _training_range(opened, other)
            _signal(opened, other, done)
            _fusion(opened, other)
            report_view.report(other, unaltered=opened)
            st.caption(words.REPORT_OF)


def _name(opened: Case) -> str:
    return f"altered:{opened.digest}"


def _kept(opened: Case) -> Alterations:
    return state.kept(_name(opened), ())


def _key(opened: Case, part: object) -> str:
    return f"alter_{part}:{opened.digest}"


def _form(opened: Case) -> None:
    """One change to be chosen, and the button that applies it: all of it or nothing."""
    leads, variables = altering.leads(opened), altering.variables(opened)
    if not leads and not variables:
        st.info("Nothing was measured that could be altered.", icon=":material/info:")
        return
    with st.container(border=True, key="alter_form"):
        wanted = _wave_change(opened, leads) if leads else _charted_change(opened, variables)
        # Remembered, not returned: a run that another part of the page restarts would lose a button's answer.
        pressed = _key(opened, "pressed")
        st.button("Apply", key=_key(opened, "apply"), icon=":material/edit:", on_click=state.keep, args=(pressed, True))
        if state.kept(pressed, False):
            state.keep(pressed, False)
            done = (*_kept(opened), wanted)
            if _altered(opened, done) is not None:
                state.keep(_name(opened), done)


def _altered(opened: Case, done: Alterations) -> Case | None:
    """The altered case; None, with the reason on the page, where it cannot be made."""
    try:
        return altering.altered(opened, done)
    except InputError as error:
        parts = (error.source, f"{error.came}. Expected {error.expected}. {error.mend}")
        st.error(f"**{words.NOT_APPLIED}** {': '.join(map(text.plain, parts))}", icon=":material/error:")
        return None


def _what(opened: Case, options: Sequence[str]) -> str:
    picked = st.segmented_control("Change", options, default=options[0], required=True, key=_key(opened, "what"))
    chosen = picked or options[0]
    st.caption(words.HELP_WHAT[chosen])
    return chosen


def _titled(item: Quantity) -> str:
    unit, title = unit_text(item[1].unit), name_of(*item)
    return f"{title}, {unit}" if unit else title


def _charted_change(opened: Case, variables: Sequence[Quantity]) -> Alteration:
    what = _what(opened, (words.ONE, words.SHIFT, words.OUT))
    left, middle, right = st.columns([2, 2, 1])
    picked = left.selectbox(
        "Variable", range(len(variables)), format_func=lambda k: _titled(variables[k]), key=_key(opened, "variable")
    )
    chosen = variables[picked]
    modality, channel = chosen
    hours, values = altering.points(opened.record, chosen)
    limits = f"Physiological limits: {channel.low:g} to {channel.high:g} {unit_text(channel.unit)}".rstrip()
    if what == words.ONE:
        at = middle.selectbox(
            "Charted at",
            range(len(hours)),
            format_func=lambda k: f"{hour_text(float(hours[k]))}: {quantity(float(values[k]), channel)}",
            key=_key(opened, f"at_{channel.name}"),
            help="Hours and minutes since the record's start.",
        )
        value = right.number_input(
            "New value",
            value=float(f"{values[at]:.5g}"),
            step=_step(values),
            format="%g",
            key=_key(opened, f"value_{channel.name}_{at}"),
            help=limits,
        )
        return SetValue(modality, channel, float(hours[at]), float(value))
    last = max(int(np.ceil(hours[-1])), 1)
    start, stop = middle.slider("Hours", 0, last, (0, last), key=_key(opened, f"hours_{channel.name}"), format="%d h")
    if what == words.OUT:
        return TakeOut(modality, channel, float(start), float(stop))
    amount = right.number_input(
        "Shift by",
        value=_step(values),
        step=_step(values),
        format="%g",
        key=_key(opened, f"amount_{channel.name}"),
        help=f"A negative number lowers. {limits}",
    )
    return ShiftValues(modality, channel, float(amount), float(start), float(stop))


def _step(values: np.ndarray) -> float:
    """About a tenth of what is usual for this patient: 1, 0.1 and so on."""
    return float(10.0 ** np.floor(np.log10(max(abs(float(np.median(values))), 0.1)) - 0.5))


def _wave_change(opened: Case, leads: Sequence[Quantity]) -> Alteration:
    lines = [lead for lead in leads if lead[1].unit == "mmHg"]
    what = _what(opened, (words.NOISE, words.CUT, *([words.DAMP] if lines else []), words.FLAT))
    offered = lines if what == words.DAMP else leads
    lead, start, stop = st.columns([2, 1, 1])
    picked = lead.selectbox(
        "Lead", range(len(offered)), format_func=lambda k: _titled(offered[k]), key=_key(opened, f"lead_{what}")
    )
    modality, channel = offered[picked]
    window = signals.window_s(opened.prepared, services.schema(opened.listing.task))
    end = max(signals.span_s(opened.record), 1.0)
    edges = []
    for column, label, first in zip((start, stop), ("From", "To"), window, strict=True):
        seconds = column.number_input(
            f"{label}, seconds",
            min_value=0.0,
            max_value=float(np.ceil(end)),
            value=float(np.clip(round(first, 3), 0.0, np.ceil(end))),
            step=1.0,
            format="%g",
            key=_key(opened, label),
            help=f"Seconds since the record's start. The model reads {_window_text(window)}.",
        )
        edges.append(float(seconds))
    if what == words.NOISE:
        return _noise(opened, modality, channel, edges)
    if what == words.DAMP:
        percent = st.slider(
            "Strength", 5, 100, 60, step=5, format="%d %%", key=_key(opened, "strength"), help=words.HELP_STRENGTH
        )
        return DampLine(modality, channel, percent / 100, *edges)
    if what == words.FLAT:
        return FlatLine(modality, channel, *edges)
    st.caption(words.CUT_LIKE.get(modality, words.CUT_LIKE_ANY))
    return CutLead(modality, channel, *edges)


def _noise(opened: Case, modality: str, channel: Channel, edges: Sequence[float]) -> Alteration:
    kind, ratio, seed = st.columns([2, 2, 1])
    name = kind.selectbox("Noise", list(words.KINDS), format_func=words.KINDS.__getitem__, key=_key(opened, "kind"))
    snr = ratio.slider(
        "Signal-to-noise ratio", -20, 40, 6, format="%d dB", key=_key(opened, "snr"), help=words.HELP_SNR
    )
    number = seed.number_input("Seed", min_value=0, value=0, step=1, key=_key(opened, "seed"), help=words.HELP_SEED)
    base, _, mains = name.partition(" ")
    return AddNoise(
        modality, channel, cast(NoiseKind, base), float(snr), edges[0], edges[1], int(number), float(mains or 50)
    )


def _window_text(window: tuple[float, float]) -> str:
    return f"{window[0]:.5g} s to {window[1]:.5g} s"


def _listed(opened: Case, done: Alterations, other: Case | None) -> None:
    """Every alteration by name, each to be taken back."""
    if not done:
        st.caption(words.NONE_YET)
        return
    st.markdown("##### What is altered")
    found = () if other is None else altered_findings(other.record)[-len(done) :]
    for k, item in enumerate(done):
        # With what stood there before, where the list can be applied.
        said = item.words() if not found else f"{found[k].channel}: {altering.plain_note(found[k])}"
        with st.container(horizontal=True, vertical_alignment="center", key=f"alter_row_{k}"):
            st.markdown(f"{k + 1}\\. {text.plain(said)}", width="stretch")
            st.button(
                f"Remove {k + 1}", key=_key(opened, f"remove_{k}"), on_click=partial(_remove, _name(opened), done, k)
            )
    st.button("Remove all", key=_key(opened, "remove_all"), on_click=state.keep, args=(_name(opened), ()))


def _remove(name: str, done: Alterations, k: int) -> None:
    state.keep(name, done[:k] + done[k + 1 :])


def _estimate(opened: Case, other: Case) -> None:
    a, now = opened.analysis, other.analysis
    number, chart = st.columns([1, 2], vertical_alignment="center")
    with number:
        st.metric(
            words.WITH_VALUES,
            text.percent(now.full.risk),
            f"{text.percent(a.full.risk)} unaltered",
            delta_color="off",
            delta_arrow="off",
            help=text.HELP_RISK,
        )
    with chart:
        pair = figures.risk_pair(a.full.risk, now.full.risk, a.base_rate, opened.noun, state.dark(), VALUES_ALTERED)
        draw(pair, "alter_risk")
    if now.full.logit == a.full.logit:
        st.info(words.NOT_READ.format(window=_reads(opened)), icon=":material/info:")


def _reads(opened: Case) -> str:
    if altering.leads(opened):
        return _window_text(signals.window_s(opened.prepared, services.schema(opened.listing.task)))
    return f"the first {HOURS:g} h"


def _impossible(opened: Case, other: Case) -> None:
    found = altering.impossible(opened, other)
    if found:
        _warned(words.IMPOSSIBLE, found)


def _warned(head: str, sentences: Sequence[str]) -> None:
    listed = "\n".join(f"- {text.plain(sentence)}" for sentence in sentences)
    st.warning(f"{head}\n\n{listed}", icon=":material/warning:")


def _training_range(opened: Case, other: Case) -> None:
    beyond = altering.beyond_training(opened, other)
    if beyond is None:
        st.info(words.NO_RANGE, icon=":material/info:")
    elif beyond:
        _warned(words.BEYOND, beyond)
    else:
        st.caption(words.WITHIN)


def _fusion(opened: Case, other: Case) -> None:
    a, now = opened.analysis, other.analysis
    after = altering.states(opened, other)
    st.markdown("##### Contribution of each modality (Shapley values)", help=text.HELP_SHAPLEY)
    draw(paired_contributions(a.shapley, now.shapley, a.names, a.titles, after, state.dark()), "alter_shapley")
    left, right = widgets.pair("altered")
    if a.full.gates is not None and now.full.gates is not None:
        with left:
            _heading("Gates (γ)", "gates")
            _paired(a, a.full.gates, now.full.gates, after, "gates")
    if a.full.weights is not None and now.full.weights is not None:
        with right:
            _heading("Fusion weights (β)", "weights")
            _paired(a, a.full.weights, now.full.weights, after, "weights")
    st.caption(text.ROUTING)


def _paired(
    a: Analysis, before: np.ndarray, now: np.ndarray, after: Sequence[State], kind: Literal["gates", "weights"]
) -> None:
    pair = figures.paired_bars(before, now, a.names, a.titles, after, kind, state.dark(), VALUES_ALTERED)
    draw(pair, f"alter_{kind}")


def _heading(title: str, aid: str) -> None:
    st.markdown(f"##### {title}")
    st.caption(text.AIDS[aid])


def _signal(opened: Case, other: Case, done: Alterations) -> None:
    """What was altered, before and after."""
    st.markdown("##### The signal before and after")
    waves = altering.wave_names(opened)
    changed = altering.touched(done)
    leads = [item for item in changed if item[0] in waves]
    if leads:
        _leads(opened, other, leads, done)
    charted = [item for item in changed if item[0] not in waves]
    if charted:
        st.caption(words.KEY_TRENDS)
        columns = widgets.pair("altered_trends")
        for k, item in enumerate(charted):
            with columns[k % 2]:
                pair = charted_pair(*altering.trend_pair(opened, other, item), hours=HOURS, dark=state.dark())
                draw(pair, f"alter_trend_{item[1].name}")


def _leads(opened: Case, other: Case, leads: Sequence[Quantity], done: Alterations) -> None:
    first, last = altering.stretch(done)
    alarm = opened.prepared.meta.alarm
    start = max(last + ROOM_S - SHOWN_S, 0.0)
    low, high = float(np.floor(max(first - ROOM_S, 0.0))), float(np.ceil(start))
    if low < high and last - first > SHOWN_S - 2 * ROOM_S:
        start = st.slider(
            "Shown from, seconds since the record's start",
            low,
            high,
            high,
            step=1.0,
            format="%d s",
            key=_key(opened, f"shown_{first:g}_{last:g}"),
        )
    st.caption(f"{words.KEY_WAVES}{text.clock(start)} to {text.clock(start + SHOWN_S)}.")
    drawing = waveform_pair(
        [altering.lead_pair(opened, other, lead) for lead in leads],
        start,
        SHOWN_S,
        alarm_s=None if alarm is None else alarm.hours * 3600,
        dark=state.dark(),
    )
    draw(drawing, "alter_leads")
