"""What the program keeps for good is left out of the search for garbage.

Streamlit searches the whole heap after every run, also of a fragment, and sends nothing meanwhile: with the libraries
that are loaded here that took 0.1 s of every answer, more than most answers themselves, and with a class of fifty it
grew with what each of their sessions holds.
"""

from __future__ import annotations

import gc
import time

SWEEP_S = 300.0
"""How long garbage that refers to itself can lie among what is kept."""
_swept = time.monotonic()


def settle() -> None:
    """At the start of a run, when the garbage of the run before has been taken away: keep what there is. It is still
    freed when nothing refers to it any more; what only refers to itself goes with the next sweep."""
    global _swept
    if time.monotonic() - _swept >= SWEEP_S:
        _swept = time.monotonic()
        gc.unfreeze()
        gc.collect()
    gc.freeze()
