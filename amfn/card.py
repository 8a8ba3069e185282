"""The model card: one page of model facts in a fixed order, written from measured figures only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amfn.card_words import DISCLAIMER, FIGURES, LIMITS, POPULATION, PURPOSE, WARNINGS
from amfn.plots import reliability_svg
from amfn.tasks import Task

PLOT = "calibration.svg"
"""The calibration plot, beside the card."""
TOO_FEW = "too few"


def figures_table(measured: Mapping[str, Any]) -> str:
    """The measured figures as a Markdown table; `measured` is `evaluation.as_json`."""
    return _table(
        ("Measure", "Value (95 % interval)", "What it means"),
        ((FIGURES[name][0], interval(figure), FIGURES[name][1]) for name, figure in measured["figures"].items()),
    )


def subgroups_table(task: Task, measured: Mapping[str, Any]) -> str:
    """Each part of the records with its figures as a Markdown table."""
    rows = [
        (
            f"{stratum}: {name}",
            f"{records:,}",
            f"{positives:,}",
            TOO_FEW if auroc is None else interval(auroc),
            _share(predicted),
            f"{_share(observed[0])} ({100 * observed[1]:.1f} to {100 * observed[2]:.1f})",
            TOO_FEW if error is None else f"{error:.3f}",
        )
        for stratum, levels in measured["subgroups"].items()
        for name, (records, positives, auroc, error, predicted, observed) in levels.items()
    ]
    header = ("Records", task.wording.positive, "AUROC", "Mean predicted", "Observed", "Calibration error")
    return _table(("Subgroup", *header), rows)


def bins_table(measured: Mapping[str, Any]) -> str:
    """Predicted against observed share, by tenths of the records, as a Markdown table."""
    return _table(
        ("Records", "Mean predicted", "Observed (95 % interval)"),
        (
            (str(n), _share(p), f"{_share(o)} ({100 * low:.1f} to {100 * high:.1f})")
            for n, p, o, low, high in measured["bins"]
        ),
    )


def decision_table(measured: Mapping[str, Any]) -> str:
    """Net benefit at each threshold as a Markdown table."""
    return _table(
        ("Acting from a chance of", "Net benefit of the model", "of acting on everyone", "of acting on no one"),
        (
            (f"{100 * at:.0f} %", f"{model:+.3f}", f"{everyone:+.3f}", "0")
            for at, model, everyone in measured["decision"]
        ),
    )


def forecast_table(measured: Mapping[str, Any]) -> str:
    """RMSE, MAE, R² and MAPE of each vital as a Markdown table; `measured` is `regression.as_json`."""
    return _table(
        ("Vital", "Values checked", "RMSE (95 % interval)", "MAE", "R²", "MAPE"),
        (
            (
                f"{name}, {measured['units'][name]}",
                f"{row['measured']:,}",
                *(_defined(row[measure]) for measure in ("rmse", "mae", "r2", "mape")),
            )
            for name, row in measured["vitals"].items()
        ),
    )


def horizons_table(measured: Mapping[str, Any]) -> str:
    """RMSE of each vital at each horizon as a Markdown table."""
    rows: dict[str, dict[str, str]] = {}
    for target, row in measured["targets"].items():
        vital, _, ahead = target.rpartition("_")
        rows.setdefault(vital, {})[ahead] = _defined(row["rmse"])
    header = list(next(iter(rows.values())))
    return _table(("Vital", *header), ((vital, *(row[ahead] for ahead in header)) for vital, row in rows.items()))


def _defined(figure: Sequence[float | None]) -> str:
    """An interval, or a dash for a measure that is not defined."""
    value, low, high = figure
    return "-" if value is None or low is None or high is None else f"{value:.2f} ({low:.2f} to {high:.2f})"


def coverage_table(task: Task, rows: Sequence[Sequence[float]]) -> str:
    """How often the sets held what came true, as a Markdown table. rows: `Calibration.facts`."""
    outcomes = (task.wording.negative, task.wording.positive)
    return _table(
        ("Error rate", "Outcome", "Records", "With a set", "Set holds the outcome"),
        (
            (
                f"{100 * rate:.0f} %",
                outcomes[int(label)],
                f"{records:,.0f}",
                f"{answered:,.0f}",
                _share(covered / answered) if answered else TOO_FEW,
            )
            for rate, label, records, answered, covered in rows
        ),
    )


def calibration_svg(task: Task, measured: Mapping[str, Any]) -> str:
    """The text of `PLOT`."""
    return reliability_svg(measured["bins"], task.wording.event)


def interval(figure: Sequence[float]) -> str:
    value, low, high = figure
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def model_card(task: Task, provenance: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    """MODEL_CARD.md of a checkpoint. provenance: what `train` recorded; measured: `pipeline.figures_of`."""
    binary = task.kind == "binary"
    sections = (
        ("Purpose", PURPOSE[task.name]),
        ("Population", POPULATION.get(provenance["data_digest"], "Records chosen by whoever trained this model.")),
        ("Data", _data(task, provenance, measured)),
        ("Performance, out of fold", _performance(task, provenance, measured)),
        ("Calibration", _calibration(task, provenance, measured) if binary else ""),
        ("Subgroups", f"{_PARTS}\n\n{subgroups_table(task, measured)}" if binary else ""),
        ("Missing modalities", _removal(task, provenance)),
        ("Uncertainty", _uncertainty(task, provenance)),
        ("Limits", _listed(LIMITS[task.name])),
        ("Warnings", _listed(WARNINGS)),
        ("Training", _training(provenance)),
        ("Reproduce these figures", _reproduce(task, provenance)),
    )
    body = "\n\n".join(f"## {title}\n{text}" for title, text in sections if text)
    return f"# {task.wording.title}: model facts\n\n**{DISCLAIMER}**\n\n{body}\n"


_PARTS = (
    "Out of fold, as above. Where the rarer outcome has fewer than 10 records no ranking is measured, below 100 "
    "records no calibration error."
)


def _data(task: Task, provenance: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    modalities = ", ".join(spec.title for spec in task.schema.modalities)
    positives, nothing = "", "the forecast is the training mean"
    if task.kind == "binary":
        share = 100 * measured["positives"] / measured["records"]
        positives = f", {measured['positives']:,} of them “{task.wording.positive}” ({share:.1f} %)"
        nothing = "the answer is the training prevalence"
    return (
        f"{measured['records']:,} records{positives}. Data digest `{provenance['data_digest']}`.\n\n"
        f"{len(task.schema.modalities)} modalities: {modalities}. Any of them may be missing; with all of them missing "
        f"{nothing}.\n\n{task.preprocessing}\n\n{task.citation}"
    )


def _networks(count: int) -> str:
    return "a network" if count == 1 else f"the mean of {count} networks"


def _performance(task: Task, provenance: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    shipped = _networks(provenance.get("members", 1))
    scored = _networks(provenance.get("fold_members", provenance.get("members", 1)))
    said = (
        f"{provenance['folds']} stratified folds: every record was scored by {scored} that had not seen it. Intervals: "
        "1,000 bootstrap samples of the records. Settings were chosen on these folds, so expect a little less "
        f"elsewhere. What is shipped is {shipped} trained on all records; it has no figures of its own here."
    )
    if task.kind == "regression":
        return (
            f"{said}\n\nAll horizons together, in physical units:\n\n{forecast_table(measured)}\n\n"
            f"Root mean squared error by hours ahead:\n\n{horizons_table(measured)}"
        )
    return (
        f"{said}\n\n{figures_table(measured)}\n\n{_simulated(provenance)}"
        "Net benefit (Vickers and Elkin 2006) weighs true against needless actions, for someone who would act from a "
        f"given chance on.\n\n{decision_table(measured)}"
    )


def _simulated(provenance: Mapping[str, Any]) -> str:
    """One paragraph on the simulated sample cohort, empty where it was not measured."""
    measured = provenance.get("simulated")
    if not measured:
        return ""
    return (
        f"On the simulated sample cohort ({measured['records']} records, {measured['positives']} positive, never "
        f"trained on) what is shipped reaches an AUROC of {interval(measured['figures']['auroc'])}. That shows that it "
        "reads such records sensibly, and says nothing about patients.\n\n"
    )


def _calibration(task: Task, provenance: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    facts = provenance.get("calibration")
    said = "Estimates are the output of the networks; no recalibration has been applied."
    if facts:
        said = (
            f"Logits are divided by {facts['temperature']:.3f} and moved by {facts['shift']:+.3f}, fitted on the "
            f"records above out of fold. Expected calibration error before: {facts['error_before']:.4f}; after: "
            f"{facts['error_after']:.4f}; with every fold's pair fitted on the other folds: "
            f"{facts['error_crossed']:.4f}."
        )
    return (
        f"{said}\n\n![Predicted against observed share of {task.wording.event}, tenths of the records]({PLOT})\n\n"
        "Tenths of the records by predicted chance, exact intervals (Clopper and Pearson 1934).\n\n"
        f"{bins_table(measured)}"
    )


def _removal(task: Task, provenance: Mapping[str, Any]) -> str:
    """How the ranking holds when modalities are taken away, empty where it was not measured."""
    found = provenance.get("removal", {})
    tables = []
    if found.get("curve"):
        rows = ((f"{100 * share:.0f} %", interval(figure)) for share, *figure in found["curve"])
        tables.append(_table(("Modalities removed at random", "AUROC (95 % interval)"), rows))
    if found.get("alone"):
        rows = ((task.schema.modality(name).title, interval(figure)) for name, figure in found["alone"].items())
        tables.append(_table(("This modality alone", "AUROC (95 % interval)"), rows))
    return "\n\n".join(tables)


def _uncertainty(task: Task, provenance: Mapping[str, Any]) -> str:
    facts = provenance.get("calibration")
    if not facts:
        return ""
    members, networks = provenance.get("members", 1), ""
    if members > 1:
        networks = (
            f"The range over the {members} networks says how far trainings differ that saw the same data. It is no "
            "confidence interval: what the data lack, none of them knows.\n\n"
        )
    return (
        f"{networks}For a chosen error rate the outcomes that cannot be ruled out are given as a set (class-"
        "conditional conformal prediction, among records with the same modalities; refused where these are too few). A "
        "set should hold what came true about as often as one minus the error rate, for either outcome. Measured with "
        f"each fold left out of the comparison:\n\n{coverage_table(task, facts['coverage'])}\n\n"
        "A new record is answered by the shipped networks and compared with out-of-fold answers of others; the "
        "textbook guarantee is for one and the same network. What was measured here holds for records like these, not "
        "for other hospitals, and not within every subgroup."
    )


def _training(provenance: Mapping[str, Any]) -> str:
    config, members = provenance["config"], provenance.get("members", 1)
    seeds = f"seed {config['seed']}" if members == 1 else f"{members} networks from seed {config['seed']} on"
    of_folds = provenance["folds"] * provenance.get("fold_members", members)
    speed = provenance.get("records_per_second")
    return (
        f"{provenance['parameters']:,} parameters, {seeds}. These and the {of_folds} of the folds were trained "
        f"in {provenance['wall_minutes']:.0f} minutes on {provenance['device']} ({provenance['threads']} "
        f"thread(s){f', median {speed:,.0f} records a second' if speed else ''}, peak memory "
        f"{provenance['peak_memory_gb']:.1f} GB), torch {provenance['torch']}, lightning {provenance['lightning']}. "
        "A tenth of the training records, another one for every seed, chose which epoch's weights are kept. All "
        "settings are in `config.json`."
    )


def _reproduce(task: Task, provenance: Mapping[str, Any]) -> str:
    return (
        f"`python -m amfn evaluate checkpoints/{task.name} --trained-only {provenance['data_arguments']}`, with the "
        "path of each folder as it is on your machine. `--trained-only` leaves out records that were not in training."
    )


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
