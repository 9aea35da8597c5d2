import { createMetrics } from "@control-plane/service-kit";
import { recordLog } from "@control-plane/testkit";
import { expect } from "vitest";
import { buildServer } from "../src/server.ts";
import { ACTION_SECRET, EVENT_SECRET, ISSUER, post, test } from "./service.ts";

const CANARY = "canary-51ae";

test("a statement that fails writes no e-mail, name, password or hash to the log or the answer", async ({
  service,
  db,
}) => {
  const { log, text } = recordLog("auth-actions");
  const server = await buildServer(
    { ...service.deps, log, metrics: createMetrics("auth-actions") },
    {
      actionSecrets: [ACTION_SECRET],
      eventSecrets: [EVENT_SECRET],
      corsOrigins: [],
      trustedProxies: [],
      issuer: ISSUER,
    },
  );
  await db.pool.query("alter table users add constraint doomed check (false) not valid");

  const reply = await post({ server }, "/auth/register", {
    email: `${CANARY}@example.com`,
    password: `${CANARY} long enough`,
    name: CANARY,
    tenantName: CANARY,
  });
  await server.close();

  expect(reply.status).toBe(500);
  expect(text()).toContain("doomed");
  for (const secret of [CANARY, "argon2id", "insert into"]) {
    expect(text()).not.toContain(secret);
    expect(reply.text).not.toContain(secret);
  }
});
