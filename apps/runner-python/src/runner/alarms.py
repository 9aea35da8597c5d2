"""Calls at later moments, of all attempts, from one thread: most are called off before they are due."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

PAUSE_SECONDS = 0.01
"""What is due within so short a time is called together."""


class Alarm:
    """One call to come; it must not take long."""

    __slots__ = ("act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act

    def cancel(self) -> None:
        self.act = None


class Alarms:
    """May be used by many threads at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Alarm]] = []
        self._thread: threading.Thread | None = None

    def at(self, moment: float, act: Callable[[], None]) -> Alarm:
        """`moment` is one of `time.monotonic`."""
        alarm = Alarm(act)
        with self._changed:
            heapq.heappush(self._waiting, (moment, next(self._order), alarm))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is alarm:
                self._changed.notify()
        return alarm

    def _run(self) -> None:
        while True:
            for alarm in self._take_due():
                act = alarm.act
                if act is not None:
                    act()
            time.sleep(PAUSE_SECONDS)

    def _take_due(self) -> list[Alarm]:
        with self._changed:
            while not self._waiting or (left := self._waiting[0][0] - time.monotonic()) > 0:
                self._changed.wait(timeout=left if self._waiting else None)
            due: list[Alarm] = []
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                due.append(heapq.heappop(self._waiting)[2])
            return due


ALARMS = Alarms()
"""The process's own."""
