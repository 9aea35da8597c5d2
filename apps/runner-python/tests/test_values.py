import unittest

from runner.failures import StepFailed
from runner.json_values import byte_size, equal, json_text, read_bounded_json, read_json
from runner.masking import MASK, Masker
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
        """text joins null as nothing, objects as JSON and numbers with the digits they came with"""
        parts = ["n=", {"$ref": "/input/total"}, " ", {"$ref": "/input/none"}, *read_json('[0.5,1.0,1e21,true,{"é":[19.90,null]}]')]

        self.assertEqual('n=5 0.51.01e21true{"é":[19.90,null]}', resolve({"$text": parts}, SCOPE))

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


class NumberTest(unittest.TestCase):
    def test_digits(self) -> None:
        """a value is written with the digits and the keys it was read with"""
        for text in (
            "[9007199254740993,-123456789012345678901234567890]",
            '{"a":0.10,"b":[1.0,0.1234567890123456789,-0.0]}',
            "[1e400,1E-7,-1.50e+3]",
            "1.10",
            '{"__proto__":{"p":1.10},"constructor":{"prototype":{"a":1}},"a":["\\u0000","1.10"]}',
        ):
            with self.subTest(text):
                self.assertEqual(text, json_text(read_json(text)))
                self.assertEqual(text, json_text(resolve(read_json(text), SCOPE)))

    def test_not_json(self) -> None:
        """what JSON does not have is refused"""
        for text in ("NaN", "[Infinity]", "01", "1.", "1e99999999999999999999"):
            with self.subTest(text), self.assertRaises(ValueError):
                read_json(text)
        with self.assertRaises(ValueError):
            json_text([float("nan")])

    def test_bounds(self) -> None:
        """numbers from outside have at most 1,000 digits when they are written out"""
        for text in ("1e999", "1e-999", "-" + "9" * 1_000, "0." + "9" * 999):
            self.assertEqual(text, json_text(read_bounded_json(text)))
        for text in ("1e1000", "1e-1000", "9" * 1_001, "0." + "9" * 1_000, "1e999999999999", "9" * 5_000):
            with self.subTest(text[:20]), self.assertRaises(ValueError):
                read_bounded_json(text)

    def test_compared(self) -> None:
        """numbers compare by their values, to the last digit"""
        for op, left, right, expected in (
            ("EQ", "1.0", "1", True),
            ("EQ", "0.10", "0.1", True),
            ("EQ", "9007199254740993", "9007199254740992", False),
            ("GT", "9007199254740993", "9007199254740992.0", True),
            ("LT", "0.1", "0.10000000000000000001", True),
            ("IN", "1e2", "[1, 100]", True),
        ):
            with self.subTest(f"{left} {op} {right}"):
                self.assertEqual(expected, holds({"op": op, "left": read_json(left), "right": read_json(right)}, SCOPE))


class NestingTest(unittest.TestCase):
    def test_deepest_value(self) -> None:
        """the deepest value of the contract is resolved, masked, compared, measured and written"""
        nested: object = "a secret text"
        for level in range(512):
            nested = [nested] if level % 2 else {"a": nested}
        masker = Masker()
        masker.hide("a secret text")

        masked = masker.value(resolve(nested, SCOPE))

        self.assertIn(MASK, json_text(masked))
        self.assertTrue(equal(masked, masker.value(nested)))
        self.assertGreater(byte_size(masked), 512)


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
