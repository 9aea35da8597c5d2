import { CronExpressionParser } from "cron-parser";
import type pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import type { CronTrigger } from "../model/model.ts";
import { send } from "./send.ts";

export type Crons = { stop(): Promise<void> };

const CHECK_MS = 10_000;
/** Slots are written ahead of time, so that those of a downtime are known afterwards. */
const SLOTS_AHEAD = 10;
const BATCH = 50;

type CronRow = { id: string; trigger_name: string; scheduled_time: string; tries: number; late_seconds: number };

/** Fires cron triggers: each slot once in the log, delivered when due, dead when later than its tolerance. */
export function startCrons(deps: {
  pool: pg.Pool;
  triggers: () => readonly CronTrigger[];
  log: EngineLog;
  checkMs?: number;
}): Crons {
  let stopped = false;
  let running: Promise<void> | undefined;
  const check = (): void => {
    if (stopped || running !== undefined || deps.triggers().length === 0) return;
    running = pass(deps)
      .catch((error: unknown) => deps.log.warn({ err: error }, "cron triggers could not be checked"))
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(check, deps.checkMs ?? CHECK_MS);
  check();
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}

async function pass(deps: { pool: pg.Pool; triggers: () => readonly CronTrigger[]; log: EngineLog }): Promise<void> {
  const triggers = deps.triggers();
  for (const trigger of triggers) await writeSlots(deps.pool, trigger);
  const { rows } = await deps.pool.query<CronRow>(
    `update embedded_hdb.cron_events c set status = 'locked', locked_at = now()
       from (select id from embedded_hdb.cron_events
              where trigger_name = any($1) and scheduled_time <= now()
                and (status = 'scheduled' and (next_retry_at is null or next_retry_at <= now())
                     or status = 'locked' and locked_at < now() - interval '30 minutes')
              order by scheduled_time limit $2 for update skip locked) due
      where c.id = due.id
      returning c.id, c.trigger_name, to_char(c.scheduled_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as scheduled_time, c.tries,
                extract(epoch from now() - c.scheduled_time)::float8 as late_seconds`,
    [triggers.map(({ name }) => name), BATCH],
  );
  await Promise.all(
    rows.map(async (row) => {
      const trigger = triggers.find(({ name }) => name === row.trigger_name);
      if (trigger !== undefined) await fire(deps.pool, trigger, row);
    }),
  );
}

/** The next slots, in UTC. Those of an older schedule that lie ahead go. */
async function writeSlots(pool: pg.Pool, { name, schedule }: CronTrigger): Promise<void> {
  const times = CronExpressionParser.parse(schedule, { tz: "UTC", currentDate: new Date() })
    .take(SLOTS_AHEAD)
    .map((slot) => slot.toDate().toISOString());
  await pool.query(
    "delete from embedded_hdb.cron_events where trigger_name = $1 and status = 'scheduled' and scheduled_time > now() and not scheduled_time = any($2::timestamptz[]) and scheduled_time < $3::timestamptz",
    [name, times, times.at(-1) ?? null],
  );
  await pool.query(
    "insert into embedded_hdb.cron_events (trigger_name, scheduled_time) select $1, unnest($2::timestamptz[]) on conflict do nothing",
    [name, times],
  );
}

async function fire(pool: pg.Pool, trigger: CronTrigger, row: CronRow): Promise<void> {
  const { retry } = trigger;
  if (row.tries === 0 && row.late_seconds > retry.toleranceSeconds) {
    await pool.query("update embedded_hdb.cron_events set status = 'dead', locked_at = null where id = $1", [row.id]);
    return;
  }
  const body = JSON.stringify({
    id: row.id,
    name: trigger.name,
    scheduled_time: row.scheduled_time,
    payload: trigger.payload ?? null,
    comment: trigger.comment ?? null,
  });
  const sent = await send({ url: trigger.url, headers: trigger.headers, timeoutSeconds: retry.timeoutSeconds }, body);
  const mayRetry = row.tries < retry.numRetries || sent.retryAfterSeconds !== undefined;
  const status = sent.ok ? "delivered" : mayRetry ? "scheduled" : "error";
  await pool.query(
    `with invocation as (
       insert into embedded_hdb.cron_invocations (event_id, attempt, status, response_headers, response_body, duration_ms)
       values ($1, $2, $3, $4, $5, $6))
     update embedded_hdb.cron_events set tries = tries + 1, status = $7, locked_at = null,
            next_retry_at = case when $7 = 'scheduled' then now() + make_interval(secs => $8::float8) end
      where id = $1`,
    [
      row.id,
      row.tries + 1,
      sent.status ?? null,
      JSON.stringify(sent.headers),
      sent.body,
      sent.durationMs,
      status,
      sent.retryAfterSeconds ?? retry.intervalSeconds,
    ],
  );
}
