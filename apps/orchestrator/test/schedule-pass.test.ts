import { triggers, workflowRuns } from "@control-plane/db";
import type { TestDatabase, TestTenant } from "@control-plane/testkit";
import { asc, eq, type SQL, sql } from "drizzle-orm";
import { describe, expect, vi } from "vitest";
import { scheduleNow, schedulePass } from "../src/domain/schedule-pass.ts";
import { startScheduleLoop } from "../src/loops/schedule.ts";
import { test } from "./acme.ts";
import { callHook, cutPostgres } from "./service.ts";

const NOON = new Date("2026-06-01T12:00:00Z");
const at = (time: string) => new Date(`2026-06-01T${time}:00Z`);

async function triggerOf({ db }: TestDatabase, id: string) {
  const [row] = await db.select().from(triggers).where(eq(triggers.id, id));
  return row;
}

/** The slots that have a run, by time of day. */
async function slotsOf(tenant: TestTenant): Promise<string[]> {
  return (await tenant.runs()).map(({ scheduledFor }) => scheduledFor?.toISOString().slice(11, 16) ?? "none").sort();
}

describe("a slot that is due", () => {
  test("has one run of the latest version, with the slot and the zone as its input", async ({ db, acme, service }) => {
    const schedule = await acme.workflow.schedule({
      cron: "0 14 * * *",
      timezone: "Europe/Berlin",
      nextFireAt: NOON,
    });
    const second = await acme.workflow.publish();

    await schedulePass(service.deps, new Date("2026-06-01T12:00:01Z"));
    await schedulePass(service.deps, new Date("2026-06-01T12:00:02Z"));

    expect(await acme.tenant.runs()).toEqual([
      expect.objectContaining({
        workflowVersionId: second.id,
        status: "PENDING",
        source: "SCHEDULE",
        triggerId: schedule.id,
        scheduledFor: NOON,
        input: { scheduledFor: "2026-06-01T12:00:00.000Z", timezone: "Europe/Berlin" },
        attempt: 1,
        maxAttempts: 3,
        createdBy: null,
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      }),
    ]);
    expect(await triggerOf(db, schedule.id)).toMatchObject({
      nextFireAt: new Date("2026-06-02T12:00:00Z"),
      lastFiredAt: new Date("2026-06-01T12:00:01Z"),
      skippedCount: 0,
      lastSkippedAt: null,
    });
    expect(service.wakes()).toBe(1);
  });

  test("is dispatched at once, with a day until its deadline", async ({ db, acme, service }) => {
    await acme.workflow.schedule({ nextFireAt: NOON });

    await schedulePass(service.deps, NOON);

    const { rows } = await db.pool.query(
      "select run_at = created_at as due, deadline_at - created_at = interval '24 hours' as a_day from workflow_runs",
    );
    expect(rows).toEqual([{ due: true, a_day: true }]);
  });

  test("is not fired a moment too early", async ({ db, acme, service }) => {
    const schedule = await acme.workflow.schedule({ nextFireAt: NOON });

    await schedulePass(service.deps, new Date(NOON.getTime() - 1));

    expect(await acme.tenant.runs()).toEqual([]);
    expect((await triggerOf(db, schedule.id))?.nextFireAt).toEqual(NOON);
  });

  test("that had its run has no other, although its trigger was set back", async ({ db, acme, service }) => {
    const schedule = await acme.workflow.schedule({ nextFireAt: at("11:58") });
    await schedulePass(service.deps, NOON);
    await db.db.update(triggers).set({ nextFireAt: at("11:57") });

    await schedulePass(service.deps, NOON);

    expect(await slotsOf(acme.tenant)).toEqual(["11:57", "11:58", "11:59", "12:00"]);
    expect((await triggerOf(db, schedule.id))?.nextFireAt).toEqual(at("12:01"));
  });
});

describe("after three slots were missed, at 12:30", () => {
  const HOURLY = { cron: "0 * * * *", nextFireAt: at("10:00") };

  test("LAST makes up for the newest, NONE for none, and both go on with the next", async ({ db, acme, service }) => {
    const [last, none] = [
      await acme.workflow.schedule({ ...HOURLY, catchUpPolicy: "LAST" }),
      await acme.workflow.schedule({ ...HOURLY, catchUpPolicy: "NONE" }),
    ];

    for (let pass = 0; pass < 2; pass++) await schedulePass(service.deps, at("12:30"));
    const missed = await acme.tenant.runs();
    await schedulePass(service.deps, at("13:00"));

    expect(missed.map(({ triggerId, scheduledFor }) => [triggerId, scheduledFor])).toEqual([[last.id, NOON]]);
    expect(await slotsOf(acme.tenant)).toEqual(["12:00", "13:00", "13:00"]);
    expect(await triggerOf(db, none.id)).toMatchObject({ lastFiredAt: at("13:00"), nextFireAt: at("14:00") });
  });

  test("those of the last five minutes all fire", async ({ acme, service }) => {
    await acme.workflow.schedule({ cron: "*/2 * * * *", nextFireAt: at("10:00"), catchUpPolicy: "NONE" });

    await schedulePass(service.deps, at("12:30"));

    expect(await slotsOf(acme.tenant)).toEqual(["12:26", "12:28", "12:30"]);
  });
});

describe("with overlaps skipped", () => {
  test("a slot has no run while one of the trigger's is not over, and is counted", async ({ db, acme, service }) => {
    for (const status of ["PENDING", "QUEUED", "RUNNING", "CANCELLING"] as const) {
      const schedule = await acme.workflow.schedule({ overlapPolicy: "SKIP", nextFireAt: NOON });
      await acme.workflow.run({ source: "SCHEDULE", triggerId: schedule.id, scheduledFor: at("09:00"), status });
    }

    await schedulePass(service.deps, NOON);

    expect(await slotsOf(acme.tenant)).toEqual(Array(4).fill("09:00"));
    const skipped = { skippedCount: 1, lastSkippedAt: NOON, lastFiredAt: null, nextFireAt: at("12:01") };
    expect(await db.db.select().from(triggers)).toEqual(Array(4).fill(expect.objectContaining(skipped)));
    expect(service.wakes()).toBe(0);
  });

  test("runs that are over, of other triggers or made by hand do not count", async ({ db, acme, service }) => {
    const schedule = await acme.workflow.schedule({ overlapPolicy: "SKIP", nextFireAt: NOON });
    const other = await acme.workflow.schedule({ nextFireAt: at("23:00") });
    await acme.workflow.run({
      source: "SCHEDULE",
      triggerId: schedule.id,
      scheduledFor: at("09:00"),
      status: "FAILED",
    });
    await acme.workflow.run({ source: "SCHEDULE", triggerId: other.id, scheduledFor: at("09:00"), status: "RUNNING" });
    await acme.workflow.run({ status: "RUNNING" });

    await schedulePass(service.deps, NOON);

    expect(await slotsOf(acme.tenant)).toEqual(["09:00", "09:00", "12:00", "none"]);
    expect((await triggerOf(db, schedule.id))?.skippedCount).toBe(0);
  });

  test("of several due slots the first fires and keeps the others from it; ALLOW fires all", async ({
    db,
    acme,
    service,
  }) => {
    const due = { nextFireAt: at("11:58") };
    const schedule = await acme.workflow.schedule({ ...due, overlapPolicy: "SKIP" });
    await acme.workflow.schedule({ ...due, overlapPolicy: "ALLOW" });

    await schedulePass(service.deps, NOON);

    expect(await slotsOf(acme.tenant)).toEqual(["11:58", "11:58", "11:59", "12:00"]);
    expect(await triggerOf(db, schedule.id)).toMatchObject({ skippedCount: 2, lastFiredAt: NOON, lastSkippedAt: NOON });
  });
});

describe("no run is made, and the schedule goes on,", () => {
  test("without a latest version, until there is one", async ({ db, acme, service }) => {
    const schedule = await acme.workflow.schedule({ overlapPolicy: "SKIP", nextFireAt: NOON });
    await db.db.execute(sql`update workflow_versions set is_latest = false`);
    await schedulePass(service.deps, NOON);
    expect(await triggerOf(db, schedule.id)).toMatchObject({
      nextFireAt: at("12:01"),
      lastFiredAt: null,
      skippedCount: 0,
    });

    await acme.workflow.publish();
    await schedulePass(service.deps, at("12:01"));

    expect(await slotsOf(acme.tenant)).toEqual(["12:01"]);
  });

  test("while the workflow is archived", async ({ db, acme, service }) => {
    await acme.workflow.schedule({ nextFireAt: NOON });
    const archive = (value: string) => db.db.execute(sql`update workflows set archived_at = ${sql.raw(value)}`);
    await archive("now()");
    await schedulePass(service.deps, NOON);
    await archive("null");

    await schedulePass(service.deps, at("12:01"));

    expect(await slotsOf(acme.tenant)).toEqual(["12:01"]);
  });

  test("by one that nobody can read any more; the others fire", async ({ db, acme, service }) => {
    const unreadable = [
      await acme.workflow.schedule({ cron: "nonsense", nextFireAt: at("11:00") }),
      await acme.workflow.schedule({ timezone: "Mars/Olympus", nextFireAt: at("11:00") }),
    ];
    const slotless = await acme.workflow.schedule({ cron: "0 0 30 2 *", nextFireAt: at("11:00") });
    await acme.workflow.schedule({ nextFireAt: NOON });

    await schedulePass({ ...service.deps, scheduleBatch: 1 }, NOON);

    expect(await slotsOf(acme.tenant)).toEqual(["12:00"]);
    for (const { id } of unreadable) expect((await triggerOf(db, id))?.nextFireAt).toEqual(at("13:00"));
    expect((await triggerOf(db, slotless.id))?.nextFireAt).toEqual(new Date("2027-06-02T12:00:00Z"));
  });

  test("by a webhook, a schedule that is off, or another's lock", async ({ db, acme, service }) => {
    const off = await acme.workflow.schedule({ enabled: false, nextFireAt: NOON });
    await acme.workflow.webhook();
    const held = await acme.workflow.schedule({ nextFireAt: NOON });
    const holder = await db.pool.connect();
    try {
      await holder.query("begin");
      await holder.query("select from triggers where id = $1 for update", [held.id]);

      await schedulePass(service.deps, NOON);
    } finally {
      await holder.query("rollback");
      holder.release();
    }

    expect(await acme.tenant.runs()).toEqual([]);
    expect((await triggerOf(db, off.id))?.nextFireAt).toEqual(NOON);
  });
});

describe("a schedule that is paused and resumed through Hasura", () => {
  const enable = (db: TestDatabase, enabled: boolean) => db.as("cp_hasura").db.update(triggers).set({ enabled });

  test("has no next fire while it is off, and then the one after its return: no burst", async ({
    db,
    acme,
    service,
  }) => {
    const schedule = await acme.workflow.schedule({ cron: "0 0 1 1 *", nextFireAt: at("09:00") });
    await enable(db, false);
    await schedulePass(service.deps, NOON);
    expect((await triggerOf(db, schedule.id))?.nextFireAt).toBeNull();

    await enable(db, true);
    await schedulePass(service.deps, NOON);

    expect((await triggerOf(db, schedule.id))?.nextFireAt).toEqual(new Date("2027-01-01T00:00:00Z"));
    expect(await acme.tenant.runs()).toEqual([]);
  });

  test("does not lose a slot between its return and the next pass", async ({ db, acme, service }) => {
    const schedule = await acme.workflow.schedule({ enabled: false });
    await enable(db, true);
    const [resumed] = await db.db.select({ at: triggers.updatedAt }).from(triggers);
    const slot = new Date(Math.ceil(((resumed?.at.getTime() ?? 0) + 1) / 60_000) * 60_000);

    await schedulePass(service.deps, new Date(slot.getTime() + 1_000));

    expect((await acme.tenant.runs()).map(({ scheduledFor }) => scheduledFor)).toEqual([slot]);
    expect((await triggerOf(db, schedule.id))?.nextFireAt).toEqual(new Date(slot.getTime() + 60_000));
  });
});

test("a trigger that is deleted leaves its runs, and fires no more", async ({ db, acme, service }) => {
  await acme.workflow.schedule({ nextFireAt: NOON });
  await schedulePass(service.deps, NOON);

  await db.as("cp_hasura").db.delete(triggers);
  await schedulePass(service.deps, at("12:01"));

  expect((await acme.tenant.runs()).map(({ triggerId, scheduledFor }) => [triggerId, scheduledFor])).toEqual([
    [null, NOON],
  ]);
});

test("fires, skips and clocks are no changes that the audit trail tells", async ({ db, acme, service }) => {
  await acme.workflow.schedule({ overlapPolicy: "SKIP", nextFireAt: NOON });
  const count = () => db.pool.query("select count(*)::int as n from audit_events").then(({ rows }) => rows[0]?.n);
  const before = await count();

  await schedulePass(service.deps, NOON);
  await schedulePass(service.deps, at("12:01"));

  expect(await count()).toBe(before);
});

test("the loop fires what is due by the database's clock, and stops", async ({ db, acme, service }) => {
  await acme.workflow.schedule();
  await db.db.update(triggers).set({ nextFireAt: sql`date_trunc('minute', now())` });
  const loop = startScheduleLoop(service.deps, 3_600_000);
  const again = startScheduleLoop(service.deps, 50);

  await expect.poll(() => db.db.$count(workflowRuns)).toBeGreaterThan(0);
  await Promise.all([loop.stop(), again.stop()]);

  const [run] = await db.db.select().from(workflowRuns).orderBy(asc(workflowRuns.scheduledFor)).limit(1);
  expect(run).toMatchObject({ source: "SCHEDULE", status: "PENDING", scheduledFor: expect.any(Date) });
});

test("a service whose clock is an hour wrong fires neither too early nor too late", async ({
  db,
  acme,
  service,
  onTestFinished,
}) => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const now = Date.now();
  const schedule = await acme.workflow.schedule({ cron: "0 0 1 1 *" });
  const passAt = async (hours: number, nextFireAt: SQL) => {
    await db.db.update(triggers).set({ nextFireAt });
    vi.setSystemTime(now + hours * 3_600_000);
    await scheduleNow(service.deps);
    return (await triggerOf(db, schedule.id))?.nextFireAt?.getTime() ?? 0;
  };

  expect(await passAt(1, sql`now() + interval '30 minutes'`)).toBeLessThan(now + 3_600_000);
  expect(await passAt(-1, sql`now() - interval '30 minutes'`)).toBeGreaterThan(now);
});

test("the tick of Hasura fires what is due, and dispatches it", async ({ db, acme, service }) => {
  await acme.workflow.schedule({ cron: "0 0 1 1 *" });
  await db.db.update(triggers).set({ nextFireAt: sql`date_trunc('year', now())` });
  const body = { id: "tick-1", scheduled_time: "2026-01-01T00:00:00Z", payload: {} };

  const reply = await callHook(service, "/crons/tick", body);

  expect(reply.status).toBe(200);
  expect((await acme.tenant.runs()).map(({ source, status }) => [source, status])).toEqual([["SCHEDULE", "QUEUED"]]);
});

test("slots are counted by what became of them, and how late; what waits is told", async ({ db, acme, service }) => {
  const first = { status: "RUNNING", source: "SCHEDULE" } as const;
  const busy = await acme.workflow.schedule({ overlapPolicy: "SKIP", nextFireAt: NOON });
  await acme.workflow.run({ ...first, triggerId: busy.id, scheduledFor: at("11:00") });
  await acme.workflow.schedule({ nextFireAt: NOON });
  await acme.workflow.schedule({ cron: "nonsense", nextFireAt: NOON });
  const read = async (name: string) =>
    (await service.server.inject("/metrics")).body.split("\n").filter((line) => line.startsWith(name));

  await schedulePass(service.deps, new Date("2026-06-01T12:00:03Z"));
  await db.db.update(triggers).set({ nextFireAt: sql`now() - interval '90 s'` });

  expect(
    (await read("schedule_slots_total")).map((line) => line.replace(/.*outcome="([^"]+)".* /, "$1 ")).sort(),
  ).toEqual(["fired 1", "overlapping 1", "unreadable 1"]);
  expect(await read("schedule_lag_seconds_sum")).toEqual([expect.stringMatching(/ 3$/)]);
  expect(Number((await read("oldest_due_schedule_seconds"))[0]?.split(" ").at(-1))).toBeGreaterThanOrEqual(90);
});

test("with PostgreSQL away a pass fails whole, and the next one fires", async ({ db, acme, service }) => {
  await acme.workflow.schedule({ nextFireAt: NOON });
  const reopen = await cutPostgres(db, service);
  await expect(schedulePass(service.deps, NOON)).rejects.toThrow();
  await reopen();

  await schedulePass(service.deps, NOON);

  expect(await slotsOf(acme.tenant)).toEqual(["12:00"]);
});
