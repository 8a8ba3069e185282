"""Where the browser gets plotly.js from: this server, out of the installed plotly package, so that no other host is
asked. A tab in which Streamlit has drawn a chart has it already.

Ways that were weighed, on Streamlit 1.67:
- `js=` of a v2 component sends its text in every message of the component: 4.8 MB with each new record.
- `server.enableStaticServing` serves only what lies in `static/` beside the entry script and follows no link out of it:
  the file would have to be copied into the source tree, and would stay behind when the package is updated.
- A v2 component may name a file instead, but only one of an installed package that has a component manifest.
- A v1 component serves a folder under a stable address, by a public call, also where it is never put on a page. This is
  what is used: the script of a component asks for the address in its data, once per tab.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import plotly
import streamlit as st
from plotly.offline import get_plotlyjs_version
from streamlit.components.v1 import declare_component

from amfn.types import InputError

FOLDER = Path(plotly.__file__).with_name("package_data")
FILE = "plotly.min.js"
LOADER = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
"""JavaScript that a component's own follows: `library(address)` promises Plotly, loaded once per tab."""
AHEAD_MS = 1500
_ahead = st.components.v2.component(
    "plotly_ahead",
    js=LOADER
    + """
export default function ({ data }) {
  const idle = window.requestIdleCallback ?? ((task) => setTimeout(task, 0));
  const timer = setTimeout(() => idle(() => library(data.address).catch(() => {})), data.wait);
  return () => clearTimeout(timer);
}
""",
)


def address() -> str:
    """The address of plotly.js on this server; the version is part of it, so that no browser keeps an older one.

    To be called in a run of a page: each server learns of the folder from the first page that asks. Raises InputError
    where the plotly package came without the file.
    """
    if not (FOLDER / FILE).is_file():
        raise InputError(FOLDER, f"no {FILE}", "plotly with its JavaScript", "Install requirements.txt anew.")
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{f'/{base}' if base else ''}/component/{_served(FOLDER)}/{FILE}?v={get_plotlyjs_version()}"


@cache
def _served(folder: Path) -> str:
    """What the folder is called on this server. Once: Streamlit looks through all loaded modules for who asks."""
    return declare_component("plotly", path=folder).name


def ahead() -> None:
    """Have the browser load it when it has nothing else to do, so that the first chart of a tab need not wait."""
    _ahead(key="plotly_ahead", data={"address": address(), "wait": AHEAD_MS})
