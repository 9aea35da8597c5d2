import type pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import { OWN_SCHEMA } from "./own-tables.ts";
import type { Sent } from "./send-webhook.ts";

type InvocationTable = "event_invocations" | "cron_invocations";

/** What becomes of an event or slot after an attempt. A `Retry-After` is honoured even when no retries are left. */
export type AttemptOutcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly delaySeconds: number }
  | { readonly kind: "error" };

export function outcomeOf(
  sent: Sent,
  tries: number,
  retry: { readonly numRetries: number; readonly intervalSeconds: number },
): AttemptOutcome {
  if (sent.ok) return { kind: "delivered" };
  if (tries >= retry.numRetries && sent.retryAfterSeconds === undefined) return { kind: "error" };
  return { kind: "retry", delaySeconds: sent.retryAfterSeconds ?? retry.intervalSeconds };
}

/** Writes `$1 … $6`, which `invocationValues` gives, into the log of invocations. */
export function invocationSql(table: InvocationTable): string {
  return `insert into ${OWN_SCHEMA}.${table} (event_id, attempt, status, response_headers, response_body, duration_ms)
          values ($1, $2, $3, $4, $5, $6)`;
}

export function invocationValues(id: string, attempt: number, sent: Sent): readonly unknown[] {
  return [id, attempt, sent.status ?? null, JSON.stringify(sent.headers), sent.body, sent.durationMs];
}

/** Invocations are kept for 7 days. */
export async function deleteOldInvocations(pool: pg.Pool, log: EngineLog): Promise<void> {
  for (const table of ["event_invocations", "cron_invocations"] as const satisfies readonly InvocationTable[]) {
    await pool
      .query(`delete from ${OWN_SCHEMA}.${table} where sent_at < now() - interval '7 days'`)
      .catch((error: unknown) => log.warn({ err: error }, "old invocations could not be deleted"));
  }
}
