import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { readYaml } from "./data-set.ts";
import { ADMIN_SECRET, applyFile, callOverHttp, type Harness, type Running, start } from "./drive.ts";
import { isJsonObject, type Json, printJson, toJson } from "./exact-json.ts";
import { emptyDraft } from "./operations.ts";
import type { StepResult } from "./report.ts";

/** One request the event webhook received. */
export type Delivery = { path: string; headers: Readonly<Record<string, string>>; body: Json };

export type EventWebhook = {
  url: string;
  /** In order of arrival; emptied by `clear`. */
  deliveries(): readonly Delivery[];
  clear(): void;
  /** Requests that `/block` holds at this moment. */
  inFlight(): number;
  release(): void;
};

const json = z.unknown().transform(toJson);
const rowSchema = z.record(z.string(), json);
const writeSchema = z.object({
  op: z.enum(["insert", "update", "delete"]),
  table: z.string(),
  row: rowSchema.optional(),
  rows: z.array(rowSchema).optional(),
  generate: z.object({ from: z.coerce.number(), to: z.coerce.number(), row: rowSchema }).optional(),
  where: rowSchema.optional(),
  set: rowSchema.optional(),
  headers: z.record(z.string(), z.string()).default({}),
});
const expectSchema = z.object({
  trigger: z.string(),
  op: z.string(),
  old: json,
  new: json,
  session: z.record(z.string(), z.string()).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  currentRetry: z.coerce.number().optional(),
});
const stepSchema = z.union([
  z.object({ write: writeSchema }),
  z.object({ expect: expectSchema }),
  z.object({ none: z.coerce.number() }),
  z.object({
    count: z.object({
      trigger: z.string(),
      deliveries: z.coerce.number(),
      distinct: z.string().optional(),
      withinSeconds: z.coerce.number(),
    }),
  }),
  z.object({ inFlight: z.object({ requests: z.coerce.number(), stableForSeconds: z.coerce.number() }) }),
  z.object({ release: z.literal(true) }),
]);
const scenarioSchema = z.object({
  name: z.string(),
  setup: z.array(z.string()),
  env: z.record(z.string(), z.string()).default({}),
  engine: z
    .object({ eventsFetchBatchSize: z.coerce.number().optional(), eventsHttpPoolSize: z.coerce.number().optional() })
    .default({}),
  path: z.string().default("/"),
  steps: z.array(stepSchema),
});
type Scenario = z.infer<typeof scenarioSchema>;
type Step = Scenario["steps"][number];

export function readScenarios(dir: string): Scenario[] {
  return z.array(scenarioSchema).parse(readYaml(join(dir, "event-scenarios.yaml")));
}

/** One result per scenario. */
export async function runScenario(harness: Harness, webhook: EventWebhook, scenario: Scenario): Promise<StepResult> {
  const place = {
    folder: folderOf(scenario),
    suite: "events",
    path: scenario.name,
    step: 0,
    transport: "http" as const,
  };
  const database = await harness.databases.createBase();
  const draft = emptyDraft();
  webhook.clear();
  let running: Running | undefined;
  try {
    for (const file of scenario.setup)
      await applyFile(harness, database, draft, join(harness.dataSet.dir, "queries", file));
    running = await start(harness, database, draft, { extra: engineEnv(scenario) });
    const cursor = { next: 0 };
    for (const [index, step] of scenario.steps.entries()) {
      const problem = await runStep(running, webhook, scenario, step, cursor);
      if (problem !== undefined)
        return {
          ...place,
          step: index,
          outcome: "failed",
          difference: problem,
          expected: printJson(toJson(step)),
          got: printJson(toJson(webhook.deliveries().slice(0, 20))),
          request: "",
        };
    }
    return { ...place, outcome: "passed", messageEqual: true };
  } catch (error) {
    return { ...place, outcome: "failed", difference: String(error), expected: "", got: "", request: "" };
  } finally {
    webhook.release();
    await running?.close();
    await harness.databases.drop(database);
  }
}

function folderOf(scenario: Scenario): string {
  return `event_triggers/${basename(dirname(scenario.setup.at(-1) ?? ""))}`;
}

function engineEnv(scenario: Scenario): Record<string, string> {
  const { eventsFetchBatchSize, eventsHttpPoolSize } = scenario.engine;
  return {
    ...scenario.env,
    ...(eventsFetchBatchSize === undefined
      ? {}
      : { HASURA_GRAPHQL_EVENTS_FETCH_BATCH_SIZE: String(eventsFetchBatchSize) }),
    ...(eventsHttpPoolSize === undefined ? {} : { HASURA_GRAPHQL_EVENTS_HTTP_POOL_SIZE: String(eventsHttpPoolSize) }),
  };
}

async function runStep(
  running: Running,
  webhook: EventWebhook,
  scenario: Scenario,
  step: Step,
  cursor: { next: number },
): Promise<string | undefined> {
  if ("write" in step) return write(running, step.write);
  if ("expect" in step) return expectDelivery(webhook, scenario, step.expect, cursor);
  if ("none" in step) {
    await delay(step.none * 1000);
    return webhook.deliveries().length > cursor.next ? "a delivery arrived that none was expected" : undefined;
  }
  if ("count" in step) return countDeliveries(webhook, step.count);
  if ("inFlight" in step) return watchInFlight(webhook, step.inFlight);
  webhook.release();
  return undefined;
}

async function write(running: Running, change: z.infer<typeof writeSchema>): Promise<string | undefined> {
  const table = `hge_tests_${change.table}`;
  const requests = {
    insert: {
      query: `mutation($objects: [${table}_insert_input!]!) { insert_${table}(objects: $objects) { affected_rows } }`,
      variables: { objects: rowsOf(change) },
    },
    update: {
      query: `mutation($where: ${table}_bool_exp!, $set: ${table}_set_input!) { update_${table}(where: $where, _set: $set) { affected_rows } }`,
      variables: { where: equalities(change.where), set: change.set ?? {} },
    },
    delete: {
      query: `mutation($where: ${table}_bool_exp!) { delete_${table}(where: $where) { affected_rows } }`,
      variables: { where: equalities(change.where) },
    },
  };
  const { answer } = await callOverHttp(
    running.url,
    { "x-hasura-admin-secret": ADMIN_SECRET, ...change.headers },
    requests[change.op],
  );
  return isJsonObject(answer) && answer.errors === undefined ? undefined : `the write failed: ${printJson(answer)}`;
}

function rowsOf(change: z.infer<typeof writeSchema>): Json {
  if (change.rows !== undefined) return change.rows;
  if (change.row !== undefined) return [change.row];
  const { from, to, row } = change.generate ?? { from: 1, to: 0, row: {} };
  return Array.from({ length: to - from + 1 }, (_, index) =>
    Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === "$n" ? BigInt(from + index) : value])),
  );
}

function equalities(where: Readonly<Record<string, Json>> | undefined): Json {
  return Object.fromEntries(Object.entries(where ?? {}).map(([column, value]) => [column, { _eq: value }]));
}

async function expectDelivery(
  webhook: EventWebhook,
  scenario: Scenario,
  want: z.infer<typeof expectSchema>,
  cursor: { next: number },
): Promise<string | undefined> {
  const deadline = Date.now() + 5_000;
  while (webhook.deliveries().length <= cursor.next) {
    if (Date.now() > deadline) return "no delivery within 5 s";
    await delay(50);
  }
  const delivery = webhook.deliveries()[cursor.next];
  cursor.next += 1;
  return delivery === undefined ? "no delivery" : checkDelivery(delivery, scenario, want);
}

function checkDelivery(delivery: Delivery, scenario: Scenario, want: z.infer<typeof expectSchema>): string | undefined {
  const body = members(delivery.body);
  const event = members(body.event);
  const data = members(event.data);
  const table = members(body.table);
  if (delivery.path !== scenario.path) return `delivered to ${delivery.path}`;
  for (const key of ["id", "created_at"]) if (typeof body[key] !== "string") return `the body has no ${key}`;
  if (typeof table.schema !== "string" || typeof table.name !== "string") return "the body has no table";
  if (members(body.trigger).name !== want.trigger) return `trigger ${printJson(members(body.trigger).name ?? null)}`;
  if (event.op !== want.op) return `op ${printJson(event.op ?? null)}`;
  if (!same(want.old, data.old ?? null) || !same(want.new, data.new ?? null))
    return `data ${printJson(event.data ?? null)}`;
  if (want.session !== undefined && !same(want.session, event.session_variables ?? null))
    return `session ${printJson(event.session_variables ?? null)}`;
  for (const [name, value] of Object.entries(want.headers ?? {})) {
    if (delivery.headers[name.toLowerCase()] !== value)
      return `header ${name}: ${delivery.headers[name.toLowerCase()]}`;
  }
  const retry = members(body.delivery_info).current_retry;
  if (want.currentRetry !== undefined && retry !== BigInt(want.currentRetry))
    return `current_retry ${printJson(retry ?? null)}`;
  return undefined;
}

function same(left: Json, right: Json): boolean {
  return sorted(left) === sorted(right);
}

function sorted(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  if (!isJsonObject(value)) return printJson(value);
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sorted(value[key] ?? null)}`)
    .join(",")}}`;
}

async function countDeliveries(
  webhook: EventWebhook,
  want: { trigger: string; deliveries: number; distinct?: string | undefined; withinSeconds: number },
): Promise<string | undefined> {
  const deadline = Date.now() + want.withinSeconds * 1000;
  const found = (): readonly Delivery[] =>
    webhook.deliveries().filter((delivery) => members(members(delivery.body).trigger).name === want.trigger);
  while (found().length < want.deliveries && Date.now() < deadline) await delay(100);
  const column = want.distinct;
  const distinct =
    column === undefined
      ? want.deliveries
      : new Set(
          found().map((delivery) =>
            printJson(members(members(members(members(delivery.body).event).data).new)[column] ?? null),
          ),
        ).size;
  if (found().length !== want.deliveries) return `${found().length} deliveries`;
  return distinct === want.deliveries ? undefined : `${distinct} distinct values of ${column}`;
}

async function watchInFlight(
  webhook: EventWebhook,
  want: { requests: number; stableForSeconds: number },
): Promise<string | undefined> {
  const deadline = Date.now() + 10_000;
  while (webhook.inFlight() < want.requests) {
    if (Date.now() > deadline) return `only ${webhook.inFlight()} requests in flight`;
    await delay(50);
  }
  const end = Date.now() + want.stableForSeconds * 1000;
  while (Date.now() < end) {
    if (webhook.inFlight() !== want.requests) return `${webhook.inFlight()} requests in flight`;
    await delay(50);
  }
  return undefined;
}

function members(value: Json | undefined): { readonly [key: string]: Json } {
  return value !== undefined && isJsonObject(value) ? value : {};
}
