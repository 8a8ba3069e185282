"""How the modalities were fused, step by step, and what that is worth."""

from __future__ import annotations

from app import fusion_view, unfolding_view, widgets

opened = widgets.open_case()
widgets.headline(opened)
fusion_view.funnel(opened)
unfolding_view.shares(opened)
