import { spawnSync } from "node:child_process";
import { join } from "node:path";
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
  databaseUrl: "postgresql://cp_logs@db.test/control_plane",
  mongoUrl: "mongodb://mongo.test/logs",
});

test("all that is missing or wrong is said at once, without values, and the process ends with 1", () => {
  const { status, stderr, printed } = start({
    PORT: "70000",
    DATABASE_URL: "mysql://root:hidden-word@localhost/x",
    DATABASE_POOL_MAX: "0",
    LOGS_SCHEMA_SECRET: "a-long-enough-logs-secret,hidden-word",
  });

  expect(status).toBe(1);
  for (const name of ["PORT", "DATABASE_URL", "DATABASE_POOL_MAX", "MONGODB_URL", "LOGS_SCHEMA_SECRET"])
    expect(stderr).toMatch(new RegExp(`^  ${name}: `, "m"));
  expect(printed).not.toContain("hidden-word");
});

test("there is no secret unless one is set", () => {
  const { status, stderr } = refuseSettings(loadConfig, { ...complete, LOGS_SCHEMA_SECRET: " , " });

  expect(status).toBe(1);
  expect(stderr).toMatch(/^ {2}LOGS_SCHEMA_SECRET: /m);
});

test("the secret is a list, blanks around its parts do not count", () => {
  const config = loadConfig({ ...complete, LOGS_SCHEMA_SECRET: " the-first-logs-secret ,,the-second-logs-secret" });

  expect(config.LOGS_SCHEMA_SECRET).toEqual(["the-first-logs-secret", "the-second-logs-secret"]);
});

test("a process whose settings fit but whose PostgreSQL is away ends with 1 and tells no password", () => {
  const { status, printed } = start({
    ...complete,
    DATABASE_URL: "postgresql://cp_logs:hidden-word@127.0.0.1:1/control_plane",
  });

  expect(status).toBe(1);
  expect(printed).not.toContain("hidden-word");
});
