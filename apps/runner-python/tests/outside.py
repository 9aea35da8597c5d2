"""The outside world's place: servers on loopback, look-ups by script, a dialer that records."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from runner.egress.connection import Connection, create_dial
from runner.egress.deadline import Deadline
from runner.egress.resolve import Resolve
from runner.egress.target import Target


@dataclass(frozen=True)
class Seen:
    """One request as it came in; lower-case header names."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


Reply = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


class Outside:
    """An HTTP server that records what it is asked."""

    def __init__(self, reply: Callable[[Seen, int], Reply], host: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[Seen] = []
        self.connections = 0
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
                seen = Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                outside.requests.append(seen)
                status, headers, payload = reply(seen, len(outside.requests) - 1)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(payload)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def get_request(self) -> tuple[socket.socket, object]:
                outside.connections += 1
                return super().get_request()

            def handle_error(self, *args: object) -> None:
                """A connection that a test had cut is no news."""

        self._server = Server((host, port), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RawServer:
    """Says exactly what `talk` sends, after the request's first bytes."""

    def __init__(self, talk: Callable[[socket.socket], None], wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._talk, self._wrap = talk, wrap
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            with self._wrap(sock) as stream:
                stream.recv(65_536)
                self._talk(stream)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def scripted_resolve(answers: dict[str, list[list[str]]]) -> Resolve:
    """The n-th look-up of a name gets its n-th list; the last one repeats. A name without lists must not be looked up."""
    look_ups: dict[str, int] = {}

    def resolve(name: str, is_listed: bool, deadline: Deadline) -> Sequence[str]:
        if name not in answers:
            raise AssertionError(f"{name} must not be looked up")
        number = look_ups.get(name, 0)
        look_ups[name] = number + 1
        return answers[name][min(number, len(answers[name]) - 1)]

    return resolve


class RecordingDial:
    """Loopback is really dialled; everything else is led, without TLS, to the server in the outside world's place."""

    def __init__(self, outside_port: int) -> None:
        self.dials: list[dict[str, object]] = []
        self._outside_port = outside_port
        self._really = create_dial()

    def __call__(self, target: Target, deadline: Deadline) -> Connection:
        self.dials.append({"host": target.url.host, "address": target.address, "port": target.url.port})
        if target.address.startswith("127.") or target.address == "::1":
            return self._really(target, deadline)
        return Connection(socket.create_connection(("127.0.0.1", self._outside_port)), deadline)
