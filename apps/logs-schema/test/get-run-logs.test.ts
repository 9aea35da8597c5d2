import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { headersFor, SECRET } from "./page.ts";
import { addNeighbour, test } from "./service.ts";

test("a member reads the lines of a run with everything a runner wrote", async ({ service, acme, logs }) => {
  await acme.write(
    { ts: new Date("2026-03-01T10:00:00.123Z"), level: "WARN", message: "slow", fields: { ms: 900, tags: ["db"] } },
    { stepRunId: null, message: "run is done", traceId: "4bf92f3577b34da6a3ce929d0e0e4736", fields: null },
  );
  const stored = await logs.lines.find().sort({ seq: 1 }).toArray();

  const { status, page } = await acme.readRun(service);

  expect(status).toBe(200);
  expect(page?.lines).toEqual([
    {
      id: String(stored[0]?._id),
      attempt: 1,
      seq: 1,
      ts: "2026-03-01T10:00:00.123Z",
      level: "WARN",
      message: "slow",
      fields: { ms: 900, tags: ["db"] },
      stepRunId: acme.stepRunId,
      traceId: null,
    },
    {
      id: String(stored[1]?._id),
      attempt: 1,
      seq: 2,
      ts: stored[1]?.ts.toISOString(),
      level: "INFO",
      message: "run is done",
      fields: null,
      stepRunId: null,
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    },
  ]);
  expect(page).toMatchObject({ hasMore: false, error: null });
});

test("lines come by attempt and sequence, whatever their clocks say", async ({ service, acme }) => {
  await acme.write(
    { attempt: 2, seq: 1, ts: new Date(0) },
    { attempt: 1, seq: 10, ts: new Date(1_000) },
    { attempt: 1, seq: 9, ts: new Date(9_000) },
    { attempt: 10, seq: 1, ts: new Date(2_000) },
  );

  const { places } = await acme.readRun(service);

  expect(places).toEqual(["1.9", "1.10", "2.1", "10.1"]);
});

test("reading twice gives the same page", async ({ service, acme }) => {
  await acme.write({}, {}, {});

  const [once, again] = [await acme.readRun(service, { first: 2 }), await acme.readRun(service, { first: 2 })];

  expect(again).toEqual(once);
  expect(once.places).toEqual(["1.1", "1.2"]);
});

test("lines with fields of a later version are read, and those without optional ones too", async ({
  service,
  acme,
  logs,
}) => {
  await acme.write({});
  await logs.lines.updateOne({}, { $set: { host: "runner-7" }, $unset: { fields: "", traceId: "" } });

  const { page } = await acme.readRun(service);

  expect(page?.lines).toMatchObject([{ seq: 1, fields: null, traceId: null }]);
});

test("an id is the same id in capital letters", async ({ service, acme }) => {
  await acme.write({});

  const { places } = await acme.readRun(service, { workflowRunId: acme.run.id.toUpperCase() });

  expect(places).toEqual(["1.1"]);
});

test("an unknown, a foreign, a deleted and a malformed id read as the same empty page", async ({
  service,
  acme,
  world,
  logs,
  db,
}) => {
  const neighbour = await addNeighbour(world, logs);
  await acme.write({});
  await db.pool.query("delete from step_runs where workflow_run_id = $1", [acme.run.id]);
  await db.pool.query("delete from workflow_runs where id = $1", [acme.run.id]);

  const replies = [];
  for (const workflowRunId of [randomUUID(), neighbour.run.id, acme.run.id, "no-uuid", ""])
    replies.push(await acme.readRun(service, { workflowRunId }));

  for (const { page, code } of replies) {
    expect(code).toBeUndefined();
    expect(page).toEqual({ lines: [], startCursor: null, endCursor: null, hasMore: false, error: null });
  }
});

test("a run without lines is an empty page", async ({ service, acme }) => {
  const { page } = await acme.readRun(service);

  expect(page).toEqual({ lines: [], startCursor: null, endCursor: null, hasMore: false, error: null });
});

test("Hasura may introspect without a session, and a malformed request is the client's fault", async ({ service }) => {
  const headers = { "content-type": "application/json", "x-logs-schema-secret": SECRET };
  const post = (payload: unknown) =>
    service.server.inject({
      method: "POST",
      url: "/graphql",
      headers,
      payload: typeof payload === "string" ? payload : JSON.stringify(payload),
    });

  const introspection = await post({ query: "{ __schema { queryType { fields { name } } } }" });
  const unknownField = await post({ query: "{ getSecrets }" });
  const notJson = await post("{");
  const notAnObject = await post("7");

  expect(introspection.json().data.__schema.queryType.fields).toEqual([
    { name: "getRunLogs" },
    { name: "getStepLogs" },
  ]);
  expect(unknownField.json().errors).toMatchObject([
    { message: expect.stringContaining("getSecrets"), extensions: { code: "GRAPHQL_VALIDATION_FAILED" } },
  ]);
  for (const reply of [notJson, notAnObject]) {
    expect(reply.statusCode).toBe(400);
    expect(reply.json().errors).toMatchObject([{ extensions: { code: "BAD_INPUT", requestId: expect.any(String) } }]);
  }
});

test("only JSON by POST is served", async ({ service, acme }) => {
  const headers = headersFor({ caller: acme.viewer });

  const text = await service.server.inject({
    method: "POST",
    url: "/graphql",
    headers: { ...headers, "content-type": "text/plain" },
    payload: '{"query":"{ __typename }"}',
  });
  const get = await service.server.inject({ url: "/graphql?query={__typename}", headers });

  expect([text.statusCode, get.statusCode]).toEqual([415, 404]);
});

test("a document that is no log line fails its page without looking like an outage", async ({ start, acme, logs }) => {
  const service = await start();
  await acme.write({});
  await logs.db.command({ collMod: "execution_logs", validator: {} });
  await logs.lines.updateOne({}, { $set: { level: "LOUD" } });

  const replies = [];
  for (let n = 0; n < 6; n += 1) replies.push(await acme.readRun(service));
  await logs.lines.updateOne({}, { $set: { level: "INFO" } });
  const mended = await acme.readRun(service);

  expect(replies.map(({ code }) => code)).toEqual(Array.from({ length: 6 }, () => "INTERNAL"));
  expect(mended.places).toEqual(["1.1"]);
});
