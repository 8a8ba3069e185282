"""Bring records in: open a folder, drag in files, name the columns of a CSV; and see what each record can answer."""

from __future__ import annotations

from app import data_view

data_view.page()
