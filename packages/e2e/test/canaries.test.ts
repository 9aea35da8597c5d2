import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createDatabase } from "@control-plane/db";
import { createWorld, type TestTenant } from "@control-plane/testkit";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type ControlPlane, login, RUNS_ELSEWHERE, startControlPlane } from "./control-plane.ts";

/** A secret that is different in every form it may be written in. */
const canary = (name: string): string => `${name} "/+%&${randomBytes(8).toString("hex")}`;

const CANARIES = {
  apiKey: canary("k1"),
  queryKey: canary("k2"),
  wrongKey: canary("k3"),
  replacedKey: canary("k4"),
  username: canary("k5"),
  password: canary("k6"),
  bearer: canary("k7"),
  clientId: canary("k8"),
  clientSecret: canary("k9"),
  bodyClientId: canary("k10"),
  bodyClientSecret: canary("k11"),
  accessToken: `at-${randomBytes(8).toString("hex")}`,
  bodyAccessToken: `at-${randomBytes(8).toString("hex")}`,
  misfitField: canary("k12"),
  misfitConfig: canary("k13"),
  foreignApp: canary("k14"),
  webhookSecret: `whsec_${randomBytes(24).toString("base64")}`,
  otherWebhookSecret: `whsec_${randomBytes(24).toString("base64")}`,
  ownerPassword: canary("k15"),
  refusedPassword: canary("k16"),
} as const;

/** A secret as it is, and what it becomes on its way through headers, URLs, JSON and encodings. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    bytes.toString("base64"),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    encodeURIComponent(secret),
    new URLSearchParams([["", secret]]).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1),
  ];
}

function hits(text: string): string[] {
  return Object.entries(CANARIES).flatMap(([name, secret]) =>
    formsOf(secret).some((form) => text.includes(form)) ? [name] : [],
  );
}

/** An API that tells everything it was sent, as JSON, as text and as an error. */
async function startTellingApi() {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const told = { url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() };
    const json = { "content-type": "application/json", etag: JSON.stringify(request.headers["x-api-key"] ?? "none") };
    const path = request.url ?? "";
    if (path.startsWith("/token")) {
      const token = told.body.includes("client_secret") ? CANARIES.bodyAccessToken : CANARIES.accessToken;
      return void response.writeHead(200, json).end(JSON.stringify({ access_token: token, told }));
    }
    response.writeHead(path.includes("fail") ? 418 : 200, json).end(JSON.stringify(told));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return {
    host,
    url: `http://${host}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sign-ins, each with the secrets that are planted through it. */
const signIns = (url: string) =>
  [
    { authType: "API_KEY", authConfig: { in: "HEADER", name: "x-api-key" }, secrets: { apiKey: CANARIES.apiKey } },
    { authType: "API_KEY", authConfig: { in: "QUERY", name: "api_key" }, secrets: { apiKey: CANARIES.queryKey } },
    { authType: "BASIC", authConfig: {}, secrets: { username: CANARIES.username, password: CANARIES.password } },
    { authType: "BEARER", authConfig: {}, secrets: { token: CANARIES.bearer } },
    {
      authType: "OAUTH2_CLIENT_CREDENTIALS",
      authConfig: { tokenUrl: `${url}/token` },
      secrets: { clientId: CANARIES.clientId, clientSecret: CANARIES.clientSecret },
    },
    {
      authType: "OAUTH2_CLIENT_CREDENTIALS",
      authConfig: { tokenUrl: `${url}/token`, clientAuthentication: "BODY" },
      secrets: { clientId: CANARIES.bodyClientId, clientSecret: CANARIES.bodyClientSecret },
    },
  ] as const;

const CREATE = `mutation($v: uuid!, $n: String!, $s: jsonb, $c: jsonb) { createConnection(appVersionId: $v, name: $n, secrets: $s, config: $c) { connectionId connection { name config secret_fields } } }`;
const TEST = `mutation($id: uuid!) { testConnection(connectionId: $id) { ok stage code message hint snippet } }`;
const UPDATE = `mutation($id: uuid!, $s: jsonb) { updateConnectionSecrets(connectionId: $id, secrets: $s) { status } }`;
const RUN = `mutation($w: uuid!) { runWorkflow(workflowId: $w, input: {}) { runId } }`;
const createdSchema = z.object({ data: z.object({ createConnection: z.object({ connectionId: z.uuid() }) }) });
const startedSchema = z.object({ data: z.object({ runWorkflow: z.object({ runId: z.uuid() }) }) });

let plane: ControlPlane;
let api: Awaited<ReturnType<typeof startTellingApi>>;
let database: ReturnType<typeof createDatabase>;

beforeAll(async () => {
  api = await startTellingApi();
  const allow = { EGRESS_ALLOW: api.host };
  plane = await startControlPlane({ "auth-actions": allow, runner: allow });
  database = createDatabase({ url: plane.databaseUrl, poolMax: 2, applicationName: "e2e", work: "command" });
});
afterAll(async () => {
  await database?.close();
  await plane?.close();
  await api?.close();
});

test.skipIf(RUNS_ELSEWHERE)(
  "planted secrets are found nowhere [GHSA-vrv8-j27g-g7cr]",
  { timeout: 180_000 },
  async () => {
    const answers: string[] = [];
    const tenant = await createWorld(database.db).tenant();
    const token = await login(plane, await tenant.user("owner"));
    const ask = async (document: string, variables: Record<string, unknown>, as: string | undefined = token) => {
      const answer = await plane.graphql(document, variables, as);
      answers.push(JSON.stringify(answer));
      return answer;
    };

    const runs = await useConnections(tenant, ask);
    await plantElsewhere(tenant, ask);
    await expect
      .poll(async () => (await plane.sql.query("select 1 from workflow_runs where finished_at is null")).rowCount, {
        timeout: 60_000,
      })
      .toBe(0);

    const { rows } = await plane.sql.query(
      "select status::text, count(*)::int as count from workflow_runs group by 1 order by 1",
    );
    expect(rows).toEqual([
      { status: "FAILED", count: runs / 2 },
      { status: "SUCCEEDED", count: runs / 2 },
    ]);
    expect(Object.keys(CANARIES)).toHaveLength(20);
    const tables = await tablesAsText();
    // The API has told the secrets, and they were hidden on the way.
    expect(tables).toContain("•••");
    expect(hits(tables)).toEqual([]);
    expect(hits(await redisAsText())).toEqual([]);
    expect(hits(await mongoAsText())).toEqual([]);
    const logs = await plane.logText();
    expect(logs).toContain("auth-actions");
    expect(hits(logs)).toEqual([]);
    expect(hits(answers.join("\n"))).toEqual([]);
  },
);

type Ask = (document: string, variables: Record<string, unknown>, as?: string) => Promise<unknown>;

/** Each sign-in is created, tested well and badly, and used in a run that succeeds and one that fails. */
async function useConnections(tenant: TestTenant, ask: Ask): Promise<number> {
  const all = signIns(api.url);
  for (const [index, { authType, authConfig, secrets }] of all.entries()) {
    const app = await tenant.app({
      version: {
        ...{ authType, authConfig, baseUrl: api.url, allowedHosts: ["127.0.0.1"] },
        testRequest: { method: "GET", path: "/me", expectedStatus: [200] },
      },
      actions: [
        { key: "tell", request: { method: "POST", path: "/tell", query: {}, headers: {}, body: {} } },
        { key: "fail", request: { method: "GET", path: "/fail", query: {}, headers: {} } },
      ],
    });
    const created = await ask(CREATE, { v: app.version.id, n: `c${index}`, s: secrets });
    const { connectionId } = createdSchema.parse(created).data.createConnection;
    await ask(TEST, { id: connectionId });
    for (const action of app.actions) {
      const workflow = await tenant.workflow({
        steps: [{ key: "call", actionId: action.id, connectionId, input: {} }],
      });
      startedSchema.parse(await ask(RUN, { w: workflow.id }));
    }
  }
  return all.length * 2;
}

/** Wrong, replaced and refused secrets; webhooks; passwords. */
async function plantElsewhere(tenant: TestTenant, ask: Ask): Promise<void> {
  const version = {
    authType: "API_KEY" as const,
    authConfig: { in: "HEADER", name: "x-api-key" },
    baseUrl: `${api.url}/fail`,
    allowedHosts: ["127.0.0.1"],
    testRequest: { method: "GET", path: "/me", expectedStatus: [200] },
  };
  const app = await tenant.app({ version });
  const v = app.version.id;
  const created = await ask(CREATE, { v, n: "wrong", s: { apiKey: CANARIES.replacedKey } });
  const { connectionId } = createdSchema.parse(created).data.createConnection;
  await ask(TEST, { id: connectionId });
  await ask(UPDATE, { id: connectionId, s: { apiKey: CANARIES.wrongKey } });
  await ask(TEST, { id: connectionId });
  await ask(CREATE, { v, n: "misfit", s: { token: CANARIES.misfitField } });
  await ask(CREATE, { v, n: "misfit", s: { apiKey: `${CANARIES.misfitConfig}\n` } });
  await ask(CREATE, { v: tenant.id, n: "foreign", s: { apiKey: CANARIES.foreignApp } });
  const workflow = await tenant.workflow();
  for (const secret of [CANARIES.webhookSecret, CANARIES.otherWebhookSecret])
    await ask(
      `mutation($w: uuid!, $s: String) { createWebhookTrigger(workflowId: $w, name: "hook", scheme: "STANDARD_WEBHOOKS", secret: $s) { triggerId } }`,
      { w: workflow.id, s: secret },
    );
  const register = `mutation($p: String!, $e: String!) { registerUserAndTenant(email: $e, password: $p, name: "Ann", tenantName: "Ann") { tenantId } }`;
  const email = `${randomBytes(4).toString("hex")}@example.com`;
  await ask(register, { p: CANARIES.ownerPassword, e: email }, "");
  await ask(
    `mutation($p: String!, $e: String!) { login(email: $e, password: $p) { tenantId } }`,
    { p: CANARIES.refusedPassword, e: email },
    "",
  );
}

/** Every row of every table of ours, without the columns of sealed values. */
async function tablesAsText(): Promise<string> {
  const { rows: tables } = await plane.sql.query<{ name: string; ciphers: string[] }>(
    `select format('%I.%I', table_schema, table_name) as name,
            coalesce(array_agg(column_name::text) filter (where column_name like '%\\_cipher'), '{}') as ciphers
       from information_schema.columns join information_schema.tables using (table_schema, table_name)
      where table_schema in ('public', 'internal', 'embedded_hdb', 'hdb_catalog') and table_type = 'BASE TABLE' group by 1`,
  );
  const texts: string[] = [];
  for (const { name, ciphers } of tables) {
    const { rows } = await plane.sql.query<{ row: string }>(
      `select (to_jsonb(t) - $1::text[])::text as row from ${name} t`,
      [ciphers],
    );
    texts.push(...rows.map(({ row }) => row));
  }
  return texts.join("\n");
}

async function redisAsText(): Promise<string> {
  const redis = new Redis(plane.redisUrl);
  try {
    const texts: string[] = [];
    for (const key of await redis.keys(`*${plane.queuePrefix}*`)) {
      const dump = await redis.dumpBuffer(key);
      texts.push(key, dump?.toString("latin1") ?? "", JSON.stringify(await redis.hgetall(key).catch(() => "")));
    }
    return texts.join("\n");
  } finally {
    redis.disconnect();
  }
}

async function mongoAsText(): Promise<string> {
  const client = await MongoClient.connect(plane.mongodbUrl);
  try {
    return JSON.stringify(await client.db().collection("execution_logs").find().toArray());
  } finally {
    await client.close();
  }
}
