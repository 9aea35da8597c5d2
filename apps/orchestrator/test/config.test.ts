import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { redisConfig } from "@control-plane/service-kit";
import { processEnvironment, refuseSettings } from "@control-plane/testkit";
import { expect, test } from "vitest";
import { loadConfig } from "../src/config.ts";
import { environment } from "./service.ts";

const main = join(import.meta.dirname, "../src/main.ts");

function start(env: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--conditions=@control-plane/source", main], {
    env: { ...processEnvironment, ...env },
    encoding: "utf8",
    timeout: 100_000,
  });
  return { status, stderr, printed: stdout + stderr };
}

const complete = environment({
  databaseUrl: "postgresql://cp_orchestrator@db.test/control_plane",
  redisUrl: "redis://redis.test",
  queuePrefix: "bull",
});

test("all that is missing or wrong is said at once, without values, and the process ends with 1", () => {
  const { status, stderr, printed } = start({
    PORT: "70000",
    DATABASE_URL: "mysql://root:hidden-word@localhost/x",
    REDIS_URL: "http://:hidden-word@localhost",
    QUEUE_PREFIX: "a:b",
    HASURA_ACTION_SECRET: "short",
    RUNNER_TOKENS: "a-long-enough-runner-token,hidden-word",
    DISPATCH_WINDOW: "0",
    LEASE_SECONDS: "-1",
  });

  expect(status).toBe(1);
  for (const name of [
    "PORT",
    "DATABASE_URL",
    "REDIS_URL",
    "QUEUE_PREFIX",
    "HASURA_ACTION_SECRET",
    "HASURA_EVENT_SECRET",
    "RUNNER_TOKENS",
    "AUTH_ACTIONS_URL",
    "DISPATCH_WINDOW",
    "LEASE_SECONDS",
  ])
    expect(stderr).toMatch(new RegExp(`^  ${name}: `, "m"));
  expect(printed).not.toContain("hidden-word");
});

test.each([
  [{ LEASE_SECONDS: "5", HEARTBEAT_SECONDS: "60" }, 60],
  [{ LEASE_SECONDS: "20" }, 15],
  [{ HEARTBEAT_SECONDS: "45" }, 45],
])("a lease in which no two heartbeats fit is refused: %j", (settings, heartbeat) => {
  const { status, stderr } = refuseSettings(loadConfig, { ...complete, ...settings });

  expect(status).toBe(1);
  expect(stderr).toContain(`  LEASE_SECONDS: must be at least twice HEARTBEAT_SECONDS, which is ${heartbeat}\n`);
});

test("what is not set has the values the specification gives", () => {
  const config = loadConfig(complete);

  expect(config).toMatchObject({
    DISPATCH_WINDOW: 200,
    DISPATCH_INTERVAL_MS: 1_000,
    SCHEDULE_INTERVAL_MS: 1_000,
    SWEEP_INTERVAL_MS: 5_000,
    LEASE_SECONDS: 60,
    HEARTBEAT_SECONDS: 15,
    QUEUED_CHECK_SECONDS: 30,
    CANCEL_GRACE_SECONDS: 30,
  });
});

test("secrets and runner tokens are lists, blanks around them do not count", () => {
  const config = loadConfig({
    ...complete,
    HASURA_ACTION_SECRET: "the-first-action-secret , the-second-action-secret,",
    RUNNER_TOKENS: " the-first-runner-token,,the-second-runner-token ",
  });

  expect(config.HASURA_ACTION_SECRET).toEqual(["the-first-action-secret", "the-second-action-secret"]);
  expect(config.RUNNER_TOKENS).toEqual(["the-first-runner-token", "the-second-runner-token"]);
});

test("a process whose settings fit but whose PostgreSQL is away ends with 1 and tells no password", () => {
  const { status, printed } = start({
    ...complete,
    DATABASE_URL: "postgresql://cp_orchestrator:hidden-word@127.0.0.1:1/control_plane",
  });

  expect(status).toBe(1);
  expect(printed).not.toContain("hidden-word");
});

test("a queue prefix is a name, or a name in braces that keeps its keys in one slot of a cluster", () => {
  const prefixes = ["bull", "runs-1", "{runs-1}", "{runs-1", "{}", "{a}{b}", "a:b", ""];

  const taken = prefixes.filter((prefix) => redisConfig.QUEUE_PREFIX.safeParse(prefix).success);

  expect(taken).toEqual(["bull", "runs-1", "{runs-1}"]);
});
