"""A recording of any length: every lead on one time axis, a window to move, marks, calipers; a moment to ask about."""

from __future__ import annotations

from app import waveform_view

waveform_view.page()
