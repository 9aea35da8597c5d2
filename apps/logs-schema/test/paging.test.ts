import { expect } from "vitest";
import { numbered } from "./lines.ts";
import { cursorText, type PageReply } from "./page.ts";
import { test } from "./service.ts";

test("a page has 100 lines when nobody says otherwise, and at most 1,000", async ({ service, acme }) => {
  await acme.write(...numbered(1_001));

  const byDefault = await acme.readRun(service);
  const most = await acme.readRun(service, { first: 1_000 });
  const backward = await acme.readRun(service, { before: cursorText("2.0") });

  expect([byDefault.places?.length, most.places?.length, backward.places?.length]).toEqual([100, 1_000, 100]);
  expect([byDefault.page?.hasMore, most.page?.hasMore, backward.page?.hasMore]).toEqual([true, true, true]);
  expect([backward.places?.[0], backward.places?.at(-1)]).toEqual(["1.902", "1.1001"]);
});

test("there are no more lines once the last one is on the page", async ({ service, acme }) => {
  await acme.write(...numbered(3));

  const [exact, short] = [await acme.readRun(service, { first: 3 }), await acme.readRun(service, { first: 2 })];
  const [exactBack, shortBack] = [await acme.readRun(service, { last: 3 }), await acme.readRun(service, { last: 2 })];

  expect([exact, short, exactBack, shortBack].map(({ page }) => page?.hasMore)).toEqual([false, true, false, true]);
});

test("a page goes over from one attempt to the next, in both directions", async ({ service, acme }) => {
  await acme.write(...numbered(3), ...numbered(2, { attempt: 2 }), ...numbered(2, { attempt: 3 }));

  const forward = await acme.readRun(service, { first: 4, after: cursorText("1.2") });
  const backward = await acme.readRun(service, { last: 4, before: cursorText("3.1") });

  expect(forward.places).toEqual(["1.3", "2.1", "2.2", "3.1"]);
  expect(forward.page?.hasMore).toBe(true);
  expect(backward.places).toEqual(["1.2", "1.3", "2.1", "2.2"]);
  expect(backward.page?.hasMore).toBe(true);
});

test("a page that ends with an attempt knows of the next one", async ({ service, acme }) => {
  await acme.write(...numbered(2), ...numbered(1, { attempt: 2 }));

  const forward = await acme.readRun(service, { first: 1, after: cursorText("1.1") });
  const backward = await acme.readRun(service, { last: 1, before: cursorText("2.2") });

  expect([forward.places, forward.page?.hasMore]).toEqual([["1.2"], true]);
  expect([backward.places, backward.page?.hasMore]).toEqual([["2.1"], true]);
});

test("cursors name the first and the last line of the page, and need no line of their own", async ({
  service,
  acme,
}) => {
  await acme.write({ seq: 10 }, { seq: 20 }, { seq: 30 });

  const { page } = await acme.readRun(service, { first: 2 });
  const between = await acme.readRun(service, { after: cursorText("1.15") });

  expect([page?.startCursor, page?.endCursor]).toEqual([cursorText("1.10"), cursorText("1.20")]);
  expect(between.places).toEqual(["1.20", "1.30"]);
});

test("an empty page repeats the cursor it was asked with, so that a client can go on polling", async ({
  service,
  acme,
}) => {
  await acme.write({});

  const end = await acme.readRun(service, { after: cursorText("1.1") });
  await acme.write({ seq: 2 });
  const next = await acme.readRun(service, { after: end.page?.endCursor });

  expect(end.page).toEqual({ lines: [], startCursor: null, endCursor: cursorText("1.1"), hasMore: false, error: null });
  expect(next.places).toEqual(["1.2"]);
});

test("an attempt that is asked for alone is paged within itself, wherever the cursor is", async ({ service, acme }) => {
  await acme.write(...[1, 2, 3].flatMap((attempt) => numbered(3, { attempt })));
  const filter = { attempt: 2 };

  const replies: PageReply[] = [];
  for (const page of [
    {},
    { after: cursorText("1.2") },
    { after: cursorText("2.1") },
    { after: cursorText("3.1") },
    { last: 2 },
    { before: cursorText("3.1"), last: 2 },
    { before: cursorText("2.2") },
    { before: cursorText("1.3") },
  ])
    replies.push(await acme.readRun(service, { filter, ...page }));

  expect(replies.map(({ places }) => places?.join(" "))).toEqual([
    "2.1 2.2 2.3",
    "2.1 2.2 2.3",
    "2.2 2.3",
    "",
    "2.2 2.3",
    "2.2 2.3",
    "2.1",
    "",
  ]);
});

const BAD_PAGES = [
  [{ first: 1, last: 1 }, "last"],
  [{ first: 1, before: cursorText("1.1") }, "last"],
  [{ last: 1, after: cursorText("1.1") }, "last"],
  [{ after: cursorText("1.1"), before: cursorText("1.3") }, "last"],
  [{ first: 0 }, "first"],
  [{ first: -1 }, "first"],
  [{ first: 1_001 }, "first"],
  [{ last: 0 }, "last"],
  [{ last: 1_001 }, "last"],
] as const;

test("forward and backward at once, and numbers out of bounds, are refused", async ({ service, acme }) => {
  const refused = [];
  for (const [args] of BAD_PAGES) {
    const { page, code, extensions } = await acme.readRun(service, args);
    refused.push({ args, page, code, issues: extensions?.["issues"] });
  }

  expect(refused).toMatchObject(
    BAD_PAGES.map(([args, path]) => ({ args, page: undefined, code: "BAD_INPUT", issues: [{ path }] })),
  );
});

test("all that is wrong with a page is said at once", async ({ service, acme }) => {
  const reply = await acme.readRun(service, { first: 0, after: "x", filter: { from: "yesterday" } });

  expect(reply.extensions?.["issues"]).toMatchObject([{ path: "first" }, { path: "after" }, { path: "filter.from" }]);
});

const FOREIGN_CURSORS = [
  "",
  "1.1",
  cursorText("1"),
  cursorText("1.1.1"),
  cursorText("01.1"),
  cursorText("1.01"),
  cursorText("-1.1"),
  cursorText("1.-1"),
  cursorText("1.1 "),
  cursorText("1,1"),
  cursorText("a.b"),
  cursorText("1.1e3"),
  cursorText("1.9999999999999999"),
  cursorText('{"$gt":""}'),
  `${cursorText("1.1")}=`,
  ` ${cursorText("1.1")}`,
  `${cursorText("1.1")}A`,
  `${cursorText("1.1")}\n`,
  "x".repeat(10_000),
];

test("a cursor nobody was given is refused", async ({ service, acme }) => {
  await acme.write({}, {});

  const replies = [];
  for (const cursor of FOREIGN_CURSORS)
    replies.push([
      cursor,
      (await acme.readRun(service, { after: cursor })).code,
      (await acme.readStep(service, { before: cursor })).code,
    ]);

  expect(replies).toEqual(FOREIGN_CURSORS.map((cursor) => [cursor, "BAD_INPUT", "BAD_INPUT"]));
});

const ATTEMPTS = 12;
const LINES_OF_AN_ATTEMPT = 50;
const PER_PAGE = 3;

function allPlaces(attempts: number): string[] {
  return Array.from({ length: attempts }, (_, attempt) =>
    Array.from({ length: LINES_OF_AN_ATTEMPT }, (_, seq) => `${attempt + 1}.${seq + 1}`),
  ).flat();
}

test("a walk of 200 pages forward returns each line once while lines are appended", {
  timeout: 180_000,
}, async ({ service, acme }) => {
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1)
    await acme.write(...numbered(LINES_OF_AN_ATTEMPT, { attempt }));
  let appended = 0;
  const append = async () => {
    if (appended < LINES_OF_AN_ATTEMPT) {
      appended += 1;
      await acme.write({ attempt: ATTEMPTS, seq: appended });
    }
  };

  const seen: string[] = [];
  let pages = 0;
  let after: string | null = null;
  for (;;) {
    const [{ page, places }]: [PageReply, unknown] = await Promise.all([
      acme.readRun(service, { first: PER_PAGE, after }),
      pages % 4 === 0 ? append() : undefined,
    ]);
    if (page === undefined || places === undefined) throw new Error(`page ${pages} was refused`);
    expect(page.error).toBeNull();
    seen.push(...places);
    after = page.endCursor;
    pages += 1;
    if (places.length === 0 && appended === LINES_OF_AN_ATTEMPT) break;
  }

  expect(pages).toBeGreaterThan(200);
  expect(seen).toEqual(allPlaces(ATTEMPTS));
});

test("a walk of 200 pages backward returns each line once while lines are appended", {
  timeout: 180_000,
}, async ({ service, acme }) => {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1)
    await acme.write(...numbered(LINES_OF_AN_ATTEMPT, { attempt }));

  const pages: string[][] = [];
  let before: string | null = null;
  for (let more = true; more; ) {
    const [{ page, places }]: [PageReply, unknown] = await Promise.all([
      acme.readRun(service, { last: PER_PAGE, before }),
      // Behind the walk, which must never see it.
      pages.length > 0 && pages.length % 4 === 0
        ? acme.write({ attempt: ATTEMPTS, seq: LINES_OF_AN_ATTEMPT + pages.length })
        : undefined,
    ]);
    if (page === undefined || places === undefined) throw new Error(`page ${pages.length} was refused`);
    pages.push(places);
    before = page.startCursor;
    more = page.hasMore;
  }

  expect(pages).toHaveLength(200);
  expect(pages.reverse().flat()).toEqual(allPlaces(ATTEMPTS));
});
