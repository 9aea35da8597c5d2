"""The settings, all from the environment. A blank variable counts as unset."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .egress import EgressAllow, parse_egress_allow

CONCURRENCY_MAX = 256


@dataclass(frozen=True)
class Settings:
    """What one runner process needs; the names are the variables' in lower case."""

    orchestrator_url: str
    redis_url: str
    mongodb_url: str
    runner_token: str
    queue_prefix: str
    runner_id: str
    runner_concurrency: int
    egress_allow: EgressAllow


class SettingsError(Exception):
    """Everything that is wrong with the environment, one entry a problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _url_problem(name: str, value: str, schemes: tuple[str, ...]) -> str | None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname)
    except ValueError:
        usable = False
    return None if usable else f"{name} must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"


def read_settings(env: Mapping[str, str]) -> Settings:
    """Reads and checks all settings; raises SettingsError with every problem at once."""
    problems: list[str] = []
    values = {name: value for name, value in env.items() if value.strip() != ""}

    def required(name: str, *schemes: str) -> str:
        value = values.get(name)
        if value is None:
            problems.append(f"{name} is missing")
            return ""
        if schemes and (problem := _url_problem(name, value, schemes)):
            problems.append(problem)
        return value

    orchestrator_url = required("ORCHESTRATOR_URL", "http", "https").rstrip("/")
    redis_url = required("REDIS_URL", "redis", "rediss")
    mongodb_url = required("MONGODB_URL", "mongodb", "mongodb+srv")
    if mongodb_url and not any("MONGODB_URL" in problem for problem in problems) and not urlsplit(mongodb_url).path.strip("/"):
        problems.append("MONGODB_URL must name the database in its path")
    runner_token = required("RUNNER_TOKEN")
    runner_id = values.get("RUNNER_ID", f"{socket.gethostname()}-{os.getpid()}")
    if len(runner_id) > 200:
        problems.append("RUNNER_ID must have at most 200 characters")
    concurrency = values.get("RUNNER_CONCURRENCY", "4")
    if not (concurrency.isascii() and concurrency.isdigit() and 1 <= int(concurrency) <= CONCURRENCY_MAX):
        problems.append(f"RUNNER_CONCURRENCY must be a whole number from 1 to {CONCURRENCY_MAX}")
    egress_allow, refused = parse_egress_allow(values.get("EGRESS_ALLOW", ""))
    problems += [f"EGRESS_ALLOW: {problem}" for problem in refused]
    if problems:
        raise SettingsError(problems)
    return Settings(
        orchestrator_url=orchestrator_url,
        redis_url=redis_url,
        mongodb_url=mongodb_url,
        runner_token=runner_token,
        queue_prefix=values.get("QUEUE_PREFIX", "bull"),
        runner_id=runner_id,
        runner_concurrency=int(concurrency),
        egress_allow=egress_allow,
    )
