import { test as base } from "./replica.ts";

/** A tenant with its owner and one workflow of one step, published. */
export const test = base.extend("acme", async ({ world }) => {
  const tenant = await world.tenant();
  return { tenant, owner: await tenant.user("owner"), workflow: await tenant.workflow() };
});

/** An inputSchema with a fault of each kind to make. */
export const COUNT_SCHEMA = {
  type: "object",
  properties: { count: { type: "integer", minimum: 1 }, note: { type: "string" } },
  required: ["count"],
  additionalProperties: false,
};
