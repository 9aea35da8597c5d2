"""One request and its answer over one open connection."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore

from .connection import Connection
from .failures import EgressError
from .target import ParsedUrl

HEAD_BYTES_MAX = 16 * 1024
_BODY_METHODS = ("POST", "PUT", "PATCH")
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_HEAD_TOO_LARGE = 431


@dataclass(frozen=True)
class Outgoing:
    """One request as it goes over the connection; lower-case header names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Head:
    """The values of a repeated header are joined with ", "; lower-case names."""

    status: int
    headers: Mapping[str, str]
    location: str | None
    """Where a redirect leads."""


class Exchange:
    """Used in a `with`: the connection is closed afterwards whatever happened."""

    def __init__(self, connection: Connection, url: ParsedUrl, outgoing: Outgoing) -> None:
        scheme, host = (b"https" if url.is_tls else b"http"), url.host.encode("ascii")
        self._http = httpcore.HTTP11Connection(origin=httpcore.Origin(scheme, host, url.port), stream=connection)
        length = None if outgoing.body is None and outgoing.method not in _BODY_METHODS else len(outgoing.body or b"")
        own = {"host": url.host_and_port, "connection": "close", **({} if length is None else {"content-length": str(length)})}
        self._request = httpcore.Request(
            method=outgoing.method,
            url=httpcore.URL(scheme=scheme, host=host, port=url.port, target=outgoing.path.encode("ascii")),
            headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in {**own, **outgoing.headers}.items()],
            content=outgoing.body,
        )
        self._response: httpcore.Response | None = None

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def head(self) -> Head:
        """Sends the request and reads the answer's head."""
        try:
            self._response = self._http.handle_request(self._request)
        except (httpcore.ProtocolError, httpcore.NetworkError) as error:
            raise _invalid(error) from error
        raw = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self._response.headers]
        if sum(len(name) + len(value) + 4 for name, value in raw) > HEAD_BYTES_MAX:
            raise EgressError("RESPONSE_TOO_LARGE")
        headers: dict[str, str] = {}
        for name, value in raw:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        is_doubtful = "content-length" in headers and "transfer-encoding" in headers
        # Two places to go to are none: intermediaries would take either.
        if self._response.status < 200 or is_doubtful or sum(name == "location" for name, _ in raw) > 1:
            raise EgressError("RESPONSE_INVALID")
        return Head(self._response.status, headers, headers.get("location") if is_redirect(self._response.status) else None)

    def body(self, head: Head, bytes_max: int) -> bytes:
        """The whole body, unpacked; raises EgressError above the cap, packed or unpacked."""
        if self._response is None:
            raise RuntimeError("head() comes first")
        announced = head.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and self._request.method != b"HEAD" and int(announced[:20]) > bytes_max:
            raise EgressError("RESPONSE_TOO_LARGE")
        packed = bytearray()
        try:
            for chunk in self._response.iter_stream():
                packed += chunk
                if len(packed) > bytes_max:
                    raise EgressError("RESPONSE_TOO_LARGE")
        except (httpcore.ProtocolError, httpcore.NetworkError) as error:
            raise _invalid(error) from error
        return _unpacked(bytes(packed), head.headers.get("content-encoding", "identity"), bytes_max)


def is_redirect(status: int) -> bool:
    return status in (301, 302, 303, 307, 308)


def _unpacked(packed: bytes, coding: str, bytes_max: int) -> bytes:
    name = coding.strip().lower()
    if packed == b"" or name in ("identity", ""):
        return packed
    if name not in _WINDOW_BITS:
        raise EgressError("RESPONSE_INVALID")
    unpacker = zlib.decompressobj(_WINDOW_BITS[name])
    try:
        plain = unpacker.decompress(packed, bytes_max + 1)
    except zlib.error as error:
        raise EgressError("RESPONSE_INVALID") from error
    if len(plain) > bytes_max:
        raise EgressError("RESPONSE_TOO_LARGE")
    if not unpacker.eof:
        raise EgressError("RESPONSE_INVALID")
    return plain


def _invalid(error: Exception) -> EgressError:
    hint = getattr(error.__cause__, "error_status_hint", None)
    if isinstance(error, httpcore.LocalProtocolError):
        return EgressError("REQUEST_INVALID")
    return EgressError("RESPONSE_TOO_LARGE" if hint == _HEAD_TOO_LARGE else "RESPONSE_INVALID")
