import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { metadataEnvironmentNames } from "../src/metadata-rules/environment-names.ts";
import { engineSpec } from "../src/services.ts";
import { readShippedMetadata, repository } from "./read-metadata.ts";

const namedByMetadata = metadataEnvironmentNames(await readShippedMetadata());

const SERVICES = ["auth-actions", "webhook-gateway", "orchestrator", "logs-schema"] as const;
const SECRET_NAME = /SECRET|PASSWORD|TOKEN|KEYRING|_URL$/;

/** Settings of the embedded engine beyond those docker-compose.yml sets; all but the last are Hasura's own. */
const ENGINE_SETTINGS = [
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
  "FAILPOINTS",
  "HOST",
  "PORT",
  "LOG_LEVEL",
];

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
  queuePrefix: "",
  overrides: {},
};

const composeSchema = z.looseObject({
  services: z.record(
    z.string(),
    z.looseObject({
      environment: z.record(z.string(), z.string()).default({}),
      ports: z.array(z.string()).default([]),
      depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
      volumes: z.array(z.string()).default([]),
      read_only: z.boolean().default(false),
    }),
  ),
});

const environmentSchema = z.array(
  z.looseObject({ name: z.string(), value: z.string().optional(), valueFrom: z.looseObject({}).optional() }),
);
const containerSchema = z.looseObject({
  env: environmentSchema,
  securityContext: z.looseObject({ allowPrivilegeEscalation: z.boolean(), readOnlyRootFilesystem: z.boolean() }),
  resources: z.object({ requests: z.looseObject({}), limits: z.looseObject({ memory: z.string() }) }),
  livenessProbe: z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) }).optional(),
  readinessProbe: z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) }).optional(),
});
const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({
        securityContext: z.looseObject({ runAsNonRoot: z.boolean(), runAsUser: z.number() }),
        containers: z.array(containerSchema).length(1),
      }),
    }),
  }),
});

function readText(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

function composeServices() {
  return composeSchema.parse(parse(readText("docker-compose.yml"), { merge: true })).services;
}

function environmentOf(service: string): Record<string, string> {
  const found = composeServices()[service];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${service}`);
  return found.environment;
}

function podOf(app: string) {
  const deployment = parseAllDocuments(readText(`infra/deploy/${app}.yaml`))[0];
  return deploymentSchema.parse(deployment?.toJS()).spec.template.spec;
}

function containerOf(app: string): z.infer<typeof containerSchema> {
  const container = podOf(app).containers[0];
  if (container === undefined) throw new Error(`infra/deploy/${app}.yaml has no container`);
  return container;
}

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

/** A secret comes from the environment; an address without credentials is none. */
function isRequiredOrAddress(value: string): boolean {
  return value.includes(":?") || /^http:\/\/[a-z-]+:\d+$/.test(value);
}

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

test("the proxy routes webhooks, identity and GraphQL, and nothing else", () => {
  const caddyfile = readText("infra/proxy/Caddyfile");

  const routed = [...caddyfile.matchAll(/^\thandle(?: (\S+))? \{/gm)].map((match) => match[1]);

  expect(routed).toEqual(["/hooks/*", "@identity", "/v1/graphql", undefined]);
  expect(caddyfile).toContain("@identity path /auth/* /.well-known/*\n");
  expect(caddyfile).toMatch(/\thandle \{\n\t\trespond 404\n\t\}/);
  expect(caddyfile).toContain("request_header -X-Hasura-Admin-Secret\n");
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

test("every app is a service of the compose file and has a manifest", () => {
  const apps = readdirSync(join(repository, "apps")).sort();
  const images = readText("docker-compose.yml");

  expect(apps.filter((app) => !images.includes(`image: control-plane/${app}:`))).toEqual([]);
  expect(
    readdirSync(join(repository, "infra/deploy"))
      .filter((file) => file.endsWith(".yaml"))
      .sort(),
  ).toEqual([...apps, "migrate"].map((app) => `${app}.yaml`).sort());
});

test.each([
  ...SERVICES.map((app): [string, string] => [app, app]),
  ["runner-python", "runner"],
  ["migrate", "migrate"],
])("the manifest of %s sets the variables of the compose service %s, secrets from a secret", (app, service) => {
  const { env } = containerOf(app);
  const fromSecret = env.filter(({ valueFrom }) => valueFrom !== undefined && "secretKeyRef" in valueFrom);

  expect(env.map(({ name }) => name).sort()).toEqual(Object.keys(environmentOf(service)).sort());
  expect(
    env.filter(({ name, value }) => value !== undefined && SECRET_NAME.test(name) && !isRequiredOrAddress(value)),
  ).toEqual([]);
  expect(fromSecret.length).toBeGreaterThan(0);
});

test.each([...SERVICES, "runner-python", "migrate"])("%s runs unprivileged and within bounds", (app) => {
  const container = containerOf(app);

  expect(podOf(app).securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
  expect(container.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(container.resources.limits.memory).toMatch(/^\d+Mi$/);
});

test.each(SERVICES)("%s lives by /live, and is in service by /ready unless it answers without its stores", (app) => {
  const container = containerOf(app);

  expect(container.livenessProbe?.httpGet.path).toBe("/live");
  expect(container.readinessProbe?.httpGet.path).toBe(app === "logs-schema" ? "/live" : "/ready");
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
