import { randomUUID } from "node:crypto";
import { tenants, workflowRuns } from "@control-plane/db";
import { eq } from "drizzle-orm";
import { expect } from "vitest";
import { startDispatchLoop } from "../src/loops/dispatch.ts";
import { test } from "./replica.ts";
import { ACTION_SECRET, callHook, environment, RUNNER_TOKEN, startService } from "./service.ts";

const PATH = "/events/tenant-limit-changed";

/** As Hasura v2.48 sends it. */
function delivery(tenantId: string, limit: unknown = 10) {
  return {
    id: randomUUID(),
    created_at: "2026-01-01T00:00:00.000000",
    delivery_info: { current_retry: 0, max_retries: 3 },
    event: {
      op: "UPDATE",
      data: {
        old: { id: tenantId, max_concurrent_runs: 1 },
        new: { id: tenantId, max_concurrent_runs: limit },
      },
      session_variables: { "x-hasura-role": "owner" },
      trace_context: { trace_id: "4bf92f3577b34da6a3ce929d0e0e4736", span_id: "00f067aa0ba902b7" },
    },
    table: { schema: "public", name: "tenants" },
    trigger: { name: "tenant_limit_changed" },
  };
}

test("a raised limit releases waiting runs at once", async ({ db, world, service }) => {
  const acme = await world.tenant({ maxConcurrentRuns: 1 });
  const workflow = await acme.workflow();
  for (let index = 0; index < 3; index++) await workflow.run();
  const queued = () => db.db.$count(workflowRuns, eq(workflowRuns.status, "QUEUED"));
  const loop = startDispatchLoop(service.deps, 3_600_000);
  try {
    service.deps.dispatchSignal.wake();
    await expect.poll(queued).toBe(1);
    await db.db.update(tenants).set({ maxConcurrentRuns: 10 }).where(eq(tenants.id, acme.id));

    const reply = await callHook(service, PATH, delivery(acme.id));

    expect([reply.status, reply.body]).toEqual([200, { ok: true }]);
    await expect.poll(queued).toBe(3);
  } finally {
    await loop.stop();
  }
});

test("the same delivery again wakes again, which is harmless", async ({ world, service }) => {
  const acme = await world.tenant();
  const body = delivery(acme.id);

  const replies = [await callHook(service, PATH, body), await callHook(service, PATH, body)];

  expect(replies.map(({ status }) => status)).toEqual([200, 200]);
  expect(service.wakes()).toBe(2);
});

test("an unknown tenant's delivery is as good as any", async ({ service }) => {
  const reply = await callHook(service, PATH, delivery(randomUUID()));

  expect([reply.status, service.wakes()]).toEqual([200, 1]);
});

for (const [name, secret] of [
  ["no secret", null],
  ["a wrong secret", "the-secret-of-hasura-event"],
  ["an empty secret", ""],
  ["the secret of actions", ACTION_SECRET],
  ["the token of a runner", RUNNER_TOKEN],
] as const) {
  test(`with ${name} nobody is woken, and the body is not looked at`, async ({ service }) => {
    const replies = [
      await callHook(service, PATH, delivery(randomUUID()), secret),
      await callHook(service, PATH, "{ no json", secret),
    ];

    expect(replies.map(({ status, code }) => [status, code])).toEqual([
      [401, "UNAUTHENTICATED"],
      [401, "UNAUTHENTICATED"],
    ]);
    expect(service.wakes()).toBe(0);
  });
}

test("while the secret is being changed the old one and the new one both open", async ({ db, redis }) => {
  const rotating = await startService({
    ...environment({ databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: redis.url, queuePrefix: redis.prefix }),
    HASURA_EVENT_SECRET: "the-old-secret-of-events,the-new-secret-of-events",
  });
  try {
    const replies = [];
    for (const secret of [
      "the-old-secret-of-events",
      "the-new-secret-of-events",
      rotating.config.HASURA_EVENT_SECRET.join(","),
    ])
      replies.push(await callHook(rotating, PATH, delivery(randomUUID()), secret));

    expect(replies.map(({ status }) => status)).toEqual([200, 200, 401]);
  } finally {
    await rotating.close();
  }
});

test("a malformed delivery is refused and wakes nobody", async ({ service }) => {
  const good = delivery(randomUUID());
  const bodies = [
    {},
    [],
    null,
    { ...good, id: "" },
    { ...good, event: undefined },
    { ...good, event: { ...good.event, op: "UPSERT" } },
    { ...good, event: { op: "DELETE", data: { old: good.event.data.old, new: null } } },
    delivery("no uuid"),
    delivery(randomUUID(), "10"),
    delivery(randomUUID(), 1.5),
    "{ no json",
    "",
  ];

  const replies = [];
  for (const body of bodies) replies.push(await callHook(service, PATH, body));

  expect(replies.map(({ status, code }) => [status, code])).toEqual(bodies.map(() => [400, "BAD_INPUT"]));
  expect(service.wakes()).toBe(0);
});

test("Redis away is nothing to the event: the loop finds it out by itself", async ({ replica }) => {
  replica.wire.cut();

  const reply = await callHook(replica, PATH, delivery(randomUUID()));

  expect([reply.status, replica.wakes()]).toEqual([200, 1]);
});

test("only POST is served", async ({ service }) => {
  const reply = await service.server.inject({ method: "GET", url: PATH });

  expect([404, 405]).toContain(reply.statusCode);
  expect(service.wakes()).toBe(0);
});
