"""A real HTTP server in the orchestrator's place: keeps the rules of the runner API, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUNNER_TOKEN = "runner-token-of-the-tests"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def instant(seconds_from_now: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds_from_now)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def step(key: str, action: str = "core.echo", **over: Any) -> dict[str, Any]:
    """A step of a bundle; `over` replaces fields."""
    app, name = action.split(".")
    return {
        "stepRunId": str(uuid.uuid4()),
        "stepKey": key,
        "position": 0,
        "dependsOn": [],
        "input": {},
        "when": None,
        "timeoutSeconds": 60,
        "app": app,
        "appVersion": "1.0.0",
        "action": name,
        "baseUrl": None,
        "allowedHosts": ["*"],
        "request": None,
        "connectionId": None,
        "authType": "NONE",
        "idempotencyKey": f"run:{key}",
        **over,
    }


@dataclass
class Run:
    """What the double knows of one run; tests read and change it."""

    steps: list[dict[str, Any]]
    input: Any = field(default_factory=dict)
    output: Any = None
    trigger: Any = None
    completed: list[dict[str, Any]] = field(default_factory=list)
    attempt: int = 1
    lease_seconds: float = 60
    heartbeat_seconds: float = 15
    deadline_seconds: float = 600
    log_lines_max: int = 50_000
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tenant_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "QUEUED"
    lease_token: str = field(default_factory=lambda: f"lt_{uuid.uuid4().hex}")
    events: list[dict[str, Any]] = field(default_factory=list)
    heartbeats: int = 0
    deadline_at: str = ""
    credentials: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """What auth-actions answers, by connection."""
    credential_reads: list[dict[str, Any]] = field(default_factory=list)

    def types(self) -> list[str]:
        return [f"{event['type']} {event['stepKey']}" if "stepKey" in event else event["type"] for event in self.events]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]


Misbehave = Callable[[str], int | str | None]
"""Given the call's name: a status to answer instead, `close` to cut the connection after the work, None to behave."""


class OrchestratorDouble:
    """Serves `/runner/v1` for the runs it was given."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.batches: list[list[int]] = []
        self.misbehave: Misbehave = lambda call: None
        self.lock = threading.RLock()
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Header and body are two small writes, which would otherwise wait for each other.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                _, _, _, _, run_id, call = self.path.split("/")
                fault = double.misbehave(call)
                if isinstance(fault, int):
                    self._answer(fault, {"message": "told to", "extensions": {"code": "UNAVAILABLE"}})
                    return
                with double.lock:
                    double.calls.append((call, {name.lower(): value for name, value in self.headers.items()}))
                    status, answer = double.serve(run_id, call, self.headers.get("authorization", ""), body)
                if fault == "close":
                    self.close_connection = True
                    self.connection.close()
                    return
                self._answer(status, answer)

            def _answer(self, status: int, answer: dict[str, Any]) -> None:
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *args: Any) -> None:
                """A connection that a test had cut is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, run: Run) -> Run:
        with self.lock:
            self.runs[run.id] = run
        return run

    def serve(self, run_id: str, call: str, authorization: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        run = self.runs.get(run_id)
        if call == "claim":
            if authorization != f"Bearer {RUNNER_TOKEN}":
                return refusal(401, "UNAUTHENTICATED")
            if run is None or run.status != "QUEUED" or run.attempt != body["attempt"] or body["contractVersion"] != 1:
                return refusal(409, "STALE_ATTEMPT")
            run.status = "RUNNING"
            run.deadline_at = instant(run.deadline_seconds)
            return 200, {**claim_answer(run), "credentialsUrl": f"{self.url}/runner/v1/runs/{run.id}/credentials"}
        if run is None or authorization != f"Bearer {run.lease_token}" or run.attempt != body["attempt"]:
            return refusal(409, "STALE_ATTEMPT")
        if call == "events":
            return self._events(run, body["events"])
        if run.status not in ("RUNNING", "CANCELLING"):
            return refusal(409, "STALE_ATTEMPT")
        if call == "credentials":
            run.credential_reads.append(body)
            return run.credentials.get(body["connectionId"], refusal(404, "NOT_FOUND"))
        run.heartbeats += 1
        return 200, {
            "leaseExpiresAt": instant(run.lease_seconds),
            "deadlineAt": run.deadline_at,
            "appliedSeq": len(run.events),
            "cancelRequested": run.status == "CANCELLING",
        }

    def _events(self, run: Run, events: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        if not 1 <= len(events) <= 100:
            return refusal(400, "BAD_INPUT")
        self.batches.append([event["seq"] for event in events])
        fresh = [event for event in events if event["seq"] > len(run.events)]
        if fresh and run.status not in ("RUNNING", "CANCELLING"):
            return refusal(409, "STALE_ATTEMPT")
        for event in fresh:
            if event["seq"] != len(run.events) + 1:
                return refusal(422, "EVENT_INVALID")
            if event["type"] == "run.cancelled" and run.status != "CANCELLING":
                return refusal(422, "EVENT_INVALID")
            if event.get("input") == {"poison": True}:
                return refusal(422, "EVENT_INVALID")
            run.events.append(event)
            if event["type"].startswith("run."):
                run.status = event["type"].removeprefix("run.").upper()
        return 200, {
            "appliedSeq": len(run.events),
            "status": run.status,
            "cancelRequested": run.status == "CANCELLING",
            "leaseExpiresAt": instant(run.lease_seconds) if run.status in ("RUNNING", "CANCELLING") else None,
        }


def refusal(status: int, code: str) -> tuple[int, dict[str, Any]]:
    return status, {"message": "refused", "extensions": {"code": code, "requestId": "r"}}


def claim_answer(run: Run) -> dict[str, Any]:
    return {
        "leaseToken": run.lease_token,
        "leaseExpiresAt": instant(run.lease_seconds),
        "heartbeatSeconds": run.heartbeat_seconds,
        "deadlineAt": run.deadline_at or instant(run.deadline_seconds),
        "credentialsUrl": f"https://auth.example/runner/v1/runs/{run.id}/credentials",
        "bundle": {
            "contractVersion": 1,
            "run": {
                "id": run.id,
                "tenantId": run.tenant_id,
                "workflowId": str(uuid.uuid4()),
                "workflowVersionId": str(uuid.uuid4()),
                "version": 1,
                "attempt": run.attempt,
                "maxAttempts": 3,
                "source": "MANUAL",
                "startedAt": "2030-01-02T03:04:05.678Z",
            },
            "trigger": run.trigger,
            "input": run.input,
            "output": run.output,
            "steps": [{**entry, "position": index} for index, entry in enumerate(run.steps)],
            "completedSteps": run.completed,
            "logs": {"expiresAt": instant(3_600), "linesMax": run.log_lines_max},
            "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01",
        },
    }
