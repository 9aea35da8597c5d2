import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { ACTION_SECRET, test as base, EVENT_SECRET, environment, RUNNER_TOKEN, startService } from "./service.ts";

const OPS_SECRET = "the-secret-of-operators";

const test = base.extend("watched", async ({ db, redis }, { onCleanup }) => {
  const stores = { databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: redis.url, queuePrefix: redis.prefix };
  const service = await startService({ ...environment(stores), OPS_SECRET });
  onCleanup(() => service.close());
  return service;
});

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

test("without OPS_SECRET there are no queues to see", async ({ service }) => {
  for (const url of ["/ops/queues", "/ops/queues/api/queues"])
    expect((await service.server.inject({ url, headers: basic("ada", OPS_SECRET) })).statusCode).toBe(404);
});

test("nobody sees them without the secret, whatever else he holds, and browsers are told to ask", async ({
  watched,
}) => {
  const tries = [
    {},
    basic("ada", ""),
    basic("ada", "wrong"),
    basic(OPS_SECRET, ""),
    basic("ada", `${OPS_SECRET} `),
    { authorization: `Bearer ${OPS_SECRET}` },
    { authorization: `Basic ${OPS_SECRET}` },
    ...[ACTION_SECRET, EVENT_SECRET, RUNNER_TOKEN].map((secret) => basic("ada", secret)),
  ];
  for (const url of ["/ops/queues", "/ops/queues/", "/ops/queues/api/queues", "/ops/queues/static/js/main.js"])
    for (const headers of tries) {
      const reply = await watched.server.inject({ url, headers });
      expect([url, headers, reply.statusCode]).toEqual([url, headers, 401]);
      expect(reply.headers["www-authenticate"]).toContain("Basic");
    }
});

test("any user with the secret sees both queues and their jobs", async ({ watched }) => {
  const job = { runId: randomUUID(), attempt: 1 };
  await watched.deps.requests.publish(job);
  const ask = (url: string) => watched.server.inject({ url, headers: basic("whoever", OPS_SECRET) });

  const page = await ask("/ops/queues");
  const list = await ask("/ops/queues/api/queues?activeQueue=run-requested&page=1");

  expect([page.statusCode, page.headers["content-type"]]).toEqual([200, expect.stringContaining("text/html")]);
  expect(list.statusCode).toBe(200);
  expect(list.json()).toMatchObject({
    queues: expect.arrayContaining([
      expect.objectContaining({
        name: "run-requested",
        readOnlyMode: true,
        jobs: [expect.objectContaining({ id: `${job.runId}_1` })],
      }),
      expect.objectContaining({ name: "run-events", readOnlyMode: true }),
    ]),
  });
});

test("nothing can be changed there", async ({ watched }) => {
  const job = { runId: randomUUID(), attempt: 1 };
  await watched.deps.requests.publish(job);
  const id = `${job.runId}_1`;

  for (const [method, path] of [
    ["PUT", "/api/queues/run-requested/pause"],
    ["PUT", "/api/queues/run-requested/empty"],
    ["PUT", `/api/queues/run-requested/${id}/clean`],
    ["PUT", `/api/queues/run-requested/${id}/promote`],
    ["POST", "/api/queues/run-requested/add"],
    ["PATCH", `/api/queues/run-requested/${id}/update-data`],
    ["DELETE", "/api/queues/run-requested"],
  ] as const) {
    const reply = await watched.server.inject({
      method,
      url: `/ops/queues${path}`,
      headers: { ...basic("ada", OPS_SECRET), "content-type": "application/json" },
      payload: "{}",
    });
    expect([method, path, reply.statusCode]).toEqual([method, path, reply.statusCode === 404 ? 404 : 405]);
  }
  expect(await watched.deps.requests.findJob(job)).toBe("waiting");
});
