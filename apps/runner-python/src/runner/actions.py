"""What steps can do: the built-in actions, by app and action."""

from __future__ import annotations

from collections.abc import Mapping

from .failures import StepFailed, is_code
from .http_steps import http_request
from .json_values import Json, is_number
from .log_lines import LEVELS
from .step_context import Action, StepContext

SLEEP_SECONDS_MAX = 3_600


def _refuse(message: str) -> StepFailed:
    return StepFailed("INPUT_INVALID", message)


def echo(context: StepContext) -> Json:
    """Output = input."""
    return context.input


def log(context: StepContext) -> Json:
    """Writes one line to the run's log."""
    level, message, fields = context.input.get("level", "INFO"), context.input.get("message"), context.input.get("fields", {})
    if level not in LEVELS:
        raise _refuse(f"level must be one of {', '.join(LEVELS)}")
    if not isinstance(message, str):
        raise _refuse("message must be a text")
    if not isinstance(fields, dict):
        raise _refuse("fields must be an object")
    context.log(level, message, fields)
    return {}


def sleep(context: StepContext) -> Json:
    """Waits; ends at once when the step is halted."""
    seconds = context.input.get("seconds")
    if not is_number(seconds) or not 0 <= seconds <= SLEEP_SECONDS_MAX:
        raise _refuse(f"seconds must be a number from 0 to {SLEEP_SECONDS_MAX}")
    context.halt.wait(float(seconds))
    return {}


def fail(context: StepContext) -> Json:
    """Fails the step as its input says."""
    code = context.input.get("code", "FAILED_ON_PURPOSE")
    message = context.input.get("message", "failed on purpose")
    retryable = context.input.get("retryable", False)
    if not is_code(code):
        raise _refuse("code must be UPPER_SNAKE with at most 64 characters")
    if not isinstance(message, str) or not isinstance(retryable, bool):
        raise _refuse("message must be a text and retryable a boolean")
    raise StepFailed(code, message, retryable=retryable)


IMMEDIATE = (echo, log, fail)
"""They wait for nothing, so no time limit has to end them."""

BUILT_IN: Mapping[tuple[str, str], Action] = {
    ("core", "echo"): echo,
    ("core", "log"): log,
    ("core", "sleep"): sleep,
    ("core", "fail"): fail,
    ("http", "request"): http_request,
}
