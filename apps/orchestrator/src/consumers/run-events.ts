import { deadLetters } from "@control-plane/db";
import {
  type Consumer,
  type RunEvents,
  readRunEvents,
  runEvents,
  startConsumer,
  verifyRunEvents,
} from "@control-plane/queue";
import { applyEvents, isHeld } from "@control-plane/runs";
import { type SQL, sql } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { eventProblem } from "../domain/event-problem.ts";
import { storageProblem } from "../domain/storable.ts";

const CONCURRENCY = 10;
const PAYLOAD_BYTES_MAX = 64 * 1024;

type ConsumerDeps = Pick<Deps, "db" | "lease" | "wakeDispatcher" | "runMetrics" | "log">;

/** Takes runners' events from the queue; they go through the same reducer as those over HTTP. */
export function startRunEventsConsumer(deps: ConsumerDeps, connection: { url: string; prefix: string }): Consumer {
  return startConsumer(runEvents, connection, {
    concurrency: CONCURRENCY,
    handle: async (job) => {
      await takeRunEvents(deps, job);
    },
    onUnreadable: ({ data, reason }) => {
      deps.runMetrics.events.inc({ outcome: "unreadable" });
      return insertDeadLetter(deps, {
        tenantId: null,
        runId: undefined,
        reason: "EVENT_UNREADABLE",
        detail: reason,
        data,
      });
    },
    onError: (error) => deps.log.debug({ err: error }, "run-events consumer"),
  });
}

/** A stale job is dropped; one of the present attempt that does not prove its lease becomes a dead letter. */
export async function takeRunEvents(
  deps: ConsumerDeps,
  job: RunEvents,
): Promise<"applied" | "dropped" | "dead-letter"> {
  const events = readRunEvents(job.body);
  const problem = events?.map(eventProblem).find((found) => found !== undefined);
  if (events === undefined || problem !== undefined) {
    deps.runMetrics.events.inc({ outcome: "unreadable" });
    await insertDeadLetter(deps, {
      tenantId: null,
      runId: job.runId,
      reason: "EVENT_UNREADABLE",
      detail: problem ?? "the body does not fit the contract",
      data: job,
    });
    return "dead-letter";
  }
  const result = await applyEvents(
    deps.db,
    {
      runId: job.runId,
      attempt: job.attempt,
      events,
      proves: (stored) => verifyRunEvents(stored, job.body, job.signature),
    },
    deps.lease,
  );
  deps.runMetrics.events.inc({ outcome: result.outcome });
  switch (result.outcome) {
    case "applied":
      if (!isHeld(result.status)) deps.wakeDispatcher();
      return "applied";
    case "stale":
      deps.log.info({ runId: job.runId, attempt: job.attempt }, "stale events dropped");
      return "dropped";
    case "unproven":
      await insertDeadLetter(deps, {
        tenantId: result.tenantId,
        runId: job.runId,
        reason: "EVENT_UNVERIFIED",
        detail: "the signature does not verify",
        data: job,
      });
      return "dead-letter";
    case "invalid":
      await insertDeadLetter(deps, {
        tenantId: result.tenantId,
        runId: job.runId,
        reason: "EVENT_INVALID",
        detail: result.reason,
        data: job,
      });
      return "dead-letter";
    default:
      return result satisfies never;
  }
}

async function insertDeadLetter(
  deps: ConsumerDeps,
  letter: { tenantId: string | null; runId: string | undefined; reason: string; detail: string; data: unknown },
): Promise<void> {
  await deps.db.insert(deadLetters).values({
    tenantId: letter.tenantId,
    kind: "RUN_EVENT",
    referenceId: letter.runId ?? null,
    reason: letter.reason,
    detail: letter.detail.slice(0, 1_000),
    payload: payloadOf(letter.data),
    attempts: 1,
  });
  deps.runMetrics.deadLetters.inc({ kind: "RUN_EVENT" });
  deps.log.warn({ runId: letter.runId, reason: letter.reason }, "run events became a dead letter");
}

const TRUNCATED = JSON.stringify({ truncated: true });

/** The job itself where a letter may hold it. PostgreSQL measures: its notation of the same JSON is longer than ours. */
function payloadOf(data: unknown): SQL {
  const text = storageProblem(data) === undefined ? (JSON.stringify(data) ?? "null") : TRUNCATED;
  if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) return sql`${TRUNCATED}::jsonb`;
  return sql`case when octet_length(${text}::jsonb::text) <= ${PAYLOAD_BYTES_MAX} then ${text}::jsonb else ${TRUNCATED}::jsonb end`;
}
