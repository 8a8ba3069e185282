"""The Cohort page: an audit, which part of it, and what it says."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import pyarrow.csv as csv
import streamlit as st

from app import access, cohort_card, cohort_choose, cohort_data, cohort_filters, cohort_measures, state, text
from app import cohort_channels_view as timed
from app import cohort_performance_view as measured
from app import cohort_routing_view as routed
from app import cohort_sections as sections
from app import cohort_words as words
from app.cohort_data import Filters, Opened
from app.widgets import boundary

SECTION = "cohort:section"
LISTED = 200
SHOW: dict[str, Callable[[Opened, Filters], None]] = {
    "contributions": sections.contributions,
    "groups": sections.groups,
    "pairs": sections.pairs,
    "channels": timed.channels,
    "routing": routed.routing,
    "performance": measured.performance,
    "removal": measured.removal,
    "subgroups": measured.subgroups,
}


def page() -> None:
    state.framed()
    st.caption(words.WHAT)
    opened = None
    with boundary():
        opened = cohort_choose.chosen()
    if opened is None:
        return
    access.note("opened audit", opened.manifest.identity, {"task": opened.manifest.task, "records": len(opened)})
    with boundary():
        banner(opened)
        cohort_card.mismatch(opened)
    looked_at(opened)


def banner(opened: Opened) -> None:
    """What this is an audit of, who answered, when, and what is lacking."""
    m = opened.manifest
    kind = "simulated patients" if cohort_data.simulated(opened) else "records"
    folder = (
        ", ".join(path.rstrip("/").rpartition("/")[2] for path in m.folders) or (m.prepared or "").rpartition("/")[2]
    )
    answered = words.ANSWERED.get(m.answered, words.ONE_NETWORK)
    parts = [
        f"<strong>{len(opened):,} {kind}</strong>",
        f"<span>{text.escape(opened.task.wording.title)}, {text.escape(folder)}</span>",
        f"<span>Model {text.escape(m.model_name)} <code>{text.escape(m.model)}</code></span>",
        f"<span>Data <code>{text.escape(m.data or m.listing)}</code></span>",
        f"<span>{_when(m.finished or m.started)}{'' if m.finished else ' (begun)'}</span>",
    ]
    st.html(f'<div class="fs-banner" role="region" aria-label="Audit">{"".join(parts)}</div>')
    st.caption(answered)
    if opened.audit.missing:
        st.warning(
            words.UNFINISHED.format(missing=opened.audit.missing, parts=m.parts), icon=":material/hourglass_top:"
        )
    dead = cohort_data.dead_letters(opened)
    if dead:
        with st.expander(f"{len(dead):,} {words.DEAD}", icon=":material/warning:"):
            columns = {
                "record_id": "Record",
                "stage": "At",
                "came": "What came",
                "expected": "Expected",
                "mend": "Mend",
            }
            shown = [{title: row[name] for name, title in columns.items()} for row in dead]
            st.dataframe(shown, hide_index=True, key="cohort_dead")
            lines = [",".join(map(_quoted, shown[0])), *(",".join(map(_quoted, row.values())) for row in shown)]
            st.download_button(
                "Download them as CSV",
                "\n".join([words.FILE_HEAD, *lines, ""]),
                "not-audited.csv",
                "text/csv",
                key="cohort_dead_file",
                on_click="ignore",
            )


@st.fragment
def looked_at(opened: Opened) -> None:
    """Filters, the record that was clicked, and one section: a filter draws only this anew."""
    with boundary():
        filters = cohort_filters.filters(opened)
        if not len(cohort_measures.rows(opened, filters)):
            st.warning(words.NOTHING_LEFT, icon=":material/filter_alt_off:")
            return
        section = sections.choice("Show", words.SECTIONS, SECTION, "contributions")
        with boundary():
            SHOW.get(section, records)(opened, filters)


def records(opened: Opened, filters: Filters) -> None:
    """The filtered records as a table to choose from, and as a file."""
    st.markdown("#### Records")
    rows = cohort_measures.rows(opened, filters)
    outcomes = (opened.task.wording.negative, opened.task.wording.positive, "not known")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input("Find a record by its id", key=f"w_cohort_find_{opened.digest}")
        st.download_button(
            f"Download {len(rows):,} rows as CSV",
            lambda: exported(opened, filters),
            "cohort.csv",
            "text/csv",
            key="cohort_file",
            icon=":material/download:",
            on_click="ignore",
        )
    if typed.strip():
        row = cohort_card.found(opened, typed)
        if row is None:
            st.warning(f"No record {text.plain(typed.strip())} in this audit.", icon=":material/search_off:")
        else:
            st.button(
                f"Show record {text.plain(str(opened.ids[row]))}",
                key="cohort_found",
                on_click=cohort_card.pick,
                args=(opened, row),
            )
    shown = rows[:LISTED]
    st.caption(words.AIDS["records"].format(listed=f"{len(shown):,}"))
    st.dataframe(
        [
            {
                "Record": str(opened.ids[row]),
                "Risk": f"{100 * float(opened.columns['risk'][row]):.1f} %",
                "Outcome": outcomes[opened.labels[row]],
                **{title: str(opened.words[column][row]) for column, title in opened.strata.items()},
                "Recorded": cohort_measures.recorded(opened, int(opened.columns["pattern"][row])),
            }
            for row in shown.tolist()
        ],
        hide_index=True,
        key=f"cohort_records_{opened.digest}",
        on_select=lambda: _selected(opened, shown.tolist()),
        selection_mode="single-row",
    )
    cohort_card.card(opened)


def _selected(opened: Opened, shown: list[int]) -> None:
    picked = st.session_state[f"cohort_records_{opened.digest}"].selection.rows
    if picked:
        cohort_card.pick(opened, shown[picked[0]])


def exported(opened: Opened, filters: Filters) -> bytes:
    """The filtered records as CSV, the disclaimer on its first line."""
    file = io.BytesIO(f"{words.FILE_HEAD}\n".encode())
    file.seek(0, io.SEEK_END)
    csv.write_csv(cohort_data.exported(opened, cohort_measures.rows(opened, filters)), file)
    return file.getvalue()


def _when(stated: str) -> str:
    try:
        return f"{datetime.fromisoformat(stated):%d-%b-%Y %H:%M} UTC"
    except ValueError:
        return text.escape(stated)


def _quoted(cell: str | None) -> str:
    return '"{}"'.format((cell or "").replace('"', '""'))
