import type pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import type { EventTrigger } from "../model/model.ts";
import { type Sent, send } from "./send.ts";

export type DeliverySettings = {
  readonly fetchIntervalMs: number;
  readonly batchSize: number;
  readonly poolSize: number;
};
export type Delivery = { stop(): Promise<void> };

type EventRow = {
  id: string;
  schema_name: string;
  table_name: string;
  trigger_name: string;
  payload: string;
  tries: number;
  created_at: string;
};

/**
 * Delivers captured events: at least once, in any order, at most `poolSize` at a time. Rows are claimed with a lock that
 * another process may break after 30 minutes; a stop finishes what is under way and unlocks the rest.
 */
export function startDelivery(
  deps: { pool: pg.Pool; triggers: () => readonly EventTrigger[]; log: EngineLog },
  settings: DeliverySettings,
): Delivery {
  const waiting: EventRow[] = [];
  const running = new Set<Promise<void>>();
  let stopped = false;
  let fetching: Promise<void> | undefined;

  const pump = (): void => {
    while (!stopped && running.size < settings.poolSize) {
      const event = waiting.shift();
      if (event === undefined) break;
      const work = deliver(deps, event)
        .catch((error: unknown) =>
          deps.log.warn(
            { err: error, eventId: event.id },
            "an event's outcome could not be recorded; it will be delivered again",
          ),
        )
        .finally(() => {
          running.delete(work);
          pump();
        });
      running.add(work);
    }
    if (!stopped && waiting.length === 0 && lastBatchWasFull) fetch();
  };
  let lastBatchWasFull = false;
  const fetch = (): void => {
    if (stopped || fetching !== undefined || waiting.length > 0) return;
    fetching = claim(
      deps.pool,
      deps.triggers().map(({ name }) => name),
      settings.batchSize,
    )
      .then(
        (rows) => {
          lastBatchWasFull = rows.length === settings.batchSize;
          waiting.push(...rows);
        },
        (error: unknown) => {
          lastBatchWasFull = false;
          deps.log.warn({ err: error }, "events could not be fetched");
        },
      )
      .finally(() => {
        fetching = undefined;
        pump();
      });
  };
  const timer = setInterval(fetch, settings.fetchIntervalMs);
  fetch();
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await fetching;
      const left = waiting.splice(0).map(({ id }) => id);
      if (left.length > 0)
        await deps.pool.query("update embedded_hdb.event_log set locked_at = null where id = any($1)", [left]);
      await Promise.all(running);
    },
  };
}

async function claim(pool: pg.Pool, names: readonly string[], limit: number): Promise<EventRow[]> {
  if (names.length === 0) return [];
  const { rows } = await pool.query<EventRow>(
    `update embedded_hdb.event_log e set locked_at = now()
       from (select id from embedded_hdb.event_log
              where not delivered and not error and trigger_name = any($1)
                and (locked_at is null or locked_at < now() - interval '30 minutes')
                and (next_retry_at is null or next_retry_at <= now())
              order by created_at limit $2 for update skip locked) due
      where e.id = due.id
      returning e.id, e.schema_name, e.table_name, e.trigger_name, e.payload::text as payload, e.tries,
                to_char(e.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as created_at`,
    [names, limit],
  );
  return rows;
}

async function deliver({ pool, triggers }: Parameters<typeof startDelivery>[0], event: EventRow): Promise<void> {
  const trigger = triggers().find(({ name }) => name === event.trigger_name);
  if (trigger === undefined) {
    await pool.query("update embedded_hdb.event_log set locked_at = null where id = $1", [event.id]);
    return;
  }
  const sent = await send(
    { url: trigger.url, headers: trigger.headers, timeoutSeconds: trigger.retry.timeoutSeconds },
    bodyOf(event, trigger),
  );
  await record(pool, event, trigger, sent);
}

function bodyOf(event: EventRow, { retry }: EventTrigger): string {
  const facts = {
    id: event.id,
    table: { schema: event.schema_name, name: event.table_name },
    trigger: { name: event.trigger_name },
    delivery_info: { max_retries: retry.numRetries, current_retry: event.tries },
    created_at: event.created_at,
  };
  // The event goes in as PostgreSQL wrote it, so that big numbers keep their digits.
  return `{"event":${event.payload},${JSON.stringify(facts).slice(1)}`;
}

/** A Retry-After of the answer is honoured even when no retries are left. */
async function record(pool: pg.Pool, event: EventRow, { retry }: EventTrigger, sent: Sent): Promise<void> {
  const mayRetry = event.tries < retry.numRetries || sent.retryAfterSeconds !== undefined;
  const delay = sent.retryAfterSeconds ?? retry.intervalSeconds;
  await pool.query(
    `with invocation as (
       insert into embedded_hdb.event_invocations (event_id, attempt, status, response_headers, response_body, duration_ms)
       values ($1, $2, $3, $4, $5, $6))
     update embedded_hdb.event_log
        set tries = tries + 1, locked_at = null, delivered = $7, error = $8,
            next_retry_at = case when $9::float8 is null then null else now() + make_interval(secs => $9::float8) end
      where id = $1`,
    [
      event.id,
      event.tries + 1,
      sent.status ?? null,
      JSON.stringify(sent.headers),
      sent.body,
      sent.durationMs,
      sent.ok,
      !sent.ok && !mayRetry,
      !sent.ok && mayRetry ? delay : null,
    ],
  );
}
