import { expect } from "vitest";
import { allowedCommand, watchCommands } from "./commands.ts";
import { cursorText } from "./page.ts";
import { addNeighbour, test } from "./service.ts";

const OBJECTS: readonly unknown[] = [
  { $ne: null },
  { $gt: "" },
  { $regex: ".*" },
  { $in: [""] },
  { $where: "sleep(1000)" },
  { $function: { body: "return true", args: [], lang: "js" } },
  { toString: "x" },
  ["$ne"],
  [{ $ne: null }],
];
const TEXTS = ['{"$ne": null}', '{"$gt": ""}', "$where", "[object Object]", "' or 1=1 --", "$tenantId", "__proto__"];

/** Every variable a client has a say in. */
const VARIABLES = ["workflowRunId", "first", "after", "last", "before", "waitMs"] as const;
const FILTERS = ["minLevel", "stepRunId", "attempt", "from", "to", "contains"] as const;

test("an object in a variable is refused before any store is asked", async ({ service, acme }) => {
  await acme.write({});
  const commands = watchCommands(service);

  const replies = [];
  for (const hostile of OBJECTS) {
    replies.push(await acme.readRun(service, {}, { tenantId: hostile }));
    for (const name of VARIABLES) replies.push(await acme.readRun(service, { [name]: hostile }));
    for (const name of FILTERS) replies.push(await acme.readRun(service, { filter: { [name]: hostile } }));
    replies.push(await acme.readStep(service, { stepRunId: hostile }));
  }
  const wholeFilters = [];
  for (const filter of [{ $ne: null }, { $where: "1" }, { contains: "x", $or: [] }, { message: { $ne: "" } }, ["x"]])
    wholeFilters.push(await acme.readRun(service, { filter }));

  for (const reply of [...replies, ...wholeFilters])
    expect(reply).toMatchObject({ page: undefined, code: "BAD_INPUT" });
  expect(commands).toEqual([]);
});

test("an operator written as text stays text", async ({ service, acme, world, logs }) => {
  const neighbour = await addNeighbour(world, logs);
  await acme.write({ message: "nothing to see" });
  const commands = watchCommands(service);

  const replies = [];
  for (const hostile of TEXTS) {
    replies.push(await acme.readRun(service, {}, { tenantId: hostile }));
    for (const name of VARIABLES) replies.push(await acme.readRun(service, { [name]: hostile }));
    for (const name of FILTERS) replies.push(await acme.readRun(service, { filter: { [name]: hostile } }));
    replies.push(await acme.readStep(service, { stepRunId: hostile }));
    replies.push(await acme.readRun(service, { after: cursorText(hostile) }));
    replies.push(await acme.readRun(service, { workflowRunId: neighbour.run.id, filter: { contains: hostile } }));
  }

  for (const { page, code } of replies)
    expect(page === undefined ? code : page.lines).toEqual(
      page === undefined ? expect.stringMatching(/^(BAD_INPUT|FORBIDDEN)$/) : [],
    );
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) expect(allowedCommand(acme.id).safeParse(command).error).toBeUndefined();
});

test("whatever a client asks for, each query names the tenant, has no or and none of the client's objects", async ({
  service,
  acme,
}) => {
  await acme.write(...[1, 2, 3].flatMap((attempt) => [1, 2].map((seq) => ({ attempt, seq }))));
  const commands = watchCommands(service);
  const filter = {
    minLevel: "INFO",
    stepRunId: acme.stepRunId,
    attempt: 2,
    from: "2020-01-01T00:00:00Z",
    to: "2099-01-01T00:00:00Z",
    contains: "LINE (.*)",
  };
  const { stepRunId: _, ...stepFilter } = filter;

  const replies = [];
  for (const page of [{}, { after: cursorText("1.1") }, { before: cursorText("3.2") }, { last: 1 }]) {
    replies.push(await acme.readRun(service, page), await acme.readRun(service, { ...page, filter }));
    replies.push(await acme.readStep(service, page), await acme.readStep(service, { ...page, filter: stepFilter }));
  }

  expect(replies.map(({ code }) => code)).toEqual(replies.map(() => undefined));
  expect(commands.length).toBeGreaterThanOrEqual(replies.length);
  for (const command of commands) expect(allowedCommand(acme.id).safeParse(command).error).toBeUndefined();
  expect(JSON.stringify(commands)).not.toContain("$or");
});
