"""What moved the risk: modalities by Shapley values, single values by the method that is chosen."""

from __future__ import annotations

from app import attribution_view, figures, state, text, unfolding_view, widgets

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
attribution_view.interactions(opened)
unfolding_view.contributions(opened)
attribution_view.to_each_value(opened)
