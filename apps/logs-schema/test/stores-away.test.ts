import { setTimeout as delay } from "node:timers/promises";
import { openStoreWire, type StoreWire } from "@control-plane/testkit";
import { expect } from "vitest";
import { cursorText, type PageReply } from "./page.ts";
import { test as base, type Service } from "./service.ts";

/** Far less than the drivers would wait by themselves; how fast it really is depends on the machine. */
const OUTAGE_MS = 8_000;
const BREAKER_OPEN_MS = 10_000;
const FAILURES_MAX = 5;

/** A service whose ways to its stores can be cut. */
const test = base.extend("wired", async ({ db, logs, start }, { onCleanup }) => {
  const mongodb = await openStoreWire(logs.url);
  const postgresql = await openStoreWire(db.urlAs("cp_logs"));
  // The service closes first: what it still waits for needs its wire.
  onCleanup(async () => {
    await service.close();
    await mongodb.close();
    await postgresql.close();
  });
  const service = await start({ mongoUrl: mongodb.url, databaseUrl: postgresql.url, poolMax: 2 });
  return { ...service, mongodb, postgresql };
});

/** Undefined when the answer did not come in the time a client is promised. */
function inTime(reply: Promise<PageReply>): Promise<PageReply | undefined> {
  return Promise.race([reply, delay(OUTAGE_MS, undefined)]);
}

const OUTAGES = [
  ["mongodb", "cut"],
  ["mongodb", "hang"],
  ["postgresql", "cut"],
  ["postgresql", "hang"],
] as const satisfies [keyof Pick<Wired, "mongodb" | "postgresql">, keyof StoreWire][];
type Wired = Service & { mongodb: StoreWire; postgresql: StoreWire };

/** Asks until the page is readable; the breaker's time passes in between. */
async function recover(service: Service, ask: () => Promise<PageReply>): Promise<void> {
  await expect
    .poll(
      async () => {
        service.letPass(BREAKER_OPEN_MS);
        return (await ask()).places;
      },
      { timeout: 25_000 },
    )
    .toEqual(["1.1"]);
}

for (const [store, fault] of OUTAGES) {
  const what = `${store} ${fault === "cut" ? "stopped" : "hanging"}`;

  test(`with ${what} a page says so as data in time, and is read again when it is back`, { timeout: 60_000 }, async ({
    wired,
    acme,
  }) => {
    await acme.write({});
    const before = await acme.readRun(wired);
    wired[store][fault]();

    const [run, step] = await Promise.all([
      inTime(acme.readRun(wired, { after: cursorText("1.0") })),
      inTime(acme.readStep(wired)),
    ]);
    wired[store].restore();
    await recover(wired, () => acme.readRun(wired));

    expect(before.places).toEqual(["1.1"]);
    expect(run).toMatchObject({ status: 200, code: undefined });
    expect(run?.page).toEqual({
      lines: [],
      startCursor: null,
      endCursor: cursorText("1.0"),
      hasMore: false,
      error: "LOGS_UNAVAILABLE",
    });
    expect(step?.page).toEqual({
      lines: [],
      startCursor: null,
      endCursor: null,
      hasMore: false,
      error: "LOGS_UNAVAILABLE",
    });
  });
}

test("after five failures in a row pages are refused at once for ten seconds, then asked for again", async ({
  wired,
  acme,
}) => {
  await acme.write({});
  wired.postgresql.cut();
  for (let failure = 0; failure < FAILURES_MAX; failure += 1) {
    const { page } = await acme.readRun(wired);
    expect(page?.error).toBe("LOGS_UNAVAILABLE");
  }
  wired.postgresql.restore();
  // A read of a run's page that failed may set off late; only reads of the step's page are counted.
  let reads = 0;
  wired.deps.mongo.on("commandStarted", ({ command }) => {
    if (JSON.stringify(command).includes(acme.stepRunId)) reads += 1;
  });

  const atOnce = await acme.readStep(wired);
  wired.letPass(BREAKER_OPEN_MS - 1);
  const stillOpen = await acme.readStep(wired);
  const readsWhileOpen = reads;
  wired.letPass(1);
  const closed = await acme.readStep(wired);

  expect([atOnce.page?.error, stillOpen.page?.error]).toEqual(["LOGS_UNAVAILABLE", "LOGS_UNAVAILABLE"]);
  expect(readsWhileOpen).toBe(0);
  expect(reads).toBeGreaterThan(0);
  expect(closed.places).toEqual(["1.1"]);
});

test("a success in between starts the count of failures anew", async ({ wired, acme }) => {
  await acme.write({});
  const fail = async () => {
    wired.postgresql.cut();
    expect((await acme.readRun(wired)).page?.error).toBe("LOGS_UNAVAILABLE");
    wired.postgresql.restore();
  };

  for (let failure = 1; failure < FAILURES_MAX; failure += 1) await fail();
  const between = await acme.readRun(wired);
  for (let failure = 1; failure < FAILURES_MAX; failure += 1) await fail();
  const after = await acme.readRun(wired);

  expect([between.places, after.places]).toEqual([["1.1"], ["1.1"]]);
});

test("refusals are no outage: they leave the breaker closed", async ({ service, acme, db }) => {
  await acme.write({});
  const removed = await acme.tenant.user("builder");
  await db.pool.query("delete from memberships where id = $1", [removed.membershipId]);

  for (let n = 0; n <= FAILURES_MAX; n += 1) {
    await acme.readRun(service, { filter: { contains: "\0" } });
    await acme.readRun(service, {}, { caller: removed });
  }
  const { places } = await acme.readRun(service);

  expect(places).toEqual(["1.1"]);
});
