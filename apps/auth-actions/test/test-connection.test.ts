import { randomUUID } from "node:crypto";
import { connections, type Database } from "@control-plane/db";
import { createEgress } from "@control-plane/egress";
import { createMetrics, createSharedRateWindows } from "@control-plane/service-kit";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { testConnection } from "../src/actions/test-connection.ts";
import { buildServer } from "../src/server.ts";
import { connect, SIGN_INS, test } from "./connections.ts";
import { ACTION_SECRET, EVENT_SECRET, ISSUER } from "./service.ts";

const OK = { ok: true, stage: "DONE", code: "OK", httpStatus: 200, latencyMs: expect.any(Number), hint: null };

/** What the HTTP double has to be sent as proof, by auth type. */
const SENT = {
  NONE: {},
  API_KEY: { "x-api-key": `Key ${SIGN_INS.API_KEY.secrets.apiKey}` },
  BASIC: { authorization: `Basic ${Buffer.from("ann:pä55-9d31").toString("base64")}` },
  BEARER: { authorization: "Bearer tok-51ae" },
} as const;

describe("testConnection", () => {
  test.for(["NONE", "API_KEY", "BASIC", "BEARER"] as const)(
    "sends what %s promises and finds that it works",
    async (authType, { db, world, actions, http }) => {
      const { user, connectionId, tenant } = await connect({ world, actions, http }, authType);
      http.answer({ body: { name: "Ann" } });

      const result = await actions.succeed(testConnection, user, { connectionId });

      expect(result).toMatchObject({ ...OK, snippet: '{"name":"Ann"}' });
      expect(http.requests).toMatchObject([{ method: "GET", path: "/me", headers: SENT[authType] }]);
      const [row] = await db.db.select().from(connections).where(eq(connections.id, connectionId));
      expect(row).toMatchObject({ status: "ACTIVE", lastTestResult: result, lastTestedAt: new Date(result.checkedAt) });
      expect((await tenant.audit()).at(-1)).toMatchObject({
        action: "connection.tested",
        actorId: user.id,
        targetId: connectionId,
        changes: { ok: true, stage: "DONE", code: "OK" },
      });
    },
  );

  test("a key that belongs into the query is sent there and shown nowhere", async ({ world, actions, http }) => {
    const authConfig = { in: "QUERY", name: "api_key" };
    const { user, connectionId } = await connect({ world, actions, http }, "API_KEY", { authConfig });
    http.answer(({ path }) => ({ headers: { "content-type": "text/plain" }, body: `you asked for ${path}` }));

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(http.requests[0]?.path).toBe("/me?api_key=k-8f2a71c0");
    expect(result.snippet).toBe("you asked for /me?api_key=•••");
  });

  test("what the app asserts about its answer has to hold", async ({ world, actions, http }) => {
    const testRequest = {
      method: "POST",
      path: "/auth.test",
      expectedStatus: [200],
      assert: { pointer: "/checks/0/ok", equals: true },
    };
    const { user, connectionId } = await connect({ world, actions, http }, "BEARER", { testRequest });
    const run = async (body: unknown) => {
      http.answer({ body });
      return (await actions.succeed(testConnection, user, { connectionId })).code;
    };

    expect(await run({ checks: [{ ok: true }] })).toBe("OK");
    expect(await run({ checks: [{ ok: false }] })).toBe("ASSERT_FAILED");
    expect(await run({ checks: {} })).toBe("ASSERT_FAILED");
    expect(await run("no JSON")).toBe("ASSERT_FAILED");
  });

  test("an app without sign-in and without a test request has nothing to test", async ({ world, actions, http }) => {
    const { user, connectionId } = await connect({ world, actions, http }, "NONE", { testRequest: null });

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result).toMatchObject({ ok: true, stage: "DONE", code: "NO_TEST", httpStatus: null });
    expect(http.requests).toEqual([]);
  });

  test.for([
    ["a wrong secret", { status: 401 }, "HTTP", "AUTH_REJECTED", 401],
    ["a secret without rights", { status: 403 }, "HTTP", "AUTH_REJECTED", 403],
    ["a service in trouble", { status: 500 }, "HTTP", "STATUS_UNEXPECTED", 500],
    ["an endless redirect", { status: 302, headers: { location: "/me" } }, "HTTP", "TOO_MANY_REDIRECTS", null],
    ["an answer above 64 KiB", { body: "x".repeat(70_000) }, "HTTP", "RESPONSE_TOO_LARGE", null],
    ["a connection that is dropped", "drop", "HTTP", "RESPONSE_INVALID", null],
  ] as const)("%s is a finding", async ([, behaviour, stage, code, httpStatus], { db, world, actions, http }) => {
    const { user, connectionId } = await connect({ world, actions, http }, "BEARER");
    http.answer(behaviour);

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result).toMatchObject({ ok: false, stage, code, httpStatus, hint: expect.any(String) });
    const [row] = await db.db.select().from(connections).where(eq(connections.id, connectionId));
    expect(row).toMatchObject({ status: "FAILING", lastTestResult: result });
  });

  test("a host that refuses, one that speaks no TLS, and an address inside are told apart", async ({
    service,
    world,
    actions,
    http,
  }) => {
    const test = async (baseUrl: string) => {
      const { user, connectionId } = await connect({ world, actions, http }, "BEARER", { baseUrl });
      const { stage, code } = await actions.succeed(testConnection, user, { connectionId });
      return `${stage} ${code}`;
    };

    expect(await test(service.closedUrl)).toBe("CONNECT CONNECT_REFUSED");
    expect(await test(http.url.replace("http:", "https:"))).toBe("TLS TLS_FAILED");
    expect(await test("https://127.0.0.1")).toBe("POLICY ADDRESS_BLOCKED");
    expect(http.requests).toEqual([]);
  });

  test("a name without an address is a finding of its own", async ({ service, world, actions, http }) => {
    const version = { baseUrl: "https://api.acme.example", allowedHosts: ["api.acme.example"] };
    const { user, connectionId } = await connect({ world, actions, http }, "BEARER", version);
    const egress = createEgress({ allow: [], resolve: async () => [] });
    await using server = await serverWith({ ...service.deps, egress });
    actions.bind(server.app, ACTION_SECRET);

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result).toMatchObject({ stage: "DNS", code: "DNS_NOT_FOUND", latencyMs: expect.any(Number) });
  });

  test("a ciphertext of another connection, column or tenant does not open here", async ({
    db,
    keys,
    world,
    actions,
    http,
  }) => {
    const mine = await connect({ world, actions, http }, "BEARER");
    const theirs = await connect({ world, actions, http }, "BEARER");
    const place = { tenantId: mine.tenant.id, table: "connections", rowId: mine.connectionId };
    const elsewhere = await keys.seal({ ...place, column: "access_token_cipher" }, '{"token":"t"}');
    const results: string[] = [];
    for (const cipher of [(await rowOf(db.db, theirs))?.secretCipher, elsewhere]) {
      await db.pool.query("update connections set secret_cipher = $2 where id = $1", [mine.connectionId, cipher]);

      const result = await actions.succeed(testConnection, mine.user, { connectionId: mine.connectionId });

      results.push(`${result.stage} ${result.code}`);
    }

    expect(results).toEqual(["DECRYPT DECRYPT_FAILED", "DECRYPT DECRYPT_FAILED"]);
    expect(http.requests).toEqual([]);
    expect((await rowOf(db.db, mine))?.status).toBe("FAILING");
  });

  test("a result of secrets that were replaced meanwhile is told but not kept", async ({
    db,
    world,
    actions,
    http,
  }) => {
    const { user, connectionId } = await connect({ world, actions, http }, "BEARER");
    http.answer(async () => {
      await db.pool.query("update connections set secret_cipher = '\\x00', status = 'UNTESTED' where id = $1", [
        connectionId,
      ]);
      return { status: 401 };
    });

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result.code).toBe("AUTH_REJECTED");
    expect(await rowOf(db.db, { connectionId })).toMatchObject({
      status: "UNTESTED",
      lastTestResult: null,
    });
  });

  test("of an answer that repeats the secret in every form, none is shown or stored [GHSA-vrv8-j27g-g7cr]", async ({
    db,
    world,
    actions,
    http,
  }) => {
    const secret = 'pw "ü/7+q%&1';
    const { user, connectionId, tenant } = await connect(
      { world, actions, http },
      "BASIC",
      {},
      {
        username: "ann",
        password: secret,
      },
    );
    const forms = [
      secret,
      Buffer.from(secret).toString("base64"),
      Buffer.from(secret).toString("base64url"),
      Buffer.from(`ann:${secret}`).toString("base64"),
      Buffer.from(secret).toString("hex"),
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
    ];
    http.answer({ status: 401, headers: { "content-type": "text/plain" }, body: `so: ${forms.join(" | ")}` });

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result.snippet).toMatch(/^so: ( \| )?(•••( \| )?)+/);
    const everything = [result, (await rowOf(db.db, { connectionId }))?.lastTestResult, await tenant.audit()];
    for (const form of forms) expect(JSON.stringify(everything)).not.toContain(JSON.stringify(form).slice(1, -1));
  });

  test("a snippet is text, at most 500 characters, and can be stored", async ({ world, actions, http }) => {
    const { user, connectionId } = await connect({ world, actions, http }, "NONE");
    const snippet = async (type: string, body: string) => {
      http.answer({ headers: { "content-type": type }, body });
      return (await actions.succeed(testConnection, user, { connectionId })).snippet;
    };

    expect(await snippet("image/png", "PNG")).toBeNull();
    expect(await snippet("text/html; charset=utf-8", "😀".repeat(600))).toBe("😀".repeat(500));
    expect(await snippet("application/problem+json", "a\0b")).toBe("a\ufffdb");
  });

  test("a connection is tested ten times a minute, a tenant sixty times", async ({ service, world, actions, http }) => {
    const window = createSharedRateWindows(undefined);
    const limits = {
      ...service.deps.limits,
      connectionTests: window("tests", 2, 60_000),
      connectionTestsOfTenant: window("tests-tenant", 3, 60_000),
    };
    await using server = await serverWith({ ...service.deps, limits });
    const { user, connectionId } = await connect({ world, actions, http }, "NONE");
    const other = await connect({ world, actions, http }, "NONE");
    actions.bind(server.app, ACTION_SECRET);
    const call = (caller = user, id = connectionId) => actions.call(testConnection, caller, { connectionId: id });

    expect([(await call()).outcome, (await call()).outcome]).toEqual(["done", "done"]);
    expect(await call()).toMatchObject({
      code: "RATE_LIMITED",
      extensions: { retryAfterSeconds: expect.any(Number) },
    });
    expect(await call(user, randomUUID())).toBeRefused("RATE_LIMITED");
    expect(await call(other.user, other.connectionId)).toMatchObject({ outcome: "done" });
  });

  test.for([
    ["no id", {}],
    ["an id that is none", { connectionId: "1" }],
    ["an unknown key", { connectionId: randomUUID(), url: "https://evil.example" }],
  ] as const)("refuses %s as input", async ([, input], { world, actions }) => {
    const user = await (await world.tenant()).user("builder");

    expect(await actions.call(testConnection, user, input)).toBeRefused("BAD_INPUT");
  });

  test("a viewer may not, and another tenant's connection does not exist", async ({ world, actions, http }) => {
    const { tenant, connectionId } = await connect({ world, actions, http }, "BEARER");
    const [viewer, stranger] = [await tenant.user("viewer"), await (await world.tenant()).user("owner")];

    expect(await actions.call(testConnection, viewer, { connectionId })).toBeRefused("FORBIDDEN");
    expect(await actions.call(testConnection, stranger, { connectionId })).toBeRefused("NOT_FOUND");
    expect(http.requests).toEqual([]);
  });
});

async function rowOf(db: Database, { connectionId }: { connectionId: string }) {
  return (await db.select().from(connections).where(eq(connections.id, connectionId)))[0];
}

async function serverWith(deps: Parameters<typeof buildServer>[0]) {
  const app = await buildServer(
    { ...deps, metrics: createMetrics("auth-actions") },
    {
      actionSecrets: [ACTION_SECRET],
      eventSecrets: [EVENT_SECRET],
      corsOrigins: [],
      trustedProxies: [],
      issuer: ISSUER,
    },
  );
  return { app, [Symbol.asyncDispose]: () => app.close() };
}
