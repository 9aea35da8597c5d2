"""Reports events: numbered without gaps, sent in order, kept until acknowledged, sent again after errors."""

from __future__ import annotations

import threading
import time
from collections import deque

from .alarms import ALARMS, Alarm
from .backoff import Backoff
from .contract import EVENTS_MAX, Claim
from .decisions import note
from .failures import StepFailed
from .instants import instant_now
from .json_values import Json, json_text
from .lease import Lease
from .orchestrator import Orchestrator, Rejected, StaleAttempt, Unreachable
from .stopping import Stop, StopReason

BATCH_BYTES_MAX = 3_500_000
"""The orchestrator takes 4 MiB; one event has at most 1 MiB of payload."""

LINGER_SECONDS = 0.05
"""What is not sent by then, because its step goes on, is sent by a thread of its own."""


class EventReporter:
    """Of one attempt. `report` does not wait; `settle` and `finish` do, and send in the caller's own thread if nothing is under way."""

    def __init__(self, orchestrator: Orchestrator, claim: Claim, lease: Lease, stop: Stop) -> None:
        self._orchestrator = orchestrator
        self._claim = claim
        self._lease = lease
        self._stop = stop
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, str, int]] = deque()
        self._last_seq = 0
        self._acknowledged_seq = 0
        self._rejected = False
        self._ended = False
        self._sending = threading.Lock()
        self._backoff = Backoff()
        self._thread: threading.Thread | None = None
        self._alarm: Alarm | None = None

    def start(self) -> None:
        self._stop.listen(self._wake)

    def report(self, event_type: str, **fields: Json) -> None:
        """Numbers the event and queues it. After the attempt became stale nothing is reported any more."""
        with self._changed:
            if self._stop.is_stale or self._rejected:
                return
            self._append(event_type, fields)
            if self._thread is None and self._alarm is None:
                self._alarm = ALARMS.at(time.monotonic() + LINGER_SECONDS, self._begin_sending)
            self._changed.notify_all()

    def settle(self) -> None:
        """Waits until everything reported is acknowledged, so that a retry will not repeat it, or the attempt stops."""
        self._send_now()
        with self._changed:
            while self._waiting and self._stop.reason is None:
                self._changed.wait(timeout=1)

    def finish(self, event_type: str, *, timeout_seconds: float | None = None, **fields: Json) -> bool:
        """Reports the attempt's last event and waits for its acknowledgement; False when there was none."""
        with self._changed:
            if self._stop.is_stale:
                return False
            self.report(event_type, **fields)
        if timeout_seconds is None:
            self._send_now()
        else:
            # A call may take longer than there is time.
            self._begin_sending()
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
        self._call_off()
        if self._thread is not None:
            self._thread.join(timeout=15)

    def _append(self, event_type: str, fields: dict[str, Json]) -> None:
        self._last_seq += 1
        text = json_text({"seq": self._last_seq, "type": event_type, "at": instant_now(), **fields})
        self._waiting.append((self._last_seq, text, len(text.encode("utf-8", "replace"))))

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _call_off(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()

    def _begin_sending(self) -> None:
        with self._changed:
            self._alarm = None
            if self._ended or self._thread is not None or not self._waiting:
                return
            self._thread = threading.Thread(target=self._send_all, name=f"events-{self._claim.run_id}", daemon=True)
            self._thread.start()

    def _send_now(self) -> None:
        """Spares a switch to another thread. What does not get through is sent again by the thread that is there for it."""
        self._call_off()
        if self._thread is None and self._sending.acquire(blocking=False):
            try:
                while (batch := self._batch()) and self._send(batch) == 0:
                    pass
            finally:
                self._sending.release()
        self._begin_sending()

    def _send_all(self) -> None:
        while self._wait_for_events():
            with self._sending:
                batch = self._batch()
                pause = self._send(batch) if batch else 0.0
            if pause > 0:
                with self._changed:
                    if not self._ended and not self._stop.is_stale:
                        self._changed.wait(timeout=pause)

    def _wait_for_events(self) -> bool:
        with self._changed:
            while not self._waiting and not self._ended and not self._stop.is_stale:
                self._changed.wait()
            return not self._ended and not self._stop.is_stale

    def _batch(self) -> list[str]:
        """What is to be sent next; empty when nothing is."""
        with self._changed:
            if self._ended or self._stop.is_stale:
                return []
            batch: list[str] = []
            size = 0
            for _, text, text_size in self._waiting:
                size += text_size
                if batch and (size > BATCH_BYTES_MAX or len(batch) == EVENTS_MAX):
                    break
                batch.append(text)
            return batch

    def _send(self, batch: list[str]) -> float:
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
            return self._backoff.pause(error.retry_after_seconds)
        self._lease.heard(answer)
        with self._changed:
            before = len(self._waiting)
            while self._waiting and self._waiting[0][0] <= answer.applied_seq:
                self._waiting.popleft()
            self._acknowledged_seq = max(self._acknowledged_seq, answer.applied_seq)
            moved = len(self._waiting) < before
            self._changed.notify_all()
        if moved:
            self._backoff.reset()
            return 0
        return self._backoff.pause()

    def _give_up(self, error: Rejected) -> None:
        """Content that the orchestrator refuses will never be taken: the attempt ends with an event that says so."""
        note("error", "events rejected", runId=self._claim.run_id, attempt=self._claim.attempt, code=error.code, reason=str(error))
        with self._changed:
            is_second = self._rejected
            self._rejected = True
            if not is_second:
                first = self._waiting[0][0]
                self._waiting.clear()
                self._last_seq = first - 1
                failure = StepFailed("EVENT_REJECTED", f"the orchestrator refused an event of this attempt ({error.code})")
                self._append("run.failed", {"error": failure.as_error()})
                self._changed.notify_all()
        # Outside of the lock, as listeners take locks of their own.
        self._stop.set(StopReason.STALE if is_second else StopReason.REJECTED)
