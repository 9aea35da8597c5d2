import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { askPage, headersFor, NEXT_SECRET, type PageReply, SECRET } from "./page.ts";
import { addNeighbour, type Service, test } from "./service.ts";

const FORBIDDEN = { page: undefined, code: "FORBIDDEN" };

/** What was sent to MongoDB and what PostgreSQL was asked, from here on. */
function watchStores({ deps }: Service) {
  const asked: string[] = [];
  deps.mongo.on("commandStarted", ({ commandName }) => asked.push(`mongodb ${commandName}`));
  deps.pool.on("acquire", () => asked.push("postgresql"));
  return asked;
}

test("every role of the tenant reads its logs", async ({ service, acme }) => {
  await acme.write({});

  const replies: PageReply[] = [];
  for (const role of ["owner", "admin", "builder", "viewer"] as const)
    replies.push(await acme.readRun(service, {}, { caller: await acme.tenant.user(role) }));

  expect(replies.map(({ places }) => places)).toEqual([["1.1"], ["1.1"], ["1.1"], ["1.1"]]);
});

test("without the secret, or with a wrong one, nothing is read, not even the body", async ({ service, acme }) => {
  await acme.write({});
  const asked = watchStores(service);
  const headers = headersFor({ caller: acme.viewer });

  const statuses = [];
  for (const secret of [
    "",
    "wrong",
    SECRET.slice(0, -1),
    `${SECRET} `.repeat(2),
    SECRET.toUpperCase(),
    `${SECRET}, ${NEXT_SECRET}`,
  ])
    for (const payload of [JSON.stringify({ query: "{ __typename }" }), "{", "x".repeat(2_000_000)]) {
      const { "x-logs-schema-secret": _, ...others } = headers;
      const reply = await service.server.inject({
        method: "POST",
        url: "/graphql",
        headers: secret === "" ? others : { ...others, "x-logs-schema-secret": secret },
        payload,
      });
      statuses.push([reply.statusCode, reply.json().extensions.code]);
    }

  expect(statuses).toEqual(Array.from({ length: 18 }, () => [401, "UNAUTHENTICATED"]));
  expect(asked).toEqual([]);
});

test("each secret of the list opens, so that it can be changed without an outage", async ({ service, acme }) => {
  await acme.write({});

  const replies = [];
  for (const secret of [SECRET, NEXT_SECRET])
    replies.push(await acme.readRun(service, {}, { headers: { "x-logs-schema-secret": secret } }));

  expect(replies.map(({ places }) => places)).toEqual([["1.1"], ["1.1"]]);
});

test("the tenant named must be the session's", async ({ service, acme, world, logs }) => {
  const neighbour = await addNeighbour(world, logs);
  const asked = watchStores(service);

  const replies = [];
  for (const tenantId of [neighbour.id, randomUUID(), "no-uuid", "", `${acme.id} `]) {
    replies.push(await acme.readRun(service, { workflowRunId: neighbour.run.id }, { tenantId }));
    replies.push(await acme.readStep(service, { stepRunId: neighbour.stepRunId }, { tenantId }));
  }

  for (const reply of replies) expect(reply).toMatchObject(FORBIDDEN);
  expect(asked).toEqual([]);
});

test("who belongs to another tenant reads nothing by naming it in the session", async ({
  service,
  acme,
  world,
  logs,
}) => {
  const neighbour = await addNeighbour(world, logs);
  await acme.write({});

  const reply = await acme.readRun(
    service,
    {},
    { caller: neighbour.owner, tenantId: acme.id, headers: { "x-hasura-tenant-id": acme.id } },
  );

  expect(reply).toMatchObject(FORBIDDEN);
});

test("a member of two tenants reads in each what is that tenant's [CVE-2026-48499]", async ({
  service,
  acme,
  world,
  logs,
}) => {
  const neighbour = await addNeighbour(world, logs);
  const both = await acme.tenant.user("builder", { existing: neighbour.owner });
  await acme.write({});

  const here = await acme.readRun(service, {}, { caller: both });
  const there = await acme.readRun(service, { workflowRunId: neighbour.run.id }, { caller: neighbour.owner });
  const across = await acme.readRun(service, { workflowRunId: neighbour.run.id }, { caller: both });

  expect([here.places, there.places, across.places]).toEqual([["1.1"], ["1.1"], []]);
});

test("a removed, a deleted and a demoted member are refused at once, whatever the id", async ({
  service,
  acme,
  db,
}) => {
  await acme.write({});
  await acme.tenant.user("owner");
  const removed = await acme.tenant.user("owner");
  const deleted = await acme.tenant.user("admin");
  const demoted = await acme.tenant.user("builder");
  const members = [removed, deleted, demoted];
  const before = [];
  for (const caller of members) before.push(await acme.readRun(service, {}, { caller }));

  await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
    removed.membershipId,
  ]);
  await db.pool.query("delete from memberships where id = $1", [deleted.membershipId]);
  await db.pool.query("update memberships set role = 'viewer' where id = $1", [demoted.membershipId]);
  const after = [];
  for (const caller of members) {
    after.push(await acme.readRun(service, {}, { caller }));
    after.push(await acme.readStep(service, {}, { caller }));
    after.push(await acme.readRun(service, { workflowRunId: randomUUID() }, { caller }));
    after.push(await acme.readRun(service, { workflowRunId: "no-uuid" }, { caller }));
  }

  expect(before.map(({ places }) => places)).toEqual([["1.1"], ["1.1"], ["1.1"]]);
  expect(after.map(({ code, page }) => ({ code, page }))).toEqual(
    Array.from({ length: 12 }, () => ({ code: "FORBIDDEN", page: undefined })),
  );
});

test("a promoted member is refused until the token says so", async ({ service, acme, db }) => {
  await acme.write({});
  await db.pool.query("update memberships set role = 'owner' where id = $1", [acme.viewer.membershipId]);

  const old = await acme.readRun(service);
  const renewed = await acme.readRun(service, {}, { headers: { "x-hasura-role": "owner" } });

  expect(old).toMatchObject(FORBIDDEN);
  expect(renewed.places).toEqual(["1.1"]);
});

test("a session that is incomplete or made up is refused without asking a store", async ({ service, acme }) => {
  const asked = watchStores(service);

  const replies = [];
  for (const headers of [
    { "x-hasura-tenant-id": "" },
    { "x-hasura-user-id": "" },
    { "x-hasura-role": "" },
    { "x-hasura-role": "admin" },
    { "x-hasura-role": "anonymous" },
    { "x-hasura-role": "Viewer" },
    { "x-hasura-user-id": "no-uuid" },
    { "x-hasura-tenant-id": "no-uuid" },
    { "x-hasura-tenant-id": "", "x-hasura-user-id": "", "x-hasura-role": "" },
  ])
    replies.push(await acme.readRun(service, {}, { headers }));

  for (const reply of replies) expect(reply).toMatchObject(FORBIDDEN);
  expect(asked).toEqual([]);
});

test("an operator reads the tenant he names, and only what is that tenant's", async ({
  service,
  acme,
  world,
  logs,
}) => {
  const neighbour = await addNeighbour(world, logs);
  await acme.write({});
  const read = (tenantId: string, workflowRunId: string) =>
    askPage(service, { caller: "operator", tenantId }, "getRunLogs", { workflowRunId });

  const own = await read(acme.id, acme.run.id);
  const inCapitals = await read(acme.id.toUpperCase(), acme.run.id);
  const crossed = await read(acme.id, neighbour.run.id);
  const unknown = await read(randomUUID(), acme.run.id);
  const malformed = await read("no-uuid", acme.run.id);

  expect([own.places, inCapitals.places, crossed.places, unknown.places]).toEqual([["1.1"], ["1.1"], [], []]);
  expect(malformed).toMatchObject({ page: undefined, code: "BAD_INPUT" });
});

test("a line that carries a foreign tenant is not read with the run it claims to be of", async ({
  service,
  acme,
  world,
  logs,
}) => {
  const neighbour = await addNeighbour(world, logs);
  await acme.write({});
  await logs.lines.updateOne(
    { tenantId: neighbour.id },
    { $set: { workflowRunId: acme.run.id, stepRunId: acme.stepRunId, seq: 7 } },
  );

  const [run, step] = [await acme.readRun(service), await acme.readStep(service)];

  expect([run.places, step.places]).toEqual([["1.1"], ["1.1"]]);
});

test("the service's own login may read what it asks for and write nothing", async ({ db, acme }) => {
  const { pool } = db.as("cp_logs");

  const read = await pool.query("select id from workflow_runs where id = $1", [acme.run.id]);
  const others = await Promise.all(
    [
      "update memberships set role = 'owner'",
      "delete from workflow_runs",
      "insert into step_runs default values",
      "select * from users",
      "select * from connections",
    ].map((statement) =>
      pool.query(statement).then(
        () => "allowed",
        (error) => error.code,
      ),
    ),
  );

  expect(read.rowCount).toBe(1);
  expect(others).toEqual(["42501", "42501", "42501", "42501", "42501"]);
});
