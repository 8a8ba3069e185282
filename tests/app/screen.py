"""Opens the dashboard headless and reads what stands on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from app import services, text
from app.views import Case

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "patient",
    "signals",
    "fusion",
    "attribution",
    "what_if",
    "cohort",
    "compare",
    "teaching",
    "agreement",
    "data",
    "model",
)
BLIND = "teaching"
"""The page without the list of records."""


def open_app(page: str = "patient", **query: str) -> AppTest:
    """The page, after its first run, as a link with these parameters opens it."""
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    return at if page == "patient" else go(at, page)


def go(at: AppTest, page: str) -> AppTest:
    return at.switch_page(f"pages/{page}.py").run()


def words(at: AppTest) -> str:
    """All text of the page and its sidebar, without Markdown's backslashes."""
    kinds = ("markdown", "caption", "error", "warning", "info", "success", "header", "subheader")
    found = [element.value for kind in kinds for element in getattr(at, kind)]
    found += [block.proto.body for block in at.get("html")]
    found += [f"{metric.label} {metric.value} {metric.delta}" for metric in at.metric]
    return "\n".join(found).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def charts(at: AppTest) -> list[dict[str, Any]]:
    """The figures on the page, as Plotly gets them."""
    found = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    parts = [part.proto for part in at.get("bidi_component")]
    return found + [json.loads(json.loads(p.json)["spec"]) for p in parts if p.component_name.endswith("chart_sheet")]


def sample(task: str, record_id: str) -> Case:
    """The same record straight from the services."""
    return services.case(services.listing(services.sample_folder(task), task), record_id)


def ids(task: str) -> tuple[str, ...]:
    return services.listing(services.sample_folder(task), task).ids


def percent(value: float) -> str:
    return text.percent(value)
