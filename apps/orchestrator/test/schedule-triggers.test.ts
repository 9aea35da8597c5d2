import { triggers } from "@control-plane/db";
import type { ActionReply, TestDatabase } from "@control-plane/testkit";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { z } from "zod";
import { createScheduleTrigger } from "../src/actions/create-schedule-trigger.ts";
import { updateScheduleTrigger } from "../src/actions/update-schedule-trigger.ts";
import { test } from "./acme.ts";

const MINUTE = 60_000;

async function triggerOf({ db }: TestDatabase, id: string) {
  const [row] = await db.select().from(triggers).where(eq(triggers.id, id));
  return row;
}

/** What the audit trail tells of a trigger, in the order of time. */
async function trailOf({ pool }: TestDatabase, id: string) {
  const { rows } = await pool.query<{ action: string; actor_id: string; changes: unknown }>(
    "select action, actor_id, changes from audit_events where target_id = $1 order by id",
    [id],
  );
  return rows;
}

const nightly = { name: "nightly", cron: "0 3 * * *", timezone: "Europe/Berlin" };
const gaps = (times: readonly string[]) =>
  times.slice(1).map((time, index) => Date.parse(time) - Date.parse(times[index] ?? ""));

const issuesSchema = z.object({ issues: z.array(z.object({ path: z.string() })) });

/** The arguments that a refusal names. */
function pathsOf(reply: ActionReply): string[] {
  return reply.outcome === "refused" ? issuesSchema.parse(reply.extensions).issues.map(({ path }) => path) : [];
}

describe("a new schedule", () => {
  test("is kept as it was asked for, with its first fire set, and audited", async ({ db, acme, actions }) => {
    const reply = await actions.succeed(createScheduleTrigger, acme.owner, {
      workflowId: acme.workflow.id,
      ...nightly,
      cron: "*/15 * * * *",
      overlapPolicy: "SKIP",
      catchUpPolicy: "NONE",
    });

    expect(reply.nextFires).toHaveLength(5);
    expect(gaps(reply.nextFires)).toEqual([15, 15, 15, 15].map((minutes) => minutes * MINUTE));
    expect(await triggerOf(db, reply.triggerId)).toMatchObject({
      tenantId: acme.tenant.id,
      workflowId: acme.workflow.id,
      type: "SCHEDULE",
      name: "nightly",
      cron: "*/15 * * * *",
      timezone: "Europe/Berlin",
      overlapPolicy: "SKIP",
      catchUpPolicy: "NONE",
      enabled: true,
      nextFireAt: new Date(reply.nextFires[0] ?? ""),
      createdBy: acme.owner.id,
    });
    expect(await trailOf(db, reply.triggerId)).toEqual([
      {
        action: "trigger.created",
        actor_id: acme.owner.id,
        changes: expect.objectContaining({ cron: { old: null, new: "*/15 * * * *" } }),
      },
    ]);
  });

  test("allows overlaps, makes up for the last slot and is on where nothing else is said", async ({
    db,
    acme,
    actions,
  }) => {
    const given = { overlapPolicy: null, catchUpPolicy: null, enabled: null };
    const reply = await actions.succeed(createScheduleTrigger, acme.owner, {
      workflowId: acme.workflow.id,
      ...nightly,
      ...given,
    });

    expect(await triggerOf(db, reply.triggerId)).toMatchObject({
      overlapPolicy: "ALLOW",
      catchUpPolicy: "LAST",
      enabled: true,
    });
  });

  test("that is made switched off shows its fires and has none", async ({ db, acme, actions }) => {
    const asked = { workflowId: acme.workflow.id, ...nightly, enabled: false };

    const reply = await actions.succeed(createScheduleTrigger, acme.owner, asked);

    expect(reply.nextFires).toHaveLength(5);
    expect(await triggerOf(db, reply.triggerId)).toMatchObject({ enabled: false, nextFireAt: null });
  });

  test("that does not fit is BAD_INPUT at its place, and nothing is left", async ({ db, acme, actions }) => {
    const faults = [
      ["an expression that is none", { cron: "61 * * * *" }, ["cron"]],
      ["an empty one", { cron: "" }, ["cron"]],
      ["one that is too long", { cron: `${"0,".repeat(100)}0 * * * *` }, ["cron"]],
      ["one with U+0000", { cron: "0 0 * * *\0" }, ["cron"]],
      ["an unknown zone", { timezone: "Mars/Olympus" }, ["timezone"]],
      ["an offset for a zone", { timezone: "+02:00" }, ["timezone"]],
      ["a day that never comes", { cron: "0 0 31 4 *" }, ["cron"]],
      ["two that are unreadable", { cron: "@daily", timezone: "Nowhere" }, ["cron", "timezone"]],
      ["an unknown policy", { overlapPolicy: "QUEUE" }, ["overlapPolicy"]],
      ["a column that is not the caller's", { nextFireAt: "2026-01-01T00:00:00Z" }, [""]],
      ["no name", { name: "  " }, ["name"]],
    ] as const;

    for (const [what, wrong, paths] of faults) {
      const asked = { workflowId: acme.workflow.id, ...nightly, ...wrong };
      const reply = await actions.call(createScheduleTrigger, acme.owner, asked);
      expect(reply, what).toMatchObject({ outcome: "refused", code: "BAD_INPUT" });
      expect(pathsOf(reply), what).toEqual([...paths]);
    }
    expect(await db.db.$count(triggers)).toBe(0);
  });

  test("needs a workflow of the tenant's that is not archived", async ({ db, acme, actions, world }) => {
    const foreign = await (await world.tenant()).workflow();
    const archived = await acme.tenant.workflow();
    await db.pool.query("update workflows set archived_at = now() where id = $1", [archived.id]);

    for (const workflowId of [foreign.id, archived.id, "00000000-0000-7000-8000-000000000000"])
      expect(await actions.call(createScheduleTrigger, acme.owner, { workflowId, ...nightly })).toMatchObject({
        outcome: "refused",
        code: "NOT_FOUND",
      });

    expect(await db.db.$count(triggers)).toBe(0);
  });

  test("is a builder's to make, and no viewer's", async ({ acme, actions }) => {
    const asked = { workflowId: acme.workflow.id, ...nightly };

    const replies = [];
    for (const role of ["builder", "admin", "viewer"] as const)
      replies.push(await actions.call(createScheduleTrigger, await acme.tenant.user(role), asked));

    expect(replies.map((reply) => (reply.outcome === "refused" ? reply.code : reply.outcome))).toEqual([
      "done",
      "done",
      "FORBIDDEN",
    ]);
  });
});

describe("a change", () => {
  test("of expression or zone sets the next fire anew and is audited, the rest stays", async ({
    db,
    acme,
    actions,
  }) => {
    const schedule = await acme.workflow.schedule({ overlapPolicy: "SKIP", nextFireAt: new Date(0) });

    const reply = await actions.succeed(updateScheduleTrigger, acme.owner, {
      triggerId: schedule.id,
      cron: "0 3 * * *",
      timezone: "Asia/Kathmandu",
    });

    expect(reply.nextFires.map((time) => time.slice(11))).toEqual(Array(5).fill("21:15:00.000Z"));
    expect(await triggerOf(db, schedule.id)).toMatchObject({
      cron: "0 3 * * *",
      timezone: "Asia/Kathmandu",
      overlapPolicy: "SKIP",
      nextFireAt: new Date(reply.nextFires[0] ?? ""),
    });
    expect((await trailOf(db, schedule.id)).at(-1)).toEqual({
      action: "trigger.updated",
      actor_id: acme.owner.id,
      changes: { cron: { old: "* * * * *", new: "0 3 * * *" }, timezone: { old: "UTC", new: "Asia/Kathmandu" } },
    });
  });

  test("of a policy keeps the next fire", async ({ db, acme, actions }) => {
    const due = new Date("2031-01-01T00:00:00Z");
    const schedule = await acme.workflow.schedule({ nextFireAt: due });

    await actions.succeed(updateScheduleTrigger, acme.owner, {
      triggerId: schedule.id,
      overlapPolicy: "SKIP",
      catchUpPolicy: "NONE",
    });

    expect(await triggerOf(db, schedule.id)).toMatchObject({
      overlapPolicy: "SKIP",
      catchUpPolicy: "NONE",
      nextFireAt: due,
    });
  });

  test("of nothing shows the next fires, and leaves the row and the trail alone", async ({ db, acme, actions }) => {
    const schedule = await acme.workflow.schedule({ nextFireAt: new Date("2031-01-01T00:00:00Z") });
    const before = [await triggerOf(db, schedule.id), await trailOf(db, schedule.id)];

    const reply = await actions.succeed(updateScheduleTrigger, acme.owner, { triggerId: schedule.id, cron: null });

    expect(gaps(reply.nextFires)).toEqual(Array(4).fill(MINUTE));
    expect([await triggerOf(db, schedule.id), await trailOf(db, schedule.id)]).toEqual(before);
  });

  test("of a schedule that is off gives it no next fire", async ({ db, acme, actions }) => {
    const schedule = await acme.workflow.schedule({ enabled: false });

    await actions.succeed(updateScheduleTrigger, acme.owner, { triggerId: schedule.id, cron: "0 3 * * *" });

    expect(await triggerOf(db, schedule.id)).toMatchObject({ cron: "0 3 * * *", nextFireAt: null });
  });

  test("that does not fit is BAD_INPUT, and nothing changes", async ({ db, acme, actions }) => {
    const schedule = await acme.workflow.schedule({ cron: "0 0 31 * *" });
    const before = await triggerOf(db, schedule.id);

    for (const wrong of [{ cron: "0 0 31 2 *" }, { timezone: "Nowhere" }, { cron: "" }, { catchUpPolicy: "ALL" }])
      expect(await actions.call(updateScheduleTrigger, acme.owner, { triggerId: schedule.id, ...wrong })).toMatchObject(
        { outcome: "refused", code: "BAD_INPUT" },
      );

    expect(await triggerOf(db, schedule.id)).toEqual(before);
  });

  test("of a webhook, another tenant's schedule or none is NOT_FOUND", async ({ acme, actions, world }) => {
    const foreign = await (await (await world.tenant()).workflow()).schedule();
    const webhook = await acme.workflow.webhook();

    for (const triggerId of [foreign.id, webhook.id, "00000000-0000-7000-8000-000000000000"])
      expect(await actions.call(updateScheduleTrigger, acme.owner, { triggerId, cron: "0 3 * * *" })).toMatchObject({
        outcome: "refused",
        code: "NOT_FOUND",
      });
  });
});
