"""The credentials of one attempt: fetched when a step first needs one, kept in memory only, fetched anew when expired."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Iterator, Mapping

from .backoff import Backoff
from .contract import Claim
from .egress import Credential
from .failures import StepFailed
from .json_values import Json
from .masking import Masker
from .orchestrator import Answer, Orchestrator, Rejected, StaleAttempt, Unreachable
from .stopping import Stop, StopReason

_CODE = "CREDENTIAL_UNAVAILABLE"
_FINAL_STAGES = ("DECRYPT",)
_FINAL_CAUSES = ("AUTH_REJECTED", "DECRYPT_FAILED", "TOKEN_REJECTED")


class Credentials:
    """Every value that is fetched is hidden in everything that is written from then on."""

    def __init__(self, orchestrator: Orchestrator, claim: Claim, masker: Masker, stop: Stop) -> None:
        self._orchestrator = orchestrator
        self._claim = claim
        self._masker = masker
        self._stop = stop
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Credential, float]] = {}

    def get(self, connection_id: str, halt: threading.Event) -> Credential:
        """Raises StepFailed. While nobody answers, tries again until the step is halted."""
        with self._lock:
            credential, valid_until = self._known.get(connection_id, (None, 0.0))
            if credential is not None and time.monotonic() < valid_until:
                return credential
            answer = self._fetch(connection_id, halt)
            credential = _parse(answer.body)
            for secret in secrets_of(credential):
                self._masker.hide(secret)
            self._known[connection_id] = credential, time.monotonic() + _lifetime(answer)
            return credential

    def _fetch(self, connection_id: str, halt: threading.Event) -> Answer:
        backoff = Backoff()
        while True:
            try:
                return self._orchestrator.fetch_credential(self._claim, connection_id)
            except Unreachable as error:
                if halt.wait(backoff.pause(error.retry_after_seconds)):
                    raise StepFailed(_CODE, "the credential could not be fetched", retryable=True) from error
            except StaleAttempt as error:
                self._stop.set(StopReason.STALE)
                raise StepFailed("STALE_ATTEMPT", "the attempt is no longer ours") from error
            except Rejected as error:
                raise _refused(error) from error


def secrets_of(credential: Credential) -> Iterator[str]:
    """What must not be seen: each value, what follows a scheme like Bearer, and what Basic packs."""
    for value in (*credential.headers.values(), *credential.query.values()):
        yield value
        scheme, _, rest = value.partition(" ")
        if rest == "":
            continue
        yield rest
        if scheme.lower() == "basic":
            yield from _unpacked(rest)


def _unpacked(text: str) -> Iterator[str]:
    try:
        pair = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return
    yield pair
    yield pair.partition(":")[2]


def _parse(body: Mapping[str, Json]) -> Credential:
    headers, query, hosts = body.get("headers"), body.get("query"), body.get("allowedHosts")
    if not _is_texts(headers) or not _is_texts(query) or not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise StepFailed(_CODE, "the credential does not fit the contract")
    return Credential(headers, query, tuple(hosts))


def _is_texts(value: Json) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _lifetime(answer: Answer) -> float:
    expires_at = answer.body.get("expiresAt")
    if expires_at is None:
        return float("inf")
    try:
        return answer.seconds_until(expires_at)
    except (TypeError, ValueError) as error:
        raise StepFailed(_CODE, "the credential does not fit the contract") from error


def _refused(error: Rejected) -> StepFailed:
    if error.code != _CODE:
        return StepFailed(_CODE, f"the credential was refused with {error.code}")
    stage, cause = error.extensions.get("stage"), error.extensions.get("cause")
    is_final = stage in _FINAL_STAGES or cause in _FINAL_CAUSES
    return StepFailed(_CODE, f"the credential is not available: {stage} {cause}", retryable=not is_final)
