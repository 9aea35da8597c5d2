import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cloneDatabase, dropDatabase, type LoginRole, roleUrl } from "@control-plane/db";
import { findFreePort } from "@control-plane/local-stores";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// Each service by itself, as it is deployed: built, `node dist/main.js`, nothing but its own variables. turbo.json has the
// services built before these tests.

const appsDir = join(import.meta.dirname, "../../../apps");
const secret = () => randomBytes(24).toString("hex");
const keyring = JSON.stringify({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });

type Service = {
  name: string;
  role: LoginRole;
  /** What it needs beside PORT and DATABASE_URL; the values are right ones. */
  settings: () => Record<string, string>;
  /** As the message about a missing one names it. */
  required: readonly string[];
  wrong: Readonly<Record<string, string>>;
};

const actions = () => ({ HASURA_ACTION_SECRET: secret() });
const events = () => ({ HASURA_EVENT_SECRET: secret() });

const services: readonly Service[] = [
  {
    name: "auth-actions",
    role: "cp_auth",
    settings: () => ({
      ...actions(),
      ...events(),
      KEYRING: keyring,
      JWT_ISSUER: "https://auth.test.example",
      SMTP_URL: "smtp://127.0.0.1:9",
      MAIL_FROM: "no-reply@test.example",
      APP_URL: "https://app.test.example",
    }),
    required: [
      "PORT",
      "DATABASE_URL",
      "HASURA_ACTION_SECRET",
      "HASURA_EVENT_SECRET",
      "JWT_ISSUER",
      "MAIL_FROM",
      "APP_URL",
      "SMTP_URL",
      "KEYRING or KEYRING_FILE",
    ],
    wrong: { PORT: "70000", DATABASE_URL: "mysql://x", HASURA_ACTION_SECRET: "short" },
  },
  {
    name: "webhook-gateway",
    role: "cp_gateway",
    settings: () => ({ ...actions(), KEYRING: keyring, HOOKS_PUBLIC_URL: "https://hooks.test.example" }),
    required: ["PORT", "DATABASE_URL", "HASURA_ACTION_SECRET", "HOOKS_PUBLIC_URL", "KEYRING or KEYRING_FILE"],
    wrong: { HOOKS_PUBLIC_URL: "https://hooks.test.example/", HOOK_RATE_PER_PATH: "-1", LOG_LEVEL: "loud" },
  },
  {
    name: "orchestrator",
    role: "cp_orchestrator",
    settings: () => ({
      ...actions(),
      ...events(),
      REDIS_URL: process.env.REDIS_URL ?? "",
      QUEUE_PREFIX: `standalone-${randomBytes(4).toString("hex")}`,
      RUNNER_TOKENS: secret(),
      AUTH_ACTIONS_URL: "http://127.0.0.1:4001",
    }),
    required: [
      "PORT",
      "DATABASE_URL",
      "REDIS_URL",
      "HASURA_ACTION_SECRET",
      "HASURA_EVENT_SECRET",
      "RUNNER_TOKENS",
      "AUTH_ACTIONS_URL",
    ],
    wrong: { REDIS_URL: "http://x", LEASE_SECONDS: "soon", RUNNER_TOKENS: "short" },
  },
  {
    name: "logs-schema",
    role: "cp_logs",
    settings: () => ({ MONGODB_URL: databaseOf(process.env.MONGODB_URL ?? ""), LOGS_SCHEMA_SECRET: secret() }),
    required: ["PORT", "DATABASE_URL", "MONGODB_URL", "LOGS_SCHEMA_SECRET"],
    wrong: { MONGODB_URL: "redis://x", LOGS_SCHEMA_SECRET: "short" },
  },
];

type Running = { child: ChildProcess; output: () => string; exit: Promise<unknown[]> };

const running = new Set<ChildProcess>();

function start(name: string, env: Record<string, string>): Running {
  const child = spawn(process.execPath, ["dist/main.js"], {
    cwd: join(appsDir, name),
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += String(chunk)));
  return { child, output: () => text, exit: once(child, "exit") };
}

const statusOf = (url: string) =>
  fetch(url, { headers: { connection: "close" } }).then(
    ({ status }) => status,
    () => 0,
  );

/** A server's URL with a database of its own. */
function databaseOf(serverUrl: string): string {
  const url = new URL(serverUrl);
  url.pathname = "/standalone";
  return url.href;
}

describe.each(services)("$name, built and alone", ({ name, role, settings, required, wrong }) => {
  const database = `standalone_${randomBytes(6).toString("hex")}`;
  let databaseUrl = "";

  beforeAll(async () => {
    databaseUrl = roleUrl(await cloneDatabase(process.env.DATABASE_URL ?? "", database), role);
  });
  afterAll(async () => {
    for (const child of running) child.kill("SIGKILL");
    await dropDatabase(process.env.DATABASE_URL ?? "", database);
  });

  test("is live and ready with its variables set, and ends with 0 when it is asked to", async () => {
    expect(existsSync(join(appsDir, name, "dist/main.js")), "npm run build comes first").toBe(true);
    const port = await findFreePort();
    const service = start(name, { PORT: String(port), DATABASE_URL: databaseUrl, ...settings() });

    await expect.poll(() => statusOf(`http://127.0.0.1:${port}/ready`), { message: service.output() }).toBe(200);
    const live = await statusOf(`http://127.0.0.1:${port}/live`);
    service.child.kill("SIGTERM");

    expect(live).toBe(200);
    expect(await service.exit).toEqual([0, null]);
  });

  test("without variables it names every missing one at once and ends with 1", async () => {
    const service = start(name, {});

    expect(await service.exit).toEqual([1, null]);
    for (const variable of required) expect(service.output()).toContain(`  ${variable}: is not set`);
  });

  test("with wrong ones it names them all, shows no value and ends with 1", async () => {
    const service = start(name, { PORT: "0", DATABASE_URL: databaseUrl, ...settings(), ...wrong });

    expect(await service.exit).toEqual([1, null]);
    for (const [variable, value] of Object.entries(wrong)) {
      expect(service.output()).toMatch(new RegExp(`^ {2}${variable}: (?!is not set)`, "m"));
      expect(service.output()).not.toContain(value);
    }
  });

  test("with PostgreSQL away it does not become ready and ends with 1", async () => {
    const away = new URL(databaseUrl);
    away.port = String(await findFreePort());

    const service = start(name, { PORT: "0", ...settings(), DATABASE_URL: away.href });

    expect(await service.exit).toEqual([1, null]);
    expect(service.output()).not.toContain(away.password || "no password is a part of every text");
  });
});

test("the orchestrator says once that Redis was never there, and ends with 0 without waiting for it", async () => {
  const orchestrator = services.find(({ name }) => name === "orchestrator");
  const name = `standalone_${randomBytes(6).toString("hex")}`;
  const databaseUrl = roleUrl(await cloneDatabase(process.env.DATABASE_URL ?? "", name), "cp_orchestrator");
  const [port, nowhere] = [await findFreePort(), await findFreePort()];
  const service = start("orchestrator", {
    ...orchestrator?.settings(),
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    REDIS_URL: `redis://127.0.0.1:${nowhere}`,
  });
  await expect.poll(() => statusOf(`http://127.0.0.1:${port}/ready`), { message: service.output() }).toBe(503);

  service.child.kill("SIGTERM");
  const exit = await service.exit;
  await dropDatabase(process.env.DATABASE_URL ?? "", name);

  expect(exit).toEqual([0, null]);
  expect(service.output()).not.toContain("a store does not let go");
  expect(service.output().match(/redis is not reachable/g)).toHaveLength(1);
});
