"""A button whose press is not lost when the run that it starts is begun anew, as the first run on a page may be."""

from __future__ import annotations

from typing import Literal

import streamlit as st


def pressed(label: str, key: str, icon: str, kind: Literal["primary", "secondary"] = "secondary") -> bool:
    """True in the one run in which the press is answered."""
    flag = f"pressed:{key}"
    st.button(label, key=key, icon=icon, type=kind, on_click=st.session_state.__setitem__, args=(flag, True))
    return st.session_state.pop(flag, False)
