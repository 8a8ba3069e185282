"""A class of simulated learners against the real running dashboard: how long an answer takes until it is acknowledged.

Every learner is a session of their own that joins by the room's link, follows the teacher's steps, asks for its
refreshing parts as a browser does, and sends estimates through the page's own form. Timed: from sending the form to the
page saying that the answer was kept, which it says of what stands in the store. Afterwards the store is counted.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Sequence

from app.teaching_words import KEPT_WAITING
from benchmarks.browser import dashboard
from benchmarks.rows import Row, shown, table
from benchmarks.streamlit_client import Session
from store import Store

LEARNERS, WINDOW_S, START_S, SEED = 50, 10.0, 60.0, 0
LESSON = "6-over-reliance"
ROUNDS = ((2, "Commit"), (3, "Keep this"), (4, "Commit"), (5, "Keep this"), (6, "Commit"), (7, "Keep this"))
"""Steps of the lesson counted from 1, and the button that sends an answer there."""
TOGETHER = (8, "Commit")
"""The step at which everybody presses in the same moment."""


def rows(learners: int = LEARNERS) -> list[Row]:
    """The figures of one class on a fresh server and store."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.db"
        with dashboard({"DATABASE_URL": url}) as (address, _):
            spread, burst, turns, code = asyncio.run(_class(address, learners))
        store = Store.open(url)
        kept = len(store.answers(code))
        store.close()
    sent = len(spread) + len(burst)
    return [
        _row(f"Class of {learners}: an answer to its acknowledgement, within {WINDOW_S:g} s, p50", spread, 0.5),
        _row(f"Class of {learners}: the same, p95", spread, 0.95, "500 ms"),
        _row(f"Class of {learners}: all in the same moment, p95", burst, 0.95),
        _row(f"Class of {learners}: the teacher's next step until a learner sees it, p95", turns, 0.95),
        Row(f"Class of {learners}: answers sent and answers in the store", f"{sent} and {kept}", "equal"),
    ]


def _row(what: str, taken: Sequence[float], share: float, target: str = "") -> Row:
    at = statistics.quantiles(taken, n=100, method="inclusive")[round(100 * share) - 1]
    return Row(what, shown(at), target, len(taken))


async def _class(address: str, learners: int) -> tuple[list[float], list[float], list[float], str]:
    """Seconds of every answer sent within a window, and of those sent at once; of every turn; the room's code."""
    await _healthy(address)
    draw = random.Random(SEED)
    teacher = Session(address, "teaching", f"lesson={LESSON}")
    await teacher.open()
    await teacher.press("Lead a class")
    await teacher.until(lambda: teacher.has("Next") and "room=" in teacher.query)
    code = teacher.query.partition("room=")[2].partition("&")[0]
    people = [Session(address, "teaching", f"room={code}") for _ in range(learners)]
    for person in people:
        await person.open()
        await person.press("Join this room")
        await person.until(lambda person=person: person.shows("step 1 of"))  # type: ignore[misc]
    spread: list[float] = []
    turns: list[float] = []
    for step, button in ROUNDS:
        turns += await _turn(teacher, people, step)
        spread += await asyncio.gather(*(_answer(p, button, draw.uniform(0, WINDOW_S), draw) for p in people))
    turns += await _turn(teacher, people, TOGETHER[0])
    burst = await asyncio.gather(*(_answer(p, TOGETHER[1], 0.0, draw) for p in people))
    for person in (*people, teacher):
        await person.close()
    return spread, burst, turns, code


async def _turn(teacher: Session, people: Sequence[Session], step: int) -> list[float]:
    """The teacher goes on; seconds until each learner's page says so."""
    began = time.perf_counter()
    await teacher.press("Next")

    async def seen(person: Session) -> float:
        await person.until(lambda: person.shows(f"step {step} of") and person.ready)
        return time.perf_counter() - began

    return await asyncio.gather(*(seen(person) for person in people))


async def _answer(person: Session, button: str, after: float, draw: random.Random) -> float:
    """Think, send an estimate, and wait until the page says that it was kept. Seconds from sending on."""
    estimate = float(draw.randint(0, 100))
    await asyncio.sleep(after)
    began = time.perf_counter()
    await person.press(button, {"How likely" if button == "Commit" else "Your final": estimate})
    await person.until(lambda: person.shows(f"Kept: **{estimate:g} %**") or person.shows(KEPT_WAITING))
    return time.perf_counter() - began


async def _healthy(address: str) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + START_S
    while True:
        first = Session(address, "teaching")
        try:
            await first.open()
            await first.close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    print(table(rows()))
