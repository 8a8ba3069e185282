"""Clinical tasks by name. A new task is one file beside these and one entry here."""

from __future__ import annotations

from collections.abc import Mapping

from amfn.tasks.base import Task, Wording
from amfn.tasks.icu_alarm import ICUAlarm
from amfn.tasks.icu_mortality import ICUMortality
from amfn.tasks.vitals_forecast import VitalsForecast
from amfn.types import InputError

TASKS: Mapping[str, Task] = {task.name: task for task in (ICUMortality(), ICUAlarm(), VitalsForecast())}


def get_task(name: str) -> Task:
    """The task of this name. Raises InputError naming the known ones."""
    if name not in TASKS:
        raise InputError("task", f"{name!r} is not a task", f"one of {', '.join(TASKS)}", "Correct the name.")
    return TASKS[name]


__all__ = ["TASKS", "Task", "Wording", "get_task"]
