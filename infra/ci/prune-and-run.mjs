// The steps of infra/docker/service.Dockerfile without Docker: an app is pruned out of the workspace, installed, built and
// deployed with its production dependencies alone, looked at, and started with the variables that docker-compose.yml
// gives it. `npm run prune:run -- <app>`, or `all`. Installs from pnpm's store; nothing is downloaded.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { makeEnvironment } from "../docker/make-env.mjs";
import { slim } from "../docker/slim.mjs";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { parse } = createRequire(join(rootDir, "packages/local-stack/package.json"))("yaml");
const { services } = parse(readFileSync(join(rootDir, "docker-compose.yml"), "utf8"), { merge: true });

/** Apps that are built by service.Dockerfile, and the compose service that runs an image to its end. */
const APPS = readdirSync(join(rootDir, "apps")).filter((app) =>
  existsSync(join(rootDir, "apps", app, "tsconfig.json")),
);
const JOBS = { db: "migrate", "logs-schema": "logs-setup" };
const BYTES_MAX = 40 * 1024 * 1024;
const READY_MS_MAX = 120_000;
const READY_PAUSE_MS = 100;
/** What a package of ours consists of where it is deployed, beside the `files` of its manifest. */
const SHIPPED = ["node_modules", "package.json", "pnpm-lock.yaml", "README.md"];
const SOURCES = ["src", "test"];
/** Copies our packages instead of linking them, with the versions of the lock file. */
const INJECT = "--config.inject-workspace-packages=true";
/** What builds and tests, as pnpm names folders; nothing may bring it along. */
const TOOLS = ["typescript", "vitest", "turbo", "knip", "drizzle-kit", "@biomejs+biome", "@types+node"];
/** Set where the stores run already. */
const INSIDE = "PRUNE_STORES_RUN";

const given = makeEnvironment();

function run(command, args, { cwd = rootDir, env = process.env } = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} failed\n${stdout ?? ""}${stderr ?? ""}${error ?? ""}`);
  return stdout;
}

/** The Dockerfile's stages `pruned` and `build`; gives the folder that its stage `runtime` copies. */
function deploy(app, folder) {
  const name = `@control-plane/${app}`;
  const [pruned, repo, out] = ["pruned", "repo", "out"].map((part) => join(folder, part));
  const store = ["--offline", "--store-dir", run("pnpm", ["store", "path"]).trim()];
  const env = { ...process.env, CI: "1", TURBO_TELEMETRY_DISABLED: "1" };
  run("pnpm", ["exec", "turbo", "prune", name, "--docker", "--out-dir", pruned], { env });
  cpSync(join(pruned, "json"), repo, { recursive: true });
  run("pnpm", ["install", "--frozen-lockfile", ...store], { cwd: repo, env });
  cpSync(join(pruned, "full"), repo, { recursive: true });
  cpSync(join(rootDir, "tsconfig.base.json"), join(repo, "tsconfig.base.json"));
  run("pnpm", ["exec", "turbo", "run", "build", "--filter", name], { cwd: repo, env });
  run("pnpm", ["--filter", name, "deploy", "--prod", INJECT, ...store, out], { cwd: repo, env });
  slim(out);
  return out;
}

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return entry.isFile() ? [path] : [];
  });
}

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** What a deployed folder holds and must not, as sentences. */
function faultsOf(out) {
  const modules = join(out, "node_modules");
  const installed = readdirSync(join(modules, ".pnpm"));
  const files = filesIn(out);
  const bytes = files.reduce((sum, file) => sum + lstatSync(file).size, 0);
  console.log(`prune: ${(bytes / 1024 / 1024).toFixed(1)} MB in ${files.length} files`);

  const ours = installed
    .filter((entry) => entry.startsWith("@control-plane+"))
    .flatMap((entry) => {
      const scope = join(modules, ".pnpm", entry, "node_modules/@control-plane");
      return readdirSync(scope).map((name) => realpathSync(join(scope, name)));
    });
  const stray = [...new Set([out, ...ours])].flatMap((folder) => [
    ...readdirSync(folder).filter(
      (name) => SOURCES.includes(name) || ![...SHIPPED, ...manifestOf(folder).files].includes(name),
    ),
    ...filesIn(join(folder, "dist")).filter((file) => /(?<!\.d)\.ts$|\.test\./.test(file)),
  ]);
  const { devDependencies } = manifestOf(out);
  const development = [
    ...installed.filter((entry) => TOOLS.some((tool) => entry.startsWith(`${tool}@`))),
    ...Object.keys(devDependencies ?? {}).filter((name) => existsSync(join(modules, name))),
  ];
  return [
    ...(bytes > BYTES_MAX ? [`it has ${bytes} bytes, and ${BYTES_MAX} are allowed`] : []),
    ...stray.map((name) => `it ships ${name}`),
    ...development.map((name) => `it ships ${name}, which is for development`),
  ];
}

/** The environment of a compose service, with the stores where they are here. */
function environmentOf(service, port) {
  const stores = { "postgres:5432": "DATABASE_URL", "redis:6379": "REDIS_URL", "mongo:27017": "MONGODB_URL" };
  const fill = (text) =>
    text.replace(/\$\{(\w+)(?::\?[^}]*|:-([^}]*))?\}/g, (_all, name, other) => given[name] ?? other ?? "");
  const here = (text) => {
    const [place, variable] =
      Object.entries(stores).find(([place]) => text.includes(`${place}/`) || text.endsWith(place)) ?? [];
    if (place === undefined) return text;
    const store = process.env[variable];
    if (store === undefined) throw new Error(`this machine has no store for ${variable}`);
    // The roles of PostgreSQL are its own; the accounts and passwords of the other stores are those they have here.
    if (variable === "REDIS_URL") return store;
    const { username, password, pathname } = new URL(text);
    const url = new URL(store);
    if (variable === "MONGODB_URL") return Object.assign(url, { pathname }).href;
    if (username !== "postgres") Object.assign(url, { username, password });
    return url.href;
  };
  const values = Object.entries(services[service].environment).map(([name, text]) => [name, here(fill(String(text)))]);
  return {
    PATH: process.env.PATH,
    NODE_ENV: "production",
    ...Object.fromEntries(values),
    HOST: "127.0.0.1",
    PORT: String(port),
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts the deployed folder as its image does, waits for /ready and asks it to end. */
async function start(app, out) {
  const port = await freePort();
  const child = spawn(process.execPath, ["--enable-source-maps", "dist/main.js"], {
    cwd: out,
    env: environmentOf(app, port),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  try {
    for (const until = Date.now() + READY_MS_MAX; ; ) {
      const reply = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
      if (reply?.ok) break;
      if (child.exitCode !== null || Date.now() > until) throw new Error(`${app} is not ready\n${output}`);
      await pause(READY_PAUSE_MS);
    }
    child.kill("SIGTERM");
    const code = await ended;
    if (code !== 0) throw new Error(`${app} ended with ${code}\n${output}`);
  } finally {
    child.kill("SIGKILL");
  }
}

async function prove(app) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "cp-prune-")));
  try {
    const startedAt = Date.now();
    const out = deploy(app, folder);
    const faults = faultsOf(out);
    if (faults.length > 0) throw new Error(`${app} is not fit to be deployed:\n  ${faults.join("\n  ")}`);
    if (JOBS[app] !== undefined) {
      const [command, ...args] = services[JOBS[app]].command;
      run(command, args, { cwd: out, env: environmentOf(JOBS[app], 0) });
    }
    if (APPS.includes(app)) await start(app, out);
    console.log(
      `prune: ${app} runs with its production dependencies alone (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In stores of its own: the passwords of the login roles are a whole server's. */
function withStores() {
  const { DATABASE_URL, REDIS_URL, MONGODB_URL, STORES, ...env } = process.env;
  const args = ["--conditions=@control-plane/source", "packages/local-stores/src/cli.ts", "--", process.execPath];
  const self = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(process.execPath, [...args, ...self], {
    cwd: rootDir,
    env: { ...env, [INSIDE]: "1" },
    stdio: "inherit",
  });
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}

async function main() {
  const [wish] = process.argv.slice(2);
  const known = ["db", ...APPS];
  const wanted = wish === "all" ? known : [wish];
  if (!wanted.every((app) => known.includes(app))) throw new Error(`name one of ${known.join(", ")}, or all`);
  if (process.env[INSIDE] === undefined) return withStores();
  if (!wanted.includes("db"))
    run(process.execPath, ["--conditions=@control-plane/source", "packages/db/src/cli.ts", "migrate"], {
      env: { ...process.env, ...environmentOf("migrate", 0) },
    });
  for (const app of wanted) await prove(app);
}

await main();
