"""The model card: one page of model facts, written from measured figures only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amfn.tasks import Task

DISCLAIMER = "Research and education only; not for diagnosis."
FIGURES: Mapping[str, tuple[str, str]] = {
    "auroc": ("AUROC", "chance that a positive record is ranked above a negative one; 0.5 is a coin"),
    "auprc": ("AUPRC", "mean precision over all recalls; the prevalence is what a coin reaches"),
    "brier": ("Brier score", "mean squared error of the probability; lower is better"),
    "calibration_error": ("Expected calibration error", "mean distance of predicted from observed share"),
    "event_1": ("Event 1, min(Se, PPV)", "the 2012 challenge's score, at the threshold that maximises it"),
    "challenge_score": ("Challenge score", "(TP + TN) / (TP + TN + FP + 5 FN) at probability 1/6"),
    "true_positive_rate": ("Sensitivity", "share of true alarms kept at probability 1/6"),
    "true_negative_rate": ("Specificity", "share of false alarms silenced at probability 1/6"),
}  # fmt: skip
PURPOSE: Mapping[str, str] = {
    "icu_mortality": (
        "Estimates the chance of death in hospital from the first 48 hours of an ICU stay, so that the way a "
        "multimodal model reaches its estimate can be studied. It answers no question about treatment."
    ),
    "icu_alarm": (
        "Estimates the chance that a bedside arrhythmia alarm is true from the 16 seconds before it, so that the way a "
        "multimodal model reaches its estimate can be studied. It silences nothing."
    ),
}
# By data digest: what is said here is true of these records alone.
POPULATION: Mapping[str, str] = {
    "14f90b4a3c2e5380": (
        "8,000 ICU stays of at least 48 hours, ages 15 to 90 (sets a and b of the challenge): coronary, cardiac "
        "surgery recovery, medical and surgical ICUs of one United States hospital."
    ),
    "3cbd84aa5c9607e6": (
        "501 of the 750 public training records of the challenge: five kinds of life-threatening arrhythmia alarm from "
        "monitors of three manufacturers in four hospitals of the United States and Europe, labelled by experts."
    ),
}
LIMITS: Mapping[str, tuple[str, ...]] = {
    "icu_mortality": (
        "Care, case mix and charting habits have changed since these stays; expect worse figures elsewhere.",
        "What is charted, and how often, reflects how ill staff took the patient to be: the model learns that too.",
        "Probabilities are those of the network's output; no recalibration has been applied.",
        "Rarely measured values (cholesterol, troponin) rest on few patients.",
    ),
    "icu_alarm": (
        "It was trained on records in which an alarm sounded; it cannot find arrhythmias that no monitor announced.",
        "Alarm types differ greatly in how often they are true; part of the discrimination is the alarm type itself.",
        "Ventricular flutter or fibrillation rests on very few true alarms.",
        "No record of the training data holds arterial pressure, PPG and respiration together.",
        "Probabilities are those of the network's output; no recalibration has been applied.",
    ),
}


def figures_table(measured: Mapping[str, Any]) -> str:
    """The measured figures as a Markdown table; `measured` is `evaluation.as_json`."""
    rows = ["| Measure | Value (95 % interval) | What it means |", "|---|---|---|"]
    for name, (value, low, high) in measured["figures"].items():
        title, meaning = FIGURES[name]
        rows.append(f"| {title} | {value:.3f} ({low:.3f} to {high:.3f}) | {meaning} |")
    return "\n".join(rows)


def groups_table(task: Task, measured: Mapping[str, Any]) -> str:
    """Records, positives and AUROC of each subgroup as a Markdown table."""
    rows = [f"| {task.wording.group} | Records | {task.wording.positive} | AUROC |", "|---|---|---|---|"]
    for name, (records, positives, auroc) in measured["groups"].items():
        shown = f"{auroc:.3f}" if auroc is not None else "too few of one class"
        rows.append(f"| {name} | {records} | {positives} | {shown} |")
    return "\n".join(rows)


def bins_table(measured: Mapping[str, Any]) -> str:
    """Predicted against observed share, by tenths of the records, as a Markdown table."""
    rows = ["| Records | Mean predicted | Observed |", "|---|---|---|"]
    rows += [f"| {n} | {100 * p:.1f} % | {100 * o:.1f} % |" for n, p, o in measured["bins"]]
    return "\n".join(rows)


def _simulated_line(provenance: Mapping[str, Any]) -> str:
    """One paragraph on the simulated sample cohort, empty where it was not measured."""
    measured = provenance.get("simulated")
    if not measured:
        return ""
    value, low, high = measured["figures"]["auroc"]
    return (
        f"On the simulated sample cohort ({measured['records']} records, {measured['positives']} positive, never "
        f"trained on) the shipped network reaches an AUROC of {value:.3f} ({low:.3f} to {high:.3f}). That shows that "
        "it reads such records sensibly, and says nothing about patients.\n"
    )


def model_card(task: Task, provenance: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    """MODEL_CARD.md of a checkpoint. provenance: what `train` recorded; measured: `evaluation.as_json`."""
    config = provenance["config"]
    limits = "\n".join(f"- {line}" for line in LIMITS[task.name])
    population = POPULATION.get(provenance["data_digest"], "Records chosen by whoever trained this model.")
    modalities = ", ".join(spec.title.lower() for spec in task.schema.modalities)
    return f"""# {task.wording.title}: model facts

**{DISCLAIMER}**

## Purpose
{PURPOSE[task.name]}

## Inputs
{len(task.schema.modalities)} modalities: {modalities}. Any of them may be missing; with all of them missing the
answer is the training prevalence.

## Training data
{population} {measured["records"]:,} records, {measured["positives"]:,} of them "{task.wording.positive.lower()}"
({100 * measured["positives"] / measured["records"]:.1f} %). Data digest `{provenance["data_digest"]}`.

{task.citation}

## Preprocessing
{task.preprocessing}

## Performance, out of fold
{provenance["folds"]} stratified folds: every record was scored by a network that had not seen it. Intervals: 1,000
bootstrap samples of the records. Number of epochs and dropout rates were chosen on these folds, so expect a little less
elsewhere. The shipped network is a further one, trained on nine tenths of all records while the rest chose its epoch;
it has no figures of its own here.

{figures_table(measured)}

{_simulated_line(provenance)}
### {task.wording.group}
{groups_table(task, measured)}

### Calibration
Tenths of the records by predicted chance.

{bins_table(measured)}

## Training
{provenance["parameters"]:,} parameters. Seed {config["seed"]}, {provenance["folds"]} folds and one final fit in
{provenance["wall_minutes"]:.0f} minutes on {provenance["device"]} ({provenance["threads"]} thread(s),
peak memory {provenance["peak_memory_gb"]:.1f} GB), torch {provenance["torch"]}, lightning {provenance["lightning"]}.
A tenth of the training records chose which epoch's weights are kept: of the final network, epoch
{provenance["final_best_epoch"]} of {provenance["final_epochs"]}. All settings are in `config.json`.

## Limits
{limits}

## Warnings
- {DISCLAIMER}
- Attention, gates and fusion weights say how the network routed information, not what caused its answer.
- A confident answer on a record unlike the training data is still a guess.

## Reproduce these figures
`python -m amfn evaluate checkpoints/{task.name} --trained-only {provenance["data_arguments"]}`, with the path of each
folder as it is on your machine. `--trained-only` leaves out records that were not in training.
"""
