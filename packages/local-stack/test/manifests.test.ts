import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { environmentOf, isRequiredOrAddress, readText, SECRET_NAME } from "./compose-file.ts";
import { installLinters, type Linters } from "./linters.ts";
import { repository } from "./read-metadata.ts";

// The manifests as Kubernetes gets them, put together by kustomize and compared with the compose file, so that an app or a setting
// cannot be forgotten in one of them.

const SERVICES = ["auth-actions", "webhook-gateway", "orchestrator", "logs-schema"];
const APPS = readdirSync(join(repository, "apps")).sort();
const JOBS = ["migrate", "logs-setup"];
const OVERLAYS = ["staging", "production"].flatMap((name) => [`${name}/services`, `${name}/jobs`]);

const envSchema = z.looseObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z
    .looseObject({
      secretKeyRef: z.object({ name: z.string(), key: z.string() }).optional(),
      configMapKeyRef: z.object({ name: z.string(), key: z.string() }).optional(),
    })
    .optional(),
});
const probeSchema = z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }).optional() });
const containerSchema = z.looseObject({
  image: z.string(),
  env: z.array(envSchema),
  securityContext: z.looseObject({}),
  resources: z.object({ requests: z.looseObject({}), limits: z.looseObject({ memory: z.string() }) }),
  livenessProbe: probeSchema.optional(),
  readinessProbe: probeSchema.optional(),
});
const podSchema = z.looseObject({ securityContext: z.looseObject({}), containers: z.array(containerSchema).length(1) });
const objectSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ template: z.looseObject({ spec: podSchema }).optional() }).optional(),
  data: z.record(z.string(), z.string()).optional(),
});
type KubernetesObject = z.infer<typeof objectSchema>;

const rendered = new Map<string, string>();
let linters: Linters;

beforeAll(async () => {
  linters = await installLinters();
  for (const overlay of OVERLAYS)
    rendered.set(overlay, linters.run("kubectl", ["kustomize", `infra/deploy/overlays/${overlay}`]));
  // The first time the linters are installed.
}, 600_000);

function objectsOf(overlay: string): KubernetesObject[] {
  return parseAllDocuments(rendered.get(overlay) ?? "").map((document) => objectSchema.parse(document.toJS()));
}

const named = (kind: string): string[] =>
  objectsOf("production/services")
    .filter((object) => object.kind === kind)
    .map(({ metadata }) => metadata.name)
    .sort();

function podOf(name: string): z.infer<typeof podSchema> {
  const all = [...objectsOf("production/services"), ...objectsOf("production/jobs")];
  const found = all.find(({ kind, metadata }) => ["Deployment", "Job"].includes(kind) && metadata.name === name);
  if (found?.spec?.template === undefined) throw new Error(`infra/deploy runs no ${name}`);
  return found.spec.template.spec;
}

function containerOf(name: string): z.infer<typeof containerSchema> {
  const [container] = podOf(name).containers;
  if (container === undefined) throw new Error(`${name} has no container`);
  return container;
}

test("every object is one that Kubernetes knows, and so is each of its fields", () => {
  const validate = (objects: readonly unknown[]): string =>
    linters.run(
      "kubernetes-validate",
      ["--kubernetes-version", "1.37", "--strict", "--quiet", "-"],
      objects.map((object) => JSON.stringify(object)).join("\n---\n"),
    );
  const misspelt = { apiVersion: "v1", kind: "Service", metadata: { name: "x" }, spec: { prots: [] } };

  expect(validate(OVERLAYS.flatMap((overlay) => objectsOf(overlay)))).toBe("");
  expect(() => validate([misspelt])).toThrow("prots");
});

test("every app is deployed, may be drained, is scaled or fixed, and is shut off but for its arrows", () => {
  const inside = [...APPS, "proxy"].sort();

  expect(named("Deployment")).toEqual(inside);
  expect(named("PodDisruptionBudget")).toEqual(inside);
  expect([...named("HorizontalPodAutoscaler"), "orchestrator"].sort()).toEqual(inside);
  expect(named("NetworkPolicy")).toEqual([...inside, "metrics-scraper", "nothing-by-default"].sort());
  expect(named("Service")).toEqual([...SERVICES, "proxy"].sort());
});

test("each app has a tag of its own", () => {
  const images = [...APPS.map((app) => [app, app]), ["migrate", "db"], ["logs-setup", "logs-schema"]];

  for (const [name, image] of images)
    expect(containerOf(name ?? "").image).toBe(`registry.example.com/control-plane/${image}:REVISION`);
});

test.each([
  ...SERVICES.map((app): [string, string] => [app, app]),
  ["runner-python", "runner"],
  ...JOBS.map((job): [string, string] => [job, job]),
])(
  "the manifest of %s sets the variables of the compose service %s, secrets from a secret of its own",
  (app, service) => {
    const { env } = containerOf(app);
    const secrets = env.flatMap(({ name: variable, valueFrom }) =>
      valueFrom?.secretKeyRef === undefined ? [] : [{ variable, ...valueFrom.secretKeyRef }],
    );

    expect(env.map(({ name }) => name).sort()).toEqual(Object.keys(environmentOf(service)).sort());
    expect(env.find(({ name }) => name === "NODE_OPTIONS")?.value).toBe(environmentOf(service)["NODE_OPTIONS"]);
    expect(
      env.filter(({ name, value }) => value !== undefined && SECRET_NAME.test(name) && !isRequiredOrAddress(value)),
    ).toEqual([]);
    expect(secrets).toEqual(secrets.map(({ variable }) => ({ variable, name: app, key: variable })));
    expect(secrets.length).toBeGreaterThan(0);
  },
);

test.each(["staging", "production"])("%s has a value for each setting that is taken from a config map", (overlay) => {
  const objects = objectsOf(`${overlay}/services`);
  const maps = objects.filter(({ kind }) => kind === "ConfigMap");
  const asked = objects
    .flatMap(({ spec }) => spec?.template?.spec.containers[0]?.env ?? [])
    .flatMap(({ valueFrom }) => valueFrom?.configMapKeyRef ?? []);

  const missing = asked.filter(({ name, key }) => !maps.some((map) => map.metadata.name === name && map.data?.[key]));
  const unread = maps
    .filter(({ metadata }) => !metadata.name.startsWith("caddyfile-"))
    .flatMap(({ metadata: { name }, data = {} }) => Object.keys(data).map((key) => ({ name, key })))
    .filter((given) => !asked.some(({ name, key }) => name === given.name && key === given.key));
  expect({ missing, unread }).toEqual({ missing: [], unread: [] });
});

test.each([...APPS, ...JOBS, "proxy"])("%s runs unprivileged and within bounds", (name) => {
  const container = containerOf(name);

  expect(podOf(name)).toMatchObject({
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000 },
  });
  expect(container.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(container.resources.limits.memory).toMatch(/^\d+Mi$/);
});

test.each(SERVICES)("%s lives by /live, and is in service by /ready unless it answers without its stores", (app) => {
  const container = containerOf(app);

  expect(container.livenessProbe?.httpGet?.path).toBe("/live");
  expect(container.readinessProbe?.httpGet?.path).toBe(app === "logs-schema" ? "/live" : "/ready");
});

const policySchema = z.looseObject({
  spec: z.looseObject({
    ingress: z
      .array(
        z.object({
          from: z
            .array(z.object({ podSelector: z.object({ matchLabels: z.record(z.string(), z.string()) }) }))
            .optional(),
          ports: z.array(z.object({ port: z.int() })),
        }),
      )
      .default([]),
    egress: z
      .array(
        z.object({
          to: z
            .array(
              z.looseObject({ podSelector: z.object({ matchLabels: z.record(z.string(), z.string()) }).optional() }),
            )
            .optional(),
          ports: z.array(z.object({ port: z.int() })),
        }),
      )
      .default([]),
  }),
});

test("the network lets through the arrows of ARCHITECTURE.md, and at both ends", () => {
  const arrows = { into: [] as string[], out: [] as string[] };
  for (const app of [...APPS, "proxy"]) {
    const found = objectsOf("production/services").find(
      ({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name === app,
    );
    const { ingress, egress } = policySchema.parse(found).spec;
    for (const { from = [], ports } of ingress)
      for (const { podSelector } of from)
        arrows.into.push(`${podSelector.matchLabels["app.kubernetes.io/name"]} → ${app}:${ports[0]?.port}`);
    for (const { to = [], ports } of egress)
      for (const { podSelector } of to)
        if (podSelector !== undefined)
          arrows.out.push(`${app} → ${podSelector.matchLabels["app.kubernetes.io/name"]}:${ports[0]?.port}`);
  }

  // Hasura is the platform's: its own end of an arrow is not in these files.
  const ofHasura = ["auth-actions:4001", "webhook-gateway:4002", "orchestrator:4003", "logs-schema:4004"];
  const between = [
    "proxy → webhook-gateway:4002",
    "proxy → auth-actions:4001",
    "orchestrator → auth-actions:4001",
    "runner-python → orchestrator:4003",
    "runner-python → auth-actions:4001",
  ];
  expect(arrows.into.sort()).toEqual([...between, ...ofHasura.map((goal) => `hasura → ${goal}`)].sort());
  expect(arrows.out.sort()).toEqual([...between, "proxy → hasura:8080"].sort());
});

test("Prometheus reaches each service for its metrics, and the Ingress leads nobody there", () => {
  const policy = objectsOf("production/services").find(({ metadata }) => metadata.name === "metrics-scraper");

  expect(policy?.spec).toMatchObject({
    podSelector: { matchExpressions: [{ operator: "In", values: SERVICES }] },
    ingress: [
      {
        from: [{ namespaceSelector: {}, podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } } }],
        ports: SERVICES.map((_service, index) => ({ port: 4_001 + index })),
      },
    ],
  });
  expect(readText("infra/proxy/Caddyfile")).not.toMatch(/\/metrics\b/);
});

test("the Ingress passes on what the proxy routes, and the proxy is the deployed Caddy with the Caddyfile", () => {
  const ingress = z
    .looseObject({
      spec: z.looseObject({
        rules: z.array(z.looseObject({ http: z.object({ paths: z.array(z.looseObject({ path: z.string() })) }) })),
      }),
    })
    .parse(objectsOf("production/services").find(({ kind }) => kind === "Ingress"));
  const config = objectsOf("production/services").find(({ metadata }) => metadata.name.startsWith("caddyfile-"));

  expect(ingress.spec.rules.flatMap(({ http }) => http.paths.map(({ path }) => path))).toEqual([
    "/hooks",
    "/auth",
    "/.well-known/jwks.json",
    "/v1/graphql",
  ]);
  expect(config?.data?.Caddyfile).toBe(readText("infra/proxy/Caddyfile"));
  expect(readText("docker-compose.yml")).toContain(`image: ${containerOf("proxy").image}\n`);
});
