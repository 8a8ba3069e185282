"""Words of the Signals page."""

from __future__ import annotations

NO_WAVEFORM = "This record holds charted values and no waveform. They are drawn on the Patient page."
NOT_ANSWERED = "The model has no answer for this recording; it can be looked at all the same."
HELP_LENGTH = (
    "Up to 30 s fit on calibrated paper. Longer windows are drawn at overview scale: the whole window in the width of "
    "a screen, time compressed, the smallest and the largest value of every short stretch kept."
)
HELP_START = "Elapsed time from the start of the recording, such as 1:02:03 or 125.5 (seconds)."
HELP_BEATS = (
    "R peaks (R), found by an algorithm and confirmed by nobody, with P and T where the rhythm is even, narrow and "
    "below 130 bpm. They stand in a row below the lead, so that the trace stays as it was recorded. What has not the "
    "height of a beat in this lead is not marked; nor is a wide fast or a chaotic rhythm, nor what is shaded: the line "
    "above the leads says from when to when."
)
HELP_ANNOTATIONS = "Marks from annotation files beside the recording, as others left them; point at one to read it."
HELP_CALIPERS = (
    "Two lines for time (blue) and two for amplitude (violet). Drag them by their dots, or choose one with the Tab key "
    "and move it with the arrow keys; with Shift ten times as far. Amplitude is read in the lead that the lines lie on."
)
HELP_ATTRIBUTION = (
    "What each stretch of the signal did to the estimate, by Integrated Gradients, behind the trace and in a row below "
    "it. Other methods, and how far to trust them, are on the Attribution page."
)
HELP_QUALITY = (
    "Judged from the signal alone: lead off (nothing recorded), flat line, at the limit of the recorder, noise. What "
    "is shaded is drawn as it was recorded, and is to be read with care."
)
HELP_ASK = (
    "The model judges whether an alarm was true, from the 16 s before it and the type of the alarm. Here you tell it "
    "that such an alarm sounded at a moment that you choose. All pages then answer for that moment."
)
NOT_CLOCK = "“{text}” is no time. Write hours:minutes:seconds, such as 0:02:05, or seconds, such as 125."
OUTSIDE = "The recording runs from 00:00:00 to {end}: choose a moment within it."
READING = "The whole recording is being read, once; windows up to 5 min can be used meanwhile."
JUDGING = "Signal quality of the whole recording is being judged; everything can be used meanwhile."
MANY_MARKS = "{count:,} annotations in this window: too many to draw. Shorten it to see them."
BEATS_SHORT = "Beats are looked for in windows up to {seconds:.0f} s."
NO_TYPE = "Choose the type"
TYPE_WANTED = "Choose the type of the alarm: the model's answer depends on it."
UNCALIBRATED = (
    "{leads}: the amplitude is not calibrated, and millivolts cannot be read from it. The model was trained on "
    "millivolts: its answer was tested on no such recording."
)
ALARM_TYPE, MOMENT = "Type of alarm", "Moment of the alarm (hours:minutes:seconds)"
WINDOW_END = "the end of the window above"
