import unittest
from typing import Any
from unittest import mock

from runner import log_writer
from runner.contract import parse_claim
from runner.log_lines import AttemptLog
from runner.log_writer import LogWriter
from runner.masking import Masker
from tests.orchestrator_double import Run, claim_answer
from tests.polling import eventually
from tests.stores import LogDatabase, through
from tests.tcp_gate import TcpGate


class LogWriterTest(unittest.TestCase):
    def setUp(self) -> None:
        self.database = LogDatabase()
        self.addCleanup(self.database.drop)
        self.run_of_test = Run([])

    def log_to(self, writer: LogWriter) -> AttemptLog:
        return AttemptLog(parse_claim(claim_answer(self.run_of_test)), Masker(), writer.write)

    def written(self) -> list[int]:
        return [line["seq"] for line in self.database.of(self.run_of_test.id)]

    def test_written(self) -> None:
        """lines arrive complete and in order"""
        writer = LogWriter(self.database.url)
        writer.start()
        log = self.log_to(writer)

        for number in range(1_200):
            log.line("INFO", f"line {number}", {"n": number})
        writer.close(timeout_seconds=60)

        self.assertEqual(list(range(1, 1_201)), self.written())
        self.assertEqual({"n": 7}, self.database.of(self.run_of_test.id)[7]["fields"])

    def test_duplicates(self) -> None:
        """a line that was written before is no error, and its neighbours are written"""
        writer = LogWriter(self.database.url)
        lines: list[dict[str, Any]] = []
        log = AttemptLog(parse_claim(claim_answer(self.run_of_test)), Masker(), lines.append)
        for number in range(3):
            log.line("INFO", f"line {number}")
        self.database.lines.insert_one({**lines[1]})

        for line in lines:
            writer.write(line)
        writer.start()
        writer.close()

        self.assertEqual([1, 2, 3], self.written())

    def test_away(self) -> None:
        """lines wait while MongoDB is away and are written when it is back"""
        gate = TcpGate(self.database.host, self.database.port, is_open=False)
        self.addCleanup(gate.close)
        writer = LogWriter(through(self.database.url, gate.port))
        self.addCleanup(writer.close)
        writer.start()
        log = self.log_to(writer)
        log.line("INFO", "while away")
        eventually(lambda: writer._away)

        gate.open()

        eventually(lambda: self.written() == [1])
        gate.shut()
        log.line("INFO", "away again")
        gate.open()
        eventually(lambda: self.written() == [1, 2])

    def test_bounded(self) -> None:
        """when too many lines wait, the oldest go and are counted"""
        gate = TcpGate(self.database.host, self.database.port, is_open=False)
        self.addCleanup(gate.close)
        writer = LogWriter(through(self.database.url, gate.port))
        self.addCleanup(writer.close)
        log = self.log_to(writer)

        with mock.patch.object(log_writer, "note") as noted:
            for number in range(log_writer.KEPT_LINES_MAX + 10):
                log.line("INFO", f"line {number}")
            writer.start()
            eventually(lambda: writer._away)
            gate.open()
            eventually(lambda: len(self.written()) == log_writer.KEPT_LINES_MAX, seconds=60)
            eventually(lambda: mock.call("info", "MongoDB is back", linesDropped=10) in noted.mock_calls)

        self.assertEqual(11, self.written()[0])
