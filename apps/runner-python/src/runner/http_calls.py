"""What a step asks of the outside: `http.request` from its input, a declarative request from its action and its input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from .contract import Step
from .egress import METHODS
from .failures import StepFailed
from .json_values import Json, is_number, json_text
from .values import resolve

_PARAMETER = re.compile(r"\{([^{}]+)\}")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class HttpCall:
    """One request without credential; `body` is None when there is none."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


def call_of_input(step_input: Mapping[str, Json]) -> HttpCall:
    """Of `http.request`; raises StepFailed."""
    method, url, headers = step_input.get("method", "GET"), step_input.get("url"), step_input.get("headers", {})
    if method not in METHODS:
        raise StepFailed("INPUT_INVALID", f"method must be one of {', '.join(METHODS)}")
    if not isinstance(url, str):
        raise StepFailed("INPUT_INVALID", "url must be a text")
    if not isinstance(headers, dict):
        raise StepFailed("INPUT_INVALID", "headers must be an object")
    return _with_body(method, url, _texts(headers, "headers"), step_input.get("body"))


def call_of_request(step: Step, step_input: dict[str, Json]) -> HttpCall:
    """Of an action's `request`; raises StepFailed. Its references reach the step's resolved input, nothing else."""
    request = step.request or {}
    method, path = request.get("method"), request.get("path")
    query, headers = request.get("query", {}), request.get("headers", {})
    fits = isinstance(path, str) and path.startswith("/") and isinstance(query, dict) and isinstance(headers, dict)
    if method not in METHODS or not fits or not step.base_url or re.search(r"[?#]", step.base_url):
        raise StepFailed("DEFINITION_INVALID", "the action's request or base URL is not well-formed")
    scope = {"input": step_input}
    filled = _fill(path, step_input)
    pairs = _pairs({name: resolve(value, scope) for name, value in query.items()})
    separator = "" if not pairs else "&" if "?" in filled else "?"
    url = f"{step.base_url.rstrip('/')}{filled}{separator}{pairs}"
    sent_headers = _texts({name: resolve(value, scope) for name, value in headers.items()}, "headers")
    return _with_body(method, url, sent_headers, resolve(request.get("body"), scope))


def _fill(template: str, step_input: Mapping[str, Json]) -> str:
    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        text = _text(step_input.get(name))
        # An empty segment would address the collection instead of its member.
        if not text:
            raise StepFailed("INPUT_INVALID", f"{name} must be a text, number or boolean, and not empty")
        return _encoded(text)

    filled = _PARAMETER.sub(value_of, template)
    # A parser would climb to another place of the API.
    if _DOT_SEGMENT.search(filled.partition("?")[0]):
        raise StepFailed("INPUT_INVALID", "the path would have a segment of dots")
    return filled


def _pairs(query: Mapping[str, Json]) -> str:
    """A list gives its name several times; null gives nothing."""
    pairs = []
    for name, value in query.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                pairs.append(f"{_encoded(name)}={_encoded(json_text(item) if isinstance(item, (dict, list)) else _text(item) or '')}")
    return "&".join(pairs)


def _texts(headers: Mapping[str, Json], what: str) -> dict[str, str]:
    texts = {name: _text(value) for name, value in headers.items() if value is not None}
    if None in texts.values():
        raise StepFailed("INPUT_INVALID", f"the values of {what} must be texts, numbers or booleans")
    return {name: text for name, text in texts.items() if text is not None}


def _with_body(method: str, url: str, headers: dict[str, str], body: Json) -> HttpCall:
    """A text goes out as it is, everything else as JSON; null is no body."""
    if body is None:
        return HttpCall(method, url, headers, None)
    text, kind = (body, "text/plain; charset=utf-8") if isinstance(body, str) else (json_text(body), "application/json")
    named = any(name.lower() == "content-type" for name in headers)
    try:
        return HttpCall(method, url, headers if named else {**headers, "content-type": kind}, text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise StepFailed("INPUT_INVALID", "the body has half a surrogate pair") from error


def _text(value: Json) -> str | None:
    if isinstance(value, str):
        return value
    return json_text(value) if is_number(value) or isinstance(value, bool) else None


def _encoded(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise StepFailed("INPUT_INVALID", "a text of the URL has half a surrogate pair") from error
