"""Executes one step: in a thread of its own, so that its time limit holds whatever it does."""

from __future__ import annotations

import threading

from .actions import BUILT_IN, IMMEDIATE
from .contract import PAYLOAD_BYTES_MAX, Step
from .decisions import note
from .failures import StepFailed, StepTimedOut
from .http_steps import declarative_request
from .json_values import Json, byte_size
from .log_lines import AttemptLog, LogLevel
from .masking import Masker
from .step_context import Action, Outside, StepContext
from .stopping import Stop

LEAVE_SECONDS = 1.0
"""How long a halted action may take to return before it is left behind."""


class Halted(Exception):
    """The attempt must stop; the step has no result."""


class StepLog:
    """The attempt's log as one step sees it; mute after the step ended, though its action may still run."""

    def __init__(self, log: AttemptLog, step: Step) -> None:
        self._log = log
        self._step = step
        self._lock = threading.Lock()
        self._muted = False

    def line(self, level: LogLevel, message: str, fields: dict[str, Json]) -> None:
        with self._lock:
            if not self._muted:
                self._log.line(level, message, fields, self._step.step_run_id)

    def mute(self) -> None:
        with self._lock:
            self._muted = True


class _Execution:
    """One action at work."""

    def __init__(self, action: Action, context: StepContext, masker: Masker) -> None:
        self.output: Json = None
        self.failure: StepFailed | None = None
        self.done = False
        self.woken = threading.Event()
        self._action = action
        self._context = context
        self._masker = masker

    def run(self) -> None:
        try:
            self.output = self._action(self._context)
        except StepFailed as error:
            self.failure = error
        except Exception as error:  # noqa: BLE001 - whatever an action raises fails its step, not the runner
            note("error", "an action raised", error=self._masker.text(repr(error)))
            self.failure = StepFailed("STEP_FAILED", str(error) or type(error).__name__)
        self.done = True
        self.woken.set()


def find_action(step: Step) -> Action:
    """Raises StepFailed for an action that this runner does not have."""
    action = BUILT_IN.get((step.app, step.action)) if step.request is None else declarative_request
    if action is None:
        raise StepFailed("ACTION_UNSUPPORTED", f"this runner cannot perform {step.app}.{step.action}")
    return action


def checked_input(value: Json) -> dict[str, Json]:
    """A resolved input; raises StepFailed."""
    if not isinstance(value, dict):
        raise StepFailed("INPUT_INVALID", "the step's input is not an object")
    if byte_size(value) > PAYLOAD_BYTES_MAX:
        raise StepFailed("INPUT_TOO_LARGE", "the step's input is larger than 1 MiB and 16 KiB")
    return value


def checked_output(value: Json) -> Json:
    """Raises StepFailed for what cannot be reported: never cut silently."""
    try:
        size = byte_size(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise StepFailed("OUTPUT_INVALID", "the output is not JSON") from error
    if size > PAYLOAD_BYTES_MAX:
        raise StepFailed("OUTPUT_TOO_LARGE", "the output is larger than 1 MiB and 16 KiB")
    return value


def execute(
    step: Step,
    action: Action,
    step_input: dict[str, Json],
    outside: Outside,
    log: AttemptLog,
    masker: Masker,
    stop: Stop,
) -> Json:
    """The step's output. Raises StepFailed, or Halted when the attempt must stop."""
    step_log = StepLog(log, step)
    halt = threading.Event()
    context = StepContext(step=step, input=step_input, log=step_log.line, halt=halt, outside=outside)
    execution = _Execution(action, context, masker)
    if action in IMMEDIATE:
        execution.run()
    else:
        threading.Thread(target=execution.run, name=f"step-{step.key}", daemon=True).start()
    stop.listen(execution.woken.set)
    try:
        is_in_time = execution.woken.wait(step.timeout_seconds)
        if not execution.done:
            _leave(execution, halt)
            raise Halted() if is_in_time else StepTimedOut(step.timeout_seconds)
    finally:
        stop.forget(execution.woken.set)
        step_log.mute()
    if stop.is_stale:
        raise Halted()
    if execution.failure is not None:
        raise execution.failure
    return checked_output(masker.value(execution.output))


def _leave(execution: _Execution, halt: threading.Event) -> None:
    """Python cannot end a thread from outside: an action that does not return is a daemon thread without a voice."""
    execution.woken.clear()
    halt.set()
    if not execution.done:
        execution.woken.wait(LEAVE_SECONDS)
