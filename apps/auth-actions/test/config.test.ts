import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { processEnvironment, refuseSettings } from "@control-plane/testkit";
import { expect, test } from "vitest";
import { loadConfig } from "../src/config.ts";

const main = join(import.meta.dirname, "../src/main.ts");

function start(env: Record<string, string>) {
  const { status, stderr } = spawnSync(process.execPath, ["--conditions=@control-plane/source", main], {
    env: { ...processEnvironment, ...env },
    encoding: "utf8",
    timeout: 100_000,
  });
  return { status, stderr };
}

test("all that is missing or wrong is said at once, without values, and the process ends with 1", () => {
  const { status, stderr } = start({
    PORT: "70000",
    DATABASE_URL: "mysql://root:hidden-word@localhost/x",
    HASURA_ACTION_SECRET: "short",
    CORS_ORIGINS: "https://app.example/",
  });

  expect(status).toBe(1);
  for (const name of [
    "PORT",
    "DATABASE_URL",
    "HASURA_ACTION_SECRET",
    "HASURA_EVENT_SECRET",
    "JWT_ISSUER",
    "APP_URL",
    "MAIL_FROM",
    "SMTP_URL",
    "CORS_ORIGINS",
    "KEYRING",
  ])
    expect(stderr).toMatch(new RegExp(`^  ${name}.*: `, "m"));
  expect(stderr).not.toContain("hidden-word");
});

test("production does not start with a directory in place of a mail server: its log would hold secret links", () => {
  const { status, stderr } = refuseSettings(loadConfig, { NODE_ENV: "production", MAIL_DIR: "/tmp/mails" });

  expect(status).toBe(1);
  expect(stderr).toContain("SMTP_URL: is not set, and NODE_ENV=production needs it");
});

test("values that look right and would never work are refused by name", () => {
  const { status, stderr } = refuseSettings(loadConfig, {
    CORS_ORIGINS: "https://app.example.com/",
    TRUSTED_PROXIES: "10.0.0.0/8,foo",
    KEYRING: "{}",
    KEYRING_FILE: "/run/keyring",
  });

  expect(status).toBe(1);
  expect(stderr).toContain("  CORS_ORIGINS: ");
  expect(stderr).toContain("  TRUSTED_PROXIES: each is an IP address or a CIDR, as 10.0.0.0/8\n");
  expect(stderr).toContain("  KEYRING: is set beside KEYRING_FILE; unset one\n");
});
