"""What proves the caller to the other side, already in the form in which it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from .failures import EgressError
from .target import ANY_HOST, ParsedUrl, Target, is_allowed_host


@dataclass(frozen=True)
class Credential:
    """Goes to these hosts only, over TLS, or to what EGRESS_ALLOW opened."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    allowed_hosts: Sequence[str]


def assert_audience(target: Target, credential: Credential) -> None:
    named = [host for host in credential.allowed_hosts if host != ANY_HOST]
    if not is_allowed_host(target.url.hostname, named):
        raise EgressError("HOST_NOT_ALLOWED", "HOST")
    if not target.url.is_tls and not target.is_listed:
        raise EgressError("URL_INVALID", "SCHEME")


def path_of(url: ParsedUrl, credential: Credential | None) -> str:
    """Path and query as they are sent; the credential's parameters replace those of the same name."""
    if credential is None or not credential.query:
        return url.path + url.search
    kept = [pair for pair in url.search[1:].split("&") if pair != "" and _parts(pair)[0] not in credential.query]
    added = [f"{_encoded(name)}={_encoded(value)}" for name, value in credential.query.items()]
    return f"{url.path}?{'&'.join([*kept, *added])}"


def search_without(url: ParsedUrl, credential: Credential | None) -> str:
    """A server that repeats the credential's parameters in a redirect to somebody else does not spread them."""
    secrets = set() if credential is None else set(credential.query.values())
    if not secrets or url.search == "":
        return url.search
    kept = [pair for pair in url.search[1:].split("&") if _parts(pair)[1] not in secrets]
    return f"?{'&'.join(kept)}" if kept else ""


def _parts(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return unquote_plus(name), unquote_plus(value)


def _encoded(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise EgressError("REQUEST_INVALID") from error
