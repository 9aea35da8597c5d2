// Fails on a workspace dependency that goes sideways or upward (ARCHITECTURE.md, "Layers"), dev dependencies included.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const scope = "@control-plane/";

const layerOf = {
  crypto: 0,
  queue: 0,
  "service-kit": 0,
  "local-stores": 0,
  db: 1,
  "hasura-engine": 1,
  testkit: 2,
  runs: 3,
  "local-stack": 5,
  e2e: 5,
  bench: 5,
};

/** What tests may use beyond the production rule. */
const devOnly = {
  queue: ["local-stores"],
  db: ["local-stores"],
  "hasura-engine": ["local-stores"],
  testkit: ["local-stores"],
  runs: ["testkit", "local-stores"],
  app: ["testkit", "local-stores", "hasura-engine"],
};
const appMayUse = ["crypto", "queue", "service-kit", "db", "runs"];

const packages = ["apps", "packages"].flatMap((group) =>
  readdirSync(join(rootDir, group)).map((name) => ({
    name,
    app: group === "apps",
    manifest: JSON.parse(readFileSync(join(rootDir, group, name, "package.json"), "utf8")),
  })),
);
const apps = new Set(packages.filter(({ app }) => app).map(({ name }) => name));

function ours(dependencies = {}) {
  return Object.keys(dependencies)
    .filter((name) => name.startsWith(scope))
    .map((name) => name.slice(scope.length));
}

function problemsOf({ name, app, manifest }) {
  const prod = ours(manifest.dependencies);
  const dev = ours(manifest.devDependencies);
  if (app) {
    return [
      ...prod.filter((used) => !appMayUse.includes(used)).map((used) => `apps/${name} may not use ${used}`),
      ...dev
        .filter((used) => ![...appMayUse, ...devOnly.app].includes(used))
        .map((used) => `apps/${name} (tests) may not use ${used}`),
    ];
  }
  const layer = layerOf[name];
  if (layer === undefined)
    return [`packages/${name} has no layer: add it to infra/ci/check-layers.mjs and ARCHITECTURE.md`];
  if (layer === 5) return [];
  const fits = (used) => !apps.has(used) && layerOf[used] !== undefined && layerOf[used] < layer;
  const engine =
    name === "hasura-engine"
      ? prod
          .filter((used) => used !== "service-kit")
          .map((used) => `packages/hasura-engine may not use ${used}: it serves any metadata`)
      : [];
  return [
    ...engine,
    ...prod.filter((used) => !fits(used)).map((used) => `packages/${name} (layer ${layer}) may not use ${used}`),
    ...dev
      .filter((used) => !fits(used) && !(devOnly[name] ?? []).includes(used))
      .map((used) => `packages/${name} (tests) may not use ${used}`),
  ];
}

const problems = packages.flatMap(problemsOf);
for (const problem of problems) console.error(`layers: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`layers: ${packages.length} packages agree`);
