"""What the program keeps for good is not searched for garbage; what a session leaves behind still is taken away."""

from __future__ import annotations

import gc
import time
import weakref

import pytest

from app import heap


class _Knot:
    """Refers to itself: only a search finds that nothing else does."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_kept_is_searched_no_more_and_later_garbage_is_still_found() -> None:
    try:
        heap.settle()
        kept = gc.get_freeze_count()
        assert kept > 10_000
        assert len(gc.get_objects()) < kept / 10

        later = weakref.ref(_Knot())
        assert later() is not None
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()


def test_garbage_among_what_is_kept_goes_with_the_next_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        knot = _Knot()
        found = weakref.ref(knot)
        heap.settle()
        del knot
        gc.collect()
        assert found() is not None, "it is not searched"
        heap.settle()
        assert found() is not None, "not yet time for a sweep"
        monkeypatch.setattr(heap, "_swept", time.monotonic() - heap.SWEEP_S)
        heap.settle()
        assert found() is None
    finally:
        gc.unfreeze()
