import unittest

from runner.settings import SettingsError, read_settings

COMPLETE = {
    "ORCHESTRATOR_URL": "http://orchestrator:4003/",
    "REDIS_URL": "redis://redis:6379",
    "MONGODB_URL": "mongodb://mongo:27017/logs?directConnection=true",
    "RUNNER_TOKEN": "secret",
    "RUNNER_ID": "runner-7",
}


class SettingsTest(unittest.TestCase):
    def test_defaults(self) -> None:
        """what is optional has a default"""
        settings = read_settings(COMPLETE)

        self.assertEqual(("bull", 4, "http://orchestrator:4003"), (settings.queue_prefix, settings.runner_concurrency, settings.orchestrator_url))

    def test_egress_allow(self) -> None:
        """nothing inside may be called unless an entry says so, and an entry that cannot be read is a problem"""
        self.assertEqual((), read_settings(COMPLETE).egress_allow)
        self.assertEqual(["10.20.0.0/16:443"], [entry.text for entry in read_settings({**COMPLETE, "EGRESS_ALLOW": "10.20.0.0/16:443"}).egress_allow])
        with self.assertRaises(SettingsError) as caught:
            read_settings({**COMPLETE, "EGRESS_ALLOW": "10.20.0.0/16"})
        self.assertEqual(["EGRESS_ALLOW: 10.20.0.0/16 is neither host:port nor CIDR:port"], caught.exception.problems)

    def test_blank(self) -> None:
        """a blank variable counts as unset"""
        settings = read_settings({**COMPLETE, "QUEUE_PREFIX": " ", "RUNNER_ID": ""})

        self.assertEqual("bull", settings.queue_prefix)
        self.assertNotEqual("", settings.runner_id)

    def test_all_problems(self) -> None:
        """all problems are named at once, without the values"""
        with self.assertRaises(SettingsError) as caught:
            read_settings({"ORCHESTRATOR_URL": "ftp://hidden", "MONGODB_URL": "mongodb://host", "RUNNER_CONCURRENCY": "0"})

        problems = caught.exception.problems
        self.assertEqual(5, len(problems))
        for name in ("ORCHESTRATOR_URL", "REDIS_URL", "MONGODB_URL", "RUNNER_TOKEN", "RUNNER_CONCURRENCY"):
            self.assertTrue(any(name in problem for problem in problems), name)
        self.assertNotIn("hidden", " ".join(problems))
