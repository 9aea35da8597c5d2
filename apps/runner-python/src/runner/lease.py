"""The lease of one attempt: kept by heartbeats from a thread of its own, which no busy step can block."""

from __future__ import annotations

import threading
import time

from .alarms import ALARMS, Alarm
from .backoff import Backoff
from .contract import Claim
from .decisions import note
from .orchestrator import Answer, Orchestrator, Rejected, StaleAttempt, Unreachable
from .stopping import Stop, StopReason


class Lease:
    """Knows until when the attempt is ours, and stops it when cancel, deadline or another holder say so."""

    def __init__(self, orchestrator: Orchestrator, claim: Claim, answer: Answer, stop: Stop) -> None:
        self._orchestrator = orchestrator
        self._claim = claim
        self._stop = stop
        self._changed = threading.Condition()
        self._ended = False
        now = time.monotonic()
        self._held_until = now + answer.seconds_until(claim.lease_expires_at)
        self._deadline = now + answer.seconds_until(claim.deadline_at)
        self._next_beat = now + claim.heartbeat_seconds
        self._thread: threading.Thread | None = None
        self._alarm: Alarm | None = None

    def start(self) -> None:
        """The thread comes with the first heartbeat: most attempts are over before."""
        self._stop.listen(self._wake)
        self._alarm = ALARMS.at(min(self._next_beat, self._deadline), self._begin)

    def cease(self) -> None:
        """No heartbeat is begun after this, and the answer of one under way counts for nothing.

        Called before the last event is reported: reports extend the lease as heartbeats do, and a heartbeat that came
        after the last event would be told that the attempt is over.
        """
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._alarm is not None:
            self._alarm.cancel()

    def end(self) -> None:
        """Returns when the heartbeats have ended."""
        self.cease()
        if self._thread is not None:
            self._thread.join(timeout=15)

    def heard(self, answer: Answer) -> None:
        """Takes in what any answer of the orchestrator says about the attempt."""
        seconds = answer.lease_seconds
        deadline_at = answer.body.get("deadlineAt")
        with self._changed:
            if seconds is not None:
                self._held_until = max(self._held_until, time.monotonic() + seconds)
            if deadline_at is not None:
                self._deadline = time.monotonic() + answer.seconds_until(deadline_at)
            self._changed.notify_all()
        if answer.cancel_requested:
            self._stop.set(StopReason.CANCELLED)

    def wait_until_held(self) -> None:
        """Returns at once while the lease holds, else when it holds again or the attempt must stop.

        A lease that lapsed while the orchestrator was away may already belong to another runner, so no new step is
        begun before a heartbeat went through.
        """
        with self._changed:
            while time.monotonic() >= self._held_until and self._stop.reason is None:
                self._changed.wait(timeout=1)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _begin(self) -> None:
        with self._changed:
            if self._ended:
                return
            self._thread = threading.Thread(target=self._keep, name=f"lease-{self._claim.run_id}", daemon=True)
            self._thread.start()

    def _keep(self) -> None:
        backoff = Backoff()
        next_beat = self._next_beat
        while self._sleep_until(next_beat):
            try:
                self.heard(self._orchestrator.heartbeat(self._claim))
                backoff.reset()
                next_beat = time.monotonic() + self._claim.heartbeat_seconds
            except StaleAttempt:
                if not self._ended:
                    self._stop.set(StopReason.STALE)
                return
            except Rejected as error:
                note("error", "heartbeat rejected", runId=self._claim.run_id, attempt=self._claim.attempt, code=error.code)
                next_beat = time.monotonic() + self._claim.heartbeat_seconds
            except Unreachable as error:
                note("warn", "heartbeat failed", runId=self._claim.run_id, attempt=self._claim.attempt, reason=str(error))
                next_beat = time.monotonic() + min(backoff.pause(error.retry_after_seconds), self._claim.heartbeat_seconds)

    def _sleep_until(self, moment: float) -> bool:
        """Sleeps, watching the deadline; False when the attempt is over."""
        while True:
            with self._changed:
                now = time.monotonic()
                if self._ended or self._stop.is_stale:
                    return False
                is_due = now >= self._deadline and self._stop.reason is None
                if not is_due:
                    if now >= moment:
                        return True
                    wake_at = moment if self._stop.reason is not None else min(moment, self._deadline)
                    self._changed.wait(timeout=max(wake_at - now, 0.001))
            if is_due:
                # Outside of the lock, as listeners take locks of their own.
                self._stop.set(StopReason.DEADLINE)
