"""Why and when an attempt must stop before its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum


class StopReason(Enum):
    """REJECTED: the orchestrator refused an event, its reporter ends the attempt. STALE: the attempt is no longer ours,
    nothing may be written any more."""

    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    SHUTDOWN = "shutdown"
    REJECTED = "rejected"
    STALE = "stale"


class Stop:
    """A flag that many threads watch. The first reason stays, except that STALE replaces every other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: StopReason | None = None
        self._listeners: list[Callable[[], None]] = []
        self._stale = threading.Event()

    @property
    def reason(self) -> StopReason | None:
        return self._reason

    @property
    def is_stale(self) -> bool:
        return self._stale.is_set()

    def set(self, reason: StopReason) -> None:
        with self._lock:
            if self._reason is None or reason is StopReason.STALE:
                self._reason = reason
            if reason is StopReason.STALE:
                self._stale.set()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def wait_stale(self, seconds: float) -> bool:
        return self._stale.wait(seconds)

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls the listener at every stop, at once if there was one already."""
        with self._lock:
            self._listeners.append(listener)
            stopped = self._reason is not None
        if stopped:
            listener()

    def forget(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.remove(listener)
