"""The modality strip of the Patient page: one row a modality, as a table that reads on a phone too."""

from __future__ import annotations

import streamlit as st

from app import modalities, state, text
from app.modalities import ModalityRow
from app.theme import MUTED, NEGATIVE, POSITIVE, modality_colour
from app.views import Case
from app.widgets import boundary

HEADS = ("Modality", "Recorded", "Contribution", "Gate γ", "Weight β")


def strip(opened: Case) -> None:
    """Recorded or not and how well, what it contributed, and how the model routed it."""
    with boundary():
        found = modalities.rows(opened)
        largest = max((abs(row.shapley) for row in found if row.shapley is not None), default=0.0)
        heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
        body = "".join(_row(row, largest) for row in found)
        st.html(
            '<table class="fs-modalities"><caption>What was recorded, what it contributed to the log-odds, and how the '
            f"model routed it</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )
        with st.expander("What do these columns mean?"):
            st.markdown("\n".join(f"- **{head}**: {words}" for head, words in text.STRIP_COLUMNS.items()))


def _row(row: ModalityRow, largest: float) -> str:
    mark = f'<i style="background:{modality_colour(row.name)}"></i>' if row.recorded else "<i></i>"
    title = f'<th scope="row">{mark}{text.escape(row.title)}</th>'
    if row.recorded is None or row.shapley is None:
        return f'<tr class="missing">{title}<td colspan="{len(HEADS) - 1}">not recorded</td></tr>'
    spoilt = ' class="spoilt"' if row.recorded.kinds else ""
    recorded = text.escape(row.recorded.said) + _bar(row.recorded.share, MUTED[state.dark()])
    cells = [
        f"<td{spoilt} data-head='Recorded'>{recorded}</td>",
        f"<td data-head='Contribution'>{_contribution(row.shapley, largest)}</td>",
        f"<td data-head='Gate γ'>{_share(row.gate, row.name)}</td>",
        f"<td data-head='Weight β'>{_share(row.weight, row.name)}</td>",
    ]
    return f"<tr>{title}{''.join(cells)}</tr>"


def _contribution(value: float, largest: float) -> str:
    """The number with its sign, what it does in a word, and a bar from a middle line."""
    size = 50 * abs(value) / largest if largest else 0.0
    place = f"left:50%;width:{size:.1f}%" if value >= 0 else f"left:{50 - size:.1f}%;width:{size:.1f}%"
    shown = text.signed(value)
    word = ("raises" if value > 0 else "lowers") if shown[0] in f"+{text.MINUS}" else "no effect"
    colour = (POSITIVE if value > 0 else NEGATIVE)[state.dark()]
    bar = f'<span class="middle"><b style="{place};background:{colour}"></b></span>'
    return f"{shown} <small>{word}</small>{bar}"


def _share(value: float | None, name: str) -> str:
    if value is None:
        return "<small>not in this model</small>"
    return f"{100 * value:.0f} %{_bar(value, modality_colour(name))}"


def _bar(share: float, colour: str) -> str:
    return f'<span class="bar"><b style="width:{100 * share:.0f}%;background:{colour}"></b></span>'
