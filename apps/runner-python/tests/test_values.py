import unittest

from runner.failures import StepFailed
from runner.values import RefUnresolved, holds, resolve

SCOPE = {
    "input": {"total": 5, "name": "Ann", "none": None, "list": ["a", {"b": 1}], "a/b": 1, "m~n": 2, "true": True, "half": 0.5, "op": {"$ref": "/input/name"}},
    "steps": {"first": {"output": {"id": 7}}},
    "trigger": None,
    "run": {"id": "r", "startedAt": "t"},
}


class ResolveTest(unittest.TestCase):
    def test_pointers(self) -> None:
        """pointers reach into objects and arrays by RFC 6901"""
        for pointer, value in {
            "/input/total": 5,
            "/input/none": None,
            "/input/list/1/b": 1,
            "/input/a~1b": 1,
            "/input/m~0n": 2,
            "/steps/first/output/id": 7,
            "/trigger": None,
            "/run/id": "r",
        }.items():
            with self.subTest(pointer):
                self.assertEqual(value, resolve({"$ref": pointer}, SCOPE))

    def test_nowhere(self) -> None:
        """a pointer that leads nowhere gives its default, also null, and without one fails with REF_UNRESOLVED"""
        for pointer in ("/input/x", "/input/list/2", "/input/list/01", "/input/list/-", "/input/total/x", "/trigger/type", "/steps/other/output", "input"):
            with self.subTest(pointer):
                self.assertEqual("d", resolve({"$ref": pointer, "default": "d"}, SCOPE))
                self.assertIsNone(resolve({"$ref": pointer, "default": None}, SCOPE))
                with self.assertRaises(RefUnresolved) as caught:
                    resolve({"a": [{"$ref": pointer}]}, SCOPE)
                self.assertEqual(("REF_UNRESOLVED", False), (caught.exception.code, caught.exception.retryable))

    def test_default_value(self) -> None:
        """a default is a value itself"""
        self.assertEqual("Ann", resolve({"$ref": "/input/x", "default": {"$ref": "/input/name"}}, SCOPE))

    def test_text(self) -> None:
        """text joins null as nothing, objects as JSON and numbers as JavaScript writes them"""
        parts = ["n=", {"$ref": "/input/total"}, " ", {"$ref": "/input/none"}, {"$ref": "/input/half"}, 1.0, 1e21, True, {"é": [1.0, None]}]

        self.assertEqual('n=5 0.511e+21true{"é":[1,null]}', resolve({"$text": parts}, SCOPE))

    def test_data_is_data(self) -> None:
        """operators inside of literals and of data are not looked at"""
        self.assertEqual({"$ref": "/x"}, resolve({"$literal": {"$ref": "/x"}}, SCOPE))
        self.assertEqual({"$ref": "/input/name"}, resolve({"$ref": "/input/op"}, SCOPE))

    def test_unknown_operator(self) -> None:
        """an unknown operator, or one with extra keys, is refused"""
        for value in ({"$eval": "1"}, {"$ref": "/input", "x": 1}, {"$text": "a"}, {"$literal": 1, "y": 2}, {"$ref": 5}):
            with self.subTest(str(value)), self.assertRaises(StepFailed) as caught:
                resolve(value, SCOPE)
            self.assertEqual("DEFINITION_INVALID", caught.exception.code)


class ConditionTest(unittest.TestCase):
    def test_operators(self) -> None:
        """each operator compares as the contract says"""
        total, name = {"$ref": "/input/total"}, {"$ref": "/input/name"}
        for op, left, right, expected in (
            ("EQ", total, 5.0, True),
            ("EQ", {"$ref": "/input/true"}, 1, False),
            ("EQ", {"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
            ("NE", name, "Bob", True),
            ("GT", total, 4, True),
            ("GT", total, "4", False),
            ("GTE", name, "Ann", True),
            ("LT", name, "Bob", True),
            ("LT", "\U0001f600", "\uffff", True),  # by UTF-16 code units, as JavaScript
            ("LTE", True, True, False),
            ("IN", total, [1, 5], True),
            ("IN", total, {"5": 5}, False),
        ):
            with self.subTest(f"{left} {op} {right}"):
                self.assertEqual(expected, holds({"op": op, "left": left, "right": right}, SCOPE))

    def test_exists(self) -> None:
        """EXISTS is false for null and for what leads nowhere"""
        answers = [holds({"op": "EXISTS", "left": {"$ref": pointer}}, SCOPE) for pointer in ("/input/total", "/input/none", "/input/x")]

        self.assertEqual([True, False, False], answers)

    def test_unresolved(self) -> None:
        """other operators fail the step when a pointer leads nowhere"""
        with self.assertRaises(RefUnresolved):
            holds({"op": "EQ", "left": {"$ref": "/input/x"}, "right": 1}, SCOPE)

    def test_absent(self) -> None:
        """an absent condition holds"""
        self.assertTrue(holds(None, SCOPE))
