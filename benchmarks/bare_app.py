"""What Streamlit costs by itself: a fragment with as many charts as the Signals page, and a plain full trace.

Started by `benchmarks.signals_browser`: `streamlit run bare_app.py -- RECORD LENGTH_S`. The charts of the first mode
hold three points each; the second draws every sample of the window, as one would without decimation.
"""

from __future__ import annotations

import sys

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import wfdb

CHARTS = 2


@st.fragment
def bare() -> None:
    """As many charts as the viewer has: the leads, and the whole recording below them."""
    turn = st.session_state.get("turn", 0)
    st.button("Next", key="bare_next", on_click=lambda: st.session_state.update(turn=turn + 1))
    for k in range(CHARTS):
        figure = go.Figure(go.Scatter(x=[0, 1, 2], y=[turn, k, turn + k]))
        st.plotly_chart(figure, key=f"bare_{k}", theme=None)
    st.html(f'<p class="bare-turn">{turn}</p>')


@st.fragment
def full(path: str, length_s: float) -> None:
    """The window as plain traces, one a lead, every sample."""
    turn = st.session_state.get("window", 0)
    st.button("Next", key="full_next", on_click=lambda: st.session_state.update(window=turn + 1))
    rate = wfdb.rdheader(path).fs
    first = int(turn * length_s * rate)
    record = wfdb.rdrecord(path, sampfrom=first, sampto=first + int(length_s * rate))
    assert record.p_signal is not None
    seconds = np.arange(len(record.p_signal)) / rate + turn * length_s
    figure = go.Figure([go.Scatter(x=seconds, y=lead, mode="lines") for lead in record.p_signal.T])
    st.plotly_chart(figure, key="full_chart", theme=None)
    st.html(f'<p class="full-turn">{turn}</p>')


bare()
if st.query_params.get("full"):
    full(sys.argv[1], float(sys.argv[2]))
