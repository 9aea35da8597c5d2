import { createHash, randomUUID } from "node:crypto";
import { runEventBuffer, webhookDeliveries, workflowRuns } from "@control-plane/db";
import type { TestDatabase } from "@control-plane/testkit";
import { asc, sql } from "drizzle-orm";
import { expect } from "vitest";
import { closeDatabase } from "./close-database.ts";
import { ACTION_SECRET, callHook, test } from "./service.ts";

const PATH = "/crons/retention";

const delivery = () => ({ scheduled_time: "2026-01-01T00:17:00Z", payload: {}, name: "retention", id: randomUUID() });

type Owner = { tenantId: string; id: string };

/** Deliveries received some days ago, with both keys; their ids hold that time, as those of the gateway do. */
async function addDeliveries({ db }: TestDatabase, trigger: Owner, days: number, count = 1): Promise<string[]> {
  const rows = await db
    .insert(webhookDeliveries)
    .values(
      Array.from({ length: count }, () => {
        const hash = () => createHash("sha256").update(randomUUID()).digest();
        return {
          id: sql`uuidv7(make_interval(secs => ${-days * 86_400}))`,
          tenantId: trigger.tenantId,
          triggerId: trigger.id,
          receivedAt: sql`now() - make_interval(secs => ${days * 86_400})`,
          dedupeKey: hash(),
          replayKey: hash(),
          bodyHash: hash(),
          bodyBytes: 2,
          bodyCipher: Buffer.from("cipher"),
          matchedSecret: "NONE" as const,
        };
      }),
    )
    .returning({ id: webhookDeliveries.id });
  return rows.map(({ id }) => id);
}

const kept = async ({ db }: TestDatabase) =>
  (
    await db
      .select({ id: webhookDeliveries.id, dedupe: webhookDeliveries.dedupeKey, replay: webhookDeliveries.replayKey })
      .from(webhookDeliveries)
      .orderBy(asc(webhookDeliveries.id))
  ).map(({ id, dedupe, replay }) => [id, dedupe !== null, replay !== null]);

test("deliveries lose their keys after 7 days and are deleted after 30, not sooner", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const trigger = await (await acme.workflow()).webhook();
  const old = await addDeliveries(db, trigger, 30.01);
  const almostOld = await addDeliveries(db, trigger, 29.99);
  const week = await addDeliveries(db, trigger, 7.01);
  const almostWeek = await addDeliveries(db, trigger, 6.99);
  const fresh = await addDeliveries(db, trigger, 0);

  const reply = await callHook(service, PATH, delivery());

  expect([reply.status, reply.body]).toEqual([200, { ok: true }]);
  expect(await kept(db)).toEqual([
    [almostOld[0], false, false],
    [week[0], false, false],
    [almostWeek[0], true, true],
    [fresh[0], true, true],
  ]);
  expect(old).toHaveLength(1);
});

test("a key that was released may be used by a new delivery", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const trigger = await (await acme.workflow()).webhook();
  const [past] = await addDeliveries(db, trigger, 8);
  const [present] = await addDeliveries(db, trigger, 0);
  const reuse = () =>
    db.pool.query(
      "update webhook_deliveries set dedupe_key = sha256('again') where id = any($1::uuid[]) and dedupe_key is distinct from sha256('again')",
      [[present]],
    );
  await db.pool.query("update webhook_deliveries set dedupe_key = sha256('again') where id = $1", [past]);
  await expect(reuse()).rejects.toThrow("webhook_deliveries_dedupe_key");

  await callHook(service, PATH, delivery());

  await expect(reuse()).resolves.toMatchObject({ rowCount: 1 });
});

test("runs outlive their deliveries, those that ended too", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const trigger = await workflow.webhook();
  const runs = [];
  for (const status of ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const) {
    const [webhookDeliveryId = null] = await addDeliveries(db, trigger, 31);
    runs.push(await workflow.run({ status, source: "WEBHOOK", triggerId: trigger.id, webhookDeliveryId }));
  }
  const before = await acme.runs();

  const reply = await callHook(service, PATH, delivery());

  expect(reply.status).toBe(200);
  expect(await db.db.$count(webhookDeliveries)).toBe(0);
  const after = await acme.runs();
  expect(after.map(({ webhookDeliveryId }) => webhookDeliveryId)).toEqual(runs.map(() => null));
  expect(after.map(({ id, status }) => [id, status])).toEqual(before.map(({ id, status }) => [id, status]));
});

test("more than one batch is worked off in one call", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const trigger = await (await acme.workflow()).webhook();
  await addDeliveries(db, trigger, 31, 1_100);
  await addDeliveries(db, trigger, 8, 1_100);
  await addDeliveries(db, trigger, 1, 3);

  const reply = await callHook(service, PATH, delivery());

  expect(reply.status).toBe(200);
  const rows = await kept(db);
  expect(rows.filter(([, dedupe]) => dedupe === true)).toHaveLength(3);
  expect(rows).toHaveLength(1_103);
});

test("buffered events are deleted with their attempt, and kept while it is held", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const statuses = [
    "PENDING",
    "QUEUED",
    "RUNNING",
    "CANCELLING",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "TIMED_OUT",
  ] as const;
  const held: string[] = [];
  for (const status of statuses) {
    const run = await workflow.run({ status });
    if (status === "RUNNING" || status === "CANCELLING") held.push(run.id);
    await db.db.insert(runEventBuffer).values({ workflowRunId: run.id, attempt: 1, seq: 5, event: {} });
  }
  const second = await workflow.run({ status: "RUNNING" });
  await db.db.insert(runEventBuffer).values({ workflowRunId: second.id, attempt: 2, seq: 5, event: {} });

  const reply = await callHook(service, PATH, delivery());

  expect(reply.status).toBe(200);
  const left = await db.db.select({ id: runEventBuffer.workflowRunId }).from(runEventBuffer);
  expect(left.map(({ id }) => id).sort()).toEqual(held);
});

test("all tenants age alike, and nothing of theirs but that is touched", async ({ db, world, service }) => {
  const [acme, other] = [await world.tenant(), await world.tenant()];
  for (const tenant of [acme, other]) {
    const workflow = await tenant.workflow();
    await addDeliveries(db, await workflow.webhook(), 31);
    await workflow.run({ status: "SUCCEEDED" });
  }
  const before = await db.db.select().from(workflowRuns).orderBy(asc(workflowRuns.id));

  await callHook(service, PATH, delivery());

  expect(await db.db.$count(webhookDeliveries)).toBe(0);
  expect(await db.db.select().from(workflowRuns).orderBy(asc(workflowRuns.id))).toEqual(before);
});

test("the same call again, and two at once, change nothing more", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const trigger = await (await acme.workflow()).webhook();
  for (const days of [31, 8, 1]) await addDeliveries(db, trigger, days, 20);
  const body = delivery();

  const replies = await Promise.all([callHook(service, PATH, body), callHook(service, PATH, body)]);
  const after = await db.db.select().from(webhookDeliveries).orderBy(asc(webhookDeliveries.id));
  replies.push(await callHook(service, PATH, body));

  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(after).toHaveLength(40);
  expect(await db.db.select().from(webhookDeliveries).orderBy(asc(webhookDeliveries.id))).toEqual(after);
});

test("without the right secret, or with a malformed call, nothing ages", async ({ db, world, service }) => {
  const acme = await world.tenant();
  const trigger = await (await acme.workflow()).webhook();
  for (const days of [31, 8]) await addDeliveries(db, trigger, days);
  const before = await kept(db);

  const unknown = [];
  for (const secret of [null, "", "the-secret-of-hasura-event", ACTION_SECRET])
    for (const body of [delivery(), "{ no json"]) unknown.push(await callHook(service, PATH, body, secret));
  const malformed = [];
  for (const body of [{}, null, { ...delivery(), id: "" }, { ...delivery(), scheduled_time: 17 }, "{ no json"])
    malformed.push(await callHook(service, PATH, body));

  expect(unknown.map(({ status, code }) => [status, code])).toEqual(unknown.map(() => [401, "UNAUTHENTICATED"]));
  expect(malformed.map(({ status, code }) => [status, code])).toEqual(malformed.map(() => [400, "BAD_INPUT"]));
  expect(await kept(db)).toEqual(before);
  expect(before).toHaveLength(2);
});

test("with PostgreSQL away the call asks to be repeated, and the repeat does the work", async ({
  db,
  world,
  service,
}) => {
  const acme = await world.tenant();
  await addDeliveries(db, await (await acme.workflow()).webhook(), 31);
  const reopen = await closeDatabase(db, service.deps.pool);

  const away = await callHook(service, PATH, delivery());
  await reopen();
  const back = await callHook(service, PATH, delivery());

  expect([away.status, away.code, back.status]).toEqual([503, "UNAVAILABLE", 200]);
  expect(await db.db.$count(webhookDeliveries)).toBe(0);
});
