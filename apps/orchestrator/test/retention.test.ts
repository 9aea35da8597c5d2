import { createHash, randomUUID } from "node:crypto";
import { runEventBuffer, webhookDeliveries, workflowRuns } from "@control-plane/db";
import type { TestDatabase } from "@control-plane/testkit";
import { asc, sql } from "drizzle-orm";
import { expect } from "vitest";
import { ACTION_SECRET, callHook, cutPostgres, test } from "./service.ts";

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

/** Hasura's tables for its events and crons, as far as they matter here, with ids that tell how old a row is and how it ended. */
async function asHasuraMakesThem({ pool }: TestDatabase): Promise<void> {
  await pool.query(`
    set role cp_hasura;
    create table hdb_catalog.event_log (
      id text primary key, trigger_name text not null default 't', payload jsonb not null default '{}', delivered boolean not null default false,
      error boolean not null default false, created_at timestamp not null default now());
    create table hdb_catalog.event_invocation_logs (
      id text primary key default gen_random_uuid(), event_id text references hdb_catalog.event_log (id));
    create table hdb_catalog.hdb_cron_events (
      id text primary key, trigger_name text not null default 't', scheduled_time timestamptz not null, status text not null, created_at timestamptz not null default now());
    create table hdb_catalog.hdb_cron_event_invocation_logs (
      id text primary key default gen_random_uuid(),
      event_id text references hdb_catalog.hdb_cron_events (id) on update cascade on delete cascade);
    reset role;
    insert into hdb_catalog.event_log (id, created_at, delivered, error)
      select age || ' ' || state, now() - make_interval(hours => age), state = 'delivered', state = 'error'
        from unnest(array[167, 169]) age, unnest(array['waiting', 'delivered', 'error']) state;
    insert into hdb_catalog.hdb_cron_events (id, scheduled_time, status)
      select age || ' ' || status, now() - make_interval(hours => age), status
        from unnest(array[-24, 167, 169]) age, unnest(array['scheduled', 'locked', 'delivered', 'error', 'dead']) status;
    insert into hdb_catalog.event_invocation_logs (event_id) select id from hdb_catalog.event_log, generate_series(1, 2);
    insert into hdb_catalog.hdb_cron_event_invocation_logs (event_id) select id from hdb_catalog.hdb_cron_events`);
}

const idsIn = async ({ pool }: TestDatabase, table: string, column = "id"): Promise<string[]> =>
  (await pool.query<{ id: string }>(`select distinct ${column} as id from hdb_catalog.${table} order by 1`)).rows.map(
    ({ id }) => id,
  );

test("what Hasura is done with goes after 7 days, what waits stays", async ({ db, service }) => {
  await asHasuraMakesThem(db);
  await db.pool.query(`
    insert into hdb_catalog.event_log (id, created_at, delivered) select 'many ' || n, now() - interval '30 days', true from generate_series(1, 2_100) n;
    insert into hdb_catalog.event_invocation_logs (event_id) select id from hdb_catalog.event_log where id like 'many%'`);

  const reply = await callHook(service, PATH, delivery());

  expect(reply.status).toBe(200);
  const events = ["167 delivered", "167 error", "167 waiting", "169 waiting"];
  const crons = ["-24", "167"].flatMap((age) =>
    ["dead", "delivered", "error", "locked", "scheduled"].map((status) => `${age} ${status}`),
  );
  expect(await idsIn(db, "event_log")).toEqual(events);
  expect(await idsIn(db, "event_invocation_logs", "event_id")).toEqual(events);
  expect((await idsIn(db, "hdb_cron_events")).sort()).toEqual([...crons, "169 locked", "169 scheduled"].sort());
  expect((await idsIn(db, "hdb_cron_event_invocation_logs", "event_id")).sort()).toEqual(
    [...crons, "169 locked", "169 scheduled"].sort(),
  );
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
  const reopen = await cutPostgres(db, service);

  const away = await callHook(service, PATH, delivery());
  await reopen();
  const back = await callHook(service, PATH, delivery());

  expect([away.status, away.code, back.status]).toEqual([503, "UNAVAILABLE", 200]);
  expect(await db.db.$count(webhookDeliveries)).toBe(0);
});
