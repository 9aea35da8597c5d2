import { CronExpressionParser } from "cron-parser";
import type pg from "pg";
import type { CronTrigger } from "../model/model.ts";

/** Slots are written ahead of time, so that those of a downtime are known afterwards. */
const SLOTS_AHEAD_MAX = 100;
const SLOTS_AHEAD_MIN = 50;

/** Tops up a trigger's slots, in UTC and by the database's clock. A slot is in the log once, whoever writes it. */
export async function writeSlots(pool: pg.Pool, { name, schedule }: CronTrigger): Promise<void> {
  const { rows } = await pool.query<{ now: Date; ahead: number; last: Date | null }>(
    `select now() as now, count(*)::int as ahead, max(scheduled_time) as last
       from embedded_hdb.cron_events where trigger_name = $1 and scheduled_time > now()`,
    [name],
  );
  const [log] = rows;
  if (log === undefined || log.ahead >= SLOTS_AHEAD_MIN) return;
  const times = CronExpressionParser.parse(schedule, { tz: "UTC", currentDate: log.last ?? log.now })
    .take(SLOTS_AHEAD_MAX - log.ahead)
    .map((slot) => slot.toDate().toISOString());
  await pool.query(
    "insert into embedded_hdb.cron_events (trigger_name, scheduled_time) select $1, unnest($2::timestamptz[]) on conflict do nothing",
    [name, times],
  );
}

/** After a change of metadata: slots that lie ahead and belong to no trigger, or not to its schedule, go. */
export async function deleteStaleSlots(pool: pg.Pool, triggers: readonly CronTrigger[]): Promise<void> {
  const schedules = new Map(
    triggers.map(({ name, schedule }) => [name, CronExpressionParser.parse(schedule, { tz: "UTC" })]),
  );
  const { rows } = await pool.query<{ id: string; trigger_name: string; scheduled_time: Date }>(
    `select id, trigger_name, scheduled_time from embedded_hdb.cron_events
      where status = 'scheduled' and tries = 0 and (scheduled_time > now() or not trigger_name = any($1))`,
    [[...schedules.keys()]],
  );
  const stale = rows.filter((row) => schedules.get(row.trigger_name)?.includesDate(row.scheduled_time) !== true);
  if (stale.length === 0) return;
  await pool.query("delete from embedded_hdb.cron_events where id = any($1) and status = 'scheduled'", [
    stale.map(({ id }) => id),
  ]);
}
