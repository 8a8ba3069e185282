"""Links: what an address holds, what it keeps to itself, and that it opens what was on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import links, services
from app.links import Link, parse, written
from tests.app.screen import go, ids, open_app, sample, words

names = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=20)
seconds = st.floats(0, 1e6, allow_nan=False).map(lambda value: float(f"{value:.12g}"))
STAY = "900005"


@given(
    st.builds(
        Link,
        task=st.none() | names,
        record=st.none() | names,
        alarm=st.none() | st.tuples(names, seconds.filter(bool)),
        model=st.none() | names,
        window=st.none() | st.tuples(seconds, seconds.filter(bool)),
        method=st.none() | names,
        baseline=st.none() | names,
        off=st.lists(names, max_size=4).map(tuple),
    )
)
def test_what_is_written_is_read_again(link: Link) -> None:
    assert parse(written(link)) == link


@given(
    st.dictionaries(st.sampled_from(["task", "record", "start", "length", "off", "method", "model", "x"]), st.text())
)
def test_no_address_breaks_the_reading(parameters: dict[str, str]) -> None:
    link = parse(parameters)
    assert link.window is None or (link.window[0] >= 0 and link.window[1] > 0)


@pytest.mark.parametrize("window", [("x", "5"), ("-1", "5"), ("1", "0"), ("nan", "5"), ("1", "inf"), ("1", "")])
def test_a_window_that_cannot_be_is_named_and_the_rest_counts(window: tuple[str, str]) -> None:
    link = parse({"task": "icu_alarm", "start": window[0], "length": window[1]})
    assert link == Link(task="icu_alarm", unread=("start, length",))


@pytest.mark.parametrize("alarm", ["Asystole", "@5", "Asystole@", "Asystole@-1", "Asystole@nan"])
def test_an_alarm_that_cannot_be_is_named(alarm: str) -> None:
    assert parse({"alarm": alarm}) == Link(unread=("alarm",))


def test_a_hash_opens_the_same_record_in_the_same_folder_only() -> None:
    word = links.hashed("/a", "100")
    assert "100" not in word
    assert links.resolve(word, "/a", ["99", "100"]) == "100"
    assert links.resolve(word, "/b", ["99", "100"]) is None
    assert links.resolve("100", "/a", ["99", "100"]) == "100"


def test_a_link_brings_back_method_and_modalities_and_writes_the_same_address() -> None:
    query = {"task": "icu_mortality", "record": STAY, "method": "occlusion", "off": "labs,urine"}
    at = open_app(**query)
    assert not at.exception
    assert {name: at.query_params[name] for name in query} == query
    model = services.checkpoint("icu_mortality").digest
    assert model.startswith(at.query_params["model"])

    at = go(at, "attribution")
    assert at.selectbox(key="method").value == "occlusion"
    assert "Not everything of the link" not in words(at)


def test_a_link_to_what_is_gone_says_so_once_and_opens_the_rest() -> None:
    at = open_app(
        task="icu_mortality", record=STAY, model="0000aaaa", method="tarot", off="labs,aura", start="x", length="1"
    )
    said = words(at)
    digest = services.checkpoint("icu_mortality").digest[:8]
    assert f"it was made with the model 0000aaaa, and these are answers of {digest}" in said
    assert "there is no method called tarot" in said
    assert "there is no modality called aura" in said
    assert "its start, length could not be read" in said
    assert at.metric[0].value
    assert at.query_params["off"] == "labs"

    other = ids("icu_mortality")[1]
    at.selectbox(key="w_record").set_value(other).run()
    assert "Not everything of the link" not in words(at)
    assert "off" not in at.query_params


def test_a_link_to_a_record_of_a_folder_waits_for_the_folder(tmp_path: Path) -> None:
    record_ids = ids("icu_mortality")[:3]
    for record_id in record_ids:
        source = Path(services.sample_folder("icu_mortality")) / f"{record_id}.txt"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    word = links.hashed(str(tmp_path), record_ids[2])
    at = open_app(task="icu_mortality", record=word)
    assert "This link opens a record of a folder that was named" in words(at)

    at.text_input(key="w_folder").set_value(str(tmp_path)).run()
    assert f"<strong>Record {record_ids[2]}</strong>" in words(at)
    assert at.query_params["record"] == word

    elsewhere = tmp_path / "sub"
    elsewhere.mkdir()
    (elsewhere / f"{record_ids[0]}.txt").write_bytes((tmp_path / f"{record_ids[0]}.txt").read_bytes())
    at = open_app(task="icu_mortality", record=word)
    at.text_input(key="w_folder").set_value(str(elsewhere)).run()
    assert "The record that this link means is not in this folder" in words(at)
    at.selectbox(key="w_record").set_value(record_ids[0]).run()
    assert f"<strong>Record {record_ids[0]}</strong>" in words(at)
    assert sample("icu_mortality", record_ids[0]).analysis is not None


def test_a_link_with_an_unknown_question_says_so_and_still_opens_its_record() -> None:
    record_id = ids("icu_alarm")[2]
    at = open_app(task="fortune", record=record_id)
    assert f"<strong>Record {record_id}</strong>" in words(at)
    assert "there is no question called fortune" in words(at)
