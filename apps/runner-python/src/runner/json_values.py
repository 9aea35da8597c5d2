"""JSON values as every runner understands them. A number keeps the digits it came with."""

from __future__ import annotations

import json
import re
import secrets
from decimal import Decimal, InvalidOperation
from typing import Any

Json = Any

NUMBER_DIGITS_MAX = 1_000
"""A number of the contract has at most so many digits when it is written out."""

_NUMBER = re.compile(r"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")


class Number(Decimal):
    """A number with a fraction or an exponent: its value to the last digit, and its text. Whole numbers are ints."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        try:
            self = super().__new__(cls, text)
        except InvalidOperation as error:
            raise ValueError("a number that nothing can hold") from error
        self.text = text
        return self


def read_json(text: str | bytes) -> Json:
    """Raises ValueError for what is not JSON."""
    return json.loads(text, parse_float=Number, parse_constant=_refuse)


def read_bounded_json(text: str) -> Json:
    """The same of JSON from outside, whose numbers may have any number of digits; raises ValueError when one has too many."""
    return json.loads(text, parse_float=_bounded_number, parse_int=_bounded_int, parse_constant=_refuse)


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _bounded_int(text: str) -> int:
    _check_digits(text)
    return int(text)


def _bounded_number(text: str) -> Number:
    _check_digits(text)
    return Number(text)


def _check_digits(text: str) -> None:
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > 2 * NUMBER_DIGITS_MAX:
        raise ValueError("a number that is too long")
    whole, fraction, exponent = match.group(1), match.group(2) or "", int(match.group(3) or 0)
    if max(len(whole) + exponent, 1) + max(len(fraction) - exponent, 0) > NUMBER_DIGITS_MAX:
        raise ValueError("a number that is too long when it is written out")


def is_number(value: Json) -> bool:
    """In Python a boolean is a number; in JSON it is not."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


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


def number_text(value: int | float | Decimal) -> str:
    """As JSON writes it: what came with a text keeps it."""
    return value.text if isinstance(value, Number) else json.dumps(value)


_MARK = f"\0{secrets.token_hex(4)}:"
"""In front of a number's text while it is written as a text: U+0000 is in no text that can be stored, the rest is ours alone."""
_MARK_IN_JSON = json.dumps(_MARK)[1:-1]
_MARKED = re.compile(f'"{re.escape(_MARK_IN_JSON)}([^"]*)"')


def _marked(value: object) -> str:
    if isinstance(value, Number):
        return _MARK + value.text
    raise TypeError(f"{type(value).__name__} is not JSON")


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_marked)


def json_text(value: Json) -> str:
    """Compact JSON text; raises ValueError or TypeError for what is not JSON."""
    text = _encoder.encode(value)
    return _MARKED.sub(r"\1", text) if _MARK_IN_JSON in text else text


def byte_size(value: Json) -> int:
    """The length of the value as UTF-8 JSON text; raises ValueError or TypeError for what is not JSON."""
    return len(json_text(value).encode("utf-8", "surrogatepass"))
