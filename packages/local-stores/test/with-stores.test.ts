import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAlive } from "../src/predecessor.ts";
import { findOnPath } from "../src/program.ts";
import { listening } from "./listening.ts";

let folder: string;
let started: ChildProcess[];
let given: Awaited<ReturnType<typeof listening>>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "with-stores-test-"));
  started = [];
  given = await listening();
});

afterEach(async () => {
  for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  given.server.close();
  await rm(folder, { recursive: true, force: true });
});

const ownStores = () => ({ ...process.env, DATABASE_URL: "", REDIS_URL: "", MONGODB_URL: "" });

function withStores(command: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const cli = join(import.meta.dirname, "..", "src", "cli.ts");
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", cli, "--", ...command], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  return child;
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = "";
  child.stdout?.on("data", (text) => {
    output += text;
  });
  child.stderr?.on("data", (text) => {
    output += text;
  });
  const [code] = await once(child, "close");
  return { code: typeof code === "number" ? code : null, output };
}

/** A command that notes its process id and the pid files of its stores, then waits for a signal. */
const waiting = (file: string) => [
  process.execPath,
  "-e",
  `const { execFileSync } = require("node:child_process");
   const { writeFileSync, renameSync } = require("node:fs");
   const ports = [process.env.DATABASE_URL, process.env.REDIS_URL, process.env.MONGODB_URL].map((url) => new URL(url).port);
   const lines = execFileSync("ps", ["-e", "-o", "pid=,args="], { encoding: "utf8" }).split("\\n").map((line) => line.trim());
   const servers = ports.map((port) => Number(lines.find((line) => line.includes(port) && !line.includes("supervisor"))?.split(" ")[0]));
   writeFileSync(${JSON.stringify(file)} + ".draft", JSON.stringify({ command: process.pid, servers }));
   renameSync(${JSON.stringify(file)} + ".draft", ${JSON.stringify(file)});
   setInterval(() => {}, 1000);`,
];

async function processesIn(file: string): Promise<{ command: number; servers: number[] }> {
  await expect.poll(() => existsSync(file), { timeout: 60_000 }).toBe(true);
  const { command, servers } = JSON.parse(await readFile(file, "utf8"));
  return { command, servers };
}

test("the command gets the three URLs and its exit code is passed on", async () => {
  const script =
    "for (const name of ['DATABASE_URL', 'REDIS_URL', 'MONGODB_URL']) console.log(new URL(process.env[name]).hostname); process.exit(7)";

  const { code, output } = await outcome(withStores([process.execPath, "-e", script], ownStores()));

  expect(code).toBe(7);
  expect(output.match(/^127\.0\.0\.1$/gm)).toHaveLength(3);
});

test("a command that does not exist is reported", async () => {
  const { code, output } = await outcome(
    withStores(["no-such-command-here"], {
      ...process.env,
      ...given.env,
    }),
  );

  expect(code).toBe(127);
  expect(output).toContain("cannot run no-such-command-here");
});

test("SIGTERM ends the command and every store", async () => {
  const file = join(folder, "processes.json");
  const child = withStores(waiting(file), ownStores());
  const ended = outcome(child);
  const { command, servers } = await processesIn(file);

  child.kill("SIGTERM");
  const { code } = await ended;

  expect(code).toBe(143);
  expect(servers).toHaveLength(3);
  expect([command, ...servers].filter(isAlive)).toEqual([]);
});

test("kill -9 of with-stores leaves no store behind", async () => {
  const file = join(folder, "processes.json");
  const child = withStores(waiting(file), ownStores());
  const { command, servers } = await processesIn(file);
  expect(servers.filter(isAlive)).toHaveLength(3);

  child.kill("SIGKILL");

  await expect.poll(() => servers.filter(isAlive)).toEqual([]);
  process.kill(command, "SIGKILL");
});

/** A PATH on which neither Redis, Python nor apt-get is found. */
async function barePath(): Promise<string> {
  for (const name of ["sh", "node", "id"])
    await symlink(name === "node" ? process.execPath : ((await findOnPath(name)) ?? ""), join(folder, name));
  return folder;
}

/** There it would run the store, so nothing is lacking. */
const hasDocker = existsSync("/var/run/docker.sock");
const lacking = hasDocker ? "a store that is lacking (absent: a machine without Docker)" : "a store that is lacking";

test.skipIf(hasDocker)(`${lacking} is named with its remedy, and the command runs`, async () => {
  const env = {
    ...process.env,
    ...given.env,
    REDIS_URL: "",
    PATH: await barePath(),
    PYTHON: "",
    REQUIRE_ALL: "",
  };

  const { code, output } = await outcome(
    withStores([process.execPath, "-e", "process.exit(process.env.REDIS_URL ? 1 : 0)"], env),
  );

  expect(code).toBe(0);
  expect(output).toMatch(/redis: .*remedy: install redis-server or valkey-server/);
});

test.skipIf(hasDocker)(`${lacking} is a failure with REQUIRE_ALL=1`, async () => {
  const env = {
    ...process.env,
    ...given.env,
    REDIS_URL: "",
    PATH: await barePath(),
    PYTHON: "",
    REQUIRE_ALL: "1",
  };

  const { code, output } = await outcome(withStores([process.execPath, "-e", ""], env));

  expect(code).toBe(1);
  expect(output).toMatch(/redis: .*remedy/);
});
