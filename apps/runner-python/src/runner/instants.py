"""Instants as RFC 3339 text, as all contracts write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_FRACTION = re.compile(r"\.(\d+)")


def instant_now() -> str:
    """The present instant in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Reads RFC 3339; raises ValueError. Python 3.10 itself reads neither `Z` nor fractions of any length."""
    plain = _FRACTION.sub(lambda match: "." + match.group(1)[:6].ljust(6, "0"), text)
    if plain[-1:] in ("Z", "z"):
        plain = plain[:-1] + "+00:00"
    instant = datetime.fromisoformat(plain)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(timezone.utc)
