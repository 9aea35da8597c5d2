"""What an action gets to work with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from .contract import Step
from .credentials import Credentials
from .egress import Egress
from .json_values import Json
from .log_lines import LogLevel


@dataclass(frozen=True)
class Outside:
    """How the steps of one attempt call out."""

    egress: Egress
    credentials: Credentials
    traceparent: str | None


@dataclass(frozen=True)
class StepContext:
    """An action must end soon after `halt` is set: the run is cancelled, or the step's time is up."""

    step: Step
    input: dict[str, Json]
    log: Callable[[LogLevel, str, dict[str, Json]], None]
    halt: threading.Event
    outside: Outside


Action = Callable[[StepContext], Json]
"""Returns the step's output; raises StepFailed."""
