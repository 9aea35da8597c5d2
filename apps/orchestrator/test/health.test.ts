import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { runWorkflow } from "../src/actions/run-workflow.ts";
import { test } from "./replica.ts";
import { ACTION_SECRET, callRunner, cutPostgres, RUNNER_TOKEN } from "./service.ts";

test("live and ready answer, and the metrics name what was called", async ({ service, world, actions }) => {
  const acme = await world.tenant();
  const owner = await acme.user("owner");
  await actions.call(runWorkflow, owner, { workflowId: randomUUID() });

  const [live, ready, metrics] = await Promise.all([
    service.server.inject("/live"),
    service.server.inject("/ready"),
    service.server.inject("/metrics"),
  ]);

  expect([live.statusCode, ready.statusCode]).toEqual([200, 200]);
  expect(metrics.body).toMatch(/^hasura_action_total\{.*action="runWorkflow",code="NOT_FOUND".*\} 1$/m);
});

test("with PostgreSQL away the service lives, is not ready and says so to runners and to Hasura", async ({
  db,
  service,
  world,
  actions,
}) => {
  const acme = await world.tenant();
  const owner = await acme.user("owner");
  const mend = await cutPostgres(db, service);

  const [live, ready] = [await service.server.inject("/live"), await service.server.inject("/ready")];
  const claim = await callRunner(service, randomUUID(), "claim", RUNNER_TOKEN, {
    contractVersion: 1,
    attempt: 1,
    runnerId: "runner-7",
  });
  const action = await actions.call(runWorkflow, owner, { workflowId: randomUUID() });
  await mend();
  const again = await service.server.inject("/ready");

  expect([live.statusCode, ready.statusCode, again.statusCode]).toEqual([200, 503, 200]);
  expect(ready.json()).toEqual({ status: "not ready", failed: ["postgresql"] });
  expect([claim.status, claim.code, claim.headers["retry-after"]]).toEqual([503, "UNAVAILABLE", "5"]);
  expect(action).toMatchObject({ status: 503, code: "UNAVAILABLE" });
});

test("with Redis away the service lives and is not ready until it is back, and runs are started all the same", async ({
  replica,
  world,
  actions,
}) => {
  const acme = await world.tenant();
  const owner = await acme.user("owner");
  const workflow = await acme.workflow();
  actions.bind(replica.server, ACTION_SECRET);
  replica.wire.cut();

  const [live, ready] = [await replica.server.inject("/live"), await replica.server.inject("/ready")];
  const started = await actions.call(runWorkflow, owner, { workflowId: workflow.id });
  replica.wire.restore();

  expect([live.statusCode, ready.statusCode, started.status]).toEqual([200, 503, 200]);
  expect(ready.json()).toEqual({ status: "not ready", failed: ["redis"] });
  await expect.poll(async () => (await replica.server.inject("/ready")).statusCode).toBe(200);
});

test("a Redis that does not answer is as good as none", async ({ replica }) => {
  replica.wire.hang();

  const ready = await replica.server.inject("/ready");
  replica.wire.restore();

  expect([ready.statusCode, ready.json()]).toEqual([503, { status: "not ready", failed: ["redis"] }]);
});

test("an unknown path and a wrong method are not found, in the one shape of a refusal", async ({ service }) => {
  const [unknown, get] = await Promise.all([
    service.server.inject({ method: "POST", url: "/runner/v1/runs" }),
    service.server.inject(`/runner/v1/runs/${randomUUID()}/claim`),
  ]);

  expect([unknown.statusCode, get.statusCode]).toEqual([404, 404]);
  expect([unknown.json(), get.json()]).toMatchObject([
    { extensions: { code: "NOT_FOUND" } },
    { extensions: { code: "NOT_FOUND" } },
  ]);
});
