import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { cursorText } from "./page.ts";
import { test } from "./service.ts";

const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"] as const;

test("a least level lets that level and all above through", async ({ service, acme }) => {
  await acme.write(...LEVELS.map((level) => ({ level })));

  const replies = [];
  for (const minLevel of LEVELS) replies.push(await acme.readRun(service, { filter: { minLevel } }));

  expect(replies.map(({ page }) => page?.lines.map(({ level }) => level))).toEqual([
    ["DEBUG", "INFO", "WARN", "ERROR"],
    ["INFO", "WARN", "ERROR"],
    ["WARN", "ERROR"],
    ["ERROR"],
  ]);
});

test("the lines of a run can be narrowed to one of its steps", async ({ service, acme }) => {
  await acme.write({}, { stepRunId: randomUUID() }, { stepRunId: null }, {});

  const own = await acme.readRun(service, { filter: { stepRunId: acme.stepRunId.toUpperCase() } });
  const unknown = await acme.readRun(service, { filter: { stepRunId: randomUUID() } });

  expect(own.places).toEqual(["1.1", "1.4"]);
  expect(unknown.places).toEqual([]);
});

test("from is part of the span and to is not, in any offset", async ({ service, acme }) => {
  await acme.write(
    ...["09:59:59.999Z", "10:00:00.000Z", "10:59:59.999Z", "11:00:00.000Z"].map((time) => ({
      ts: new Date(`2026-03-01T${time}`),
    })),
  );

  const span = await acme.readRun(service, {
    filter: { from: "2026-03-01T10:00:00Z", to: "2026-03-01T13:00:00+02:00" },
  });
  const since = await acme.readRun(service, { filter: { from: "2026-03-01T10:59:59.999Z" } });
  const until = await acme.readRun(service, { filter: { to: "2026-03-01T10:00:00Z" } });

  expect([span.places, since.places, until.places]).toEqual([["1.2", "1.3"], ["1.3", "1.4"], ["1.1"]]);
});

test("contains finds plain text in any case", async ({ service, acme }) => {
  await acme.write(
    { message: "Connection RESET by peer" },
    { message: "connected" },
    { message: "ÜBERTRAGUNG fertig" },
  );

  const replies = [];
  for (const contains of ["connect", "reset BY", "übertragung", "peer\n", ""])
    replies.push(await acme.readRun(service, { filter: { contains } }));

  expect(replies.map(({ places }) => places)).toEqual([["1.1", "1.2"], ["1.1"], ["1.3"], [], ["1.1", "1.2", "1.3"]]);
});

const PATTERNS = [
  ".*",
  "^a",
  "a|b",
  "(a+)+$",
  "[a-z]",
  "a{2}",
  "\\d",
  "a\\",
  "/a/i",
  "$where",
  '{"$ne": null}',
  "(?i)a",
  "a-b",
  "#a b",
];

test("contains takes a pattern as text", async ({ service, acme }) => {
  await acme.write(...PATTERNS.map((pattern) => ({ message: `before ${pattern} behind` })), {
    message: "aaaa aa ab 123",
  });

  const found = [];
  for (const contains of PATTERNS) found.push((await acme.readRun(service, { filter: { contains } })).places);

  expect(found).toEqual(PATTERNS.map((_, index) => [`1.${index + 1}`]));
});

test("all filters hold at once, and pages go on beneath them", async ({ service, acme }) => {
  const ts = new Date("2026-03-01T10:00:00Z");
  const wanted = { attempt: 2, level: "ERROR", message: "disk is FULL", ts } as const;
  await acme.write(
    { ...wanted, seq: 1 },
    { ...wanted, seq: 2, level: "INFO" },
    { ...wanted, seq: 3, message: "disk is fine" },
    { ...wanted, seq: 4, ts: new Date(0) },
    { ...wanted, seq: 5, stepRunId: null },
    { ...wanted, seq: 6, attempt: 1 },
    { ...wanted, seq: 7 },
    { ...wanted, seq: 8 },
  );
  const filter = {
    minLevel: "WARN",
    stepRunId: acme.stepRunId,
    attempt: 2,
    from: "2026-03-01T00:00:00Z",
    to: "2026-03-02T00:00:00Z",
    contains: "full",
  };

  const first = await acme.readRun(service, { filter, first: 2 });
  const second = await acme.readRun(service, { filter, first: 2, after: first.page?.endCursor });
  const back = await acme.readRun(service, { filter, last: 2, before: cursorText("2.8") });

  expect([first.places, first.page?.hasMore]).toEqual([["2.1", "2.7"], true]);
  expect([second.places, second.page?.hasMore]).toEqual([["2.8"], false]);
  expect([back.places, back.page?.hasMore]).toEqual([["2.1", "2.7"], false]);
});

test("filters hold for a step as for a run", async ({ service, acme }) => {
  await acme.write({ level: "ERROR", message: "full" }, { level: "INFO", message: "full" }, { level: "ERROR" });

  const { places } = await acme.readStep(service, { filter: { minLevel: "WARN", contains: "FULL" } });

  expect(places).toEqual(["1.1"]);
});

const BAD_FILTERS = [
  ["filter.stepRunId", { stepRunId: "no-uuid" }],
  ["filter.attempt", { attempt: -1 }],
  ["filter.from", { from: "yesterday" }],
  ["filter.from", { from: "2026-03-01" }],
  ["filter.from", { from: "2026-03-01T10:00:00" }],
  ["filter.from", { from: "2026-02-30T10:00:00Z" }],
  ["filter.to", { to: "1767225600000" }],
  ["filter.contains", { contains: "x".repeat(201) }],
  ["filter.contains", { contains: "nul \0 inside" }],
] as const;

test("a filter out of bounds is refused", async ({ service, acme }) => {
  const refused = [];
  for (const [, filter] of BAD_FILTERS) {
    const { page, code, extensions } = await acme.readRun(service, { filter });
    refused.push({ filter, page, code, issues: extensions?.["issues"] });
  }
  const unknownLevel = await acme.readRun(service, { filter: { minLevel: "LOUD" } });

  expect(refused).toMatchObject(
    BAD_FILTERS.map(([path, filter]) => ({ filter, page: undefined, code: "BAD_INPUT", issues: [{ path }] })),
  );
  expect(unknownLevel.code).toBe("BAD_INPUT");
});
