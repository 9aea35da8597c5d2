import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import unittest
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bullmq import Queue

from tests.orchestrator_double import RUNNER_TOKEN, OrchestratorDouble, Run, step
from tests.outside import Outside
from tests.polling import eventually
from tests.stores import LogDatabase, redis_url, through
from tests.tcp_gate import TcpGate

SOURCE = Path(__file__).parent.parent / "src"


class WorkerTest(unittest.TestCase):
    """The whole process, as it is deployed."""

    def setUp(self) -> None:
        self.redis_url = redis_url()
        self.database = LogDatabase()
        self.addCleanup(self.database.drop)
        self.double = OrchestratorDouble()
        self.addCleanup(self.double.close)
        self.prefix = f"runner-python-{uuid.uuid4().hex[:12]}"
        self.addCleanup(lambda: self.in_queue(lambda queue: queue.obliterate(force=True)))
        self.output: list[dict[str, Any]] = []

    def in_queue(self, work: Any) -> Any:
        async def run() -> Any:
            queue = Queue("run-requested", {"connection": self.redis_url, "prefix": self.prefix})
            try:
                return await work(queue)
            finally:
                await queue.close()

        return asyncio.run(run())

    def request(self, run: Run, **over: Any) -> str:
        """Adds the job as the orchestrator does."""
        self.double.add(run)
        data = {"contractVersion": 1, "runId": run.id, "attempt": run.attempt, **over}
        options = {"jobId": f"{run.id}_{run.attempt}", "attempts": 1, "removeOnComplete": {"age": 3600}, "removeOnFail": {"age": 86400}}
        self.in_queue(lambda queue: queue.add("run-requested", data, options))
        return options["jobId"]

    def counts(self) -> dict[str, int]:
        return self.in_queue(lambda queue: queue.getJobCounts("completed", "failed", "active", "wait"))

    def start(self, **over: str) -> subprocess.Popen[str]:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(SOURCE),
            "ORCHESTRATOR_URL": self.double.url,
            "REDIS_URL": self.redis_url,
            "QUEUE_PREFIX": self.prefix,
            "MONGODB_URL": self.database.url,
            "RUNNER_TOKEN": RUNNER_TOKEN,
            "RUNNER_ID": "runner-of-the-tests",
            **over,
        }
        process = subprocess.Popen([sys.executable, "-m", "runner"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.end, process)

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                self.output.append(json.loads(line) if line.startswith("{") else {"msg": line})

        threading.Thread(target=read, daemon=True).start()
        return process

    def end(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            process.kill()
        process.wait()

    def said(self, message: str) -> bool:
        return any(line["msg"] == message for line in self.output)

    def test_run(self) -> None:
        """a job is taken, its run executed and logged, and the job completed"""
        run = Run([step("say", "core.log", input={"message": "hello from a step"}), step("first")])
        self.start()

        self.request(run)

        eventually(lambda: run.status == "SUCCEEDED")
        eventually(lambda: self.counts()["completed"] == 1)
        eventually(lambda: "hello from a step" in [line["message"] for line in self.database.of(run.id)])

    def test_egress_allow(self) -> None:
        """a step calls what EGRESS_ALLOW opened, which the process says at its start; a secret that comes back is written nowhere"""
        secret, connection = "canary-s3cret-of-the-test", str(uuid.uuid4())
        outside = Outside(lambda seen, index: (200, {"content-type": "application/json"}, json.dumps(seen.headers).encode()))
        self.addCleanup(outside.close)
        place = f"127.0.0.1:{outside.port}"
        call = {"request": {"method": "GET", "path": "/"}, "baseUrl": f"http://{place}", "allowedHosts": ["127.0.0.1"], "connectionId": connection}
        say = {"message": {"$text": ["got ", {"$ref": "/steps/call/output/body"}]}}
        run = Run([step("call", "shop.thing", **call), step("say", "core.log", input=say)])
        run.credentials[connection] = 200, {"headers": {"authorization": f"Bearer {secret}"}, "query": {}, "allowedHosts": ["127.0.0.1"], "expiresAt": None}
        self.start(EGRESS_ALLOW=place)

        self.request(run)

        eventually(lambda: run.status == "SUCCEEDED")
        eventually(lambda: any(line["message"].startswith("got ") for line in self.database.of(run.id)))
        self.assertEqual([[place]], [line["egressAllow"] for line in self.output if line["msg"] == "egress rules"])
        self.assertEqual(f"Bearer {secret}", outside.requests[0].headers["authorization"])
        self.assertNotIn(secret, repr([run.events, self.database.of(run.id), self.output]))

    def test_concurrency(self) -> None:
        """as many runs are at work at once as the setting says"""
        runs = [Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)], heartbeat_seconds=0.2) for _ in range(3)]
        self.start(RUNNER_CONCURRENCY="2")
        for run in runs:
            self.request(run)

        eventually(lambda: sum(run.status == "RUNNING" for run in runs) == 2)
        self.assertEqual(2, self.counts()["active"])
        next(run for run in runs if run.status == "RUNNING").status = "CANCELLING"

        eventually(lambda: sum(run.status == "RUNNING" for run in runs) == 2)
        eventually(lambda: sum(run.status == "CANCELLED" for run in runs) == 1)

    def test_stale(self) -> None:
        """a job whose run is not to be had is completed without work"""
        run = Run([step("first")], status="CANCELLED")
        self.start()

        self.request(run)

        eventually(lambda: self.counts()["completed"] == 1)
        self.assertEqual([], run.events)

    def test_unknown_contract(self) -> None:
        """a job of another contract version fails, its run is left alone"""
        run = Run([step("first")])
        self.start()

        self.request(run, contractVersion=2)

        eventually(lambda: self.counts()["failed"] == 1)
        self.assertEqual("QUEUED", run.status)

    def test_orchestrator_away(self) -> None:
        """a claim is repeated while the orchestrator is away"""
        faults = iter([503, 502, 500])
        self.double.misbehave = lambda call: next(faults, None) if call == "claim" else None
        run = Run([step("first")])
        self.start()

        self.request(run)

        eventually(lambda: run.status == "SUCCEEDED")

    def test_redis_away(self) -> None:
        """jobs are taken again after Redis was away, at the start and later"""
        parts = urlsplit(self.redis_url)
        gate = TcpGate(parts.hostname or "127.0.0.1", parts.port or 6379, is_open=False)
        self.addCleanup(gate.close)
        first, second = Run([step("first")]), Run([step("second")])
        self.request(first)
        self.start(REDIS_URL=through(self.redis_url, gate.port))
        eventually(lambda: self.said("redis is away"))

        gate.open()
        eventually(lambda: first.status == "SUCCEEDED")
        gate.shut()
        self.request(second)
        gate.open()

        eventually(lambda: second.status == "SUCCEEDED")

    def test_term(self) -> None:
        """SIGTERM gives running attempts back for another try and ends with 0"""
        run = Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)])
        process = self.start()
        self.request(run)
        eventually(lambda: run.events)

        process.send_signal(signal.SIGTERM)

        self.assertEqual(0, process.wait(120))
        self.assertEqual(("RUNNER_STOPPING", True), (run.last["error"]["code"], run.last["error"]["retryable"]))
        self.assertEqual(1, self.counts()["completed"])

    def test_term_while_orchestrator_hangs(self) -> None:
        """SIGTERM ends with 0 also while the orchestrator answers neither claims nor events"""
        released = threading.Event()
        self.addCleanup(released.set)
        for hanging in ("claim", "events"):
            with self.subTest(hanging):
                asked = threading.Event()

                def hang(call: str, hanging: str = hanging, asked: threading.Event = asked) -> None:
                    if call == hanging:
                        asked.set()
                        released.wait(240)

                self.double.misbehave = hang
                process = self.start()
                self.request(Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)]))
                self.assertTrue(asked.wait(120))

                process.send_signal(signal.SIGTERM)

                self.assertEqual(0, process.wait(120))

    def test_term_idle(self) -> None:
        """SIGTERM without work ends at once, also while Redis is away"""
        for url in (self.redis_url, "redis://127.0.0.1:1"):
            with self.subTest(url):
                self.output.clear()
                process = self.start(REDIS_URL=url)
                eventually(lambda: self.said("taking jobs"))

                process.send_signal(signal.SIGTERM)

                self.assertEqual(0, process.wait(120))

    def test_settings(self) -> None:
        """wrong settings are named together and end the process with 1"""
        process = self.start(REDIS_URL="", RUNNER_TOKEN="", MONGODB_URL="nonsense")

        self.assertEqual(1, process.wait(120))
        for name in ("REDIS_URL", "RUNNER_TOKEN", "MONGODB_URL"):
            eventually(lambda: any(name in line["msg"] for line in self.output))
