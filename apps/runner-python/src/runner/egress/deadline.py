"""The time for everything together, redirects included."""

from __future__ import annotations

import time
from collections.abc import Callable

from .failures import EgressError


class Deadline:
    """`is_halted` ends it early: the caller does not wait for the answer any more."""

    def __init__(self, seconds: float, is_halted: Callable[[], bool] = lambda: False) -> None:
        self._ends_at = time.monotonic() + seconds
        self._is_halted = is_halted

    def within(self, seconds: float) -> Deadline:
        """The deadline of a part that may take at most so long."""
        return Deadline(min(seconds, self._ends_at - time.monotonic()), self._is_halted)

    def remaining(self) -> float:
        """The seconds that are left; raises EgressError when there are none."""
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0 or self._is_halted():
            raise EgressError("TIMEOUT")
        return seconds
