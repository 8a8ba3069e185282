"""Addresses of the Teaching page: read, written, and what of them is passed on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.teaching_links import Place, invitation, link, parse, written

texts = st.text(max_size=30)


@given(st.builds(Place, texts, texts, texts, texts, st.booleans(), st.none() | st.integers(0, 999)))
def test_a_place_comes_back_from_its_address(place: Place) -> None:
    assert parse(written(place)) == place


def test_what_cannot_be_understood_counts_as_not_said() -> None:
    assert parse({"at": "-1", "view": "mirror", "task": "icu_alarm"}) == Place()
    assert parse({"at": "12345"}) == Place()
    assert parse({"at": "²"}) == Place()
    assert len(parse({"room": "x" * 999}).room) == 200


def test_an_invitation_holds_the_code_and_no_secret() -> None:
    page = "http://host/teaching?room=ABC&lead=secret"
    assert invitation(page, "K7MPQ2") == "http://host/teaching?room=K7MPQ2"
    assert link(page, Place(room="A B", me="m")) == "http://host/teaching?room=A+B&me=m"
