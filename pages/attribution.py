"""Which values moved the risk: Integrated Gradients over the raw input, Shapley values over modalities."""

from __future__ import annotations

from app import attribution_view, figures, state, text, widgets

opened = widgets.open_case()
analysis = opened.analysis
widgets.headline(opened)

widgets.heading("Contribution of each modality (Shapley values)", "shapley", text.HELP_SHAPLEY)
widgets.draw(
    figures.contributions(
        analysis.shapley,
        *opened.rows,
        base=analysis.empty_logit,
        total=analysis.full.logit,
        noun="the risk",
        dark=state.dark(),
    ),
    "shapley",
)
attribution_view.gradients(opened)
