"""Pauses between tries of a call that may succeed later."""

from __future__ import annotations

import random


class Backoff:
    """Doubles from the first pause to the longest, with jitter, so that many runners do not return in step."""

    def __init__(self, first_seconds: float = 0.2, longest_seconds: float = 5.0) -> None:
        self._first = first_seconds
        self._longest = longest_seconds
        self._next = first_seconds

    def pause(self, asked_seconds: float | None = None) -> float:
        """How long to wait now; an answer's Retry-After goes first."""
        seconds = self._next if asked_seconds is None else asked_seconds
        self._next = min(self._next * 2, self._longest)
        return seconds * random.uniform(0.8, 1.2)

    def reset(self) -> None:
        self._next = self._first
