import { openStoreWire } from "@control-plane/testkit";
import { expect } from "vitest";
import { test as base } from "./service.ts";

const test = base.extend("wired", async ({ db, logs, start }, { onCleanup }) => {
  const mongodb = await openStoreWire(logs.url);
  const postgresql = await openStoreWire(db.urlAs("cp_logs"));
  onCleanup(async () => {
    await service.close();
    await mongodb.close();
    await postgresql.close();
  });
  const service = await start({ mongoUrl: mongodb.url, databaseUrl: postgresql.url });
  return { ...service, mongodb, postgresql };
});

test("live, ready and metrics answer without a secret, and the metrics name nobody", async ({ service, acme }) => {
  await acme.readRun(service);

  const [live, ready, metrics] = await Promise.all([
    service.server.inject("/live"),
    service.server.inject("/ready"),
    service.server.inject("/metrics"),
  ]);

  expect([live.statusCode, ready.statusCode, metrics.statusCode]).toEqual([200, 200, 200]);
  expect(metrics.body).toMatch(/route="\/graphql"/);
  expect(metrics.body).toMatch(/^database_pool_connections\{.*state="idle".*\} [1-9]/m);
  for (const name of [acme.id, acme.run.id, acme.viewer.id]) expect(metrics.body).not.toContain(name);
});

for (const store of ["mongodb", "postgresql"] as const)
  for (const fault of ["cut", "hang"] as const)
    test(`with ${store} ${fault === "cut" ? "stopped" : "hanging"} the service lives and is not ready until it is back`, async ({
      wired,
    }) => {
      await expect.poll(async () => (await wired.server.inject("/ready")).statusCode).toBe(200);
      wired[store][fault]();

      const [live, ready] = [await wired.server.inject("/live"), await wired.server.inject("/ready")];
      wired[store].restore();

      expect([live.statusCode, ready.statusCode]).toEqual([200, 503]);
      expect(ready.json()).toEqual({ status: "not ready", failed: [store] });
      await expect.poll(async () => (await wired.server.inject("/ready")).statusCode).toBe(200);
    });

test("an unknown path is not found, in the one shape of a refusal", async ({ service }) => {
  const reply = await service.server.inject({ method: "POST", url: "/nothing" });

  expect([reply.statusCode, reply.json().extensions.code]).toEqual([404, "NOT_FOUND"]);
});
