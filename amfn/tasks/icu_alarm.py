"""True or false bedside alarm from what came before it (PhysioNet/CinC Challenge 2015, Clifford et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from amfn.tasks.base import Task, Wording, absent
from amfn.types import Alarm, Channel, Finding, InputError, ModalitySpec, Record, RecordMeta, Schema

RATE_HZ = 125.0
WINDOW_S = 16.0
CONTEXT_S = 300.0
MINIMUM_S = 8.0
ALARMS: Mapping[str, str] = {
    "Asystole": "Asystole",
    "Bradycardia": "Extreme bradycardia",
    "Tachycardia": "Extreme tachycardia",
    "Ventricular_Tachycardia": "Ventricular tachycardia",
    "Ventricular_Flutter_Fib": "Ventricular flutter or fibrillation",
}
# A true alarm missed weighs five times a false one kept: keeping an alarm pays from a chance of 1 / 6 on. The score is
# a ratio, so its own optimum lies a little higher; this threshold is fixed beforehand and tuned on no data.
MISS_COST = 5
THRESHOLD = 1 / (1 + MISS_COST)
UNITS = {"mV": "millivolts", "mmHg": "mmHg"}
LEAD_ORDER = ("II", "V", "I", "III", "MCL", "MCL1", "aVR", "aVL", "aVF")


def _schema() -> Schema:
    steps = int(WINDOW_S * RATE_HZ)
    leads = tuple(Channel(f"lead_{k}", "mV", -10, 10, label=f"ECG lead {k}") for k in (1, 2))
    return Schema(
        "icu_alarm",
        (
            ModalitySpec("ecg", "waveform", leads, RATE_HZ, "ECG", steps),
            ModalitySpec(
                "abp", "waveform", (Channel("abp", "mmHg", -50, 350, label="ABP"),), RATE_HZ, "Arterial pressure", steps
            ),
            ModalitySpec("ppg", "waveform", (Channel("ppg", "NU", -50, 50, label="PPG"),), RATE_HZ, "PPG", steps),
            ModalitySpec(
                "resp", "waveform", (Channel("resp", "NU", -50, 50, label="RESP"),), RATE_HZ, "Respiration", steps
            ),
            ModalitySpec(
                "alarm",
                "static",
                tuple(Channel(kind, "", 0, 1, label=title, flag=True) for kind, title in ALARMS.items()),
                label="Alarm type",
            ),
        ),
        ("true_alarm",),
    )


def resample(values: np.ndarray, from_hz: float) -> np.ndarray:
    """f32[T, C] at `from_hz` -> f32[T', C] at 125 Hz; polyphase anti-aliasing filter, gaps (NaN) stay gaps."""
    ratio = Fraction(RATE_HZ / from_hz).limit_denominator(1000)
    if ratio == 1:
        return values
    # Imported where it is used: it takes half a second, and the first screen should not wait for it.
    from scipy.signal import resample_poly

    steps = int(np.ceil(len(values) * ratio.numerator / ratio.denominator))
    nearest = np.minimum((np.arange(steps) / float(ratio)).round().astype(int), len(values) - 1)
    out = np.full((steps, values.shape[1]), np.nan, np.float32)
    for c in range(values.shape[1]):
        column = values[:, c]
        seen = ~np.isnan(column)
        if not seen.any():
            continue
        at = np.arange(len(column))
        bridged = np.interp(at, at[seen], column[seen])
        # Constant end extension: only known samples shape the last ones, nothing behind the alarm leaks in.
        smooth = resample_poly(bridged, ratio.numerator, ratio.denominator, padtype="edge")[:steps]
        out[:, c] = np.where(seen[nearest], smooth, np.nan)
    return out


class ICUAlarm(Task):
    name = "icu_alarm"
    reads = ("ecg", "abp", "ppg", "resp")
    schema = _schema()
    wording = Wording(
        title="ICU alarm",
        event="the alarm being true",
        positive="True alarm",
        negative="False alarm",
        group="Alarm type",
    )
    citation = (
        "Clifford GD, Silva I, Moody B, et al. The PhysioNet/Computing in Cardiology Challenge 2015: reducing false "
        "arrhythmia alarms in the ICU. Computing in Cardiology 2015;42:273-276. Data: PhysioNet, Open Data Commons "
        "Attribution License v1.0."
    )

    def prepare(self, record: Record) -> Record:
        """Window the 16 s before the alarm at 125 Hz; nothing at or after the alarm is read, not even by a filter.

        meta.context holds the median and half the 5-95 % range of each channel over the up to 300 s before the alarm.
        """
        self.require(record)
        alarm = self._alarm(record)
        channels: dict[str, tuple[Channel, ...]] = {}
        values: dict[str, np.ndarray] = {}
        context: dict[str, np.ndarray] = {}
        findings = list(record.meta.findings)
        for spec in self.schema.modalities[:-1]:
            values[spec.name] = absent(spec.steps, len(spec.channels))[0]
            context[spec.name] = np.full((2, len(spec.channels)), np.nan, np.float32)
            channels[spec.name] = spec.channels
            if not record.present(spec.name):
                continue
            rate = self._rate(record, spec.name)
            past = self._before(record, spec.name, alarm, rate)
            picked, dropped = self._pick(record, spec, past)
            if dropped:
                findings.append(Finding(spec.name, f"the model reads {len(spec.channels)}; not read: {dropped}"))
            findings += _of_another_unit(spec, [record.channels[spec.name][p] for p in picked])
            channels[spec.name] = (
                tuple(
                    replace(slot, label=record.channels[spec.name][p].title)
                    for slot, p in zip(spec.channels, picked, strict=False)
                )
                + spec.channels[len(picked) :]
            )
            past = past[-round(CONTEXT_S * rate) :, picked]
            for c in range(len(picked)):
                context[spec.name][:, c] = centre_spread(past[:, c])
            window = resample(past[-round(WINDOW_S * rate) :], rate)[-spec.steps :]
            values[spec.name][spec.steps - len(window) :, : len(picked)] = window
        alarm_row = np.array([[float(alarm.kind == kind) for kind in ALARMS]], np.float32)
        values["alarm"], channels["alarm"] = alarm_row, self.schema.modality("alarm").channels
        observed = {m: ~np.isnan(v) for m, v in values.items()}
        self._enough(record, observed)
        grid = alarm.hours + (np.arange(-self.schema.modalities[0].steps, 0) / RATE_HZ) / 3600
        return replace(
            record,
            channels=channels,
            values=values,
            observed=observed,
            hours={m: grid if m != "alarm" else np.array([alarm.hours]) for m in values},
            meta=replace(record.meta, findings=tuple(findings), context=context, alarm=alarm),
        )

    def unfold(
        self, record: Record, seconds: int = 30, alarm_known: bool = False
    ) -> tuple[np.ndarray, tuple[Record, ...]]:
        """A window ending every second from `seconds` before the alarm up to it; centre and spread too are taken from
        what came before that second. A moment by which too little signal had come is left out.

        The type of the alarm is known when it sounds and not before: until then the modality is missing, and the model
        is asked whether an alarm of whatever type would be true. The last step is therefore partly the type's news.
        alarm_known: ask instead what it would have said had this same alarm sounded at that second.
        """
        if seconds < 0:
            raise InputError("seconds", f"{seconds}", "0 or more before the alarm", "Correct the stretch.")
        whole = self.prepare(record)
        alarm = self._alarm(record)
        times, known = [], []
        for before in range(seconds, 0, -1):
            hours = alarm.hours - before / 3600
            try:
                # What stands at or behind an alarm is never read: an earlier alarm is an earlier end.
                prepared = self.prepare(replace(record, meta=replace(record.meta, alarm=Alarm(alarm.kind, hours))))
            except InputError:
                # The whole record passed: what this moment lacks is signal.
                continue
            times.append(hours)
            known.append(replace(prepared if alarm_known else _untyped(prepared), meta=_silent(prepared, alarm_known)))
        return np.array([*times, alarm.hours]), (*known, whole)

    def _alarm(self, record: Record) -> Alarm:
        alarm = record.meta.alarm
        if alarm is None or alarm.kind not in ALARMS:
            raise InputError(
                record.source,
                f"the record names {'no alarm' if alarm is None else f'an alarm {alarm.kind!r}'}",
                f"an alarm type ({', '.join(ALARMS)}) in the header's comments or in a file ALARMS beside it",
                "Choose a record with an alarm; if one did sound in this record, name it on the command line with "
                "--alarm-type and --alarm-at SECONDS.",
            )
        return alarm

    def _enough(self, record: Record, observed: Mapping[str, np.ndarray]) -> None:
        longest = max(float(observed[m].any(1).sum()) / RATE_HZ for m in self.reads)
        if longest < MINIMUM_S:
            raise InputError(
                record.source,
                f"only {longest:.1f} s of signal before the alarm",
                f"at least {MINIMUM_S:.0f} s of one signal in the {WINDOW_S:.0f} s before the alarm",
                "Check when the alarm sounded and how long the record is.",
            )

    @staticmethod
    def _before(record: Record, modality: str, alarm: Alarm, rate: float) -> np.ndarray:
        """The samples before the alarm, f32[T, C]; where the record ends earlier, NaN up to the alarm."""
        hours = record.hours[modality]
        past = record.values[modality][hours < alarm.hours - 1e-9]
        lacking = (alarm.hours - hours[-1]) * 3600 * rate - 1
        if lacking < 0.5:
            return past
        gap = np.full((min(round(lacking), round(CONTEXT_S * rate)), past.shape[1]), np.nan, np.float32)
        return np.concatenate([past, gap])

    @staticmethod
    def _rate(record: Record, modality: str) -> float:
        hours = record.hours[modality]
        return (len(hours) - 1) / ((hours[-1] - hours[0]) * 3600) if len(hours) > 1 else RATE_HZ

    @staticmethod
    def _pick(record: Record, spec: ModalitySpec, past: np.ndarray) -> tuple[list[int], str]:
        """Column numbers that fill the spec's slots, of those with a sample before the alarm: preferred leads first;
        and the names of those left out."""
        titles = [c.title for c in record.channels[spec.name]]
        rank = {name: k for k, name in enumerate(LEAD_ORDER)}
        order = sorted(range(len(titles)), key=lambda k: (rank.get(titles[k], len(rank)), k))
        order = [k for k in order if not np.isnan(past[:, k]).all()]
        slots = len(spec.channels)
        return order[:slots], ", ".join(titles[k] for k in order[slots:])

    preprocessing = (
        "Resampled to 125 Hz with an anti-aliasing filter. The 16 s before the alarm are read; nothing at or after it. "
        "ECG, PPG and respiration: minus the record's own median, over half its 5-95 % range in the up to 300 s before "
        "the alarm; arterial pressure: z-scores of the training records. Gaps are bridged by nothing: missing samples "
        "are marked as such and stand at the zero of that scale."
    )

    def group(self, record: Record) -> str:
        return ALARMS.get(record.meta.alarm.kind, "unknown") if record.meta.alarm else "unknown"

    def subgroups(self, values: Mapping[str, np.ndarray]) -> Mapping[str, Sequence[str]]:
        flags = values["alarm"][:, 0]
        titles = list(ALARMS.values())
        return {self.wording.group: [titles[int(row.argmax())] for row in flags]}

    def official_score(self, labels: np.ndarray, probabilities: np.ndarray) -> Mapping[str, float]:
        """(TP + TN) / (TP + TN + FP + 5 FN) at probability 1/6, with the true-positive and true-negative rates."""
        called, true = probabilities >= THRESHOLD, labels > 0.5
        tp, tn = int((called & true).sum()), int((~called & ~true).sum())
        fp, fn = int((called & ~true).sum()), int((~called & true).sum())
        return {
            "challenge_score": (tp + tn) / (tp + tn + fp + MISS_COST * fn),
            "true_positive_rate": tp / (tp + fn) if tp + fn else float("nan"),
            "true_negative_rate": tn / (tn + fp) if tn + fp else float("nan"),
        }


def _of_another_unit(spec: ModalitySpec, read: Sequence[Channel]) -> list[Finding]:
    """A warning for each channel that has not the physical unit of its slot; what is in "NU" there has no scale."""
    return [
        Finding(
            channel.title,
            f"is in {channel.unit or 'no known unit'}; the model was trained on {UNITS[slot.unit]}: its answer was "
            "tested on no such recording",
            severity="warning",
        )
        for slot, channel in zip(spec.channels, read, strict=False)
        if slot.unit in UNITS and channel.unit != slot.unit
    ]


def _untyped(prepared: Record) -> Record:
    """The same without the alarm's type."""
    values, observed = absent(1, len(ALARMS))
    return replace(
        prepared, values={**prepared.values, "alarm": values}, observed={**prepared.observed, "alarm": observed}
    )


def _silent(prepared: Record, alarm_known: bool) -> RecordMeta:
    """Without findings, and without the alarm unless it is taken as known."""
    return replace(prepared.meta, findings=(), alarm=prepared.meta.alarm if alarm_known else None)


def centre_spread(values: np.ndarray) -> tuple[float, float]:
    """Median and half the 5-95 % range of what was observed; NaN where nothing was."""
    seen = values[~np.isnan(values)]
    if not len(seen):
        return float("nan"), float("nan")
    low, middle, high = np.percentile(seen, (5, 50, 95))
    return float(middle), float(high - low) / 2
