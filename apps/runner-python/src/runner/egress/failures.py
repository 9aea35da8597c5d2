"""How an outgoing call fails: stage, code, a fixed message, and whether it may pass by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["POLICY", "DNS", "CONNECT", "TLS", "HTTP"]
Rule = Literal["URL", "SCHEME", "HOST", "PORT", "NAME", "ADDRESS", "DNS", "PEER"]
"""The rule that refused a target, finer than the code."""


@dataclass(frozen=True)
class Kind:
    """What is the same for every failure of one code."""

    stage: Stage
    message: str
    is_temporary: bool


FAILURES = {
    "REQUEST_INVALID": Kind("POLICY", "the method, a header or the body cannot be sent", False),
    "URL_INVALID": Kind("POLICY", "the URL is not http or https, names a user, or would carry a credential without TLS", False),
    "HOST_NOT_ALLOWED": Kind("POLICY", "the host is not one of the allowed hosts", False),
    "PORT_NOT_ALLOWED": Kind("POLICY", "the port is not 80, 443 or 8443", False),
    "ADDRESS_BLOCKED": Kind("POLICY", "the host is not on the public internet", False),
    "DNS_NOT_FOUND": Kind("DNS", "the host name has no address", True),
    "DNS_TIMEOUT": Kind("DNS", "the host name could not be looked up in time", True),
    "CONNECT_REFUSED": Kind("CONNECT", "the connection was refused", True),
    "CONNECT_TIMEOUT": Kind("CONNECT", "the connection did not come about in time", True),
    "TLS_UNTRUSTED": Kind("TLS", "the certificate is not trusted or not valid now", False),
    "TLS_HOST_MISMATCH": Kind("TLS", "the certificate is for another host", False),
    "TLS_FAILED": Kind("TLS", "the TLS handshake failed", True),
    "TIMEOUT": Kind("HTTP", "the answer did not come in time", True),
    "TOO_MANY_REDIRECTS": Kind("HTTP", "the answer redirects too often", False),
    "RESPONSE_TOO_LARGE": Kind("HTTP", "the answer is too large", False),
    "RESPONSE_INVALID": Kind("HTTP", "the answer is not HTTP, is cut off or cannot be unpacked", True),
}


class EgressError(Exception):
    """The call failed. `hop` is 0 for the request itself, n for its n-th redirect."""

    def __init__(self, code: str, rule: Rule | None = None) -> None:
        super().__init__(FAILURES[code].message)
        self.code = code
        self.rule = rule
        self.hop = 0

    @property
    def kind(self) -> Kind:
        return FAILURES[self.code]
