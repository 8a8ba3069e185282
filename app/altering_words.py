"""Words of the part of the What-if page that alters a record by hand, and of the one that goes back in time."""

from __future__ import annotations

ALTER = (
    "Change what was measured and see what the model says of that record. The record itself stays as it is, and "
    "everything altered is named below. Every modality is on here: what is switched off above does not count."
)
SWITCHES_APART = (
    "This part shows the record as read, and what is switched off of it: values that you alter stand further down, "
    "under “Alter the record”, and do not count here."
)
CROSSING_APART = "It starts from the record as read, with every modality on and no value altered."
WITH_VALUES = "With values altered"
REPORT_OF = "This report is of the record with values altered, and names each of them."
HELP_ALTER = (
    "Values can be changed within the physiological limits of each channel. Faults of a waveform are imitated: real "
    "ones look different from lead to lead and bed to bed. It shows how the model reacts, not how the patient would."
)
ONE, SHIFT, OUT = "One value", "Shift values", "Take values out"
NOISE, CUT, DAMP, FLAT = "Add noise", "Cut a lead or line", "Damp the pressure line", "Flat line"
HELP_WHAT: dict[str, str] = {
    ONE: "One charted value becomes another.",
    SHIFT: "Every value charted in a stretch of time is moved by the same amount.",
    OUT: "Values charted in a stretch of time become values that were not measured.",
    NOISE: "Noise is added to a lead, as strong as you say.",
    CUT: "A stretch of a lead or line becomes absent: nothing was measured there, which is not zero.",
    DAMP: "As by a bubble or a clot in the line: the pulse pressure shrinks around its mean and beats are rounded.",
    FLAT: "A stretch of a lead becomes one value, its median.",
}
CUT_LIKE: dict[str, str] = {
    "ecg": "As if the electrode had come off.",
    "abp": "As if the line had been disconnected from its transducer, or the transducer from the monitor.",
    "ppg": "As if the finger or ear sensor had come off.",
    "resp": "As if the electrodes or the belt had come off.",
}
CUT_LIKE_ANY = "As if its sensor had come off."
KINDS: dict[str, str] = {
    "white": "White noise",
    "mains 50": "Mains hum, 50 Hz",
    "mains 60": "Mains hum, 60 Hz",
    "wander": "Baseline wander",
    "motion": "Motion",
}
HELP_SNR = (
    "Signal-to-noise ratio: how much stronger the signal is than the noise in this stretch, in decibels of their "
    "variances. 20 dB: hardly visible; 6 dB: the noise has half the signal's height; 0 dB: both equally strong; below: "
    "the noise prevails."
)
HELP_SEED = "Noise is random. The same seed gives the same noise again."
HELP_STRENGTH = "How much of the pulse pressure (systolic less diastolic) is lost. At 100 % only the mean is left."
NONE_YET = "Nothing is altered yet: choose a change above and press Apply."
NOT_APPLIED = "Nothing was altered."
KEY_TRENDS = "● solid: as charted · ◆ dashed: as altered · ✕ taken out. Shaded: reference interval, where there is one."
KEY_WAVES = "Black, solid: as recorded. Violet, dashed: as altered. Hatched: cut. "
NOT_READ = (
    "The estimate has not moved at all: the model does not read what was altered, or not at that time. "
    "It reads {window}."
)
IMPOSSIBLE = (
    "**No patient can have these values together.** The model answers all the same; its answer says nothing of a real "
    "patient. Alter what belongs together by the same amount."
)
BEYOND = (
    "**The altered record leaves the range of the training records.** Of what it has never seen the model's answer is "
    "not to be trusted."
)
WITHIN = (
    "No single value leaves the range that training records keep. Still, no training record was altered by hand: "
    "values that do not go together may be new to the model."
)
NO_RANGE = (
    "This model has no stored report on its explanations, so whether the altered record leaves the range of its "
    "training records is not known."
)
EARLIER = (
    "What the model would have said with only what was known by then. It was trained on whole records: this is its "
    "answer to a record in which nothing more was measured. Neither switches nor altered values count here."
)
HELP_EARLIER = (
    "All moments are computed once, when you switch this on; then the slider only looks them up in your browser."
)
PRIOR = "Nothing was known yet: this is the model's prior."
ALL_KNOWN = "Everything was known: this is the whole record."
