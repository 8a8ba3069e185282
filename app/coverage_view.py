"""Which variables the stays of a MEDS folder have, from which codes, and what was dropped and why."""

from __future__ import annotations

import streamlit as st

from amfn.readers.channels import CODES
from amfn.readers.meds_coverage import ChannelCoverage, Coverage, coverage
from app import state, text
from app.explanations_methods import Slot
from app.views import Listing
from app.widgets import boundary

HEADS = ("Variable", "Stays", "Values a stay", "Typical", "Dropped", "Read from")
HELP = (
    "Every code of the file that was mapped onto a variable of the model, with how much of it there is. Typical is the "
    "median over stays: a wrong unit shows there. What no variable takes is counted, never an error."
)


def table(listed: Listing) -> None:
    """On demand: counting reads every stay of the folder."""
    with boundary():
        st.markdown("##### Which codes fed which variable", help=HELP)
        asked = f"coverage:{state.place(listed)}"
        if not state.kept(asked, False):
            st.button(
                "Count codes and values",
                key="count_codes",
                icon=":material/fact_check:",
                on_click=state.keep,
                args=(asked, True),
            )
            return
        _shown(_counted(listed))


def _counted(listed: Listing) -> Coverage:
    slot = _slot(listed.folder, listed.stamp)
    if slot.result is not None:
        return slot.result
    bar = st.progress(0.0, "Counting …")
    found = slot.fill(lambda: coverage(listed.folder, lambda share: bar.progress(share, "Counting …")))
    bar.empty()
    return found


@st.cache_resource(max_entries=8, show_spinner=False)
def _slot(folder: str, stamp: str) -> Slot[Coverage]:
    return Slot()


def _shown(found: Coverage) -> None:
    st.markdown(
        f"**{found.stays:,} ICU stays of {found.subjects:,} subjects.** {found.short:,} ended before 48 h; the outcome "
        f"is stated for {found.labelled:,}, of whom {found.died:,} died in hospital."
    )
    heads = "".join(f"<th scope='col'>{head}</th>" for head in HEADS)
    body = "".join(_row(row, found.stays) for row in found.channels)
    st.html(f"<div class='fs-table'><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>")
    dropped = [f"**{text.plain(row.channel.title)}**: {text.plain(why)} ({n:,})" for row in found.channels
               for why, n in row.dropped]  # fmt: skip
    left = [f"{item} {text.plain(label)} ({n:,}): {text.plain(why)}" for item, label, why, n in found.left_out]
    unknown = [f"{text.plain(code)} {text.plain(words)} ({n:,})" for code, words, n in found.unknown]
    kinds = f"Codes that no variable takes: {found.unknown_kinds:,} kinds, {found.unknown_events:,} events; most often"
    for heading, lines in (("Dropped", dropped), ("Left out on purpose", left), (kinds, unknown)):
        if lines:
            with st.expander(f"{heading} ({len(lines)})"):
                st.markdown("\n".join(f"- {line}" for line in lines))


def _row(row: ChannelCoverage, stays: int) -> str:
    """One variable; one that no stay has is said in words, never as zero."""
    coded = row.channel.name in CODES
    title = row.channel.title if coded or not row.channel.unit else f"{row.channel.title}, {row.channel.unit}"
    sources = "; ".join(f"{source.code} {source.label} ({source.values:,})" for source in row.sources)
    cells = (
        f"{row.stays:,}\N{NO-BREAK SPACE}({100 * row.stays / stays:.0f}\N{NO-BREAK SPACE}%)"
        if row.stays
        else "no stay has it",
        "" if row.per_stay is None else f"{row.per_stay:g}",
        "" if row.typical is None or coded else f"{row.typical:.4g}",
        f"{sum(count for _, count in row.dropped):,}" if row.dropped else "",
        sources,
    )
    rest = "".join(f"<td>{text.escape(cell)}</td>" for cell in cells)
    return f"<tr><th scope='row'>{text.escape(title)}</th>{rest}</tr>"
