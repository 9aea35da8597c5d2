import { recordRoutes } from "@control-plane/testkit";
import { expect } from "vitest";
import { environment, startService, test } from "./service.ts";

test("the service, with a page of its queues, has the routes of routes.txt and no other", async ({ db, redis }) => {
  const stores = { databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: redis.url, queuePrefix: redis.prefix };
  const settings = { ...environment(stores), OPS_SECRET: "the-secret-of-operators" };

  const routes = await recordRoutes(async () => (await startService(settings)).close());

  await expect(routes).toMatchFileSnapshot("routes.txt");
});
