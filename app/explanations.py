"""The second half of `app.services`: explanations that are computed on demand, and the stored report on them.

Cached like the rest: by record hash, model hash and settings.
"""

from __future__ import annotations

import json

import streamlit as st

from amfn.types import InputError
from app import services
from explain.report import FILE, Report


def explanation_report(task: str) -> Report | None:
    """What was measured of this model's explanations; None where nothing was, or where it was of other weights.

    Raises InputError for a file that is no report.
    """
    path = services.checkpoint_folder() / task / FILE
    try:
        modified = path.stat().st_mtime_ns
    except OSError:
        return None
    found = _report(str(path), modified)
    return found if found.model == services.checkpoint(task).digest else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _report(path: str, modified: int) -> Report:
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            path, f"a file that cannot be read ({error})", "the report that `audit-explanations` wrote",
            "Write it again, or delete it.",
        ) from error  # fmt: skip
    return Report.from_json(path, data)
