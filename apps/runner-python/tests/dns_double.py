"""A name server over UDP in the place of the DNS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Answers = Callable[[str, str], object]
"""Given a name and `A` or `AAAA`: addresses, NXDOMAIN, SERVFAIL, or `silence`."""


class DnsDouble:
    """Answers on 127.0.0.1:port."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # An empty datagram wakes the thread that waits.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))

    def _serve(self) -> None:
        with self._socket:
            while True:
                data, sender = self._socket.recvfrom(4_096)
                if data == b"":
                    return
                query = dns.message.from_wire(data)
                question = query.question[0]
                name = question.name.to_text(omit_final_dot=True)
                kind = dns.rdatatype.to_text(question.rdtype)
                given = self._answers(name, kind)
                if given == "silence":
                    continue
                response = dns.message.make_response(query)
                response.flags |= dns.flags.RA
                if isinstance(given, str):
                    response.set_rcode(dns.rcode.from_text(given))
                elif isinstance(given, list) and given:
                    response.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *given))
                self._socket.sendto(response.to_wire(), sender)
