// Fails on a workspace dependency that goes sideways or upward (ARCHITECTURE.md, "Layers"), dev dependencies included,
// and on an import inside the engine that goes from a room to a later one.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const scope = "@control-plane/";

const layerOf = {
  crypto: 0,
  egress: 0,
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
  faults: 5,
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
const appMayUse = ["crypto", "egress", "queue", "service-kit", "db", "runs"];

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

const engineSrc = join(rootDir, "packages/hasura-engine/src");
/** What stands directly in the engine's `src`: each may import from itself and from what stands before it. */
const engineRooms = [
  ...["hasura-error.ts", "hasura-boolean.ts", "statement-error.ts", "engine-log.ts", "limits.ts", "settings.ts"],
  ...["json", "catalog", "metadata", "model", "outbound", "schema", "plan", "session", "shares", "remote-schema"],
  ...["sql", "run", "actions", "events", "subscriptions", "server"],
  ...["load-state.ts", "engine.ts", "server.ts", "warm-up.ts", "cli.ts", "node-options.ts", "index.ts"],
];

function engineProblems() {
  const files = readdirSync(engineSrc, { recursive: true }).filter((name) => name.endsWith(".ts"));
  const found = new Set(files.map(roomOf));
  return [
    ...[...found]
      .filter((room) => !engineRooms.includes(room))
      .map(
        (room) => `packages/hasura-engine/src/${room} has no place in the order: add it to infra/ci/check-layers.mjs`,
      ),
    ...engineRooms.filter((room) => !found.has(room)).map((room) => `packages/hasura-engine/src/${room} is not there`),
    ...files.flatMap(laterRooms),
  ];
}

function roomOf(path) {
  return path.split(sep)[0];
}

/** Imports of an engine file, types included, that lead to a later room. */
function laterRooms(file) {
  const text = readFileSync(join(engineSrc, file), "utf8");
  const targets = [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path]) =>
    relative(engineSrc, join(engineSrc, dirname(file), path)),
  );
  const place = (path) => engineRooms.indexOf(roomOf(path));
  return targets
    .filter((target) => place(target) > place(file))
    .map((target) => `packages/hasura-engine/src/${file} may not use ${target}, which is in a later room`);
}

const problems = [...packages.flatMap(problemsOf), ...engineProblems()];
for (const problem of problems) console.error(`layers: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`layers: ${packages.length} packages and ${engineRooms.length} rooms of the engine agree`);
