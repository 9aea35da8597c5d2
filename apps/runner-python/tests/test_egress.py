import gzip
import socket
import threading
import tracemalloc
import unittest
import unittest.mock
import zlib
from collections.abc import Callable
from typing import Any

from runner.egress import Answer, Credential, Egress, EgressError, EgressRequest, parse_egress_allow
from tests.outside import Outside, RawServer, RecordingDial, Reply, Seen

CREDENTIAL = Credential({"authorization": "Bearer s3cret-token"}, {"api_key": "s3cret-key"}, ["127.0.0.1", "*.example"])
MIB = 1024 * 1024


def ok(seen: Seen, index: int) -> Reply:
    return 200, {}, b"done"


def redirect_to(location: str, status: int = 302) -> Callable[[Seen, int], Reply]:
    return lambda seen, index: (status, {"location": location}, b"") if seen.path.startswith("/start") else (200, {}, b"done")


class EgressTest(unittest.TestCase):
    def outside(self, reply: Callable[[Seen, int], Reply]) -> Outside:
        server = Outside(reply)
        self.addCleanup(server.close)
        return server

    def raw(self, talk: Callable[[socket.socket], None]) -> RawServer:
        server = RawServer(talk)
        self.addCleanup(server.close)
        return server

    def send(self, port: int, *more: int, **over: Any) -> Answer:
        allow, _ = parse_egress_allow(",".join(f"127.0.0.1:{number}" for number in (port, *more)))
        egress = Egress(allow, resolve=lambda name, is_listed, deadline: ["127.0.0.1"])
        given = {"method": "GET", "url": f"http://127.0.0.1:{port}/start", "allowed_hosts": ["127.0.0.1", "*.example"], "total_seconds": 20.0, **over}
        return egress.send(EgressRequest(**given))

    def refusal(self, port: int, **over: Any) -> tuple[str, int]:
        with self.assertRaises(EgressError) as caught:
            self.send(port, **over)
        return caught.exception.code, caught.exception.hop


class RedirectTest(EgressTest):
    def test_inside(self) -> None:
        """a redirect inside the origin keeps the credential"""
        server = self.outside(redirect_to("/next?page=2"))

        answer = self.send(server.port, credential=CREDENTIAL)

        self.assertEqual((200, f"http://127.0.0.1:{server.port}/next?page=2"), (answer.status, answer.url))
        self.assertEqual(
            [("/start?api_key=s3cret-key", "Bearer s3cret-token"), ("/next?page=2&api_key=s3cret-key", "Bearer s3cret-token")],
            [(seen.path, seen.headers["authorization"]) for seen in server.requests],
        )

    def test_other_port(self) -> None:
        """a redirect to another port leaves credential, cookie and unknown headers behind"""
        other = self.outside(ok)
        server = self.outside(redirect_to(f"http://127.0.0.1:{other.port}/landing?echoed=s3cret-key&page=2"))

        self.send(server.port, other.port, credential=CREDENTIAL, headers={"Cookie": "a=1", "X-Api-Key": "typed", "Idempotency-Key": "k"})

        self.assertEqual("typed", server.requests[0].headers["x-api-key"])
        self.assertEqual("/landing?page=2", other.requests[0].path)
        self.assertEqual({"accept", "accept-encoding", "connection", "host", "idempotency-key", "user-agent"}, set(other.requests[0].headers))

    def test_other_name_and_back(self) -> None:
        """a redirect to another name on the same address drops the credential for good"""

        def reply(seen: Seen, index: int) -> Reply:
            hops = ["two", "one"]
            return (307, {"location": f"http://{hops[index]}.example:{server.port}/{index}"}, b"") if index < 2 else (200, {}, b"")

        server = self.outside(reply)

        self.send(server.port, url=f"http://one.example:{server.port}/start", credential=CREDENTIAL)

        self.assertEqual(["Bearer s3cret-token", None, None], [seen.headers.get("authorization") for seen in server.requests])
        self.assertEqual(["one", "two", "one"], [seen.headers["host"].split(".")[0] for seen in server.requests])

    def test_methods(self) -> None:
        """303 asks with GET and without a body; every other redirect keeps both"""
        for status, wanted in ((301, ("POST", "payload")), (302, ("POST", "payload")), (303, ("GET", "")), (307, ("POST", "payload")), (308, ("POST", "payload"))):
            with self.subTest(status):
                server = self.outside(redirect_to("/next", status))

                self.send(server.port, method="POST", body=b"payload", headers={"content-type": "text/plain"})

                self.assertEqual(wanted, (server.requests[1].method, server.requests[1].body))
                self.assertEqual(status != 303, "content-type" in server.requests[1].headers)

    def test_refused(self) -> None:
        """a redirect that is no call is refused, one that leads nowhere is an answer"""
        for location in ("http://", "http://u:p@127.0.0.1/", "ftp://127.0.0.1/", "data:,x"):
            with self.subTest(location):
                self.assertEqual(("URL_INVALID", 1), self.refusal(self.outside(redirect_to(location)).port))
        self.assertEqual(302, self.send(self.outside(lambda seen, index: (302, {}, b"")).port).status)

    def test_loop(self) -> None:
        """the fourth redirect is one too many"""
        server = self.outside(lambda seen, index: (302, {"location": f"/{index}"}, b""))

        self.assertEqual(("TOO_MANY_REDIRECTS", 4), self.refusal(server.port))
        self.assertEqual(4, len(server.requests))


class AudienceTest(EgressTest):
    def public(self, allow: str = "", **over: Any) -> tuple[Outside, RecordingDial, Callable[[], Answer]]:
        """Everything resolves to a public address; no TLS on the way to the server in the outside world's place."""
        server = self.outside(ok)
        dial = RecordingDial(server.port)
        egress = Egress(parse_egress_allow(allow)[0], resolve=lambda name, is_listed, deadline: ["93.184.215.14"], dial=dial)
        credential = Credential({"authorization": "Bearer s3cret"}, {"key": "a b&c"}, ["api.example.com"])
        given = {"method": "GET", "url": "https://api.example.com/v1", "allowed_hosts": ["*"], "total_seconds": 20.0, "credential": credential, **over}
        return server, dial, lambda: egress.send(EgressRequest(**given))

    def test_replaces(self) -> None:
        """a credential goes in the place of what the request says under the same names, and not into the answer's URL"""
        server, _, send = self.public(url="https://api.example.com/v1?key=mine&x=1&k%65y=again", headers={"Authorization": "Bearer mine"})

        answer = send()

        self.assertEqual("/v1?x=1&key=a%20b%26c", server.requests[0].path)
        self.assertEqual("Bearer s3cret", server.requests[0].headers["authorization"])
        self.assertNotIn("a%20b", answer.url)

    def test_not_sent(self) -> None:
        """a credential goes neither over plain http nor to a host that is not its own, `*` included"""
        none = Credential({"a": "s3cret"}, {}, ["*"])
        for over, code in (
            ({"url": "http://api.example.com/"}, "URL_INVALID"),
            ({"url": "https://other.example.com/"}, "HOST_NOT_ALLOWED"),
            ({"credential": none}, "HOST_NOT_ALLOWED"),
            ({"credential": Credential({"a": "s3cret\r\nb: c"}, {}, ["api.example.com"])}, "REQUEST_INVALID"),
            ({"credential": Credential({}, {"a": "\ud800"}, ["api.example.com"])}, "REQUEST_INVALID"),
        ):
            with self.subTest(code=code, **over):
                _, dial, send = self.public(**over)

                with self.assertRaises(EgressError) as caught:
                    send()

                self.assertEqual(code, caught.exception.code)
                self.assertEqual([], dial.dials)

    def test_listed(self) -> None:
        """an EGRESS_ALLOW entry lets it go over plain http"""
        for entry in ("api.example.com:80", "93.184.215.0/24:80"):
            server, _, send = self.public(entry, url="http://api.example.com/")

            send()

            self.assertEqual("Bearer s3cret", server.requests[0].headers["authorization"])


class LimitTest(EgressTest):
    def test_cap(self) -> None:
        """the cap lets through what is just as long, and ends what is longer: announced, endless, packed"""
        just = self.outside(lambda seen, index: (200, {}, b"x" * MIB))
        announced = self.outside(lambda seen, index: (200, {"content-length": str(MIB + 1)}, b"x"))
        bombs = [(coding, pack(bytes(50 * MIB))) for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress))]

        def flood(sock: socket.socket) -> None:
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                sock.sendall(b"x" * 65_536)

        self.assertEqual(MIB, len(self.send(just.port).body))
        self.assertEqual("RESPONSE_TOO_LARGE", self.refusal(announced.port)[0])
        self.assertEqual("RESPONSE_TOO_LARGE", self.refusal(self.raw(flood).port)[0])
        for coding, bomb in bombs:
            self.assertLess(len(bomb), MIB)
            bombed = self.outside(lambda seen, index, coding=coding, bomb=bomb: (200, {"content-encoding": coding}, bomb))
            self.assertEqual("RESPONSE_TOO_LARGE", self.refusal(bombed.port)[0])

    def test_unpacking_stops(self) -> None:
        """a bomb is not unpacked beyond the cap"""
        bomb = gzip.compress(bytes(50 * MIB))
        server = self.outside(lambda seen, index: (200, {"content-encoding": "gzip"}, bomb))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

        code, _ = self.refusal(server.port)

        self.assertEqual("RESPONSE_TOO_LARGE", code)
        self.assertLess(tracemalloc.get_traced_memory()[1], 16 * MIB)

    def test_head(self) -> None:
        """the head has a cap too, whether it ends or not"""
        pad = f"x-pad: {'x' * 1_000}\r\n".encode()

        self.assertEqual("RESPONSE_TOO_LARGE", self.refusal(self.raw(lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n" + pad * 40 + b"\r\n")).port)[0])
        self.assertEqual("RESPONSE_TOO_LARGE", self.refusal(self.raw(lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n" + pad * 200)).port)[0])

    def test_unpacked(self) -> None:
        """a packed answer is unpacked; one that cannot be is refused"""
        for coding, body in (("gzip", gzip.compress(b"hello")), ("deflate", zlib.compress(b"hello")), ("identity", b"hello")):
            server = self.outside(lambda seen, index, coding=coding, body=body: (200, {"content-encoding": coding}, body))
            self.assertEqual(b"hello", self.send(server.port).body)
        for coding, body in (("gzip", b"no gzip"), ("gzip", gzip.compress(b"cut off")[:12]), ("br", b"x"), ("gzip, gzip", gzip.compress(gzip.compress(b"x")))):
            server = self.outside(lambda seen, index, coding=coding, body=body: (200, {"content-encoding": coding}, body))
            self.assertEqual("RESPONSE_INVALID", self.refusal(server.port)[0])

    def test_time(self) -> None:
        """stalls and slow drips, in head and body, end at the time for everything together, over redirects too"""
        released = threading.Event()
        self.addCleanup(released.set)

        def drip(sock: socket.socket, head: bytes) -> None:
            sock.sendall(head)
            while not released.wait(0.02):
                sock.sendall(b"x")

        servers = [
            self.raw(lambda sock: released.wait(30)).port,
            self.raw(lambda sock: drip(sock, b"HTTP/1.1 200 OK\r\nx-slow: ")).port,
            self.raw(lambda sock: drip(sock, b"HTTP/1.1 200 OK\r\n\r\n")).port,
        ]
        for port in servers:
            self.assertEqual(("TIMEOUT", 0), self.refusal(port, total_seconds=0.3))

        redirect = self.outside(lambda seen, index: (302, {"location": "/stall"}, b"") if index == 0 else (released.wait(30), (200, {}, b""))[1])
        self.assertEqual(("TIMEOUT", 1), self.refusal(redirect.port, total_seconds=0.5))

    def test_halted(self) -> None:
        """a call whose step was halted ends soon"""
        halt, released = threading.Event(), threading.Event()
        self.addCleanup(released.set)

        def stall(sock: socket.socket) -> None:
            halt.set()
            released.wait(30)

        self.assertEqual("TIMEOUT", self.refusal(self.raw(stall).port, total_seconds=600.0, is_halted=halt.is_set)[0])

    def test_hostile(self) -> None:
        """an answer that is not what HTTP allows is refused"""
        for name, data in {
            "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
            "a header with a NUL": b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
            "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
            "a length and chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "two places": b"HTTP/1.1 302 Found\r\nlocation: /a\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n",
            "a cut body": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxx",
            "nothing": b"",
        }.items():
            with self.subTest(name):
                self.assertEqual(("RESPONSE_INVALID", 0), self.refusal(self.raw(lambda sock, data=data: sock.sendall(data)).port))

    def test_requests(self) -> None:
        """headers of the connection, and what would split the head, are not sent"""
        server = self.outside(ok)
        for headers in ({"Host": "x"}, {"Content-Length": "5"}, {"proxy-authorization": "x"}, {"bad name": "x"}, {"x": "a\r\nb: c"}, {"x": "\0"}, {"x": "é"}, {"x": "y" * 40_000}):
            with self.subTest(headers=str(headers)[:50]):
                self.assertEqual("REQUEST_INVALID", self.refusal(server.port, headers=headers)[0])
        self.assertEqual("REQUEST_INVALID", self.refusal(server.port, method="CONNECT")[0])
        self.assertEqual([], server.requests)

    def test_alone(self) -> None:
        """each call has a connection of its own, no cookie, no packed answer asked for, and no proxy of the environment"""
        server = self.outside(lambda seen, index: (200, {"set-cookie": "a=1"}, b""))

        with unittest.mock.patch.dict("os.environ", {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}):
            self.send(server.port)
            self.send(server.port)

        self.assertEqual(2, server.connections)
        self.assertNotIn("cookie", server.requests[1].headers)
        self.assertEqual(("close", "identity"), (server.requests[1].headers["connection"], server.requests[1].headers["accept-encoding"]))


class AllowTest(unittest.TestCase):
    def test_entries(self) -> None:
        """EGRESS_ALLOW takes names, addresses and networks, each with a port, and names what it cannot read"""
        bad = ["erp.corp.example", "x:0", "x:65536", "*:443", ":443", "http://x:80", "10.20.3.4/16:80", "10.20.0.0/33:80", "::1:9000", "[erp.corp]:80"]
        entries, problems = parse_egress_allow(" ERP.corp.example:8080 ,10.20.0.0/16:443,127.0.0.1:9000,[::1]:9000,[fd00::/8]:443,fd00:1::/32:80," + ",".join(bad))

        self.assertEqual(6, len(entries))
        self.assertEqual([f"{entry} is neither host:port nor CIDR:port" for entry in bad], problems)
        self.assertEqual(((), []), parse_egress_allow(""))
