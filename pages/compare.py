"""Several models on the same records: whose answers are better, where they differ, and whether their reasons agree."""

from __future__ import annotations

from app import compare_view

compare_view.page()
