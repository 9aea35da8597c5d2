import { readFileSync } from "node:fs";
import { join } from "node:path";
import { triggers } from "@control-plane/db";
import { expect, vi } from "vitest";
import { z } from "zod";
import { schedulePass } from "../src/domain/schedule-pass.ts";
import { test as base } from "./acme.ts";
import { environment, startService } from "./service.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const file = join(import.meta.dirname, "../../../packages/testkit/vectors/cron-dst.json");
const vectors = z
  .object({
    header: z.object({ zones: z.array(z.string()) }),
    slots: z.array(z.object({ transitions: z.array(z.object({ at: z.iso.datetime() })).optional() })),
  })
  .parse(JSON.parse(readFileSync(file, "utf8")));
/** Every moment at which the clocks of one of the zones change. */
const changes = [...new Set(vectors.slots.flatMap(({ transitions = [] }) => transitions.map(({ at }) => at)))];

/** Three orchestrators on the same stores. */
const test = base.extend("orchestrators", async ({ db, redis }, { onCleanup }) => {
  const env = environment({
    databaseUrl: db.urlAs("cp_orchestrator"),
    redisUrl: redis.url,
    queuePrefix: redis.prefix,
  });
  const services = await Promise.all([env, env, env].map(startService));
  onCleanup(async () => {
    await Promise.all(services.map((service) => service.close()));
  });
  return services.map(({ deps }) => ({ ...deps, db: deps.loopDb, scheduleBatch: 4 }));
});

/** The minutes of a span at which the wall clock of a zone shows what it never showed before. */
function newMinutes(timeZone: string, from: number, to: number): string[] {
  const clock = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    hourCycle: "h23",
    dateStyle: "short",
    timeStyle: "short",
  });
  const minutes: string[] = [];
  let latest = "";
  for (let instant = from - 3 * HOUR; instant <= to; instant += MINUTE) {
    const shown = clock.format(instant);
    if (shown <= latest) continue;
    latest = shown;
    if (instant >= from) minutes.push(`${timeZone} ${new Date(instant).toISOString()}`);
  }
  return minutes;
}

test("three at once, with clocks that are an hour wrong: over 10,000 slots none twice and none missing", async ({
  db,
  acme,
  orchestrators,
  onTestFinished,
}) => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  for (const timezone of vectors.header.zones) await acme.workflow.schedule({ timezone });
  /** Spans may meet; a slot in both fires once. */
  const expected = new Set<string>();

  for (const change of changes) {
    const start = Date.parse(change) - HOUR / 2;
    const end = start + HOUR;
    await db.db.update(triggers).set({ nextFireAt: new Date(start) });
    for (let instant = start; instant <= end; instant += 4 * MINUTE)
      await Promise.all(
        orchestrators.map(async (deps, index) => {
          vi.setSystemTime(instant + (index - 1) * HOUR);
          await schedulePass(deps, new Date(instant + index * 700));
        }),
      );
    for (const zone of vectors.header.zones) for (const minute of newMinutes(zone, start, end)) expected.add(minute);
  }

  const { rows } = await db.pool.query<{ timezone: string; slot: Date }>(
    "select t.timezone, r.scheduled_for as slot from workflow_runs r join triggers t on t.id = r.trigger_id",
  );
  const fired = rows.map(({ timezone, slot }) => `${timezone} ${slot.toISOString()}`);
  expect(expected.size).toBeGreaterThan(10_000);
  expect(fired.sort()).toEqual([...expected].sort());
});
