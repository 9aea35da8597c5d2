import { recordRoutes } from "@control-plane/testkit";
import { expect } from "vitest";
import { test } from "./service.ts";

test("the service has the routes of routes.txt and no other", async ({ start }) => {
  const routes = await recordRoutes(() => start());

  await expect(routes).toMatchFileSnapshot("routes.txt");
});
