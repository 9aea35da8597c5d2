"""The process's own log: one JSON line on standard output for each decision. Never a payload, a token or a secret."""

from __future__ import annotations

import json
import sys
import threading
from typing import Literal

from .instants import instant_now

Level = Literal["info", "warn", "error"]

_lock = threading.Lock()


def note(level: Level, message: str, **context: object) -> None:
    """Writes one line. `context` holds ids and counts; what is None is left out."""
    line = {"level": level, "time": instant_now(), "service": "runner-python"}
    line.update({key: value for key, value in context.items() if value is not None})
    line["msg"] = message
    text = json.dumps(line, ensure_ascii=False, default=str)
    with _lock:
        # A line in one piece, also when several attempts write at the same moment.
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
