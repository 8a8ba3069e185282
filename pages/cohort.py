"""An audit of many records: what modalities contribute, how they are routed, how well the answers hold."""

from __future__ import annotations

from app import cohort_view

cohort_view.page()
