import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  createGraphqlClient,
  expectData,
  type GraphqlClient,
  type ReadMail,
  readMailFiles,
  type ServiceName,
  type Stack,
  startStack,
} from "@control-plane/local-stack";
import pg from "pg";
import { z } from "zod";

export type ControlPlane = {
  graphql: GraphqlClient;
  hasuraUrl: string;
  /** As administrator, to see what the API must not show. */
  sql: pg.Pool;
  databaseUrl: string;
  redisUrl: string;
  mongodbUrl: string;
  queuePrefix: string;
  readMail: ReadMail;
  /** The direct endpoints of auth-actions. */
  authUrl: string;
  /** Where webhooks arrive, with no proxy before it. */
  gatewayUrl: string;
  /** Of Hasura. */
  adminSecret: string;
  /** What the services' stored secrets are sealed with. */
  keyring: string;
  /** Table in which the Hasura that runs keeps its events. */
  eventLog: "embedded_hdb.event_log" | "hdb_catalog.event_log";
  /** What was started; undefined for a control plane that runs elsewhere. */
  stack: Stack | undefined;
  /** Everything the services have logged. */
  logText(): Promise<string>;
  /** SIGKILL; the stack starts the service again. */
  kill(service: ServiceName): void;
  close(): Promise<void>;
};

/** With HASURA_URL the tests use a control plane that runs already, for example docker-compose's (hasura/README.md). */
export const RUNS_ELSEWHERE = (process.env.HASURA_URL ?? "") !== "";

type Overrides = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Of all files that need nothing set or killed: to start it takes longer than most of what they do. */
let shared: Promise<ControlPlane> | undefined;

export function openSharedPlane(): Promise<ControlPlane> {
  shared ??= start();
  return shared;
}

export async function closeSharedPlane(): Promise<void> {
  const plane = shared;
  shared = undefined;
  await (await plane)?.close();
}

/** A whole control plane of its own: processes, database and state directory, gone after `close`. */
export async function startControlPlane(overrides: Overrides): Promise<ControlPlane> {
  // A server takes one stack at a time.
  await closeSharedPlane();
  return start(overrides);
}

async function start(overrides: Overrides = {}): Promise<ControlPlane> {
  if (RUNS_ELSEWHERE) return attachControlPlane();
  const stateDir = await mkdtemp(join(tmpdir(), "cp-e2e-"));
  const stack = await startStack({ stateDir, anyPort: true, overrides, log: () => {} });
  const sql = new pg.Pool({ connectionString: stack.databaseUrl, max: 4 });
  return {
    graphql: createGraphqlClient(stack.urls.hasura),
    hasuraUrl: stack.urls.hasura,
    sql,
    databaseUrl: stack.databaseUrl,
    redisUrl: stack.stores.redis,
    mongodbUrl: stack.stores.mongodb ?? "",
    queuePrefix: stack.queuePrefix,
    readMail: readMailFiles(stack.mailDir),
    authUrl: stack.urls.authActions,
    gatewayUrl: stack.urls.webhookGateway,
    adminSecret: stack.secrets.adminSecret,
    keyring: stack.secrets.keyring,
    eventLog: "embedded_hdb.event_log",
    stack,
    logText: () => readLogs(join(stateDir, "logs")),
    kill: (service) => stack.service(service)?.kill(),
    async close() {
      await sql.end();
      await stack.stop();
      await dropDatabase(stack.databaseUrl);
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function attachControlPlane(): Promise<ControlPlane> {
  const {
    HASURA_URL: hasuraUrl = "",
    DATABASE_URL: databaseUrl = "",
    REDIS_URL: redisUrl = "",
    MONGODB_URL: mongodbUrl = "",
    QUEUE_PREFIX: queuePrefix = "bull",
    KEYRING: keyring = "",
    HASURA_GRAPHQL_ADMIN_SECRET: adminSecret = "",
  } = process.env;
  const sql = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  const { rows } = await sql.query("select 1 from information_schema.tables where table_schema = 'embedded_hdb'");
  return {
    graphql: createGraphqlClient(hasuraUrl),
    hasuraUrl,
    sql,
    databaseUrl,
    redisUrl,
    mongodbUrl,
    queuePrefix,
    readMail: readMailpit,
    authUrl: process.env.AUTH_ACTIONS_URL ?? "http://127.0.0.1:4001",
    gatewayUrl: process.env.WEBHOOK_GATEWAY_URL ?? "http://127.0.0.1:4002",
    adminSecret,
    keyring,
    eventLog: rows.length > 0 ? "embedded_hdb.event_log" : "hdb_catalog.event_log",
    stack: undefined,
    logText: async () => "",
    kill: () => {
      throw new Error("what runs elsewhere is not killed");
    },
    close: () => sql.end(),
  };
}

async function readLogs(directory: string): Promise<string> {
  const texts = (await readdir(directory)).map((name) => readFile(join(directory, name), "utf8"));
  return (await Promise.all(texts)).join("\n");
}

/** The text of the newest mail to an address, where docker-compose's mail server keeps it. */
async function readMailpit(recipient: string): Promise<string> {
  const base = process.env.MAILPIT_URL ?? "http://127.0.0.1:8025";
  const url = `${base}/view/latest.txt?query=${encodeURIComponent(`to:"${recipient}"`)}`;
  for (const deadline = Date.now() + 20_000; ; ) {
    const reply = await fetch(url);
    if (reply.ok) return reply.text();
    if (Date.now() > deadline) throw new Error(`no mail to ${recipient} at ${base} after 20 s`);
    await delay(200);
  }
}

async function dropDatabase(url: string): Promise<void> {
  const target = new URL(url);
  const name = target.pathname.slice(1);
  target.pathname = "/postgres";
  const admin = new pg.Client({ connectionString: target.href });
  // A server that belonged to the stack alone is gone with it, and its database too.
  await admin.connect().catch(() => undefined);
  await admin.query(`drop database if exists "${name}" with (force)`).catch(() => undefined);
  await admin.end().catch(() => undefined);
}

export type Account = { email: string; password: string; token: string; tenantId: string; userId: string };

const registeredSchema = z.object({
  registerUserAndTenant: z.object({ accessToken: z.string(), tenantId: z.uuid(), userId: z.uuid() }),
});

/** A new tenant with its owner, made through the API. */
export async function registerTenant({ graphql }: ControlPlane, name: string): Promise<Account> {
  const tag = randomBytes(4).toString("hex");
  const account = { email: `${name}.${tag}@example.com`, password: `a long password of ${tag}` };
  const answer = await graphql(
    `mutation($email: String!, $password: String!, $tenantName: String!) {
       registerUserAndTenant(email: $email, password: $password, name: "Owner", tenantName: $tenantName) { accessToken tenantId userId }
     }`,
    { ...account, tenantName: `${name} ${tag}` },
  );
  const { accessToken, tenantId, userId } = expectData(registeredSchema, answer).registerUserAndTenant;
  return { ...account, token: accessToken, tenantId, userId };
}

export async function login(
  { graphql }: ControlPlane,
  { email, password }: { email: string; password: string },
): Promise<string> {
  const answer = await graphql(
    "mutation($email: String!, $password: String!) { login(email: $email, password: $password) { accessToken } }",
    { email, password },
  );
  return expectData(z.object({ login: z.object({ accessToken: z.string() }) }), answer).login.accessToken;
}

export type PublishedWorkflow = { workflowId: string; actionIds: ReadonlyMap<string, string> };
export type StepSketch = { key: string; action: string; input?: unknown; dependsOn?: readonly string[] };

/** A published workflow of core actions, made through the API. */
export async function publishWorkflow(
  plane: ControlPlane,
  token: string,
  steps: readonly StepSketch[],
  more: object = {},
): Promise<PublishedWorkflow> {
  const { graphql } = plane;
  const catalogue = expectData(
    z.object({ actions: z.array(z.object({ id: z.uuid(), key: z.string() })) }),
    await graphql('{ actions(where: {app_version: {app: {slug: {_eq: "core"}}}}) { id key } }', {}, token),
  );
  const actionIds = new Map(catalogue.actions.map(({ id, key }) => [key, id]));
  const created = expectData(
    z.object({ insert_workflows_one: z.object({ id: z.uuid() }) }),
    await graphql(
      "mutation($name: String!) { insert_workflows_one(object: {name: $name}) { id } }",
      { name: `workflow ${randomBytes(4).toString("hex")}` },
      token,
    ),
  );
  const workflowId = created.insert_workflows_one.id;
  const definition = {
    schemaVersion: 1,
    ...more,
    steps: steps.map(({ key, action, input, dependsOn }) => ({
      key,
      actionId: actionIds.get(action),
      input: input ?? {},
      dependsOn: dependsOn ?? [],
    })),
  };
  expectData(
    z.object({ insert_workflow_versions_one: z.object({ version: z.number() }) }),
    await graphql(
      "mutation($w: uuid!, $d: jsonb!) { insert_workflow_versions_one(object: {workflow_id: $w, definition: $d}) { version } }",
      { w: workflowId, d: definition },
      token,
    ),
  );
  expectData(
    z.object({ publishWorkflowVersion: z.object({ isLatest: z.literal(true) }) }),
    await graphql(
      "mutation($w: uuid!) { publishWorkflowVersion(workflowId: $w) { isLatest } }",
      { w: workflowId },
      token,
    ),
  );
  return { workflowId, actionIds };
}

export async function createTrigger(
  { graphql }: ControlPlane,
  token: string,
  workflowId: string,
): Promise<{ triggerId: string; url: string; secret: string }> {
  const answer = await graphql(
    'mutation($w: uuid!) { createWebhookTrigger(workflowId: $w, name: "hook", scheme: "STANDARD_WEBHOOKS") { triggerId webhookUrl secret } }',
    { w: workflowId },
    token,
  );
  const made = expectData(
    z.object({ createWebhookTrigger: z.object({ triggerId: z.uuid(), webhookUrl: z.url(), secret: z.string() }) }),
    answer,
  ).createWebhookTrigger;
  return { triggerId: made.triggerId, url: made.webhookUrl, secret: made.secret };
}
