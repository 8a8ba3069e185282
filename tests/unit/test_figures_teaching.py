"""Figures of a class, read as the browser gets them."""

from __future__ import annotations

import numpy as np
import pytest

from amfn.types import InputError
from app.figures import teaching as figures
from app.figures.drawing import Drawing


def bars(drawing: Drawing, name: str) -> dict[float, int]:
    trace = next(t for t in drawing.figure.to_plotly_json()["data"] if t["name"] == name)
    return {round(float(x), 2): int(y) for x, y in zip(trace["x"], trace["y"], strict=True)}


def test_estimates_are_counted_in_tenths_before_and_after() -> None:
    drawing = figures.estimates([0.0, 0.05, 0.5, 1.0], [0.95], model=0.9)
    assert bars(drawing, "before") == {0.05: 2, 0.55: 1, 0.95: 1}
    assert bars(drawing, "after") == {0.95: 1}
    assert "median 28 %" in drawing.alt
    assert "The model: 90 %" in drawing.alt
    assert drawing.figure.layout.shapes[0].x0 == 0.9


def test_the_model_is_not_told_before_it_may_be() -> None:
    drawing = figures.estimates([0.2, 0.4])
    assert "model:" not in drawing.alt.lower()
    assert not drawing.figure.layout.shapes
    places = figures.mean_places(np.array([1.0, 2.0]), ["ecg", "abp"], ["ECG", "Pressure"])
    assert "model" not in places.alt
    assert all("model" not in note.text for note in places.figure.layout.annotations)


def test_places_come_in_the_rooms_order_with_the_models_sizes_beside() -> None:
    drawing = figures.mean_places(
        np.array([3.0, 1.0, 2.0]), ["ecg", "abp", "ppg"], ["ECG", "Pressure", "PPG"], np.array([-4.0, 0.5, 1.0])
    )
    trace = drawing.figure.to_plotly_json()["data"][0]
    assert list(trace["x"]) == [3.0, 2.0, 1.0]
    assert drawing.figure.layout.yaxis.ticktext == ("Pressure", "PPG", "ECG")
    assert drawing.figure.layout.annotations[2].text == "place 3.0<br>model \N{MINUS SIGN}4.00"
    assert drawing.figure.layout.annotations[0].text == "place 1.0<br>model +0.50"
    assert "What moved the model most: ECG" in drawing.alt


def test_who_is_alone_is_no_room_and_no_mean() -> None:
    own = figures.revisions(["First"], [0.2], [0.5], [0.9], [1], alone=True)
    names = [trace["name"] for trace in own.figure.to_plotly_json()["data"] if "name" in trace]
    assert {"you, before", "you, after"} <= set(names)
    place = figures.mean_places(np.array([1.0, 2.0]), ["ecg", "abp"], ["ECG", "Pressure"], alone=True)
    for drawing in (own, place):
        assert "your" in drawing.alt.lower()
        assert not {"mean", "room"} & set(drawing.alt.lower().split())


def test_revisions_say_what_happened_and_who_did_not_revise() -> None:
    drawing = figures.revisions(["First", "Second"], [0.2, 0.6], [0.5, None], [0.9, 0.1], [1, 0])
    assert "First: before 20 %, after 50 %, model 90 %, it happened" in drawing.alt
    assert "Second: before 60 %, not revised, model 10 %, it did not happen" in drawing.alt
    named = {t["name"]: t for t in drawing.figure.to_plotly_json()["data"] if "name" in t}
    assert list(named["mean after"]["x"]) == [0.5]
    assert list(named["what happened"]["x"]) == [1.0, 0.0]


def test_who_was_measured_has_both_shares() -> None:
    drawing = figures.measured_by_outcome(["Lactate", "HR"], [1.0, 1.0], [0.5, 1.0], ("Died", "Survived"))
    assert "Lactate 100 % and 50 %" in drawing.alt
    assert drawing.figure.layout.annotations[0].text == "100 % | 50 %"


def test_for_a_wall_type_grows_and_numbers_stay() -> None:
    small = figures.estimates([0.2, 0.4], model=0.5)
    large = figures.enlarged(small, 2.0)
    sizes = [[note.font.size for note in drawing.figure.layout.annotations] for drawing in (small, large)]
    assert sizes[1] == [2 * size for size in sizes[0]]
    assert large.figure.layout.height > small.figure.layout.height
    assert large.figure.data == small.figure.data
    assert large.alt == small.alt
    with pytest.raises(InputError, match="enlarged"):
        figures.enlarged(small, 0.5)


@pytest.mark.parametrize("wrong", [[1.5], [-0.1], [float("nan")], []])
def test_what_is_no_share_is_refused(wrong: list[float]) -> None:
    with pytest.raises(InputError, match="estimates"):
        figures.estimates(wrong)


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_have_the_same_words(dark: bool) -> None:
    drawing = figures.measured_by_outcome(["HR"], [0.3], [0.6], ("Died", "Survived"), dark)
    assert drawing.alt == figures.measured_by_outcome(["HR"], [0.3], [0.6], ("Died", "Survived")).alt
