import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listBar, oneRowBar } from "../src/bars/read-bars.ts";
import { workDir } from "../src/child.ts";
import { checkCounts, type LoadedRuns, loadRuns, type SampleTenant, sampleTenants } from "../src/data/load-runs.ts";
import { autocannon } from "../src/generators/autocannon.ts";
import { serveLogSchema } from "../src/logs-upstream.ts";
import { type Bar, runBar } from "../src/run-bar.ts";
import type { SideOptions } from "../src/sides.ts";
import { createSigner } from "../src/tokens.ts";

const serverUrl = process.env.DATABASE_URL ?? "";
const SCALE = { tenants: 4, workflows: 100, runs: 700 };

let data: LoadedRuns;
let logs: Awaited<ReturnType<typeof serveLogSchema>>;
let tenants: SampleTenant[];
let options: SideOptions;

beforeAll(async () => {
  mkdirSync(workDir, { recursive: true });
  data = await loadRuns(serverUrl, SCALE);
  tenants = await sampleTenants(data.url, 4);
  logs = await serveLogSchema();
  options = {
    data,
    signer: createSigner(),
    logsUrl: logs.url,
    engineArgs: ["--conditions=@control-plane/source", join(import.meta.dirname, "../../hasura-engine/src/cli.ts")],
  };
});
afterAll(async () => {
  logs.close();
  await data.drop();
});

const run = (bar: Bar) =>
  runBar(bar, {
    rounds: 1,
    pace: { warmUpSeconds: 1, measuredSeconds: 1 },
    generator: autocannon,
    freePort: () => findFreePort(),
    log: () => {},
  });

test("the database holds what was asked for, and another count is refused", async () => {
  const client = new pg.Client({ connectionString: data.url });
  await client.connect();
  await checkCounts(client, SCALE);
  await expect(checkCounts(client, { ...SCALE, runs: 701 })).rejects.toThrow("wanted");
  await client.end();

  expect(tenants).toHaveLength(4);
  expect(new Set(tenants.flatMap(({ runIds }) => runIds)).size).toBe(16);
});

test("what warms up is not measured", () => {
  const { warmUp, measured } = oneRowBar(tenants, options);
  const warm = new Set(warmUp.map(({ runId }) => runId));

  expect(warmUp.length + measured.length).toBe(16);
  expect(measured.filter(({ runId }) => warm.has(runId))).toEqual([]);
});

test("P8: engine, json-agg and PostGraphile answer alike, the engine with one statement", async () => {
  const result = await run(listBar(tenants, options));

  expect(result.voided).toEqual([]);
  expect(result.ratios.map(({ reference }) => reference)).toEqual(["json-agg", "postgraphile"]);
});

test("P9: engine and json-agg answer alike", async () => {
  const result = await run(oneRowBar(tenants, options));

  expect(result.voided).toEqual([]);
  expect(result.ratios).toHaveLength(1);
});

test("a reference that answers something else makes the bar void", async () => {
  const bar = oneRowBar(tenants, options);
  const [first] = bar.references;
  if (first === undefined) throw new Error("no reference");
  const [other] = bar.warmUp;
  if (other === undefined) throw new Error("no question");
  const side = { ...first.side, request: () => first.side.request(other) };

  const result = await run({ ...bar, references: [{ ...first, side }] });

  expect(result.voided).toEqual(["json-agg and engine answer differently"]);
  expect(result.rounds).toEqual([]);
});

test("nothing of the database is left", async () => {
  const other = await loadRuns(serverUrl, { tenants: 1, workflows: 1, runs: 1 });
  const name = new URL(other.url).pathname.slice(1);
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  const count = async () =>
    (await client.query("select count(*)::int as n from pg_database where datname = $1", [name])).rows[0].n;
  expect(await count()).toBe(1);

  await other.drop();

  expect(await count()).toBe(0);
  await client.end();
});
