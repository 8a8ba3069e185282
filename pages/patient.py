"""One record: its risk, what drove it, what is missing, and the signal itself."""

from __future__ import annotations

from app import certainty_view, signal_view, widgets

with widgets.boundary():
    opened = widgets.open_case()
    widgets.risk(opened)
    certainty_view.certainty(opened)
    widgets.strip(opened)
    widgets.warnings(opened)
    widgets.stated(opened)
    signal_view.signal(opened)
    widgets.outcome(opened)
    widgets.findings(opened.notes, "this record")
widgets.folder_report()
