import { spawn } from "node:child_process";
import { join } from "node:path";
import { processEnvironment, test } from "@control-plane/testkit";
import { expect } from "vitest";

const main = join(import.meta.dirname, "../src/main.ts");

/** Starts the service until it has said `wanted`, or ended by itself. @returns what it printed */
async function startUntil(wanted: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", main], {
    env: { ...processEnvironment, ...env },
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk.toString());
      if (chunks.join("").includes(wanted)) child.kill("SIGKILL");
    });
  await new Promise((resolve) => child.on("close", resolve));
  return chunks.join("");
}

test("what tenants may call beyond the public internet is printed at the start, and nothing malformed is taken", async ({
  db,
  keys,
}) => {
  const env = {
    PORT: "0",
    DATABASE_URL: db.urlAs("cp_auth"),
    KEYRING: keys.keyring,
    HASURA_ACTION_SECRET: "the-secret-of-hasura-actions",
    HASURA_EVENT_SECRET: "the-secret-of-hasura-events",
    JWT_ISSUER: "https://auth.test.example",
    MAIL_DIR: "/tmp",
    MAIL_FROM: "no-reply@test.example",
    APP_URL: "https://app.test.example",
  };

  const started = await startUntil("egressAllow", { ...env, EGRESS_ALLOW: "erp.corp.example:8080, 10.20.0.0/16:443" });
  const refused = await startUntil("never said", { ...env, EGRESS_ALLOW: "10.20.0.0/16" });

  expect(started).toContain('"egressAllow":["erp.corp.example:8080","10.20.0.0/16:443"]');
  expect(refused).toMatch(/^ {2}EGRESS_ALLOW: /m);
});
