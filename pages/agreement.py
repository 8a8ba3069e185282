"""Clinicians rank modalities before they see the model's order, and how far both agree."""

from __future__ import annotations

from app import agreement_view

agreement_view.page()
