import { uuidv7, verifyPassword } from "@control-plane/crypto";
import { expect } from "vitest";
import { openTestDatabase, test } from "../src/index.ts";

test("two tests have two databases", async ({ db, world }) => {
  await world.tenant();

  const { rows } = await db.pool.query("select count(*)::int as tenants from tenants");

  expect(rows).toEqual([{ tenants: 1 }]);
});

test("a service's role sees the same database", async ({ db, world }) => {
  const acme = await world.tenant();
  const run = await (await acme.workflow()).run();

  const { rows } = await db.as("cp_logs").pool.query("select current_user as role, id from workflow_runs");

  expect(rows).toEqual([{ role: "cp_logs", id: run.id }]);
});

test("a database whose sessions are left open is dropped and complains", async () => {
  const database = await openTestDatabase();
  const { Client } = (await import("pg")).default;
  const forgotten = new Client({ connectionString: database.url, application_name: "forgotten" });
  forgotten.on("error", () => undefined);
  await forgotten.connect();

  await expect(database.close()).rejects.toThrow("forgotten");
});

test("keys of a test begin with its prefix and are found without it", async ({ redis }) => {
  await redis.client.set(`${redis.prefix}:one`, "1");

  expect(await redis.keys()).toEqual([":one"]);
});

test("log lines of a test lie in its own database", async ({ logs }) => {
  await logs.lines.insertOne({ message: "hello" });

  expect(await logs.lines.countDocuments()).toBe(1);
  expect(new URL(logs.url).pathname).toBe(`/${logs.db.databaseName}`);
});

test("the http double records what it is asked and answers as told", async ({ http }) => {
  http.answer((request) => ({ status: request.method === "POST" ? 201 : 404, body: { seen: request.path } }));

  const reply = await fetch(`${http.url}/things?x=1`, { method: "POST", body: "payload", headers: { "x-a": "b" } });

  expect([reply.status, await reply.json()]).toEqual([201, { seen: "/things?x=1" }]);
  expect(http.requests).toMatchObject([
    { method: "POST", path: "/things?x=1", body: "payload", headers: { "x-a": "b" } },
  ]);
});

test("the http double can drop a connection", async ({ http }) => {
  http.answer("drop");

  await expect(fetch(http.url)).rejects.toThrow();
});

test("the clock stands still until it is moved", ({ clock }) => {
  const start = clock.now();

  clock.advance({ minutes: 2, seconds: 5 });

  expect(clock.now().getTime() - start.getTime()).toBe(125_000);
});

test("a user of the world can sign in with the password", async ({ db, world }) => {
  const viewer = await (await world.tenant()).user("viewer");

  const { rows } = await db.pool.query<{ password_hash: string }>("select password_hash from users where id = $1", [
    viewer.id,
  ]);

  expect(await verifyPassword(rows[0]?.password_hash ?? "", viewer.password)).toBe(true);
});

test.for(["PENDING", "QUEUED", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const)(
  "a run can be made %s",
  async (status, { world }) => {
    const run = await (await (await world.tenant()).workflow()).run({ status });

    expect((await run.row()).status).toBe(status);
  },
);

test("a workflow is published with numbered versions, a draft, triggers and schedules", async ({ world }) => {
  const workflow = await (await world.tenant()).workflow();

  const second = await workflow.publish({ steps: [{ key: "wait", action: "core.sleep", input: { seconds: 1 } }] });
  const draft = await workflow.draft();
  const hook = await workflow.webhook();
  const due = new Date(0);
  const schedule = await workflow.schedule({ nextFireAt: due });

  expect([workflow.version.version, second.version, draft.version]).toEqual([1, 2, 3]);
  expect(hook.webhookPath).toHaveLength(22);
  expect(schedule.nextFireAt).toEqual(due);
});

test("tenants have apps and connections of their own", async ({ world }) => {
  const acme = await world.tenant();
  const app = await acme.app({ version: { authType: "BEARER" } });

  const connection = await acme.connection({ appVersionId: app.version.id });

  expect([app.version.tenantId, app.actions[0]?.tenantId, connection.tenantId]).toEqual([acme.id, acme.id, acme.id]);
});

test("a webhook secret can be sealed for its row", async ({ world, keys }) => {
  const workflow = await (await world.tenant()).workflow();
  const id = uuidv7();
  const place = { tenantId: workflow.tenantId, table: "triggers", rowId: id, column: "webhook_secret_cipher" };

  const hook = await workflow.webhook({
    id,
    signatureScheme: "GITHUB",
    webhookSecretCipher: await keys.seal(place, "a secret"),
  });

  expect(await keys.open(place, hook.webhookSecretCipher ?? Buffer.alloc(0))).toBe("a secret");
});
