"""W3C trace context: the run's trace goes on log lines and on outgoing calls."""

from __future__ import annotations

import re
import secrets

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id, None when the text is not a valid traceparent of version 00."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None or match.group(1) == _NO_TRACE or match.group(2) == _NO_SPAN:
        return None
    return match.group(1)


def child_of(traceparent: str | None) -> str | None:
    """A traceparent with a span of its own in the same trace."""
    trace_id = trace_id_of(traceparent)
    if trace_id is None or traceparent is None:
        return None
    return f"00-{trace_id}-{secrets.token_hex(8)}-{traceparent[-2:]}"
