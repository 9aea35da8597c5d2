import threading
import unittest
from typing import Any
from unittest import mock

from runner import attempt as attempt_module
from runner import step as step_module
from runner.actions import BUILT_IN
from runner.attempt import run_attempt
from runner.contract import Job
from runner.egress import Egress
from runner.events import EventReporter
from runner.lease import Lease
from runner.orchestrator import Orchestrator, StaleAttempt
from runner.stopping import Stop, StopReason
from tests.orchestrator_double import RUNNER_TOKEN, TRACE_ID, OrchestratorDouble, Run, step
from tests.polling import eventually


class AttemptTest(unittest.TestCase):
    def setUp(self) -> None:
        self.double = OrchestratorDouble()
        self.addCleanup(self.double.close)
        self.orchestrator = Orchestrator(self.double.url, RUNNER_TOKEN, "runner-1")
        self.addCleanup(self.orchestrator.close)
        self.lines: list[dict[str, Any]] = []
        self.stop = Stop()

    def work(self, run: Run) -> str:
        self.double.add(run)
        claim, answer = self.orchestrator.claim(Job(run.id, run.attempt))
        return run_attempt(self.orchestrator, claim, answer, self.stop, self.lines.append, Egress(()))

    def test_succeeds(self) -> None:
        """steps run in order, data flows by pointers, the run's output is resolved"""
        run = Run(
            [
                step("first", input={"name": {"$ref": "/input/name"}}),
                step("second", dependsOn=["first"], input={"text": {"$text": ["hi ", {"$ref": "/steps/first/output/name"}]}}),
            ],
            input={"name": "Ann"},
            output={"said": {"$ref": "/steps/second/output/text"}, "at": {"$ref": "/run/startedAt"}},
        )

        outcome = self.work(run)

        self.assertEqual("run.succeeded", outcome)
        self.assertEqual(["step.started first", "step.succeeded first", "step.started second", "step.succeeded second", "run.succeeded"], run.types())
        self.assertEqual({"said": "hi Ann", "at": "2030-01-02T03:04:05.678Z"}, run.last["output"])
        self.assertEqual([1, 2, 3, 4, 5], [event["seq"] for event in run.events])

    def test_position_and_dependencies(self) -> None:
        """a step waits for what it depends on, whatever its position; otherwise the position decides"""
        run = Run([step("a", dependsOn=["c"]), step("b"), step("c")])

        self.work(run)

        self.assertEqual(["b", "c", "a"], [event["stepKey"] for event in run.events if event["type"] == "step.succeeded"])

    def test_when(self) -> None:
        """a step whose condition does not hold is skipped, and what depends on it runs"""
        run = Run(
            [
                step("never", when={"op": "EQ", "left": {"$ref": "/input/x"}, "right": 2}),
                step("after", dependsOn=["never"], input={"got": {"$ref": "/steps/never/output/y", "default": "nothing"}}),
            ],
            input={"x": 1},
            output={"$ref": "/steps/after/output"},
        )

        self.work(run)

        self.assertEqual(["step.skipped never", "step.started after", "step.succeeded after", "run.succeeded"], run.types())
        self.assertEqual({"got": "nothing"}, run.last["output"])

    def test_completed_steps(self) -> None:
        """steps that an earlier attempt finished are not repeated, their output is known"""
        run = Run(
            [step("done"), step("next", dependsOn=["done"], input={"id": {"$ref": "/steps/done/output/id"}})],
            completed=[{"stepKey": "done", "output": {"id": 9}}],
            attempt=2,
            output={"$ref": "/steps/next/output/id"},
        )

        self.work(run)

        self.assertEqual(["step.started next", "step.succeeded next", "run.succeeded"], run.types())
        self.assertEqual(9, run.last["output"])

    def test_fail(self) -> None:
        """core.fail ends the attempt with its code, and later steps do not run"""
        run = Run([step("boom", "core.fail", input={"code": "MY_CODE", "message": "no", "retryable": True}), step("later")])

        outcome = self.work(run)

        error = {"code": "MY_CODE", "message": "no", "retryable": True, "stepKey": "boom"}
        self.assertEqual("run.failed", outcome)
        self.assertEqual(["step.started boom", "step.failed boom", "run.failed"], run.types())
        self.assertEqual([error, error], [event["error"] for event in run.events[1:]])

    def test_failures(self) -> None:
        """what cannot run fails its step with a clear code"""
        big = {"text": "x" * 600_000}
        for expected, entry in (
            ("ACTION_UNSUPPORTED", step("s", "core.unknown")),
            ("DEFINITION_INVALID", step("s", "core.echo", request={"method": "GET", "path": "/"})),
            ("REF_UNRESOLVED", step("s", input={"a": {"$ref": "/input/missing"}})),
            ("REF_UNRESOLVED", step("s", when={"op": "EQ", "left": {"$ref": "/input/missing"}, "right": 1})),
            ("INPUT_INVALID", step("s", input={"$ref": "/input/text"})),
            ("INPUT_INVALID", step("s", "core.sleep", input={"seconds": 4_000})),
            ("INPUT_INVALID", step("s", "core.sleep", input={"seconds": True})),
            ("INPUT_INVALID", step("s", "core.log", input={"level": "LOUD", "message": "m"})),
            ("INPUT_INVALID", step("s", "core.fail", input={"code": "not a code"})),
            ("INPUT_TOO_LARGE", step("s", input={"a": {"$ref": "/input"}, "b": {"$ref": "/input"}})),
        ):
            with self.subTest(expected):
                run = Run([entry], input=big)

                self.work(run)

                self.assertEqual((expected, False), (run.last["error"]["code"], run.last["error"]["retryable"]))
                self.assertEqual("step.failed s", run.types()[-2])

    def test_output_too_large(self) -> None:
        """an output above 1 MiB and 16 KiB fails its step"""
        action = {("core", "echo"): lambda context: {"text": "x" * 1_064_960}}
        run = Run([step("big")])

        with mock.patch.object(step_module, "BUILT_IN", {**BUILT_IN, **action}):
            self.work(run)

        self.assertEqual("OUTPUT_TOO_LARGE", run.last["error"]["code"])

    def test_run_output(self) -> None:
        """a run's output that cannot be resolved fails the run"""
        run = Run([step("only")], output={"$ref": "/steps/only/output/missing"})

        self.work(run)

        self.assertEqual(("run.failed", "REF_UNRESOLVED"), (run.last["type"], run.last["error"]["code"]))

    def test_action_raises(self) -> None:
        """an action that raises something unforeseen fails its step, not the runner"""

        def broken(context: Any) -> Any:
            raise ZeroDivisionError("by zero")

        run = Run([step("broken")])

        with mock.patch.object(step_module, "BUILT_IN", {("core", "echo"): broken}):
            self.work(run)

        self.assertEqual("STEP_FAILED", run.last["error"]["code"])

    def test_log(self) -> None:
        """core.log writes a line that carries its step"""
        entry = step("say", "core.log", input={"level": "WARN", "message": "hello", "fields": {"n": 1}})
        run = Run([entry])

        self.work(run)

        said = [line for line in self.lines if line["message"] == "hello"]
        self.assertEqual([("WARN", {"n": 1}, entry["stepRunId"])], [(line["level"], line["fields"], line["stepRunId"]) for line in said])

    def test_timeout(self) -> None:
        """a step that takes too long fails with STEP_TIMEOUT, which another attempt may mend"""
        run = Run([step("slow", "core.sleep", input={"seconds": 60}, timeoutSeconds=0.1)])

        self.work(run)

        self.assertEqual(("STEP_TIMEOUT", True), (run.last["error"]["code"], run.last["error"]["retryable"]))

    def test_left_behind(self) -> None:
        """a step that does not react to its time limit is left behind without a voice"""
        released, ended = threading.Event(), threading.Event()

        def stubborn(context: Any) -> Any:
            released.wait(30)
            context.log("INFO", "late", {})
            ended.set()

        run = Run([step("stubborn", timeoutSeconds=0.05)])
        with mock.patch.object(step_module, "BUILT_IN", {("core", "echo"): stubborn}), mock.patch.object(step_module, "LEAVE_SECONDS", 0.05):
            self.work(run)
        released.set()

        self.assertTrue(ended.wait(120))
        self.assertEqual("STEP_TIMEOUT", run.last["error"]["code"])
        self.assertNotIn("late", [line["message"] for line in self.lines])

    def test_cancelled(self) -> None:
        """a cancel heard in a heartbeat ends a sleeping step and the run, with run.cancelled as its only end"""
        run = Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)], heartbeat_seconds=0.05)
        self.double.misbehave = lambda call: setattr(run, "status", "CANCELLING") if call == "heartbeat" and run.events else None

        outcome = self.work(run)

        self.assertEqual("run.cancelled", outcome)
        self.assertEqual(["step.started slow", "run.cancelled"], run.types())

    def test_cancel_in_answer(self) -> None:
        """a cancel heard in the answer to events stops the attempt before its next step"""
        run = Run([step("first"), step("second")])
        self.double.misbehave = lambda call: setattr(run, "status", "CANCELLING") if call == "events" and run.status == "RUNNING" else None

        self.work(run)

        self.assertEqual("run.cancelled", run.last["type"])
        self.assertNotIn("step.started second", run.types())

    def test_busy_step(self) -> None:
        """heartbeats go out while a step is busy"""

        def busy(context: Any) -> Any:
            while run.heartbeats < 3 and not context.halt.is_set():
                sum(range(10_000))
            return {}

        run = Run([step("busy")], heartbeat_seconds=0.05)

        with mock.patch.object(step_module, "BUILT_IN", {("core", "echo"): busy}):
            outcome = self.work(run)

        self.assertEqual("run.succeeded", outcome)
        self.assertGreaterEqual(run.heartbeats, 3)

    def test_stale_heartbeat(self) -> None:
        """an attempt that is no longer ours stops and reports nothing more"""
        run = Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)], heartbeat_seconds=0.05)

        def move_on(call: str) -> None:
            if call == "heartbeat" and run.events:
                run.attempt = 2

        self.double.misbehave = move_on

        outcome = self.work(run)

        self.assertEqual("stale", outcome)
        self.assertEqual(["step.started slow"], run.types())

    def test_stale_events(self) -> None:
        """an attempt that is refused when it reports stops too"""
        run = Run([step("first"), step("second")])

        def move_on(call: str) -> None:
            if call == "events":
                run.attempt = 2

        self.double.misbehave = move_on

        self.assertEqual("stale", self.work(run))
        self.assertEqual([], run.events)

    def test_stale_claim(self) -> None:
        """a claim that comes too late is stale"""
        run = self.double.add(Run([], status="RUNNING"))

        with self.assertRaises(StaleAttempt):
            self.orchestrator.claim(Job(run.id, 1))

    def test_resent(self) -> None:
        """events are sent again after errors, also when the answer alone was lost, and each counts once"""
        faults = iter([503, "close", 500, "close"])
        self.double.misbehave = lambda call: next(faults, None) if call == "events" else None
        run = Run([step("first"), step("second")])

        outcome = self.work(run)

        self.assertEqual("run.succeeded", outcome)
        self.assertEqual(["step.started first", "step.succeeded first", "step.started second", "step.succeeded second", "run.succeeded"], run.types())

    def test_batched(self) -> None:
        """what waits goes out in batches of at most 100, in order"""
        is_away = True
        self.double.misbehave = lambda call: 503 if call == "events" and is_away else None
        run = Run([step("many")], lease_seconds=60)
        self.double.add(run)
        claim, answer = self.orchestrator.claim(Job(run.id, 1))

        lease = Lease(self.orchestrator, claim, answer, self.stop)
        events = EventReporter(self.orchestrator, claim, lease, self.stop)
        for number in range(250):
            events.report("step.skipped", stepKey=f"s{number}")
        is_away = False
        events.start()
        self.assertTrue(events.finish("run.succeeded"))
        events.end()

        sizes = [len(batch) for batch in self.double.batches]
        # The final event may just miss the batch before it.
        self.assertIn(sizes, ([100, 100, 51], [100, 100, 50, 1]))
        self.assertEqual(list(range(1, 252)), [event["seq"] for event in run.events])

    def test_rejected(self) -> None:
        """an event that the orchestrator refuses ends the attempt with an event that says so"""
        run = Run([step("first", input={"poison": True}), step("second")])

        self.work(run)

        self.assertEqual(["run.failed"], run.types())
        self.assertEqual("EVENT_REJECTED", run.last["error"]["code"])

    def test_lapsed_lease(self) -> None:
        """while the lease is lapsed no new step begins; when a heartbeat goes through the run goes on"""
        run = Run([step("first", "core.sleep", input={"seconds": 0.01}), step("second")], lease_seconds=-30, heartbeat_seconds=0.05)
        starts: list[bool] = []

        def heal(call: str) -> None:
            if call == "heartbeat":
                starts.append("step.started first" in run.types())
                run.lease_seconds = 60

        self.double.misbehave = heal

        outcome = self.work(run)

        self.assertEqual("run.succeeded", outcome)
        self.assertFalse(starts[0])

    def test_deadline(self) -> None:
        """at the deadline the step ends, and the orchestrator's word about the run is waited for"""
        run = Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)], deadline_seconds=0.5, heartbeat_seconds=0.05)

        def time_out(call: str) -> None:
            if self.stop.reason is StopReason.DEADLINE:
                run.status = "TIMED_OUT"

        self.double.misbehave = time_out

        outcome = self.work(run)

        self.assertEqual("stale", outcome)
        self.assertEqual(["step.started slow"], run.types())

    def test_deadline_unanswered(self) -> None:
        """a deadline that nobody else enforces fails the run"""
        run = Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)], deadline_seconds=0.1)

        with mock.patch.object(attempt_module, "DEADLINE_GRACE_SECONDS", 0.1):
            self.work(run)

        self.assertEqual("RUN_DEADLINE", run.last["error"]["code"])

    def test_shutdown(self) -> None:
        """a runner that is stopped gives the attempt back for another try"""
        run = Run([step("slow", "core.sleep", input={"seconds": 600}, timeoutSeconds=700)])
        ends: list[str] = []
        thread = threading.Thread(target=lambda: ends.append(self.work(run)))
        thread.start()
        eventually(lambda: run.events)

        self.stop.set(StopReason.SHUTDOWN)
        thread.join(10)

        self.assertEqual(["run.failed"], ends)
        self.assertEqual(("RUNNER_STOPPING", True), (run.last["error"]["code"], run.last["error"]["retryable"]))

    def test_trace(self) -> None:
        """calls after the claim carry the run's trace with a span of their own"""
        self.work(Run([step("first")]))

        headers = [headers["traceparent"] for call, headers in self.double.calls if call == "events"]
        self.assertTrue(headers)
        self.assertTrue(all(header.startswith(f"00-{TRACE_ID}-") and "b7ad6b7169203331" not in header for header in headers))
        self.assertEqual({TRACE_ID}, {line["traceId"] for line in self.lines})
