"""Words of the Fusion page: what each step of the funnel is, in a sentence, and more on demand."""

from __future__ import annotations

from collections.abc import Mapping

TITLES: Mapping[str, str] = {
    "attention": "Who takes from whom (attention, α)",
    "graph": "Who looks alike (similarity graph)",
    "gates": "How much passes (gates, γ)",
    "weights": "How much each counts (fusion weights, β)",
    "split": "What it adds up to (log-odds)",
    "reality": "May the weights be read as reasons?",
}
HELP: Mapping[str, str] = {
    "attention": (
        "What is this? Before they are put together, each kind of data is read in the light of the others. α says how "
        "much of what a row carries on was taken from each column; a row adds up to 100 %. It is a recipe for mixing, "
        "not a list of reasons."
    ),
    "graph": (
        "What is this? The model compares its summaries of the modalities and lets those that look alike exchange what "
        "they carry. Alike means alike to the model, which need not be alike to a clinician."
    ),
    "gates": (
        "What is this? After the mixing, each modality meets a gate: 1 lets everything through, 0 nothing. Several "
        "gates may be wide open at once."
    ),
    "weights": (
        "What is this? What came through the gates is averaged with these weights into one summary of the patient. A "
        "large weight on a summary that says little still moves little."
    ),
    "split": (
        "What is this? Log-odds are the scale on which the model adds up: 0 is 50 %, each step of about 0.7 doubles or "
        "halves the odds. The parts here are exact and add up to the estimate."
    ),
}
FOLLOW = "Follow one modality through all steps"
HELP_FOLLOW = (
    "It stands out in every chart below, the others fade. A bar or a circle can be clicked as well, a second click "
    "lets go."
)
NOBODY = "None"
LEADING = "Who comes first in each step. Choose a modality to follow it from step to step."
NOTHING = (
    "Nothing was recorded, so there is nothing to mix: the estimate is how often the outcome occurred in training."
)
ABSENT = "{} was followed before; this record does not have it."
