import { randomUUID } from "node:crypto";
import { connections } from "@control-plane/db";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { connect, runningWith, test } from "./connections.ts";

const OAUTH = "OAUTH2_CLIENT_CREDENTIALS";

describe("POST /runner/v1/runs/{runId}/credentials", () => {
  test.for([
    ["API_KEY", { headers: { "x-api-key": "Key k-8f2a71c0" }, query: {} }],
    ["BASIC", { headers: { authorization: `Basic ${Buffer.from("ann:pä55-9d31").toString("base64")}` }, query: {} }],
    ["BEARER", { headers: { authorization: "Bearer tok-51ae" }, query: {} }],
  ] as const)("turns %s into what is sent", async ([authType, sent], { service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, authType);
    const { run, read } = await runningWith(service, tenant, app, connectionId);

    const reply = await read();

    expect(reply).toMatchObject({
      status: 200,
      body: { connectionId, authType, ...sent, allowedHosts: ["127.0.0.1"], expiresAt: null },
    });
    expect(reply.headers["cache-control"]).toBe("no-store");
    expect((await tenant.audit()).at(-1)).toMatchObject({
      action: "connection.credential_read",
      actorType: "RUNNER",
      actorId: run.id,
      source: "runner",
      targetType: "connections",
      targetId: connectionId,
      changes: { connectionId, runId: run.id },
    });
  });

  test.for([
    ["no token", { authorization: "" }],
    ["a token of another kind", { authorization: `Bearer rt_${"a".repeat(43)}` }],
    ["a JWT", { authorization: "Bearer eyJhbGciOiJSUzI1NiJ9.e30.sig" }],
    ["another scheme", { authorization: `Basic lt_${"a".repeat(43)}` }],
  ] as const)("%s is refused before anything is read", async ([, headers], { service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, "BEARER");
    const { read } = await runningWith(service, tenant, app, connectionId);

    const reply = await read({ headers });

    expect(reply).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
  });

  test.for([
    ["no attempt", { attempt: undefined }],
    ["an attempt that is none", { attempt: "1" }],
    ["a connection that is none", { connectionId: "x" }],
    ["no JSON", "attempt=1"],
  ] as const)("refuses %s", async ([, changes], { service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, "BEARER");
    const { read } = await runningWith(service, tenant, app, connectionId);

    const reply = await read({
      body: typeof changes === "string" ? changes : { attempt: 1, connectionId, ...changes },
    });

    expect(reply).toMatchObject({ status: 400, code: "BAD_INPUT" });
  });

  test("another token, attempt or run, and a run that nobody knows, are stale", async ({
    service,
    world,
    actions,
    http,
  }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, "BEARER");
    const held = await runningWith(service, tenant, app, connectionId);
    const other = await runningWith(service, tenant, app, connectionId);
    const stale = { status: 409, code: "STALE_ATTEMPT" };
    const authorization = `Bearer lt_${"a".repeat(43)}`;

    expect(await held.read({ headers: { authorization } })).toMatchObject(stale);
    expect(await held.read({ body: { attempt: 2, connectionId } })).toMatchObject(stale);
    expect(await held.read({ body: { attempt: 2 ** 40, connectionId } })).toMatchObject(stale);
    for (const runId of [other.run.id, randomUUID(), "x"]) expect(await held.read({ runId })).toMatchObject(stale);
  });

  test.for([
    ["a lease that lapsed", "lease_expires_at = now() - interval '1 ms'"],
    ["a run that is being cancelled", "status = 'CANCELLING', cancel_requested_at = now()"],
    ["a run that ended", "status = 'SUCCEEDED', finished_at = now(), lease_expires_at = null"],
  ])("%s reads nothing", async ([, change], { db, service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, "BEARER");
    const { run, read } = await runningWith(service, tenant, app, connectionId);
    await db.pool.query(`update workflow_runs set ${change} where id = $1`, [run.id]);

    const reply = await read();

    expect(reply).toMatchObject({ status: 409, code: "STALE_ATTEMPT" });
    expect(reply.text).not.toContain("tok-51ae");
  });

  test("a lease that lapses while a token is fetched reads nothing", async ({ db, service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { run, read } = await runningWith(service, tenant, app, connectionId);
    http.answer(async () => {
      await db.pool.query("update workflow_runs set lease_expires_at = now() - interval '1 ms' where id = $1", [
        run.id,
      ]);
      return { body: { access_token: "at-1" } };
    });

    const reply = await read();

    expect(reply).toMatchObject({ status: 409, code: "STALE_ATTEMPT" });
    expect((await tenant.audit()).map(({ action }) => action)).not.toContain("connection.credential_read");
  });

  test("connections that no step of the run's version names do not exist, whoever's they are", async ({
    db,
    service,
    world,
    actions,
    http,
  }) => {
    const mine = await connect({ world, actions, http }, "BEARER");
    const theirs = await connect({ world, actions, http }, "BEARER");
    const unused = await mine.tenant.connection({ appVersionId: mine.app.version.id });
    const { workflow, read } = await runningWith(service, mine.tenant, mine.app, mine.connectionId);
    // Published later: the run is pinned to the version it was made with.
    await workflow.publish({
      steps: [{ key: "later", actionId: mine.app.actions[0]?.id ?? "", connectionId: unused.id }],
    });

    for (const connectionId of [theirs.connectionId, unused.id, randomUUID()])
      expect(await read({ body: { attempt: 1, connectionId } })).toMatchObject({ status: 404, code: "NOT_FOUND" });

    await db.pool.query("delete from connections where id = $1", [mine.connectionId]);
    expect(await read()).toMatchObject({ status: 404, code: "NOT_FOUND" });
  });

  test("a step's input that looks like a use is none", async ({ service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, "BEARER");
    const other = await tenant.connection({ appVersionId: app.version.id });
    const input = { steps: [{ connectionId: other.id }], connectionId: other.id };
    const { read } = await runningWith(service, tenant, app, connectionId, input);

    expect(await read({ body: { attempt: 1, connectionId: other.id } })).toMatchObject({ code: "NOT_FOUND" });
  });

  test("a secret that does not open is told with stage and cause, and the connection is failing", async ({
    db,
    service,
    world,
    actions,
    http,
  }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, "BEARER");
    const other = await connect({ world, actions, http }, "BEARER");
    const { read } = await runningWith(service, tenant, app, connectionId);
    await db.pool.query(
      "update connections set secret_cipher = (select secret_cipher from connections where id = $2) where id = $1",
      [connectionId, other.connectionId],
    );

    const reply = await read();

    expect(reply).toMatchObject({
      status: 409,
      body: { extensions: { code: "CREDENTIAL_UNAVAILABLE", stage: "DECRYPT", cause: "DECRYPT_FAILED" } },
    });
    const [row] = await db.db.select().from(connections).where(eq(connections.id, connectionId));
    expect(row?.status).toBe("FAILING");
  });

  test("the same read again gives the same, and is in the trail again", async ({ service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, "BEARER");
    const { read } = await runningWith(service, tenant, app, connectionId);

    const [first, second] = [await read(), await read()];

    expect(second.body).toEqual(first.body);
    const reads = (await tenant.audit()).filter(({ action }) => action === "connection.credential_read");
    expect(reads).toHaveLength(2);
  });
});
