import { dirname, join } from "node:path";
import type { FastifyInstance } from "fastify";
import { buildServer, createEngine, type Engine, parseMetadata, settingsFromEnv } from "../src/index.ts";
import { compareAnswers } from "./compare.ts";
import { type Case, type DataSet, type Folder, readYaml, type Step, type Transport } from "./data-set.ts";
import type { Databases } from "./databases.ts";
import { isJsonObject, type Json, parseJson, printJson, toJson } from "./exact-json.ts";
import { applyOperation, draftToMetadata, emptyDraft, type MetadataDraft } from "./operations.ts";
import { failure, type StepResult } from "./report.ts";
import { asSubscription, callOverSocket } from "./socket-transport.ts";
import { sessionToken, tokenSecret } from "./token.ts";

export const ADMIN_SECRET = "conformance-admin-secret-0123456789";

export type Harness = {
  dataSet: DataSet;
  databases: Databases;
  /** Addresses of the helper servers by environment variable. */
  env: Readonly<Record<string, string>>;
  /** Told which database the action webhook works on. */
  onDatabase: (url: string) => void;
};

/** A prepared folder: template database and metadata after its setup. */
export type Prepared = { template: string; draft: MetadataDraft };

export type Running = {
  engine: Engine;
  server: FastifyInstance;
  url: string;
  database: string;
  draft: MetadataDraft;
  close(): Promise<void>;
};

export async function prepare(harness: Harness, folder: string, files: readonly string[]): Promise<Prepared> {
  const template = await harness.databases.createBase();
  const draft = emptyDraft();
  for (const file of files)
    await applyFile(harness, template, draft, join(harness.dataSet.dir, "queries", folder, file));
  return { template, draft };
}

export async function applyFile(harness: Harness, database: string, draft: MetadataDraft, file: string): Promise<void> {
  await apply(harness, database, draft, toJson(readYaml(file)));
}

async function apply(harness: Harness, database: string, draft: MetadataDraft, operation: Json): Promise<void> {
  await applyOperation(operation, draft, (sql, values) =>
    harness.databases.run(database, [values === undefined ? { sql } : { sql, values }]),
  );
}

export type EngineFacts = {
  unauthorizedRole?: string | null | undefined;
  jwt?: boolean | undefined;
  adminSecret?: boolean;
  extra?: Readonly<Record<string, string>>;
};

export async function start(
  harness: Harness,
  database: string,
  draft: MetadataDraft,
  facts: EngineFacts,
): Promise<Running> {
  const databaseUrl = harness.databases.url(database);
  const settings = settingsFromEnv({
    ...harness.env,
    ...facts.extra,
    PG_DATABASE_URL: databaseUrl,
    HASURA_GRAPHQL_ADMIN_SECRET: ADMIN_SECRET,
    HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES: "true",
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true",
    ...(facts.jwt === true ? { HASURA_GRAPHQL_JWT_SECRET: tokenSecret() } : {}),
    ...(typeof facts.unauthorizedRole === "string" ? { HASURA_GRAPHQL_UNAUTHORIZED_ROLE: facts.unauthorizedRole } : {}),
  });
  harness.onDatabase(databaseUrl);
  const engine = await createEngine({ metadata: metadataOf(draft, settings.env), databaseUrl, settings });
  const server = await buildServer(engine, { settings });
  const url = await server.listen({ host: "127.0.0.1", port: 0 });
  const close = async (): Promise<void> => {
    await server.close();
    await engine.close();
  };
  return { engine, server, url, database, draft, close };
}

function metadataOf(draft: MetadataDraft, env: Readonly<Record<string, string>>) {
  const parsed = parseMetadata(plain(draftToMetadata(draft)), env);
  if ("problems" in parsed)
    throw new Error(`metadata refused: ${parsed.problems.map((problem) => JSON.stringify(problem)).join("; ")}`);
  return parsed.metadata;
}

/** Metadata knows no bigint. */
function plain(value: Json): unknown {
  return JSON.parse(printJson(value));
}

/** Runs every step of a case on a copy of its folder's database, once per transport. */
export async function runCase(harness: Harness, prepared: Prepared, item: Case, folder: Folder): Promise<StepResult[]> {
  if (folder.unsupported !== undefined) return unsupportedCase(item, folder, folder.unsupported);
  const results: StepResult[] = [];
  for (const transport of item.facts.transports ?? folder.transports ?? ["http"]) {
    const database = await harness.databases.clone(prepared.template);
    try {
      results.push(...(await runOnce(harness, database, structuredClone(prepared.draft), item, folder, transport)));
    } finally {
      await harness.databases.drop(database);
    }
  }
  return results;
}

function unsupportedCase(item: Case, folder: Folder, feature: string): StepResult[] {
  return item.steps.flatMap((step, index) =>
    isScored(step) ? [{ ...place(item, folder, index, "http"), outcome: "unsupported" as const, feature }] : [],
  );
}

function place(item: Case, folder: Folder, step: number, transport: Transport) {
  return { folder: item.folder, suite: folder.suite, path: item.path, step, transport };
}

function isGraphql(step: Step): boolean {
  return step.url === "/v1/graphql" || step.url === "/v1alpha1/graphql";
}

function isScored(step: Step): boolean {
  return isGraphql(step) || step.status === 400;
}

async function runOnce(
  harness: Harness,
  database: string,
  draft: MetadataDraft,
  item: Case,
  folder: Folder,
  transport: Transport,
): Promise<StepResult[]> {
  for (const before of item.facts.before ?? []) {
    if ("sql" in before) await harness.databases.run(database, [{ sql: before.sql }]);
    else
      await applyFile(harness, database, draft, join(harness.dataSet.dir, "queries", dirname(item.path), before.apply));
  }
  const facts = { ...item.facts.engine, ...(item.facts.auth === "token" ? { jwt: true } : {}) };
  const results: StepResult[] = [];
  let running: Running;
  try {
    running = await start(harness, database, draft, facts);
  } catch (error) {
    return item.steps.flatMap((step, index) =>
      isScored(step)
        ? [failedStep(item, folder, index, transport, step, `the engine did not start: ${String(error)}`)]
        : [],
    );
  }
  try {
    for (const [index, step] of item.steps.entries()) {
      const result = await runStep(harness, running, item, folder, index, step, transport);
      if (result !== undefined) results.push(result);
    }
  } finally {
    await running.close();
  }
  return results;
}

async function runStep(
  harness: Harness,
  running: Running,
  item: Case,
  folder: Folder,
  index: number,
  step: Step,
  transport: Transport,
): Promise<StepResult | undefined> {
  const feature = item.facts.skipSteps?.[String(index)];
  if (feature !== undefined)
    return isScored(step) ? { ...place(item, folder, index, transport), outcome: "unsupported", feature } : undefined;
  if (!isGraphql(step)) {
    if (step.status === 400)
      return transport === "http" ? expectInconsistency(harness, running, item, folder, index, step) : undefined;
    await apply(harness, running.database, running.draft, step.query);
    await running.engine.reload(
      metadataOf(running.draft, { ...harness.env, PG_DATABASE_URL: harness.databases.url(running.database) }),
    );
    return undefined;
  }
  try {
    return await graphqlStep(running, item, folder, index, step, transport);
  } catch (error) {
    return failedStep(item, folder, index, transport, step, `no answer: ${String(error)}`);
  }
}

function failedStep(
  item: Case,
  folder: Folder,
  index: number,
  transport: Transport,
  step: Step,
  difference: string,
  got = "",
): StepResult {
  const expected = printJson(step.response ?? (step.allowed_responses ?? []).map((allowed) => allowed.response));
  return {
    ...place(item, folder, index, transport),
    outcome: "failed",
    difference,
    expected,
    got,
    request: printJson(step.query),
  };
}

/** A metadata step of status 400: the load must report the fault; the change is undone. */
async function expectInconsistency(
  harness: Harness,
  running: Running,
  item: Case,
  folder: Folder,
  index: number,
  step: Step,
): Promise<StepResult> {
  const changed = structuredClone(running.draft);
  await apply(harness, running.database, changed, step.query);
  const env = { ...harness.env, PG_DATABASE_URL: harness.databases.url(running.database) };
  await running.engine.reload(metadataOf(changed, env));
  const found = running.engine.inconsistencies();
  await running.engine.reload(metadataOf(running.draft, env));
  const expected = isJsonObject(step.response ?? null) ? step.response : null;
  const wanted = expected !== null && expected !== undefined && isJsonObject(expected) ? expected : {};
  const match = found.find((entry) => entry.code === wanted.code && entry.reason === wanted.error);
  if (match !== undefined) return { ...place(item, folder, index, "http"), outcome: "passed", messageEqual: true };
  return failedStep(
    item,
    folder,
    index,
    "http",
    step,
    "the inconsistency was not reported",
    JSON.stringify(found.map(({ code, reason }) => ({ code, reason }))),
  );
}

async function graphqlStep(
  running: Running,
  item: Case,
  folder: Folder,
  index: number,
  step: Step,
  transport: Transport,
): Promise<StepResult | undefined> {
  const headers = requestHeaders(item, step);
  if (transport === "http") {
    const { status, answer, headers: got } = await callOverHttp(running.url, headers, step.query);
    const wantedStatus = item.facts.v1alpha1 === true ? 200 : step.status;
    if (status !== wantedStatus)
      return failedStep(
        item,
        folder,
        index,
        transport,
        step,
        `status ${status}, expected ${wantedStatus}`,
        printJson(answer),
      );
    for (const [name, value] of Object.entries(step.resp_headers ?? {})) {
      if (got.get(name) !== value)
        return failedStep(item, folder, index, transport, step, `response header ${name}: ${got.get(name)}`);
    }
    return verdict(item, folder, index, transport, step, answer);
  }
  const request = transport === "subscription" ? asSubscription(step.query) : step.query;
  if (request === undefined || !isJsonObject(request)) return undefined;
  return verdict(item, folder, index, transport, step, await callOverSocket(running.url, headers, request));
}

function requestHeaders(item: Case, step: Step): Record<string, string> {
  if (item.facts.auth === "none") return step.headers;
  if (item.facts.auth === "token") return { ...step.headers, authorization: `Bearer ${sessionToken(step.headers)}` };
  return { "x-hasura-admin-secret": ADMIN_SECRET, ...step.headers };
}

export async function callOverHttp(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Json,
): Promise<{ status: number; answer: Json; headers: Headers }> {
  const reply = await fetch(`${url}/v1/graphql`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: printJson(body),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: reply.status, answer: parseJson(await reply.text()), headers: reply.headers };
}

function verdict(
  item: Case,
  folder: Folder,
  index: number,
  transport: Transport,
  step: Step,
  answer: Json,
): StepResult {
  const wanted =
    step.allowed_responses?.map((allowed) => allowed.response) ??
    (step.response === undefined ? undefined : [step.response]);
  if (wanted === undefined) {
    const hasErrors = isJsonObject(answer) && answer.errors !== undefined;
    const fits =
      item.facts.outcome === "errors" ? hasErrors : !hasErrors && isJsonObject(answer) && answer.data !== undefined;
    return fits
      ? { ...place(item, folder, index, transport), outcome: "passed", messageEqual: true }
      : failedStep(
          item,
          folder,
          index,
          transport,
          step,
          `expected to end with ${item.facts.outcome}`,
          printJson(answer),
        );
  }
  const compared = wanted.map((expected) => compareAnswers(expected, answer, step.query));
  const matches = compared.filter(({ strict }) => strict === undefined);
  if (matches.length > 0)
    return {
      ...place(item, folder, index, transport),
      outcome: "passed",
      messageEqual: matches.some(({ messages }) => messages),
    };
  return failedStep(item, folder, index, transport, step, failure(compared[0]?.strict), printJson(answer));
}
