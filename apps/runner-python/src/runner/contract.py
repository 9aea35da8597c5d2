"""What the runner reads of a job and of a claim's answer. Unknown fields are ignored, so that the contract may grow."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from .instants import parse_instant
from .json_values import Json, is_number

CONTRACT_VERSION = 1
QUEUE = "run-requested"
EVENTS_MAX = 100
PAYLOAD_BYTES_MAX = 1_048_576 + 16 * 1024
"""Of what one step is given or gives: room to wrap the largest input of a run."""


class ContractError(Exception):
    """Something does not fit contract version 1."""


@dataclass(frozen=True)
class Job:
    """One attempt of one run, waiting to be claimed."""

    run_id: str
    attempt: int


@dataclass(frozen=True)
class Step:
    """One step as the bundle describes it."""

    step_run_id: str
    key: str
    position: int
    depends_on: tuple[str, ...]
    input: Json
    when: Json
    timeout_seconds: float
    app: str
    action: str
    request: dict[str, Json] | None
    """A declarative HTTP call; None = built into the runner."""
    base_url: str | None
    allowed_hosts: tuple[str, ...]
    connection_id: str | None
    idempotency_key: str


@dataclass(frozen=True)
class Claim:
    """A claimed attempt. `completed` maps the keys of steps that earlier attempts finished to their outputs."""

    lease_token: str
    lease_expires_at: datetime
    heartbeat_seconds: float
    deadline_at: datetime
    run: dict[str, Json]
    trigger: Json
    input: Json
    output: Json
    steps: tuple[Step, ...]
    completed: dict[str, Json]
    log_expires_at: datetime
    log_lines_max: int
    traceparent: str | None
    credentials_url: str

    @property
    def run_id(self) -> str:
        return str(self.run["id"])

    @property
    def attempt(self) -> int:
        return int(self.run["attempt"])


def parse_job(data: Json) -> Job:
    """Raises ContractError for what is not a job of this contract."""
    if not isinstance(data, dict) or data.get("contractVersion") != CONTRACT_VERSION:
        raise ContractError("the job is not of contract version 1")
    run_id, attempt = data.get("runId"), data.get("attempt")
    if not isinstance(run_id, str) or not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 1:
        raise ContractError("the job has no runId or no attempt")
    try:
        uuid.UUID(run_id)
    except ValueError as error:
        raise ContractError("the job's runId is not a uuid") from error
    return Job(run_id=run_id, attempt=attempt)


def parse_claim(answer: Json) -> Claim:
    """Raises ContractError when the answer lacks what the runner needs."""
    try:
        bundle = answer["bundle"]
        if bundle["contractVersion"] != CONTRACT_VERSION:
            raise ContractError("the bundle is not of contract version 1")
        if not is_number(answer["heartbeatSeconds"]) or answer["heartbeatSeconds"] <= 0:
            raise ContractError("heartbeatSeconds must be positive")
        run = bundle["run"]
        for name in ("id", "tenantId", "startedAt", "attempt"):
            if name not in run:
                raise ContractError(f"the bundle's run lacks {name}")
        return Claim(
            lease_token=str(answer["leaseToken"]),
            lease_expires_at=parse_instant(answer["leaseExpiresAt"]),
            heartbeat_seconds=float(answer["heartbeatSeconds"]),
            deadline_at=parse_instant(answer["deadlineAt"]),
            run=run,
            trigger=bundle.get("trigger"),
            input=bundle.get("input"),
            output=bundle.get("output"),
            steps=tuple(sorted((_parse_step(step) for step in bundle["steps"]), key=lambda step: step.position)),
            completed={step["stepKey"]: step.get("output") for step in bundle["completedSteps"]},
            log_expires_at=parse_instant(bundle["logs"]["expiresAt"]),
            log_lines_max=int(bundle["logs"]["linesMax"]),
            traceparent=bundle.get("traceparent"),
            credentials_url=str(answer["credentialsUrl"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"the claim's answer does not fit the contract ({error!r})") from error


def _parse_step(step: Json) -> Step:
    return Step(
        step_run_id=str(step["stepRunId"]),
        key=str(step["stepKey"]),
        position=int(step["position"]),
        depends_on=tuple(step.get("dependsOn") or ()),
        input=step.get("input"),
        when=step.get("when"),
        timeout_seconds=float(step["timeoutSeconds"]),
        app=str(step["app"]),
        action=str(step["action"]),
        request=step.get("request"),
        base_url=step.get("baseUrl"),
        allowed_hosts=tuple(step["allowedHosts"]),
        connection_id=step.get("connectionId"),
        idempotency_key=str(step["idempotencyKey"]),
    )
