import { join } from "node:path";
import { ENGINE_NODE_OPTIONS } from "@control-plane/hasura-engine/node-options";
import { ANONYMOUS_ROLE } from "@control-plane/service-kit";
import { rootDir } from "./clone.ts";
import type { Ports } from "./ports.ts";
import type { StackSecrets } from "./secrets.ts";
import type { ServiceSpec } from "./service-process.ts";

/** What the services need to know of the stores; one URL per login role. */
export type StoreUrls = {
  redis: string;
  /** Undefined where this machine has no MongoDB: there are no log lines then, and everything else works. */
  mongodb: string | undefined;
  database: { hasura: string; auth: string; gateway: string; orchestrator: string; logs: string };
};

export type StackUrls = {
  hasura: string;
  authActions: string;
  webhookGateway: string;
  orchestrator: string;
  logsSchema: string;
};

export function urlsOf(ports: Ports): StackUrls {
  const local = (port: number): string => `http://127.0.0.1:${port}`;
  return {
    hasura: local(ports.hasura),
    authActions: local(ports.authActions),
    webhookGateway: local(ports.webhookGateway),
    orchestrator: local(ports.orchestrator),
    logsSchema: local(ports.logsSchema),
  };
}

export type SpecInput = {
  ports: Ports;
  secrets: StackSecrets;
  stores: StoreUrls;
  logDir: string;
  /** Where mails become files. */
  mailDir: string;
  queuePrefix: string;
  /** Settings of single services on top, for example shorter leases in fault tests. */
  overrides: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

const LOGS_MAIN = "apps/logs-schema/src/main.ts";
/** Nothing listens on the discard port. */
const NO_MONGODB = "mongodb://127.0.0.1:9/none?directConnection=true";

const ISSUER = "https://auth.control-plane.local";

/** PATH, home and what Node itself reads come from outside: what a service needs is named here. */
function baseEnv(): Record<string, string> {
  const kept = ["PATH", "HOME", "LANG", "TMPDIR", "NODE_EXTRA_CA_CERTS", "NODE_COMPILE_CACHE", "FAILPOINTS"];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? ""]])),
  );
}

function nodeSpec(
  input: SpecInput,
  name: string,
  main: string,
  port: number,
  readyPath: string,
  env: Readonly<Record<string, string>>,
): ServiceSpec {
  return {
    name,
    command: process.execPath,
    args: ["--conditions=@control-plane/source", "--enable-source-maps", join(rootDir, main)],
    env: { ...baseEnv(), HOST: "127.0.0.1", PORT: String(port), LOG_LEVEL: "info", ...env, ...input.overrides[name] },
    cwd: rootDir,
    logFile: join(input.logDir, `${name}.log`),
    readyUrl: `http://127.0.0.1:${port}${readyPath}`,
  };
}

/** The four services, each with exactly the settings it is deployed with. They start side by side. */
export function serviceSpecs(input: SpecInput): ServiceSpec[] {
  const { ports, secrets, stores } = input;
  const urls = urlsOf(ports);
  const actions = { HASURA_ACTION_SECRET: secrets.actionSecret };
  const events = { HASURA_EVENT_SECRET: secrets.eventSecret };
  const keys = { KEY_PROVIDER: "local", KEYRING: secrets.keyring };
  return [
    nodeSpec(input, "auth-actions", "apps/auth-actions/src/main.ts", ports.authActions, "/ready", {
      ...actions,
      ...events,
      ...keys,
      DATABASE_URL: stores.database.auth,
      REDIS_URL: stores.redis,
      QUEUE_PREFIX: input.queuePrefix,
      JWT_ISSUER: ISSUER,
      MAIL_DIR: input.mailDir,
      MAIL_FROM: "Control plane <no-reply@control-plane.local>",
      APP_URL: "http://localhost:3000",
      CORS_ORIGINS: "loopback",
    }),
    nodeSpec(input, "webhook-gateway", "apps/webhook-gateway/src/main.ts", ports.webhookGateway, "/ready", {
      ...actions,
      ...keys,
      DATABASE_URL: stores.database.gateway,
      HOOKS_PUBLIC_URL: urls.webhookGateway,
    }),
    nodeSpec(input, "orchestrator", "apps/orchestrator/src/main.ts", ports.orchestrator, "/ready", {
      ...actions,
      ...events,
      DATABASE_URL: stores.database.orchestrator,
      REDIS_URL: stores.redis,
      QUEUE_PREFIX: input.queuePrefix,
      RUNNER_TOKENS: secrets.runnerToken,
      AUTH_ACTIONS_URL: urls.authActions,
    }),
    // Without MongoDB the service is never ready, but it lives and answers LOGS_UNAVAILABLE.
    nodeSpec(input, "logs-schema", LOGS_MAIN, ports.logsSchema, stores.mongodb === undefined ? "/live" : "/ready", {
      DATABASE_URL: stores.database.logs,
      MONGODB_URL: stores.mongodb ?? NO_MONGODB,
      LOGS_SCHEMA_SECRET: secrets.logsSchemaSecret,
    }),
  ];
}

/** The embedded engine; started after the services, since it fetches the JWKS and introspects logs-schema. */
export function engineSpec(input: SpecInput): ServiceSpec {
  const { ports, secrets, stores } = input;
  const urls = urlsOf(ports);
  const jwtSecret = {
    jwk_url: `${urls.authActions}/.well-known/jwks.json`,
    issuer: ISSUER,
    audience: "control-plane",
    claims_namespace: "https://hasura.io/jwt/claims",
    allowed_skew: 30,
  };
  const spec = nodeSpec(input, "hasura", "packages/hasura-engine/src/cli.ts", ports.hasura, "/healthz?strict=true", {
    HASURA_METADATA_DIR: join(rootDir, "hasura/metadata"),
    HASURA_GRAPHQL_SERVER_HOST: "127.0.0.1",
    HASURA_GRAPHQL_SERVER_PORT: String(ports.hasura),
    HASURA_GRAPHQL_ADMIN_SECRET: secrets.adminSecret,
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify(jwtSecret),
    HASURA_GRAPHQL_UNAUTHORIZED_ROLE: ANONYMOUS_ROLE,
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true",
    HASURA_GRAPHQL_CONFIGURED_HEADER_PRECEDENCE: "true",
    HASURA_GRAPHQL_ENABLE_CONSOLE: "true",
    HASURA_GRAPHQL_ADMIN_INTERNAL_ERRORS: "false",
    HASURA_GRAPHQL_CORS_DOMAIN: urls.hasura,
    HASURA_ENGINE_CORS_LOOPBACK: "true",
    PG_DATABASE_URL: stores.database.hasura,
    AUTH_ACTIONS_URL: urls.authActions,
    WEBHOOK_GATEWAY_URL: urls.webhookGateway,
    ORCHESTRATOR_URL: urls.orchestrator,
    LOGS_SCHEMA_URL: urls.logsSchema,
    HASURA_ACTION_SECRET: secrets.actionSecret,
    HASURA_EVENT_SECRET: secrets.eventSecret,
    LOGS_SCHEMA_SECRET: secrets.logsSchemaSecret,
  });
  return { ...spec, args: [...ENGINE_NODE_OPTIONS, ...spec.args, "serve"] };
}

/** The environment every runner needs, in whatever language. */
export function runnerEnv(input: SpecInput): Record<string, string> {
  return {
    ...baseEnv(),
    ORCHESTRATOR_URL: urlsOf(input.ports).orchestrator,
    REDIS_URL: input.stores.redis,
    QUEUE_PREFIX: input.queuePrefix,
    MONGODB_URL: input.stores.mongodb ?? NO_MONGODB,
    RUNNER_TOKEN: input.secrets.runnerToken,
    RUNNER_ID: "runner-1",
    RUNNER_CONCURRENCY: "8",
    ...input.overrides.runner,
  };
}
