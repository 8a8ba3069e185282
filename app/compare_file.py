"""What is compared, record by record, as a CSV file."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.csv as csv
import streamlit as st

from app import compare_measures
from app import compare_words as words
from app.compare_data import Comparison


def button(comparison: Comparison) -> None:
    st.download_button(
        f"Download {len(comparison):,} rows as CSV",
        lambda: exported(comparison),
        "compare.csv",
        "text/csv",
        key="compare_file",
        icon=":material/download:",
        on_click="ignore",
    )


def exported(comparison: Comparison) -> bytes:
    """One row a record: outcome, subgroups, every model's risk, logit and Shapley values, and its rank agreement with
    the first one. Disclaimer and which letter is which model stand on the first lines."""
    columns: dict[str, object] = {
        "record_id": comparison.ids.tolist(),
        "outcome": [comparison.outcome(row) for row in range(len(comparison))],
        **{title: level.tolist() for title, level in comparison.strata.items()},
    }
    for k, model in enumerate(comparison.models):
        columns[f"{model.letter}_risk"] = comparison.risks[k]
        columns[f"{model.letter}_logit"] = comparison.logits[k]
        shapley = model.opened.shapley[model.rows]
        columns |= {f"{model.letter}_shapley_{name}": shapley[:, m] for m, name in enumerate(comparison.first.names)}
        found = compare_measures.orders(comparison, 0, k, "shapley") if k else None
        if found is not None:
            columns[f"tau_A_{model.letter}"] = found
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    named = [f"# {model.letter}: {model.title}" for model in comparison.models]
    file = io.BytesIO("\n".join([words.FILE_HEAD, *named, ""]).encode())
    file.seek(0, io.SEEK_END)
    csv.write_csv(table, file)
    return file.getvalue()
