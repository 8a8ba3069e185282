"""What a model card says that no measurement can: purpose, population, limits; and what each figure is called."""

from __future__ import annotations

from collections.abc import Mapping

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
    "vitals_forecast": (
        "Forecasts heart rate, mean arterial pressure, respiration rate and temperature one to six hours ahead from "
        "the first 36 hours of an ICU stay, so that the way a multimodal model reaches its forecast can be studied. It "
        "raises no alarm and answers no question about treatment."
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
STAY_LIMITS = (
    "Care, case mix and charting habits have changed since these stays; expect worse figures elsewhere.",
    "What is charted, and how often, reflects how ill staff took the patient to be: the model learns that too.",
    "Rarely measured values (cholesterol, troponin) rest on few patients.",
)
LIMITS: Mapping[str, tuple[str, ...]] = {
    "icu_mortality": STAY_LIMITS,
    "icu_alarm": (
        "It was trained on records in which an alarm sounded; it cannot find arrhythmias that no monitor announced.",
        "Alarm types differ greatly in how often they are true; part of the discrimination is the alarm type itself.",
        "Ventricular flutter or fibrillation rests on very few true alarms.",
        "No record of the training data holds arterial pressure, PPG and respiration together.",
    ),
    "vitals_forecast": (
        *STAY_LIMITS,
        "Only hours in which a vital was charted can be checked: patients who are watched more closely count for more.",
        "Stays shorter than 48 hours are not in the data: who dies or leaves early is not forecast.",
    ),
}
WARNINGS = (
    DISCLAIMER,
    "Attention, gates and fusion weights say how the network routed information, not what caused its answer.",
    "A confident answer on a record unlike the training data is still a guess.",
)
