import { recordRoutes } from "@control-plane/testkit";
import { expect } from "vitest";
import { openService, test } from "./service.ts";

test("the service has the routes of routes.txt and no other", async ({ db, keys }) => {
  const routes = await recordRoutes(async () => (await openService(db, keys)).close());

  await expect(routes).toMatchFileSnapshot("routes.txt");
});
