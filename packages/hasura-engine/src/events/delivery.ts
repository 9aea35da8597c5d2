import type pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import type { EventTrigger } from "../model/model.ts";
import { invocationSql, invocationValues, outcomeOf } from "./attempts.ts";
import { createRunningSet } from "./running-set.ts";
import { type Sent, send } from "./send-webhook.ts";

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

type Deps = { pool: pg.Pool; triggers: () => readonly EventTrigger[]; log: EngineLog };

/**
 * Delivers captured events: at least once, in any order, at most `poolSize` at a time. Rows are claimed with a lock that
 * another process may break after 30 minutes; a stop finishes what is under way and unlocks the rest.
 */
export function startDelivery(deps: Deps, settings: DeliverySettings): Delivery {
  const { pool, log } = deps;
  // More than the pool can send soon would only wait with ageing locks.
  const claimSize = Math.min(settings.batchSize, settings.poolSize);
  const waiting: EventRow[] = [];
  const running = createRunningSet();
  let stopped = false;
  let fetching: Promise<void> | undefined;
  let lastClaimWasFull = false;

  const start = async (event: EventRow): Promise<void> => {
    await deliver(deps, event, running.signal).catch((error: unknown) =>
      log.warn(
        { err: error, eventId: event.id },
        "an event's outcome could not be recorded; it will be delivered again",
      ),
    );
    // After the set has let go of this delivery.
    setImmediate(pump);
  };
  const pump = (): void => {
    if (stopped) return;
    while (running.size() < settings.poolSize) {
      const event = waiting.shift();
      if (event === undefined) break;
      running.add(start(event));
    }
    if (waiting.length === 0 && lastClaimWasFull && running.size() < settings.poolSize) fetch();
  };
  const fetch = (): void => {
    if (stopped || fetching !== undefined || waiting.length > 0) return;
    fetching = claim(pool, deps.triggers(), claimSize)
      .then(
        (rows) => {
          lastClaimWasFull = rows.length === claimSize;
          waiting.push(...rows);
        },
        (error: unknown) => {
          lastClaimWasFull = false;
          log.warn({ err: error }, "events could not be fetched");
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
      const unlocked = unlock(
        pool,
        waiting.splice(0).map(({ id }) => id),
      );
      await Promise.all([unlocked, running.finish()]);
    },
  };
}

async function unlock(pool: pg.Pool, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await pool.query("update embedded_hdb.event_log set locked_at = null where id = any($1)", [ids]);
}

async function claim(pool: pg.Pool, triggers: readonly EventTrigger[], limit: number): Promise<EventRow[]> {
  if (triggers.length === 0) return [];
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
    [triggers.map(({ name }) => name), limit],
  );
  return rows;
}

async function deliver({ pool, triggers }: Deps, event: EventRow, signal: AbortSignal): Promise<void> {
  const trigger = triggers().find(({ name }) => name === event.trigger_name);
  if (trigger === undefined) return unlock(pool, [event.id]);
  const sent = await send(
    { url: trigger.url, headers: trigger.headers, timeoutSeconds: trigger.retry.timeoutSeconds },
    bodyOf(event, trigger),
    signal,
  );
  // Cut off by a stop, not by the webhook: no attempt of the event's is used up.
  if (sent.status === undefined && signal.aborted) return unlock(pool, [event.id]);
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

async function record(pool: pg.Pool, event: EventRow, { retry }: EventTrigger, sent: Sent): Promise<void> {
  const outcome = outcomeOf(sent, event.tries, retry);
  await pool.query(
    `with invocation as (${invocationSql("event_invocations")})
     update embedded_hdb.event_log
        set tries = tries + 1, locked_at = null, delivered = $7, error = $8,
            next_retry_at = case when $9::float8 is null then null else now() + make_interval(secs => $9::float8) end
      where id = $1`,
    [
      ...invocationValues(event.id, event.tries + 1, sent),
      outcome.kind === "delivered",
      outcome.kind === "error",
      outcome.kind === "retry" ? outcome.delaySeconds : null,
    ],
  );
}
