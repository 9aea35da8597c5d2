"""All addresses of a name, IPv4 first."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

import dns.exception
import dns.resolver

from .deadline import Deadline
from .failures import EgressError

DNS_SECONDS = 2.0

Resolve = Callable[[str, bool, Deadline], Sequence[str]]
"""Given a name and whether EGRESS_ALLOW names it. Raises EgressError of stage DNS."""


def create_resolve(name_server: tuple[str, int] | None = None, seconds: float = DNS_SECONDS) -> Resolve:
    """Names that tenants choose are asked of the DNS alone: no hosts file, no search domains, and no call that a silent
    name server could hold. Names that the operator listed go through the operating system."""

    def resolve(name: str, is_listed: bool, deadline: Deadline) -> Sequence[str]:
        limit = min(seconds, deadline.remaining())
        return _ask_system(name, limit) if is_listed else _ask_dns(name, limit, name_server)

    return resolve


def _ask_dns(name: str, seconds: float, name_server: tuple[str, int] | None) -> list[str]:
    ends_at = time.monotonic() + seconds
    addresses: list[str] = []
    try:
        resolver = dns.resolver.Resolver(configure=name_server is None)
        if name_server is not None:
            resolver.nameservers, resolver.port = [name_server[0]], name_server[1]
        for kind in ("A", "AAAA"):
            lifetime = max(ends_at - time.monotonic(), 0.001)
            answer = resolver.resolve(name, kind, lifetime=lifetime, search=False, raise_on_no_answer=False)
            addresses.extend(record.address for record in answer.rrset or ())
    except dns.resolver.NXDOMAIN:
        return []
    except dns.exception.Timeout as error:
        raise EgressError("DNS_TIMEOUT", "DNS") from error
    except (dns.exception.DNSException, OSError, ValueError) as error:
        # A family that cannot be asked for may hold an address that is not allowed.
        raise EgressError("DNS_NOT_FOUND", "DNS") from error
    return addresses


def _ask_system(name: str, seconds: float) -> list[str]:
    """Python cannot end the call of the operating system: one that takes too long is left in its thread."""
    addresses: list[str] = []
    done = threading.Event()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found.sort(key=lambda entry: entry[0] != socket.AF_INET)
            addresses.extend(str(entry[4][0]) for entry in found)
        except (OSError, UnicodeError):
            pass
        done.set()

    threading.Thread(target=ask, name=f"resolve-{name}", daemon=True).start()
    if not done.wait(seconds):
        raise EgressError("DNS_TIMEOUT", "DNS")
    return addresses
