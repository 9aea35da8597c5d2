import type pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import type { CronTrigger } from "../model/model.ts";
import { invocationSql, invocationValues, outcomeOf } from "./attempts.ts";
import { deleteStaleSlots, writeSlots } from "./cron-slots.ts";
import { createRunningSet } from "./running-set.ts";
import { send } from "./send-webhook.ts";

export type Crons = { stop(): Promise<void> };

const CHECK_MS = 10_000;
const AT_A_TIME_MAX = 50;

type Deps = { pool: pg.Pool; triggers: () => readonly CronTrigger[]; log: EngineLog };
type CronRow = { id: string; trigger_name: string; scheduled_time: string; tries: number; late_seconds: number };

/** Fires cron triggers: each slot once in the log, delivered when due, dead when later than its tolerance. */
export function startCrons(deps: Deps & { checkMs?: number }): Crons {
  const { pool, log } = deps;
  const running = createRunningSet();
  let stopped = false;
  let passing: Promise<void> | undefined;
  /** The triggers whose slots the log was last brought in line with. */
  let aligned: string | undefined;

  const align = async (triggers: readonly CronTrigger[]): Promise<void> => {
    const wanted = JSON.stringify(triggers.map(({ name, schedule }) => [name, schedule]));
    if (wanted === aligned) return;
    await deleteStaleSlots(pool, triggers);
    aligned = wanted;
  };
  const pass = async (): Promise<void> => {
    const triggers = deps.triggers();
    await align(triggers);
    for (const trigger of triggers) await writeSlots(pool, trigger);
    for (const row of await claim(pool, triggers, AT_A_TIME_MAX - running.size())) {
      const trigger = triggers.find(({ name }) => name === row.trigger_name);
      if (trigger !== undefined) running.add(fireSafely(trigger, row));
    }
  };
  const fireSafely = (trigger: CronTrigger, row: CronRow): Promise<void> =>
    fire(pool, trigger, row, running.signal).catch((error: unknown) =>
      log.warn({ err: error, cronEventId: row.id }, "a cron slot's outcome could not be recorded"),
    );
  const check = (): void => {
    if (stopped || passing !== undefined) return;
    passing = pass()
      .catch((error: unknown) => log.warn({ err: error }, "cron triggers could not be checked"))
      .finally(() => {
        passing = undefined;
      });
  };
  const timer = setInterval(check, deps.checkMs ?? CHECK_MS);
  check();
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await passing;
      await running.finish();
    },
  };
}

async function claim(pool: pg.Pool, triggers: readonly CronTrigger[], limit: number): Promise<CronRow[]> {
  if (triggers.length === 0 || limit <= 0) return [];
  const { rows } = await pool.query<CronRow>(
    `update embedded_hdb.cron_events c set status = 'locked', locked_at = now()
       from (select id from embedded_hdb.cron_events
              where trigger_name = any($1) and scheduled_time <= now()
                and (status = 'scheduled' and (next_retry_at is null or next_retry_at <= now())
                     or status = 'locked' and locked_at < now() - interval '30 minutes')
              order by scheduled_time limit $2 for update skip locked) due
      where c.id = due.id
      returning c.id, c.trigger_name, to_char(c.scheduled_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as scheduled_time, c.tries,
                extract(epoch from now() - c.scheduled_time)::float8 as late_seconds`,
    [triggers.map(({ name }) => name), limit],
  );
  return rows;
}

async function fire(pool: pg.Pool, trigger: CronTrigger, row: CronRow, signal: AbortSignal): Promise<void> {
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
  const target = { url: trigger.url, headers: trigger.headers, timeoutSeconds: retry.timeoutSeconds };
  const sent = await send(target, body, signal);
  if (sent.status === undefined && signal.aborted) {
    // Cut off by a stop, not by the webhook: no attempt is used up.
    await pool.query("update embedded_hdb.cron_events set status = 'scheduled', locked_at = null where id = $1", [
      row.id,
    ]);
    return;
  }
  const outcome = outcomeOf(sent, row.tries, retry);
  await pool.query(
    `with invocation as (${invocationSql("cron_invocations")})
     update embedded_hdb.cron_events set tries = tries + 1, status = $7, locked_at = null,
            next_retry_at = case when $7 = 'scheduled' then now() + make_interval(secs => $8::float8) end
      where id = $1`,
    [
      ...invocationValues(row.id, row.tries + 1, sent),
      outcome.kind === "retry" ? "scheduled" : outcome.kind,
      outcome.kind === "retry" ? outcome.delaySeconds : null,
    ],
  );
}
