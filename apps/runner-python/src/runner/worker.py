"""Takes jobs from the queue and sees each attempt through; ends in order when the process is asked to."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bullmq import Worker
from bullmq.custom_errors import UnrecoverableError
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError

from .attempt import run_attempt
from .backoff import Backoff
from .contract import QUEUE, ContractError, Job, parse_job
from .decisions import note
from .egress import Egress
from .log_writer import LogWriter
from .orchestrator import Orchestrator, Rejected, StaleAttempt, Unreachable
from .settings import Settings
from .stopping import Stop, StopReason

CLAIM_SECONDS_MAX = 60.0
"""A job that cannot be claimed for so long fails; the orchestrator's sweeper adds it again."""

GRACE_SECONDS = 4.0
"""After a signal running attempts may end for so long, then they are given back for another attempt."""

RETURN_SECONDS = 2.5

IDLE_SECONDS = 1.5
"""By then a job that was just taken is an attempt under way."""

REDIS_PAUSE_SECONDS = 1.0


class Runner:
    """One process: an event loop for the queue, a thread for each attempt."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._orchestrator = Orchestrator(settings.orchestrator_url, settings.runner_token, settings.runner_id)
        self._logs = LogWriter(settings.mongodb_url)
        self._egress = Egress(settings.egress_allow)
        self._pool = ThreadPoolExecutor(max_workers=settings.runner_concurrency, thread_name_prefix="attempt")
        self._lock = threading.Lock()
        self._stops: set[Stop] = set()
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Works until SIGTERM or SIGINT."""
        self._logs.start()
        note("info", "egress rules", egressAllow=[entry.text for entry in self._settings.egress_allow])
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, asked.set)
        taking = asyncio.create_task(self._take_jobs(asked))
        await asked.wait()
        note("info", "stopping", attempts=len(self._stops))
        self._stopping.set()
        loop.call_later(GRACE_SECONDS, self._give_back)
        if not await self._has_ended(taking):
            note("warn", "some attempts did not end in time", attempts=len(self._stops))
        await asyncio.to_thread(self._logs.close)
        self._orchestrator.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        note("info", "stopped")

    async def _has_ended(self, taking: asyncio.Task[None]) -> bool:
        """Waits for the attempts under way. An idle queue worker that misses its close holds nothing, so nobody waits for it."""
        until = time.monotonic() + GRACE_SECONDS + RETURN_SECONDS
        while time.monotonic() < until:
            done, _ = await asyncio.wait({taking}, timeout=IDLE_SECONDS)
            if done or not self._stops:
                return True
        return False

    def _give_back(self) -> None:
        with self._lock:
            stops = list(self._stops)
        for stop in stops:
            stop.set(StopReason.SHUTDOWN)

    async def _take_jobs(self, asked: asyncio.Event) -> None:
        """Keeps a BullMQ worker at work; its own loop survives lost connections, but not a Redis that is away at the start."""
        is_away = False
        while not asked.is_set():
            worker = self._create_worker()
            closing = asyncio.create_task(_close_when(asked, worker))
            try:
                note("info", "taking jobs", queue=QUEUE, prefix=self._settings.queue_prefix, concurrency=self._settings.runner_concurrency)
                await worker.run()
            except (RedisError, OSError) as error:
                if not is_away:
                    note("warn", "redis is away", reason=type(error).__name__)
                is_away = True
            if asked.is_set():
                await closing
                return
            closing.cancel()
            await worker.close(force=True)
            await asyncio.sleep(REDIS_PAUSE_SECONDS)

    def _create_worker(self) -> Worker:
        worker = Worker(
            QUEUE,
            self._process,
            {
                "connection": self._settings.redis_url,
                "prefix": self._settings.queue_prefix,
                "concurrency": self._settings.runner_concurrency,
                "name": self._settings.runner_id,
                "autorun": False,
                "runRetryDelay": int(REDIS_PAUSE_SECONDS * 1000),
            },
        )
        # By default a lost connection is tried again up to 20 s later, which would leave jobs waiting after Redis is back.
        for connection in (worker.redisConnection, worker.blockingRedisConnection):
            connection.conn.set_retry(Retry(ConstantBackoff(REDIS_PAUSE_SECONDS), 1))
        worker.on("error", lambda error, *_: note("warn", "queue error", reason=f"{type(error).__name__}: {error}"))
        worker.on("failed", lambda job, error: note("warn", "job failed", jobId=job.id, reason=str(error)))
        return worker

    async def _process(self, job: Any, _token: str) -> str:
        try:
            wanted = parse_job(job.data)
        except ContractError as error:
            raise UnrecoverableError(str(error)) from error
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._see_through, wanted)

    def _see_through(self, job: Job) -> str:
        """Claims and executes; the result is the job's return value, for whoever looks at the queue."""
        stop = Stop()
        with self._lock:
            self._stops.add(stop)
        try:
            claim, answer = self._claim(job)
            note("info", "run claimed", runId=job.run_id, attempt=job.attempt)
            outcome = run_attempt(self._orchestrator, claim, answer, stop, self._logs.write, self._egress)
        except StaleAttempt:
            outcome = "stale"
        finally:
            with self._lock:
                self._stops.discard(stop)
        note("info", "attempt ended", runId=job.run_id, attempt=job.attempt, outcome=outcome)
        return outcome

    def _claim(self, job: Job) -> tuple[Any, Any]:
        """Repeats the claim while the orchestrator is away: one that got through unheard makes the next one stale."""
        backoff = Backoff()
        give_up_at = time.monotonic() + CLAIM_SECONDS_MAX
        while True:
            try:
                return self._orchestrator.claim(job)
            except Unreachable as error:
                note("warn", "claim failed", runId=job.run_id, attempt=job.attempt, reason=str(error))
                pause = backoff.pause(error.retry_after_seconds)
                if self._stopping.wait(pause) or time.monotonic() > give_up_at:
                    raise UnrecoverableError(f"the run could not be claimed: {error}") from error
            except (Rejected, ContractError) as error:
                note("error", "claim rejected", runId=job.run_id, attempt=job.attempt, reason=str(error))
                raise UnrecoverableError(f"the run could not be claimed: {error}") from error


async def _close_when(asked: asyncio.Event, worker: Worker) -> None:
    """Stops taking jobs at once and waits for those at work."""
    await asked.wait()
    await worker.close()
