import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { login } from "../src/actions/login.ts";
import { publishWorkflowVersion } from "../src/actions/publish-workflow-version.ts";
import { post, test } from "./service.ts";

test("live and ready answer, and the metrics name what was called", async ({ service, actions }) => {
  await actions.call(login, "anonymous", { email: "nobody@example.com", password: "not the password" });

  const [live, ready, metrics] = await Promise.all([
    service.server.inject("/live"),
    service.server.inject("/ready"),
    service.server.inject("/metrics"),
  ]);

  expect([live.statusCode, ready.statusCode]).toEqual([200, 200]);
  expect(metrics.body).toMatch(/^hasura_action_total\{.*action="login",code="INVALID_CREDENTIALS".*\} 1$/m);
});

test("with the database away the service lives, is not ready and says so to callers", async ({ db, service }) => {
  await db.pool.query(`alter database ${db.name} connection limit 0`);
  await db.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'auth-actions %' and datname = $1",
    [db.name],
  );

  const [live, ready] = [await service.server.inject("/live"), await service.server.inject("/ready")];
  const refused = await post(service, "/auth/login", { email: "nobody@example.com", password: "not the password" });
  await db.pool.query(`alter database ${db.name} connection limit -1`);
  const again = await service.server.inject("/ready");

  expect([live.statusCode, ready.statusCode, again.statusCode]).toEqual([200, 503, 200]);
  expect(ready.json()).toEqual({ status: "not ready", failed: ["postgresql"] });
  expect([refused.status, refused.code, refused.headers["retry-after"]]).toEqual([503, "UNAVAILABLE", "5"]);
});

test("an unknown path and a wrong method are not found, in the one shape of a refusal", async ({ service }) => {
  const unknown = await post(service, "/auth/nothing", {});
  const get = await service.server.inject("/auth/login");

  expect([unknown.status, unknown.code, get.statusCode]).toEqual([404, "NOT_FOUND", 404]);
});

test("a refused role is on the trail", async ({ world, actions }) => {
  const acme = await world.tenant();
  const viewer = await acme.user("viewer");

  const reply = await actions.call(publishWorkflowVersion, viewer, { workflowId: randomUUID() });

  expect(reply).toBeRefused("FORBIDDEN");
  const denied = (await acme.audit()).filter(({ outcome }) => outcome === "DENIED");
  expect(denied.map(({ action, actorId, tenantId }) => [action, actorId, tenantId])).toEqual([
    ["publishWorkflowVersion.denied", viewer.id, acme.id],
  ]);
});
