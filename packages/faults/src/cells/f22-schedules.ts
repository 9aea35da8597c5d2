import { join } from "node:path";
import { defineCell } from "../cell.ts";

const HOUR = 3_600;
const MINUTE_MS = 60_000;
const TRIGGERS = 20;
const shift = (seconds: number) => ({
  args: ["--import", join(import.meta.dirname, "../clock-shift.mjs")],
  env: { CLOCK_SHIFT_SECONDS: String(seconds) },
});

/** A slot is one run: with nobody to fire it for a while, with three who would, and with clocks that are wrong. */
export const schedules = defineCell({
  id: "F22",
  title: "schedulers down over 3 slots, then 3 at once with clocks off by an hour",
  async play({ begin, stage, orchestrator, schedule, until, settle, count, must }) {
    await begin();
    await orchestrator.stop();
    const since = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 3 * MINUTE_MS);
    const triggers = await Promise.all(Array.from({ length: TRIGGERS }, () => schedule(since)));
    const others = [await stage.another("orchestrator"), await stage.another("orchestrator")];
    await Promise.all([orchestrator.start(), others[0]?.start(shift(HOUR)), others[1]?.start(shift(-HOUR))]);
    const missed = (slot: string) =>
      count(
        `select 1 from unnest($1::uuid[]) as t (id) cross join generate_series($2::timestamptz, ${slot}, interval '1 minute') as s (slot)
          where not exists (select 1 from workflow_runs r where r.trigger_id = t.id and r.scheduled_for = s.slot)`,
        [triggers.map(({ triggerId }) => triggerId), since],
      );
    await until(
      async () => (await missed("$2::timestamptz + interval '3 minutes'")) === 0,
      60,
      "the slots that were missed are fired",
    );
    // One more, by whoever is first.
    await until(
      async () => (await missed("$2::timestamptz + interval '4 minutes'")) === 0,
      90,
      "the next slot is fired by three schedulers",
    );
    await stage.pool.query("update triggers set enabled = false where type = 'SCHEDULE'");
    must(
      (await count("select 1 from workflow_runs where scheduled_for <> date_trunc('minute', scheduled_for)")) === 0,
      "a run is of no slot",
    );
    must(
      (await count("select 1 from workflow_runs where scheduled_for > now() + interval '1 second'")) === 0,
      "a slot was fired before its time",
    );
    await settle(60);
  },
});
