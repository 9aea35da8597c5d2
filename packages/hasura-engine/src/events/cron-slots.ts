import { CronExpressionParser } from "cron-parser";
import type pg from "pg";
import type { CronTrigger } from "../model/model.ts";

/** Slots are written ahead of time, so that those of a downtime are known afterwards. */
const SLOTS_AHEAD_MAX = 100;
const SLOTS_AHEAD_MIN = 50;

/**
 * Tops up a trigger's slots, in UTC and by the database's clock, behind the last one that nobody has taken yet: a
 * downtime longer than the slots written ahead leaves no gap, but for what its tolerance would let die. A slot is in the
 * log once, whoever writes it.
 */
export async function writeSlots(pool: pg.Pool, { name, schedule, retry }: CronTrigger): Promise<void> {
  const { rows } = await pool.query<{ start: Date; ahead: number }>(
    `select greatest(coalesce(max(scheduled_time), now()), now() - make_interval(secs => $2::float8)) as start,
            count(*) filter (where scheduled_time > now())::int as ahead
       from embedded_hdb.cron_events where trigger_name = $1 and status = 'scheduled' and tries = 0`,
    [name, retry.toleranceSeconds],
  );
  const [log] = rows;
  if (log === undefined || log.ahead >= SLOTS_AHEAD_MIN) return;
  const times = slotsAfter(schedule, log.start, SLOTS_AHEAD_MAX - log.ahead).map((slot) => slot.toISOString());
  await pool.query(
    "insert into embedded_hdb.cron_events (trigger_name, scheduled_time) select $1, unnest($2::timestamptz[]) on conflict do nothing",
    [name, times],
  );
}

/**
 * After a change of metadata: the slots of triggers that are gone go, and all those ahead of a trigger whose schedule
 * has others.
 */
export async function deleteStaleSlots(pool: pg.Pool, triggers: readonly CronTrigger[]): Promise<void> {
  const { rows } = await pool.query<{ trigger_name: string; now: Date; ids: string[]; ahead: Date[] }>(
    `select trigger_name, now() as now, array_agg(id) as ids,
            coalesce(array_agg(scheduled_time order by scheduled_time) filter (where scheduled_time > now()), '{}') as ahead
       from embedded_hdb.cron_events
      where status = 'scheduled' and tries = 0 and (scheduled_time > now() or not trigger_name = any($1))
      group by trigger_name`,
    [triggers.map(({ name }) => name)],
  );
  const stale = rows.filter((row) => {
    const trigger = triggers.find(({ name }) => name === row.trigger_name);
    if (trigger === undefined) return true;
    const wanted = slotsAfter(trigger.schedule, row.now, row.ahead.length);
    return row.ahead.some((slot, index) => slot.getTime() !== wanted[index]?.getTime());
  });
  if (stale.length === 0) return;
  await pool.query("delete from embedded_hdb.cron_events where id = any($1) and status = 'scheduled'", [
    stale.flatMap(({ ids }) => ids),
  ]);
}

function slotsAfter(schedule: string, start: Date, count: number): Date[] {
  return CronExpressionParser.parse(schedule, { tz: "UTC", currentDate: start })
    .take(count)
    .map((slot) => slot.toDate());
}
