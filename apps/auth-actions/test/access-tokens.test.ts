import { connections } from "@control-plane/db";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { updateConnectionSecrets } from "../src/actions/update-connection-secrets.ts";
import { connect, runningWith, test } from "./connections.ts";

const OAUTH = "OAUTH2_CLIENT_CREDENTIALS";

/** A token service that numbers its tokens. */
const numbered = (expiresIn: number | undefined) => {
  let count = 0;
  return () => {
    count += 1;
    return { body: { access_token: `at-${count}`, ...(expiresIn === undefined ? {} : { expires_in: expiresIn }) } };
  };
};

describe("access tokens", () => {
  test("a hundred reads at once fetch one token", async ({ service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { read } = await runningWith(service, tenant, app, connectionId);
    http.answer(numbered(3600));

    const replies = await Promise.all(Array.from({ length: 100 }, () => read()));

    for (const { status, body } of replies)
      expect({ status, body }).toMatchObject({ status: 200, body: { headers: { authorization: "Bearer at-1" } } });
    expect(http.requests).toHaveLength(1);
    const reads = (await tenant.audit()).filter(({ action }) => action === "connection.credential_read");
    expect(reads).toHaveLength(100);
  });

  test("a stored token is used until five minutes before its end, a short one until half its life", async ({
    db,
    service,
    world,
    actions,
    http,
  }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { read } = await runningWith(service, tenant, app, connectionId);
    const leaves = (seconds: number) =>
      db.pool.query(
        "update connections set access_token_expires_at = now() + make_interval(secs => $2) where id = $1",
        [connectionId, seconds],
      );
    const token = async () => (await read()).body;
    const is = (n: number) => expect.objectContaining({ headers: { authorization: `Bearer at-${n}` } });

    http.answer(numbered(3600));
    expect(await token()).toEqual(is(1));
    await leaves(310);
    expect(await token()).toEqual(is(1));
    await leaves(290);
    expect(await token()).toEqual(is(2));
    http.answer(numbered(100));
    await leaves(290);
    expect(await token()).toEqual(is(1));
    await leaves(60);
    expect(await token()).toEqual(is(1));
    await leaves(40);
    expect(await token()).toEqual(is(2));
  });

  test("a token whose answer names no end counts as ten minutes", async ({ db, service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { read } = await runningWith(service, tenant, app, connectionId);
    http.answer(numbered(undefined));

    const { body } = await read();

    const { rows } = await db.pool.query<{ seconds: number }>(
      "select extract(epoch from access_token_expires_at - now())::float8 as seconds from connections where id = $1",
      [connectionId],
    );
    expect(rows[0]?.seconds).toBeGreaterThan(500);
    expect(rows[0]?.seconds).toBeLessThanOrEqual(600);
    expect(body).toMatchObject({ expiresAt: expect.stringMatching(/Z$/) });
  });

  test("a token of secrets that were replaced meanwhile is not kept", async ({ db, service, world, actions, http }) => {
    const { tenant, user, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { read } = await runningWith(service, tenant, app, connectionId);
    http.answer(async () => {
      const secrets = { clientId: "client-8", clientSecret: "another" };
      await actions.succeed(updateConnectionSecrets, user, { connectionId, secrets });
      return { body: { access_token: "at-former" } };
    });
    await read();

    http.answer({ body: { access_token: "at-present" } });
    const { body } = await read();

    expect(body).toMatchObject({ headers: { authorization: "Bearer at-present" } });
    expect(http.requests.at(-1)?.headers["authorization"]).toBe(
      `Basic ${Buffer.from("client-8:another").toString("base64")}`,
    );
    const [row] = await db.db.select().from(connections).where(eq(connections.id, connectionId));
    expect(row?.status).toBe("ACTIVE");
  });

  test("new secrets throw the cached token away", async ({ service, world, actions, http }) => {
    const { tenant, user, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { read } = await runningWith(service, tenant, app, connectionId);
    http.answer(numbered(3600));
    await read();
    const secrets = { clientId: "client-8", clientSecret: "another" };
    await actions.succeed(updateConnectionSecrets, user, { connectionId, secrets });

    const { body } = await read();

    expect(body).toMatchObject({ headers: { authorization: "Bearer at-2" } });
  });

  test("a rejected client is told with stage and cause, once for all who asked at once", async ({
    db,
    service,
    world,
    actions,
    http,
  }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { read } = await runningWith(service, tenant, app, connectionId);
    http.answer({ status: 401, body: { error: "invalid_client", secret: "s3cr3t-c0de" } });

    const reply = await read();

    expect(reply).toMatchObject({
      status: 409,
      body: { extensions: { code: "CREDENTIAL_UNAVAILABLE", stage: "TOKEN", cause: "TOKEN_REJECTED" } },
    });
    expect(reply.text).not.toContain("s3cr3t-c0de");
    const [row] = await db.db.select().from(connections).where(eq(connections.id, connectionId));
    expect(row).toMatchObject({ status: "FAILING", accessTokenCipher: null });
  });

  test("a stored token that does not open is bought anew", async ({ db, service, world, actions, http }) => {
    const { tenant, app, connectionId } = await connect({ world, actions, http }, OAUTH);
    const { read } = await runningWith(service, tenant, app, connectionId);
    http.answer(numbered(3600));
    await read();
    await db.pool.query("update connections set access_token_cipher = secret_cipher where id = $1", [connectionId]);

    const { body } = await read();

    expect(body).toMatchObject({ headers: { authorization: "Bearer at-2" } });
  });
});
