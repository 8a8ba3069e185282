"""Switch modalities off and see what the model would have said without them."""

from __future__ import annotations

from app import alter_view, moment_view, what_if_view, widgets

opened = widgets.open_case()
what_if_view.experiment(opened)
alter_view.alterations(opened)
moment_view.as_of(opened)
