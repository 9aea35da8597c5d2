"""JSON values as JavaScript sees them, so that runners in all languages give the same results."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

Json = Any


def is_number(value: Json) -> bool:
    """In Python a boolean is a number; in JSON it is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(left: Json, right: Json) -> bool:
    """Deep equality of JSON: 1 equals 1.0, true does not equal 1, the order of properties does not matter."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right))
    return type(left) is type(right) and bool(left == right)


def utf16(text: str) -> bytes:
    """Sorts like JavaScript compares strings: by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def number_text(value: int | float) -> str:
    """A number as ECMAScript's Number::toString writes it (https://tc39.es/ecma262/#sec-numeric-types-number-tostring)."""
    if isinstance(value, int):
        return str(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "null"
    sign, digits_tuple, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, digits_tuple))
    point = len(digits) + int(exponent)
    if 0 < point <= 21:
        body = digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        body = f"0.{'0' * -point}{digits}"
    else:
        mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
        body = f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"-{body}" if sign else body


def json_text(value: Json) -> str:
    """Compact JSON text, as JSON.stringify writes it."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{json_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return number_text(value) if is_number(value) else json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def byte_size(value: Json) -> int:
    """The length of the value as UTF-8 JSON text; raises ValueError or TypeError for what is not JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "surrogatepass"))
