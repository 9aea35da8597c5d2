"""Values of a workflow definition: pointers, text, literals; and the conditions of steps.

The rules are in docs/runner-contract.md. Nothing is evaluated as code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .failures import StepFailed
from .json_values import Json, equal, is_number, json_text, utf16

Scope = Mapping[str, Json]
"""What pointers reach: `input`, `steps`, `trigger`, `run`."""

_NOWHERE = object()
_INDEX = re.compile(r"0|[1-9][0-9]*")


class RefUnresolved(StepFailed):
    """A pointer without a default leads nowhere."""

    def __init__(self, pointer: str) -> None:
        super().__init__("REF_UNRESOLVED", f"{pointer} leads nowhere")


def resolve(value: Json, scope: Scope) -> Json:
    """Replaces every operator inside the value; raises StepFailed."""
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    operator = next((key for key in value if key.startswith("$")), None)
    if operator is None:
        return {key: resolve(inner, scope) for key, inner in value.items()}
    return _operate(operator, value, scope)


def _operate(operator: str, value: dict[str, Json], scope: Scope) -> Json:
    keys = value.keys()
    if operator == "$literal" and len(keys) == 1:
        return value["$literal"]
    if operator == "$ref" and keys <= {"$ref", "default"} and isinstance(value["$ref"], str):
        found = follow(value["$ref"], scope)
        if found is not _NOWHERE:
            return found
        if "default" in value:
            return resolve(value["default"], scope)
        raise RefUnresolved(value["$ref"])
    if operator == "$text" and len(keys) == 1 and isinstance(value["$text"], list):
        return "".join(_as_text(resolve(part, scope)) for part in value["$text"])
    raise StepFailed("DEFINITION_INVALID", f"an object with {operator} is not an operator this runner knows")


def _as_text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value)


def follow(pointer: str, scope: Scope) -> Json:
    """Walks an RFC 6901 pointer. What a pointer leads to is data: operators in it are not looked at."""
    place: Json = scope
    if not pointer.startswith("/"):
        return _NOWHERE
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list):
            if _INDEX.fullmatch(key) is None or len(key) > 10 or int(key) >= len(place):
                return _NOWHERE
            place = place[int(key)]
        elif isinstance(place, Mapping) and key in place:
            place = place[key]
        else:
            return _NOWHERE
    return place


def holds(condition: Json, scope: Scope) -> bool:
    """Whether a step's `when` lets it run; an absent one does. Raises StepFailed."""
    if condition is None:
        return True
    if not isinstance(condition, dict) or not isinstance(condition.get("op"), str) or "left" not in condition:
        raise StepFailed("DEFINITION_INVALID", "when is not a condition")
    op = condition["op"]
    if op == "EXISTS":
        return _exists(condition["left"], scope)
    test = _TESTS.get(op)
    if test is None:
        raise StepFailed("DEFINITION_INVALID", f"{op} is not an operator of conditions")
    return test(resolve(condition["left"], scope), resolve(condition.get("right"), scope))


def _exists(value: Json, scope: Scope) -> bool:
    try:
        return resolve(value, scope) is not None
    except RefUnresolved:
        return False


def _ordered(test: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    """Two numbers or two strings can be compared; anything else is false."""

    def compare(left: Json, right: Json) -> bool:
        if is_number(left) and is_number(right):
            return test(left, right)
        if isinstance(left, str) and isinstance(right, str):
            return test(utf16(left), utf16(right))
        return False

    return compare


_TESTS: Mapping[str, Callable[[Json, Json], bool]] = {
    "EQ": equal,
    "NE": lambda left, right: not equal(left, right),
    "GT": _ordered(lambda left, right: left > right),
    "GTE": _ordered(lambda left, right: left >= right),
    "LT": _ordered(lambda left, right: left < right),
    "LTE": _ordered(lambda left, right: left <= right),
    "IN": lambda left, right: isinstance(right, list) and any(equal(left, item) for item in right),
}
