import { join } from "node:path";
import { z } from "zod";
import { type Child, isInstalled, startChild } from "./child.ts";
import type { LoadedRuns, SampleTenant } from "./data/load-runs.ts";
import type { Request } from "./requests-file.ts";
import type { Question, Side } from "./side.ts";
import { AUDIENCE, ISSUER, type Signer } from "./tokens.ts";

const packagesDir = join(import.meta.dirname, "../..");
const JSON_TYPE = { "content-type": "application/json" };

const runShape = {
  id: z.string(),
  status: z.string(),
  source: z.string(),
  attempt: z.number(),
  created_at: z.string().transform((time) => Date.parse(time)),
  finished_at: z.string().transform((time) => Date.parse(time)),
};
const listedRun = z.strictObject(runShape);
const oneRun = z.strictObject({ ...runShape, input: z.unknown() });

/** `list`: 20 workflows with 5 newest runs each (P8). `one`: a run by its primary key (P9). */
export type Shape = "list" | "one";
type Env = Readonly<Record<string, string>>;
export type SideOptions = {
  readonly data: LoadedRuns;
  readonly signer: Signer;
  readonly logsUrl: string;
  /** Node's arguments that run the engine's command line. */
  readonly engineArgs: readonly string[];
};

const ENGINE_DOCUMENTS = {
  list: `query($n: Int!) { workflows(order_by: {name: asc}, limit: $n) { id name
    runs: workflow_runs(order_by: {created_at: desc}, limit: 5) { id status source attempt created_at finished_at } } }`,
  one: "query($id: uuid!) { workflow_runs_by_pk(id: $id) { id status source attempt created_at finished_at input } }",
} as const satisfies Record<Shape, string>;

/** The embedded engine with `hasura/metadata` and a viewer's token. */
export function engineSide(shape: Shape, options: SideOptions): Side {
  const tokens = new Map<string, string>();
  const tokenOf = ({ tenant }: Question): string => {
    const token = tokens.get(tenant.tenantId) ?? options.signer.sign(tenant);
    tokens.set(tenant.tenantId, token);
    return token;
  };
  return {
    name: "engine",
    start: (port) => startEngine(port, options),
    request: (question) => ({
      path: "/v1/graphql",
      headers: { ...JSON_TYPE, authorization: `Bearer ${tokenOf(question)}` },
      body: JSON.stringify({
        query: ENGINE_DOCUMENTS[shape],
        variables: shape === "list" ? { n: 20 } : { id: question.runId },
      }),
    }),
    answerBegins: shape === "list" ? '{"data":{"workflows":[{' : '{"data":{"workflow_runs_by_pk":{',
    rows: (body) =>
      shape === "list"
        ? z.object({ data: z.object({ workflows: listSchema }) }).parse(body).data.workflows
        : z.object({ data: z.object({ workflow_runs_by_pk: oneRun }) }).parse(body).data.workflow_runs_by_pk,
  };
}

export function startEngine(port: number, options: SideOptions): Promise<Child> {
  return startChild({
    name: "engine",
    args: [...options.engineArgs, "serve"],
    env: { ...engineEnv(options), HASURA_GRAPHQL_SERVER_PORT: String(port) },
    port,
    readyPath: "/healthz?strict=true",
  });
}

/** A document of its own, as the tenant's viewer. */
export function documentRequest(document: string, tenant: SampleTenant, { signer }: SideOptions): Request {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${signer.sign(tenant)}` };
  return { path: "/v1/graphql", headers, body: JSON.stringify({ query: document }) };
}

const listSchema = z.array(z.strictObject({ id: z.string(), name: z.string(), runs: z.array(listedRun) }));

/** The engine's settings, without a port. */
export function engineEnv({ data, signer, logsUrl }: Omit<SideOptions, "engineArgs">): Env {
  const secret = "a-secret-of-the-bench-of-32-bytes-or-more";
  return {
    LOG_LEVEL: "warn",
    HASURA_METADATA_DIR: join(packagesDir, "../hasura/metadata"),
    HASURA_GRAPHQL_ADMIN_SECRET: secret,
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({
      type: "RS256",
      key: signer.publicKeyPem,
      issuer: ISSUER,
      audience: AUDIENCE,
      claims_namespace: "https://hasura.io/jwt/claims",
    }),
    HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "anonymous",
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true",
    PG_DATABASE_URL: data.hasuraUrl,
    AUTH_ACTIONS_URL: "http://127.0.0.1:1",
    WEBHOOK_GATEWAY_URL: "http://127.0.0.1:1",
    ORCHESTRATOR_URL: "http://127.0.0.1:1",
    LOGS_SCHEMA_URL: logsUrl,
    HASURA_ACTION_SECRET: secret,
    HASURA_EVENT_SECRET: secret,
    LOGS_SCHEMA_SECRET: secret,
  };
}

/** Fastify and one json_agg statement. */
export function jsonAggSide(shape: Shape, { data }: SideOptions): Side {
  return {
    name: "json-agg",
    start: (port) => startFloor("json-agg", port, data, "/ready"),
    request: ({ tenant, runId }) => ({
      path: shape === "list" ? "/list" : "/one",
      headers: JSON_TYPE,
      body: JSON.stringify(shape === "list" ? { tenant: tenant.tenantId } : { tenant: tenant.tenantId, id: runId }),
    }),
    answerBegins: shape === "list" ? "[{" : "{",
    rows: (body) => (shape === "list" ? listSchema.parse(body) : oneRun.parse(body)),
  };
}

const PEER_DOCUMENT = `query($tenant: UUID!, $n: Int!) {
  allWorkflows(condition: {tenantId: $tenant}, orderBy: NAME_ASC, first: $n) { nodes { id: rowId name
    runs: workflowRunsByTenantIdAndWorkflowId(orderBy: CREATED_AT_DESC, first: 5) {
      nodes { id: rowId status source attempt created_at: createdAt finished_at: finishedAt } } } } }`;
const peerSchema = z.object({
  data: z.object({
    allWorkflows: z.object({
      nodes: z.array(
        z.strictObject({ id: z.string(), name: z.string(), runs: z.object({ nodes: z.array(listedRun) }) }),
      ),
    }),
  }),
});

/** PostGraphile v5, for `list`; undefined where it is not installed. */
export function postgraphileSide({ data }: SideOptions): Side | undefined {
  if (!isInstalled("postgraphile")) return undefined;
  return {
    name: "postgraphile",
    start: (port) => startFloor("postgraphile", port, data, "/"),
    request: ({ tenant }) => ({
      path: "/graphql",
      headers: JSON_TYPE,
      body: JSON.stringify({ query: PEER_DOCUMENT, variables: { tenant: tenant.tenantId, n: 20 } }),
    }),
    answerBegins: '{"data":{"allWorkflows":{"nodes":[{',
    rows: (body) =>
      peerSchema
        .parse(body)
        .data.allWorkflows.nodes.map(({ runs, ...workflow }) => ({ ...workflow, runs: runs.nodes })),
  };
}

function startFloor(name: string, port: number, data: LoadedRuns, readyPath: string) {
  const script = join(import.meta.dirname, `floors/${name}.server.ts`);
  return startChild({ name, args: [script], env: { DATABASE_URL: data.url }, port, readyPath });
}
