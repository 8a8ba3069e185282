"""Where the browser gets plotly.js from: this server, out of the installed plotly package, so that no other host is
asked and the charts of a component are drawn by the version that belongs to the Python figures.

Ways that were weighed, on Streamlit 1.67:
- `js=` of a v2 component sends its text in every message of the component: 4.8 MB with each new record.
- `server.enableStaticServing` serves only what lies in `static/` beside the entry script and follows no link out of it:
  the file would have to be copied into the source tree, and would stay behind when the package is updated.
- A v2 component may name a file instead, but only one of an installed package that has a component manifest.
- A v1 component serves a folder under a stable address, by a public call, also where it is never put on a page. This is
  what is used: the script of a component asks for the address in its data, once per tab.
"""

from __future__ import annotations

from pathlib import Path

import plotly
import streamlit as st
from plotly.offline import get_plotlyjs_version
from streamlit.components.v1 import declare_component

from amfn.types import InputError

FOLDER = Path(plotly.__file__).with_name("package_data")
FILE = "plotly.min.js"


def address() -> str:
    """The address of plotly.js on this server; the version is part of it, so that no browser keeps an older one.

    To be called in a run of a page: each server learns of the folder from the first page that asks. Raises InputError
    where the plotly package came without the file.
    """
    if not (FOLDER / FILE).is_file():
        raise InputError(FOLDER, f"no {FILE}", "plotly with its JavaScript", "Install requirements.txt anew.")
    served = declare_component("plotly", path=FOLDER)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{f'/{base}' if base else ''}/component/{served.name}/{FILE}?v={get_plotlyjs_version()}"
