import { expect } from "vitest";
import { askGraphql, cursorText, PAGE } from "./page.ts";
import { type Service, test } from "./service.ts";

const LONGEST_MS = 20_000;
const AFTER_FIRST = { after: cursorText("1.1"), waitMs: LONGEST_MS };

/** How often the service has read a page's lines. */
function watchReads({ deps }: Service): { count: () => number } {
  let count = 0;
  deps.mongo.on("commandStarted", ({ commandName }) => {
    if (commandName === "find") count += 1;
  });
  return { count: () => count };
}

test("a waiting page is answered by the line that appears", async ({ service, acme }) => {
  await acme.write({});
  const reads = watchReads(service);

  const waiting = acme.readRun(service, AFTER_FIRST);
  await expect.poll(reads.count).toBeGreaterThan(2);
  await acme.write({ seq: 2 });

  expect((await waiting).places).toEqual(["1.2"]);
});

test("a waiting page of a step is answered in the same way", async ({ service, acme }) => {
  await acme.write({});
  const reads = watchReads(service);

  const waiting = acme.readStep(service, AFTER_FIRST);
  await expect.poll(reads.count).toBeGreaterThan(0);
  await acme.write({ seq: 2, stepRunId: null }, { seq: 3 });

  expect((await waiting).places).toEqual(["1.3"]);
});

test("a line that is there already is not waited for", async ({ service, acme }) => {
  await acme.write({}, {});
  const reads = watchReads(service);

  const { places } = await acme.readRun(service, AFTER_FIRST);

  expect(places).toEqual(["1.2"]);
  expect(reads.count()).toBeLessThanOrEqual(2);
});

test("the wait ends with an empty page to go on polling with", async ({ service, acme }) => {
  await acme.write({});
  const reads = watchReads(service);

  const { page } = await acme.readRun(service, { after: cursorText("1.1"), waitMs: 600 });

  expect(page).toEqual({
    lines: [],
    startCursor: null,
    endCursor: cursorText("1.1"),
    hasMore: false,
    error: null,
  });
  // Two range scans a time, at the start and at the end at least; how often in between depends on the machine.
  expect(reads.count()).toBeGreaterThanOrEqual(4);
});

test("a line that the filter keeps out does not end the wait", async ({ service, acme }) => {
  await acme.write({}, { level: "DEBUG" });

  const { places } = await acme.readRun(service, {
    after: cursorText("1.1"),
    waitMs: 600,
    filter: { minLevel: "INFO" },
  });

  expect(places).toEqual([]);
});

test("a member removed while a page waits gets no line of it", async ({ service, acme, db }) => {
  await acme.write({});
  const reads = watchReads(service);

  const waiting = acme.readRun(service, AFTER_FIRST);
  await expect.poll(reads.count).toBeGreaterThan(0);
  await db.pool.query("delete from memberships where id = $1", [acme.viewer.membershipId]);
  await acme.write({ seq: 2 });

  expect(await waiting).toMatchObject({ page: undefined, code: "FORBIDDEN" });
});

test("a store that goes away while a page waits is told at once", async ({ service, acme }) => {
  await acme.write({});
  const reads = watchReads(service);

  const waiting = acme.readRun(service, AFTER_FIRST);
  await expect.poll(reads.count).toBeGreaterThan(0);
  for (let n = 0; n < 5; n += 1) service.deps.breaker.failed();

  expect((await waiting).page).toMatchObject({ lines: [], error: "LOGS_UNAVAILABLE", endCursor: cursorText("1.1") });
});

test("a request with two pages may not wait, and none of them is read", async ({ service, acme }) => {
  await acme.write({}, {});
  const reads = watchReads(service);

  const reply = await askGraphql(
    service,
    { caller: acme.viewer },
    {
      query: `query ($tenant: String!, $run: ID!, $after: String) {
        one: getRunLogs(tenantId: $tenant, workflowRunId: $run, after: $after, waitMs: 1) ${PAGE}
        two: getRunLogs(tenantId: $tenant, workflowRunId: $run) ${PAGE}
      }`,
      variables: { tenant: acme.id, run: acme.run.id, after: cursorText("1.1") },
    },
  );

  expect(reply).toMatchObject({ pages: {}, code: "BAD_INPUT" });
  expect(reads.count()).toBe(0);
});

test("what Hasura asks for beside the page does not forbid waiting", async ({ service, acme }) => {
  await acme.write({}, {});

  const { pages, code } = await askGraphql(
    service,
    { caller: acme.viewer },
    {
      query: `query ($tenant: String!, $run: ID!, $after: String) {
        page: getRunLogs(tenantId: $tenant, workflowRunId: $run, after: $after, waitMs: 1) ${PAGE}
      }`,
      variables: { tenant: acme.id, run: acme.run.id, after: cursorText("1.1") },
      operationName: null,
    },
  );

  expect(code).toBeUndefined();
  expect(pages["page"]?.lines).toMatchObject([{ seq: 2 }]);
});

test("a wait without a cursor, backward or beyond 20 s is refused", async ({ service, acme }) => {
  const replies = [];
  for (const args of [
    { waitMs: 1 },
    { waitMs: 1, before: cursorText("1.1") },
    { waitMs: LONGEST_MS + 1, after: cursorText("1.1") },
    { waitMs: -1, after: cursorText("1.1") },
  ])
    replies.push(await acme.readRun(service, args));

  for (const { code, extensions } of replies) {
    expect(code).toBe("BAD_INPUT");
    expect(extensions?.["issues"]).toMatchObject([{ path: "waitMs" }]);
  }
});

test("waiting for no time is not waiting", async ({ service, acme }) => {
  await acme.write({});

  const { places } = await acme.readRun(service, { waitMs: 0 });

  expect(places).toEqual(["1.1"]);
});
