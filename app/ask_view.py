"""Tell the model that an alarm sounded at a moment of one's own choice, in a recording that holds none or another."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from amfn.tasks.icu_alarm import ALARMS
from app import services, state, text, window
from app import waveform_words as words
from app.views import Listing
from app.widgets import boundary, pressed
from app.window import Window


def ask(listed: Listing, record_id: str, shown: Callable[[], Window], duration_s: float, first: bool) -> None:
    """shown: the window on the screen, whose end is meant where no moment is typed. first: open from the start."""
    if "alarm" not in services.schema(listed.task).names:
        return
    assumed = state.assumed(listed, record_id)
    with st.expander("Ask the model about this moment", expanded=first, icon=":material/help_center:"):
        st.caption(words.HELP_ASK)
        with st.container(horizontal=True, vertical_alignment="bottom", key="signals_ask"):
            kind = st.selectbox(
                words.ALARM_TYPE,
                list(ALARMS),
                index=None,
                placeholder=words.NO_TYPE,
                format_func=ALARMS.__getitem__,
                key="ask_kind",
                width=260,
            )
            typed = st.text_input(words.MOMENT, key="ask_at", placeholder=words.WINDOW_END, width=320)
            asked = pressed("Ask the model", "ask", type="primary")
            forget = assumed is not None and pressed("Forget this alarm", "ask_forget")
        if asked and _answerable(
            listed, record_id, kind, typed or text.clock(min(sum(shown()), duration_s)), duration_s
        ):
            st.rerun()
        if forget:
            state.assume(listed, record_id, None)
            st.rerun()


def _answerable(listed: Listing, record_id: str, kind: str | None, typed: str, duration_s: float) -> bool:
    """Keep the alarm where the model can judge it; else say why it cannot."""
    if kind is None:
        st.warning(words.TYPE_WANTED, icon=":material/info:")
        return False
    moment = window.seconds_of(typed)
    if moment is None:
        st.warning(text.plain(words.NOT_CLOCK.format(text=typed)), icon=":material/info:")
        return False
    if not 0 < moment <= duration_s:
        st.warning(text.plain(words.OUTSIDE.format(end=text.clock(duration_s))), icon=":material/info:")
        return False
    answered = False
    with boundary(), st.spinner("Asking the model …"):
        services.case(listed, record_id, (kind, moment))
        state.assume(listed, record_id, (kind, moment))
        answered = True
    return answered
