"""One connection to exactly one judged address, under one deadline."""

from __future__ import annotations

import selectors
import socket
import ssl
from collections.abc import Callable
from typing import Any

import httpcore
import httpx

from .addresses import parse_address
from .deadline import Deadline
from .egress_allow import bare_name
from .failures import EgressError
from .target import Target

CONNECT_SECONDS = 3.0
TLS_SECONDS = 5.0
LOOK_UP_SECONDS = 0.25
"""So soon a wait notices that its step was halted."""

_HOST_MISMATCH = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

Dial = Callable[[Target, Deadline], "Connection"]
"""Raises EgressError of stage CONNECT or TLS."""


class Connection(httpcore.NetworkStream):
    """Never blocks longer than its deadline, however slowly the other side drips."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return _patiently(lambda: self._sock.recv(max_bytes), self._sock, selectors.EVENT_READ, self._deadline)
        except ssl.SSLEOFError:
            return b""
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        try:
            while view:
                sent = _patiently(lambda rest=view: self._sock.send(rest), self._sock, selectors.EVENT_WRITE, self._deadline)
                view = view[sent:]
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        return None


def create_dial(
    context: ssl.SSLContext | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    tls_seconds: float = TLS_SECONDS,
) -> Dial:
    """The context says which certificates are trusted; default: those that httpx brings."""
    trusted = httpx.create_ssl_context() if context is None else context
    trusted.set_alpn_protocols(["http/1.1"])

    def dial(target: Target, deadline: Deadline) -> Connection:
        sock = _connect(target, min(connect_seconds, deadline.remaining()))
        if target.url.is_tls:
            sock = _secure(sock, target, trusted, deadline.within(tls_seconds))
        return Connection(sock, deadline)

    return dial


def _connect(target: Target, seconds: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect((target.address, target.url.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = parse_address(sock.getpeername()[0])
    except OSError as error:
        sock.close()
        raise EgressError("CONNECT_TIMEOUT" if isinstance(error, TimeoutError) else "CONNECT_REFUSED") from error
    if peer is None or str(peer) != target.address:
        sock.close()
        raise EgressError("ADDRESS_BLOCKED", "PEER")
    return sock


def _secure(sock: socket.socket, target: Target, context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    # Server Name Indication carries names only, and without a dot at the end; Python leaves it out for an address.
    secured = context.wrap_socket(sock, server_hostname=bare_name(target.url.host), do_handshake_on_connect=False)
    secured.setblocking(False)
    try:
        _patiently(secured.do_handshake, secured, selectors.EVENT_READ, deadline)
    except (OSError, ValueError, EgressError) as error:
        secured.close()
        raise EgressError(_tls_code(error)) from error
    return secured


def _tls_code(error: Exception) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return "TLS_FAILED"
    return "TLS_HOST_MISMATCH" if error.verify_code in _HOST_MISMATCH else "TLS_UNTRUSTED"


def _patiently(act: Callable[[], Any], sock: socket.socket, event: int, deadline: Deadline) -> Any:
    """Repeats what would block until it succeeds or the deadline is over. TLS may want to read in order to write."""
    while True:
        try:
            return act()
        except ssl.SSLWantReadError:
            _wait(sock, selectors.EVENT_READ, deadline)
        except ssl.SSLWantWriteError:
            _wait(sock, selectors.EVENT_WRITE, deadline)
        except BlockingIOError:
            _wait(sock, event, deadline)


def _wait(sock: socket.socket, event: int, deadline: Deadline) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, event)
        while not selector.select(min(deadline.remaining(), LOOK_UP_SECONDS)):
            pass
