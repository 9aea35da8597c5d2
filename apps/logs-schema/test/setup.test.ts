import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test as base, processEnvironment, type TestLogs } from "@control-plane/testkit";
import { type Document, MongoClient } from "mongodb";
import { expect } from "vitest";
import { z } from "zod";
import { setupExecutionLogs } from "../src/setup.ts";
import { openRefusingMongo, type RefusingMongo } from "./refusing-mongo.ts";

const DUPLICATE_KEY = 11_000;
const REFUSED_BY_VALIDATOR = 121;
const UNSUPPORTED = [59, 238];

const test = base.extend("refusing", async ({ logs }, { onCleanup }) => {
  const opened: RefusingMongo[] = [];
  onCleanup(async () => {
    for (const double of opened) await double.close();
  });
  return async (refuse: (command: Document) => number | undefined) => {
    const double = await openRefusingMongo(logs.url, refuse);
    opened.push(double);
    return double.url;
  };
});

/** `npm run logs:setup` with these variables and no others. */
function runSetup(env: Record<string, string>): Promise<{ status: number | null; printed: string }> {
  return new Promise((resolve) => {
    const command = join(import.meta.dirname, "../src/cli/setup.ts");
    const child = spawn(process.execPath, ["--conditions=@control-plane/source", command], {
      env: { ...processEnvironment, ...env },
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (printed += String(text)));
    child.on("close", (status) => resolve({ status, printed }));
  });
}

const document = (differences: Document = {}) => ({
  v: 1,
  tenantId: randomUUID(),
  workflowRunId: randomUUID(),
  stepRunId: null,
  attempt: 1,
  seq: 1,
  ts: new Date(),
  level: "INFO",
  message: "hello",
  expiresAt: new Date(Date.now() + 60_000),
  ...differences,
});

function insert(logs: TestLogs, one: Document): Promise<unknown> {
  return logs.lines.insertOne(one).then(
    () => "written",
    (error: unknown) => z.object({ code: z.number() }).parse(error).code,
  );
}

const ORDER = ["_id_", "run_page", "step_page", "expiry"];

async function indexesOf(logs: TestLogs) {
  const indexes = await logs.lines.indexes();
  indexes.sort((a, b) => ORDER.indexOf(String(a.name)) - ORDER.indexOf(String(b.name)));
  return indexes.map(({ name, key, unique, expireAfterSeconds }) => ({ name, key, unique, expireAfterSeconds }));
}

const INDEXES = [
  { name: "run_page", key: { tenantId: 1, workflowRunId: 1, attempt: 1, seq: 1 }, unique: true },
  { name: "step_page", key: { tenantId: 1, stepRunId: 1, seq: 1 } },
  { name: "expiry", key: { expiresAt: 1 }, expireAfterSeconds: 0 },
];

test("the command makes collection, validator and indexes, and says so", async ({ logs }) => {
  const { status, printed } = await runSetup({ MONGODB_URL: logs.url });

  expect(printed).toBe("execution_logs: collection, validator and indexes are in place\n");
  expect(status).toBe(0);
  expect(await indexesOf(logs)).toMatchObject([{ name: "_id_" }, ...INDEXES]);
});

test("running it again, and several at once, changes nothing and keeps the lines", async ({ logs }) => {
  await Promise.all([setupExecutionLogs(logs.db), setupExecutionLogs(logs.db)]);
  await logs.lines.insertOne(document());
  const indexes = await indexesOf(logs);

  await setupExecutionLogs(logs.db);

  expect(await indexesOf(logs)).toEqual(indexes);
  expect(await logs.lines.countDocuments()).toBe(1);
  expect(await insert(logs, document({ level: "LOUD" }))).toBe(REFUSED_BY_VALIDATOR);
});

test("a collection that runners have written to before is brought to the same state", async ({ logs }) => {
  await logs.lines.insertOne(document());

  await setupExecutionLogs(logs.db);

  expect(await indexesOf(logs)).toMatchObject([{ name: "_id_" }, ...INDEXES]);
  expect(await insert(logs, document({ seq: "one" }))).toBe(REFUSED_BY_VALIDATOR);
});

test("a line that was written already is not written twice", async ({ logs }) => {
  await setupExecutionLogs(logs.db);
  const line = document();

  const [once, again, next] = [
    await insert(logs, { ...line }),
    await insert(logs, { ...line }),
    await insert(logs, { ...line, seq: 2 }),
  ];

  expect([once, again, next]).toEqual(["written", DUPLICATE_KEY, "written"]);
});

test("the validator knows the types of a line and tolerates fields it does not know", async ({ logs }) => {
  await setupExecutionLogs(logs.db);

  const wrong = [];
  for (const difference of [
    { v: 2 },
    { tenantId: 7 },
    { workflowRunId: null },
    { stepRunId: 7 },
    { attempt: "1" },
    { seq: 1.5 },
    { seq: -1 },
    { ts: "2026-03-01T10:00:00Z" },
    { level: "info" },
    { message: { text: "x" } },
    { fields: "x" },
    { traceId: 7 },
    { expiresAt: null },
  ])
    wrong.push([difference, await insert(logs, document(difference))]);
  const right = [];
  for (const difference of [{}, { fields: { a: 1 }, traceId: "ab", stepRunId: randomUUID() }, { host: "runner-7" }])
    right.push(await insert(logs, document(difference)));

  expect(wrong.map(([, outcome]) => outcome)).toEqual(wrong.map(() => REFUSED_BY_VALIDATOR));
  expect(right).toEqual(["written", "written", "written"]);
});

test("a server that lacks indexes or validators is refused with the names of all it lacks", async ({
  logs,
  refusing,
}) => {
  const outcomes = [];
  for (const code of UNSUPPORTED) {
    const url = await refusing((command) =>
      "create" in command ||
      "collMod" in command ||
      ("createIndexes" in command && command.indexes[0].name !== "step_page")
        ? code
        : undefined,
    );
    outcomes.push(await runSetup({ MONGODB_URL: url }));
  }

  for (const { status, printed } of outcomes) {
    expect(status).toBe(1);
    expect(printed).toBe(
      "logs:setup failed: this MongoDB server lacks: collection validators, unique index run_page, TTL index expiry\n",
    );
  }
  expect(await indexesOf(logs)).toMatchObject([{ name: "_id_" }, { name: "step_page" }]);
});

test("any other error of the server is told as it is", async ({ refusing }) => {
  const url = await refusing((command) => ("createIndexes" in command ? 13 : undefined));
  const client = new MongoClient(url);

  const outcome = await setupExecutionLogs(client.db()).catch(String);
  await client.close();

  expect(outcome).toContain("not known here");
});

test("without a server, or without its address, the command ends with 1 and tells no password", async () => {
  const [nowhere, unset, malformed] = await Promise.all([
    runSetup({ MONGODB_URL: "mongodb://user:hidden-word@127.0.0.1:1/logs" }),
    runSetup({ MONGODB_URL: "" }),
    runSetup({ MONGODB_URL: "http://user:hidden-word@127.0.0.1" }),
  ]);

  expect([nowhere.status, unset.status, malformed.status]).toEqual([1, 1, 1]);
  expect(unset.printed).toContain("  MONGODB_URL: is not set\n");
  for (const { printed } of [nowhere, unset, malformed]) expect(printed).not.toContain("hidden-word");
});
