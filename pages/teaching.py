"""Lessons for one person or a class: commit first, then the model, then the debrief."""

from __future__ import annotations

from app import teaching_view

teaching_view.page()
