"""Anonymous names that one remembers and that tell nothing: a colour and a bird, drawn at random."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from itertools import product

COLOURS = (
    "Amber", "Apricot", "Azure", "Blue", "Bronze", "Cobalt", "Copper", "Coral", "Cream", "Crimson", "Emerald", "Golden",
    "Green", "Indigo", "Ivory", "Jade", "Lavender", "Lemon", "Lilac", "Maroon", "Ochre", "Olive", "Orange", "Pearl",
    "Purple", "Red", "Ruby", "Sapphire", "Scarlet", "Silver", "Teal", "Turquoise", "Violet", "White",
)  # fmt: skip
BIRDS = (
    "Avocet", "Bittern", "Condor", "Crane", "Curlew", "Dipper", "Dove", "Eagle", "Egret", "Falcon", "Finch", "Flamingo",
    "Goldcrest", "Grebe", "Gull", "Heron", "Hoopoe", "Ibis", "Kestrel", "Kingfisher", "Kite", "Lapwing", "Lark",
    "Linnet", "Magpie", "Nightingale", "Oriole", "Osprey", "Owl", "Partridge", "Pelican", "Petrel", "Plover", "Puffin",
    "Raven", "Robin", "Sparrow", "Starling", "Stork", "Swallow", "Swan", "Swift", "Tern", "Thrush", "Wagtail", "Wren",
)  # fmt: skip
NAMES = tuple(f"{colour} {bird}" for colour, bird in product(COLOURS, BIRDS))


def new_alias(taken: Collection[str]) -> str:
    """A name that is not taken. Once all of them are, they come again with a number: Amber Heron 2."""
    turn = 1
    while True:
        suffix = "" if turn == 1 else f" {turn}"
        free = [name + suffix for name in NAMES if name + suffix not in taken]
        if free:
            return secrets.choice(free)
        turn += 1
