"""Executes one claimed attempt from its first step to its one run.* event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .contract import Claim, Step
from .credentials import Credentials
from .decisions import note
from .egress import Egress
from .events import EventReporter
from .failures import StepFailed
from .json_values import Json
from .lease import Lease
from .log_lines import AttemptLog
from .masking import Masker
from .orchestrator import Answer, Orchestrator
from .step import Halted, checked_input, checked_output, execute, find_action
from .step_context import Outside
from .stopping import Stop, StopReason
from .values import holds, resolve

DEADLINE_GRACE_SECONDS = 30.0
"""The orchestrator itself ends a run whose deadline passed; if it has not by then, the runner says so."""

SHUTDOWN_REPORT_SECONDS = 2.0


@dataclass(frozen=True)
class Work:
    """What executing an attempt needs; `scope` grows with each step that succeeds."""

    claim: Claim
    stop: Stop
    lease: Lease
    events: EventReporter
    log: AttemptLog
    masker: Masker
    outside: Outside
    scope: dict[str, Json]
    steps_done: set[str]


def run_attempt(
    orchestrator: Orchestrator,
    claim: Claim,
    answer: Answer,
    stop: Stop,
    write_log: Callable[[dict[str, Any]], None],
    egress: Egress,
) -> str:
    """Executes, reports, and returns how it ended: the type of the last event, or why there was none."""
    masker = Masker()
    lease = Lease(orchestrator, claim, answer, stop)
    events = EventReporter(orchestrator, claim, lease, stop)
    log = AttemptLog(claim, masker, write_log)
    scope: dict[str, Json] = {
        "input": claim.input,
        "trigger": claim.trigger,
        "run": {"id": claim.run_id, "startedAt": claim.run["startedAt"]},
        "steps": {key: {"output": output} for key, output in claim.completed.items()},
    }
    outside = Outside(egress, Credentials(orchestrator, claim, masker, stop), claim.traceparent)
    work = Work(claim, stop, lease, events, log, masker, outside, scope, set(claim.completed))
    lease.start()
    events.start()
    try:
        return _conclude(work, _walk(work))
    finally:
        log.close()
        events.end()
        lease.end()


def _walk(work: Work) -> StepFailed | None:
    """Runs the steps one by one; returns what failed the attempt."""
    waiting = [step for step in work.claim.steps if step.key not in work.steps_done]
    while waiting and work.stop.reason is None:
        step = next((step for step in waiting if work.steps_done.issuperset(step.depends_on)), None)
        if step is None:
            return StepFailed("DEFINITION_INVALID", f"{waiting[0].key} depends on a step that never ends")
        waiting.remove(step)
        work.events.settle()
        work.lease.wait_until_held()
        if work.stop.reason is not None:
            return None
        failure = _run_step(work, step)
        if failure is not None:
            return failure
    return None


def _run_step(work: Work, step: Step) -> StepFailed | None:
    """One step with its events and log lines; None when it succeeded, was skipped, or the attempt must stop."""
    note("info", "step begins", **_ids(work), stepKey=step.key)
    try:
        if not holds(step.when, work.scope):
            work.events.report("step.skipped", stepKey=step.key)
            work.steps_done.add(step.key)
            return None
        step_input = checked_input(resolve({} if step.input is None else step.input, work.scope))
        work.events.report("step.started", stepKey=step.key, input=work.masker.value(step_input))
        work.log.line("INFO", "step started", {"step": step.key}, step.step_run_id)
        output = execute(step, find_action(step), step_input, work.outside, work.log, work.masker, work.stop)
    except Halted:
        return None
    except StepFailed as error:
        failure = StepFailed(
            error.code,
            work.masker.text(error.message),
            retryable=error.retryable,
            retry_after_seconds=error.retry_after_seconds,
            step_key=step.key,
        )
        note("info", "step failed", **_ids(work), stepKey=step.key, code=failure.code)
        work.log.line("ERROR", failure.message, {"code": failure.code}, step.step_run_id)
        work.events.report("step.failed", stepKey=step.key, error=failure.as_error())
        return failure
    work.scope["steps"][step.key] = {"output": output}
    work.steps_done.add(step.key)
    work.log.line("INFO", "step succeeded", {"step": step.key}, step.step_run_id)
    work.events.report("step.succeeded", stepKey=step.key, output=output)
    return None


def _conclude(work: Work, failure: StepFailed | None) -> str:
    """Ends the attempt with exactly one run.* event, unless it is no longer ours."""
    if failure is not None:
        return _finish(work, "run.failed", error=failure.as_error())
    reason = work.stop.reason
    if reason is None:
        try:
            output = checked_output(work.masker.value(resolve(work.claim.output, work.scope)))
        except StepFailed as error:
            return _finish(work, "run.failed", error=error.as_error())
        return _finish(work, "run.succeeded", output=output)
    if reason is StopReason.CANCELLED:
        return _finish(work, "run.cancelled")
    if reason is StopReason.SHUTDOWN:
        error = StepFailed("RUNNER_STOPPING", "the runner was stopped", retryable=True)
        return _finish(work, "run.failed", timeout_seconds=SHUTDOWN_REPORT_SECONDS, error=error.as_error())
    if reason is StopReason.DEADLINE and not work.stop.wait_stale(DEADLINE_GRACE_SECONDS):
        error = StepFailed("RUN_DEADLINE", "the run's deadline passed")
        return _finish(work, "run.failed", error=error.as_error())
    if reason is StopReason.REJECTED:
        # The reporter put the last event in the place of what was refused.
        return _finish(work, "run.failed", error=StepFailed("EVENT_REJECTED", "an event was refused").as_error())
    return "stale"


def _finish(work: Work, event_type: str, *, timeout_seconds: float | None = None, **fields: Json) -> str:
    work.lease.cease()
    acknowledged = work.events.finish(event_type, timeout_seconds=timeout_seconds, **fields)
    if acknowledged:
        return event_type
    return "stale" if work.stop.is_stale else "unacknowledged"


def _ids(work: Work) -> dict[str, Json]:
    return {"runId": work.claim.run_id, "attempt": work.claim.attempt}
