"""Anonymous names: enough of them, none twice, all readable."""

from __future__ import annotations

from store.names import BIRDS, COLOURS, NAMES, new_alias


def test_a_room_of_five_hundred_has_as_many_names() -> None:
    assert len(set(COLOURS)) == len(COLOURS)
    assert len(set(BIRDS)) == len(BIRDS)
    taken: set[str] = set()
    for _ in range(500):
        taken.add(new_alias(taken))
    assert len(taken) == 500
    assert taken <= set(NAMES), "a colour and a bird, without a number"
    assert all(len(name.split()) == 2 and len(name) <= 24 for name in NAMES)


def test_names_do_not_come_in_an_order_that_tells_who_joined_first() -> None:
    assert len({new_alias(()) for _ in range(50)}) > 25


def test_once_all_are_taken_they_come_with_a_number() -> None:
    last = NAMES[-1]
    assert new_alias(frozenset(NAMES[:-1])) == last
    numbered = new_alias(frozenset(NAMES))
    assert numbered.removesuffix(" 2") in NAMES
    assert numbered.endswith(" 2")
