"""The Signals page: a recording of any length with a window to move, and a moment to ask the model about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from amfn.types import InputError
from app import (
    address,
    ask_view,
    beat_words,
    figures,
    overview_lanes,
    services,
    signals,
    state,
    text,
    waves,
    widgets,
    window,
)
from app import waveform_words as words
from app.components import calipers as calipers_part
from app.components import overview as overview_part
from app.components.sheet import sheet
from app.explanations_methods import Choice
from app.explanations_methods import attribution as attributed
from app.figures import Mark, Strip
from app.signal_view import ZOOM, size_control
from app.views import Case, Listing, NoAlarm, NoSuchRecord
from app.waves import Opened
from app.widgets import boundary
from app.window import Window

CHART, STRIP = "waveforms_signals", "overview_signals"
BEATS, ANNOTATIONS, CALIPERS, ATTRIBUTION = (
    "signals_beats", "signals_annotations", "signals_calipers", "signals_attribution",
)  # fmt: skip
FIRST_S = 10.0
MANY_MARKS = 1500
PATIENCE_S = 0.5
"""How long a page waits for a recording to be read, so that it is drawn once and not twice."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the page shows: the recording, and what the model said of it, None where it was not asked. moment_s: of the
    alarm, None without one."""

    listed: Listing
    record_id: str
    found: Opened
    opened: Case | None
    moment_s: float | None

    @property
    def key(self) -> str:
        """Where the window is kept."""
        return address.window_key(
            self.opened.digest if self.opened else address.unanswered(self.listed, self.record_id)
        )

    @property
    def seeking(self) -> str:
        """In the session: that the window is to go to the highest attribution, which may first have to be found."""
        return f"seeking:{self.key}"

    @property
    def drawn_whole(self) -> str:
        """In the session: that the whole recording is on the screen, not only its window."""
        return f"drawn_whole:{self.key}"

    @property
    def assumed(self) -> bool:
        """True where the alarm was named by the user."""
        return self.opened is not None and self.opened.assumed

    @property
    def duration_s(self) -> float:
        return self.found.source.duration_s

    @property
    def window(self) -> Window:
        start = 0.0 if self.moment_s is None else signals.before(self.moment_s, FIRST_S)
        return window.fitted(state.kept(self.key, (start, FIRST_S)), self.duration_s)

    def move(self, to: Window) -> None:
        state.keep(self.key, window.fitted(to, self.duration_s))


def page() -> None:
    with boundary():
        state.framed()
        listed = state.listing()
        if not any(spec.kind == "waveform" for spec in services.schema(listed.task).modalities):
            st.info(words.NO_WAVEFORM, icon=":material/show_chart:")
            st.page_link("pages/patient.py", label="Open the Patient page", icon=":material/monitor_heart:")
            return
        record_id = state.chosen(listed)
        ref = services.located(listed, record_id)
        found = waves.opened(ref.path, services.modified(ref))
        opened = _case(listed, record_id)
        alarm = opened.prepared.meta.alarm if opened else found.source.alarm
        odd = waves.uncalibrated(found)
        if odd:
            st.warning(text.plain(words.UNCALIBRATED.format(leads=odd)), icon=":material/straighten:")
        viewer(View(listed, record_id, found, opened, None if alarm is None else alarm.hours * 3600))
        widgets.findings(found.source.findings, "this recording")


def _case(listed: Listing, record_id: str) -> Case | None:
    """The model's answer with the banner on top; the banner alone, and why, where there is none."""
    try:
        return widgets.open_case()
    except NoSuchRecord:
        raise
    except NoAlarm:
        widgets.banner_of(listed, record_id, ("No alarm in this recording",))
        st.info(words.NOT_ANSWERED, icon=":material/notifications_off:")
    except InputError as error:
        widgets.banner_of(listed, record_id, ())
        widgets.input_error(error)
    return None


@st.fragment
def viewer(view: View) -> None:
    """How the recording is to be drawn, then the recording itself, which moves on without all this."""
    with boundary():
        _settings(view)
        recording(view)
        if not view.found.complete:
            _progress(view)
        if view.found.failure:
            st.warning(text.plain(view.found.failure), icon=":material/warning:")
        ask_view.ask(view.listed, view.record_id, lambda: view.window, view.duration_s, view.opened is None)


@st.fragment
def recording(view: View) -> None:
    """What moves the window, the leads in it, and the whole recording below them: all that a step has to draw anew."""
    with boundary():
        if view.opened and st.session_state.pop(view.seeking, False):
            _to_attribution(view, view.opened)
        _moves(view)
        short = view.window[1] <= waves.RAW_UP_TO_S
        if short:
            _leads(view)
        # Not before the leads have been sent: they need nothing of it.
        waves.begin(view.found, PATIENCE_S)
        st.session_state[view.drawn_whole] = view.found.source.built
        if view.found.source.built:
            if not short:
                _leads(view)
            _overview(view)
        address.share()


def _settings(view: View) -> None:
    """Length and scale of the window; what is drawn with it, on or off."""
    zoom = state.kept(ZOOM, 1.0)
    length_key, zoom_key = f"w_length:{view.key}", "w_zoom:signals"
    st.session_state[length_key], st.session_state[zoom_key] = view.window[1], zoom
    with st.container(horizontal=True, vertical_alignment="bottom", key="signals_window"):
        st.selectbox(
            "Length",
            window.lengths(view.duration_s, view.window[1]),
            format_func=lambda seconds: window.length_text(seconds, zoom),
            key=length_key,
            width=190,
            help=words.HELP_LENGTH,
            on_change=lambda: view.move(signals.resized(st.session_state[length_key], view.window, view.moment_s)),
        )
        size_control(zoom_key)
        _toggle("Beats and waves", BEATS, words.HELP_BEATS)
        if len(view.found.marks):
            _toggle("Annotations", ANNOTATIONS, words.HELP_ANNOTATIONS)
        _toggle("Calipers", CALIPERS, words.HELP_CALIPERS)
        if view.opened:
            _toggle("Attribution", ATTRIBUTION, words.HELP_ATTRIBUTION)


def _toggle(label: str, name: str, help_text: str) -> None:
    key = f"w_{name}"
    st.session_state[key] = _on(name)
    st.toggle(label, key=key, help=help_text, on_change=state.keep_widget, args=(name, key))


def _on(name: str) -> bool:
    return bool(state.kept(name, name == ANNOTATIONS))


def _moves(view: View) -> None:
    start, length = view.window
    # The same field in every run, told what it shows: a new one would have to be built by the browser.
    clock_key = f"w_start:{view.key}"
    st.session_state[clock_key] = text.clock(start)
    with st.container(horizontal=True, vertical_alignment="bottom", key="signals_moves"):
        st.text_input(
            "Start", key=clock_key, width=120, help=words.HELP_START, on_change=_typed, args=(view, clock_key)
        )  # fmt: skip
        _button("Back", "arrow_back", lambda: view.move(window.stepped(view.window, -1, view.duration_s)), start > 0)
        more = start + length < view.duration_s - 1e-6
        _button("Forward", "arrow_forward", lambda: view.move(window.stepped(view.window, 1, view.duration_s)), more)
        moment = view.moment_s
        if moment is not None:
            _button("Alarm", "notifications", lambda: view.move((signals.before(moment, length), length)))
        lead = waves.beat_lead(view.found)
        if lead is not None:
            _button("Previous beat", "keyboard_arrow_left", lambda: _to_beat(view, lead, -1))
            _button("Next beat", "keyboard_arrow_right", lambda: _to_beat(view, lead, 1))
        if view.opened:
            wanted = {view.seeking: True}
            _button("Highest attribution", "vertical_align_center", lambda: st.session_state.update(wanted))
    _said(view)


def _button(label: str, icon: str, act: Callable[[], None], possible: bool = True) -> None:
    key = f"signals_{label.lower().replace(' ', '_')}"
    st.button(label, key=key, icon=f":material/{icon}:", on_click=act, disabled=not possible)


def _typed(view: View, key: str) -> None:
    typed = st.session_state[key]
    seconds = window.seconds_of(typed)
    if seconds is None:
        _say(view, words.NOT_CLOCK.format(text=typed))
    elif seconds > view.duration_s:
        _say(view, words.OUTSIDE.format(end=text.clock(view.duration_s)))
    else:
        view.move((seconds, view.window[1]))


def _say(view: View, message: str) -> None:
    """Have the next run say it once."""
    st.session_state[f"said:{view.key}"] = message


def _said(view: View) -> None:
    message = st.session_state.pop(f"said:{view.key}", None)
    if message:
        st.warning(text.plain(message), icon=":material/info:")


def _to_beat(view: View, lead: int, way: int) -> None:
    """The window with the next peak, before or after its middle, in its middle."""
    middle = view.window[0] + view.window[1] / 2
    peak = waves.neighbour_beat(view.found, lead, middle, way)
    if peak is None:
        _say(view, f"No beat is found {'after' if way > 0 else 'before'} this moment within half a minute.")
    else:
        view.move(window.around(peak, view.window, view.duration_s))


def _to_attribution(view: View, opened: Case) -> None:
    moment = signals.strongest_s(_attributed(view, opened, waves.strips(view.found, *view.window)))
    if moment is None:
        _say(view, "No stretch of the signal has an attribution.")
    else:
        view.move(window.around(moment, view.window, view.duration_s))
    if not _on(ATTRIBUTION):
        state.keep(ATTRIBUTION, True)
        # The switch stands outside of what is drawn anew here.
        st.rerun()


def _leads(view: View) -> None:
    start, length = view.window
    zoom = state.kept(ZOOM, 1.0)
    squeezed = window.squeezed(length, zoom)
    scale = 1.0 if squeezed else zoom
    strips = waves.strips(view.found, start, length)
    found = waves.flaws_of(view.found, start, length)
    strips = [replace(s, flaws=flaws) for s, flaws in zip(strips, found, strict=True)]
    if view.opened and _on(ATTRIBUTION):
        strips = _attributed(view, view.opened, strips)
    said = []
    if _on(BEATS):
        strips, sentence = _marked(view, strips)
        said.append(sentence)
    events, sentence = _events(view)
    said.append(sentence)
    strips += _missing(view)
    moment = "" if view.moment_s is None else f"; {text.sounded(view.moment_s, view.assumed)}"
    st.caption(
        f"**{text.clock(start)} to {text.clock(start + length)}** of {text.clock(view.duration_s)}{moment}. "
        f"{figures.waveform_key(strips, length, scale, overview=squeezed)} {_shaded(strips)} {' '.join(said)}",
        help=words.HELP_QUALITY,
    )
    seen = None
    if view.opened:
        seen = signals.window_s(view.opened.prepared, services.schema(view.listed.task))
    drawing = figures.waveforms(
        strips,
        start,
        length,
        alarm_s=view.moment_s,
        window_s=seen,
        zoom=scale,
        dark=state.dark(),
        overview=squeezed,
        events=events,
        assumed=view.assumed,
    )
    if _on(CALIPERS):
        sample = 1 / max(lead.rate_hz for lead in view.found.source.leads)
        calipers_part.calipers(CHART, drawing, strips, (start, length), sample)
    sheet(drawing, CHART)


def _shaded(strips: Sequence[Strip]) -> str:
    kinds = sorted({flaw.text for strip in strips for flaw in strip.flaws})
    return f"Shaded: {', '.join(kinds)}." if kinds else ""


def _missing(view: View) -> list[Strip]:
    """A hatched band for each modality of the task that was not recorded."""
    here = {lead.modality for lead in view.found.source.leads}
    return [
        Strip(spec.name, spec.title, "", 0.0, 1.0, np.zeros(0, np.float32))
        for spec in services.schema(view.listed.task).modalities
        if spec.kind == "waveform" and spec.name not in here
    ]


def _attributed(view: View, opened: Case, strips: Sequence[Strip]) -> list[Strip]:
    with st.spinner("Integrated Gradients …", show_time=True):
        effects = attributed(opened, Choice(), None).measured
    return [signals.with_effect(strip, opened.prepared, effects) for strip in strips]


def _marked(view: View, strips: list[Strip]) -> tuple[list[Strip], str]:
    """The strips with beats at the edge of the lead that they were found in, and what was found."""
    start, length = view.window
    lead = waves.beat_lead(view.found)
    if lead is None:
        return strips, "There is no lead with beats."
    if length > waves.BEATS_UP_TO_S:
        return strips, words.BEATS_SHORT.format(seconds=waves.BEATS_UP_TO_S)
    found = waves.beats_of(view.found, lead, start, length)
    strips[lead] = replace(strips[lead], marks=waves.beat_marks(found))
    beside = waves.pulse_lead(view.found)
    if beside is None or beside == lead:
        return strips, beat_words.said(strips[lead].title, found)
    pulses = waves.beats_of(view.found, beside, start, length)
    return strips, beat_words.said(strips[lead].title, found, strips[beside].title, pulses)


def _events(view: View) -> tuple[list[Mark] | None, str]:
    if not len(view.found.marks) or not _on(ANNOTATIONS):
        return None, ""
    start, length = view.window
    here = view.found.marks.within(start, start + length)
    if len(here) > MANY_MARKS:
        return None, words.MANY_MARKS.format(count=len(here))
    return [Mark(m.seconds, m.symbol, m.words) for m in here], ""


def _overview(view: View) -> None:
    overview_part.overview(
        overview_lanes.lanes(view.found),
        view.duration_s,
        view.window,
        view.moment_s,
        f"{view.found.stamp}|{view.moment_s}|{view.assumed}|{view.found.flaws is not None}",
        STRIP,
        lambda: _moved(view),
        view.assumed,
    )


def _moved(view: View) -> None:
    start = overview_part.new_start(STRIP)
    if start is not None:
        view.move((start, view.window[1]))


@st.fragment(run_every=1.0)
def _progress(view: View) -> None:
    """How far the recording is read and judged; what waits for it is drawn when it is."""
    if view.found.complete or view.found.source.built > st.session_state.get(view.drawn_whole, False):
        st.rerun()
    said = words.JUDGING if view.found.source.built else words.READING
    st.progress(view.found.share, f"{said} {100 * view.found.share:.0f} %")
