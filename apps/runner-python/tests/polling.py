"""Waiting for something to become true, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, seconds: float = 120.0) -> T:
    """The first truthy result of the probe; fails the test when there is none in time."""
    give_up_at = time.monotonic() + seconds
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > give_up_at:
            raise AssertionError("did not become true in time")
        time.sleep(0.02)
