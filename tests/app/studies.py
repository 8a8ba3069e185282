"""What tests of the Agreement page share: a study, who takes part in it, and what they press."""

from __future__ import annotations

import re
from functools import cache

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from app import agreement_study, agreement_words, services
from app.agreement_study import Study
from app.rooms import Seat
from tests.app.screen import open_app, words

TASK = "icu_alarm"


@cache
def full_records() -> tuple[str, ...]:
    """Records of the sample cohort with ECG, both pulses and the alarm's type, no respiration."""
    wanted = {"ecg", "abp", "ppg", "alarm"}
    listed = services.listing(services.sample_folder(TASK), TASK)
    found = (services.prepared(listed, record_id) for record_id in listed.ids)
    return tuple(
        record_id
        for record_id, record in zip(listed.ids, found, strict=True)
        if {m for m in record.values if record.present(m)} == wanted
    )


def started(count: int = 2, task: str = TASK) -> tuple[AppTest, Study, str]:
    """A leader's page with a study of so many drawn records, the study, and the leader's key."""
    at = open_app("agreement", task=task)
    at.number_input(key="w_agreement_count").set_value(count).run()
    at.button(key="agreement_start").click().run()
    seat: Seat = at.session_state["seat:agreement"]
    assert seat.key is not None
    return at, agreement_study.find(seat.code), seat.key


def joined(study: Study) -> AppTest:
    at = open_app("agreement")
    at.text_input(key="w_agreement_code").set_value(study.code.lower()).run()
    return at.button(key="agreement_join").click().run()


def me(at: AppTest) -> str:
    found: Seat = at.session_state["seat:agreement"]
    assert found.participant is not None
    return found.participant


def record_of(at: AppTest) -> str:
    found = re.search(r"<strong>Record (\w+)</strong>", words(at))
    assert found
    return found[1]


def place(at: AppTest, places: dict[str, int | None]) -> None:
    for name, where in places.items():
        control = next(c for c in at.segmented_control if str(c.key).endswith(f":{name}"))
        control.set_value(where).run()


def commit_button(at: AppTest) -> Button:
    return next(b for b in at.button if b.label == agreement_words.COMMIT)


def commit(at: AppTest) -> None:
    commit_button(at).click().run()


def asked_for(at: AppTest) -> list[str]:
    return [str(c.key).rpartition(":")[2] for c in at.segmented_control if str(c.key).startswith("w_place:")]


def rank_all(at: AppTest, reverse: bool = False) -> None:
    """Every record in the order of the schema, or the other way round, up to the results."""
    while not any(b.key == "agreement_results" for b in at.button):
        names = asked_for(at)
        places = range(len(names), 0, -1) if reverse else range(1, len(names) + 1)
        place(at, dict(zip(names, places, strict=True)))
        commit(at)
        if not any(b.key == "agreement_results" for b in at.button):
            at.button(key="agreement_next").click().run()
    at.button(key="agreement_results").click().run()


def one_study(records: tuple[str, ...], task: str = TASK) -> Study:
    """A study of these sample records, started without a page."""
    listed = services.listing(services.sample_folder(task), task)
    drawn = agreement_study.pick(listed, records, lambda _: None)
    return agreement_study.find(agreement_study.begin(listed, drawn).room.code)
