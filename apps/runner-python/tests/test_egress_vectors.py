import contextlib
import json
import unittest
from pathlib import Path
from typing import Any

from runner.egress import Egress, EgressError, EgressRequest, parse_egress_allow
from tests.outside import Outside, RecordingDial, Reply, Seen, scripted_resolve

FILE = Path(__file__).parents[3] / "packages/testkit/vectors/ssrf-urls.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
CODE_OF = {
    "URL": "URL_INVALID",
    "SCHEME": "URL_INVALID",
    "PORT": "PORT_NOT_ALLOWED",
    "NAME": "ADDRESS_BLOCKED",
    "ADDRESS": "ADDRESS_BLOCKED",
    "DNS": "ADDRESS_BLOCKED",
    "TOO_MANY": "TOO_MANY_REDIRECTS",
}


def expected(row: dict[str, Any]) -> tuple[str, str | None, int]:
    """Code, rule and hop of a row; a row that is allowed is answered with 200."""
    if row["expect"] == "allowed":
        return "200", None, 0
    rule = row["cause"] if row["stage"] == "REDIRECT" else row["stage"]
    has_no_address = rule == "DNS" and row.get("resolver", {}).get(row["hostname"]) == [[]]
    code = "DNS_NOT_FOUND" if has_no_address else CODE_OF[rule]
    return code, None if rule == "TOO_MANY" else rule, row.get("hop", 0)


class SsrfVectorsTest(unittest.TestCase):
    """The same file as the TypeScript client's."""

    def setUp(self) -> None:
        self.canary = Outside(lambda seen, index: (200, {}, b"canary"))
        self.addCleanup(self.canary.close)
        self.canaries = [self.canary]
        # A machine without IPv6 has one canary.
        with contextlib.suppress(OSError):
            self.canaries.append(Outside(lambda seen, index: (200, {}, b"canary"), "::1", self.canary.port))
            self.addCleanup(self.canaries[1].close)

    def with_port(self, text: str) -> str:
        return text.replace("{port}", str(self.canary.port))

    def touches(self) -> int:
        return sum(canary.connections for canary in self.canaries)

    def run_row(self, row: dict[str, Any]) -> tuple[tuple[str, str | None, int], list[dict[str, object]]]:
        def reply(seen: Seen, index: int) -> Reply:
            responses = row.get("responses", [])
            response = responses[index] if index < len(responses) else {"status": 200}
            headers = {"location": self.with_port(response["location"])} if "location" in response else {}
            return response["status"], headers, b""

        outside = Outside(reply)
        self.addCleanup(outside.close)
        dial = RecordingDial(outside.port)
        allow, _ = parse_egress_allow(",".join(self.with_port(entry) for entry in row.get("egressAllow", [])))
        # The canary's port too: only the rule of the row may stop the call.
        ports = (80, 443, 8443, self.canary.port)
        egress = Egress(allow, resolve=scripted_resolve(row.get("resolver", {})), dial=dial, ports=ports)
        try:
            answer = egress.send(EgressRequest("GET", self.with_port(row["url"]), ["*"], 20))
            return (str(answer.status), None, 0), dial.dials
        except EgressError as error:
            return (error.code, error.rule, error.hop), dial.dials

    def test_complete(self) -> None:
        """the file is complete"""
        self.assertEqual(VECTORS["header"]["counts"]["total"], len(VECTORS["urls"]))
        self.assertGreaterEqual(len(VECTORS["urls"]), 194)

    def test_rows(self) -> None:
        """every URL ends as listed, dials what is listed, and leaves the canary untouched"""
        for row in VECTORS["urls"]:
            with self.subTest(f"{row['id']} {row['url']}"):
                touched = self.touches()

                outcome, dials = self.run_row(row)

                wanted = [{**dial, "port": self.canary.port if dial["port"] == "{port}" else dial["port"]} for dial in row.get("dials", [])]
                self.assertEqual(expected(row), outcome)
                self.assertEqual(wanted, dials)
                self.assertEqual(sum(str(dial["address"]).startswith("127.") for dial in wanted), self.touches() - touched)
