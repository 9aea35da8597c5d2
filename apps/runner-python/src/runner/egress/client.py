"""The one way out for calls that tenants choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .connection import Dial, create_dial
from .credential import Credential, assert_audience, path_of, search_without
from .deadline import Deadline
from .egress_allow import EgressAllow
from .exchange import Exchange, Outgoing
from .failures import EgressError
from .headers import headers_for_other_origin, headers_without_body, outgoing_headers
from .resolve import Resolve, create_resolve
from .target import PORTS, ParsedUrl, judge, parse_url

REDIRECTS_MAX = 3
ANSWER_BYTES_MAX = 1024 * 1024
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class EgressRequest:
    """`allowed_hosts` says where the URL may lead; `total_seconds` is for everything together, redirects included."""

    method: str
    url: str
    allowed_hosts: Sequence[str]
    total_seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    credential: Credential | None = None
    is_halted: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Answer:
    """Lower-case header names; the body is unpacked. `url` never holds the credential."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True)
class _Hop:
    """One request of a chain of redirects; the credential is gone once one has led to another origin."""

    url: ParsedUrl
    method: str
    headers: Mapping[str, str]
    body: bytes | None
    credential: Credential | None


class Egress:
    """May be used by many threads at once."""

    def __init__(
        self,
        allow: EgressAllow,
        *,
        resolve: Resolve | None = None,
        dial: Dial | None = None,
        ports: Sequence[int] = PORTS,
    ) -> None:
        self._allow = allow
        self._resolve = create_resolve() if resolve is None else resolve
        self._dial = create_dial() if dial is None else dial
        self._ports = ports

    def send(self, request: EgressRequest) -> Answer:
        """Whatever the status. Raises EgressError when there is no answer that may be taken."""
        deadline = Deadline(request.total_seconds, request.is_halted)
        number = 0
        try:
            if request.method not in METHODS:
                raise EgressError("REQUEST_INVALID")
            url = parse_url(request.url, allowed_hosts=request.allowed_hosts)
            hop = _Hop(url, request.method, request.headers, request.body, request.credential)
            while True:
                answer, location = self._send_hop(hop, deadline)
                if location is None:
                    return answer
                number += 1
                if number > REDIRECTS_MAX:
                    raise EgressError("TOO_MANY_REDIRECTS")
                hop = _redirected(hop, answer.status, location)
        except EgressError as error:
            error.hop = number
            raise

    def _send_hop(self, hop: _Hop, deadline: Deadline) -> tuple[Answer, str | None]:
        """The answer; without its body, and with the place to go to, when it is a redirect."""
        target = judge(hop.url, self._allow, self._ports, self._resolve, deadline)
        credential_headers: Mapping[str, str] = {}
        if hop.credential is not None:
            assert_audience(target, hop.credential)
            credential_headers = hop.credential.headers
        headers = outgoing_headers(hop.headers, credential_headers)
        outgoing = Outgoing(hop.method, path_of(hop.url, hop.credential), headers, hop.body)
        with Exchange(self._dial(target, deadline), hop.url, outgoing) as exchange:
            head = exchange.head()
            body = b"" if head.location is not None else exchange.body(head, ANSWER_BYTES_MAX)
            return Answer(head.status, head.headers, body, hop.url.href), head.location


def _redirected(hop: _Hop, status: int, location: str) -> _Hop:
    """303 asks for a GET; every other redirect keeps method and body: a POST that silently becomes a GET looks like success."""
    url = parse_url(location, base=hop.url)
    if url.origin != hop.url.origin:
        search = search_without(url, hop.credential)
        url = replace(url, search=search, href=f"{url.origin}{url.path}{search}")
        hop = replace(hop, headers=headers_for_other_origin(hop.headers), credential=None)
    if status != 303:
        return replace(hop, url=url)
    method = "HEAD" if hop.method == "HEAD" else "GET"
    return replace(hop, url=url, method=method, headers=headers_without_body(hop.headers), body=None)
