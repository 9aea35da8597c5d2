"""`python -m tests REPORT`: runs all tests and writes their counts as vitest and jest write them."""

from __future__ import annotations

import json
import sys
import unittest
from pathlib import Path


class RecordingResult(unittest.TextTestResult):
    """Remembers each test's outcome for the report."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.outcomes: list[dict[str, object]] = []

    def _note(self, test: unittest.TestCase, status: str, *messages: str) -> None:
        title = test.shortDescription() or test.id()
        self.outcomes.append({"title": title, "fullName": f"{test.id()} {title}", "status": status, "failureMessages": list(messages)})

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._note(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, "pending", reason)

    def addFailure(self, test: unittest.TestCase, err) -> None:
        super().addFailure(test, err)
        self._note(test, "failed", self._exc_info_to_string(err, test))

    def addError(self, test: unittest.TestCase, err) -> None:
        super().addError(test, err)
        self._note(test, "failed", self._exc_info_to_string(err, test))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err) -> None:
        super().addSubTest(test, subtest, err)
        # unittest tells of failures inside `subTest` here alone; what passed is told with the whole test.
        if err is not None:
            self._note(subtest, "failed", self._exc_info_to_string(err, test))


def main(report: Path, patterns: list[str]) -> int:
    folder = Path(__file__).parent
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*" for pattern in patterns] or None
    suite = loader.discover(str(folder), top_level_dir=str(folder.parent))
    result = unittest.TextTestRunner(resultclass=RecordingResult, verbosity=2, buffer=True).run(suite)
    counts = {status: sum(outcome["status"] == status for outcome in result.outcomes) for status in ("passed", "failed", "pending")}
    report.write_text(
        json.dumps(
            {
                "success": result.wasSuccessful(),
                "numTotalTests": len(result.outcomes),
                "numPassedTests": counts["passed"],
                "numFailedTests": counts["failed"],
                "numPendingTests": counts["pending"],
                "testResults": [{"name": str(folder), "assertionResults": result.outcomes}],
            },
            indent=2,
        )
    )
    return 0 if result.wasSuccessful() and result.outcomes else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
