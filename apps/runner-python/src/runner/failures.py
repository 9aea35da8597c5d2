"""How steps and runs fail, as events carry it."""

from __future__ import annotations

import re

from .json_values import Json

MESSAGE_LENGTH_MAX = 2_000
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def is_code(text: object) -> bool:
    """Whether the text may be an error code: UPPER_SNAKE, at most 64 characters."""
    return isinstance(text, str) and _CODE.fullmatch(text) is not None


class StepFailed(Exception):
    """A step cannot succeed; `retryable` says whether another attempt of the run may."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after_seconds: float | None = None,
        step_key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds
        self.step_key = step_key

    def as_error(self) -> dict[str, Json]:
        """The `error` of an event."""
        error: dict[str, Json] = {"code": self.code, "message": _cut(self.message), "retryable": self.retryable}
        if self.step_key is not None:
            error["stepKey"] = self.step_key
        if self.retry_after_seconds is not None:
            error["retryAfterSeconds"] = self.retry_after_seconds
        return error


class StepTimedOut(StepFailed):
    """The step's time is up, whoever noticed first."""

    def __init__(self, seconds: float) -> None:
        super().__init__("STEP_TIMEOUT", f"the step took longer than {seconds:g} s", retryable=True)


def _cut(message: str) -> str:
    """The limit counts UTF-16 code units, as the orchestrator's JavaScript does; lone surrogates cannot be sent."""
    clean = message.encode("utf-8", "replace").decode("utf-8")
    units = clean.encode("utf-16-le")
    if len(units) <= 2 * MESSAGE_LENGTH_MAX:
        return clean
    return units[: 2 * (MESSAGE_LENGTH_MAX - 1)].decode("utf-16-le", "ignore") + "…"
