"""The actions that call out: `http.request`, and every action that is a declarative request."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from .egress import Answer, EgressError, EgressRequest
from .failures import StepFailed, StepTimedOut
from .http_calls import HttpCall, call_of_input, call_of_request
from .json_values import Json, json_text, read_bounded_json
from .step_context import StepContext
from .trace import child_of

HEADERS_KEPT = ("content-type", "etag", "location", "retry-after")
RETRYABLE_STATUSES = (408, 429)
RETRY_AFTER_SECONDS_MAX = 86_400.0
BODY_NESTING_MAX = 100
"""JSON that nests deeper stays text: it is no API's answer, and whoever reads it by recursion would fail."""

_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
"""U+0000 and half surrogate pairs fit no database."""


def http_request(context: StepContext) -> Json:
    """Sends what the input says."""
    return _perform(context, call_of_input(context.input))


def declarative_request(context: StepContext) -> Json:
    """Sends what the action's `request` says, filled from the input."""
    return _perform(context, call_of_request(context.step, context.input))


def _perform(context: StepContext, call: HttpCall) -> Json:
    step, outside = context.step, context.outside
    credential = None if step.connection_id is None else outside.credentials.get(step.connection_id, context.halt)
    own = {"idempotency-key": step.idempotency_key}
    if (traceparent := child_of(outside.traceparent)) is not None:
        own["traceparent"] = traceparent
    given = {name: value for name, value in call.headers.items() if name.lower() not in own}
    request = EgressRequest(
        method=call.method,
        url=call.url,
        allowed_hosts=step.allowed_hosts,
        total_seconds=step.timeout_seconds,
        headers={**given, **own},
        body=call.body,
        credential=credential,
        is_halted=context.halt.is_set,
    )
    try:
        answer = outside.egress.send(request)
    except EgressError as error:
        # All the time of the call is all the time of the step.
        if error.code == "TIMEOUT":
            raise StepTimedOut(step.timeout_seconds) from error
        raise StepFailed(error.code, error.kind.message, retryable=error.kind.is_temporary) from error
    if not 200 <= answer.status < 300:
        raise _failure(answer)
    return _output(answer)


def _output(answer: Answer) -> dict[str, Json]:
    headers = {name: _storable(answer.headers[name]) for name in HEADERS_KEPT if name in answer.headers}
    return {"status": answer.status, "headers": headers, "body": _body(answer)}


def _failure(answer: Answer) -> StepFailed:
    is_retryable = answer.status in RETRYABLE_STATUSES or answer.status >= 500
    body = _body(answer)
    text = body if isinstance(body, str) else json_text(body)
    return StepFailed(
        f"HTTP_{answer.status}",
        # Cut by whoever writes it, after masking: the half of a secret would not be known again.
        f"the answer was {answer.status}: {text}",
        retryable=is_retryable,
        retry_after_seconds=_retry_after(answer) if is_retryable else None,
    )


def _body(answer: Answer) -> Json:
    """JSON where the answer says and is JSON, else text; what is not UTF-8 is replaced."""
    text = answer.body.decode("utf-8-sig", "replace")
    if _is_json(answer.headers.get("content-type", "")):
        try:
            value = read_bounded_json(text)
            if _depth(value) <= BODY_NESTING_MAX:
                return _storable(value)
        except (ValueError, RecursionError):
            pass
    return _storable(text)


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _depth(value: Json) -> int:
    """Level by level, so that hostile nesting cannot exhaust the stack."""
    level, depth = [value], 0
    while containers := [item for item in level if isinstance(item, (dict, list))]:
        level = [inner for item in containers for inner in (item.values() if isinstance(item, dict) else item)]
        depth += 1
    return depth


def _storable(value: Json) -> Json:
    if isinstance(value, str):
        return _NOT_STORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(inner) for key, inner in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def _retry_after(answer: Answer) -> float | None:
    """Seconds or a date; what is neither says nothing."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), RETRY_AFTER_SECONDS_MAX)
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
