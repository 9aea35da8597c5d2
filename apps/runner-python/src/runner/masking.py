"""Hides the values of credentials in whatever leaves the process."""

from __future__ import annotations

import threading

from .json_values import Json

MASK = "***"
LENGTH_MIN = 4
"""Shorter values are part of ordinary words; hiding those would hide everything."""


class Masker:
    """Of one attempt: knows the secret values it was given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()

    def hide(self, secret: str) -> None:
        if len(secret) < LENGTH_MIN:
            return
        with self._lock:
            # The longest first, so that a secret inside another does not leave the rest of it visible.
            self._secrets = tuple(sorted({*self._secrets, secret}, key=len, reverse=True))

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def value(self, value: Json) -> Json:
        if not self._secrets:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(inner) for key, inner in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value
