import { createPrivateKey, createPublicKey, randomUUID } from "node:crypto";
import {
  buildToken,
  fillText,
  newTableKey,
  readTokenTable,
  type TableKey,
  type TestDatabase,
  type TokenContext,
  type TokenRow,
} from "@control-plane/testkit";
import { expect } from "vitest";
import { z } from "zod";
import { test as base, ISSUER, openService, post } from "./service.ts";

const table = readTokenTable();
const ENDPOINTS = [
  ["/auth/logout-everywhere", {}],
  ["/auth/switch-tenant", { tenantId: randomUUID(), refreshToken: "rt_x" }],
] as const;

async function publish(db: TestDatabase, state: "RETIRING" | "NEXT" | "RETIRED"): Promise<TableKey> {
  const key = newTableKey("rsa");
  await db.pool.query(
    "insert into internal.signing_keys (kid, public_jwk, private_key_cipher, state) values ($1, $2, 'sealed', $3)",
    [key.kid, key.publicKey.export({ format: "jwk" }), state],
  );
  return key;
}

/** A service that publishes the keys of the table, and what its rows say of it and of `user`. */
const test = base.extend("judge", async ({ db, keys, http, world }, { onCleanup }) => {
  const acme = await world.tenant();
  // Who stays, whatever role the rows give the other.
  await acme.user("owner");
  const user = await acme.user("builder");
  const published = {
    previous: await publish(db, "RETIRING"),
    next: await publish(db, "NEXT"),
    retired: await publish(db, "RETIRED"),
  };
  const service = await openService(db, keys);
  onCleanup(() => service.close());
  const { kid, privateKeyPem } = service.deps.signingKeys.current();
  const current = { kid, privateKey: createPrivateKey(privateKeyPem), publicKey: createPublicKey(privateKeyPem) };
  const foreign = { foreign: newTableKey("rsa"), foreignEc: newTableKey("ec"), foreignEd: newTableKey("ed") };
  const tableKeys: Record<string, TableKey> = { current, ...published, ...foreign };
  const values = {
    iss: ISSUER,
    aud: "control-plane",
    userId: user.id,
    tenantId: user.tenantId,
    otherUserId: randomUUID(),
    otherTenantId: randomUUID(),
    jti: randomUUID(),
    canary: http.url,
    adminRole: "tenant_admin",
  };
  const context = (): TokenContext => ({ keys: tableKeys, values, now: Math.floor(Date.now() / 1000) });
  return { service, user, context };
});

const claimedRole = (row: TokenRow): string => {
  const set = row.mutate.find(
    (operation) => operation.op === "payload.set" && operation.path.at(-1) === "x-hasura-role",
  );
  const { value } = z.object({ value: z.string() }).parse(set ?? { value: "builder" });
  return value === "{{adminRole}}" ? "admin" : value;
};

test("every token of the table that is not ours is refused alike, at both endpoints, and no address in it is fetched [CVE-2023-48223] [CVE-2025-30144] [CVE-2026-34950] [CVE-2026-35042] [CVE-2026-53536]", async ({
  http,
  judge: { service, context },
}) => {
  const answers: [string, string][] = [];
  for (const row of table.negative)
    for (const [path, input] of ENDPOINTS) {
      const headers = { authorization: `Bearer ${buildToken(row, context())}`, "x-request-id": "same-for-all" };
      answers.push([`${row.name} at ${path}`, (await post(service, path, input, headers)).text]);
    }

  const refusal = '{"message":"sign in first","extensions":{"code":"UNAUTHENTICATED","requestId":"same-for-all"}}';
  expect(answers).toEqual(answers.map(([name]) => [name, refusal]));
  expect(answers).toHaveLength(180);
  expect(http.requests).toEqual([]);
});

test("every token of the table that is ours is taken for what it says", async ({
  db,
  judge: { service, user, context },
}) => {
  const answers: [string, number][] = [];
  for (const row of table.positive) {
    await db.pool.query("update memberships set role = $1 where id = $2", [claimedRole(row), user.membershipId]);
    const authorization = `Bearer ${buildToken(row, context())}`;
    answers.push([row.name, (await post(service, "/auth/logout-everywhere", {}, { authorization })).status]);
  }

  expect(answers).toEqual(answers.map(([name]) => [name, 200]));
  expect(answers).toHaveLength(10);
});

test("headers and query beside a token, or instead of one, change nothing", async ({
  db,
  judge: { service, user, context },
}) => {
  const answers: [string, number][] = [];
  for (const row of table.transport) {
    const role = row.name === "role-header-raised" ? "viewer" : "builder";
    await db.pool.query("update memberships set role = $1 where id = $2", [role, user.membershipId]);
    await db.pool.query(
      "insert into internal.sessions (user_id, tenant_id, expires_at) values ($1, $2, now() + interval '1 day')",
      [user.id, user.tenantId],
    );
    const headers = Object.fromEntries(row.headers.map(([name, value]) => [name, fillText(value, context())]));
    const query = row.query === undefined ? "" : `?${fillText(row.query, context())}`;
    answers.push([row.name, (await post(service, `/auth/logout-everywhere${query}`, {}, headers)).status]);
  }

  // What this row says is of endpoints without a caller.
  const elsewhere = "bad-token-on-an-anonymous-field";
  expect(answers).toEqual(
    table.transport.map(({ name, services }) => [name, services === "401" || name === elsewhere ? 401 : 200]),
  );
  const { rows } = await db.pool.query(
    "select distinct actor_id, actor_role, tenant_id from audit_events where action = 'session.ended' order by actor_role",
  );
  expect(rows).toEqual(
    ["builder", "viewer"].map((role) => ({ actor_id: user.id, actor_role: role, tenant_id: user.tenantId })),
  );
});

test("sign-in ignores a bearer token, whatever it is", async ({ world, service }) => {
  const user = await (await world.tenant()).user("viewer");

  const reply = await post(
    service,
    "/auth/login",
    { email: user.email, password: user.password },
    { authorization: "Bearer expired" },
  );

  expect(reply.status).toBe(200);
});

test("a key that this process does not know is looked for, once in ten seconds", async ({
  db,
  judge: { service, context },
}) => {
  const replaceNext = async (): Promise<TableKey> => {
    await db.pool.query("delete from internal.signing_keys where state = 'NEXT'");
    return publish(db, "NEXT");
  };
  const call = (late: TableKey) => {
    const known = context();
    const row: TokenRow = {
      name: "signed with a key made since",
      mutate: [
        { op: "header.set", name: "kid", value: late.kid },
        { op: "sign", alg: "RS256", key: "late" },
      ],
    };
    const token = buildToken(row, { ...known, keys: { ...known.keys, late } });
    return post(service, "/auth/logout-everywhere", {}, { authorization: `Bearer ${token}` });
  };

  const found = await call(await replaceNext());
  const notYet = await call(await replaceNext());

  expect([found.status, notYet.status]).toEqual([200, 401]);
});
