"""What the program keeps for good is not searched for garbage; what a session leaves behind still is taken away."""

from __future__ import annotations

import gc
import weakref

import pytest

from app import heap


class _Knot:
    """Refers to itself: only a search finds that nothing else does."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_kept_is_searched_no_more_and_later_garbage_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_kept", 0)
    try:
        heap.settle()
        kept = gc.get_freeze_count()
        assert kept > 10_000
        assert len(gc.get_objects()) < kept / 10
        heap.settle()
        assert gc.get_freeze_count() <= kept, "nothing was loaded since: nothing more is kept"

        later = weakref.ref(_Knot())
        assert later() is not None
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
