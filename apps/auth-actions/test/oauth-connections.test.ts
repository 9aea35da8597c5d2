import { connections } from "@control-plane/db";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { testConnection } from "../src/actions/test-connection.ts";
import { connect, test } from "./connections.ts";

const OAUTH = "OAUTH2_CLIENT_CREDENTIALS";
const TOKEN = { access_token: "at-77aa", token_type: "bearer", expires_in: 3600 };

describe("a test of OAuth client credentials", () => {
  test("buys a token, calls the app with it, and keeps the token sealed", async ({
    db,
    keys,
    world,
    actions,
    http,
  }) => {
    const { user, tenant, connectionId } = await connect({ world, actions, http }, OAUTH);
    http.answer(({ path }) => (path === "/token" ? { body: TOKEN } : { body: { hello: "at-77aa" } }));

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result).toMatchObject({ ok: true, code: "OK", snippet: '{"hello":"•••"}' });
    expect(http.requests).toMatchObject([
      {
        method: "POST",
        path: "/token",
        headers: { authorization: `Basic ${Buffer.from("client-7:s3cr3t-c0de").toString("base64")}` },
        body: "grant_type=client_credentials&scope=read+write",
      },
      { method: "GET", path: "/me", headers: { authorization: "Bearer at-77aa" } },
    ]);
    const [row] = await db.db.select().from(connections).where(eq(connections.id, connectionId));
    const place = { tenantId: tenant.id, table: "connections", rowId: connectionId, column: "access_token_cipher" };
    expect(JSON.parse(await keys.open(place, row?.accessTokenCipher ?? Buffer.alloc(0)))).toEqual({
      accessToken: "at-77aa",
      lifetimeSeconds: 3600,
    });
  });

  test("sends id and secret in the body where the app wants that", async ({ world, actions, http }) => {
    const authConfig = { tokenUrl: `${http.url}/token`, audience: "urn:api", clientAuthentication: "BODY" };
    const { user, connectionId } = await connect({ world, actions, http }, OAUTH, { authConfig });
    http.answer(({ path }) => (path === "/token" ? { body: TOKEN } : {}));

    await actions.succeed(testConnection, user, { connectionId });

    const [request] = http.requests;
    expect(request?.headers).not.toHaveProperty("authorization");
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      grant_type: "client_credentials",
      audience: "urn:api",
      client_id: "client-7",
      client_secret: "s3cr3t-c0de",
    });
  });

  test.for([
    ["a rejected client", { status: 401, body: { error: "invalid_client" } }, "TOKEN_REJECTED", 401],
    ["a rejected scope", { status: 400, body: { error: "invalid_scope" } }, "TOKEN_REJECTED", 400],
    ["a service in trouble", { status: 503, body: "later" }, "TOKEN_INVALID_ANSWER", 503],
    ["an answer that is no JSON", { body: "welcome" }, "TOKEN_INVALID_ANSWER", 200],
    ["a token of another kind", { body: { ...TOKEN, token_type: "mac" } }, "TOKEN_INVALID_ANSWER", 200],
    ["a token no header can hold", { body: { access_token: "a\nb" } }, "TOKEN_INVALID_ANSWER", 200],
    ["an answer without a token", { body: { expires_in: 1 } }, "TOKEN_INVALID_ANSWER", 200],
    ["a redirect", { status: 307, headers: { location: "/elsewhere" } }, "TOO_MANY_REDIRECTS", null],
    ["a connection that is dropped", "drop", "RESPONSE_INVALID", null],
  ] as const)("%s is a finding of stage TOKEN", async ([, behaviour, code, httpStatus], { world, actions, http }) => {
    const { user, connectionId } = await connect({ world, actions, http }, OAUTH);
    http.answer(behaviour);

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result).toMatchObject({ ok: false, stage: "TOKEN", code, httpStatus });
    expect(http.requests.map(({ path }) => path)).toEqual(["/token"]);
  });

  test("a token service that repeats the client secret does not get it shown", async ({ world, actions, http }) => {
    const { user, connectionId } = await connect({ world, actions, http }, OAUTH);
    http.answer(({ headers }) => ({ status: 401, body: { sent: headers["authorization"], secret: "s3cr3t-c0de" } }));

    const { snippet } = await actions.succeed(testConnection, user, { connectionId });

    expect(snippet).toContain("•••");
    expect(snippet).not.toContain("s3cr3t-c0de");
    expect(snippet).not.toContain(Buffer.from("client-7:s3cr3t-c0de").toString("base64"));
  });

  test("an app's answer decides even with a good token", async ({ world, actions, http }) => {
    const { user, connectionId } = await connect({ world, actions, http }, OAUTH);
    http.answer(({ path }) => (path === "/token" ? { body: TOKEN } : { status: 403 }));

    const result = await actions.succeed(testConnection, user, { connectionId });

    expect(result).toMatchObject({ ok: false, stage: "HTTP", code: "AUTH_REJECTED" });
  });
});
