"""Hides the values of credentials in whatever leaves the process."""

from __future__ import annotations

import base64
import json
import re
import threading
from urllib.parse import quote

from .json_values import Json, is_number, number_text

MASK = "•••"
LENGTH_MIN = 4
"""Shorter values are part of ordinary words; hiding those would hide everything."""


class Masker:
    """Of one attempt: knows the secret values it was given, as they are and in hex, base64 (also inside a longer value),
    URL- and JSON-escaped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secret: str) -> None:
        if len(secret) < LENGTH_MIN:
            return
        with self._lock:
            self._forms |= _forms_of(secret)
            # The longest first, so that a secret inside another does not leave the rest of it visible.
            self._pattern = re.compile("|".join(map(re.escape, sorted(self._forms, key=len, reverse=True))))

    def text(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def value(self, value: Json) -> Json:
        """Strings, keys and numbers at any depth."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if is_number(value):
            return MASK if self._pattern.search(number_text(value)) else value
        if isinstance(value, dict):
            return {self.text(key): self.value(inner) for key, inner in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value


def _forms_of(secret: str) -> set[str]:
    data = secret.encode("utf-8", "replace")
    # What encodeURIComponent leaves, and what stricter encoders leave.
    urls = {quote(data, safe="!'()*"), quote(data, safe="")}
    escaped = {json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(secret)[1:-1]}
    forms = {secret, data.hex(), data.hex().upper()}
    forms |= urls | {url.replace("%20", "+") for url in urls} | {re.sub("%..", lambda octet: octet.group().lower(), url) for url in urls}
    forms |= escaped | {text.replace("/", "\\/") for text in escaped}
    for offset in range(3):
        forms |= _base64_at(data, offset)
    return forms


def _base64_at(data: bytes, offset: int) -> set[str]:
    """What is sure to occur in base64 text that holds the bytes `offset` bytes behind a group of three."""
    text = base64.b64encode(bytes(offset) + data).decode("ascii")
    sure = text[-(-8 * offset // 6) : 8 * (offset + len(data)) // 6]
    # Of a very short value too little is sure to tell it from other text.
    if len(sure) < LENGTH_MIN:
        return set()
    forms = {sure} | ({text, text.rstrip("=")} if offset == 0 else set())
    return forms | {form.replace("+", "-").replace("/", "_") for form in forms}
