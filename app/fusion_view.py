"""The Fusion page as one funnel: who takes from whom, who is alike, what passes, what counts, what it adds up to.

One modality can be followed: it stands out in every chart, and every step says what it did with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from app import figures, following, fusion_words, reality_view, state, text, widgets
from app.figures import Drawing
from app.views import Case, Fused
from app.widgets import boundary

MODALITY, WIDGET = "fusion_modality", "w_fusion_modality"
NOBODY = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Funnel:
    """What every step needs. chosen: name of the modality that is followed, None for none."""

    opened: Case
    chosen: str | None
    dark: bool
    numbers: Mapping[str, int]

    @property
    def fused(self) -> Fused:
        return self.opened.analysis.full

    @property
    def highlight(self) -> str | None:
        """The title that stands out in the figures."""
        return None if self.chosen is None else following.choices(self.opened.analysis)[self.chosen]

    def head(self, step: str) -> None:
        """A step's number and title, what it is, and how its chart is read."""
        title = f"{self.numbers[step]}. {fusion_words.TITLES[step]}"
        widgets.heading(title, step, fusion_words.HELP.get(step, text.HELP_REALITY))

    def draw(self, drawing: Drawing, key: str) -> None:
        """A chart in which a click on a bar or a circle follows its modality."""
        widgets.draw(drawing, key, partial(_clicked, key, following.choices(self.opened.analysis)))

    def note(self, said: Mapping[str, str], step: str) -> None:
        """What this step did with the modality that is followed."""
        if self.highlight is not None and step in said:
            st.markdown(f"**{text.plain(self.highlight)}:** {text.plain(said[step])}.")


@st.fragment
def funnel(opened: Case) -> None:
    """All steps; only they run again when a modality, a network or a head is chosen."""
    with boundary():
        if not opened.analysis.present.any():
            st.info(fusion_words.NOTHING, icon=":material/info:")
        page = _Funnel(opened, _followed(opened), state.dark(), _numbers(opened))
        overview = st.container()
        said = _routing(page)
        with overview:
            _overview(page, said)
        _sum(page, said)
        page.head("reality")
        reality_view.check(opened, page.highlight, page.draw)


def _numbers(opened: Case) -> dict[str, int]:
    """The steps that this model has, counted from 1."""
    full = opened.analysis.full
    there = {
        "attention": full.attention,
        "graph": full.adjacency,
        "gates": full.gates,
        "weights": full.weights,
        "split": full.node_logits,
    }
    names = [*(name for name, part in there.items() if part is not None), "reality"]
    return {name: number for number, name in enumerate(names, start=1)}


def _followed(opened: Case) -> str | None:
    """The modality that is followed, by name: the same on every record that has it."""
    names, kept = following.choices(opened.analysis), state.kept(MODALITY, NOBODY)
    st.session_state[WIDGET] = kept if kept in names else NOBODY
    picked = st.segmented_control(
        fusion_words.FOLLOW,
        [NOBODY, *names],
        required=True,
        format_func=lambda name: names.get(name, fusion_words.NOBODY),
        key=WIDGET,
        help=fusion_words.HELP_FOLLOW,
        on_change=state.keep_widget,
        args=(MODALITY, WIDGET),
    )
    lacking = dict(zip(opened.analysis.names, opened.analysis.titles, strict=True)).get(kept)
    if lacking is not None and kept not in names:
        st.caption(text.plain(fusion_words.ABSENT.format(lacking)))
    return picked or None


def _clicked(key: str, names: Mapping[str, str]) -> None:
    """A click on a bar or circle follows its modality; a click on the one that is followed lets go of it."""
    titles = [point.get("id") for point in st.session_state[key].selection.points]
    name = next((name for name, title in names.items() if title in titles), None)
    if name is not None:
        state.keep(MODALITY, NOBODY if state.kept(MODALITY, NOBODY) == name else name)


def _overview(page: _Funnel, said: Mapping[str, str]) -> None:
    """The whole funnel in words: of the modality that is followed, or who comes first in each step."""
    if page.highlight is not None:
        st.markdown(text.plain(following.sentence(page.highlight, said)))
    elif said:
        st.caption(fusion_words.LEADING)
        steps = "".join(
            f"<li><b>{text.escape(following.STEPS[step])}</b> {text.escape(words)}</li>" for step, words in said.items()
        )
        st.html(f'<ol class="fs-funnel" aria-label="Who comes first in each step">{steps}</ol>')


def _routing(page: _Funnel) -> dict[str, str]:
    """Attention, graph, gates and weights. Returns what is said of the steps, with the attention that is shown."""
    analysis, fused = page.opened.analysis, page.fused
    names, titles, states = page.opened.rows
    alpha: np.ndarray | None = None
    left, right = widgets.pair("routing")
    if analysis.heads:
        with left:
            page.head("attention")
            alpha = fused.attention_of(*widgets.head_selector(fused.networks, analysis.heads))
    if page.chosen is None:
        said = following.leaders(analysis, alpha)
    else:
        said = following.followed(analysis, alpha, page.chosen)
    if alpha is not None:
        with left:
            widgets.draw(figures.attention(alpha, titles, states, page.dark, page.highlight), "alpha")
            page.note(said, "attention")
    if fused.adjacency is not None:
        with right:
            page.head("graph")
            graph = figures.modality_graph(
                fused.adjacency, names, titles, states, fused.weights, page.dark, page.highlight
            )
            page.draw(graph, "graph")
            page.note(said, "graph")
    left, right = widgets.pair("shares")
    if fused.gates is not None:
        with left:
            page.head("gates")
            page.draw(figures.gates(fused.gates, names, titles, states, page.dark, page.highlight), "gates")
            page.note(said, "gates")
    if fused.weights is not None:
        with right:
            page.head("weights")
            page.draw(figures.weights(fused.weights, names, titles, states, page.dark, page.highlight), "weights")
            page.note(said, "weights")
    st.caption(text.ROUTING)
    return said


def _sum(page: _Funnel, said: Mapping[str, str]) -> None:
    """The exact split of the log-odds by fused node."""
    fused = page.fused
    if fused.node_logits is None or fused.bias is None:
        return
    page.head("split")
    drawing = figures.logit_split(
        fused.node_logits,
        fused.bias,
        fused.logit,
        *page.opened.rows,
        prior=page.opened.analysis.base_rate,
        risk=fused.risk,
        noun="the risk",
        dark=page.dark,
        highlight=page.highlight,
    )
    page.draw(drawing, "split")
    page.note(said, "split")
    st.caption(text.SPLIT_NOT_SHAPLEY)
