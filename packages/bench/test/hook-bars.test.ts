import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { faultsOf, type HookBarOptions, queuesBar, stackBar, verificationBar } from "../src/bars/hook-bars.ts";
import { latencyBar, memoryBar, slopeOf } from "../src/bars/hook-limits.ts";
import { workDir } from "../src/child.ts";
import { createHookDatabases, type HookDatabases } from "../src/data/hook-databases.ts";
import { autocannon } from "../src/generators/autocannon.ts";

const { DATABASE_URL: serverUrl = "", REDIS_URL: redisUrl = "" } = process.env;

let databases: HookDatabases;
let options: HookBarOptions;

beforeAll(async () => {
  mkdirSync(workDir, { recursive: true });
  databases = await createHookDatabases(serverUrl);
  const main = join(import.meta.dirname, "../../../apps/webhook-gateway/src/main.ts");
  options = {
    databases,
    sides: {
      hook: databases.hook,
      keyring: databases.keyring,
      // Emptied for each window; others use the first.
      redisUrl: `${redisUrl}/9`,
      gatewayArgs: ["--conditions=@control-plane/source", main],
      // This machine may be as busy as it likes.
      gatewayEnv: { DATABASE_WAIT_MS_MAX: "60000" },
    },
    generator: autocannon,
    rounds: 1,
    pace: { warmUpSeconds: 1, measuredSeconds: 1 },
    connections: { most: 4, steady: 2 },
    steps: 4,
    signed: { warmUp: 20_000, measured: 20_000 },
    freePort: () => findFreePort(),
    log: () => {},
  };
});
afterAll(() => databases.drop());
// Each window makes a database, starts a process and loads it for two seconds.
vi.setConfig({ testTimeout: 600_000 });

test.each([
  ["P1", stackBar, ["insertadd"]],
  ["P2", verificationBar, ["hmac"]],
  ["P3b", queuesBar, ["pgboss", "graphile"]],
] as const)(
  "%s: every side takes the same signed requests, and stores what it acknowledged",
  async (id, bar, sides) => {
    const result = await bar(options);

    expect(result).toMatchObject({ id, voided: [] });
    expect(result.ratios.map(({ reference }) => reference)).toEqual(sides);
  },
);

test("P4: half of the maximum is sent at a steady rate", async () => {
  const result = await latencyBar(options);

  // Whether the machine had the time to keep the rate is no matter of this test.
  expect(result.voided.filter((fault) => !fault.includes("of the wanted rate"))).toEqual([]);
  expect(result.rounds).toHaveLength(1);
});

test("P13: memory is looked at over all steps", async () => {
  const result = await memoryBar({ ...options, signed: { warmUp: 20, measured: 60 } });

  expect(result.voided).toEqual([]);
  expect(result.rounds).toHaveLength(4);
  expect(result.limits.map(({ name }) => name)).toEqual(["resident memory", "growth in 10,000 webhooks"]);
});

test("a side that stores less than it acknowledged, or more, makes the bar void", () => {
  const load = {
    requestsPerSecond: 10,
    requests: 50,
    p50: 1,
    p99: 2,
    non2xx: 0,
    socketErrors: 0,
    wrongAnswers: 0,
    turns: 0,
  };
  const faults = (rows: number | undefined, changes: Partial<typeof load> = {}) =>
    faultsOf([{ ...load, ...changes }, load], { connections: 4 }, rows);

  expect(faults(99)).toEqual(["100 were acknowledged, 99 are stored"]);
  expect(faults(100)).toEqual([]);
  // Answers that the end of a load cut off: one for each connection.
  expect(faults(108)).toEqual([]);
  expect(faults(109)).toEqual(["100 were acknowledged, 109 are stored"]);
  expect(faults(undefined)).toEqual([]);
  expect(faults(100, { turns: 1 })).toEqual(["more was sent than had been signed"]);
  expect(faults(100, { non2xx: 2 })).toEqual(["2 errors while warming up"]);
});

test("growth is the slope of the best line", () => {
  expect(slopeOf([100, 101, 102, 103])).toBe(1);
  expect(slopeOf([100, 110, 100, 110, 100])).toBe(0);
});
