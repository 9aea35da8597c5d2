"""EGRESS_ALLOW: what an operator opens beyond the rules for ports, names, addresses and TLS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network

from .addresses import Address, Network, parse_address, parse_network

_ENTRY = re.compile(r"(.+):([0-9]{1,5})")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True)
class AllowEntry:
    """`place` is a lower-case host name or a network."""

    place: str | Network
    port: int
    text: str


EgressAllow = tuple[AllowEntry, ...]


def parse_egress_allow(text: str) -> tuple[EgressAllow, list[str]]:
    """`host:port`, `address:port` or `CIDR:port`, comma-separated, IPv6 addresses in brackets; the entries and the problems."""
    parts = [part.strip() for part in text.split(",") if part.strip() != ""]
    parsed = [(part, _parse_entry(part)) for part in parts]
    entries = tuple(entry for _, entry in parsed if entry is not None)
    return entries, [f"{part} is neither host:port nor CIDR:port" for part, entry in parsed if entry is None]


def allows_name(allow: EgressAllow, host: str, port: int) -> bool:
    """An entry for exactly this name; a dot at its end changes nothing."""
    return any(entry.port == port and entry.place == bare_name(host) for entry in allow)


def allows_address(allow: EgressAllow, address: Address, port: int) -> bool:
    return any(entry.port == port and not isinstance(entry.place, str) and address in entry.place for entry in allow)


def allows_some_address(allow: EgressAllow, port: int) -> bool:
    """Whether the addresses behind a name could open this port."""
    return any(entry.port == port and not isinstance(entry.place, str) for entry in allow)


def bare_name(host: str) -> str:
    return host.removesuffix(".")


def _parse_entry(text: str) -> AllowEntry | None:
    match = _ENTRY.fullmatch(text.lower())
    if match is None or not 1 <= int(match.group(2)) <= 65_535:
        return None
    host, port = match.group(1), int(match.group(2))
    is_bracketed = host.startswith("[") and host.endswith("]")
    inner = host[1:-1] if is_bracketed else host
    if "/" in inner:
        network = parse_network(inner)
        return None if network is None else AllowEntry(network, port, text)
    address = parse_address(inner)
    if address is not None:
        # Without brackets the port of an IPv6 address could be its last group.
        is_clear = is_bracketed or ":" not in inner
        return AllowEntry(ip_network(address), port, text) if is_clear else None
    return AllowEntry(inner, port, text) if not is_bracketed and _HOST_NAME.fullmatch(inner) else None
