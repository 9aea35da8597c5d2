"""The runner API of the orchestrator over HTTP. Each call is made once; repeating it is the caller's decision."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from datetime import datetime, timezone

from .contract import CONTRACT_VERSION, Claim, Job, parse_claim
from .http_connections import HttpConnections, NoAnswer, Reply
from .instants import parse_instant
from .json_values import Json, json_text, read_json
from .trace import child_of

CALL_TIMEOUT_SECONDS = 10.0


class StaleAttempt(Exception):
    """Token, attempt or state are no longer current: stop at once and write nothing more."""


class Rejected(Exception):
    """The orchestrator refuses the content; repeating it would not help."""

    def __init__(self, status: int, code: str, message: str, extensions: dict[str, Json]) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.code = code
        self.extensions = extensions


class Unreachable(Exception):
    """No answer, or one that says to try again later."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Answer:
    """A 200 with its body, and how long the lease it names lasts from now on."""

    def __init__(self, body: dict[str, Json], served_at: datetime) -> None:
        self.body = body
        self.served_at = served_at

    def seconds_until(self, instant: str | datetime) -> float:
        """By the orchestrator's clock, so that a wrong clock here does no harm."""
        target = parse_instant(instant) if isinstance(instant, str) else instant
        return (target - self.served_at).total_seconds()

    @property
    def lease_seconds(self) -> float | None:
        expires_at = self.body.get("leaseExpiresAt")
        return None if expires_at is None else self.seconds_until(expires_at)

    @property
    def cancel_requested(self) -> bool:
        return self.body.get("cancelRequested") is True

    @property
    def applied_seq(self) -> int:
        return int(self.body.get("appliedSeq", 0))


class Orchestrator:
    """May be used by many threads at once."""

    def __init__(self, url: str, runner_token: str, runner_id: str) -> None:
        self._runner_token = runner_token
        self._runner_id = runner_id
        self._url = url.rstrip("/")
        self._connections = HttpConnections(CALL_TIMEOUT_SECONDS)

    def close(self) -> None:
        self._connections.close()

    def claim(self, job: Job) -> tuple[Claim, Answer]:
        """Takes the attempt. Raises StaleAttempt when somebody else has it, or it is over."""
        body = {"contractVersion": CONTRACT_VERSION, "attempt": job.attempt, "runnerId": self._runner_id}
        answer = self._post(job.run_id, "claim", self._runner_token, body, None)
        return parse_claim(answer.body), answer

    def heartbeat(self, claim: Claim) -> Answer:
        """Extends the lease."""
        return self._post(claim.run_id, "heartbeat", claim.lease_token, {"attempt": claim.attempt}, claim.traceparent)

    def send_events(self, claim: Claim, events: list[str]) -> Answer:
        """Reports events, each as JSON text, in order; repeats are harmless."""
        body = f'{{"contractVersion":{CONTRACT_VERSION},"attempt":{claim.attempt},"events":[{",".join(events)}]}}'
        return self._post_text(self._call(claim.run_id, "events"), claim.lease_token, body, claim.traceparent)

    def fetch_credential(self, claim: Claim, connection_id: str) -> Answer:
        """What a connection adds to requests; from another service, at the place the claim names."""
        body = {"attempt": claim.attempt, "connectionId": connection_id}
        return self._post_text(claim.credentials_url, claim.lease_token, json_text(body), claim.traceparent)

    def _post(self, run_id: str, call: str, token: str, body: dict[str, Json], traceparent: str | None) -> Answer:
        return self._post_text(self._call(run_id, call), token, json_text(body), traceparent, is_claim=call == "claim")

    def _call(self, run_id: str, call: str) -> str:
        return f"{self._url}/runner/v1/runs/{run_id}/{call}"

    def _post_text(self, url: str, token: str, body: str, traceparent: str | None, *, is_claim: bool = False) -> Answer:
        headers = {"authorization": f"Bearer {token}"}
        if (child := child_of(traceparent)) is not None:
            headers["traceparent"] = child
        try:
            reply = self._connections.post(url, body.encode("utf-8", "replace"), headers)
        except NoAnswer as error:
            raise Unreachable(str(error)) from error
        return _read(reply, is_claim=is_claim)


def _read(reply: Reply, *, is_claim: bool) -> Answer:
    status = reply.status
    try:
        body = read_json(reply.body)
    except (ValueError, RecursionError):
        body = None
    if status == 200 and isinstance(body, dict):
        return Answer(body, _served_at(reply))
    if status < 400 or status >= 500 or status in (408, 429):
        raise Unreachable(f"the orchestrator answered {status}", _retry_after(reply))
    extensions = body.get("extensions") if isinstance(body, dict) else None
    code = str(extensions.get("code", "")) if isinstance(extensions, dict) else ""
    # After the claim a refused token means that the attempt has another holder.
    if code == "STALE_ATTEMPT" or (status == 401 and not is_claim):
        raise StaleAttempt(code)
    message = str(body.get("message", "")) if isinstance(body, dict) else ""
    raise Rejected(status, code, message, extensions if isinstance(extensions, dict) else {})


def _served_at(reply: Reply) -> datetime:
    try:
        return parsedate_to_datetime(reply.headers["date"]).astimezone(timezone.utc)
    except (KeyError, TypeError, ValueError):
        return datetime.now(timezone.utc)


def _retry_after(reply: Reply) -> float | None:
    text = reply.headers.get("retry-after", "")
    return min(float(text), 30.0) if text.isascii() and text.isdigit() else None
