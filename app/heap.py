"""What the program keeps for good is left out of the search for garbage.

Streamlit searches the whole heap after every run, also of a fragment, and sends nothing meanwhile: with the libraries
that are loaded here that took 0.1 s of every answer, more than most answers themselves.
"""

from __future__ import annotations

import gc
import sys

MANY = 50
_kept = 0


def settle() -> None:
    """At the start of a run, when the garbage of the run before has been taken away: keep what there is, wherever this
    many modules were loaded since the last time. What is kept is still freed when nothing refers to it any more."""
    global _kept
    if len(sys.modules) - _kept >= MANY:
        _kept = len(sys.modules)
        gc.freeze()
