import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { addNeighbour, stepOf, test } from "./service.ts";

test("a member reads the lines of one step by sequence, and of no other", async ({ service, acme }) => {
  const otherStep = randomUUID();
  await acme.write(
    { seq: 4, ts: new Date(0), message: "last" },
    { seq: 2, ts: new Date(9_000), message: "first" },
    { seq: 3, stepRunId: otherStep },
    { seq: 1, stepRunId: null },
  );

  const { status, page } = await acme.readStep(service);

  expect(status).toBe(200);
  expect(page?.lines).toMatchObject([
    { seq: 2, message: "first", stepRunId: acme.stepRunId },
    { seq: 4, message: "last", stepRunId: acme.stepRunId },
  ]);
  expect(page).toMatchObject({ hasMore: false, error: null });
});

test("pages of a step go on from a cursor in both directions", async ({ service, acme }) => {
  await acme.write({ attempt: 2 }, { attempt: 2 }, { attempt: 2 }, { attempt: 2 }, { attempt: 2 });

  const first = await acme.readStep(service, { first: 2 });
  const second = await acme.readStep(service, { first: 2, after: first.page?.endCursor });
  const third = await acme.readStep(service, { first: 2, after: second.page?.endCursor });
  const back = await acme.readStep(service, { last: 2, before: third.page?.startCursor });

  expect([first, second, third, back].map(({ places }) => places)).toEqual([
    ["2.1", "2.2"],
    ["2.3", "2.4"],
    ["2.5"],
    ["2.3", "2.4"],
  ]);
  expect([first, second, third, back].map(({ page }) => page?.hasMore)).toEqual([true, true, false, true]);
});

test("the attempt filter holds for a step too", async ({ service, acme }) => {
  await acme.write({}, {});

  const [own, other] = [
    await acme.readStep(service, { filter: { attempt: 1 } }),
    await acme.readStep(service, { filter: { attempt: 2 } }),
  ];

  expect(own.places).toEqual(["1.1", "1.2"]);
  expect(other.places).toEqual([]);
});

test("a step's logs cannot be filtered by another step", async ({ service, acme }) => {
  const other = await (await acme.tenant.workflow()).run({ status: "RUNNING" });
  await acme.write({ stepRunId: await stepOf(other) });

  const reply = await acme.readStep(service, { filter: { stepRunId: await stepOf(other) } });

  expect(reply).toMatchObject({ page: undefined, code: "BAD_INPUT" });
  expect(reply.extensions?.["issues"]).toEqual([{ path: "filter.stepRunId", message: expect.any(String) }]);
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
  await db.pool.query("delete from step_runs where id = $1", [acme.stepRunId]);

  const replies = [];
  for (const stepRunId of [randomUUID(), neighbour.stepRunId, acme.stepRunId, acme.run.id, "no-uuid", ""])
    replies.push(await acme.readStep(service, { stepRunId }));

  for (const { page, code } of replies) {
    expect(code).toBeUndefined();
    expect(page).toEqual({ lines: [], startCursor: null, endCursor: null, hasMore: false, error: null });
  }
});
