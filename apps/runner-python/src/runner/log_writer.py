"""Writes log lines to MongoDB from a thread of its own. A line that is lost never affects a run."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from pymongo import MongoClient
from pymongo.errors import BulkWriteError, PyMongoError

from .backoff import Backoff
from .decisions import note

BATCH_LINES_MAX = 500
KEPT_LINES_MAX = 5_000
INTERVAL_SECONDS = 0.5
DUPLICATE_KEY = 11_000


class LogWriter:
    """Shared by all attempts of the process."""

    def __init__(self, mongodb_url: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(
            mongodb_url,
            appname="runner-python",
            serverSelectionTimeoutMS=2_000,
            connectTimeoutMS=2_000,
            socketTimeoutMS=10_000,
            # A repeated insert is harmless without it, and a standalone server has none.
            retryWrites=False,
        )
        self._lines = self._client.get_default_database()["execution_logs"]
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, Any]] = deque()
        self._in_flight = 0
        self._dropped = 0
        self._away = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def write(self, document: dict[str, Any]) -> None:
        """Never waits. The oldest lines go when there is no room."""
        with self._changed:
            self._waiting.append(document)
            self._trim()
            if len(self._waiting) >= BATCH_LINES_MAX:
                self._changed.notify_all()

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Writes what waits, if MongoDB takes it in time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=timeout_seconds)
        self._client.close()

    def _trim(self) -> None:
        while len(self._waiting) + self._in_flight > KEPT_LINES_MAX and self._waiting:
            self._waiting.popleft()
            self._dropped += 1

    def _run(self) -> None:
        backoff = Backoff()
        while True:
            batch = self._take()
            if not batch:
                return
            pause = 0.0
            try:
                self._insert(batch)
                backoff.reset()
                self._came_back()
            except PyMongoError as error:
                pause = backoff.pause()
                self._put_back(batch, error)
            with self._changed:
                self._in_flight = 0
                if pause > 0 and self._closed:
                    return
                if pause > 0:
                    self._changed.wait(timeout=pause)

    def _take(self) -> list[dict[str, Any]]:
        """The next batch: full, or as old as the interval; empty when the writer is closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait(timeout=INTERVAL_SECONDS)
            full_at = time.monotonic() + INTERVAL_SECONDS
            while len(self._waiting) < BATCH_LINES_MAX and not self._closed and (left := full_at - time.monotonic()) > 0:
                self._changed.wait(timeout=left)
            batch = [self._waiting.popleft() for _ in range(min(BATCH_LINES_MAX, len(self._waiting)))]
            self._in_flight = len(batch)
            return batch

    def _insert(self, batch: list[dict[str, Any]]) -> None:
        try:
            self._lines.insert_many(batch, ordered=False)
        except BulkWriteError as error:
            # A duplicate was written by an earlier try; what the collection refuses would be refused for ever.
            refused = [entry.get("code") for entry in error.details.get("writeErrors", []) if entry.get("code") != DUPLICATE_KEY]
            if refused:
                note("error", "log lines refused by MongoDB", lines=len(refused), code=refused[0])

    def _put_back(self, batch: list[dict[str, Any]], error: PyMongoError) -> None:
        with self._changed:
            self._in_flight = 0
            self._waiting.extendleft(reversed(batch))
            self._trim()
        if not self._away:
            self._away = True
            note("warn", "MongoDB is away, log lines are kept in memory", reason=type(error).__name__)

    def _came_back(self) -> None:
        if not self._away:
            return
        self._away = False
        with self._changed:
            dropped, self._dropped = self._dropped, 0
        note("info", "MongoDB is back", linesDropped=dropped)
