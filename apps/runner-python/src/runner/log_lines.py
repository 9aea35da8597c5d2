"""The log of one attempt, as documents of the collection `execution_logs`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Literal

import bson
from bson.int64 import Int64

from .contract import Claim
from .json_values import Json, Number, json_text
from .masking import Masker
from .trace import trace_id_of

LogLevel = Literal["DEBUG", "INFO", "WARN", "ERROR"]
LEVELS: tuple[LogLevel, ...] = ("DEBUG", "INFO", "WARN", "ERROR")
TEXT_BYTES_MAX = 8 * 1024
_ELLIPSIS = "…"


def cut(text: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """At most so many bytes of UTF-8; what is cut ends with an ellipsis. Lone surrogates cannot be stored."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= bytes_max:
        return encoded.decode("utf-8")
    room = bytes_max - len(_ELLIPSIS.encode())
    return encoded[:room].decode("utf-8", "ignore") + _ELLIPSIS


def storable_fields(fields: dict[str, Json]) -> dict[str, Json]:
    """The fields as they are if they fit and BSON can hold them, else their text, cut, under the key `cut`."""
    try:
        storable = {key: _storable(value) for key, value in fields.items()}
        if len(bson.encode(storable)) <= TEXT_BYTES_MAX:
            return storable
    except Exception:  # noqa: BLE001 - bson has no common class for integers above 64 bits, null bytes in keys and depth
        pass
    # Room for the document around the text.
    return {"cut": cut(json_text(fields).replace("\0", "\N{REPLACEMENT CHARACTER}"), TEXT_BYTES_MAX - 32)}


def _storable(value: Json) -> Json:
    """BSON's numbers are doubles and 64-bit integers: what they cannot hold is written as its text."""
    if isinstance(value, Number):
        double = float(value)
        return double if math.isfinite(double) and Decimal(repr(double)) == value else value.text
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, dict):
        return {key: _storable(inner) for key, inner in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


class AttemptLog:
    """Numbers the lines of one attempt and hands them on; at most `linesMax`, the last of which says that it is the last."""

    def __init__(self, claim: Claim, masker: Masker, write: Callable[[dict[str, Any]], None]) -> None:
        self._claim = claim
        self._masker = masker
        self._write = write
        self._trace_id = trace_id_of(claim.traceparent)
        self._lock = threading.Lock()
        self._seq = 0
        self._closed = False

    def line(self, level: LogLevel, message: str, fields: dict[str, Json] | None = None, step_run_id: str | None = None) -> None:
        masked = self._masker.value(fields or {})
        with self._lock:
            if self._closed or self._seq >= self._claim.log_lines_max:
                return
            self._seq += 1
            if self._seq == self._claim.log_lines_max:
                level, message, masked = "WARN", "the log is full, further lines are left out", {"truncated": True}
            document = {
                "v": 1,
                "tenantId": self._claim.run["tenantId"],
                "workflowRunId": self._claim.run_id,
                "stepRunId": step_run_id,
                "attempt": self._claim.attempt,
                "seq": Int64(self._seq),
                "ts": datetime.now(timezone.utc),
                "level": level,
                "message": cut(self._masker.text(message)),
                "fields": storable_fields(masked),
                "traceId": self._trace_id,
                "expiresAt": self._claim.log_expires_at,
            }
            self._write(document)

    def close(self) -> None:
        """A step that was left behind, or an attempt that is no longer ours, writes nothing more."""
        with self._lock:
            self._closed = True
