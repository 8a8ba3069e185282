"""The 32 alarm records as a table: what happened to each simulated patient, and what the monitor made of it."""

from __future__ import annotations

from dataclasses import dataclass

ALARM_S = 300.0
ASYSTOLE, BRADYCARDIA, TACHYCARDIA = "Asystole", "Bradycardia", "Tachycardia"
FIBRILLATION, VENTRICULAR_TACHYCARDIA = "Ventricular_Flutter_Fib", "Ventricular_Tachycardia"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of rhythm in [start, stop) seconds. kind: arrest | block | slow | escape | fast | vt | vf."""

    kind: str
    start: float
    stop: float
    cause: str
    bpm: float = 0.0
    end_bpm: float | None = None
    order: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A disturbance of one channel in [start, stop) seconds; `cause` is set where it is what raised the alarm."""

    kind: str
    channel: str
    start: float
    stop: float
    size: float = 1.0
    hz: float = 0.0
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One record. `channels` after the two ECG leads are any of ABP, PLETH, RESP."""

    record: str
    alarm: str
    is_true: bool
    name: str
    bpm: float
    channels: tuple[str, ...]
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    rhythm: str = "sinus"
    seconds: float = 300.0
    millivolt: float = 1.0
    t_wave: float = 1.0
    qrs_width: float = 1.0
    pressure: tuple[float, float] = (122.0, 62.0)
    ectopics: int = 0
    leads: tuple[str, str] = ("II", "V")

    @property
    def cause(self) -> str:
        """The causes in one sentence each, without repetition."""
        items: tuple[Event | Fault, ...] = (*self.events, *self.faults)
        causes = [item.cause for item in items if item.cause]
        return "; ".join(dict.fromkeys(causes))


def _both(kind: str, start: float, stop: float, cause: str, size: float = 1.0, hz: float = 0.0) -> tuple[Fault, Fault]:
    return Fault(kind, "II", start, stop, size, hz, cause), Fault(kind, "V", start, stop, 0.8 * size, hz, cause)


# fmt: off
TRUE_ALARMS = (
    Scenario(
        "sim_a001", ASYSTOLE, True, "sinus arrest", 92, ("ABP", "RESP"), pressure=(108, 58),
        events=(Event("arrest", 294.6, 309.0, "sinus arrest: no heart beat"),),
    ),
    Scenario(
        "sim_a002", ASYSTOLE, True, "ventricular standstill in complete heart block", 76, ("PLETH", "RESP"),
        events=(Event("block", 293.9, 306.0, "P waves without any ventricular beat"),), seconds=330, millivolt=0.8,
    ),
    Scenario(
        "sim_a003", ASYSTOLE, True, "bradycardia running into asystole", 62, ("PLETH", "ABP"), pressure=(96, 48),
        events=(
            Event("escape", 277.0, 293.4, "slow escape rhythm before the arrest", bpm=48, end_bpm=33),
            Event("arrest", 293.4, 312.0, "asystole: no heart beat"),
        ),
    ),
    Scenario(
        "sim_b001", BRADYCARDIA, True, "sinus bradycardia", 52, ("PLETH", "ABP"), pressure=(118, 52),
        events=(Event("slow", 282.0, 330.0, "sinus rate below 40/min", bpm=38, end_bpm=33),), seconds=330,
    ),
    Scenario(
        "sim_b002", BRADYCARDIA, True, "junctional escape after a pause", 74, ("PLETH", "RESP"), millivolt=0.9,
        events=(Event("escape", 287.2, 300.0, "junctional escape rhythm below 40/min", bpm=31),),
    ),
    Scenario(
        "sim_b003", BRADYCARDIA, True, "complete heart block", 84, ("ABP", "RESP"), pressure=(134, 56), millivolt=1.2,
        events=(
            Event("block", 284.4, 300.0, ""),
            Event("escape", 285.8, 300.0, "ventricular escape below 40/min, unrelated to the P waves", bpm=34),
        ),
    ),
    Scenario(
        "sim_t001", TACHYCARDIA, True, "supraventricular tachycardia of sudden onset", 88, ("PLETH", "ABP"),
        events=(Event("fast", 289.3, 300.0, "supraventricular tachycardia at 172/min", bpm=172),), pressure=(112, 64),
    ),
    Scenario(
        "sim_t002", TACHYCARDIA, True, "atrial fibrillation with fast conduction", 118, ("PLETH", "RESP"), rhythm="af",
        events=(Event("fast", 283.0, 330.0, "atrial fibrillation conducted at 158/min", bpm=158),), seconds=330,
    ),
    Scenario(
        "sim_t003", TACHYCARDIA, True, "sinus tachycardia crossing the limit", 132, ("PLETH",), millivolt=0.8,
        events=(Event("fast", 262.0, 300.0, "sinus tachycardia rising past 140/min", bpm=139, end_bpm=150),),
    ),
    Scenario(
        "sim_t004", TACHYCARDIA, True, "atrial flutter with 2:1 conduction", 104, (), millivolt=0.9,
        events=(Event("fast", 286.5, 300.0, "regular narrow tachycardia at 151/min", bpm=151),),
    ),
    Scenario(
        "sim_t005", TACHYCARDIA, True, "tachycardia in shock", 134, ("ABP", "RESP"), pressure=(86, 46),
        events=(Event("fast", 268.0, 300.0, "sinus tachycardia past 140/min with a weak pulse", bpm=138, end_bpm=156),),
    ),
    Scenario(
        "sim_f001", FIBRILLATION, True, "coarse ventricular fibrillation", 96, ("PLETH", "ABP"), pressure=(104, 56),
        events=(Event("vf", 290.8, 330.0, "ventricular fibrillation, pulse lost", bpm=5.2),), ectopics=9, seconds=330,
    ),
    Scenario(
        "sim_f002", FIBRILLATION, True, "tachycardia degenerating into ventricular flutter", 84, ("ABP", "RESP"),
        events=(
            Event("vt", 287.0, 291.0, "ventricular tachycardia before the flutter", bpm=188),
            Event("vf", 291.0, 300.0, "ventricular flutter, pulse lost", bpm=4.6, order=0.75),
        ),
        ectopics=6,
    ),
    Scenario(
        "sim_v001", VENTRICULAR_TACHYCARDIA, True, "monomorphic run of wide beats", 78, ("PLETH", "ABP"),
        events=(Event("vt", 295.1, 299.2, "run of wide beats at 138/min", bpm=138),), ectopics=5,
    ),
    Scenario(
        "sim_v002", VENTRICULAR_TACHYCARDIA, True, "sustained ventricular tachycardia", 94, ("ABP", "RESP"),
        events=(Event("vt", 291.6, 330.0, "ventricular tachycardia at 164/min, weak pulse", bpm=164),), seconds=330,
        pressure=(116, 60),
    ),
    Scenario(
        "sim_v003", VENTRICULAR_TACHYCARDIA, True, "run of seven beats among extrasystoles", 88, ("PLETH", "RESP"),
        events=(Event("vt", 296.0, 299.3, "run of wide beats at 126/min", bpm=126),), ectopics=14, millivolt=0.8,
    ),
)

FALSE_ALARMS = (
    Scenario(
        "sim_a004", ASYSTOLE, False, "both leads off", 84, ("PLETH", "ABP"),
        faults=_both("lead_off", 294.0, 330.0, "electrodes off: flat line while the pulse goes on", 0.004), seconds=330,
    ),
    Scenario(
        "sim_a005", ASYSTOLE, False, "faint ECG after drying of the electrodes", 104, ("ABP", "RESP"),
        faults=_both("faint", 288.5, 300.0, "QRS too small for the detector while the pulse goes on", 0.1),
    ),
    Scenario(
        "sim_a006", ASYSTOLE, False, "broken lead wire", 92, ("PLETH",), millivolt=0.7,
        faults=_both("jumps", 287.5, 299.6, "broken lead wire: leaps and flat stretches hide the QRS", 1.6),
    ),
    Scenario(
        "sim_a007", ASYSTOLE, False, "one lead off, the other beating", 72, (),
        faults=(Fault("lead_off", "II", 293.2, 300.0, 0.003, 0.0, "electrode of lead II off; lead V goes on beating"),),
    ),
    Scenario(
        "sim_b004", BRADYCARDIA, False, "missed beats of low amplitude", 80, ("PLETH", "RESP"), millivolt=0.5,
        faults=(
            *_both("faint", 281.0, 300.0, "shrunken QRS counted only now and then", 0.22),
            *_both("wander", 284.0, 299.5, "", 0.25),
        ),
    ),
    Scenario(
        "sim_b005", BRADYCARDIA, False, "artefact hides the beats", 96, ("PLETH", "ABP"), pressure=(128, 68),
        faults=(
            *_both("motion", 285.5, 296.5, "electrode motion hides the QRS; pressure shows the true rate", 1.1),
            Fault("lead_off", "V", 296.0, 300.0, 0.004, 0.0, "electrode of lead V off"),
        ),
    ),
    Scenario(
        "sim_t006", TACHYCARDIA, False, "tall T waves counted twice", 82, ("ABP", "RESP"), t_wave=3.6, millivolt=0.6,
        faults=(Fault("muscle", "V", 240.0, 300.0, 0.05, 0.0, ""),),
        events=(Event("slow", 255.0, 300.0, "T waves counted as beats: the pulse runs at half the counted rate", 83),),
    ),
    Scenario(
        "sim_f003", FIBRILLATION, False, "percussion of the chest at 5 Hz", 86, ("PLETH", "ABP"),
        faults=_both("shaking", 289.0, 299.6, "chest physiotherapy shakes both leads; the pulse goes on", 0.8, 5.0),
    ),
    Scenario(
        "sim_f004", FIBRILLATION, False, "mains interference saturates the amplifier", 78, ("ABP", "RESP"),
        faults=_both("mains", 290.5, 300.0, "50 Hz mains interference drives both leads to the rails", 9.0, 50.0),
    ),
    Scenario(
        "sim_f005", FIBRILLATION, False, "scratching at the electrode", 98, ("PLETH", "RESP"),
        faults=(
            Fault("shaking", "II", 288.0, 300.0, 1.2, 4.2, "scratching at the electrode of lead II; lead V clean"),
            Fault("probe_motion", "PLETH", 291.0, 294.0, 0.5),
        ),
    ),
    Scenario(
        "sim_f006", FIBRILLATION, False, "patient turned, damped arterial line", 90, ("ABP",), pressure=(130, 66),
        faults=(
            *_both("motion", 286.0, 299.5, "turning the patient tugs at the electrodes", 1.5),
            Fault("damped", "ABP", 278.0, 300.0, 0.3, 0.0, "arterial line damped: small pulse, steady mean pressure"),
        ),
    ),
    Scenario(
        "sim_v004", VENTRICULAR_TACHYCARDIA, False, "tooth brushing", 88, ("PLETH", "RESP"),
        faults=(
            Fault("shaking", "V", 291.5, 299.0, 1.3, 3.1, "tooth brushing moves electrode V; lead II is regular"),
            Fault("motion", "II", 292.0, 297.5, 0.35),
        ),
    ),
    Scenario(
        "sim_v005", VENTRICULAR_TACHYCARDIA, False, "electrode motion in both leads", 102, ("PLETH", "ABP"),
        faults=(
            *_both("motion", 294.0, 299.4, "electrode motion looks like wide beats; the pulse is unchanged", 1.5),
            Fault("probe_motion", "PLETH", 294.5, 299.0, 0.6),
        ),
        seconds=330,
    ),
    Scenario(
        "sim_v006", VENTRICULAR_TACHYCARDIA, False, "aberrant conduction below 100/min", 92, ("PLETH", "RESP"),
        qrs_width=2.1, faults=_both("wander", 290.0, 299.0, "wide regular beats, 92/min, on a swinging baseline", 0.35),
    ),
    Scenario(
        "sim_v007", VENTRICULAR_TACHYCARDIA, False, "shivering", 110, ("ABP", "RESP"), pressure=(138, 72),
        faults=(
            *_both("muscle", 286.0, 300.0, "shivering counted as beats; the pressure pulse is regular", 0.33),
            *_both("wander", 293.0, 299.0, "", 0.4),
            Fault("flush", "ABP", 262.0, 263.2),
        ),
    ),
    Scenario(
        "sim_v008", VENTRICULAR_TACHYCARDIA, False, "tugging at one lead, ECG alone", 76, (), ectopics=3,
        faults=(Fault("motion", "II", 293.5, 299.0, 1.7, 0.0, "tugging at lead II; lead V narrow and regular"),),
    ),
)
# fmt: on

SCENARIOS = TRUE_ALARMS + FALSE_ALARMS
