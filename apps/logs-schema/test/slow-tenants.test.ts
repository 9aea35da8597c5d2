import { expect } from "vitest";
import { createTurns } from "../src/domain/turns.ts";
import { SCANNED_MAX } from "../src/store/execution-logs.ts";
import { numbered } from "./lines.ts";
import { cursorText } from "./page.ts";
import { openRefusingMongo } from "./refusing-mongo.ts";
import { addNeighbour, test } from "./service.ts";

const FAILURES_MAX = 5;
/** `MaxTimeMSExpired`. */
const TOO_SLOW = 50;
const NEEDLE = "the one line that counts";

test("queries that take too long are no outage: others are answered meanwhile", async ({
  start,
  logs,
  acme,
  world,
}) => {
  const neighbour = await addNeighbour(world, logs);
  const double = await openRefusingMongo(logs.url, (command) =>
    JSON.stringify(command).includes(acme.id) && command.ping === undefined ? TOO_SLOW : undefined,
  );
  const service = await start({ mongoUrl: double.url });

  const slow = [];
  for (let n = 0; n <= FAILURES_MAX; n += 1)
    slow.push((await acme.readRun(service, { filter: { contains: "slow" } })).page?.error);
  const beside = await acme.readRun(service, { workflowRunId: neighbour.run.id }, { caller: neighbour.owner });

  expect(slow).toEqual(slow.map(() => "LOGS_UNAVAILABLE"));
  expect(beside.page).toMatchObject({ error: null, lines: [{ message: "nobody else's business" }] });
  await service.close();
  await double.close();
});

test("a tenant's reads wait for each other, and for nobody else's", async () => {
  const turns = createTurns();
  const { signal } = new AbortController();
  const started: string[] = [];
  const finish: (() => void)[] = [];
  const read = (tenant: string) =>
    turns.take(tenant, signal, () => {
      started.push(tenant);
      return new Promise<void>((resolve) => finish.push(resolve));
    });

  const reads = ["a", "a", "a", "a", "a", "b"].map(read);
  await Promise.resolve();
  expect(started).toEqual(["a", "a", "a", "a", "b"]);
  finish[0]?.();
  await reads[0];

  await expect.poll(() => started).toEqual(["a", "a", "a", "a", "b", "a"]);
  for (const done of finish) done();
  await Promise.all(reads);
});

test("whoever stopped waiting takes no turn", async () => {
  const turns = createTurns();
  const gone = AbortSignal.abort();

  await expect(turns.take("a", gone, async () => "read")).rejects.toThrow();
  await expect(turns.take("a", new AbortController().signal, async () => "read")).resolves.toBe("read");
});

test("a page looks at 5,000 lines and says how far it came", async ({ service, acme }) => {
  const lines = numbered(SCANNED_MAX + 100);
  await acme.write(
    ...lines.map((line, index) => (index === 0 || index === lines.length - 1 ? { ...line, message: NEEDLE } : line)),
  );
  const filter = { contains: NEEDLE };

  const forward = await acme.readRun(service, { filter, first: 10, after: cursorText("1.1") });
  const further = await acme.readRun(service, { filter, first: 10, after: forward.page?.endCursor });
  const backward = await acme.readRun(service, { filter, last: 10, before: cursorText(`1.${lines.length}`) });
  const back = await acme.readRun(service, { filter, last: 10, before: backward.page?.startCursor });

  expect(forward.page).toMatchObject({ lines: [], hasMore: true, endCursor: cursorText(`1.${SCANNED_MAX + 1}`) });
  expect([further.places, further.page?.hasMore]).toEqual([[`1.${lines.length}`], false]);
  expect(backward.page).toMatchObject({ lines: [], hasMore: true, startCursor: cursorText("1.100") });
  expect([back.places, back.page?.hasMore]).toEqual([["1.1"], false]);
});

test("an answer has at most 8 MiB of messages and fields; the rest is on the next pages", async ({ service, acme }) => {
  const fields = { text: "f".repeat(8_000) };
  const lines = numbered(700).map((line) => ({ ...line, message: "m".repeat(8_000), fields }));
  for (let from = 0; from < lines.length; from += 100) await acme.write(...lines.slice(from, from + 100));

  const first = await acme.readRun(service, { first: 1_000 });
  const second = await acme.readRun(service, { first: 1_000, after: first.page?.endCursor });

  expect(first.page?.hasMore).toBe(true);
  expect(second.page?.hasMore).toBe(false);
  expect([...(first.places ?? []), ...(second.places ?? [])]).toEqual(lines.map(({ seq }) => `1.${seq}`));
});
