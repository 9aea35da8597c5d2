"""The stores of the environment, with names of their own for each test."""

from __future__ import annotations

import os
import unittest
import uuid
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pymongo import MongoClient


def redis_url() -> str:
    return _named("REDIS_URL")


def mongodb_base_url() -> str:
    return _named("MONGODB_URL")


def _named(variable: str) -> str:
    url = os.environ.get(variable, "")
    if url == "":
        raise unittest.SkipTest(f"{variable} names no server on this machine")
    return url


def through(url: str, port: int) -> str:
    """The same URL by way of a gate on this machine."""
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}"))


class LogDatabase:
    """A MongoDB database that is dropped afterwards."""

    def __init__(self) -> None:
        base = urlsplit(mongodb_base_url())
        self.name = f"runner_python_{uuid.uuid4().hex[:12]}"
        self.url = urlunsplit(base._replace(path=f"/{self.name}"))
        self.host = base.hostname or "127.0.0.1"
        self.port = base.port or 27017
        self._client: MongoClient[dict[str, Any]] = MongoClient(self.url)
        self.lines = self._client[self.name]["execution_logs"]
        self.lines.create_index([("tenantId", 1), ("workflowRunId", 1), ("attempt", 1), ("seq", 1)], unique=True)

    def of(self, run_id: str) -> list[dict[str, Any]]:
        return list(self.lines.find({"workflowRunId": run_id}).sort([("attempt", 1), ("seq", 1)]))

    def drop(self) -> None:
        self._client.drop_database(self.name)
        self._client.close()
