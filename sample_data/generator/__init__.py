"""Builds the simulated cohort in `sample_data/`, bit for bit from a seed."""

from __future__ import annotations

from .cohort import build_cohort, verify_cohort

__all__ = ["build_cohort", "verify_cohort"]
