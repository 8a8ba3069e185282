"""Who may import whom: nothing calls upward, and the screen stays at the top.

amfn.types <- readers, batch, encoders <- tasks, fusion <- training, checkpoint ... <- cli
amfn.types <- explain        amfn, explain <- report, audit, teaching <- app <- pages        amfn.types <- store <- app
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "amfn",
    "app",
    "audit",
    "benchmarks",
    "explain",
    "pages",
    "report",
    "sample_data",
    "store",
    "streamlit_app",
    "teaching",
)
SCREEN = ("streamlit", "plotly")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the modules of one scope may import, by prefix, besides the scope itself.

    ours: of this project. outside: of other libraries, None for any. stdlib: None for any. never: these not at all.
    """

    ours: tuple[str, ...] = ()
    outside: tuple[str, ...] | None = None
    stdlib: tuple[str, ...] | None = None
    never: tuple[str, ...] = SCREEN


def _amfn(*names: str) -> tuple[str, ...]:
    return tuple(f"amfn.{name}" for name in names)


BELOW_TRAINING = _amfn("types", "readers", "batch", "encoders", "tasks", "fusion", "losses")
# What trains, measures and keeps models: these may use each other.
TRAINING = _amfn(
    *(
        "dataset",
        "settings",
        "training",
        "teacher",
        "removal",
        "runs",
        "pipeline",
        "evaluation",
        "regression",
        "trainable",
        "training_module",
        "reliability",
        "subgroups",
        "conformal",
        "calibration",
        "checkpoint",
        "inference",
        "card",
        "card_words",
        "plots",
        "sentences",
        "shuffled",
    )
)
DRAWING = Rule(
    ours=("amfn.types", "explain.types", "app.theme"),
    outside=("numpy", "plotly", "networkx", "tsdownsample", "jaxtyping"),
    never=("streamlit", "torch"),
)
RULES: dict[str, Rule] = {
    "amfn": Rule(),
    "amfn.types": Rule(outside=("numpy", "torch", "jaxtyping")),
    "amfn.readers": Rule(ours=_amfn("types")),
    "amfn.batch": Rule(ours=_amfn("types")),
    "amfn.encoders": Rule(ours=_amfn("types")),
    "amfn.fetch": Rule(ours=_amfn("types")),
    "amfn.waves": Rule(ours=_amfn("types", "readers")),
    "amfn.tasks": Rule(ours=_amfn("types", "readers", "batch")),
    "amfn.origin": Rule(ours=_amfn("readers")),
    "amfn.intake": Rule(ours=_amfn("types", "readers")),
    "amfn.examining": Rule(ours=_amfn("types", "readers", "tasks")),
    "amfn.losses": Rule(ours=_amfn("types", "encoders")),
    "amfn.fusion": Rule(ours=_amfn("types", "encoders")),
    "amfn.classical": Rule(ours=_amfn("types", "batch", "encoders")),
    **{name: Rule(ours=BELOW_TRAINING + TRAINING + _amfn("classical")) for name in TRAINING},
    "amfn.benchmark": Rule(ours=BELOW_TRAINING + TRAINING + _amfn("classical")),
    "amfn.cli": Rule(ours=("amfn", "audit", "explain", "report", "sample_data.generator", "store")),
    "amfn.console": Rule(ours=BELOW_TRAINING + TRAINING),
    "amfn.__main__": Rule(ours=_amfn("cli")),
    "explain": Rule(ours=("amfn.types",)),
    "sample_data": Rule(ours=_amfn("types", "readers")),
    "report": Rule(ours=("amfn", "explain")),
    "report.colours": Rule(outside=(), stdlib=("__future__",)),
    "audit": Rule(ours=("amfn", "explain")),
    "store": Rule(ours=("amfn.types",), never=(*SCREEN, "torch")),
    "teaching": Rule(ours=("amfn", "explain")),
    "app": Rule(ours=("amfn", "audit", "explain", "report", "store", "teaching"), never=()),
    "app.theme": replace(DRAWING, ours=("report.colours",)),
    "app.figures": DRAWING,
    "pages": Rule(ours=("app",), outside=("streamlit",), stdlib=("__future__", "typing"), never=()),
    "streamlit_app": Rule(ours=("app",), outside=("streamlit",), never=()),
    "benchmarks": Rule(ours=PACKAGES, never=("streamlit",)),
    # The messages that a browser and a dashboard exchange are Streamlit's own.
    "benchmarks.streamlit_client": Rule(ours=(), never=("plotly", "torch")),
    # What the dashboard is measured against: a page of Streamlit's own, without anything of ours.
    "benchmarks.bare_app": Rule(ours=(), never=("torch",)),
}


def under(name: str, *prefixes: str) -> bool:
    """True where the dotted name is one of the prefixes or lies below one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def scope_of(module: str) -> str:
    """The closest scope with a rule. Every module directly in amfn needs a rule of its own, so that a new one has to
    be given its place; `cli_something` belongs to the command line."""
    if re.fullmatch(r"amfn\.cli\w*", module):
        return "amfn.cli"
    scopes = [scope for scope in RULES if under(module, scope)]
    return max(scopes, key=len, default="")


def violations(module: str, imports: Iterable[str]) -> list[str]:
    """The imports that this module may not have, each with the reason. Names are dotted, as far as they are known."""
    scope = scope_of(module)
    if not scope or (scope == "amfn" and module != "amfn"):
        return [f"{module} has no place in RULES: give it one"]
    rule, found = RULES[scope], []
    for name in imports:
        root = name.partition(".")[0]
        if root in PACKAGES or root == "tests":
            allowed = under(name, "amfn.__version__", *((scope,) if scope != "amfn" else ()), *rule.ours)
        elif root in sys.stdlib_module_names:
            allowed = rule.stdlib is None or root in rule.stdlib
        else:
            allowed = root not in rule.never and (rule.outside is None or root in rule.outside)
        if not allowed:
            found.append(f"{module} may not import {name}")
    return found


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Every name a file imports, also inside functions; `from a import b` counts as a.b, relative ones are resolved
    against `package`."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=stem, names=names, level=level):
                parts = package.split(".")[: len(package.split(".")) + 1 - level] if level else []
                yield from (".".join([*parts, *filter(None, [stem]), alias.name]) for alias in names)
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str))


def product_files() -> list[Path]:
    return sorted(path for name in PACKAGES for path in [*(ROOT / name).rglob("*.py"), *ROOT.glob(f"{name}.py")])


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", product_files(), ids=module_of)
def test_every_module_keeps_to_its_imports(path: Path) -> None:
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    assert violations(module, imported(ast.parse(path.read_bytes()), package)) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("amfn.types", "amfn.batch.Scaler"),
        ("amfn.types", "pandas"),
        ("amfn.readers.folder", "amfn.tasks.icu_alarm"),
        ("amfn.batch", "amfn.fusion.base"),
        ("amfn.encoders", "amfn.training"),
        ("amfn.fusion.amfn", "amfn.checkpoint"),
        ("amfn.fusion.amfn", "amfn.tasks"),
        ("amfn.tasks.icu_alarm", "amfn.fusion"),
        ("amfn.training", "amfn.cli"),
        ("amfn.training", "explain.shapley"),
        ("amfn.evaluation", "sample_data.generator"),
        ("amfn.cli", "app.services"),
        ("amfn.cli", "streamlit"),
        ("amfn", "amfn.types"),
        ("amfn.novelty", "numpy"),
        ("explain.gradients", "amfn.fusion.amfn"),
        ("explain.gradients", "amfn"),
        ("explain.shapley", "plotly.graph_objects"),
        ("sample_data.generator.cohort", "amfn.checkpoint"),
        ("app.services", "pages.patient"),
        ("app.services", "tests.toys"),
        ("app.figures.fusion", "streamlit"),
        ("app.figures.fusion", "torch.nn"),
        ("app.figures.fusion", "app.services"),
        ("app.figures.fusion", "explain.shapley"),
        ("app.theme", "streamlit"),
        ("app.theme", "report.pdf"),
        ("app.figures.bars", "report.colours"),
        ("explain.shapley", "report.content"),
        ("report.colours", "numpy"),
        ("report.pdf", "app.theme"),
        ("report.pdf", "streamlit"),
        ("report.drawings", "plotly"),
        ("pages.patient", "report.pdf"),
        ("pages.patient", "amfn.types.Record"),
        ("pages.patient", "numpy"),
        ("pages.patient", "pathlib"),
        ("streamlit_app", "explain"),
        ("benchmarks.speed", "streamlit"),
        ("elsewhere", "typing"),
    ],
)
def test_the_rules_object(module: str, name: str) -> None:
    assert len(violations(module, [name])) == 1


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("amfn.readers.folder", "amfn.readers.labels"),
        ("amfn.training", "amfn.evaluation"),
        ("amfn.cli_train", "amfn.training"),
        ("amfn.cli", "explain.shapley"),
        ("amfn.cli", "sample_data.generator.build"),
        ("explain.shapley", "shap"),
        ("amfn.cli_report", "report.content"),
        ("app.report_view", "report.files"),
        ("app.theme", "report.colours"),
        ("report.content", "explain.shapley"),
        ("report.pdf", "reportlab.pdfgen.canvas"),
        ("app.services", "streamlit"),
        ("app.figures.fusion", "networkx"),
        ("pages.patient", "app.figures"),
        ("streamlit_app", "pathlib"),
    ],
)
def test_the_rules_let_pass(module: str, name: str) -> None:
    assert violations(module, [name]) == []


def test_every_form_of_import_is_seen() -> None:
    source = """
import a.b as c
from d import e
from . import f
from ..g import h
def later():
    import i
    importlib.import_module("j.k")
    __import__("l")
"""
    assert set(imported(ast.parse(source), "top.mid")) == {"a.b", "d.e", "top.mid.f", "top.g.h", "i", "j.k", "l"}
