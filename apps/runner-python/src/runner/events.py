"""Reports events: numbered without gaps, sent in order, kept until acknowledged, sent again after errors."""

from __future__ import annotations

import threading
import time
from collections import deque

from .backoff import Backoff
from .contract import EVENTS_MAX, Claim
from .decisions import note
from .failures import StepFailed
from .instants import instant_now
from .json_values import Json, byte_size
from .lease import Lease
from .orchestrator import Orchestrator, Rejected, StaleAttempt, Unreachable
from .stopping import Stop, StopReason

BATCH_BYTES_MAX = 3_500_000
"""The orchestrator takes 4 MiB; one event has at most 1 MiB of payload."""

LINGER_SECONDS = 0.005
"""A quick step's start and end then travel together."""


class EventReporter:
    """Of one attempt. `report` does not wait; `settle` and `finish` do."""

    def __init__(self, orchestrator: Orchestrator, claim: Claim, lease: Lease, stop: Stop) -> None:
        self._orchestrator = orchestrator
        self._claim = claim
        self._lease = lease
        self._stop = stop
        self._changed = threading.Condition()
        self._waiting: deque[tuple[dict[str, Json], int]] = deque()
        self._last_seq = 0
        self._acknowledged_seq = 0
        self._rejected = False
        self._ended = False
        self._thread = threading.Thread(target=self._send_all, name=f"events-{claim.run_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._stop.listen(self._wake)

    def report(self, event_type: str, **fields: Json) -> None:
        """Numbers the event and queues it. After the attempt became stale nothing is reported any more."""
        with self._changed:
            if not self._stop.is_stale and not self._rejected:
                self._append(event_type, fields)
                self._changed.notify_all()

    def settle(self) -> None:
        """Waits until everything reported is acknowledged, so that a retry will not repeat it, or the attempt stops."""
        with self._changed:
            while self._waiting and self._stop.reason is None:
                self._changed.wait(timeout=1)

    def finish(self, event_type: str, *, timeout_seconds: float | None = None, **fields: Json) -> bool:
        """Reports the attempt's last event and waits for its acknowledgement; False when there was none."""
        with self._changed:
            if self._stop.is_stale:
                return False
            self.report(event_type, **fields)
        give_up_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self._changed:
            while self._waiting and not self._stop.is_stale and (give_up_at is None or time.monotonic() < give_up_at):
                self._changed.wait(timeout=0.2)
            return self._acknowledged_seq >= self._last_seq

    def end(self) -> None:
        """No call is begun after this."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(timeout=15)

    def _append(self, event_type: str, fields: dict[str, Json]) -> None:
        self._last_seq += 1
        event = {"seq": self._last_seq, "type": event_type, "at": instant_now(), **fields}
        self._waiting.append((event, byte_size(event)))

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _send_all(self) -> None:
        backoff = Backoff()
        while (batch := self._next_batch()) is not None:
            pause = self._send(batch, backoff)
            if pause > 0:
                with self._changed:
                    if not self._ended and not self._stop.is_stale:
                        self._changed.wait(timeout=pause)

    def _next_batch(self) -> list[dict[str, Json]] | None:
        with self._changed:
            while not self._waiting and not self._ended and not self._stop.is_stale:
                self._changed.wait()
            if not self._ended and len(self._waiting) == 1:
                self._changed.wait(timeout=LINGER_SECONDS)
            if self._ended or self._stop.is_stale:
                return None
            batch: list[dict[str, Json]] = []
            size = 0
            for event, event_size in self._waiting:
                size += event_size
                if batch and (size > BATCH_BYTES_MAX or len(batch) == EVENTS_MAX):
                    break
                batch.append(event)
            return batch

    def _send(self, batch: list[dict[str, Json]], backoff: Backoff) -> float:
        """Sends once; says how long to wait before the next call."""
        try:
            answer = self._orchestrator.send_events(self._claim, batch)
        except StaleAttempt:
            self._stop.set(StopReason.STALE)
            return 0
        except Rejected as error:
            self._give_up(error)
            return 0
        except Unreachable as error:
            note("warn", "events not sent", runId=self._claim.run_id, attempt=self._claim.attempt, reason=str(error))
            return backoff.pause(error.retry_after_seconds)
        self._lease.heard(answer)
        with self._changed:
            before = len(self._waiting)
            while self._waiting and self._waiting[0][0]["seq"] <= answer.applied_seq:
                self._waiting.popleft()
            self._acknowledged_seq = max(self._acknowledged_seq, answer.applied_seq)
            moved = len(self._waiting) < before
            self._changed.notify_all()
        if moved:
            backoff.reset()
            return 0
        return backoff.pause()

    def _give_up(self, error: Rejected) -> None:
        """Content that the orchestrator refuses will never be taken: the attempt ends with an event that says so."""
        note("error", "events rejected", runId=self._claim.run_id, attempt=self._claim.attempt, code=error.code, reason=str(error))
        with self._changed:
            is_second = self._rejected
            self._rejected = True
            if not is_second:
                first = self._waiting[0][0]["seq"]
                self._waiting.clear()
                self._last_seq = first - 1
                failure = StepFailed("EVENT_REJECTED", f"the orchestrator refused an event of this attempt ({error.code})")
                self._append("run.failed", {"error": failure.as_error()})
                self._changed.notify_all()
        # Outside of the lock, as listeners take locks of their own.
        self._stop.set(StopReason.STALE if is_second else StopReason.REJECTED)
