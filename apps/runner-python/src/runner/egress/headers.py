"""What goes along with a request, and what is left behind when a redirect leads to another origin."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .failures import EgressError

COUNT_MAX = 100
BYTES_MAX = 32 * 1024
DEFAULTS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "control-plane"}

_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OWN = re.compile(r"connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*")
"""They belong to the connection, and a second `host` would name another server than the one that was judged."""

_KEPT_ACROSS_ORIGINS = {
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "idempotency-key",
    "traceparent",
    "user-agent",
}
"""A header of any other name may be a credential."""


def outgoing_headers(*given: Mapping[str, str]) -> dict[str, str]:
    """Lower-case names; later headers win. Raises EgressError for what cannot be sent."""
    entries = [(name.lower(), value) for headers in given for name, value in headers.items()]
    size = sum(len(name) + len(value) for name, value in entries)
    for name, value in entries:
        if not _NAME.fullmatch(name) or _OWN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise EgressError("REQUEST_INVALID")
    if len(entries) > COUNT_MAX or size > BYTES_MAX:
        raise EgressError("REQUEST_INVALID")
    # A blank around a value is no part of it.
    return {**DEFAULTS, **{name: value.strip("\t ") for name, value in entries}}


def headers_for_other_origin(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in _KEPT_ACROSS_ORIGINS}


def headers_without_body(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
