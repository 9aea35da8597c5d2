import unittest
from datetime import datetime, timezone

import bson

from runner.contract import parse_claim
from runner.json_values import read_json
from runner.log_lines import TEXT_BYTES_MAX, AttemptLog, cut, storable_fields
from runner.masking import Masker
from tests.orchestrator_double import TRACE_ID, Run, claim_answer


def attempt_log(run: Run, masker: Masker) -> tuple[AttemptLog, list[dict]]:
    written: list[dict] = []
    return AttemptLog(parse_claim(claim_answer(run)), masker, written.append), written


class AttemptLogTest(unittest.TestCase):
    def test_document(self) -> None:
        """a line carries tenant, run, attempt, its number, the trace and the day it goes"""
        run = Run([], attempt=2)
        log, written = attempt_log(run, Masker())

        log.line("INFO", "first")
        log.line("ERROR", "second", {"a": 1}, "step-1")

        second = written[1]
        self.assertEqual([1, 2], [line["seq"] for line in written])
        self.assertEqual((run.tenant_id, run.id, 2, "step-1"), tuple(second[name] for name in ("tenantId", "workflowRunId", "attempt", "stepRunId")))
        self.assertEqual((1, "ERROR", "second", {"a": 1}, TRACE_ID), tuple(second[name] for name in ("v", "level", "message", "fields", "traceId")))
        self.assertGreater(second["expiresAt"], datetime.now(timezone.utc))

    def test_lines_max(self) -> None:
        """the last line that fits says that it is the last"""
        log, written = attempt_log(Run([], log_lines_max=3), Masker())

        for number in range(10):
            log.line("INFO", f"line {number}")

        self.assertEqual(3, len(written))
        self.assertEqual(("WARN", {"truncated": True}), (written[2]["level"], written[2]["fields"]))

    def test_masked(self) -> None:
        """the values of credentials are masked in messages and fields"""
        masker = Masker()
        masker.hide("s3cret-token")
        log, written = attempt_log(Run([]), masker)

        log.line("INFO", "sent s3cret-token", {"header": ["Bearer s3cret-token"], "s3cret-token": 1})

        self.assertEqual("sent •••", written[0]["message"])
        self.assertEqual({"header": ["Bearer •••"], "•••": 1}, written[0]["fields"])

    def test_closed(self) -> None:
        """nothing is written after the attempt ended"""
        log, written = attempt_log(Run([]), Masker())

        log.close()
        log.line("INFO", "late")

        self.assertEqual([], written)


class SizeTest(unittest.TestCase):
    def test_cut(self) -> None:
        """a long text is cut to 8 KiB between characters and ends with an ellipsis"""
        for text in ("x" * 9_000, "é" * 9_000, "\U0001f600" * 9_000):
            short = cut(text)
            self.assertLessEqual(len(short.encode()), TEXT_BYTES_MAX)
            self.assertTrue(short.endswith("…"))
        self.assertEqual("x" * TEXT_BYTES_MAX, cut("x" * TEXT_BYTES_MAX))

    def test_fields(self) -> None:
        """fields that are too large or that BSON cannot hold are kept as cut text"""
        for fields in ({"a": "x" * 9_000}, {"a\0b": 1}):
            stored = storable_fields(fields)
            self.assertEqual(["cut"], list(stored))
            self.assertLessEqual(len(bson.encode(stored)), TEXT_BYTES_MAX)
        self.assertEqual({"a": 1}, storable_fields({"a": 1}))

    def test_numbers(self) -> None:
        """numbers that BSON cannot hold are kept as their text"""
        fields = read_json('{"long":9007199254740993,"more":92233720368547758080,"deep":[0.10,{"x":0.12345678901234567890}],"huge":1e400}')

        stored = storable_fields(fields)

        self.assertEqual(
            {"long": 9007199254740993, "more": "92233720368547758080", "deep": [0.1, {"x": "0.12345678901234567890"}], "huge": "1e400"},
            stored,
        )
        self.assertEqual(stored, bson.decode(bson.encode(stored)))
