import { expect } from "vitest";
import { test } from "./service.ts";

test("live and ready answer", async ({ service }) => {
  const [live, ready] = await Promise.all([service.server.inject("/live"), service.server.inject("/ready")]);

  expect([live.statusCode, ready.statusCode]).toEqual([200, 200]);
});
