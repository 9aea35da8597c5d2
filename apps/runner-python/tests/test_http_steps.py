import base64
import json
import threading
import unittest
import uuid
from collections.abc import Callable
from typing import Any

from runner.attempt import run_attempt
from runner.contract import Job
from runner.egress import Egress, parse_egress_allow
from runner.orchestrator import Orchestrator
from runner.stopping import Stop
from tests.orchestrator_double import RUNNER_TOKEN, TRACE_ID, OrchestratorDouble, Run, instant, refusal, step
from tests.outside import Outside, Reply, Seen

JSON = {"content-type": "application/json"}
SECRET = "s3cret/tök en+%"


class HttpStepsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.double = OrchestratorDouble()
        self.addCleanup(self.double.close)
        self.orchestrator = Orchestrator(self.double.url, RUNNER_TOKEN, "runner-1")
        self.addCleanup(self.orchestrator.close)
        self.lines: list[dict[str, Any]] = []

    def serve(self, reply: Callable[[Seen, int], Reply]) -> Outside:
        outside = Outside(reply)
        self.addCleanup(outside.close)
        return outside

    def work(self, run: Run, *allowed: Outside) -> str:
        self.double.add(run)
        allow, _ = parse_egress_allow(",".join(f"127.0.0.1:{outside.port}" for outside in allowed))
        claim, answer = self.orchestrator.claim(Job(run.id, run.attempt))
        return run_attempt(self.orchestrator, claim, answer, Stop(), self.lines.append, Egress(allow))

    def output(self, run: Run) -> Any:
        return next(event["output"] for event in run.events if event["type"] == "step.succeeded")


class RequestTest(HttpStepsTest):
    def test_request(self) -> None:
        """http.request sends method, headers and body, the step's idempotency key and the run's trace, and gives status, headers and body"""
        outside = self.serve(lambda seen, index: (201, {**JSON, "ETag": '"1"', "X-Other": "x"}, b'{"id": 7}'))
        call = {"method": "POST", "url": f"http://127.0.0.1:{outside.port}/things?a=1", "headers": {"X-Mine": 1, "Idempotency-Key": "mine", "x-none": None}, "body": {"n": 1.0}}
        run = Run([step("call", "http.request", input=call)])

        self.work(run, outside)

        seen = outside.requests[0]
        self.assertEqual(("POST", "/things?a=1", '{"n":1.0}'), (seen.method, seen.path, seen.body))
        self.assertEqual(("1", "run:call", "application/json"), (seen.headers["x-mine"], seen.headers["idempotency-key"], seen.headers["content-type"]))
        self.assertRegex(seen.headers["traceparent"], f"^00-{TRACE_ID}-(?!b7ad6b7169203331)[0-9a-f]{{16}}-01$")
        self.assertNotIn("x-none", seen.headers)
        self.assertEqual({"status": 201, "headers": {"content-type": "application/json", "etag": '"1"'}, "body": {"id": 7}}, self.output(run))

    def test_inside(self) -> None:
        """http.request calls nothing inside"""
        canary = self.serve(lambda seen, index: (200, {}, b""))
        for url, code in ((f"http://127.0.0.1:{canary.port}/", "PORT_NOT_ALLOWED"), ("http://127.0.0.1/", "ADDRESS_BLOCKED"), ("http://localhost/", "ADDRESS_BLOCKED"), ("file:///etc/passwd", "URL_INVALID")):
            run = Run([step("call", "http.request", input={"url": url})])

            self.work(run)

            self.assertEqual((code, False), (run.last["error"]["code"], run.last["error"]["retryable"]))
        self.assertEqual(0, canary.connections)

    def test_bad_input(self) -> None:
        """http.request refuses an input that is no request"""
        for given in ({}, {"url": 5}, {"url": "http://a.example", "method": "TRACE"}, {"url": "http://a.example", "headers": []}, {"url": "http://a.example", "headers": {"a": {}}}):
            run = Run([step("call", "http.request", input=given)])

            self.work(run)

            self.assertEqual("INPUT_INVALID", run.last["error"]["code"])

    def test_bodies(self) -> None:
        """an answer's body is JSON where it says so and is, else text; what no database can hold is replaced"""
        for kind, body, expected in (
            ("application/json", b'\xef\xbb\xbf{"a":[1,2.5,null]}', {"a": [1, 2.5, None]}),
            ("application/problem+json; charset=utf-8", b'"x"', "x"),
            ("application/json", b"{broken", "{broken"),
            ("application/json", b"[NaN]", "[NaN]"),
            ("application/json", b"[1e1000]", "[1e1000]"),
            ("application/json", b'{"a\\u0000":"\\ud800"}', {"a\ufffd": "\ufffd"}),
            ("application/json", b"[" * 101 + b"]" * 101, "[" * 101 + "]" * 101),
            ("application/json", b"[" * 200_000, "[" * 200_000),
            ("application/json", b"", ""),
            ("text/plain", b'{"a":1}', '{"a":1}'),
            ("application/octet-stream", b"\xff\x00\xfe", "\ufffd\ufffd\ufffd"),
        ):
            with self.subTest(kind=kind, body=body[:40]):
                outside = self.serve(lambda seen, index, kind=kind, body=body: (200, {"content-type": kind}, body))
                run = Run([step("call", "http.request", input={"url": f"http://127.0.0.1:{outside.port}/"})])

                self.work(run, outside)

                self.assertEqual(expected, self.output(run)["body"])

    def test_statuses(self) -> None:
        """an answer that is not 2xx fails the step with its status; some may pass, after the time the answer asks for"""
        for status, headers, retryable, seconds in (
            (404, {}, False, None),
            (304, {}, False, None),
            (302, {}, False, None),
            (408, {}, True, None),
            (429, {"Retry-After": "7"}, True, 7),
            (503, {"Retry-After": "999999999"}, True, 86_400),
            (500, {"Retry-After": "soon"}, True, None),
            (400, {"Retry-After": "7"}, False, None),
            (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, True, 0),
        ):
            with self.subTest(status=status, **headers):
                outside = self.serve(lambda seen, index, status=status, headers=headers: (status, {**headers, "content-length": "0"}, b""))
                run = Run([step("call", "http.request", input={"url": f"http://127.0.0.1:{outside.port}/"})])

                self.work(run, outside)

                error = run.last["error"]
                self.assertEqual((f"HTTP_{status}", retryable, seconds), (error["code"], error["retryable"], error.get("retryAfterSeconds")))

    def test_too_large(self) -> None:
        """an answer above 1 MiB fails the step"""
        outside = self.serve(lambda seen, index: (200, {}, b"x" * (1024 * 1024 + 1)))
        run = Run([step("call", "http.request", input={"url": f"http://127.0.0.1:{outside.port}/"})])

        self.work(run, outside)

        self.assertEqual("RESPONSE_TOO_LARGE", run.last["error"]["code"])

    def test_timeout(self) -> None:
        """a call that takes longer than its step fails with STEP_TIMEOUT"""
        released = threading.Event()
        self.addCleanup(released.set)
        outside = self.serve(lambda seen, index: (released.wait(30), (200, {}, b""))[1])
        run = Run([step("call", "http.request", input={"url": f"http://127.0.0.1:{outside.port}/"}, timeoutSeconds=0.3)])

        self.work(run, outside)

        self.assertEqual(("STEP_TIMEOUT", True), (run.last["error"]["code"], run.last["error"]["retryable"]))


class DeclarativeTest(HttpStepsTest):
    def call(self, request: dict[str, Any], given: dict[str, Any], **over: Any) -> tuple[Run, Outside]:
        outside = self.serve(lambda seen, index: (200, JSON, b"{}"))
        base = f"http://127.0.0.1:{outside.port}/v1/"
        run = Run([step("call", "shop.thing", request=request, input=given, **{"baseUrl": base, "allowedHosts": ["127.0.0.1"], **over})])
        self.work(run, outside)
        return run, outside

    def test_filled(self) -> None:
        """path, query, headers and body are filled from the input alone"""
        request = {
            "method": "POST",
            "path": "/repos/{owner}/{number}/issues?fixed=1",
            "query": {"q": {"$ref": "/input/text"}, "many": {"$ref": "/input/list"}, "none": {"$ref": "/input/no", "default": None}, "o": {"$literal": {"a": 1}}},
            "headers": {"X-Text": {"$text": ["n=", {"$ref": "/input/number"}]}, "X-None": None},
            "body": {"title": {"$ref": "/input/text"}, "deep": [{"$ref": "/input/list/1"}]},
        }

        run, outside = self.call(request, {"owner": "a/b ?#%.ü", "number": 5, "text": "x&y=ü z", "list": ["p", True]})

        seen = outside.requests[0]
        self.assertEqual("run.succeeded", run.last["type"])
        self.assertEqual("/v1/repos/a%2Fb%20%3F%23%25.%C3%BC/5/issues?fixed=1&q=x%26y%3D%C3%BC%20z&many=p&many=true&o=%7B%22a%22%3A1%7D", seen.path)
        self.assertEqual({"title": "x&y=ü z", "deep": [True]}, json.loads(seen.body))
        self.assertEqual("n=5", seen.headers["x-text"])
        self.assertNotIn("x-none", seen.headers)

    def test_other_roots(self) -> None:
        """a request's references reach the step's input, not the run's"""
        run, outside = self.call({"method": "GET", "path": "/", "query": {"a": {"$ref": "/run/id"}}}, {})

        self.assertEqual("REF_UNRESOLVED", run.last["error"]["code"])
        self.assertEqual([], outside.requests)

    def test_path(self) -> None:
        """an input cannot lead the path to another place of the API"""
        for path, given in (
            ("/repos/{a}/x", {"a": ".."}),
            ("/repos/{a}/x", {"a": "."}),
            ("/repos/.{a}/x", {"a": "."}),
            ("/repos/{a}", {"a": ""}),
            ("/repos/{a}", {}),
            ("/repos/{a}", {"a": None}),
            ("/repos/{a}", {"a": ["x"]}),
        ):
            with self.subTest(path=path, **given):
                run, outside = self.call({"method": "DELETE", "path": path}, given)

                self.assertEqual("INPUT_INVALID", run.last["error"]["code"])
                self.assertEqual([], outside.requests)

    def test_text_body(self) -> None:
        """a text goes out as it is"""
        _, outside = self.call({"method": "PUT", "path": "/", "headers": {"Content-Type": "application/xml"}, "body": {"$text": ["<a>", {"$ref": "/input/n"}, "</a>"]}}, {"n": 1})

        self.assertEqual(("<a>1</a>", "application/xml"), (outside.requests[0].body, outside.requests[0].headers["content-type"]))

    def test_malformed(self) -> None:
        """a request that is none, or without a base URL, fails the step"""
        for request, over in (
            ({"method": "GET", "path": "@evil.example/"}, {}),
            ({"method": "CONNECT", "path": "/"}, {}),
            ({"method": "GET", "path": "/", "query": []}, {}),
            ({"method": "GET", "path": "/"}, {"baseUrl": None}),
            ({"method": "GET", "path": "/"}, {"baseUrl": "http://127.0.0.1/#"}),
        ):
            run, _ = self.call(request, {}, **over)

            self.assertEqual("DEFINITION_INVALID", run.last["error"]["code"])

    def test_allowed_hosts(self) -> None:
        """a base URL outside the allowed hosts is not called"""
        run, outside = self.call({"method": "GET", "path": "/"}, {}, allowedHosts=["api.example.com"])

        self.assertEqual("HOST_NOT_ALLOWED", run.last["error"]["code"])
        self.assertEqual([], outside.requests)


class CredentialTest(HttpStepsTest):
    def setUp(self) -> None:
        super().setUp()
        self.connection = str(uuid.uuid4())

    def granted(self, **over: Any) -> tuple[int, dict[str, Any]]:
        answer = {"connectionId": self.connection, "authType": "BEARER", "headers": {"authorization": "Bearer abc-s3cret"}, "query": {}, "allowedHosts": ["127.0.0.1"], "expiresAt": None}
        return 200, {**answer, **over}

    def connected(self, key: str, outside: Outside, **over: Any) -> dict[str, Any]:
        given = {"request": {"method": "GET", "path": "/"}, "baseUrl": f"http://127.0.0.1:{outside.port}", "allowedHosts": ["127.0.0.1"], "connectionId": self.connection, "authType": "BEARER"}
        return step(key, "shop.thing", **{**given, **over})

    def test_attached(self) -> None:
        """a credential is fetched once, with lease token and attempt, when a step first needs it, and attached"""
        outside = self.serve(lambda seen, index: (200, {}, b""))
        run = Run([step("plain"), self.connected("one", outside), self.connected("two", outside, dependsOn=["one"])])
        run.credentials[self.connection] = self.granted(query={"key": "k3y-value"})

        outcome = self.work(run, outside)

        self.assertEqual("run.succeeded", outcome)
        self.assertEqual([{"attempt": 1, "connectionId": self.connection}], run.credential_reads)
        self.assertEqual([("/?key=k3y-value", "Bearer abc-s3cret")] * 2, [(seen.path, seen.headers["authorization"]) for seen in outside.requests])
        reads = [headers["authorization"] for call, headers in self.double.calls if call == "credentials"]
        self.assertEqual([f"Bearer {run.lease_token}"], reads)

    def test_not_needed(self) -> None:
        """nothing is fetched for a step without a connection, or one that is skipped"""
        outside = self.serve(lambda seen, index: (200, {}, b""))
        never = {"op": "EQ", "left": 1, "right": 2}
        run = Run([step("plain", "http.request", input={"url": f"http://127.0.0.1:{outside.port}/"}), self.connected("skipped", outside, when=never)])

        self.work(run, outside)

        self.assertEqual([], run.credential_reads)

    def test_expired(self) -> None:
        """an expired credential is fetched anew"""
        outside = self.serve(lambda seen, index: (200, {}, b""))
        run = Run([self.connected("one", outside), self.connected("two", outside)])
        run.credentials[self.connection] = self.granted(expiresAt=instant(-1))

        self.work(run, outside)

        self.assertEqual(2, len(run.credential_reads))

    def test_audience(self) -> None:
        """a credential does not go to a host that its own app version does not allow, whatever the step's allows"""
        outside = self.serve(lambda seen, index: (200, {}, b""))
        for hosts in (["api.example.com"], ["*"], []):
            run = Run([self.connected("one", outside, allowedHosts=["*"])])
            run.credentials[self.connection] = self.granted(allowedHosts=hosts)

            self.work(run, outside)

            self.assertEqual("HOST_NOT_ALLOWED", run.last["error"]["code"])
        self.assertEqual([], outside.requests)

    def test_masked(self) -> None:
        """an echoed secret is hidden in outputs, later inputs, errors and log lines, whatever its form"""
        basic = base64.b64encode(f"user:{SECRET}".encode()).decode()
        forms = [SECRET, basic, base64.b64encode(SECRET.encode()).decode(), SECRET.encode().hex(), "s3cret%2Ft%C3%B6k%20en%2B%25", json.dumps(SECRET)[1:-1]]

        def echo(seen: Seen, index: int) -> Reply:
            body = json.dumps({"forms": forms, "sent": seen.headers["authorization"], **{form: 1 for form in forms}}, ensure_ascii=False)
            return (200 if index == 0 else 500), JSON, body.encode()

        outside = self.serve(echo)
        leak = {"message": {"$text": ["got ", {"$ref": "/steps/one/output/body"}]}, "fields": {"all": {"$ref": "/steps/one/output"}}}
        run = Run([self.connected("one", outside), step("say", "core.log", input=leak), self.connected("two", outside)])
        run.credentials[self.connection] = self.granted(authType="BASIC", headers={"authorization": f"Basic {basic}"})

        self.work(run, outside)

        written = json.dumps([run.events, [{**line, "ts": 0, "expiresAt": 0} for line in self.lines]], ensure_ascii=False)
        self.assertEqual("HTTP_500", run.last["error"]["code"])
        self.assertEqual(f"Basic {basic}", outside.requests[0].headers["authorization"])
        self.assertIn("•••", written)
        for form in forms:
            self.assertNotIn(form, written)
            self.assertNotIn(json.dumps(form, ensure_ascii=False)[1:-1], written)

    def test_unavailable(self) -> None:
        """a credential that cannot be had fails the step; what another try cannot mend is final"""
        def unavailable(stage: str, cause: str) -> tuple[int, dict[str, Any]]:
            return 409, {"message": "no", "extensions": {"code": "CREDENTIAL_UNAVAILABLE", "stage": stage, "cause": cause}}

        outside = self.serve(lambda seen, index: (200, {}, b""))
        for answer, retryable in (
            (unavailable("TOKEN", "CONNECT_REFUSED"), True),
            (unavailable("TOKEN", "TOKEN_REJECTED"), False),
            (unavailable("DECRYPT", "DECRYPT_FAILED"), False),
            (refusal(404, "NOT_FOUND"), False),
            (self.granted(headers={"authorization": 5}), False),
            (self.granted(expiresAt="tomorrow"), False),
        ):
            with self.subTest(answer=answer):
                run = Run([self.connected("one", outside)])
                run.credentials[self.connection] = answer

                self.work(run, outside)

                self.assertEqual(("CREDENTIAL_UNAVAILABLE", retryable), (run.last["error"]["code"], run.last["error"]["retryable"]))
        self.assertEqual([], outside.requests)

    def test_repeated(self) -> None:
        """a fetch is repeated while nobody answers"""
        faults = iter([503, "close"])
        self.double.misbehave = lambda call: next(faults, None) if call == "credentials" else None
        outside = self.serve(lambda seen, index: (200, {}, b""))
        run = Run([self.connected("one", outside)])
        run.credentials[self.connection] = self.granted()

        self.assertEqual("run.succeeded", self.work(run, outside))

    def test_stale(self) -> None:
        """an attempt that may not read a credential any more stops, and writes nothing more"""
        outside = self.serve(lambda seen, index: (200, {}, b""))
        run = Run([self.connected("one", outside)])
        run.credentials[self.connection] = refusal(409, "STALE_ATTEMPT")

        outcome = self.work(run, outside)

        self.assertEqual("stale", outcome)
        self.assertNotIn("ERROR", [line["level"] for line in self.lines])
        self.assertNotIn("step.failed one", run.types())

    def test_redirect(self) -> None:
        """a redirect to another port goes without the credential"""
        other = self.serve(lambda seen, index: (200, {}, b""))
        outside = self.serve(lambda seen, index: (302, {"location": f"http://127.0.0.1:{other.port}/"}, b""))
        run = Run([self.connected("one", outside)])
        run.credentials[self.connection] = self.granted()

        self.work(run, outside, other)

        self.assertIn("authorization", outside.requests[0].headers)
        self.assertNotIn("authorization", other.requests[0].headers)
