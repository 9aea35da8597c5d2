import ssl
import tempfile
import threading
import unittest
from pathlib import Path

from runner.egress import Egress, EgressError, EgressRequest, parse_egress_allow
from runner.egress.connection import create_dial
from runner.egress.deadline import Deadline
from runner.egress.resolve import create_resolve
from runner.egress.target import Target, parse_url
from tests.certificates import Certificate, make_certificate
from tests.dns_double import DnsDouble
from tests.outside import Outside, RawServer, RecordingDial

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure"


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.authority = make_certificate("the tests' authority", is_authority=True)

    def serve(self, certificate: Certificate) -> tuple[int, list[str | None]]:
        """A TLS server; the names it was asked for."""
        names: list[str | None] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "both.pem")
            file.write_text(certificate.cert + certificate.key)
            context.load_cert_chain(file)
        context.sni_callback = lambda sock, name, ctx: names.append(name)
        server = RawServer(lambda sock: sock.sendall(OK), lambda sock: context.wrap_socket(sock, server_side=True))
        self.addCleanup(server.close)
        return server.port, names

    def call(self, port: int, host: str, tls_seconds: float = 5.0) -> str:
        allow, _ = parse_egress_allow(f"127.0.0.1:{port}")
        dial = create_dial(ssl.create_default_context(cadata=self.authority.cert), tls_seconds=tls_seconds)
        egress = Egress(allow, resolve=lambda name, is_listed, deadline: ["127.0.0.1"], dial=dial)
        try:
            return egress.send(EgressRequest("GET", f"https://{host}:{port}/", ["*"], 10)).body.decode()
        except EgressError as error:
            return error.code

    def test_trusted(self) -> None:
        """a trusted certificate lets the request through, asked for by name, without the dot at its end, never by address"""
        port, names = self.serve(make_certificate("server", ["api.example.com", "127.0.0.1"], self.authority))

        answers = [self.call(port, host) for host in ("api.example.com", "api.example.com.", "127.0.0.1")]

        self.assertEqual(["secure"] * 3, answers)
        self.assertEqual(["api.example.com", "api.example.com", None], names)

    def test_untrusted(self) -> None:
        """a certificate that is signed by itself or by somebody unknown, or has expired, is not trusted"""
        for certificate in (
            make_certificate("api.example.com", ["api.example.com"]),
            make_certificate("x", ["api.example.com"], make_certificate("another", is_authority=True)),
            make_certificate("x", ["api.example.com"], self.authority, valid_days=9),
        ):
            port, _ = self.serve(certificate)

            self.assertEqual("TLS_UNTRUSTED", self.call(port, "api.example.com"))

    def test_somebody_else(self) -> None:
        """a trusted certificate of somebody else is refused, for names and for addresses"""
        port, _ = self.serve(make_certificate("other.example.com", ["api.example.com"], self.authority))

        for host in ("other.example.com", "sub.api.example.com", "127.0.0.1"):
            self.assertEqual("TLS_HOST_MISMATCH", self.call(port, host))

    def test_no_tls(self) -> None:
        """a server without TLS, or one that hangs up or falls silent in the handshake, fails in TLS"""
        released = threading.Event()
        self.addCleanup(released.set)
        for talk in (lambda sock: sock.sendall(OK), lambda sock: None, lambda sock: released.wait(30)):
            server = RawServer(talk)
            self.addCleanup(server.close)

            self.assertEqual("TLS_FAILED", self.call(server.port, "api.example.com", tls_seconds=0.2))


class DialTest(unittest.TestCase):
    def test_refused(self) -> None:
        """a refused connection says so"""
        allow, _ = parse_egress_allow("127.0.0.1:1")

        with self.assertRaises(EgressError) as caught:
            Egress(allow).send(EgressRequest("GET", "http://127.0.0.1:1/", ["*"], 10))

        self.assertEqual(("CONNECT", "CONNECT_REFUSED", True), (caught.exception.kind.stage, caught.exception.code, caught.exception.kind.is_temporary))

    def test_peer(self) -> None:
        """a peer that is not the judged address is left at once"""
        canary = Outside(lambda seen, index: (200, {}, b""))
        self.addCleanup(canary.close)
        # The operating system reads it as 127.0.0.1.
        target = Target(parse_url(f"http://x.example:{canary.port}/"), "localhost", is_listed=False)

        with self.assertRaises(EgressError) as caught:
            create_dial()(target, Deadline(10))

        self.assertEqual(("ADDRESS_BLOCKED", "PEER"), (caught.exception.code, caught.exception.rule))
        self.assertEqual([], canary.requests)


class ResolveTest(unittest.TestCase):
    def resolve(self, answers: dict[tuple[str, str], object], *, seconds: float = 2.0, is_listed: bool = False, name: str = "api.example.com") -> list[str]:
        double = DnsDouble(lambda asked, kind: answers.get((asked, kind), []))
        self.addCleanup(double.close)
        return list(create_resolve(("127.0.0.1", double.port), seconds)(name, is_listed, Deadline(20)))

    def test_families(self) -> None:
        """a look-up gives the addresses of both families, IPv4 first"""
        answers = {("api.example.com", "A"): ["93.184.215.14"], ("api.example.com", "AAAA"): ["2606:4700:4700::1111"]}

        self.assertEqual(["93.184.215.14", "2606:4700:4700::1111"], self.resolve(answers))

    def test_none(self) -> None:
        """a name that does not exist, or has no address, has none"""
        self.assertEqual([], self.resolve({("api.example.com", "A"): "NXDOMAIN"}))
        self.assertEqual([], self.resolve({}))

    def test_half(self) -> None:
        """a family that cannot be asked for fails the look-up: an unknown address is not an allowed one"""
        with self.assertRaises(EgressError) as caught:
            self.resolve({("api.example.com", "A"): ["93.184.215.14"], ("api.example.com", "AAAA"): "SERVFAIL"})

        self.assertEqual("DNS_NOT_FOUND", caught.exception.code)

    def test_silence(self) -> None:
        """a silent name server ends the look-up at its limit"""
        with self.assertRaises(EgressError) as caught:
            self.resolve({("api.example.com", "A"): "silence"}, seconds=0.2)

        self.assertEqual("DNS_TIMEOUT", caught.exception.code)

    def test_hosts_file(self) -> None:
        """a name that tenants choose knows no hosts file, one that the operator listed does"""
        self.assertEqual([], self.resolve({}, name="localhost"))
        self.assertIn("127.0.0.1", self.resolve({}, name="localhost", is_listed=True))

    def test_flip(self) -> None:
        """answers that change between look-ups never lead to the address that was not judged"""
        asked: list[str] = []

        def answer(name: str, kind: str) -> object:
            if kind == "AAAA":
                return []
            asked.append(name)
            return ["93.184.215.14"] if len(asked) == 1 else ["127.0.0.1"]

        double = DnsDouble(answer)
        self.addCleanup(double.close)
        outside = Outside(lambda seen, index: (200, {}, b""))
        self.addCleanup(outside.close)
        dial = RecordingDial(outside.port)
        egress = Egress((), resolve=create_resolve(("127.0.0.1", double.port)), dial=dial)
        request = EgressRequest("GET", "http://flip.example.com/", ["*"], 20)

        egress.send(request)
        with self.assertRaises(EgressError) as caught:
            egress.send(request)

        self.assertEqual(("ADDRESS_BLOCKED", "DNS"), (caught.exception.code, caught.exception.rule))
        self.assertEqual([{"host": "flip.example.com", "address": "93.184.215.14", "port": 80}], dial.dials)
        self.assertEqual(2, len(asked))
