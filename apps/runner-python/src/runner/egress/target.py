"""Parses and judges a URL, and pins the one address that may be dialled for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ada_url import URL

from .addresses import Address, is_public, parse_address
from .deadline import Deadline
from .egress_allow import EgressAllow, allows_address, allows_name, allows_some_address, bare_name
from .failures import EgressError
from .resolve import Resolve

PORTS = (80, 443, 8443)
URL_LENGTH_MAX = 8_192
ANY_HOST = "*"
_REFUSED_NAME = re.compile(r"(?:.*\.)?localhost|.*\.(?:local|internal)")


@dataclass(frozen=True)
class ParsedUrl:
    """A URL by the rules of WHATWG, parsed once: what is judged is what is dialled."""

    href: str
    origin: str
    hostname: str
    """As the URL has it: an IPv6 address in brackets."""
    host_and_port: str
    port: int
    is_tls: bool
    path: str
    search: str
    """With its question mark, or empty."""

    @property
    def host(self) -> str:
        return self.hostname.removeprefix("[").removesuffix("]")


@dataclass(frozen=True)
class Target:
    """A judged URL; `is_listed` when EGRESS_ALLOW opened it."""

    url: ParsedUrl
    address: str
    is_listed: bool


def parse_url(text: str, *, base: ParsedUrl | None = None, allowed_hosts: Sequence[str] | None = None) -> ParsedUrl:
    """Without allowed hosts for a redirect: it may leave them, without the credential."""
    try:
        if len(text) > URL_LENGTH_MAX:
            raise ValueError("too long")
        url = URL(text, None if base is None else base.href)
    except ValueError as error:
        raise EgressError("URL_INVALID", "URL") from error
    if url.protocol not in ("http:", "https:"):
        raise EgressError("URL_INVALID", "SCHEME")
    if url.username or url.password:
        raise EgressError("URL_INVALID", "URL")
    if allowed_hosts is not None and not is_allowed_host(url.hostname, allowed_hosts):
        raise EgressError("HOST_NOT_ALLOWED", "HOST")
    is_tls = url.protocol == "https:"
    return ParsedUrl(
        href=url.href,
        origin=url.origin,
        hostname=url.hostname,
        host_and_port=url.host,
        port=int(url.port) if url.port else 443 if is_tls else 80,
        is_tls=is_tls,
        path=url.pathname,
        search=url.search,
    )


def is_allowed_host(hostname: str, allowed_hosts: Sequence[str]) -> bool:
    """Lower-case names, `*.suffix` for any deeper name but not the suffix itself, or `*`."""
    is_literal = hostname.startswith("[") or parse_address(hostname) is not None

    def matches(allowed: str) -> bool:
        if allowed in (ANY_HOST, hostname):
            return True
        suffix = allowed[1:]
        return allowed.startswith("*.") and not is_literal and hostname.endswith(suffix) and len(hostname) > len(suffix)

    return any(matches(allowed) for allowed in allowed_hosts)


def judge(url: ParsedUrl, allow: EgressAllow, ports: Sequence[int], resolve: Resolve, deadline: Deadline) -> Target:
    """Looks the name up once and judges every address behind it; the first one is pinned."""
    literal = parse_address(url.host)
    broken = _broken_rule(url, ports, is_literal=literal is not None)
    is_listed_name = literal is None and allows_name(allow, url.host, url.port)
    if broken is not None and not is_listed_name and not allows_some_address(allow, url.port):
        raise broken
    addresses = _look_up(url.host, resolve, deadline, is_listed=is_listed_name) if literal is None else [literal]
    outside = [] if is_listed_name else [address for address in addresses if not allows_address(allow, address, url.port)]
    if outside and broken is not None:
        raise broken
    if not all(is_public(address) for address in outside):
        raise EgressError("ADDRESS_BLOCKED", "DNS" if literal is None else "ADDRESS")
    if not addresses:
        raise EgressError("DNS_NOT_FOUND", "DNS")
    return Target(url, str(addresses[0]), is_listed=not outside)


def _broken_rule(url: ParsedUrl, ports: Sequence[int], *, is_literal: bool) -> EgressError | None:
    """What only an entry in EGRESS_ALLOW can still open."""
    if url.port not in ports:
        return EgressError("PORT_NOT_ALLOWED", "PORT")
    if not is_literal and _REFUSED_NAME.fullmatch(bare_name(url.host)):
        return EgressError("ADDRESS_BLOCKED", "NAME")
    return None


def _look_up(host: str, resolve: Resolve, deadline: Deadline, *, is_listed: bool) -> list[Address]:
    addresses = [parse_address(text) for text in resolve(host, is_listed, deadline)]
    # A zone or anything else that is no plain address cannot be judged.
    if None in addresses:
        raise EgressError("ADDRESS_BLOCKED", "DNS")
    return [address for address in addresses if address is not None]
