"""The words of the Data page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FIRST = (
    "**New here?** The sample cohort is open already: go to Patient. To look at records of your own, open their folder "
    "by its path, or drag the files in below. They stay on the computer that runs this program."
)
OPEN = "Records on the computer that runs this program. They are read where they lie; nothing is copied or changed."
DRAG = (
    "Files from the computer in front of you. They go into a private folder that only this session sees, and that is "
    "removed when the session ends."
)
NOTHING_UPLOADED = (
    "Drag in one record or many: both files of a WFDB record (.hea and .dat), Challenge 2012 stays (.txt), CSV files "
    "of waveforms, MEDS Parquet files, or a zip of any of these."
)
HELP_ASK = "A question is what the model is asked: each needs its own kind of record."
VIEW_ONLY = "The signals can be viewed. They name no alarm: to ask the model, choose a moment on the Signals page."
REFUSED_WHOLE = "Nothing of this upload was kept; everything else is as before."
HEADER_MISSING = "A signal file (.dat) says nothing without its header: bring the .hea file of the same name as well."
CSV_ABOUT = (
    "Say what the columns of a CSV file are. The answer is written beside the file as NAME.csv.mapping.json, the file "
    "itself is not changed."
)
CSV_NONE = "There is no CSV file in the folder that is open. Drag one in above, or open a folder that holds one."
HELP_NU = (
    "NU: arbitrary units. The shape of the signal is known, its size is not. Choose it where nobody stated the unit: a "
    "wrong unit is worse than none."
)
HELP_TIME = (
    "Most files have a column of times. Where it is missing or written too coarsely, say how many rows there are a "
    "second."
)
TIMES: Mapping[str, str] = MappingProxyType({"column": "A column holds them", "rate": "So many rows a second"})
TIME_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "s": "seconds",
        "ms": "milliseconds",
        "us": "microseconds",
        "min": "minutes",
        "h": "hours",
        "clock": "clock times or dates (ISO 8601)",
    }
)
LEAVE = "leave"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        LEAVE: "Leave out",
        "ecg": "ECG",
        "abp": "Arterial pressure",
        "ppg": "PPG (plethysmogram)",
        "resp": "Respiration",
        "cvp": "Central venous pressure",
    }
)
FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "wfdb": "WFDB record",
        "challenge2012": "Challenge 2012 stay",
        "csv": "CSV waveforms",
        "meds": "MEDS stay",
    }
)
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "ecg": "ECG",
        "abp": "Arterial pressure",
        "ppg": "PPG",
        "resp": "Respiration",
        "cvp": "Central venous pressure",
        "numerics": "Monitor's numbers",
        "chart": "Charted values",
        "admission": "Stated on admission",
    }
)
EXAMPLES = """
The values in these examples are simulated.

**WFDB** (PhysioNet): a header `a1.hea` in text and its signal file `a1.dat`. A comment names the alarm, five minutes
into the record.
```
a1 2 250 75000
a1.dat 16 1000(0)/mV 16 0 12 0 0 II
a1.dat 16 100(0)/mmHg 16 0 8010 0 0 ABP
#Asystole
```
**Challenge 2012**: one text file for each ICU stay.
```
Time,Parameter,Value
00:00,RecordID,900001
00:00,Age,67
00:07,HR,88
```
**CSV waveforms**: one row for each sample, one column for each signal. Names such as II, ABP, PLETH and RESP are known;
a unit in brackets is read, and the rate follows from the times. Of other names you say below what they are. Beside
`x_Signals.csv`, the files `x_Numerics.csv` and `x_Fix.txt` belong to it.
```
Time [s],II [mV],ABP [mmHg]
0,0.12,81.4
0.004,0.13,81.9
```
**MEDS** (Parquet): one row for each event with `subject_id`, `time`, `code` and `numeric_value`, each ICU stay becoming
one record.
```
subject_id  time                 code                  numeric_value
1           2150-01-01 08:00:00  ICU_ADMISSION//MICU
1           2150-01-01 08:05:00  LAB//220045//bpm      88
```
"""
CSV_UNCLEAR = "the columns are not understood yet. Say what they are under 'Columns of a CSV file' below."
NO_RECORD = "Expected files in one of the formats listed above. Check that the whole record was brought."
NO_QUESTION = "No question of this program is about records of this kind."
NOT_SURVEYED = "How often each modality is missing appears once all records have been read."
NONE_ASKED = "None of these records can be asked yet; the Signals page shows what they hold."
CHOOSE_ONE = "Say of at least one column which signal it is."
