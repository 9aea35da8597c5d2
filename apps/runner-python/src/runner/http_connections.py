"""Kept-alive HTTP connections to our own services: one pool for all attempts of the process."""

from __future__ import annotations

import http.client
import select
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

IDLE_MAX = 32


class NoAnswer(Exception):
    """The call got no answer; whether it arrived is open."""


@dataclass(frozen=True)
class Reply:
    """`headers` finds names whatever their case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpConnections:
    """May be used by many threads at once. Follows no redirect and uses no proxy of the environment: these calls stay inside."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._trusted = httpx.create_ssl_context()
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._closed = False

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Whatever the status. Raises NoAnswer."""
        parts = urlsplit(url)
        origin = (parts.scheme, parts.netloc)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = self._take(origin)
        try:
            connection.request("POST", target, body, {"content-type": "application/json", **headers})
            response = connection.getresponse()
            reply = Reply(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        if response.will_close:
            connection.close()
        else:
            self._keep(origin, connection)
        return reply

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle = [connection for connections in self._idle.values() for connection in connections]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _take(self, origin: tuple[str, str]) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                connection = idle.pop() if idle else None
            if connection is None:
                return self._create(origin)
            if not _is_readable(connection):
                return connection
            # The other side has ended it meanwhile.
            connection.close()

    def _create(self, origin: tuple[str, str]) -> http.client.HTTPConnection:
        scheme, netloc = origin
        if scheme == "https":
            return http.client.HTTPSConnection(netloc, timeout=self._timeout_seconds, context=self._trusted)
        return http.client.HTTPConnection(netloc, timeout=self._timeout_seconds)

    def _keep(self, origin: tuple[str, str], connection: http.client.HTTPConnection) -> None:
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if not self._closed and len(idle) < IDLE_MAX:
                idle.append(connection)
                return
        connection.close()


def _is_readable(connection: http.client.HTTPConnection) -> bool:
    """Nothing comes on an idle connection but its end."""
    if connection.sock is None:
        return True
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
